#include "replay/cutter.h"

#include "lane/lane_test_util.h"

namespace hindcast::test {
namespace {

const StreamSchema kSchema = small_schema();  // pages of 10 s

/// One event of key "a" at each time.
HistoryChunk chunk(const std::vector<Duration>& times, EventTime covered_to = kMinEventTime) {
  std::vector<Event> events;
  events.reserve(times.size());
  for (const Duration time : times) events.push_back({.key = "a", .time = time});
  HistoryChunk out;
  out.events = batch_of(events);
  out.covered_to = covered_to;
  return out;
}
HistoryChunk last_chunk(const std::vector<Duration>& times = {}) {
  HistoryChunk out = chunk(times);
  out.end = true;
  return out;
}
HistoryChunk dead_chunk(size_t letters) {
  HistoryChunk out;
  out.events = EventBatch(kSchema);
  for (size_t i = 0; i < letters; ++i)
    out.dead.push_back(
        {.reason = "malformed", .detail = "no JSON", .place = "f:" + std::to_string(i)});
  return out;
}

struct Limits {
  Window piece{at(0s), at(100s)};
  uint64_t events_max = 3, dense_max = 1'000;
};
Cutter cutter(const Limits& limits) {
  return Cutter({.schema = kSchema,
                 .piece = limits.piece,
                 .events_max = limits.events_max,
                 .bytes_max = 1_GiB,
                 .dense_max = limits.dense_max});
}

std::string text(const Window& window) {
  return std::to_string((window.start - at(0s)) / 1s) + ".." +
         std::to_string((window.end - at(0s)) / 1s);
}
/// "0..20 certain whole 0..20: 1 2 14".
std::string text(const std::optional<Slice>& slice) {
  if (!slice) return "none";
  std::string out = text(slice->window) + (slice->certain ? " certain" : "");
  if (slice->whole.start < slice->whole.end) out += " whole " + text(slice->whole);
  out += ":";
  for (const EventBatch& batch : slice->events) {
    for (const int64_t time : batch.time) out += " " + std::to_string(time / 1'000'000'000);
  }
  return out;
}

TEST(CutterTest, CutsBehindWholePageWindowsThatAreCovered) {
  Cutter cut = cutter({});
  cut.give(chunk({1s, 2s}, at(2s))).value();
  EXPECT_EQ(text(cut.next()), "none") << "too few events";
  cut.give(chunk({14s, 25s}, at(25s))).value();
  EXPECT_EQ(text(cut.next()), "0..20 whole 0..20: 1 2 14");
  EXPECT_EQ(text(cut.next()), "none");
  cut.give(chunk({31s, 32s}, at(29s))).value();
  EXPECT_EQ(text(cut.next()), "none") << "enough events, but no window is covered";
  cut.give(last_chunk({33s})).value();
  EXPECT_EQ(text(cut.next()), "20..100 certain whole 20..100: 25 31 32 33");
  EXPECT_EQ(text(cut.next()), "none");
  EXPECT_TRUE(cut.finished());
  EXPECT_EQ(cut.memory(), ByteCount{});
}

TEST(CutterTest, WhatHistoryIsCertainOfIsCertain) {
  Cutter cut = cutter({.events_max = 1});
  HistoryChunk said = chunk({1s, 22s});
  said.complete_to = at(19s);
  cut.give(std::move(said)).value();
  EXPECT_EQ(text(cut.next()), "0..10 certain whole 0..10: 1");
  HistoryChunk more = chunk({23s}, at(45s));
  more.complete_to = at(12s);  // a word once given stands
  cut.give(std::move(more)).value();
  EXPECT_EQ(text(cut.next()), "10..40 whole 10..40: 22 23");
}

// The ends of a piece that are those of a job need no alignment; nothing is known to be whole
// there.
TEST(CutterTest, ThePieceIsCoveredToItsEnds) {
  Cutter cut = cutter({.piece = {at(5s), at(27s)}});
  cut.give(last_chunk({6s, 12s, 26s})).value();
  EXPECT_EQ(text(cut.next()), "5..27 certain whole 5..27: 6 12 26");
  EXPECT_TRUE(cut.finished());
}

// A day's file need not be read to its end for a few minutes, if it is known to be sorted.
TEST(CutterTest, HistoryThatIsCertainBeyondThePieceIsNotReadFurther) {
  Cutter cut = cutter({});
  cut.give(chunk({1s, 105s}, at(105s))).value();  // only assumed
  EXPECT_EQ(text(cut.next()), "none");
  HistoryChunk beyond = chunk({106s});
  beyond.complete_to = at(106s);
  cut.give(std::move(beyond)).value();
  const std::optional<Slice> slice = cut.next();
  EXPECT_EQ(text(slice), "0..100 certain whole 0..100: 1");
  EXPECT_EQ(slice->counts.outside, 2U);
  EXPECT_TRUE(cut.finished());
}

TEST(CutterTest, AnEmptyHistoryCoversThePiece) {
  Cutter cut = cutter({});
  cut.give(last_chunk()).value();
  EXPECT_EQ(text(cut.next()), "0..100 certain whole 0..100:");
  EXPECT_TRUE(cut.finished());
}

// 4 slots: 16,384 windows of 10 s have as many pages as one slice may ask for.
TEST(CutterTest, ALongEmptyPieceIsCutByItsPages) {
  Cutter cut = cutter({.piece = {at(5s), at(400'000s)}});
  cut.give(last_chunk({170'000s})).value();
  EXPECT_EQ(text(cut.next()), "5..163840 certain whole 5..163840:");
  EXPECT_EQ(text(cut.next()), "163840..327680 certain whole 163840..327680: 170000");
  EXPECT_EQ(text(cut.next()), "327680..400000 certain whole 327680..400000:");
  EXPECT_TRUE(cut.finished());
}

// A chunk may be far longer than a slice; each event is copied once at most.
TEST(CutterTest, ADisorderedChunkIsCutSeveralTimes) {
  Cutter cut = cutter({.piece = {at(0s), at(500'000s)}});
  cut.give(last_chunk({400'000s, 3s, 200'000s, 1s, 200'001s})).value();
  EXPECT_EQ(text(cut.next()), "0..163840 certain whole 0..163840: 1 3");
  EXPECT_EQ(text(cut.next()), "163840..327680 certain whole 163840..327680: 200000 200001");
  EXPECT_EQ(text(cut.next()), "327680..491520 certain whole 327680..491520: 400000");
}

TEST(CutterTest, BytesCutAsEventsDo) {
  Cutter cut({.schema = kSchema,
              .piece = {at(0s), at(100s)},
              .events_max = 1'000,
              .bytes_max = ByteCount{1},
              .dense_max = 1'000});
  cut.give(chunk({1s, 12s}, at(12s))).value();
  EXPECT_EQ(text(cut.next()), "0..10 whole 0..10: 1");
}

// Memory is bounded by dense_max; of a window that was given away in parts none is whole.
TEST(CutterTest, ADenseWindowIsGivenAwayInParts) {
  Cutter cut = cutter({.dense_max = 4});
  cut.give(chunk({1s, 2s, 3s, 4s}, at(4s))).value();
  EXPECT_EQ(text(cut.next()), "0..0: 1 2 3 4");
  EXPECT_EQ(cut.memory(), ByteCount{});
  cut.give(chunk({5s, 12s, 13s, 21s}, at(21s))).value();
  EXPECT_EQ(text(cut.next()), "0..20 whole 10..20: 5 12 13");
  EXPECT_EQ(text(cut.next()), "none");
}

// History by key and not by time says nothing of its coverage before the end.
TEST(CutterTest, HistoryInNoOrderByTimeIsGivenAwayInPartsToo) {
  Cutter cut = cutter({.dense_max = 2});
  cut.give(chunk({1s, 95s})).value();
  EXPECT_EQ(text(cut.next()), "0..0: 1 95");
  cut.give(last_chunk({2s})).value();
  EXPECT_EQ(text(cut.next()), "0..100 certain: 2");
}

TEST(CutterTest, MoreDisorderThanConfiguredFailsAndSaysHowMuch) {
  Cutter cut = cutter({.events_max = 1});
  cut.give(chunk({1s, 32s}, at(22s))).value();  // disorder = 10 s
  EXPECT_EQ(text(cut.next()), "0..20 whole 0..20: 1");
  cut.give(chunk({25s, 21s, 33s}, at(23s))).value();
  const Status status = cut.give(chunk({35s, 19'500ms}, at(25s)));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(status.error().message,
            "unsorted: an event at 1970-01-01T00:00:19.500Z came when history had been taken as "
            "complete up to 1970-01-01T00:00:20Z; raise `disorder` of the history to at least 16s");
}

TEST(CutterTest, WhatIsUnsortedIsNamedByItsFile) {
  Cutter cut = cutter({.events_max = 1});
  cut.give(chunk({1s, 32s}, at(22s))).value();
  EXPECT_TRUE(cut.next());
  HistoryChunk late = chunk({19s}, at(25s));
  late.first_place = late.last_place = "/a/1.csv";
  EXPECT_TRUE(cut.give(late).error().message.starts_with("unsorted: /a/1.csv: an event at "));
  late.last_place = "/a/2.csv";
  EXPECT_TRUE(cut.give(late).error().message.starts_with("unsorted: /a/1.csv to /a/2.csv: an "));
}

TEST(CutterTest, EventsOutsideOfThePieceAreCountedAndForgotten) {
  Cutter cut = cutter({.piece = {at(10s), at(30s)}});
  cut.give(chunk({1s, 2s, 3s}, at(3s))).value();
  cut.give(chunk({9s, 11s, 31s}, at(31s))).value();  // covered far beyond what was asked for
  EXPECT_EQ(text(cut.next()), "none");
  cut.give(last_chunk({80s})).value();
  const std::optional<Slice> slice = cut.next();
  EXPECT_EQ(text(slice), "10..30 certain whole 10..30: 11");
  EXPECT_EQ(slice->counts.read, 6U);
  EXPECT_EQ(slice->counts.outside, 6U);
}

// A day's file read for a few minutes: nearly all of it is elsewhere, and nothing is wrong.
TEST(CutterTest, AnObjectLongerThanThePieceIsNoWrongTimeZone) {
  Cutter cut = cutter({.piece = {at(500s), at(520s)}});
  std::vector<Duration> day;
  day.reserve(2'000);
  for (int s = 0; s < 2'000; ++s) day.push_back(s * 1s);
  EXPECT_TRUE(cut.give(last_chunk(day)));
  Cutter quiet = cutter({.piece = {at(2'500s), at(2'520s)}});
  EXPECT_TRUE(quiet.give(last_chunk(day))) << "nor when it has nothing of the piece";
}

TEST(CutterTest, AnObjectOfThePiecesLengthThatLiesElsewhereIsRefused) {
  Cutter cut = cutter({.piece = {at(3'600s), at(7'200s)}});
  std::vector<Duration> hour;
  for (int s = 0; s < 3'600; s += 10) hour.push_back(s * 1s);  // two hours early would be further
  const Status status = cut.give(last_chunk(hour));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(status.error().message,
            "outside: 359 of 360 events, from 1970-01-01T00:00:00Z to 1970-01-01T00:59:50Z, lie "
            "outside of 1970-01-01T01:00:00Z to 1970-01-01T02:00:00Z; wrong time zone or time "
            "unit?");
}

TEST(CutterTest, DeadLettersAreCountedAndTheFirstOnesKept) {
  Cutter cut = cutter({});
  cut.give(chunk({1s})).value();
  HistoryChunk dead = dead_chunk(150);
  dead.spent = {.requests = 2, .bytes = ByteCount{77}};
  dead.missing.push_back({{at(20s), at(30s)}, {"a"}, "not kept"});
  cut.give(std::move(dead)).value();
  cut.give(last_chunk()).value();
  const std::optional<Slice> slice = cut.next();
  EXPECT_EQ(slice->counts,
            (ReplayCounts{.read = 150, .dead_lettered = 150, .bytes_read = 77, .requests = 2}));
  EXPECT_EQ(slice->dead.size(), kDeadLettersKept);
  EXPECT_EQ(slice->dead.front().place, "f:0");
  ASSERT_EQ(slice->missing.size(), 1U);
  EXPECT_EQ(slice->missing[0].reason, "not kept");
}

// Else a file in another format would be taken for one without events.
TEST(CutterTest, NothingButDeadLettersIsUnreadable) {
  Cutter cut = cutter({.events_max = 0});
  HistoryChunk dead = dead_chunk(2);
  dead.covered_to = at(50s);
  cut.give(std::move(dead)).value();
  EXPECT_EQ(text(cut.next()), "none") << "not taken as read before an event was seen";
  const Status status = cut.give(last_chunk());
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kCorruption);
  EXPECT_EQ(status.error().message,
            "unreadable: no record of 1970-01-01T00:00:00Z to 1970-01-01T00:01:40Z could be read; "
            "the first one, f:0: malformed: no JSON");
}

}  // namespace
}  // namespace hindcast::test
