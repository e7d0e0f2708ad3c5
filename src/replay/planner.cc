#include "replay/planner.h"

#include <algorithm>
#include <string>

#include "base/rng.h"

namespace hindcast {
namespace {

__extension__ using Int128 = __int128;

/// part / whole of `total`, rounded up: an expectation is never understated.
uint64_t share(uint64_t total, uint64_t part, uint64_t whole) {
  return static_cast<uint64_t>((uint128_{total} * part + whole - 1) / whole);
}

}  // namespace

Result<Planner> Planner::create(PlannerOptions options, std::optional<PlanCursor> from) {
  const Window& range = options.range;
  if (range.start >= range.end) return invalid_argument("the range to replay is empty");
  if (options.page_window <= 0ns) return invalid_argument("page window must be positive");
  if (options.slots == 0) return invalid_argument("a page window has at least one slot");
  const PlannerLimits& limits = options.limits;
  if (limits.events_max == 0 || limits.bytes_max.value == 0 || limits.pages_max == 0) {
    return invalid_argument("a subwindow must be allowed some events, bytes and pages");
  }
  if (!std::ranges::is_sorted(options.density, {}, &DensityStep::from)) {
    return invalid_argument("density estimates must be in order of time");
  }
  const bool oldest = options.order == ReplayOrder::kOldestFirst;
  const PlanCursor cursor = from.value_or(PlanCursor{oldest ? range.start : range.end, 0});
  if (cursor.at < range.start || cursor.at > range.end || cursor.slot >= options.slots) {
    return invalid_argument("progress at " + to_rfc3339(cursor.at) + " slot " +
                            std::to_string(cursor.slot) + " lies outside the range");
  }
  return Planner(std::move(options), cursor);
}

Planner::Planner(PlannerOptions options, PlanCursor cursor)
    : options_(std::move(options)), cursor_(cursor) {}

bool Planner::at_end() const {
  return cursor_.at == (oldest_first() ? options_.range.end : options_.range.start);
}

/// The page window beside the cursor, clipped to the range and to the cursor.
Window Planner::next_window() const {
  if (oldest_first()) {
    const Window page = window_of(cursor_.at, options_.page_window);
    return {cursor_.at, std::min(page.end, options_.range.end)};
  }
  const EventTime start = align_down(cursor_.at - 1ns, options_.page_window);
  return {std::max(start, options_.range.start), cursor_.at};
}

/// The estimate of the window that starts at or holds `at`, and how many windows from it on (in the
/// direction of the plan) have the same.
Planner::Run Planner::run_at(Window window) const {
  const std::vector<DensityStep>& steps = options_.density;
  if (steps.empty()) return {{}, 1};
  const Duration size = options_.page_window;
  const EventTime last = window_of(window.start, size).end - 1ns;
  auto next = std::ranges::upper_bound(steps, last, {}, &DensityStep::from);
  if (next == steps.begin()) ++next;  // before the first step is as the first
  const DensityStep& here = *std::prev(next);
  // Where another estimate begins to hold, seen along the plan.
  const Int128 origin = unix_ns(align_down(window.start, size));
  Int128 span;
  if (oldest_first()) {
    EventTime border = options_.range.end;
    if (next != steps.end()) border = std::min(border, align_down(next->from, size));
    span = Int128{unix_ns(border)} - origin;
  } else {
    EventTime border = options_.range.start;
    if (std::prev(next) != steps.begin()) border = std::max(border, align_down(here.from, size));
    span = origin + size.count() - unix_ns(border);
  }
  const Int128 windows = (span + size.count() - 1) / size.count();
  return {here, static_cast<uint64_t>(std::max<Int128>(windows, 1))};
}

/// How many slots of one window fit a subwindow: 0 when not even one does.
uint16_t Planner::slots_that_fit(const DensityStep& density) const {
  const auto fitting = [&](uint64_t total, uint64_t max) {
    if (total <= max) return uint64_t{options_.slots};
    // The most slots s with share(total, s, slots) <= max.
    return static_cast<uint64_t>(uint128_{max} * options_.slots / total);
  };
  const uint64_t pages = std::min<uint64_t>(density.events, options_.slots);
  return static_cast<uint16_t>(
      std::min({fitting(density.events, options_.limits.events_max),
                fitting(density.bytes.value, options_.limits.bytes_max.value),
                pages <= options_.limits.pages_max ? options_.slots : options_.limits.pages_max}));
}

/// A range of slots of one window: pieces as even as they can be.
SubwindowPlan Planner::piece_of(Window window, const DensityStep& density) {
  const uint16_t most = std::max<uint16_t>(slots_that_fit(density), 1);
  const auto rest = static_cast<uint16_t>(options_.slots - cursor_.slot);
  const uint32_t pieces = (rest + uint32_t{most} - 1) / most;
  const auto slots = static_cast<uint16_t>((rest + pieces - 1) / pieces);
  SubwindowPlan plan{.range = window,
                     .slot_begin = cursor_.slot,
                     .slot_end = static_cast<uint16_t>(cursor_.slot + slots),
                     .events = share(density.events, slots, options_.slots),
                     .bytes = ByteCount{share(density.bytes.value, slots, options_.slots)}};
  const bool done = plan.slot_end == options_.slots;
  if (done) cursor_.at = oldest_first() ? window.end : window.start;
  cursor_.slot = done ? 0 : plan.slot_end;
  return plan;
}

/// Moves the cursor over `count` page windows, of which `window` is the first.
void Planner::advance(Window window, uint64_t count) {
  const Int128 size = options_.page_window.count();
  const Int128 start = unix_ns(align_down(window.start, options_.page_window));
  if (oldest_first()) {
    const Int128 end = std::min<Int128>(start + size * count, unix_ns(options_.range.end));
    cursor_ = {event_time_ns(static_cast<int64_t>(end)), 0};
  } else {
    const Int128 begin =
        std::max<Int128>(start - size * (count - 1), unix_ns(options_.range.start));
    cursor_ = {event_time_ns(static_cast<int64_t>(begin)), 0};
  }
}

/// Whole windows from the cursor on, as many as fit together. Runs of equal density are taken at
/// once: an empty century costs no more than an empty minute. Requires: `window` fits.
SubwindowPlan Planner::merged_from(Window window) {
  const PlannerLimits& limits = options_.limits;
  SubwindowPlan plan{.range = window, .slot_begin = 0, .slot_end = options_.slots};
  uint64_t pages = 0;
  for (;;) {
    const Run run = run_at(window);
    const uint64_t pages_each = std::min<uint64_t>(run.density.events, options_.slots);
    uint64_t taken = run.windows;
    const auto fit = [&taken](uint64_t left, uint64_t each) {
      if (each > 0) taken = std::min(taken, left / each);
    };
    fit(limits.events_max - plan.events, run.density.events);
    fit(limits.bytes_max.value - plan.bytes.value, run.density.bytes.value);
    fit(limits.pages_max - pages, pages_each);
    if (taken == 0) return plan;
    plan.events += taken * run.density.events;
    plan.bytes += ByteCount{taken * run.density.bytes.value};
    pages += taken * pages_each;
    advance(window, taken);
    (oldest_first() ? plan.range.end : plan.range.start) = cursor_.at;
    if (at_end()) return plan;
    window = next_window();
  }
}

std::optional<SubwindowPlan> Planner::next() {
  if (at_end()) return std::nullopt;
  const Window window = next_window();
  const DensityStep density = run_at(window).density;
  const bool whole = cursor_.slot == 0 && slots_that_fit(density) == options_.slots;
  if (!whole || options_.density.empty()) return piece_of(window, density);
  return merged_from(window);
}

}  // namespace hindcast
