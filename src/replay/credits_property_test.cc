// Random takers on one link: it keeps its bound, and everybody who goes on asking is served.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <deque>
#include <map>

#include "replay/credits.h"

namespace hindcast {
namespace {

RC_GTEST_PROP(CreditsPropertyTest, TheBoundIsKeptAndNobodyIsOvertakenForEver, ()) {
  const ByteCount max{*rc::gen::inRange<uint64_t>(1, 100)};
  Credits link(max);
  MonoTime now{Duration{1'000'000'000'000}};
  std::deque<ByteCount> on_the_way;
  std::map<Credits::Taker, uint64_t> overtaken;  // grants to others since its first refusal
  for (int steps = *rc::gen::inRange(1, 200); steps > 0; --steps) {
    now += Duration(*rc::gen::inRange<int64_t>(0, 1'000'000));
    if (!on_the_way.empty() && *rc::gen::inRange(0, 2) == 0) {
      link.give_back(on_the_way.front());
      on_the_way.pop_front();
      continue;
    }
    const Credits::Taker taker = *rc::gen::inRange<uint64_t>(0, 4);
    const ByteCount bytes{*rc::gen::inRange<uint64_t>(0, 150)};
    const bool empty = link.used().value == 0;
    if (!link.try_take(taker, bytes, now)) {
      overtaken.try_emplace(taker, 0);
      RC_ASSERT(link.blocked_since().has_value());
      continue;
    }
    on_the_way.push_back(bytes);
    overtaken.erase(taker);
    for (auto& [other, grants] : overtaken) RC_ASSERT(++grants <= 3);  // those before it, once
    RC_ASSERT(link.used() <= max || empty);
  }
  RC_ASSERT(link.waiting() == overtaken.size());
  ByteCount sum;
  for (const ByteCount bytes : on_the_way) sum += bytes;
  RC_ASSERT(link.used() == sum);

  // Law L7: the line drains, whatever is asked for.
  while (link.waiting() > 0) {
    for (const ByteCount bytes : on_the_way) link.give_back(bytes);
    on_the_way.clear();
    const size_t before = link.waiting();
    for (Credits::Taker taker = 0; taker < 4 && link.waiting() == before; ++taker) {
      const ByteCount bytes{1'000};
      if (overtaken.count(taker) > 0 && link.try_take(taker, bytes, now)) {
        on_the_way.push_back(bytes);
        overtaken.erase(taker);
      }
    }
    RC_ASSERT(link.waiting() == before - 1);
  }
}

}  // namespace
}  // namespace hindcast
