#include "replay/number_proof.h"

#include <algorithm>
#include <map>
#include <utility>

#include "progress/gap_edges.h"
#include "progress/replay_job.h"

namespace hindcast {

NumberProof::NumberProof(const Gap& gap)
    : gap_(gap.id),
      range_(gap.range),
      by_key_(gap.scope.kind == GapScope::Kind::kKeys),
      in_order_(gap.numbers->in_order),
      delay_(gap.numbers->delay),
      counts_(gap.numbers->counts),
      standings_(counts_.size(), Standing{gap.range.start, {}}),
      numbers_(delay_),
      seen_to_(gap.range.start) {
  std::ranges::sort(counts_, {}, &GapNumbers::Count::key);
  // The neighbours on both sides had come: they are why there is a gap. That below starts the
  // count, that above ends it (in judge()); the gap's edges stand for their times.
  std::map<Bytes, SequenceState, std::less<>> below;
  for (const GapNumbers::Count& count : counts_) {
    below[count.key] = {.runs = {{count.first - 1, count.first - 1, range_.start, range_.start}},
                        .started = true};
  }
  numbers_.restore(below);
}

void NumberProof::see(const std::vector<EventBatch>& events, EventTime to) {
  for (const EventBatch& batch : events) {
    if (!in_order_ && batch.id.empty()) continue;
    for (size_t row = 0; row < batch.size(); ++row) {
      const EventTime time = event_time_ns(batch.time[row]);
      if (time < seen_to_ || time >= to || time >= range_.end) continue;
      const BytesView key = by_key_ ? batch.keys[batch.key[row]] : BytesView();
      const auto count = std::ranges::lower_bound(counts_, key, {}, &GapNumbers::Count::key);
      if (count == counts_.end() || count->key != key) continue;
      const int64_t number = in_order_ ? batch.order_at(row) : batch.id[0][row];
      if (number >= count->first && number <= count->last) numbers_.seen(key, number, time);
    }
  }
  seen_to_ = std::min(to, range_.end);
}

std::vector<NumberProof::Verdict> NumberProof::judge() {
  const bool ends = seen_to_ == range_.end;
  std::vector<Verdict> verdicts(counts_.size());
  for (size_t i = 0; i < counts_.size(); ++i) {
    verdicts[i].count = &counts_[i];
    if (ends) numbers_.seen(counts_[i].key, counts_[i].last + 1, range_.end - Duration(1));
  }
  // A number may lie a delay behind the events on both sides of it.
  for (SequenceHole& hole : numbers_.judge(ends ? seen_to_ : gap_start(seen_to_, delay_))) {
    const auto count = std::ranges::lower_bound(counts_, hole.key, {}, &GapNumbers::Count::key);
    hole.range = {std::max(hole.range.start, range_.start), std::min(hole.range.end, range_.end)};
    const auto i = static_cast<size_t>(count - counts_.begin());
    add_window(standings_[i].lacking, hole.range);
    verdicts[i].missing.push_back(std::move(hole));
  }
  for (size_t i = 0; i < counts_.size(); ++i) {
    // Numbers above the last one that stands without a hole may lie a delay before it, and the hole
    // that a still earlier one of them makes reaches another delay back.
    Standing& at = standings_[i];
    const SequenceRun& last = numbers_.find(counts_[i].key)->runs.front();
    const EventTime to =
        ends ? range_.end : std::max(at.judged_to, gap_start(last.last_time, 2 * delay_));
    if (at.judged_to < to) verdicts[i].filled = left_of({at.judged_to, to}, at.lacking);
    std::erase_if(at.lacking, [&](const Window& window) { return window.end <= to; });
    at.judged_to = to;
  }
  std::erase_if(verdicts, [](const Verdict& verdict) {
    return verdict.filled.empty() && verdict.missing.empty();
  });
  return verdicts;
}

}  // namespace hindcast
