#include "replay/job_account.h"

#include <algorithm>

namespace hindcast {
namespace {

constexpr uint8_t kVersion = 1;
constexpr Duration kSpeedOver = 5s;  // the speed shown is that of the last so many seconds
constexpr Duration kLiveOver = 5s;   // as far as a latency signal looks back
constexpr Duration kTarget = 1h;     // of a storm, which is nothing to a single job

}  // namespace

JobAccount::JobAccount(MonoTime now) : ledger_(Reason::kSchedule, now), divergence_(kTarget) {}

void JobAccount::pause(MonoTime now) { ledger_.stop(now); }
void JobAccount::resume(MonoTime now) { ledger_.resume(Reason::kSchedule, now); }
void JobAccount::end(MonoTime now) {
  ledger_.stop(now);
  ended_ = now;
}

void JobAccount::did(uint64_t events, MonoTime now) {
  done_.emplace_back(now, events);
  while (now - done_.front().first > kSpeedOver) done_.pop_front();
}

bool JobAccount::observe(const LatencySignal& live, const Backlog& left, bool running, bool chosen,
                         MonoTime now) {
  const std::optional<Duration> p99 =
      live.samples < kLiveSamplesMin ? std::nullopt : std::optional(live.p99);
  if (!asked_) {
    asked_ = true;
    if (!live_.before) live_.before = p99;
  }
  if (ended_) {
    if (now - *ended_ < kLiveOver) return false;
    ended_.reset();
    live_.after = p99;
    return true;
  }
  if (running && p99) live_.worst = std::max(live_.worst.value_or(*p99), *p99);
  divergence_.observe(left, chosen, now);
  return false;
}

double JobAccount::events_per_second(MonoTime now) const {
  uint64_t events = 0;
  for (const auto& [at, count] : done_) {
    if (now - at <= kSpeedOver) events += count;
  }
  const Duration over = std::clamp<Duration>(ledger_.elapsed(now), 1ms, kSpeedOver);
  return static_cast<double>(events) / std::chrono::duration<double>(over).count();
}

Bytes JobAccount::encode(MonoTime now) const {
  Bytes out;
  put_u8(out, kVersion);
  for (const auto& latency : {live_.before, live_.worst, live_.after})
    put_varint(out, latency ? static_cast<uint64_t>(latency->count()) + 1 : 0);
  out += ledger_.encode(now);
  return out;
}

Result<JobAccount> JobAccount::decode(BytesView bytes, MonoTime now) {
  ByteReader in(bytes);
  JobAccount out(now);
  out.asked_ = true;
  bool sane = in.u8() == kVersion;
  for (std::optional<Duration>* latency : {&out.live_.before, &out.live_.worst, &out.live_.after}) {
    const uint64_t nanos = in.varint();
    sane = sane && nanos <= uint64_t{INT64_MAX};
    if (nanos > 0) *latency = Duration(static_cast<int64_t>(nanos - 1));
  }
  if (!sane || !in.ok()) return corruption("not an account of a replay");
  HC_TRY_ASSIGN(out.ledger_, TimeLedger::decode(in.bytes(in.remaining()), now));
  return out;
}

}  // namespace hindcast
