#include "net/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <mutex>

#include "base/assert.h"
#include "net/compression.h"

namespace hindcast {
namespace {

struct Incoming {
  HttpReply reply;
  ByteCount body_max;
  bool too_large = false;
};

size_t take_body(char* data, size_t, size_t size, void* incoming_pointer) {
  auto& incoming = *static_cast<Incoming*>(incoming_pointer);
  incoming.too_large = size > incoming.body_max.value - incoming.reply.body.size();
  if (incoming.too_large) return 0;  // ends the transfer
  incoming.reply.body.append(data, size);
  return size;
}

size_t take_header(char* data, size_t, size_t size, void* incoming_pointer) {
  auto& headers = static_cast<Incoming*>(incoming_pointer)->reply.headers;
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
    Incoming incoming;
    incoming.body_max = options_.body_max;
    curl_slist* list = nullptr;
    for (const auto& [name, value] : headers)
      list = curl_slist_append(list, (name + ": " + value).c_str());
    if (options_.compressed) list = curl_slist_append(list, "Accept-Encoding: gzip, zstd");

    curl_easy_reset(curl_);  // options only; the connection is kept
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(options_.connect_timeout));
    set(CURLOPT_TIMEOUT_MS, milliseconds(options_.timeout));
    set(CURLOPT_CUSTOMREQUEST, method.c_str());
    set(CURLOPT_HTTPHEADER, list);
    set(CURLOPT_WRITEFUNCTION, &take_body);
    set(CURLOPT_WRITEDATA, &incoming);
    set(CURLOPT_HEADERFUNCTION, &take_header);
    set(CURLOPT_HEADERDATA, &incoming);
    if (method == "HEAD") set(CURLOPT_NOBODY, 1L);
    if (!body.empty() || method == "POST" || method == "PUT") {
      set(CURLOPT_POSTFIELDS, body.data() == nullptr ? "" : body.data());
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    }

    const CURLcode code = curl_easy_perform(curl_);
    curl_slist_free_all(list);
    if (incoming.too_large) return too_large(url);
    if (code != CURLE_OK) return failure(code, url);
    long status = 0;
    curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
    HttpReply& reply = incoming.reply;
    reply.status = static_cast<int>(status);
    reply.received = ByteCount{reply.body.size()};
    if (options_.compressed) HC_TRY(decompress(url, reply));
    return std::move(reply);
  }

 private:
  template <class T>
  void set(CURLoption option, T value) {
    HC_ASSERT(curl_easy_setopt(curl_, option, value) == CURLE_OK);
  }
  static long milliseconds(Duration d) {
    return static_cast<long>(std::chrono::duration_cast<std::chrono::milliseconds>(d).count());
  }

  Error too_large(const std::string& url) const {
    return invalid_argument("too-large: " + url + ": the answer is larger than " +
                            std::to_string(options_.body_max.value) + " bytes");
  }

  Status decompress(const std::string& url, HttpReply& reply) const {
    const std::string_view name = reply.header("content-encoding");
    const auto encoding = compression_of_content_encoding(name);
    if (!encoding) {
      return corruption("malformed: " + url + ": the answer is encoded as '" + std::string(name) +
                        "'");
    }
    if (*encoding == Compression::kNone || reply.body.empty()) return {};
    Bytes plain;
    const ByteCount most = std::min(options_.body_max, ByteCount{uint64_t{1} << 40});
    const auto inflated = decompress_all(*encoding, reply.body, most, plain);
    if (!inflated) return corruption("malformed: " + url + ": " + inflated.error().message);
    if (*inflated == Inflated::kTooLarge) return too_large(url);
    reply.body = std::move(plain);
    return {};
  }

  Error failure(CURLcode code, const std::string& url) const {
    const std::string text = url + ": " + curl_easy_strerror(code);
    switch (code) {
      case CURLE_URL_MALFORMAT:
      case CURLE_UNSUPPORTED_PROTOCOL:
        return invalid_argument("not a usable URL: " + text);
      case CURLE_PEER_FAILED_VERIFICATION:
      case CURLE_SSL_CACERT_BADFILE:
        return invalid_argument("tls: " + text);
      case CURLE_PARTIAL_FILE:
        return {ErrorCode::kUnknownOutcome, "truncated: " + text};
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

std::optional<Duration> retry_after(const HttpReply& reply, ProcessingTime now) {
  const std::string text(reply.header("retry-after"));
  if (text.empty()) return std::nullopt;
  constexpr int64_t kMost = 366 * 24 * 3600;
  int64_t wait = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), wait);
  if (error != std::errc() || end != text.data() + text.size()) {
    const time_t then = curl_getdate(text.c_str(), nullptr);
    if (then < 0) return std::nullopt;
    const time_t sent = curl_getdate(std::string(reply.header("date")).c_str(), nullptr);
    wait = then - (sent >= 0 ? sent : unix_ns(now) / 1'000'000'000);
  }
  return std::chrono::seconds(std::clamp<int64_t>(wait, 0, kMost));
}

}  // namespace hindcast
