// Random histories in random chunks, with live and late events between any two steps: the pieces'
// results must cover them, their accounts balance, and the content be that of the naive model.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "lane/subwindow_test_util.h"
#include "replay/piece_run.h"

namespace hindcast::test {
namespace {

constexpr Duration kDisorder = 8s;

/// Equal (id, revision) have equal values, as the model assumes.
rc::Gen<Event> any_event() {
  return rc::gen::map(
      rc::gen::tuple(rc::gen::inRange(0, 5), rc::gen::inRange(-20, 220), rc::gen::inRange(0, 2),
                     rc::gen::inRange(0, 3), rc::gen::inRange(0, 8)),
      [](const std::tuple<int, int, int, int, int>& t) {
        const auto [key, time, id, revision, op] = t;
        return Event{.key = std::string(1, static_cast<char>('a' + key)),
                     .time = 20s + time * 500ms,
                     .id = id,
                     .revision = revision == 2 ? 1 : 0,
                     .op = op == 0 ? Op::kDelete : Op::kUpsert,
                     .value = id * 10 + (revision == 2 ? 1 : 0) + time * 100};
      });
}
rc::Gen<std::vector<Event>> any_events() {
  return rc::gen::scale(3.0, rc::gen::container<std::vector<Event>>(any_event()));
}

/// In order by time, but for kDisorder; some of them twice.
std::vector<Event> as_delivered(std::vector<Event> events) {
  const size_t n = events.size();
  for (size_t i = 0; i < n; ++i) {
    if (*rc::gen::inRange(0, 8) == 0) events.push_back(events[i]);
  }
  std::vector<std::pair<Duration, Event>> keyed;
  keyed.reserve(events.size());
  for (const Event& e : events) keyed.emplace_back(e.time + *rc::gen::inRange(0, 8) * 1s, e);
  std::ranges::stable_sort(keyed, {}, &std::pair<Duration, Event>::first);
  for (size_t i = 0; i < keyed.size(); ++i) events[i] = keyed[i].second;
  return events;
}

std::vector<HistoryChunk> any_chunks(const std::vector<Event>& delivered, bool by_time) {
  std::vector<HistoryChunk> chunks;
  EventTime highest = kMinEventTime;
  for (size_t begin = 0; begin < delivered.size();) {
    const size_t end =
        std::min(delivered.size(), begin + static_cast<size_t>(*rc::gen::inRange(1, 40)));
    std::vector<Event> events(delivered.begin() + static_cast<std::ptrdiff_t>(begin),
                              delivered.begin() + static_cast<std::ptrdiff_t>(end));
    for (const Event& e : events) highest = std::max(highest, at(e.time));
    HistoryChunk& chunk = chunks.emplace_back();
    chunk.events = batch_of(events);
    if (by_time) chunk.covered_to = highest - kDisorder;
    if (by_time && *rc::gen::inRange(0, 3) == 0) chunk.complete_to = highest - kDisorder;
    if (*rc::gen::inRange(0, 5) == 0) chunk.dead.push_back({.reason = "malformed"});
    begin = end;
  }
  if (chunks.empty()) chunks.emplace_back().events = EventBatch(small_schema());
  chunks.back().end = true;
  return chunks;
}

struct Outcome {
  ReplayCounts counts;
  uint64_t shorts = 0;
};

/// One piece; `late` events come live between any two steps.
Outcome run_piece(Replayed& world, const Window& piece, const std::vector<Event>& history,
                  std::vector<Event> late) {
  PieceRun run({.subwindow = world.options(),
                .piece = piece,
                .events_max = *rc::gen::inRange<uint64_t>(1, 60),
                .dense_max = *rc::gen::element<uint64_t>(20, 100, 10'000)});
  const bool by_time = *rc::gen::inRange(0, 4) > 0;
  const auto delivered = as_delivered(history);
  std::vector<HistoryChunk> chunks = any_chunks(delivered, by_time);
  uint64_t dead = 0, given = 0, allowed = 0;
  bool certain = false;  // that nothing more is to come of the piece
  world.asked = {};
  auto next = chunks.begin();
  while (run.need() != PieceRun::Need::kDone) {
    for (int n = *rc::gen::inRange(0, 2); n > 0 && !late.empty(); --n) {
      world.live({late.back()});
      late.pop_back();
    }
    if (run.need() == PieceRun::Need::kHistory) {
      RC_ASSERT(next != chunks.end());
      certain = next->complete_to >= piece.end;
      dead += next->dead.size();
      given += next->events.size();
      run.give(std::move(*next++));
    } else if (run.need() == PieceRun::Need::kAllowance) {
      allowed += run.asks_for();
      run.allowed();
    } else {
      RC_ASSERT(answer(run, world.store, world.asked));
    }
  }
  RC_ASSERT(next == chunks.end() || certain);
  RC_ASSERT(run.memory() == ByteCount{});
  Outcome out;
  EventTime covered = piece.start;
  for (const SubwindowResult& result : run.take_results()) {
    RC_ASSERT(result.window.start == covered);
    covered = result.window.end;
    out.counts += result.counts;
    for (const HistoryShort& s : result.shorts) out.shorts += s.events;
    if (covered == piece.end) RC_ASSERT(result.certain);
  }
  RC_ASSERT(covered == piece.end);
  uint64_t inside = 0;
  for (const Event& e : delivered) {
    if (!piece.contains(at(e.time))) continue;
    ++inside;
    world.model.add(kRight, e);
  }
  RC_ASSERT(allowed == inside);
  const ReplayCounts& counts = out.counts;
  RC_ASSERT(counts.read == given + dead);
  RC_ASSERT(counts.dead_lettered == dead);
  RC_ASSERT(counts.outside == given - inside);
  RC_ASSERT(counts.read == counts.added + counts.duplicate + counts.superseded + counts.outside +
                               counts.dead_lettered);
  RC_CLASSIFY(world.asked.conflicts > 0, "conflict");
  return out;
}

Window any_piece() {
  return {at(*rc::gen::inRange(0, 9) * 5s), at(*rc::gen::inRange(10, 26) * 5s)};
}

/// Most events of a short history may happen to lie elsewhere; that is refused, and another claim.
bool lies_elsewhere(const Window& piece, const std::vector<Event>& history) {
  uint64_t elsewhere = 0;
  for (const Event& e : history)
    elsewhere += at(e.time) < piece.start - 10s || at(e.time) >= piece.end + 10s;
  return elsewhere * 3 >= history.size();
}

RC_GTEST_PROP(PieceRunProperty, AnyDeliveryConvergesBesideLiveEvents, ()) {
  Replayed world;
  for (const Event& e : *any_events()) world.live({e});
  world.advance(200s);
  for (int pieces = *rc::gen::inRange(1, 4); pieces > 0; --pieces) {
    const Window piece = any_piece();
    const auto history = *any_events();
    if (!lies_elsewhere(piece, history)) run_piece(world, piece, history, *any_events());
  }
  world.advance(10'000s);
  const Content actual = stored_content(world.store), expected = world.model.content();
  RC_ASSERT(lines(minus(actual, expected)) == "");
  RC_ASSERT(lines(minus(expected, actual)) == "");
  expect_digests_agree(world.store);
  RC_ASSERT(!::testing::Test::HasFailure());
}

// Whatever the cuts of either run.
RC_GTEST_PROP(PieceRunProperty, ASecondRunCommitsNothing, ()) {
  Replayed world;
  world.live(*any_events());
  world.advance(200s);
  const Window piece = any_piece();
  const auto history = *any_events();
  if (lies_elsewhere(piece, history)) return;
  run_piece(world, piece, history, {});
  const Outcome again = run_piece(world, piece, history, {});
  RC_ASSERT(again.counts.added == 0U);
  RC_ASSERT(world.asked.commits == 0U);
}

}  // namespace
}  // namespace hindcast::test
