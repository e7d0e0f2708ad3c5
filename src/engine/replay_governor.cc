#include "engine/replay_governor.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/process.h"

namespace hindcast {
namespace {

constexpr const char* kCapacityName = "replay.capacity";
constexpr const char* kLimitsName = "replay.limits";
constexpr Duration kSlowly = 1s;      // what moves slowly, or is dear to ask, is asked so often
constexpr Duration kSaveEvery = 10s;  // capacity

/// A remembered value; the default where there is none or it cannot be read.
template <class T, class Decode>
Result<T> remembered(Store& store, const char* name, Decode decode) {
  HC_TRY_ASSIGN(const std::optional<Bytes> bytes, store.get_meta(name));
  if (!bytes) return T();
  Result<T> value = decode(*bytes);
  if (value) return value;
  log_warn("a remembered value begins anew", {{"name", name}, {"error", value.error().message}});
  return T();
}

double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

}  // namespace

ReplayGovernor::ReplayGovernor(Places places, const Limits& configured, LimitChanges changes,
                               Governor governor)
    : at_(std::move(places)),
      configured_(configured),
      changes_(std::move(changes)),
      governor_(std::move(governor)) {
  status_.limits = governor_.limits();
  status_.route = at_.config.replay.route;
}

Result<std::unique_ptr<ReplayGovernor>> ReplayGovernor::open(Places places) {
  Limits configured = limits_of(places.config.replay);
  configured.replay_log_max = places.config.log.retention;
  HC_TRY_ASSIGN(LimitChanges changes,
                remembered<LimitChanges>(places.store, kLimitsName, LimitChanges::decode));
  HC_TRY_ASSIGN(const Capacity capacity,
                remembered<Capacity>(places.store, kCapacityName, Capacity::decode));
  const Limits limits = changes.apply(configured);
  HC_TRY_ASSIGN(Governor governor, Governor::create(limits));
  places.book.set_capacity(capacity);
  places.book.set_limits({limits.sources_at_once, limits.stagger});
  return std::unique_ptr<ReplayGovernor>(
      new ReplayGovernor(std::move(places), configured, std::move(changes), std::move(governor)));
}

ReplayGovernor::~ReplayGovernor() { stop(); }

void ReplayGovernor::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  pthread_setname_np(thread_.native_handle(), "governor");
}

void ReplayGovernor::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
  save_capacity();
}

void ReplayGovernor::run(const std::stop_token& stop) {
  std::mutex mutex;
  while (!stop.stop_requested()) {
    tick(at_.runtime.mono_now());
    std::unique_lock lock(mutex);
    wake_.wait_for(lock, stop, Governor::kTick, [] { return false; });
  }
}

void ReplayGovernor::tick(MonoTime now) {
  if (now - saved_ >= kSaveEvery) {
    saved_ = now;
    save_capacity();
  }
  const Signals signals = measure(now);
  const std::scoped_lock lock(mutex_);
  const Allowance allowance = governor_.tick(signals, now);
  at_.starved(allowance.starved);
  at_.book.govern(allowance, signals.live_apply, now, at_.runtime.wall_now());
  status_.limits = governor_.limits();
  status_.capacity = signals.capacity.events;
  status_.ceiling = allowance.ceiling;
  status_.floor = allowance.floor;
  status_.allowed = allowance.per_second.events;
  status_.subwindows = allowance.subwindows;
  status_.reason = allowance.binding;
  status_.pressure = allowance.pressure;
  status_.ramping = allowance.ramping;
  status_.starved = allowance.starved;
  status_.storm = allowance.storm;
  status_.signals = signals;
  status_.events_per_second = allowance.speed;
  tell(allowance);
}

/// A storm is called by name, once when it begins and once when it is over.
void ReplayGovernor::tell(const Allowance& allowance) {
  if (allowance.storm.has_value() == storm_told_) return;
  storm_told_ = allowance.storm.has_value();
  if (!allowance.storm) return log_info("replay storm is over: the backlog shrinks again", {});
  log_error("replay storm: the backlog grows although replay goes as fast as it can",
            {{"reason", std::string(to_string(allowance.binding))},
             {"missing_events_per_second", allowance.storm->missing_events},
             {"missing_speed", allowance.storm->missing_speed}});
}

Signals ReplayGovernor::measure(MonoTime now) {
  Signals signals;
  uint32_t workers = 0;
  {
    const std::scoped_lock lock(mutex_);
    workers = governor_.limits().subwindows_at_once;
  }
  at_.book.add_to(signals, workers, now);
  const LiveSignals live = at_.live();
  signals.live_apply = {live.apply.quantile(0.99), live.apply.count()};
  signals.live_queue_age = queue_age_.observe(live.appended, live.applied, now);
  signals.replay_log = live.replay_log;
  signals.late_events = live.late_events;
  const StoreHealth store = at_.store.health();
  signals.store = {store.stalled, store.slowed, store.l0_files, store.compaction_share};
  if (measured_slowly_ == MonoTime::min() || now - measured_slowly_ >= kSlowly) measure_slowly(now);
  signals.memory = resident_memory();
  signals.cpu_pressure = cpu_pressure_;
  signals.disk_full = disk_full_;
  return signals;
}

void ReplayGovernor::measure_slowly(MonoTime now) {
  // Not the machine's pressure: replay itself waits for CPUs, at the lowest priority, and would
  // brake itself. What counts is whether live waits.
  const Duration waited = cpu_wait_of("shard-");
  if (measured_slowly_ != MonoTime::min())
    cpu_pressure_ = seconds(waited - live_waited_) / seconds(now - measured_slowly_);
  live_waited_ = waited;
  measured_slowly_ = now;
  const Result<ByteCount> space = at_.files.free_space(at_.config.data_dir);
  // Live needs room for the log that is not written yet, above all.
  disk_full_ = space && *space < ByteCount{at_.config.log.segment.value * 4};
}

void ReplayGovernor::save_capacity() {
  const Capacity capacity = at_.book.capacity();
  if (capacity == saved_capacity_) return;
  saved_capacity_ = capacity;
  if (const Status saved = at_.store.put_meta(kCapacityName, capacity.encode()); !saved)
    log_warn("measured capacity not saved", {{"error", saved.error().message}});
}

Result<Limits> ReplayGovernor::change(const std::map<std::string, std::string>& changes) {
  const std::scoped_lock lock(mutex_);
  LimitChanges next = changes_;
  HC_TRY(next.change(configured_, changes));
  const Limits limits = next.apply(configured_);
  HC_TRY(at_.store.put_meta(kLimitsName, next.encode()));
  HC_TRY(governor_.set(limits));
  changes_ = std::move(next);
  status_.limits = limits;
  at_.book.set_limits({limits.sources_at_once, limits.stagger});
  return limits;
}

GovernorStatus ReplayGovernor::status() const {
  GovernorStatus out;
  {
    const std::scoped_lock lock(mutex_);
    out = status_;
  }
  const JobBook::LateView late = at_.book.late();
  out.late_merged = late.merged;
  out.late_waits_for = late.waits;
  for (const Chain::State& link : at_.chain->states(at_.runtime.mono_now()))
    out.links.push_back({std::string(to_string(link.link)), link.used, link.max, link.blocked});
  return out;
}

}  // namespace hindcast
