#include "engine/replay_process.h"

#include <condition_variable>
#include <future>
#include <thread>
#include <utility>

#include "base/log.h"
#include "base/thread_class.h"

namespace hindcast {
namespace {

constexpr Duration kBackoffMin = 100ms, kBackoffMax = 30s;
// Of what a process says: a commit of one page that is as dense as can be, and room to spare.
constexpr ByteCount kPayloadMax = 256_MiB;

}  // namespace

struct ChildStarter::Impl {
  struct Order {
    const ChildProcessOptions& options;
    std::promise<Result<ChildProcess>> child;
  };

  void run(const std::stop_token& stop) {
    name_this_thread("replay-start");
    std::unique_lock lock(mutex);
    while (changed.wait(lock, stop, [&] { return !orders.empty(); })) {
      Order* const order = orders.front();
      orders.erase(orders.begin());
      lock.unlock();
      order->child.set_value(ChildProcess::start(order->options));
      lock.lock();
    }
    for (Order* order : orders) order->child.set_value(unavailable("the daemon is stopping"));
  }

  std::mutex mutex;
  std::condition_variable_any changed;
  std::vector<Order*> orders;  // guarded by mutex; each waits on its caller's stack
  std::jthread thread{[this](const std::stop_token& stop) { run(stop); }};
};

ChildStarter::ChildStarter() : impl_(std::make_unique<Impl>()) {}
ChildStarter::~ChildStarter() = default;

Result<ChildProcess> ChildStarter::start(const ChildProcessOptions& options) {
  Impl::Order order{options, {}};
  std::future<Result<ChildProcess>> child = order.child.get_future();
  {
    const std::scoped_lock lock(impl_->mutex);
    impl_->orders.push_back(&order);
  }
  impl_->changed.notify_all();
  return child.get();
}

ReplayProcess::ReplayProcess(Setup setup)
    : setup_(std::move(setup)), rng_(setup_.worker + 1), backoff_(kBackoffMin, kBackoffMax) {}

void ReplayProcess::ready() {
  look();
  if (running_) {
    lost_.reset();
    return;
  }
  if (const Status started = start(); !started) {
    log_warn("replay process not started",
             {{"worker", setup_.worker}, {"error", started.error().message}});
    not_before_ = setup_.now() + backoff_.next(rng_);
    lost_ = {.on_it = false, .how = "could not be started: " + started.error().message};
  }
}

Status ReplayProcess::start() {
  {
    const std::scoped_lock lock(mutex_);
    if (shut_) return unavailable("the daemon is stopping");
  }
  HC_TRY_ASSIGN(auto ends, FrameChannel::pair());
  HC_TRY_ASSIGN(ChildProcess child, setup_.starter->start({.arguments = setup_.command,
                                                           .output = "/dev/null",
                                                           .channel = ends.second.descriptor()}));
  // As long as this process has the other end as well, a death does not end the channel.
  { const FrameChannel given(std::move(ends.second)); }
  {
    const std::scoped_lock lock(mutex_);
    if (shut_) return unavailable("the daemon is stopping");
    running_.emplace(std::move(child), std::move(ends.first));
  }
  lost_.reset();
  log_info("replay process started", {{"worker", setup_.worker}, {"pid", *pid()}});
  const Result<wire::Done> greeted = call(
      wire::Call::kHello, setup_.hello,
      [](wire::Ask, BytesView) -> Result<Bytes> { return corruption("asked before its turn"); });
  if (greeted && greeted->error) bury(false, *greeted->error);
  return {};  // a death since then is lost()
}

void ReplayProcess::look() {
  if (running_ && running_->channel.ended()) bury(false, unavailable("ended"));
}

Result<wire::Done> ReplayProcess::call(wire::Call call, BytesView content, const Answer& answer) {
  look();  // a death that came before is not the piece's doing
  if (!running_) return unavailable("the replay process is dead");
  Result<wire::Done> done = exchange(call, content, answer);
  if (!done) bury(call != wire::Call::kHello, done.error());
  // A subwindow is done: the next death is not one of a row.
  if (done && done->state && !done->state->results.empty()) backoff_.reset();
  return done;
}

Result<wire::Done> ReplayProcess::exchange(wire::Call call, BytesView content,
                                           const Answer& answer) {
  FrameChannel& channel = running_->channel;
  HC_TRY(channel.send(static_cast<uint8_t>(call), content, setup_.patience));
  while (true) {
    HC_TRY_ASSIGN(const FrameChannel::Frame frame, channel.receive(kPayloadMax, setup_.patience));
    if (frame.type == wire::kDone) return wire::decode_done(frame.payload);
    HC_TRY_ASSIGN(const Bytes answered, answer(static_cast<wire::Ask>(frame.type), frame.payload));
    HC_TRY(channel.send(wire::kAnswer, answered, setup_.patience));
  }
}

void ReplayProcess::tell(wire::Call call) {
  if (!running_) return;
  const Status told = running_->channel.send(static_cast<uint8_t>(call), {}, setup_.patience);
  if (!told) bury(false, told.error());
}

void ReplayProcess::distrust(const Error& why) {
  if (running_) bury(true, why);
}

void ReplayProcess::bury(bool on_it, const Error& why) {
  std::optional<Running> dead;
  bool stopping = false;
  const int pid = running_->child.pid();
  {
    const std::scoped_lock lock(mutex_);
    dead.emplace(*std::move(running_));
    running_.reset();
    stopping = shut_;
  }
  // One that closed its channel by dying says more than the channel does; killing it again does not
  // change what it says.
  const bool gone = why.code != ErrorCode::kCorruption && dead->channel.ended();
  dead->child.kill();
  dead->child.wait();
  const std::string how =
      gone ? "ended with " + dead->child.how_it_ended() : "was ended: " + why.message;
  lost_ = {.on_it = on_it && !stopping, .how = how};
  if (stopping) return;
  restarts_.fetch_add(1, std::memory_order_relaxed);
  not_before_ = setup_.now() + backoff_.next(rng_);
  log_warn("a replay process died; another one goes on from what is committed",
           {{"worker", setup_.worker}, {"pid", pid}, {"how", how}, {"at_work", on_it}});
}

void ReplayProcess::shut() {
  const std::scoped_lock lock(mutex_);
  shut_ = true;
  if (running_) running_->channel.shut();
}

std::optional<int> ReplayProcess::pid() const {
  const std::scoped_lock lock(mutex_);
  return running_ ? std::optional(running_->child.pid()) : std::nullopt;
}

}  // namespace hindcast
