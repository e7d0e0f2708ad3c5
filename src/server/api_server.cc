#include "server/api_server.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace hindcast {
namespace {

constexpr Duration kPollEvery = 50ms;

/// Threads for what may block, behind a bounded queue.
class Pool {
 public:
  Pool(int threads, size_t waiting_max) : waiting_max_(waiting_max) {
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this, i](const std::stop_token& stop) {
        pthread_setname_np(pthread_self(), ("api-query-" + std::to_string(i)).c_str());
        run(stop);
      });
    }
  }
  /// False: the queue is full, nothing was taken.
  [[nodiscard]] bool try_post(Task task) {
    {
      const std::lock_guard lock(mutex_);
      if (tasks_.size() >= waiting_max_) return false;
      tasks_.push_back(std::move(task));
    }
    changed_.notify_one();
    return true;
  }
  /// Runs what is queued, then ends.
  void stop() {
    for (auto& thread : threads_) thread.request_stop();
    threads_.clear();
  }

 private:
  void run(const std::stop_token& stop) {
    for (;;) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, stop, [this] { return !tasks_.empty(); });
      if (tasks_.empty()) return;
      const Task task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
    }
  }

  const size_t waiting_max_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Task> tasks_;
  std::vector<std::jthread> threads_;
};

}  // namespace

class ApiServer::Impl {
 public:
  Impl(Service& service, const ApiServerOptions& options)
      : api_(service),
        live_(options.live,
              {[this](Task task) { return pool_.try_post(std::move(task)); },
               // Dropped where there is no server yet or any more: that ends the stream.
               [this](Duration delay, Task task) {
                 HttpServer* http = listening_.load(std::memory_order_acquire);
                 if (http != nullptr) http->after(delay, std::move(task));
               }}),
        pool_(options.query_threads, options.queries_waiting_max) {}

  Status listen(HttpServerOptions options) {
    HC_TRY_ASSIGN(http_, HttpServer::start(std::move(options), [this](HttpRequest request,
                                                                      HttpResponder responder) {
                    handle(ApiRequest::from(std::move(request)), std::move(responder));
                  }));
    listening_.store(http_.get(), std::memory_order_release);
    return {};
  }

  uint16_t port() const { return http_->port(); }

  void stop() {
    stopping_ = true;
    live_.stop();
    if (http_) http_->stop();
    pool_.stop();
  }

 private:
  void handle(ApiRequest request, HttpResponder responder) {
    switch (api_.kind(request)) {
      case Api::Kind::kQuick:
        return respond(api_.handle(request), responder);
      case Api::Kind::kLater:
        // Nothing of this object: the log may answer after the server is gone, and only the
        // responder bears that.
        return api_.submit(std::move(request), [responder](ApiResponse response) {
          responder.send(std::move(response.http));
        });
      case Api::Kind::kBlocks:
        return query(std::make_shared<ApiRequest>(std::move(request)), std::nullopt,
                     std::move(responder));
    }
  }

  /// `left`: how long a long poll that was asked before still waits. The request's owners: the
  /// task, then the timer.
  void query(std::shared_ptr<const ApiRequest> request, std::optional<Duration> left,
             HttpResponder responder) {
    const bool taken = pool_.try_post([this, request, left, responder] {
      auto response = api_.handle(*request);
      const Duration wait = std::min(left.value_or(response.wait), response.wait);
      HttpServer* http = listening_.load(std::memory_order_acquire);
      if (wait <= Duration{} || stopping_ || http == nullptr)
        return respond(std::move(response), responder);
      http->after(kPollEvery, [this, request, wait, responder] {
        query(request, wait - kPollEvery, responder);
      });
    });
    if (!taken) {
      auto busy = problem_of(unavailable("too many queries are waiting"));
      respond(std::move(busy), responder);
    }
  }

  void respond(ApiResponse response, const HttpResponder& responder) {
    if (response.live) return live_.start(std::move(response), responder);
    if (!response.more) return responder.send(std::move(response.http));
    Bytes first = std::move(response.http.body);
    const HttpStream stream = responder.stream(std::move(response.http));
    next_piece(std::make_shared<std::function<bool(Bytes&)>>(std::move(response.more)),
               std::move(first), stream);
  }

  /// Writes a piece and, once it is sent, makes the next one on the pool: a slow reader holds no
  /// thread.
  void next_piece(std::shared_ptr<std::function<bool(Bytes&)>> more, Bytes piece,
                  HttpStream stream) {
    stream.write(std::move(piece), [this, more, stream](bool alive) mutable {
      if (!alive) return;
      const bool taken = pool_.try_post([this, more, stream]() mutable {
        Bytes next;
        if ((*more)(next)) return next_piece(more, std::move(next), stream);
        stream.write(std::move(next), [stream](bool still) mutable {
          if (still) stream.finish();
        });
      });
      if (!taken)
        return;  // the stream is dropped unfinished: the reader sees a broken answer, not a short
                 // one
    });
  }

  Api api_;
  std::atomic<bool> stopping_{false};  // set by stop(); long polls look at it
  // Set once the server listens, before which requests may already arrive.
  std::atomic<HttpServer*> listening_{nullptr};
  LiveStreams live_;  // outlives what may hold a stream: tasks of the pool, timers and writes
  Pool pool_;
  std::unique_ptr<HttpServer> http_;
};

ApiServerOptions api_server_options(const Config& config) {
  ApiServerOptions options;
  options.http.host = config.server.host;
  options.http.port = config.server.port;
  options.http.body_max = 1_MiB;
  for (const auto& source : config.sources) {
    if (source.kind == SourceKind::kHttp)
      options.http.body_max = std::max(options.http.body_max, source.max_body);
  }
  options.http.bodies_in_flight_max =
      std::max(options.http.bodies_in_flight_max, options.http.body_max);
  return options;
}

Result<std::unique_ptr<ApiServer>> ApiServer::start(Service& service, ApiServerOptions options) {
  if (options.query_threads < 1 || options.query_threads > 64)
    return invalid_argument("query_threads must be 1 to 64");
  auto impl = std::make_unique<Impl>(service, options);
  if (auto listening = impl->listen(std::move(options.http)); !listening) {
    impl->stop();
    return std::move(listening).error();
  }
  return std::unique_ptr<ApiServer>(new ApiServer(std::move(impl)));
}

ApiServer::ApiServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ApiServer::~ApiServer() { stop(); }
uint16_t ApiServer::port() const { return impl_->port(); }
void ApiServer::stop() { impl_->stop(); }

}  // namespace hindcast
