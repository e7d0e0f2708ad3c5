// How far back a history can be read, and what follows for what has to be read again: until when a
// gap can be refilled, and whether a replay is in time.
//
//   ── forgotten ──┤ replayable_from ├───────── keep ─────────┤ now ├──►   both move with the
//   clock:
//                                                  an instant t is lost at now + (t -
//                                                  replayable_from)
//
// A forecast, no law: what a history says when it is asked decides. Pure: `now` is handed in.
// Thread safety: any thread.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "format/config.h"
#include "progress/coverage.h"
#include "progress/replay_job.h"

namespace hindcast {

/// The oldest instant that the history of `source` gives at `now`, by its operator's word (`keep`).
/// nullopt: it forgets nothing, or there is no history.
std::optional<EventTime> replayable_from(const SourceConfig& source, ProcessingTime now);

struct Horizon {
  EventTime from{};  // what lies before it can no longer be read
  ProcessingTime now{};
  /// How long `at` can still be read; negative: it is forgotten. Saturates at the ends of time.
  Duration left(EventTime at) const;
  ProcessingTime lost_at(EventTime at) const;
};

/// Until when an open gap can be refilled: by the oldest part of it that is open.
struct Refillable {
  EventTime replayable_from{};
  ProcessingTime lost_at{};
  Duration left{};  // until then; negative: since then
  bool operator==(const Refillable&) const = default;
};
/// nullopt: no hole is open.
std::optional<Refillable> refillable(const std::vector<Hole>& holes, const Horizon& horizon);

/// What history forgets of a replay's work.
struct ReplayHorizon {
  EventTime replayable_from{};
  Duration keep{};           // how far back that is
  ProcessingTime lost_at{};  // of the oldest instant that is left
  /// From the first to the last instant of what is left and forgotten already.
  std::optional<Window> unreadable;
  /// Whether all that is left is read before it is lost. Absent: nobody can say.
  std::optional<bool> in_time;
  /// Of what is still readable, the instant that would be read latest after its loss.
  struct TooLate {
    EventTime at{};
    ProcessingTime lost_at{}, read_at{};
    bool operator==(const TooLate&) const = default;
  };
  std::optional<TooLate> too_late;
  bool operator==(const ReplayHorizon&) const = default;
};
/// How what is left is being read: stretches in the order in which they are begun, each from its
/// oldest instant on, so many at once at an even speed, and all of them within `takes`. What is
/// forgotten costs no time: history says so at once.
struct Pace {
  std::vector<Window> reading;
  uint32_t at_once = 1;  // at least 1
  Duration takes{};
};
/// `left`: what is to be read yet, by time, without overlaps. `pace` only where it is honest
/// (replay/divergence.h). nullopt: nothing is left.
///
/// Checked by horizon_property_test against a replay that is played hour by hour. Newest first, the
/// oldest stretch is begun last and decides. Oldest first, only a replay that is hardly faster than
/// the clock is too late for what can still be read.
std::optional<ReplayHorizon> replay_horizon(const std::vector<Window>& left, const Horizon& horizon,
                                            const std::optional<Pace>& pace);

/// What people must know of it and what helps, a sentence each; none: nothing is lost as far as
/// anybody can say.
std::vector<std::string> warnings_of(const ReplayHorizon& horizon, ReplayOrder order);

}  // namespace hindcast
