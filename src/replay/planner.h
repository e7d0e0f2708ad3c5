// Cuts a range of event time into subwindows: the unit of replay, small enough that its working set
// fits a fixed budget. Sparse page windows go together, dense ones are split by ranges of slots.
//
//   events per window   12  0  9 │ 40 000 │      400 000      │ 3 …
//   subwindows         └─ one ──┘└─ one ──┘└ slots 0–1 … 14–15 ┘└─
//
// Pure: no clock, no I/O. Gives one subwindow after the other, so that a year of seconds is a plan
// without a list. Thread safety: a value; confined to its owner.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "base/units.h"
#include "progress/replay_job.h"

namespace hindcast {

/// Events and bytes (as history delivers them) that one page window is expected to hold, from the
/// window that holds `from` up to the next step.
struct DensityStep {
  EventTime from{};
  uint64_t events = 0;
  ByteCount bytes;
  bool operator==(const DensityStep&) const = default;
};

struct PlannerLimits {
  uint64_t events_max = 65'536;  // of a subwindow; larger means fewer reads of history, and more
                                 // memory and loss on cancel
  ByteCount bytes_max = 4_MiB;   // likewise
  uint64_t pages_max = 4'096;    // expected to be touched: bounds the heads to compare
};

struct PlannerOptions {
  Window range;  // not empty; its ends need no alignment
  Duration page_window = 1h;
  uint16_t slots = 16;
  /// By `from`; windows before the first step are as the first. Empty: nothing is known, and no
  /// windows are merged.
  std::vector<DensityStep> density;
  ReplayOrder order = ReplayOrder::kOldestFirst;
  PlannerLimits limits;
};

/// One slice: [start, end) of the slots [slot_begin, slot_end). Its ends lie on page windows, but
/// for those that are ends of the whole range.
struct SubwindowPlan {
  Window range;
  uint16_t slot_begin = 0, slot_end = 0;
  uint64_t events = 0;  // expected
  ByteCount bytes;      // expected
  bool operator==(const SubwindowPlan&) const = default;
};

/// How far a plan has got: a job keeps it, and a restart goes on there, whatever the densities and
/// limits are by then. Oldest first: all before `at` is planned; newest first: all from `at` on.
/// Of the page window that comes next, the slots below `slot` are planned too.
struct PlanCursor {
  EventTime at{};
  uint16_t slot = 0;
  bool operator==(const PlanCursor&) const = default;
};

/// Invariants, checked by planner_property_test:
///  (1) The subwindows tile range x slots: everything once, in order.
///  (2) Each is within the limits as expected, unless it is one slot of one page window.
///  (3) Going on from any cursor with other densities still tiles the rest.
class Planner {
 public:
  /// Errors: kInvalidArgument naming what is wrong.
  static Result<Planner> create(PlannerOptions options,
                                std::optional<PlanCursor> from = std::nullopt);

  /// nullopt: the range is planned.
  std::optional<SubwindowPlan> next();
  /// Behind the subwindow given last.
  PlanCursor cursor() const { return cursor_; }

 private:
  Planner(PlannerOptions options, PlanCursor cursor);
  bool at_end() const;
  bool oldest_first() const { return options_.order == ReplayOrder::kOldestFirst; }
  Window next_window() const;
  struct Run {
    DensityStep density;
    uint64_t windows;
  };
  Run run_at(Window window) const;
  uint16_t slots_that_fit(const DensityStep& density) const;
  SubwindowPlan piece_of(Window window, const DensityStep& density);
  void advance(Window window, uint64_t count);
  SubwindowPlan merged_from(Window window);

  PlannerOptions options_;
  PlanCursor cursor_;
};

}  // namespace hindcast
