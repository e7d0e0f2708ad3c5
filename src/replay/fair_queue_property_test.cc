// Random streams with random pieces: the invariants of the header.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <deque>
#include <map>

#include "replay/fair_queue.h"

namespace hindcast {
namespace {

constexpr uint32_t kStreams = 4;

uint64_t rounds_for(uint64_t cost, uint64_t quantum) { return (cost + quantum - 1) / quantum; }

RC_GTEST_PROP(FairQueuePropertyTest, NobodyWaitsLongerThanTheBoundAndNothingIsLost, ()) {
  const uint64_t quantum = *rc::gen::inRange<uint64_t>(1, 2'000);
  const size_t pieces_max = *rc::gen::inRange<size_t>(1, 6);
  FairQueue queue(quantum, pieces_max);
  uint64_t largest = 0, pieces = 0;
  struct Waiting {
    std::deque<Turn> line;  // the naive model: what was pushed and not yet given
    std::map<uint32_t, uint64_t> given_to_others;  // since its first piece is the first
  };
  std::map<uint32_t, Waiting> model;
  for (int steps = *rc::gen::inRange(1, 300); steps > 0; --steps) {
    if (*rc::gen::inRange(0, 5) < 3) {
      const uint32_t stream = *rc::gen::inRange<uint32_t>(0, kStreams);
      const Turn turn{StreamId{stream}, ++pieces, *rc::gen::inRange<uint64_t>(0, 5'000)};
      Waiting& waiting = model[stream];
      RC_ASSERT(queue.push(turn) == (waiting.line.size() < pieces_max));
      if (waiting.line.size() >= pieces_max) continue;
      if (waiting.line.empty()) waiting.given_to_others.clear();
      waiting.line.push_back(turn);
      largest = std::max(largest, turn.cost);
      continue;
    }
    const auto turn = queue.pop();
    if (!turn) {
      for (const auto& [stream, waiting] : model) RC_ASSERT(waiting.line.empty());
      continue;
    }
    Waiting& served = model[turn->stream.value];
    RC_ASSERT(!served.line.empty() && served.line.front() == *turn);
    served.line.pop_front();
    served.given_to_others.clear();
    for (auto& [stream, waiting] : model) {
      if (stream == turn->stream.value || waiting.line.empty()) continue;
      const uint64_t given = waiting.given_to_others[turn->stream.value] += turn->cost;
      RC_ASSERT(given <= rounds_for(waiting.line.front().cost, quantum) * quantum + largest);
    }
  }
}

RC_GTEST_PROP(FairQueuePropertyTest, TwoStreamsThatAlwaysWaitGetTheSame, ()) {
  const uint64_t quantum = *rc::gen::inRange<uint64_t>(1, 2'000);
  FairQueue queue(quantum, 2);
  const uint64_t largest_of[2] = {*rc::gen::inRange<uint64_t>(1, 5'000),
                                  *rc::gen::inRange<uint64_t>(1, 5'000)};
  const uint64_t largest = std::max(largest_of[0], largest_of[1]);
  uint64_t given[2] = {0, 0};
  const auto more = [&](uint32_t stream) {
    const uint64_t cost = *rc::gen::inRange<uint64_t>(1, largest_of[stream] + 1);
    return Turn{StreamId{stream}, 0, cost};
  };
  for (uint32_t stream = 0; stream < 2; ++stream)
    while (queue.push(more(stream))) {
    }
  for (int steps = *rc::gen::inRange(1, 300); steps > 0; --steps) {
    const Turn turn = queue.pop().value();
    given[turn.stream.value] += turn.cost;
    RC_ASSERT(queue.push(more(turn.stream.value)));
    const auto [less, greater] = std::minmax(given[0], given[1]);
    RC_ASSERT(greater - less <= quantum + 2 * largest);
  }
}

}  // namespace
}  // namespace hindcast
