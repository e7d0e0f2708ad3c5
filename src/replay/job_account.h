// What is told of a job besides its progress: where its time went, how fast it is, when it will be
// done, and what live felt meanwhile.
//
//   asked for ──► ledger runs ──► paused: it stands ──► ended: it stands, and live's p99 five
//                                                        seconds later is the last that is noted
//
// Time: handed in. Thread safety: confined to its owner (the job book).
#pragma once
#include <deque>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "replay/divergence.h"
#include "replay/pressure.h"
#include "replay/time_ledger.h"

namespace hindcast {

/// Of append to applied, over five seconds; absent: too few applies for a verdict.
struct LiveFelt {
  std::optional<Duration> before;  // the last before it was asked for
  std::optional<Duration> worst;   // of those while it ran
  std::optional<Duration> after;   // the first that lies behind its end
};

class JobAccount {
 public:
  explicit JobAccount(MonoTime now);

  /// Its one reason for its speed, from now on.
  void because(Reason reason, MonoTime now) { ledger_.switch_to(reason, now); }
  void pause(MonoTime now);
  void resume(MonoTime now);
  void end(MonoTime now);

  void did(uint64_t events, MonoTime now);
  /// Twenty times a second. `running`: some worker has a piece of it. True when there is something
  /// new to be written down of a job that has ended.
  bool observe(const LatencySignal& live, const Backlog& left, bool running, bool chosen,
               MonoTime now);

  Reason reason() const { return ledger_.reason(); }
  ReasonTimes times(MonoTime now) const { return ledger_.totals(now); }
  ReasonTimes lately(MonoTime now) const { return ledger_.recent(now); }
  Duration elapsed(MonoTime now) const { return ledger_.elapsed(now); }
  double events_per_second(MonoTime now) const;
  std::optional<Eta> eta() const { return divergence_.eta(); }
  const LiveFelt& live() const { return live_; }

  Bytes encode(MonoTime now) const;  // docs/formats/replay.md
  /// One that stands. Errors: kCorruption.
  static Result<JobAccount> decode(BytesView bytes, MonoTime now);

 private:
  TimeLedger ledger_;
  Divergence divergence_;  // for its forecast
  LiveFelt live_;
  bool asked_ = false;             // `before` was noted, or there was nothing to note
  std::optional<MonoTime> ended_;  // until `after` is noted
  std::deque<std::pair<MonoTime, uint64_t>> done_;  // events, over the last seconds
};

}  // namespace hindcast
