// Where a command gets its answers: a running daemon over HTTP, or a stopped data directory through
// the same API in-process. Both give the same JSON, so commands know only one.
//
// Thread safety: confined to one thread.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/service.h"

namespace hindcast {

struct EndpointOptions {
  std::string url = "http://127.0.0.1:7171";
  std::string token;                     // for a daemon with [server] tokens
  std::string data_dir;                  // not empty: a stopped one instead of `url`
  std::string config = "hindcast.toml";  // with data_dir: what the data is
};

struct Reply {
  int status = 0;
  Bytes body;
};

class Endpoint {
 public:
  virtual ~Endpoint() = default;
  /// `target` with its query: "/v1/status". Errors: kUnavailable (unreachable, or a daemon holds
  /// the directory), kInvalidArgument.
  virtual Result<Reply> ask(const std::string& method, const std::string& target,
                            Bytes body = {}) = 0;
};

/// Errors: kUnavailable (a daemon uses the directory), kNotFound (nothing in it), kInvalidArgument
/// (configuration).
Result<std::unique_ptr<Endpoint>> make_endpoint(const EndpointOptions& options);
/// In-process over `service`.
std::unique_ptr<Endpoint> make_local_endpoint(std::unique_ptr<Service> service);

/// "?a=1&b=x%2Fy" of those that are not empty; "" of none.
std::string query_string(const std::vector<std::pair<std::string, std::string>>& parameters);

}  // namespace hindcast
