// The judge against a naive model that keeps every number it was given.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
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

}  // namespace
}  // namespace hindcast
