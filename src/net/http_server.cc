#include "net/http_server.h"

#include <pthread.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>

#include "base/assert.h"
#include "net/compression.h"

namespace hindcast {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using tcp = asio::ip::tcp;

namespace {

constexpr size_t kHeaderMax = 64 << 10;
// Measured (LIMITS: HTTP ingest over loopback): a buffer that grows from 512 bytes costs two thirds
// of the throughput.
constexpr size_t kReadBuffer = 256 << 10;
constexpr Duration kLinger = 2s;

class Connection;

/// Lets threads of others post to a connection, and nobody post into an io_context that is gone.
class Gate {
 public:
  template <class F>
  bool post(const std::weak_ptr<Connection>& to, F task);
  template <class F>
  bool with_open(F f) {
    const std::lock_guard lock(mutex_);
    if (open_) f();
    return open_;
  }
  void close() {
    const std::lock_guard lock(mutex_);
    open_ = false;
  }

 private:
  std::mutex mutex_;
  bool open_ = true;
};

/// Body bytes that may be in memory over all connections. A request that does not fit waits unread.
class BodyBudget {
 public:
  explicit BodyBudget(size_t max) : max_(max), available_(max) {}
  /// What a request is charged: one that is larger than the whole budget passes alone.
  size_t charge(size_t bytes) const { return std::min(bytes, max_); }
  /// True: granted now. False: `granted` of the connection is posted later.
  bool acquire(const std::shared_ptr<Connection>& who, size_t bytes);
  void release(size_t bytes);

 private:
  const size_t max_;
  std::mutex mutex_;
  size_t available_;
  std::deque<std::pair<std::weak_ptr<Connection>, size_t>> waiting_;
};

/// What connections share; outlives them all.
struct Shared {
  HttpServerOptions options;
  HttpHandler handler;
  std::shared_ptr<Gate> gate =
      std::make_shared<Gate>();  // owners: the server, and every responder still held by somebody
  std::unique_ptr<BodyBudget> budget;
  // Set by stop() before it posts to the connections, which look at it on their strands.
  std::atomic<bool> stopping{false};

  std::mutex mutex;
  std::condition_variable empty;
  // The registry owns the connections, since one whose request is being worked on has no operation
  // pending.
  std::unordered_map<Connection*, std::shared_ptr<Connection>> connections;
  std::function<void()> on_left;  // called after a connection left
};

/// One connection. All members are touched on its strand only.
///
///   reading header ──► (waiting for budget) ──► reading body ──► handling ──► writing ──┐
///         ▲                                                                            │
///         keep-alive
///         └────────────────────────────────────────────────────────────────────────────┘
class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, Shared& shared)
      : shared_(shared), stream_(std::move(socket)), buffer_() {
    buffer_.reserve(kReadBuffer);
  }

  auto executor() { return stream_.get_executor(); }

  void read_header();
  void granted(size_t bytes);
  void answer(HttpResponse response);
  void begin_stream(HttpResponse head);
  void write_piece(Bytes piece, std::function<void(bool)> done);
  void finish_stream();
  void cut() { close(); }
  void close_if_idle() {
    if (idle_ && buffer_.size() == 0) close();
  }

 private:
  void on_header(error_code error);
  void refuse(HttpResponse response);
  void send_continue();
  void read_body();
  void handle();
  void write_done(error_code error);
  void next_request();
  void pump();
  void linger();
  void close();
  void release_budget() {
    if (reserved_ > 0) shared_.budget->release(std::exchange(reserved_, 0));
  }
  template <class Head>
  void fill_head(Head& head, const HttpResponse& response) const;

  Shared& shared_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  Compression encoding_ = Compression::kNone;
  bool idle_ = false;  // between requests
  bool closed_ = false;
  bool keep_alive_ = false;
  bool head_only_ = false;    // HEAD: the answer has no body
  bool unread_body_ = false;  // refused before the body was read
  unsigned version_ = 11;
  size_t reserved_ = 0;  // of the body budget

  http::response<http::string_body> response_;
  // Streamed answers.
  struct Streaming {
    http::response<http::empty_body> head;
    std::optional<http::response_serializer<http::empty_body>> serializer;
    bool head_sent = false, busy = false, finish = false;
    std::optional<Bytes> piece;
    std::function<void(bool)> done;
  };
  std::optional<Streaming> streaming_;
};

template <class F>
bool Gate::post(const std::weak_ptr<Connection>& to, F task) {
  const std::lock_guard lock(mutex_);
  if (!open_) return false;
  const auto connection = to.lock();
  if (!connection) return false;
  asio::post(connection->executor(), [to, task = std::move(task)]() mutable {
    if (const auto alive = to.lock()) task(*alive);
  });
  return true;
}

bool BodyBudget::acquire(const std::shared_ptr<Connection>& who, size_t bytes) {
  const std::lock_guard lock(mutex_);
  if (waiting_.empty() && bytes <= available_) {
    available_ -= bytes;
    return true;
  }
  waiting_.emplace_back(who, bytes);
  return false;
}

void BodyBudget::release(size_t bytes) {
  const std::lock_guard lock(mutex_);
  available_ += bytes;
  while (!waiting_.empty()) {
    const auto [who, amount] = waiting_.front();
    const auto connection = who.lock();
    if (connection && amount > available_) return;
    waiting_.pop_front();
    if (!connection) continue;
    available_ -= amount;
    asio::post(connection->executor(), [connection, n = amount] { connection->granted(n); });
  }
}

void Connection::read_header() {
  if (closed_) return;
  if (shared_.stopping) return close();
  parser_.emplace();
  parser_->header_limit(kHeaderMax);
  parser_->body_limit(shared_.options.body_max.value);
  idle_ = true;
  unread_body_ = false;
  stream_.expires_after(shared_.options.idle_timeout);
  http::async_read_header(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](error_code error, size_t) { self->on_header(error); });
}

void Connection::on_header(error_code error) {
  idle_ = false;
  if (closed_) return;
  keep_alive_ = false;
  version_ = 11;
  head_only_ = false;
  if (error == http::error::body_limit) {
    return refuse(problem(413, "urn:hindcast:body-too-large", "Body too large",
                          "at most " + std::to_string(shared_.options.body_max.value) +
                              " bytes; send smaller batches"));
  }
  if (error == http::error::header_limit) {
    return refuse(problem(431, "urn:hindcast:headers-too-large", "Headers too large",
                          "at most " + std::to_string(kHeaderMax) + " bytes"));
  }
  if (error == http::error::end_of_stream || error == http::error::partial_message) return close();
  if (error && error.category() == http::make_error_code(http::error::bad_method).category()) {
    return refuse(
        problem(400, "urn:hindcast:malformed-http", "Malformed HTTP request", error.message()));
  }
  if (error) return close();  // timeout, reset

  const auto& head = parser_->get();
  version_ = head.version();
  head_only_ = head.method() == http::verb::head;
  std::string coding(head[http::field::content_encoding]);
  const auto encoding = compression_of_content_encoding(coding);
  if (!encoding) {
    auto response =
        problem(415, "urn:hindcast:unknown-content-encoding", "Unknown content encoding",
                "'" + coding + "' is not supported; use gzip, zstd or none");
    response.headers.emplace_back("Accept-Encoding", "gzip, zstd");
    return refuse(std::move(response));
  }
  encoding_ = *encoding;

  const size_t body_max = shared_.options.body_max.value;
  size_t needed =
      parser_->chunked() ? body_max : static_cast<size_t>(parser_->content_length().value_or(0));
  if (encoding_ != Compression::kNone && needed > 0) needed += body_max;
  if (needed == 0) return read_body();
  needed = shared_.budget->charge(needed);
  stream_.expires_never();
  if (shared_.budget->acquire(shared_from_this(), needed)) granted(needed);
}

void Connection::granted(size_t bytes) {
  reserved_ = bytes;
  if (closed_) return release_budget();
  const auto& head = parser_->get();
  if (beast::iequals(head[http::field::expect], "100-continue")) return send_continue();
  read_body();
}

void Connection::send_continue() {
  auto go_on =
      std::make_shared<http::response<http::empty_body>>(http::status::continue_, version_);
  stream_.expires_after(shared_.options.read_timeout);
  http::async_write(stream_, *go_on, [self = shared_from_this(), go_on](error_code error, size_t) {
    if (error) return self->close();
    self->read_body();
  });
}

void Connection::read_body() {
  if (closed_) return;
  if (parser_->is_done()) return handle();
  parser_->eager(true);
  // Piece by piece, so that the timeout is one of progress and not of the whole body.
  stream_.expires_after(shared_.options.read_timeout);
  http::async_read_some(
      stream_, buffer_, *parser_, [self = shared_from_this()](error_code error, size_t) {
        if (self->closed_) return;
        if (error == http::error::body_limit) {
          return self->refuse(problem(413, "urn:hindcast:body-too-large", "Body too large",
                                      "at most " +
                                          std::to_string(self->shared_.options.body_max.value) +
                                          " bytes; send smaller batches"));
        }
        if (error && error != http::error::need_more) return self->close();
        self->read_body();
      });
}

void Connection::refuse(HttpResponse response) {
  unread_body_ = true;
  keep_alive_ = false;
  answer(std::move(response));
}

}  // namespace

/// The one answer that is owed to a request.
class HttpResponder::Impl {
 public:
  Impl(std::shared_ptr<Gate> gate, std::weak_ptr<Connection> connection)
      : gate_(std::move(gate)), connection_(std::move(connection)) {}
  ~Impl() {
    if (take()) {
      post([response = problem(500, "urn:hindcast:internal", "Internal error",
                               "the request was not answered")](Connection& connection) mutable {
        connection.answer(std::move(response));
      });
    }
  }
  /// True for the first caller only.
  bool take() { return !answered_.exchange(true); }
  template <class F>
  void post(F task) {
    gate_->post(connection_, std::move(task));
  }
  const std::shared_ptr<Gate>& gate() const { return gate_; }
  const std::weak_ptr<Connection>& connection() const { return connection_; }

 private:
  std::shared_ptr<Gate> gate_;  // owners: see Shared::gate
  std::weak_ptr<Connection> connection_;
  std::atomic<bool> answered_{
      false};  // any thread; decides which answer counts, publishes nothing else
};

void HttpResponder::send(HttpResponse response) const {
  if (!impl_->take()) return;
  impl_->post(
      [response = std::move(response)](Connection& c) mutable { c.answer(std::move(response)); });
}

class HttpStream::Impl {
 public:
  Impl(std::shared_ptr<Gate> gate, std::weak_ptr<Connection> connection)
      : gate_(std::move(gate)), connection_(std::move(connection)) {}
  ~Impl() {
    if (!finished_) gate_->post(connection_, [](Connection& c) { c.cut(); });
  }
  void write(Bytes piece, std::function<void(bool)> done) {
    const bool posted =
        gate_->post(connection_, [piece = std::move(piece), done](Connection& c) mutable {
          c.write_piece(std::move(piece), std::move(done));
        });
    if (!posted) done(false);
  }
  void finish() {
    if (finished_.exchange(true)) return;
    gate_->post(connection_, [](Connection& c) { c.finish_stream(); });
  }

 private:
  std::shared_ptr<Gate> gate_;
  std::weak_ptr<Connection> connection_;
  std::atomic<bool> finished_{false};  // as HttpResponder::Impl::answered_
};

void HttpStream::write(Bytes piece, std::function<void(bool)> done) {
  // The handle stays alive until the piece is out: a caller that keeps it only in `done` must not
  // cut itself off.
  impl_->write(std::move(piece), [keep = impl_, done = std::move(done)](bool ok) { done(ok); });
}
void HttpStream::finish() { impl_->finish(); }

HttpStream HttpResponder::stream(HttpResponse head) const {
  HttpStream stream(std::make_shared<HttpStream::Impl>(impl_->gate(), impl_->connection()));
  if (impl_->take()) {
    impl_->post(
        [head = std::move(head)](Connection& c) mutable { c.begin_stream(std::move(head)); });
  }
  return stream;
}

namespace {

void Connection::handle() {
  stream_.expires_never();
  auto message = parser_->release();
  keep_alive_ = message.keep_alive();
  HttpRequest request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  for (const auto& field : message)
    request.headers.emplace_back(field.name_string(), field.value());
  if (encoding_ == Compression::kNone) {
    request.body = std::move(message.body());
  } else {
    const auto inflated =
        decompress_all(encoding_, message.body(), shared_.options.body_max, request.body);
    if (!inflated) {
      return answer(problem(400, "urn:hindcast:corrupt-body", "Body cannot be decompressed",
                            inflated.error().message));
    }
    if (*inflated == Inflated::kTooLarge) {
      return answer(problem(413, "urn:hindcast:body-too-large", "Body too large",
                            "decompresses to more than " +
                                std::to_string(shared_.options.body_max.value) +
                                " bytes; send smaller batches"));
    }
  }
  shared_.handler(std::move(request), HttpResponder(std::make_shared<HttpResponder::Impl>(
                                          shared_.gate, weak_from_this())));
}

template <class Head>
void Connection::fill_head(Head& head, const HttpResponse& response) const {
  head.version(version_);
  head.result(static_cast<unsigned>(response.status));
  head.set(http::field::server, "hindcast");
  if (!response.content_type.empty()) head.set(http::field::content_type, response.content_type);
  for (const auto& [name, value] : response.headers) head.insert(name, value);
}

void Connection::answer(HttpResponse response) {
  if (closed_) return;
  keep_alive_ = keep_alive_ && !shared_.stopping;
  response_ = {};
  fill_head(response_, response);
  response_.keep_alive(keep_alive_);
  response_.body() = std::move(response.body);
  response_.prepare_payload();
  if (head_only_) response_.body().clear();  // the length stays announced
  stream_.expires_after(shared_.options.read_timeout);
  http::async_write(stream_, response_, [self = shared_from_this()](error_code error, size_t) {
    self->write_done(error);
  });
}

void Connection::write_done(error_code error) {
  release_budget();
  response_ = {};
  if (closed_) return;
  if (error) return close();
  if (unread_body_) return linger();
  if (!keep_alive_) return close();
  read_header();
}

void Connection::begin_stream(HttpResponse head) {
  if (closed_) return;
  release_budget();  // the request's body was taken by the handler long ago
  const bool chunked = version_ >= 11;
  keep_alive_ = keep_alive_ && chunked && !shared_.stopping;
  streaming_.emplace();
  fill_head(streaming_->head, head);
  streaming_->head.keep_alive(keep_alive_);
  if (chunked) streaming_->head.chunked(true);
  streaming_->serializer.emplace(streaming_->head);
  pump();
}

void Connection::write_piece(Bytes piece, std::function<void(bool)> done) {
  if (closed_ || !streaming_ || streaming_->piece) return done(false);
  streaming_->piece = std::move(piece);
  streaming_->done = std::move(done);
  pump();
}

void Connection::finish_stream() {
  if (closed_ || !streaming_) return;
  streaming_->finish = true;
  pump();
}

// Writes what there is, one operation at a time: head, pieces, last chunk.
void Connection::pump() {
  if (streaming_->busy) return;
  const auto written = [self = shared_from_this()](error_code error, size_t) {
    if (self->closed_ || !self->streaming_) return;
    Streaming& s = *self->streaming_;
    s.busy = false;
    if (error) return self->close();
    if (!s.head_sent) {
      s.head_sent = true;
    } else if (s.piece) {
      s.piece.reset();
      if (const auto done = std::exchange(s.done, nullptr)) done(true);
    } else {
      self->streaming_.reset();
      return self->write_done({});
    }
    self->pump();
  };
  Streaming& s = *streaming_;
  stream_.expires_after(shared_.options.read_timeout);
  if (!s.head_sent) {
    s.busy = true;
    http::async_write_header(stream_, *s.serializer, written);
  } else if (s.piece) {
    s.busy = true;
    const auto bytes = asio::buffer(*s.piece);
    // An empty chunk would end the answer.
    if (head_only_ || bytes.size() == 0) {
      asio::post(executor(), [written] { written({}, 0); });
    } else if (version_ >= 11) {
      asio::async_write(stream_, http::make_chunk(bytes), written);
    } else {
      asio::async_write(stream_, bytes, written);
    }
  } else if (s.finish) {
    s.busy = true;
    if (head_only_ || version_ < 11) {
      asio::post(executor(), [written] { written({}, 0); });
    } else {
      asio::async_write(stream_, http::make_chunk_last(), written);
    }
  } else {
    stream_.expires_never();  // the next piece may take its time
  }
}

// A refused body is still on its way. Closing at once would reset the connection, and the client
// would see that instead of the answer; so what it sends is discarded for a moment.
void Connection::linger() {
  error_code ignored;
  stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  stream_.expires_after(kLinger);
  struct Drain {
    std::shared_ptr<Connection> self;
    void operator()(error_code error, size_t n) const {
      if (self->closed_) return;
      self->buffer_.commit(n);
      self->buffer_.clear();
      if (error) return self->close();
      self->stream_.async_read_some(self->buffer_.prepare(kHeaderMax), *this);
    }
  };
  buffer_.clear();
  stream_.async_read_some(buffer_.prepare(kHeaderMax), Drain{shared_from_this()});
}

void Connection::close() {
  if (closed_) return;
  closed_ = true;
  error_code ignored;
  stream_.socket().shutdown(tcp::socket::shutdown_both, ignored);
  stream_.close();
  release_budget();
  if (streaming_ && streaming_->done) std::exchange(streaming_->done, nullptr)(false);
  std::shared_ptr<Connection> self;
  {
    const std::lock_guard lock(shared_.mutex);
    const auto it = shared_.connections.find(this);
    if (it == shared_.connections.end()) return;
    self = std::move(it->second);
    shared_.connections.erase(it);
    if (shared_.connections.empty()) shared_.empty.notify_all();
  }
  shared_.on_left();
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(HttpServerOptions options, HttpHandler handler)
      : io_(options.threads),
        work_(io_.get_executor()),
        acceptor_(asio::make_strand(io_)),
        retry_(acceptor_.get_executor()) {
    shared_.budget = std::make_unique<BodyBudget>(options.bodies_in_flight_max.value);
    shared_.options = std::move(options);
    shared_.handler = std::move(handler);
    shared_.on_left = [this] {
      asio::post(acceptor_.get_executor(), [this] {
        if (!accepting_) accept();
      });
    };
  }

  Status listen() {
    const auto& options = shared_.options;
    error_code error;
    tcp::resolver resolver(io_);
    const auto found =
        resolver.resolve(options.host, std::to_string(options.port), tcp::resolver::passive, error);
    if (error || found.empty())
      return invalid_argument("listen address '" + options.host + "': " + error.message());
    const tcp::endpoint endpoint = *found.begin();
    const auto failed = [&](const char* what) {
      return unavailable(std::string(what) + " " + options.host + ":" +
                         std::to_string(options.port) + ": " + error.message());
    };
    if (acceptor_.open(endpoint.protocol(), error)) return failed("open");
    if (acceptor_.set_option(tcp::acceptor::reuse_address(true), error)) return failed("reuse");
    if (acceptor_.bind(endpoint, error)) return failed("cannot listen on");
    if (acceptor_.listen(asio::socket_base::max_listen_connections, error))
      return failed("cannot listen on");
    port_ = acceptor_.local_endpoint(error).port();
    return {};
  }

  void run() {
    asio::post(acceptor_.get_executor(), [this] { accept(); });
    for (int i = 0; i < shared_.options.threads; ++i) {
      threads_.emplace_back([this, i] {
        const std::string name = "http-io-" + std::to_string(i);
        pthread_setname_np(pthread_self(), name.c_str());
        io_.run();
      });
    }
  }

  void stop() {
    const std::lock_guard once(stop_mutex_);
    if (stopped_) return;
    stopped_ = true;
    shared_.stopping = true;
    asio::post(acceptor_.get_executor(), [this] {
      error_code ignored;
      acceptor_.close(ignored);
      retry_.cancel();
    });
    {
      std::unique_lock lock(shared_.mutex);
      for (const auto& [_, connection] : shared_.connections) {
        asio::post(connection->executor(),
                   [connection = connection] { connection->close_if_idle(); });
      }
      shared_.empty.wait_for(lock, shared_.options.stop_timeout,
                             [this] { return shared_.connections.empty(); });
    }
    io_.stop();
    for (auto& thread : threads_) thread.join();
    // From here on nobody can post; what is left is destroyed on this thread alone.
    shared_.gate->close();
    const std::lock_guard lock(shared_.mutex);
    shared_.connections.clear();
  }

  void after(Duration delay, std::function<void()> task) {
    shared_.gate->with_open([&] {
      auto timer = std::make_shared<asio::steady_timer>(io_, delay);  // owner: its own pending wait
      timer->async_wait([timer, task = std::move(task)](error_code error) {
        if (!error) task();
      });
    });
  }

  uint16_t port() const { return port_; }

 private:
  void accept() {
    if (shared_.stopping) return;
    {
      const std::lock_guard lock(shared_.mutex);
      accepting_ = shared_.connections.size() < shared_.options.connections_max;
    }
    if (!accepting_) return;  // on_left begins again
    acceptor_.async_accept(asio::make_strand(io_), [this](error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted || shared_.stopping) return;
      if (error) {  // out of descriptors: those in use come back
        retry_.expires_after(100ms);
        retry_.async_wait([this](error_code cancelled) {
          if (!cancelled) accept();
        });
        return;
      }
      error_code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      auto connection = std::make_shared<Connection>(std::move(socket), shared_);
      {
        const std::lock_guard lock(shared_.mutex);
        shared_.connections.emplace(connection.get(), connection);
      }
      asio::post(connection->executor(), [connection] { connection->read_header(); });
      accept();
    });
  }

  Shared shared_;  // before io_: connections owned by pending operations refer to it
  asio::io_context io_;
  // A request that is being worked on has no operation pending; the threads must stay for its
  // answer.
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  tcp::acceptor acceptor_;
  asio::steady_timer retry_;
  bool accepting_ = false;  // acceptor's strand
  uint16_t port_ = 0;
  std::vector<std::jthread> threads_;
  std::mutex stop_mutex_;
  bool stopped_ = false;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() { impl_->stop(); }

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpServerOptions options,
                                                      HttpHandler handler) {
  if (options.threads < 1 || options.threads > 64)
    return invalid_argument("threads must be 1 to 64");
  HC_ASSERT(handler != nullptr);
  auto impl = std::make_unique<Impl>(std::move(options), std::move(handler));
  HC_TRY(impl->listen());
  impl->run();
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

uint16_t HttpServer::port() const { return impl_->port(); }
void HttpServer::after(Duration delay, std::function<void()> task) {
  impl_->after(delay, std::move(task));
}
void HttpServer::stop() { impl_->stop(); }

}  // namespace hindcast
