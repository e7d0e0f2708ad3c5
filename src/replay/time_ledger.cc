#include "replay/time_ledger.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace hindcast {
namespace {

constexpr uint8_t kVersion = 1;

/// Highest first.
constexpr Reason kPrecedence[] = {
    Reason::kBudget,      Reason::kSchedule, Reason::kMemory,  Reason::kLiveLatency,
    Reason::kFloor,       Reason::kRate,     Reason::kStream,  Reason::kStore,
    Reason::kConcurrency, Reason::kReader,   Reason::kCompute,
};
static_assert(std::size(kPrecedence) == kReasons);

Duration& of(ReasonTimes& times, Reason reason) { return times[static_cast<size_t>(reason)]; }

Duration sum(const ReasonTimes& times) {
  return std::accumulate(times.begin(), times.end(), Duration(0));
}

}  // namespace

Reason explain(const std::vector<Reason>& workers, Reason otherwise) {
  const auto* const found = std::find_first_of(std::begin(kPrecedence), std::end(kPrecedence),
                                               workers.begin(), workers.end());
  return found == std::end(kPrecedence) ? otherwise : *found;
}

void TimeLedger::switch_to(Reason reason, MonoTime now) {
  charge(now);
  reason_ = reason;
}

void TimeLedger::stop(MonoTime now) {
  charge(now);
  running_ = false;
}

void TimeLedger::resume(Reason reason, MonoTime now) {
  charge(now);
  reason_ = reason;
  running_ = true;
}

void TimeLedger::charge(MonoTime now) {
  if (now <= charged_to_) return;
  if (running_) of(totals_, reason_) += now - charged_to_;
  // The slots, second by second; what is older than they reach needs no slot.
  MonoTime at = std::max(charged_to_, now - kRecent);
  while (at < now) {
    turn_to(at);
    const MonoTime end = std::min(now, MonoTime((slot_ + 1) * kSlot));
    if (running_) of(slots_[static_cast<size_t>(slot_) % slots_.size()], reason_) += end - at;
    at = end;
  }
  charged_to_ = now;
}

void TimeLedger::turn_to(MonoTime now) {
  const int64_t number = now.time_since_epoch() / kSlot;
  const auto slots = static_cast<int64_t>(slots_.size());
  for (int64_t each = std::max(slot_ + 1, number - slots + 1); each <= number; ++each)
    slots_[static_cast<size_t>(each) % slots_.size()] = {};
  slot_ = std::max(slot_, number);
}

ReasonTimes TimeLedger::totals(MonoTime now) const {
  TimeLedger copy = *this;
  copy.charge(now);
  return copy.totals_;
}

Duration TimeLedger::elapsed(MonoTime now) const { return sum(totals(now)); }

ReasonTimes TimeLedger::recent(MonoTime now) const {
  TimeLedger copy = *this;
  copy.charge(now);
  copy.turn_to(copy.charged_to_);
  ReasonTimes out{};
  for (const ReasonTimes& slot : copy.slots_)
    for (size_t i = 0; i < kReasons; ++i) out[i] += slot[i];
  return out;
}

Bytes TimeLedger::encode(MonoTime now) const {
  Bytes out;
  put_u8(out, kVersion);
  put_varint(out, kReasons);
  for (const Duration time : totals(now)) put_varint(out, static_cast<uint64_t>(time.count()));
  return out;
}

Result<TimeLedger> TimeLedger::decode(BytesView bytes, MonoTime now) {
  ByteReader in(bytes);
  TimeLedger ledger(Reason::kSchedule, now);
  ledger.running_ = false;
  const bool known = in.u8() == kVersion && in.varint() == kReasons;
  bool sane = true;
  for (Duration& time : ledger.totals_) {
    const uint64_t nanos = in.varint();
    sane = sane && nanos < (uint64_t{1} << 59);  // eighteen years; eleven of them do not overflow
    time = Duration(static_cast<int64_t>(nanos));
  }
  if (!known || !sane || !in.ok() || !in.at_end())
    return corruption("not a ledger of replay times");
  return ledger;
}

}  // namespace hindcast
