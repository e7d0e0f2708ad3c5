// Late events beside the jobs: the same ceiling, floor and reasons.
#include <algorithm>

#include "base/assert.h"
#include "replay/job_book_internal.h"

namespace hindcast {
namespace {
constexpr Duration kAskAgain = 100ms;   // speeds may change meanwhile
constexpr Duration kOthersTurn = 10ms;  // it asks soon
}  // namespace

/// When a side may take from the bucket that both share: when there is enough in it, and it is not
/// the other one's turn.
MonoTime JobBook::ready_for(FairPair::Side side, uint64_t events, MonoTime now) const {
  const MonoTime ready = throttle_.ready_at({.events = events}, now);
  if (ready > now || sides_.may_take(side, now)) return ready;
  return now + kOthersTurn;
}

std::optional<JobBook::Wait> JobBook::allow_late(PartitionId partition, uint64_t events,
                                                 MonoTime now) {
  const std::scoped_lock lock(mutex_);
  last_now_ = std::max(last_now_, now);
  if (const MonoTime ready = ready_for(FairPair::Side::kLate, events, now); ready > now) {
    throttled_ = true;
    sides_.waits(FairPair::Side::kLate, now);
    late_[partition] = allowance_.limit;
    return Wait{std::min(ready, now + kAskAgain), allowance_.limit};
  }
  HC_ASSERT(throttle_.try_take({.events = events}, now));
  sides_.took(FairPair::Side::kLate, events, now);
  return std::nullopt;
}

void JobBook::late_because(PartitionId partition, std::optional<Reason> reason) {
  const std::scoped_lock lock(mutex_);
  if (reason) {
    late_[partition] = *reason;
  } else {
    late_.erase(partition);
  }
}

void JobBook::late_merged(const Work& done, const Busy& busy, MonoTime now) {
  const std::scoped_lock lock(mutex_);
  last_now_ = std::max(last_now_, now);
  late_merged_ += done.events;
  done_ += done;
  capacity_.add(done, busy);
  throttle_.charge({.store_ops = done.store_ops}, now);  // allow_late() has taken the events
}

JobBook::LateView JobBook::late() const {
  const std::scoped_lock lock(mutex_);
  LateView out{late_merged_, std::nullopt};
  std::vector<Reason> reasons;
  for (const auto& [partition, reason] : late_) reasons.push_back(reason);
  if (!reasons.empty()) out.waits = explain(reasons, Reason::kCompute);
  return out;
}

}  // namespace hindcast
