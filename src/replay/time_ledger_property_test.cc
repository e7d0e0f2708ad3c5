// Random calls at random times against a list of stretches.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <numeric>

#include "replay/time_ledger.h"

namespace hindcast {
namespace {

Reason any_reason() {
  return static_cast<Reason>(*rc::gen::inRange<int>(0, static_cast<int>(kReasons)));
}
Duration sum(const ReasonTimes& times) {
  return std::accumulate(times.begin(), times.end(), Duration(0));
}

RC_GTEST_PROP(TimeLedgerPropertyTest, TotalsAddUpToElapsedAndRecentIsTheirEnd, ()) {
  const MonoTime start{Duration{1'000'000'000'000}};
  MonoTime now = start, last = start;  // last: the latest time that was handed in
  Reason reason = any_reason();
  TimeLedger ledger(reason, start);
  bool running = true;
  ReasonTimes naive{}, naive_recent{};
  std::vector<std::pair<MonoTime, std::pair<MonoTime, Reason>>> stretches;
  for (int steps = *rc::gen::inRange(1, 60); steps > 0; --steps) {
    now += Duration(*rc::gen::inRange<int64_t>(-500'000'000, 7'000'000'000));
    if (now > last) {
      if (running) stretches.push_back({last, {now, reason}});
      last = now;
    }
    const Reason next = any_reason();
    switch (*rc::gen::inRange(0, 4)) {
      case 0:
        ledger.stop(now);
        running = false;
        break;
      case 1:
        ledger.resume(next, now);
        running = true;
        reason = next;
        break;
      default:
        ledger.switch_to(next, now);
        reason = next;
    }
  }
  const MonoTime from{last.time_since_epoch() / 1s * 1s - 9s};
  for (const auto& [begin, rest] : stretches) {
    const auto i = static_cast<size_t>(rest.second);
    naive[i] += rest.first - begin;
    naive_recent[i] += std::max(rest.first - std::max(begin, from), Duration(0));
  }
  RC_ASSERT(ledger.totals(last) == naive);
  RC_ASSERT(sum(ledger.totals(last)) == ledger.elapsed(last));
  RC_ASSERT(ledger.recent(last) == naive_recent);
  RC_ASSERT(TimeLedger::decode(ledger.encode(last), last).value().totals(last) == naive);
}

RC_GTEST_PROP(TimeLedgerPropertyTest, AnyBytesAreALedgerOrAnError, (const std::string& bytes)) {
  const auto ledger = TimeLedger::decode(bytes, MonoTime{});
  if (ledger) RC_ASSERT(ledger.value().elapsed(MonoTime{}) >= 0s);
}

}  // namespace
}  // namespace hindcast
