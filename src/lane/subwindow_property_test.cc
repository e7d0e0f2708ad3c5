// Live, late and replayed events in any order: the content must be that of the naive model, and a
// second replay must find nothing to do.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "lane/subwindow_test_util.h"

namespace hindcast::test {
namespace {

/// Few keys, times and ids, so that most events meet another one. Equal (id, revision) have equal
/// values, deletes too, so that nothing but the operation tells them apart.
rc::Gen<Event> any_event() {
  return rc::gen::map(
      rc::gen::tuple(rc::gen::inRange(0, 5), rc::gen::inRange(0, 16), rc::gen::inRange(0, 3),
                     rc::gen::inRange(0, 3), rc::gen::inRange(0, 8)),
      [](const std::tuple<int, int, int, int, int>& t) {
        const auto [key, time, id, revision, op] = t;
        Event e{.key = std::string(1, static_cast<char>('a' + key)),
                .time = time * 2'500ms,
                .id = id,
                .revision = revision == 2 ? 1 : 0,
                .op = op == 0 ? Op::kDelete : Op::kUpsert};
        e.value = e.id * 10 + e.revision + e.time / 1s * 100;
        return e;
      });
}
rc::Gen<std::vector<Event>> any_events() {
  return rc::gen::container<std::vector<Event>>(any_event());
}

struct Scope {
  Window range;
  std::optional<std::vector<Bytes>> keys;
  EventTime frontier{};
  bool contains(const Event& e) const {
    return range.contains(at(e.time)) && at(e.time) < frontier &&
           (!keys || std::ranges::count(*keys, e.key) > 0);
  }
};
Scope any_scope(const Replayed& world) {
  Scope scope{.range = {at(*rc::gen::element(0, 0, 5, 10, 15) * 1s),
                        at(*rc::gen::element(15, 20, 30, 40, 50) * 1s)}};
  if (*rc::gen::inRange(0, 3) == 0) scope.keys = {{"b", "c"}};
  const auto checkpoint = world.store.snapshot().value()->checkpoint(kPartition).value();
  scope.frontier = checkpoint ? checkpoint->frontier.window : kMinEventTime;
  return scope;
}
SubwindowOptions options_of(const Replayed& world, const Scope& scope) {
  SubwindowOptions options = world.options();
  options.range = scope.range;
  if (scope.keys) options.keys = &*scope.keys;
  options.commit_bytes_max = *rc::gen::element<size_t>(1, 800, 1'000'000);
  return options;
}

std::vector<EventBatch> any_batches(const std::vector<Event>& events) {
  std::vector<EventBatch> batches;
  for (size_t begin = 0; begin < events.size();) {
    const size_t end =
        std::min(events.size(), begin + static_cast<size_t>(*rc::gen::inRange(1, 30)));
    batches.push_back(batch_of({events.begin() + static_cast<std::ptrdiff_t>(begin),
                                events.begin() + static_cast<std::ptrdiff_t>(end)}));
    begin = end;
  }
  return batches;
}

/// Replays `history`; `late` events come live between any two steps. Everything is modelled.
ReplayCounts replay(Replayed& world, const Scope& scope, const std::vector<Event>& history,
                    std::vector<Event> late) {
  Subwindow subwindow(options_of(world, scope), any_batches(history), Replayed::everything());
  world.asked = {};
  do {
    for (int n = *rc::gen::inRange(0, 3); n > 0 && !late.empty(); --n) {
      world.live({late.back()});
      late.pop_back();
    }
  } while (answer(subwindow, world.store, world.asked));
  RC_ASSERT(subwindow.need() == Subwindow::Need::kDone);
  RC_CLASSIFY(world.asked.conflicts > 0, "conflict");
  for (const Event& e : history) {
    if (scope.contains(e)) world.model.add(kRight, e);
  }
  world.shorts = subwindow.shorts();
  const ReplayCounts& counts = subwindow.counts();
  RC_ASSERT(counts.read == history.size());
  RC_ASSERT(counts.outside == static_cast<uint64_t>(std::ranges::count_if(
                                  history, [&](const Event& e) { return !scope.contains(e); })));
  RC_ASSERT(counts.read == counts.added + counts.duplicate + counts.superseded + counts.outside);
  return counts;
}

/// Seals the rest and rolls up.
void expect_as_modelled(Replayed& world) {
  world.advance(10'000s);
  const Content actual = stored_content(world.store), expected = world.model.content();
  RC_ASSERT(lines(minus(actual, expected)) == "");
  RC_ASSERT(lines(minus(expected, actual)) == "");
  expect_digests_agree(world.store);
  RC_ASSERT(!::testing::Test::HasFailure());
}

/// By (window, key): live events of the store that `history` has no record of, of whole windows.
std::map<std::pair<EventTime, Bytes>, uint64_t> shorts_of(const Replayed& world, const Scope& scope,
                                                          const std::vector<Event>& history) {
  std::map<std::pair<EventTime, Bytes>, uint64_t> out;
  for (const auto& winner : world.model.winners()) {
    const Event& e = winner.second;
    const Window window = window_of(at(e.time), 10s);
    const bool named = std::ranges::any_of(history, [&](const Event& h) {
      return std::tie(h.key, h.time, h.id) == std::tie(e.key, e.time, e.id);
    });
    if (e.op == Op::kUpsert && !named && scope.contains(e) && window.start >= scope.range.start &&
        window.end <= scope.range.end)
      ++out[{window.start, e.key}];
  }
  return out;
}

RC_GTEST_PROP(SubwindowProperty, AnyOrderOfLiveLateAndReplayedEventsConverges, ()) {
  Replayed world;
  const auto live = *any_events();
  const size_t on_time = live.empty() ? 0 : *rc::gen::inRange<size_t>(0, live.size());
  for (size_t i = 0; i < on_time; ++i) world.live({live[i]});
  world.advance(*rc::gen::inRange(0, 6) * 10s);
  for (int pieces = *rc::gen::inRange(1, 5); pieces > 0; --pieces) {
    replay(world, any_scope(world), *any_events(), *any_events());
    if (*rc::gen::inRange(0, 2) == 0) world.advance(*rc::gen::inRange(0, 6) * 10s);
  }
  for (size_t i = on_time; i < live.size(); ++i) world.live({live[i]});
  expect_as_modelled(world);
}

// Laws L10 and L9, and that what history lacks is told exactly.
RC_GTEST_PROP(SubwindowProperty, ASecondReplayCommitsNothingAndFindsTheSameShort, ()) {
  Replayed world;
  world.live(*any_events());
  world.advance(*rc::gen::inRange(0, 6) * 10s);
  const auto history = *any_events();
  const Scope scope = any_scope(world);
  const ReplayCounts first = replay(world, scope, history, {});
  const auto expected = shorts_of(world, scope, history);
  const auto as_map = [&] {
    std::map<std::pair<EventTime, Bytes>, uint64_t> out;
    for (const HistoryShort& s : world.shorts) out[{s.window.start, s.key}] += s.events;
    return out;
  };
  RC_ASSERT(as_map() == expected);
  const ChangeNumber before = world.store.snapshot().value()->last_change();
  const ReplayCounts second = replay(world, scope, history, {});
  RC_ASSERT(second.added == 0U);
  RC_ASSERT(second.outside == first.outside);
  RC_ASSERT(world.asked.commits == 0U);
  RC_ASSERT(as_map() == expected);
  RC_ASSERT(world.store.snapshot().value()->last_change() == before);
  expect_as_modelled(world);
}

/// A history that says something else of an id than live did, but the same throughout.
Event as_history_says(Event e) {
  if (e.id == 1 && e.op == Op::kUpsert) e.value += 7;
  if (e.id == 2) e.op = Op::kDelete;  // there, not here
  return e;
}

// A repair makes every record that history has at our revision, or a higher one, as history says;
// and takes nothing away.
RC_GTEST_PROP(SubwindowProperty, ARepairMakesItAsHistorySaysAndKeepsTheRest, ()) {
  Replayed world;
  auto live = *any_events();
  std::erase_if(live, [](const Event& e) { return e.op == Op::kDelete; });
  world.live(live);
  world.advance(100s);
  std::vector<Event> history;
  for (const Event& e : *any_events()) {
    if (e.op == Op::kUpsert) history.push_back(as_history_says(e));
  }
  SubwindowOptions options = world.options();
  options.decision = 3;
  const ReplayCounts counts = world.replay(history, options);
  RC_ASSERT(counts.superseded + counts.duplicate + counts.added == history.size());

  using Identity = std::tuple<std::string, Duration, int64_t>;
  std::map<Identity, Event> expected;
  const auto add = [&](const Event& e, bool wins_ties) {
    const auto [known, is_new] = expected.try_emplace({e.key, e.time, e.id}, e);
    if (!is_new && (e.revision > known->second.revision ||
                    (wins_ties && e.revision == known->second.revision)))
      known->second = e;
  };
  for (const Event& e : live) add(e, false);
  for (const Event& e : history) add(e, true);
  NaiveModel model;
  for (const auto& [identity, e] : expected) model.add(kLeft, e);
  world.model = model;
  expect_as_modelled(world);
  world.replay(history, options);
  RC_ASSERT(world.asked.commits == 0U);
  world.replay(live);
  RC_ASSERT(world.asked.commits == 0U);
}

}  // namespace
}  // namespace hindcast::test
