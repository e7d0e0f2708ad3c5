// The programs of the demo: this same binary as a feed and as daemons, each a child process.
// Everything goes through HTTP and the command line, as a user's data would.
//
// Thread safety: confined to one thread. Errors: kUnavailable, saying which program did what.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/child_process.h"
#include "base/result.h"
#include "base/runtime.h"
#include "base/time.h"
#include "net/http_client.h"
#include "net/json_reader.h"

namespace hindcast {

/// A folder that is removed at the end, unless something went wrong and its logs are of use.
class DemoFolder {
 public:
  static Result<DemoFolder> create();
  DemoFolder(DemoFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  DemoFolder& operator=(DemoFolder&&) = delete;
  ~DemoFolder();
  void keep() { keep_ = true; }
  std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }
  const std::string& path() const { return path_; }

 private:
  explicit DemoFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
  bool keep_ = false;
};

/// A child that says "listening on URL" and then answers JSON.
class DemoServer {
 public:
  /// `arguments`: of the program, which is `arguments[0]`; runs in `folder`, its log is there.
  DemoServer(std::vector<std::string> arguments, std::string folder, std::string log);
  /// Starts it (again) and returns when it listens.
  Status start();
  /// Starts a daemon (again) and returns when it is ready. Errors: also when it is not for two
  /// minutes.
  Status start_ready(const Runtime& clock);
  Result<JsonValue> get(const std::string& path) { return ask("GET", path, {}); }
  Result<JsonValue> post(const std::string& path, BytesView body) {
    return ask("POST", path, body);
  }
  Result<JsonValue> remove(const std::string& path) { return ask("DELETE", path, {}); }
  const std::string& url() const { return url_; }
  void kill();    // -9
  void wait();    // until it ends
  Status stop();  // in good order; an error unless it exits 0

 private:
  Result<JsonValue> ask(const std::string& method, const std::string& path, BytesView body);

  const std::vector<std::string> arguments_;
  const std::string folder_, log_;
  std::optional<ChildProcess> child_;
  HttpClient client_;
  std::string url_;
};

/// Runs a program to its end. `output`: file for its stdout, empty = returned line by line.
/// Errors: kUnavailable unless it exits 0, with what it said last.
Result<std::vector<std::string>> run_program(const std::vector<std::string>& arguments,
                                             const std::string& folder, const std::string& output,
                                             const std::string& errors);

}  // namespace hindcast
