// Why a job goes as fast as it goes: every moment of its time is charged to exactly one Reason, so
// that the reasons of its report add up to the time it took.
//
//   workers' waits ─ explain() ─► one Reason ─ switch_to() ─► totals, and the last ten seconds
//
// Time: handed in; a clock that steps back charges nothing. Thread safety: confined to its owner.
#pragma once
#include <array>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "replay/reason.h"

namespace hindcast {

/// The one reason for a job whose workers wait for `workers` (kReader and kCompute while at work).
/// A job without a worker is slow because of `otherwise`: kConcurrency, kSchedule, kStream,
/// kBudget.
///
/// Of several, what was decided outranks what happens, and what is shared outranks what is the
/// job's own; so whoever waits for the valve is not explained away by a colleague who computes:
///
///   budget, schedule, memory, live-latency, floor, rate    the job would go faster without them
///   stream, store, concurrency                             others are to go on first
///   reader, then compute                                   it is as fast as it can be
Reason explain(const std::vector<Reason>& workers, Reason otherwise);

/// Invariant, checked by time_ledger_property_test: the totals add up to elapsed(), to the
/// nanosecond, whatever the order of calls.
class TimeLedger {
 public:
  static constexpr Duration kRecent = 10s;

  /// Runs from `start`, charging `reason` until told otherwise.
  TimeLedger(Reason reason, MonoTime start) : reason_(reason), charged_to_(start) {}

  /// From `now` on, time is charged to `reason`.
  void switch_to(Reason reason, MonoTime now);
  /// No time is charged until resume(): the job is paused or at its end.
  void stop(MonoTime now);
  void resume(Reason reason, MonoTime now);

  Reason reason() const { return reason_; }
  ReasonTimes totals(MonoTime now) const;
  Duration elapsed(MonoTime now) const;
  /// Of the last ten seconds, in steps of one: what people are shown as "now". Adds up to between
  /// nine and ten seconds, less when the ledger did not run all that time.
  ReasonTimes recent(MonoTime now) const;

  /// The totals, to go on with after a restart (docs/formats/replay.md). The time in which no
  /// process ran is nobody's.
  Bytes encode(MonoTime now) const;
  /// A stopped ledger. Errors: kCorruption.
  static Result<TimeLedger> decode(BytesView bytes, MonoTime now);

 private:
  static constexpr Duration kSlot = 1s;
  void charge(MonoTime now);
  void turn_to(MonoTime now);

  Reason reason_;
  bool running_ = true;
  MonoTime charged_to_;
  ReasonTimes totals_{};
  std::array<ReasonTimes, kRecent / kSlot> slots_{};
  int64_t slot_ = INT64_MIN;  // number of the newest slot: time / kSlot
};

}  // namespace hindcast
