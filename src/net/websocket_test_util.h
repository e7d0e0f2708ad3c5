// An exchange for tests, on a real socket: what a test tells it to send goes to every connection,
// and it notes what it was sent. Waiting is for events, with a deadline that only a failure meets.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "net/websocket_server.h"

namespace hindcast {

class TestExchange final : public WebsocketHandler {
 public:
  explicit TestExchange(WebsocketServerOptions options = {}) {
    server_ = WebsocketServer::listen(std::move(options), *this).value();
    server_->run();
  }
  ~TestExchange() override {
    server_->stop();
    peers_.clear();
  }
  uint16_t port() const { return server_->port(); }
  std::string url(const std::string& target = "/stream") const {
    return "ws://127.0.0.1:" + std::to_string(port()) + target;
  }
  WebsocketServer& server() { return *server_; }

  /// Runs `task` on the I/O thread and waits for it.
  void run(const std::function<void()>& task) {
    std::promise<void> done;
    server_->post([&] {
      task();
      done.set_value();
    });
    ASSERT_EQ(done.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
  }

  /// To every connection, after what it was given before.
  void send(const std::vector<Bytes>& messages) {
    run([&] {
      for (auto& [peer, queue] : peers_) {
        const bool idle = queue.waiting.empty();
        queue.waiting.insert(queue.waiting.end(), messages.begin(), messages.end());
        if (idle) pump(peer);
      }
    });
  }
  void close_all(const std::string& reason) {
    for_all([&](WebsocketPeer& peer) { peer.close(1001, reason); });
  }
  void cut_all() {
    for_all([](WebsocketPeer& peer) { peer.cut(); });
  }
  void hold_all(bool held) {
    for_all([&](WebsocketPeer& peer) { peer.hold(held); });
  }
  void refuse_with(int status) {
    run([&] { refuse_ = status; });
  }

  /// Messages taken by sockets so far.
  size_t taken() {
    size_t out = 0;
    run([&] { out = taken_; });
    return out;
  }
  size_t open() {
    size_t out = 0;
    run([&] { out = peers_.size(); });
    return out;
  }
  /// A client is told before the server's own side knows that a connection is open.
  void wait_open(size_t count) {
    while (open() != count) std::this_thread::yield();
  }
  std::vector<HttpRequest> upgrades() {
    std::vector<HttpRequest> out;
    run([&] { out = upgrades_; });
    return out;
  }
  /// What clients sent, once there are `count`.
  std::vector<Bytes> wait_received(size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(30),
                                  [&] { return received_.size() >= count; }));
    return received_;
  }

 private:
  struct Queue {
    std::shared_ptr<WebsocketPeer> peer;
    std::deque<Bytes> waiting;
  };

  void for_all(const std::function<void(WebsocketPeer&)>& what) {
    run([&] {
      std::vector<std::shared_ptr<WebsocketPeer>> peers;  // they leave while this runs
      for (const auto& [_, queue] : peers_) peers.push_back(queue.peer);
      for (const auto& peer : peers) what(*peer);
    });
  }
  void pump(WebsocketPeer* peer) {
    const auto found = peers_.find(peer);
    if (found == peers_.end() || found->second.waiting.empty()) return;
    peer->send(found->second.waiting.front(), [this, peer] {
      ++taken_;
      const auto at = peers_.find(peer);
      if (at == peers_.end()) return;
      at->second.waiting.pop_front();
      pump(peer);
    });
  }

  void request(HttpRequest request, Respond respond) override {
    HttpResponse response;
    response.body = request.method + " " + request.target + "|" + request.body;
    if (!request.target.starts_with("/slow")) return respond(std::move(response));
    server_->after(std::chrono::milliseconds(1), [respond, response] { respond(response); });
  }
  std::optional<HttpResponse> refuse(const HttpRequest&) override {
    if (refuse_ == 0) return std::nullopt;
    return problem(refuse_, "urn:test", "refused", "");
  }
  void opened(const std::shared_ptr<WebsocketPeer>& peer, const HttpRequest& request) override {
    peers_[peer.get()].peer = peer;
    upgrades_.push_back(request);
  }
  void received(WebsocketPeer&, Bytes message) override {
    const std::lock_guard lock(mutex_);
    received_.push_back(std::move(message));
    changed_.notify_all();
  }
  void closed(WebsocketPeer& peer) override { peers_.erase(&peer); }

  // Of the I/O thread.
  std::map<WebsocketPeer*, Queue> peers_;
  std::vector<HttpRequest> upgrades_;
  size_t taken_ = 0;
  int refuse_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Bytes> received_;  // guarded by mutex_
  std::unique_ptr<WebsocketServer> server_;
};

}  // namespace hindcast
