#include "net/websocket_server.h"

#include <pthread.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <optional>
#include <thread>
#include <unordered_set>

#include "base/assert.h"

namespace hindcast {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;
using tcp = asio::ip::tcp;

namespace {

constexpr uint32_t kHeaderMax = 64 << 10;
constexpr size_t kBodyMax = 1 << 20;
constexpr Duration kHandshake = 10s;
// More than a socket buffers, so that epoll never finds it readable.
constexpr int kNeverReadable = 1 << 30;

class Session;

/// What sessions share. The registry owns them; one whose request waits for its answer has no
/// operation pending.
struct Shared {
  WebsocketHandler* handler = nullptr;
  bool compress = false;
  std::unordered_set<std::shared_ptr<Session>> sessions;
  std::function<void()> on_left;
};

/// One connection: requests, until one of them upgrades it.
class Session final : public WebsocketPeer, public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, Shared& shared) : shared_(shared), socket_(std::move(socket)) {}

  void read_request() {
    parser_.emplace();
    parser_->header_limit(kHeaderMax);
    parser_->body_limit(kBodyMax);
    http::async_read(*socket_, buffer_, *parser_,
                     [self = shared_from_this()](error_code error, size_t) {
                       if (error) return self->leave();
                       self->on_request();
                     });
  }

  void send(Bytes text, std::function<void()> taken) override {
    if (left_ || closing_) return;
    HC_ASSERT(!taken_);
    sending_ = std::move(text);
    taken_ = std::move(taken);
    stream_->text(true);
    stream_->async_write(asio::buffer(sending_),
                         [self = shared_from_this()](error_code error, size_t) {
                           const auto done = std::exchange(self->taken_, nullptr);
                           if (error || self->left_) return self->leave();
                           if (self->closing_) return self->begin_close();
                           done();
                         });
  }

  void close(uint16_t code, std::string_view reason) override {
    if (left_ || closing_) return;
    closing_.emplace(static_cast<websocket::close_code>(code),
                     beast::string_view(reason.data(), reason.size()));
    hold(false);
    if (!taken_) begin_close();
  }

  void cut() override {
    error_code ignored;
    lowest().set_option(asio::socket_base::linger(true, 0), ignored);  // a reset, not an end
    leave();
  }

  void hold(bool held) override {
    if (left_) return;
    // The read that is pending then sleeps until it is let go.
    error_code ignored;
    lowest().set_option(asio::socket_base::receive_low_watermark(held ? kNeverReadable : 1),
                        ignored);
  }

  void leave() {
    if (std::exchange(left_, true)) return;
    error_code ignored;
    lowest().close(ignored);
    const auto self = shared_from_this();
    taken_ = nullptr;
    shared_.sessions.erase(self);
    if (opened_) shared_.handler->closed(*this);
    shared_.on_left();
  }

 private:
  tcp::socket& lowest() { return stream_ ? stream_->next_layer() : *socket_; }

  void on_request() {
    auto message = parser_->release();
    HttpRequest request;
    request.method = std::string(message.method_string());
    request.target = std::string(message.target());
    for (const auto& field : message)
      request.headers.emplace_back(field.name_string(), field.value());
    keep_alive_ = message.keep_alive();
    version_ = message.version();
    if (websocket::is_upgrade(message)) {
      if (auto refusal = shared_.handler->refuse(request)) return answer(*std::move(refusal));
      return upgrade(message, std::move(request));
    }
    request.body = std::move(message.body());
    shared_.handler->request(
        std::move(request),
        [self = shared_from_this()](HttpResponse response) { self->answer(std::move(response)); });
  }

  void answer(HttpResponse response) {
    if (left_) return;
    response_ = {};
    response_.version(version_);
    response_.result(static_cast<unsigned>(response.status));
    response_.set(http::field::server, "hindcast");
    if (!response.content_type.empty())
      response_.set(http::field::content_type, response.content_type);
    for (const auto& [name, value] : response.headers) response_.insert(name, value);
    response_.keep_alive(keep_alive_);
    response_.body() = std::move(response.body);
    response_.prepare_payload();
    http::async_write(*socket_, response_, [self = shared_from_this()](error_code error, size_t) {
      if (error || !self->keep_alive_) return self->leave();
      self->read_request();
    });
  }

  template <class Message>
  void upgrade(const Message& message, HttpRequest request) {
    stream_.emplace(*std::move(socket_));
    websocket::permessage_deflate deflate;
    deflate.server_enable = shared_.compress;
    stream_->set_option(deflate);
    websocket::stream_base::timeout limits;
    limits.handshake_timeout = kHandshake;  // of the upgrade, and of the end
    limits.idle_timeout = websocket::stream_base::none();
    limits.keep_alive_pings = false;
    stream_->set_option(limits);
    stream_->read_message_max(kBodyMax);
    stream_->async_accept(
        message, [self = shared_from_this(), request = std::move(request)](error_code error) {
          if (error) return self->leave();
          self->opened_ = true;
          self->shared_.handler->opened(self, request);
          self->read_message();
        });
  }

  // Reads always, since that is what answers pings and finds out about the end.
  void read_message() {
    if (left_) return;
    stream_->async_read(buffer_, [self = shared_from_this()](error_code error, size_t) {
      if (error) return self->leave();
      Bytes message = beast::buffers_to_string(self->buffer_.data());
      self->buffer_.consume(self->buffer_.size());
      self->shared_.handler->received(*self, std::move(message));
      self->read_message();
    });
  }

  void begin_close() {
    stream_->async_close(*closing_, [self = shared_from_this()](error_code) { self->leave(); });
  }

  Shared& shared_;
  std::optional<tcp::socket> socket_;  // until the upgrade
  std::optional<websocket::stream<tcp::socket>> stream_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
  bool keep_alive_ = false, opened_ = false, left_ = false;
  unsigned version_ = 11;
  Bytes sending_;
  std::function<void()> taken_;  // while a message is being sent
  std::optional<websocket::close_reason> closing_;
};

}  // namespace

class WebsocketServer::Impl {
 public:
  explicit Impl(WebsocketHandler& handler)
      : work_(io_.get_executor()), acceptor_(io_), retry_(io_) {
    shared_.handler = &handler;
    shared_.on_left = [this] {
      asio::post(io_, [this] {
        if (!accepting_) accept();
      });
    };
  }
  ~Impl() { stop(); }

  Status listen(const WebsocketServerOptions& options) {
    connections_max_ = options.connections_max;
    shared_.compress = options.compress;
    error_code error;
    const auto failed = [&] {
      return unavailable("cannot listen on " + options.host + ":" + std::to_string(options.port) +
                         ": " + error.message());
    };
    tcp::resolver resolver(io_);
    const auto found =
        resolver.resolve(options.host, std::to_string(options.port), tcp::resolver::passive, error);
    if (error || found.empty())
      return invalid_argument("listen address '" + options.host + "': " + error.message());
    const tcp::endpoint endpoint = *found.begin();
    if (acceptor_.open(endpoint.protocol(), error)) return failed();
    if (acceptor_.set_option(tcp::acceptor::reuse_address(true), error)) return failed();
    if (acceptor_.bind(endpoint, error)) return failed();
    if (acceptor_.listen(asio::socket_base::max_listen_connections, error)) return failed();
    port_ = acceptor_.local_endpoint(error).port();
    return {};
  }

  void run() {
    post([this] { accept(); });
    thread_ = std::jthread([this] {
      pthread_setname_np(pthread_self(), "ws-io");
      io_.run();
    });
  }

  void stop() {
    io_.stop();
    if (thread_.joinable()) thread_.join();
    shared_.sessions
        .clear();  // their sockets close with them, or with the operations they wait for
  }

  void post(std::function<void()> task) { asio::post(io_, std::move(task)); }
  void after(Duration delay, std::function<void()> task) {
    const auto timer = std::make_shared<asio::steady_timer>(io_, delay);  // owner: its own wait
    timer->async_wait([timer, task = std::move(task)](error_code error) {
      if (!error) task();
    });
  }
  uint16_t port() const { return port_; }

 private:
  void accept() {
    accepting_ = shared_.sessions.size() < connections_max_;
    if (!accepting_) return;  // on_left begins again
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
      if (error) {  // out of descriptors: those in use come back
        retry_.expires_after(100ms);
        retry_.async_wait([this](error_code) { accept(); });
        return;
      }
      error_code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      const auto session = std::make_shared<Session>(std::move(socket), shared_);
      shared_.sessions.insert(session);
      session->read_request();
      accept();
    });
  }

  Shared shared_;  // before io_: operations that are destroyed with it own sessions
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  tcp::acceptor acceptor_;
  asio::steady_timer retry_;
  bool accepting_ = false;  // I/O thread
  size_t connections_max_ = 0;
  uint16_t port_ = 0;
  std::jthread thread_;
};

WebsocketServer::WebsocketServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
WebsocketServer::~WebsocketServer() = default;

Result<std::unique_ptr<WebsocketServer>> WebsocketServer::listen(WebsocketServerOptions options,
                                                                 WebsocketHandler& handler) {
  auto impl = std::make_unique<Impl>(handler);
  HC_TRY(impl->listen(options));
  return std::unique_ptr<WebsocketServer>(new WebsocketServer(std::move(impl)));
}

void WebsocketServer::run() { impl_->run(); }
uint16_t WebsocketServer::port() const { return impl_->port(); }
void WebsocketServer::post(std::function<void()> task) { impl_->post(std::move(task)); }
void WebsocketServer::after(Duration delay, std::function<void()> task) {
  impl_->after(delay, std::move(task));
}
void WebsocketServer::stop() { impl_->stop(); }

}  // namespace hindcast
