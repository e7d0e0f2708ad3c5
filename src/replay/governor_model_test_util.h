// A small world on virtual time, closed around the governor: a live lane that suffers from replay,
// a store with a speed of its own, workers, and sources that lost time. Nothing here knows the
// governor's rules; it only has queues and service times.
//
//   sources ─ fair queue ─► workers: allowance ─ compute ─ credits ─► store ─► done
//   live lane: service time / (1 - utilisation), which computing raises
#pragma once
#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "base/rng.h"
#include "replay/capacity.h"
#include "replay/credits.h"
#include "replay/fair_queue.h"
#include "replay/governor.h"
#include "replay/quantiles.h"
#include "replay/throttle.h"
#include "replay/time_ledger.h"

namespace hindcast {

struct WorldOptions {
  Limits limits;
  double live_load = 0.5;  // utilisation of the live lane by itself
  double harm = 1e-6;      // what an event of replay per second adds to that
  Duration live_service = 200us;
  double store_speed = 400'000;  // events per second
  Duration compute = 2us;        // of an event, on one of
  uint32_t workers = 2;
  uint64_t piece = 16'384;  // events
  double density = 10'000;  // events per event-second, of every source
};

struct WorldSource {
  double backlog = 0;   // events
  double arriving = 0;  // more of them per second
  MonoTime starts_at{};
  double committed = 0;
};

class World {
 public:
  static constexpr Duration kStep = 2ms;

  World(const WorldOptions& world, std::vector<WorldSource> lost)
      : options(world), sources(std::move(lost)), workers_(world.workers) {}

  void run(
      Duration time, const std::function<void(World&)>& each_tick = [](World&) {}) {
    for (const MonoTime end = now + time; now < end;) step(each_tick);
  }
  bool run_until_caught_up(Duration at_most, const std::function<void(World&)>& each_tick) {
    const MonoTime end = now + at_most;
    while (now < end && backlog() >= 1) step(each_tick);
    return backlog() < 1;
  }

  double backlog() const {
    double sum = 0;
    for (const WorldSource& source : sources) sum += source.backlog;
    return sum;
  }
  Duration elapsed() const { return now - started; }

  // What the test changes while it runs, and looks at.
  WorldOptions options;
  std::vector<WorldSource> sources;
  const MonoTime started{Duration{1'000'000'000'000}};
  MonoTime now = started;
  bool store_stopped = false;
  Allowance allowance;  // of the last tick, as is
  Duration live_p99{};
  Capacity capacity;
  TimeLedger ledger{Reason::kSchedule, started};
  double committed = 0;
  Governor governor = Governor::create(options.limits).value();

 private:
  struct Worker {
    enum class At { kNothing, kAllowance, kCompute, kCredits, kStore } at = At::kNothing;
    Turn turn;
    Duration compute_left{};
  };
  struct InStore {
    size_t worker;
    double left;
    MonoTime since;
  };

  static LatencySignal signal_of(const LatencyWindow& window, MonoTime now) {
    LatencyCounts counts;
    window.add_to(counts, now);
    return {counts.quantile(0.99), counts.count()};
  }

  void step(const std::function<void(World&)>& each_tick) {
    if ((now - started) % Governor::kTick == Duration(0)) {
      tick();
      each_tick(*this);
    }
    const double seconds = std::chrono::duration<double>(kStep).count();
    for (size_t i = 0; i < sources.size(); ++i) {
      sources[i].backlog += sources[i].arriving * seconds;
      offer(i);
    }
    computed_ *= std::exp(-seconds / 0.1);
    for (size_t i = 0; i < workers_.size(); ++i) work(i);
    serve_store(seconds);
    serve_live();
    account();
    now += kStep;
  }

  void offer(size_t i) {
    if (now < sources[i].starts_at) return;
    const StreamId stream{static_cast<uint32_t>(i)};
    const double waiting = sources[i].backlog - queued_[i];
    const auto events = std::min(options.piece, static_cast<uint64_t>(std::max(waiting, 0.0)));
    if (events == 0 || (events < options.piece && sources[i].arriving > 0)) return;
    if (queue_.push({stream, 0, events})) queued_[i] += static_cast<double>(events);
  }

  void work(size_t i) {
    Worker& worker = workers_[i];
    Duration left = kStep;
    if (worker.at == Worker::At::kNothing && busy() < allowance.subwindows) {
      if (const auto turn = queue_.pop()) worker = {Worker::At::kAllowance, *turn, {}};
    }
    if (worker.at == Worker::At::kAllowance) {
      if (!throttle_.try_take({.events = worker.turn.cost}, now)) {
        throttled_ = true;
        return;
      }
      worker.at = Worker::At::kCompute;
      worker.compute_left = options.compute * static_cast<int64_t>(worker.turn.cost);
    }
    if (worker.at == Worker::At::kCompute) {
      const Duration spent = std::min(left, worker.compute_left);
      worker.compute_left -= spent;
      computed_ += static_cast<double>(spent / options.compute) / 0.1;
      if (worker.compute_left > Duration(0)) return;
      worker.at = Worker::At::kCredits;
    }
    if (worker.at == Worker::At::kCredits) {
      if (!credits_.try_take(i, ByteCount{worker.turn.cost * 8}, now)) return;
      worker.at = Worker::At::kStore;
      store_.push_back({i, static_cast<double>(worker.turn.cost), now});
    }
  }

  void serve_store(double seconds) {
    double able = store_stopped ? 0 : options.store_speed * seconds;
    while (!store_.empty() && able > 0) {
      InStore& first = store_.front();
      const double served = std::min(able, first.left);
      first.left -= served;
      able -= served;
      if (first.left > 0) break;
      finish(first);
      store_.pop_front();
    }
  }

  void finish(const InStore& commit) {
    Worker& worker = workers_[commit.worker];
    const auto events = static_cast<double>(worker.turn.cost);
    commits_->record(now + kStep - commit.since, now);
    credits_.give_back(ByteCount{worker.turn.cost * 8});
    const Duration in_store(static_cast<int64_t>(events / options.store_speed * 1e9));
    capacity.add(
        {.events = worker.turn.cost},
        {.compute = options.compute * static_cast<int64_t>(worker.turn.cost), .store = in_store});
    WorldSource& source = sources[worker.turn.stream.value];
    source.backlog -= events;
    source.committed += events;
    queued_[worker.turn.stream.value] -= events;
    committed += events;
    done_ += worker.turn.cost;
    worker.at = Worker::At::kNothing;
  }

  // Two arrivals a step; how long each takes is exponential around the mean.
  void serve_live() {
    const double load = std::min(options.live_load + options.harm * computed_, 0.995);
    const double mean = static_cast<double>(options.live_service.count()) / (1 - load);
    for (int i = 0; i < 2; ++i)
      live_->record(Duration(static_cast<int64_t>(-mean * std::log(1 - rng_.unit()))), now);
  }

  std::vector<Reason> reasons(bool with_allowance) const {
    std::vector<Reason> out;
    for (const Worker& worker : workers_) {
      if (worker.at == Worker::At::kAllowance && with_allowance) out.push_back(allowance.limit);
      if (worker.at == Worker::At::kCompute) out.push_back(Reason::kCompute);
      if (worker.at == Worker::At::kCredits || worker.at == Worker::At::kStore)
        out.push_back(Reason::kStore);
    }
    return out;
  }
  void account() { ledger.switch_to(explain(reasons(true), without_worker()), now + kStep); }
  Reason without_worker() const { return queue_.empty() ? Reason::kSchedule : allowance.limit; }

  void tick() {
    Signals signals;
    signals.live_apply = signal_of(*live_, now);
    live_p99 = signals.live_apply.p99;
    signals.commit = signal_of(*commits_, now);
    signals.store.stopped = store_stopped;
    signals.done.events = done_;
    signals.capacity = capacity.per_second(options.workers);
    const double left = backlog();
    signals.running = left >= 1;
    signals.backlog = {Duration(static_cast<int64_t>(left / options.density * 1e9)),
                       static_cast<uint64_t>(left)};
    signals.throttled = throttled_;
    signals.otherwise = explain(reasons(false), Reason::kConcurrency);
    allowance = governor.tick(signals, now);
    throttle_.set(allowance.per_second, now);
    done_ = 0;
    throttled_ = false;
  }

  uint16_t busy() const {
    return static_cast<uint16_t>(
        std::count_if(workers_.begin(), workers_.end(),
                      [](const Worker& w) { return w.at != Worker::At::kNothing; }));
  }

  Rng rng_{7};
  std::unique_ptr<LatencyWindow> live_ = std::make_unique<LatencyWindow>();
  std::unique_ptr<LatencyWindow> commits_ = std::make_unique<LatencyWindow>();
  FairQueue queue_{65'536, 4};
  std::vector<double> queued_ =
      std::vector<double>(64, 0);  // of each source: in the queue or at work
  Throttle throttle_{now};
  Credits credits_{512_KiB};
  std::vector<Worker> workers_;
  std::deque<InStore> store_;
  double computed_ = 0;  // events per second, over about a tenth of one
  uint64_t done_ = 0;
  bool throttled_ = false;
};

}  // namespace hindcast
