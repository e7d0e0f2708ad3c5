// What the lane finds missing by itself: numbers, and records of its log.
#include <algorithm>

#include "base/assert.h"
#include "lane/live_lane_internal.h"
#include "progress/gap_edges.h"

namespace hindcast {
namespace {

// Of one record. A feed whose numbers count nothing, or an outage seen by 100,000 counts, must not
// become as many gaps: each is a row that every query of the stream looks at.
constexpr size_t kHolesMax = 64;
constexpr size_t kCountsMax = 1024;  // of one gap: bounds its row

std::string missing(const SequenceHole& hole) {
  const std::string first = std::to_string(hole.first);
  if (hole.first == hole.last) return "number " + first + " is missing";
  return "numbers " + first + " to " + std::to_string(hole.last) + " are missing";
}

std::string text_of(Position position) {
  return std::to_string(position.hi) + ":" + std::to_string(position.lo);
}

}  // namespace

Result<LaneFacts> read_lane_facts(const Snapshot& snapshot, StreamId stream,
                                  PartitionId partition) {
  LaneFacts facts;
  HC_TRY_ASSIGN(facts.sequences, snapshot.sequences(partition));
  HC_TRY_ASSIGN(const CoverageFacts known, snapshot.coverage(stream));
  const GapScope here{.kind = GapScope::Kind::kPartition, .partition = partition, .keys = {}};
  for (const Gap& gap : known.gaps) {
    if (gap.cause != Gap::Cause::kCorruption || gap.scope != here) continue;
    Gap& mine = facts.damage.emplace_back(gap);
    if (mine.range.end != kMaxEventTime) continue;
    EventTime furthest = kMinEventTime;
    for (const GapBound& bound : known.bounds) {
      if (bound.gap == gap.id) furthest = std::max(furthest, bound.end);
    }
    if (furthest > kMinEventTime) mine.range.end = furthest;
  }
  return facts;
}

void LiveLane::Impl::open_gap(Gap gap) {
  HC_ASSERT(options.next_gap);
  Result<GapId> id = options.next_gap();
  if (!id) {
    // Without a number it cannot be told, and the frontier must not pass it untold.
    (void)fail(std::move(id).error().with("a gap was found and has no number"));
    return;
  }
  gap.id = *id;
  gap.stream = options.stream;
  facts.gaps.push_back(std::move(gap));
}

void LiveLane::Impl::judge_numbers() {
  const std::vector<SequenceHole> holes = counts.judge(watermark.value());
  if (holes.empty() || failure) return;
  if (holes.size() <= kHolesMax) {
    for (const SequenceHole& hole : holes) {
      open_gap(numbered_gap(hole.range, {{hole.key, hole.first, hole.last}}, missing(hole)));
      if (failure) return;
    }
    return;
  }
  // By count: from the first number that is missing to the last.
  std::vector<GapNumbers::Count> missing_of;
  Window range = holes.front().range;
  for (const SequenceHole& hole : holes) {
    range = {std::min(range.start, hole.range.start), std::max(range.end, hole.range.end)};
    if (missing_of.empty() || missing_of.back().key != hole.key)
      missing_of.push_back({hole.key, hole.first, hole.last});
    missing_of.back().last = hole.last;
  }
  const std::string detail = "numbers are missing in " + std::to_string(holes.size()) +
                             " places of " + std::to_string(missing_of.size()) +
                             (missing_of.size() == 1 ? " count" : " counts");
  for (size_t begin = 0; begin < missing_of.size() && !failure; begin += kCountsMax) {
    const auto from = missing_of.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto to =
        from + static_cast<std::ptrdiff_t>(std::min(kCountsMax, missing_of.size() - begin));
    open_gap(numbered_gap(range, {from, to}, detail));
  }
}

Gap LiveLane::Impl::numbered_gap(const Window& range, std::vector<GapNumbers::Count> missing_of,
                                 std::string detail) const {
  Gap gap{.range = range, .cause = Gap::Cause::kSequence, .detail = std::move(detail)};
  if (options.sequence.by_key) {
    gap.scope.kind = GapScope::Kind::kKeys;
    for (const GapNumbers::Count& count : missing_of)
      gap.scope.keys.emplace_back(options.partition, count.key);
  }
  gap.numbers = {.in_order = options.sequence.sources.front().second == LaneSequence::Place::kOrder,
                 .delay = options.sequence.delay,
                 .counts = std::move(missing_of)};
  return gap;
}

/// The lost records may hold any event that could still have come: from what each source that
/// delivers promised, on. Those that were applied before this life began are in the store as far as
/// their pages were sealed: from the frontier on they are lost too.
void LiveLane::Impl::lost(const LogDamage& at) {
  const std::string detail = "the log is damaged from " + text_of(at.begin) + " to " +
                             text_of(at.resume) + ": " + at.place;
  if (failure || std::ranges::count(damage, detail, &Gap::detail) > 0) return;
  EventTime start = kMaxEventTime, otherwise = kMinEventTime, highest = kMinEventTime;
  Duration longest{};
  for (const SourceState& state : watermark.states()) {
    if (state.max_event == kMinEventTime) continue;
    const Duration delay = delay_of(state.source);
    const EventTime from = gap_start(state.max_event, delay);
    if (state.connected && !state.ended) start = std::min(start, from);
    otherwise = std::max(otherwise, from);
    highest = std::max(highest, state.max_event);
    longest = std::max(longest, delay);
  }
  if (start == kMaxEventTime) start = otherwise;
  if (at.begin <= settled.applied()) start = std::min(start, frontier.window);
  const bool all_applied = at.resume <= settled.applied();
  open_gap(
      {.range = {start, all_applied ? gap_end(highest, highest, longest) : kMaxEventTime},
       .scope = {.kind = GapScope::Kind::kPartition, .partition = options.partition, .keys = {}},
       .cause = Gap::Cause::kCorruption,
       .detail = detail});
  if (failure) return;
  damage.push_back(facts.gaps.back());
  if (!all_applied) open_damage.push_back({damage.back().id, highest});
}

void LiveLane::Impl::bound_damage() {
  if (open_damage.empty() || batch.empty()) return;
  const EventTime first = event_time_ns(std::ranges::min(batch.time));
  Duration longest{};
  for (const auto& [source, delay] : options.delays) longest = std::max(longest, delay);
  for (const DamageEdge& edge : open_damage)
    facts.bounds.push_back({edge.gap, gap_end(edge.highest_before, first, longest)});
  open_damage.clear();
}

}  // namespace hindcast
