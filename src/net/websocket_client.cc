#include "net/websocket_client.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <deque>

#include "base/assert.h"

namespace hindcast {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;
using tcp = asio::ip::tcp;

Result<WebsocketUrl> parse_websocket_url(std::string_view text) {
  const auto fail = [&](const std::string& why) {
    return invalid_argument("'" + std::string(text) + "' is no WebSocket URL: " + why +
                            "; it looks like wss://example.com/stream");
  };
  const auto parsed = boost::urls::parse_uri(boost::core::string_view(text.data(), text.size()));
  if (!parsed) return fail(parsed.error().message());
  const boost::urls::url_view& url = *parsed;
  WebsocketUrl out;
  out.tls = url.scheme() == "wss";
  if (!out.tls && url.scheme() != "ws") return fail("its scheme is neither ws nor wss");
  if (url.has_userinfo()) return fail("it holds a user; say so in `headers`");
  if (url.has_fragment()) return fail("it holds a fragment (#)");
  out.host = std::string(url.host_address());
  if (out.host.empty()) return fail("it has no host");
  out.port = url.has_port() ? std::string(url.port()) : out.tls ? "443" : "80";
  out.target = std::string(url.encoded_target());
  if (out.target.empty() || out.target[0] != '/') out.target.insert(0, "/");
  return out;
}

/// What does not depend on the kind of stream.
class WebsocketClient::Impl {
 public:
  Impl(WebsocketUrl url, WebsocketClientOptions options)
      : url_(std::move(url)), options_(std::move(options)), timer_(io_) {}
  virtual ~Impl() = default;

  virtual void start() = 0;
  virtual void send(Bytes text) = 0;
  virtual void ping() = 0;
  virtual void close() = 0;

  void receive(ByteCount max, Duration wait, std::vector<Bytes>& out) {
    out_ = &out;
    room_ = static_cast<int64_t>(max.value);
    const State before = state_;
    const size_t size = out.size();
    const auto happened = [&] { return out.size() != size || state_ != before; };
    io_.restart();
    if (state_ == State::kOpen && !reading_) read();
    io_.poll();
    if (!happened() && state_ != State::kClosed && wait > Duration(0)) {
      waited_ = false;
      io_.restart();
      timer_.expires_after(wait);
      timer_.async_wait([this](error_code cancelled) { waited_ = !cancelled; });
      while (!waited_ && !happened()) io_.run_one();
      timer_.cancel();
      io_.poll();
    }
    out_ = nullptr;
  }

  State state() const { return state_; }
  const std::string& reason() const { return reason_; }
  uint64_t frames() const { return frames_; }

 protected:
  virtual void read() = 0;
  virtual void cut() = 0;

  void fail(std::string reason) {
    if (state_ == State::kClosed) return;
    state_ = State::kClosed;
    reason_ = std::move(reason);
    cut();
  }
  std::string address() const { return url_.host + ":" + url_.port; }
  /// The Host header: the port only where it is not the usual one.
  std::string authority() const {
    const std::string host =
        url_.host.find(':') == url_.host.npos ? url_.host : "[" + url_.host + "]";
    return url_.port == (url_.tls ? "443" : "80") ? host : host + ":" + url_.port;
  }

  const WebsocketUrl url_;
  const WebsocketClientOptions options_;
  asio::io_context io_{1};
  asio::steady_timer timer_;
  State state_ = State::kConnecting;
  std::string reason_;
  uint64_t frames_ = 0;
  bool reading_ = false;  // a read is under way; between calls of receive() it stands still
  bool waited_ = false;
  std::vector<Bytes>* out_ = nullptr;  // during receive()
  int64_t room_ = 0;
};

namespace {

using PlainStream = websocket::stream<tcp::socket>;
using TlsStream = websocket::stream<asio::ssl::stream<tcp::socket>>;

/// Handlers run only inside receive() and before this is destroyed, so they refer to it plainly.
template <class Stream>
class Connection final : public WebsocketClient::Impl {
 public:
  static constexpr bool kTls = std::is_same_v<Stream, TlsStream>;
  using State = WebsocketClient::State;

  Connection(WebsocketUrl url, WebsocketClientOptions options, asio::ssl::context tls)
      : Impl(std::move(url), std::move(options)),
        tls_(std::move(tls)),
        resolver_(io_),
        stream_(make_stream(io_, tls_)) {}
  ~Connection() override {
    closing_ = true;
    fail("closed by us");
    io_.restart();
    io_.poll();  // what was under way ends before what it works on is gone
  }

  void start() override {
    resolver_.async_resolve(url_.host, url_.port, [this](error_code error, auto found) {
      if (error) return fail("cannot resolve " + url_.host + ": " + error.message());
      asio::async_connect(socket(), found, [this](error_code failed, const tcp::endpoint&) {
        if (failed) return fail("cannot reach " + address() + ": " + failed.message());
        error_code ignored;
        socket().set_option(tcp::no_delay(true), ignored);
        secure();
      });
    });
  }

  void send(Bytes text) override {
    HC_ASSERT(state_ == State::kOpen);
    to_send_.push_back(std::move(text));
    if (to_send_.size() == 1) write();
  }

  void ping() override {
    HC_ASSERT(state_ == State::kOpen);
    if (std::exchange(pinging_, true)) return;
    stream_.async_ping({}, [this](error_code error) {
      pinging_ = false;
      if (error) broken(error);
    });
  }

  void close() override {
    if (state_ != State::kOpen) return fail("closed by us");
    if (std::exchange(closing_, true)) return;
    stream_.async_close(websocket::close_code::going_away,
                        [this](error_code) { fail("closed by us"); });
  }

 private:
  static Stream make_stream(asio::io_context& io, asio::ssl::context& tls) {
    if constexpr (kTls) {
      return Stream(io, tls);
    } else {
      return Stream(io);
    }
  }
  tcp::socket& socket() { return beast::get_lowest_layer(stream_); }

  void secure() {
    if constexpr (kTls) {
      auto& tls = stream_.next_layer();
      error_code not_an_address;
      asio::ip::make_address(url_.host, not_an_address);
      if (not_an_address)  // a name of its own in the handshake; addresses must not stand there
        SSL_set_tlsext_host_name(tls.native_handle(), url_.host.c_str());
      tls.set_verify_mode(asio::ssl::verify_peer);
      tls.set_verify_callback(asio::ssl::host_name_verification(url_.host));
      tls.async_handshake(asio::ssl::stream_base::client, [this](error_code error) {
        if (error) return fail("TLS with " + address() + ": " + error.message());
        upgrade();
      });
    } else {
      upgrade();
    }
  }

  void upgrade() {
    websocket::permessage_deflate deflate;
    deflate.client_enable = true;
    stream_.set_option(deflate);
    stream_.set_option(websocket::stream_base::decorator([this](websocket::request_type& request) {
      request.set(http::field::user_agent, "hindcast");
      for (const auto& [name, value] : options_.headers) request.set(name, value);
    }));
    stream_.control_callback([this](websocket::frame_type, beast::string_view) { ++frames_; });
    stream_.read_message_max(options_.message_max.value);
    stream_.async_handshake(answer_, authority(), url_.target, [this](error_code error) {
      if (error == websocket::error::upgrade_declined) {
        return fail("the server refused: " + std::to_string(answer_.result_int()) + " " +
                    std::string(answer_.reason()));
      }
      if (error) return fail("upgrade at " + address() + ": " + error.message());
      state_ = State::kOpen;
      read();
    });
  }

  void read() override {
    reading_ = true;
    stream_.async_read(buffer_, [this](error_code error, size_t) {
      reading_ = false;
      if (error) return broken(error);
      ++frames_;
      room_ -= static_cast<int64_t>(buffer_.size());
      if (!closing_) out_->push_back(beast::buffers_to_string(buffer_.data()));
      buffer_.consume(buffer_.size());
      if (room_ > 0) read();
    });
  }

  void write() {
    stream_.text(true);
    stream_.async_write(asio::buffer(to_send_.front()), [this](error_code error, size_t) {
      if (error) return broken(error);
      to_send_.pop_front();
      if (!to_send_.empty()) write();
    });
  }

  void broken(error_code error) {
    if (closing_) return fail("closed by us");
    if (error == websocket::error::closed) {
      const websocket::close_reason& why = stream_.reason();
      return fail("the server closed: " + std::to_string(why.code) +
                  (why.reason.empty() ? "" : " " + std::string(why.reason.c_str())));
    }
    if (error == websocket::error::message_too_big || error == websocket::error::buffer_overflow) {
      return fail("a message is longer than " + std::to_string(options_.message_max.value) +
                  " bytes; raise line_max if that is normal");
    }
    fail(error.message());
  }

  void cut() override {
    error_code ignored;
    resolver_.cancel();
    socket().close(ignored);
  }

  asio::ssl::context tls_;  // used by TLS only
  tcp::resolver resolver_;
  Stream stream_;
  websocket::response_type answer_;
  beast::flat_buffer buffer_;
  std::deque<Bytes> to_send_;  // the first one is being sent
  bool pinging_ = false, closing_ = false;
};

Status trust(asio::ssl::context& tls, const std::string& ca) {
  error_code error;
  if (ca.empty()) {
    tls.set_default_verify_paths(error);
    if (error) return invalid_argument("the system's certificates: " + error.message());
  } else {
    tls.load_verify_file(ca, error);
    if (error) return invalid_argument("tls_ca '" + ca + "': " + error.message());
  }
  return {};
}

}  // namespace

WebsocketClient::WebsocketClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
WebsocketClient::~WebsocketClient() = default;

Result<std::unique_ptr<WebsocketClient>> WebsocketClient::connect(WebsocketClientOptions options) {
  HC_TRY_ASSIGN(WebsocketUrl url, parse_websocket_url(options.url));
  asio::ssl::context tls(asio::ssl::context::tls_client);
  std::unique_ptr<Impl> impl;
  if (url.tls) {
    HC_TRY(trust(tls, options.tls_ca));
    impl =
        std::make_unique<Connection<TlsStream>>(std::move(url), std::move(options), std::move(tls));
  } else {
    impl = std::make_unique<Connection<PlainStream>>(std::move(url), std::move(options),
                                                     std::move(tls));
  }
  impl->start();
  return std::unique_ptr<WebsocketClient>(new WebsocketClient(std::move(impl)));
}

void WebsocketClient::receive(ByteCount max, Duration wait, std::vector<Bytes>& out) {
  impl_->receive(max, wait, out);
}
WebsocketClient::State WebsocketClient::state() const { return impl_->state(); }
const std::string& WebsocketClient::reason() const { return impl_->reason(); }
uint64_t WebsocketClient::frames() const { return impl_->frames(); }
void WebsocketClient::send(Bytes text) { impl_->send(std::move(text)); }
void WebsocketClient::ping() { impl_->ping(); }
void WebsocketClient::close() { impl_->close(); }

}  // namespace hindcast
