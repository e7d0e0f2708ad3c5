#include "cli/endpoint.h"

#include "base/posix_files.h"
#include "cli/load_config.h"
#include "engine/read_service.h"
#include "net/http_client.h"
#include "server/api.h"

namespace hindcast {
namespace {

class DaemonEndpoint final : public Endpoint {
 public:
  DaemonEndpoint(std::string url, const std::string& token) : url_(std::move(url)) {
    while (url_.ends_with('/')) url_.pop_back();
    if (!token.empty()) headers_.emplace_back("Authorization", "Bearer " + token);
  }
  Result<Reply> ask(const std::string& method, const std::string& target, Bytes body) override {
    HC_TRY_ASSIGN(HttpReply reply, client_.request(method, url_ + target, body, headers_));
    return Reply{reply.status, std::move(reply.body)};
  }

 private:
  std::string url_;
  HttpHeaders headers_;
  HttpClient client_{{.timeout = 1h}};  // verify reads everything
};

class LocalEndpoint final : public Endpoint {
 public:
  explicit LocalEndpoint(std::unique_ptr<Service> service)
      : service_(std::move(service)), api_(*service_) {}
  Result<Reply> ask(const std::string& method, const std::string& target, Bytes body) override {
    ApiRequest request = ApiRequest::get(target);
    request.method = method;
    request.body = std::move(body);
    if (api_.kind(request) == Api::Kind::kLater)
      return invalid_argument("a stopped data directory takes no events");
    ApiResponse response = api_.handle(request);
    const int status = response.http.status;
    return Reply{status, take_body(std::move(response))};
  }

 private:
  std::unique_ptr<Service> service_;
  Api api_;
};

/// A data directory's service, and the file system it reads through.
class StoppedEndpoint final : public Endpoint {
 public:
  static Result<std::unique_ptr<Endpoint>> open(const EndpointOptions& options) {
    std::optional<Config> config = load_config(options.config);
    if (!config)
      return invalid_argument("--data-dir needs the configuration of that data (-c FILE)");
    const std::string own_log = config->data_dir + "/log";
    if (config->log.dir.empty() || config->log.dir == own_log)
      config->log.dir = options.data_dir + "/log";
    config->data_dir = options.data_dir;
    auto endpoint = std::make_unique<StoppedEndpoint>();
    HC_TRY_ASSIGN(auto service, open_stopped(*std::move(config), endpoint->files_));
    endpoint->local_ = make_local_endpoint(std::move(service));
    return std::unique_ptr<Endpoint>(std::move(endpoint));
  }
  Result<Reply> ask(const std::string& method, const std::string& target, Bytes body) override {
    return local_->ask(method, target, std::move(body));
  }

 private:
  PosixFileSystem files_;
  std::unique_ptr<Endpoint> local_;
};

}  // namespace

Result<std::unique_ptr<Endpoint>> make_endpoint(const EndpointOptions& options) {
  if (!options.data_dir.empty()) return StoppedEndpoint::open(options);
  return std::unique_ptr<Endpoint>(std::make_unique<DaemonEndpoint>(options.url, options.token));
}

std::unique_ptr<Endpoint> make_local_endpoint(std::unique_ptr<Service> service) {
  return std::make_unique<LocalEndpoint>(std::move(service));
}

std::string query_string(const std::vector<std::pair<std::string, std::string>>& parameters) {
  std::string out;
  for (const auto& [name, value] : parameters) {
    if (!value.empty()) out += (out.empty() ? "?" : "&") + name + "=" + percent_encode(value);
  }
  return out;
}

}  // namespace hindcast
