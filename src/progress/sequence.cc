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

void SequenceJudge::seen(BytesView key, int64_t number, EventTime time) {
  auto at = states_.find(key);
  if (at == states_.end()) at = states_.try_emplace(Bytes(key)).first;
  SequenceState& state = at->second;
  if (state.started && number < state.runs.front().first) return;
  if (!insert(state.runs, number, time)) return;
  if (state.runs.size() > runs_max_) {
    state.started = true;
    early_.push_back(take_lowest_hole(at->first, state));
  }
  if (state.runs.size() > 1 || !state.started) unjudged_.insert(at->first);
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
  for (auto key = unjudged_.begin(); key != unjudged_.end();) {
    SequenceState& state = states_.find(*key)->second;
    if (state.runs.front().first_time < watermark) state.started = true;
    while (state.started && state.runs.size() > 1 && state.runs[0].last_time < watermark &&
           state.runs[1].first_time < watermark) {
      holes.push_back(take_lowest_hole(*key, state));
    }
    key = state.started && state.runs.size() == 1 ? unjudged_.erase(key) : std::next(key);
  }
  std::ranges::sort(holes, [](const SequenceHole& a, const SequenceHole& b) {
    return std::tie(a.key, a.first) < std::tie(b.key, b.first);
  });
  return holes;
}

void SequenceJudge::restore(States states) {
  states_ = std::move(states);
  unjudged_.clear();
  early_.clear();
  for (const auto& [key, state] : states_) {
    HC_ASSERT(!state.runs.empty());
    if (state.runs.size() > 1 || !state.started) unjudged_.insert(key);
  }
}

void SequenceJudge::forget(BytesView key) {
  if (const auto at = states_.find(key); at != states_.end()) states_.erase(at);
  if (const auto at = unjudged_.find(key); at != unjudged_.end()) unjudged_.erase(at);
}

}  // namespace hindcast
