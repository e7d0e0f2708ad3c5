#include "cli/demo_programs.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

namespace hindcast {

namespace fs = std::filesystem;

namespace {
constexpr Duration kReadyWithin = 120s;
}  // namespace

Result<DemoFolder> DemoFolder::create() {
  std::string pattern = (fs::temp_directory_path() / "hindcast-demo-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) return unavailable("cannot create " + pattern);
  return DemoFolder(pattern);
}

DemoFolder::~DemoFolder() {
  if (path_.empty() || keep_) return;
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

DemoServer::DemoServer(std::vector<std::string> arguments, std::string folder, std::string log)
    : arguments_(std::move(arguments)), folder_(std::move(folder)), log_(std::move(log)) {}

Status DemoServer::start() {
  client_ = HttpClient();
  HC_TRY_ASSIGN(auto child, ChildProcess::start({.arguments = arguments_,
                                                 .folder = folder_,
                                                 .output = {},
                                                 .errors = folder_ + "/" + log_}));
  child_ = std::move(child);
  const std::string_view marker = "listening on ";
  while (const auto line = child_->read_line()) {
    if (const size_t at = line->find(marker); at != std::string::npos) {
      url_ = line->substr(at + marker.size());
      return {};
    }
  }
  return unavailable(fmt::format("hindcast {} ended (exit {}) before it listened; see {}",
                                 arguments_[1], child_->wait(), log_));
}

Status DemoServer::start_ready(const Runtime& clock) {
  HC_TRY(start());
  const MonoTime give_up = clock.mono_now() + kReadyWithin;
  while (clock.mono_now() < give_up) {
    if (const auto status = get("/v1/status"); status && (*status)["ready"].boolean) return {};
    std::this_thread::sleep_for(2ms);
  }
  return unavailable("the daemon is not ready; see " + log_);
}

Result<JsonValue> DemoServer::ask(const std::string& method, const std::string& path,
                                  BytesView body) {
  HttpHeaders headers;
  if (!body.empty()) headers.emplace_back("Content-Type", "application/json");
  HC_TRY_ASSIGN(const HttpReply reply, client_.request(method, url_ + path, body, headers));
  if (reply.status != 200) {
    return unavailable(fmt::format("{} {}: HTTP {}: {}", method, path, reply.status, reply.body));
  }
  return parse_json(reply.body);
}

void DemoServer::kill() {
  child_->kill();
  child_->wait();
}

void DemoServer::wait() { child_->wait(); }

Status DemoServer::stop() {
  child_->terminate();
  if (const int code = child_->wait(); code != 0) {
    return unavailable(fmt::format("hindcast {} stopped with exit {}", arguments_[1], code));
  }
  return {};
}

Result<std::vector<std::string>> run_program(const std::vector<std::string>& arguments,
                                             const std::string& folder, const std::string& output,
                                             const std::string& errors) {
  HC_TRY_ASSIGN(
      auto child,
      ChildProcess::start(
          {.arguments = arguments, .folder = folder, .output = output, .errors = errors}));
  std::vector<std::string> lines;
  if (output.empty()) {
    while (auto line = child.read_line()) lines.push_back(*std::move(line));
  }
  if (const int code = child.wait(); code != 0) {
    return unavailable(fmt::format("{} {}: exit {}{}{}", arguments[0], arguments[1], code,
                                   lines.empty() ? "; see " : ": ",
                                   lines.empty() ? errors : lines.back()));
  }
  return lines;
}

}  // namespace hindcast
