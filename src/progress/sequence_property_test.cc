// The judge against a naive model that keeps every number it was given.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>

#include "progress/sequence.h"

namespace hindcast {
namespace {

constexpr int64_t kDelay = 3;

/// All numbers of one count with their times, and which missing ones were reported.
struct NaiveCount {
  std::map<int64_t, int64_t> numbers;
  std::optional<int64_t> floor;  // numbers below it are not looked at

  void seen(int64_t number, int64_t time) {
    if (!floor || number >= *floor) numbers.try_emplace(number, time);
  }
  std::vector<SequenceHole> judge(const Bytes& key, int64_t watermark) {
    std::vector<SequenceHole> holes;
    if (numbers.empty()) return holes;
    if (!floor && numbers.begin()->second < watermark) floor = numbers.begin()->first;
    if (!floor) return holes;
    // Neighbours in the count that are not successive, from below, as long as both are passed.
    for (auto below = numbers.find(*floor); std::next(below) != numbers.end(); ++below) {
      const auto above = std::next(below);
      if (above->first == below->first + 1) continue;
      if (below->second >= watermark || above->second >= watermark) break;
      const auto [early, late] = std::minmax(below->second, above->second);
      holes.push_back({key,
                       below->first + 1,
                       above->first - 1,
                       {event_time_ns(early - kDelay), event_time_ns(late + kDelay + 1)}});
      floor = above->first;
    }
    return holes;
  }
};

RC_GTEST_PROP(SequencePropertyTest, FindsTheHolesOfTheNaiveModelAlsoAcrossRestarts, ()) {
  SequenceJudge judge{Duration(kDelay)};
  std::map<Bytes, NaiveCount> model;
  int64_t watermark = 0;
  std::map<Bytes, std::set<int64_t>> reported;
  for (int steps = *rc::gen::inRange(1, 120); steps > 0; --steps) {
    switch (*rc::gen::inRange(0, 8)) {
      case 0: {
        watermark += *rc::gen::inRange<int64_t>(0, 12);
        std::vector<SequenceHole> expected;
        for (auto& [key, count] : model) {
          for (SequenceHole& hole : count.judge(key, watermark)) expected.push_back(hole);
        }
        const std::vector<SequenceHole> holes = judge.judge(event_time_ns(watermark));
        RC_ASSERT(holes == expected);
        for (const SequenceHole& hole : holes) {
          for (int64_t n = hole.first; n <= hole.last; ++n) {
            RC_ASSERT(reported[hole.key].insert(n).second);  // each missing number once
          }
        }
        break;
      }
      case 1: {
        SequenceJudge restarted{Duration(kDelay)};
        restarted.restore(judge.states());
        // A judge is not assignable (its limits are fixed): go on with the states of the restart.
        judge.restore(restarted.states());
        RC_ASSERT(judge.states() == restarted.states());
        break;
      }
      default: {
        const Bytes key = *rc::gen::element<Bytes>("", "a", "b");
        const int64_t number = *rc::gen::inRange<int64_t>(0, 40);
        const int64_t time = std::max<int64_t>(0, number + *rc::gen::inRange<int64_t>(-6, 6));
        judge.seen(key, number, event_time_ns(time));
        model[key].seen(number, time);
      }
    }
  }
}

// What a lane does: states go into checkpoints, a crash restores the last ones, and what was seen
// since is seen again. Nothing is said twice, and nothing is forgotten.
RC_GTEST_PROP(SequencePropertyTest, ARestartFromWhatWasTakenIsExact, ()) {
  struct Seen {
    Bytes key;
    int64_t number, time, watermark;  // after it
  };
  std::vector<Seen> log;
  std::map<Bytes, SequenceState, std::less<>> stored;
  size_t safe = 0, applied = 0;  // of the checkpoint that `stored` belongs to
  std::vector<SequenceHole> committed, waiting;
  SequenceJudge judge{Duration(kDelay)}, never_stopped{Duration(kDelay)};
  std::vector<SequenceHole> expected;
  const auto see = [&](const Seen& e, SequenceJudge& by, std::vector<SequenceHole>& holes) {
    by.seen(e.key, e.number, event_time_ns(e.time));
    for (SequenceHole& hole : by.judge(event_time_ns(e.watermark))) holes.push_back(hole);
  };
  std::deque<std::pair<size_t, size_t>> marks;  // (log index, counts that changed first there)
  size_t marked = 0;
  const auto mark = [&](size_t index) {
    if (judge.changed() > marked) marks.emplace_back(index, judge.changed() - marked);
    marked = judge.changed();
  };
  for (int steps = *rc::gen::inRange(1, 150); steps > 0; --steps) {
    switch (*rc::gen::inRange(0, 8)) {
      case 0: {  // a checkpoint: what is below `safe` will not be read again
        safe = *rc::gen::inRange<size_t>(safe, log.size() + 1);
        applied = log.size();
        size_t n = 0;
        for (; !marks.empty() && marks.front().first < safe; marks.pop_front())
          n += marks.front().second;
        for (auto& [key, state] : judge.take_judged()) stored[key] = state;
        for (auto& [key, state] : judge.take_changed(n)) stored[key] = state;
        marked = judge.changed();
        committed.insert(committed.end(), waiting.begin(), waiting.end());
        waiting.clear();
        break;
      }
      case 1:  // a crash
        judge.restore(stored);
        marks.clear();
        marked = 0;
        waiting.clear();
        for (size_t i = safe; i < log.size(); ++i) {
          if (i < applied) {
            judge.seen(log[i].key, log[i].number, event_time_ns(log[i].time));
          } else {
            see(log[i], judge, waiting);
          }
          mark(i);
        }
        break;
      default: {
        const int64_t number = *rc::gen::inRange<int64_t>(0, 40);
        const int64_t watermark =
            (log.empty() ? 0 : log.back().watermark) + *rc::gen::element<int64_t>(0, 0, 1, 5);
        log.push_back({*rc::gen::element<Bytes>("a", "b"), number,
                       std::max<int64_t>(0, number + *rc::gen::inRange<int64_t>(-6, 6)),
                       watermark});
        see(log.back(), judge, waiting);
        mark(log.size() - 1);
        see(log.back(), never_stopped, expected);
      }
    }
    std::vector<SequenceHole> found = committed;
    found.insert(found.end(), waiting.begin(), waiting.end());
    RC_ASSERT(found == expected);
    RC_ASSERT(judge.states() == never_stopped.states());
  }
}

}  // namespace
}  // namespace hindcast
