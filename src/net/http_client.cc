#include "net/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <mutex>

#include "base/assert.h"

namespace hindcast {
namespace {

size_t take_body(char* data, size_t, size_t size, void* reply) {
  static_cast<HttpReply*>(reply)->body.append(data, size);
  return size;
}

size_t take_header(char* data, size_t, size_t size, void* reply_pointer) {
  auto& headers = static_cast<HttpReply*>(reply_pointer)->headers;
  std::string_view line(data, size);
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) {
    headers.clear();  // those before belonged to "100 Continue"
    return size;
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return size;
  std::string name(line.substr(0, colon));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  std::string_view value = line.substr(colon + 1);
  while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  headers.emplace_back(std::move(name), std::string(value));
  return size;
}

}  // namespace

std::string_view HttpReply::header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) return value;
  }
  return {};
}

class HttpClient::Impl {
 public:
  explicit Impl(HttpClientOptions options) : options_(options) {
    static std::once_flag once;
    std::call_once(once, [] { HC_ASSERT(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK); });
    curl_ = curl_easy_init();
    HC_ASSERT(curl_ != nullptr);
  }
  ~Impl() { curl_easy_cleanup(curl_); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<HttpReply> request(const std::string& method, const std::string& url, BytesView body,
                            const HttpHeaders& headers) {
    HttpReply reply;
    curl_slist* list = nullptr;
    for (const auto& [name, value] : headers)
      list = curl_slist_append(list, (name + ": " + value).c_str());

    curl_easy_reset(curl_);  // options only; the connection is kept
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(options_.connect_timeout));
    set(CURLOPT_TIMEOUT_MS, milliseconds(options_.timeout));
    set(CURLOPT_CUSTOMREQUEST, method.c_str());
    set(CURLOPT_HTTPHEADER, list);
    set(CURLOPT_WRITEFUNCTION, &take_body);
    set(CURLOPT_WRITEDATA, &reply);
    set(CURLOPT_HEADERFUNCTION, &take_header);
    set(CURLOPT_HEADERDATA, &reply);
    if (method == "HEAD") set(CURLOPT_NOBODY, 1L);
    if (!body.empty() || method == "POST" || method == "PUT") {
      set(CURLOPT_POSTFIELDS, body.data() == nullptr ? "" : body.data());
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    }

    const CURLcode code = curl_easy_perform(curl_);
    curl_slist_free_all(list);
    if (code != CURLE_OK) return failure(code, url);
    long status = 0;
    curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
    reply.status = static_cast<int>(status);
    return reply;
  }

 private:
  template <class T>
  void set(CURLoption option, T value) {
    HC_ASSERT(curl_easy_setopt(curl_, option, value) == CURLE_OK);
  }
  static long milliseconds(Duration d) {
    return static_cast<long>(std::chrono::duration_cast<std::chrono::milliseconds>(d).count());
  }

  Error failure(CURLcode code, const std::string& url) const {
    const std::string text = url + ": " + curl_easy_strerror(code);
    switch (code) {
      case CURLE_URL_MALFORMAT:
      case CURLE_UNSUPPORTED_PROTOCOL:
        return invalid_argument("not a usable URL: " + text);
      case CURLE_COULDNT_RESOLVE_HOST:
      case CURLE_COULDNT_CONNECT:
        return unavailable("cannot reach " + text);
      case CURLE_OPERATION_TIMEDOUT: {
        curl_off_t connected = 0;
        curl_easy_getinfo(curl_, CURLINFO_CONNECT_TIME_T, &connected);
        if (connected == 0) return unavailable("cannot reach " + text);
        return {ErrorCode::kUnknownOutcome, text};
      }
      default:
        return {ErrorCode::kUnknownOutcome, text};
    }
  }

  HttpClientOptions options_;
  CURL* curl_;
};

HttpClient::HttpClient(HttpClientOptions options) : impl_(std::make_unique<Impl>(options)) {}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;

Result<HttpReply> HttpClient::request(const std::string& method, const std::string& url,
                                      BytesView body, const HttpHeaders& headers) {
  return impl_->request(method, url, body, headers);
}

}  // namespace hindcast
