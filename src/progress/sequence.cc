#include "progress/sequence.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/assert.h"
#include "progress/gap_edges.h"

namespace hindcast {
namespace {

/// Puts a number into its run, or makes one. False when it is there already.
bool insert(std::vector<SequenceRun>& runs, int64_t number, EventTime time) {
  const auto after = std::ranges::upper_bound(runs, number, {}, &SequenceRun::first);
  const bool has_before = after != runs.begin();
  if (has_before && number <= std::prev(after)->last) return false;
  // Neither sum overflows: a number is above the last before it and below the first after it.
  const bool joins_before = has_before && std::prev(after)->last + 1 == number;
  const bool joins_after = after != runs.end() && number + 1 == after->first;
  if (joins_before && joins_after) {
    std::prev(after)->last = after->last;
    std::prev(after)->last_time = after->last_time;
    runs.erase(after);
  } else if (joins_before) {
    std::prev(after)->last = number;
    std::prev(after)->last_time = time;
  } else if (joins_after) {
    after->first = number;
    after->first_time = time;
  } else {
    runs.insert(after, {number, number, time, time});
  }
  return true;
}

}  // namespace

SequenceJudge::SequenceJudge(Duration delay, size_t runs_max)
    : delay_(delay), runs_max_(std::max<size_t>(runs_max, 1)) {
  HC_ASSERT(delay >= Duration(0));
}

/// The watermark above which a count can be judged.
EventTime SequenceJudge::due(const SequenceState& state) {
  if (!state.started) return state.runs[0].first_time;
  return std::max(state.runs[0].last_time, state.runs[1].first_time);
}

void SequenceJudge::schedule(Entry& entry, bool was_settled) {
  Known& known = entry.second;
  if (!was_settled) due_.erase({known.due, &entry});
  if (settled(known.state)) return;
  known.due = due(known.state);
  due_.insert({known.due, &entry});
}

void SequenceJudge::seen(BytesView key, int64_t number, EventTime time) {
  auto at = counts_.find(key);
  const bool is_new = at == counts_.end();
  if (is_new) at = counts_.try_emplace(Bytes(key)).first;
  Known& known = at->second;
  SequenceState& state = known.state;
  if (state.started && number < state.runs.front().first) return;
  const bool was_settled = is_new || settled(state);
  if (!insert(state.runs, number, time)) return;
  if (!known.changed) {
    known.changed = true;
    changed_.push_back(&*at);
  }
  if (state.runs.size() > runs_max_) {
    state.started = true;
    early_.push_back(take_lowest_hole(at->first, state));
    judged_.push_back(&*at);
  }
  if (!was_settled || !settled(state)) schedule(*at, was_settled);
}

/// The run below it goes with it: lower numbers are no longer expected.
SequenceHole SequenceJudge::take_lowest_hole(const Bytes& key, SequenceState& state) const {
  const SequenceRun &below = state.runs[0], &above = state.runs[1];
  const SequenceHole hole{.key = key,
                          .first = below.last + 1,
                          .last = above.first - 1,
                          .range = {gap_start(std::min(below.last_time, above.first_time), delay_),
                                    gap_end(below.last_time, above.first_time, delay_)}};
  state.runs.erase(state.runs.begin());
  return hole;
}

std::vector<SequenceHole> SequenceJudge::judge(EventTime watermark) {
  std::vector<SequenceHole> holes = std::exchange(early_, {});
  while (!due_.empty() && due_.begin()->first < watermark) {
    Entry& entry = *due_.begin()->second;
    SequenceState& state = entry.second.state;
    if (state.runs.front().first_time < watermark) state.started = true;
    while (state.started && state.runs.size() > 1 && state.runs[0].last_time < watermark &&
           state.runs[1].first_time < watermark) {
      holes.push_back(take_lowest_hole(entry.first, state));
    }
    judged_.push_back(&entry);
    schedule(entry, /*was_settled=*/false);
  }
  std::ranges::sort(holes, [](const SequenceHole& a, const SequenceHole& b) {
    return std::tie(a.key, a.first) < std::tie(b.key, b.first);
  });
  return holes;
}

std::vector<SequenceJudge::Count> SequenceJudge::take_changed(size_t n) {
  HC_ASSERT(n <= changed_.size());
  std::vector<Count> out;
  out.reserve(n);
  for (; n > 0; --n) {
    Entry& entry = *changed_.front();
    changed_.pop_front();
    entry.second.changed = false;
    out.emplace_back(entry.first, entry.second.state);
  }
  return out;
}

std::vector<SequenceJudge::Count> SequenceJudge::take_judged() {
  std::ranges::sort(judged_, {}, &Entry::first);
  judged_.erase(std::unique(judged_.begin(), judged_.end()), judged_.end());
  std::vector<Count> out;
  out.reserve(judged_.size());
  for (const Entry* entry : judged_) out.emplace_back(entry->first, entry->second.state);
  judged_.clear();
  return out;
}

void SequenceJudge::not_stored(BytesView key) {
  if (const auto at = counts_.find(key); at != counts_.end()) judged_.push_back(&*at);
}

std::map<Bytes, SequenceState, std::less<>> SequenceJudge::states() const {
  std::map<Bytes, SequenceState, std::less<>> out;
  for (const auto& [key, known] : counts_) out.emplace(key, known.state);
  return out;
}

const SequenceState* SequenceJudge::find(BytesView key) const {
  const auto at = counts_.find(key);
  return at == counts_.end() ? nullptr : &at->second.state;
}

void SequenceJudge::restore(const std::map<Bytes, SequenceState, std::less<>>& states) {
  counts_.clear();
  due_.clear();
  changed_.clear();
  judged_.clear();
  early_.clear();
  for (const auto& [key, state] : states) {
    HC_ASSERT(!state.runs.empty());
    schedule(*counts_.emplace(key, Known{.state = state}).first, /*was_settled=*/true);
  }
}

void SequenceJudge::forget(BytesView key) {
  const auto at = counts_.find(key);
  if (at == counts_.end()) return;
  due_.erase({at->second.due, &*at});
  std::erase(changed_, &*at);
  std::erase(judged_, &*at);
  counts_.erase(at);
}

}  // namespace hindcast
