#include "proof/verify_history.h"

#include "history/memory_history.h"
#include "proof/proof_test_util.h"

namespace hindcast::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = VerifyReport::Difference::Kind;

class VerifyHistoryTest : public ::testing::Test {
 protected:
  VerifyHistoryTest() : lane_(store_, log_) {
    for (int64_t i = 0; i < 300; ++i) {
      events_.push_back({.key = "k" + std::to_string(i % 5), .time = i * 2s, .id = i, .value = i});
    }
  }
  void seal(const std::vector<Event>& ours) {
    lane_.events(ours);
    lane_.heartbeat(10min);
    lane_.run();
  }
  MemoryHistoryOptions history(const std::vector<Event>& theirs) {
    theirs_ = batch_of(theirs);
    return {.chunk_events = 20};
  }
  VerifyReport verify(MemoryHistoryOptions options, VerifyHistoryOptions how = {},
                      Window range = {kMinEventTime, kMaxEventTime}) {
    MemoryHistory history(small_schema(), theirs_, std::move(options));
    const HistorySubject subject{.schema = small_schema(),
                                 .partitions = {kPartition},
                                 .source = "left",
                                 .finest = 5s,
                                 .range = range};
    VerifyReport report;
    status_ = verify_history(subject, history, *store_.snapshot().value(), how, report);
    calls_ = history.calls();
    return report;
  }
  /// "kind key bucket events", one for each.
  static std::string brief(const VerifyReport& report) {
    std::string out;
    for (const auto& d : report.differences) {
      out += std::string(to_string(d.kind)) + " " + d.key + " " + to_rfc3339(d.window.start) + " " +
             std::to_string(d.events) + "\n";
    }
    return out;
  }

  std::vector<Event> events_;
  EventBatch theirs_{small_schema()};
  MemoryStore store_;
  MemoryLog log_;
  LaneOver lane_;
  Status status_;
  uint64_t calls_ = 0;
};

// Equal heads are the whole answer: not one stored event is read.
TEST_F(VerifyHistoryTest, WhatIsEqualIsSeenFromTheHeadsAlone) {
  seal(events_);
  const VerifyReport report = verify(history(events_));
  EXPECT_EQ(lines(report), "");
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(report.events, 300u);
  EXPECT_EQ(report.history.events, 300u);
  EXPECT_EQ(report.history.requests, 15u);
  EXPECT_EQ(report.history.pages_read, 0u);
  EXPECT_EQ(report.history.stored_events, 0u);
  EXPECT_THAT(report.refill, IsEmpty());
}

TEST_F(VerifyHistoryTest, DifferencesAreLocatedToKeyAndBucketAndToTheFieldsThatDiffer) {
  std::vector<Event> ours = events_;
  ours.erase(ours.begin() + 7);  // k2 at 14 s: missing
  ours[100].value = -1;          // k1 at 202 s (it was 101): differs
  ours.push_back({.key = "k3", .time = 333s, .id = 9'000, .value = 5});  // extra
  seal(ours);
  const VerifyReport report = verify(history(events_));
  EXPECT_EQ(brief(report),
            "missing k2 1970-01-01T00:00:10Z 1\n"
            "differs k1 1970-01-01T00:03:20Z 1\n"
            "extra k3 1970-01-01T00:05:30Z 1\n");
  EXPECT_EQ(report.differences[0].what, "only history has event 7 of 1970-01-01T00:00:14Z");
  EXPECT_EQ(report.differences[1].what,
            "event 101 of 1970-01-01T00:03:22Z: v: history 101, stored -1");
  EXPECT_EQ(report.differences[2].what,
            "history-short: it lacks event 9000 of 1970-01-01T00:05:33Z");
  EXPECT_EQ(report.differences[2].window, (Window{at(330s), at(335s)}));
  // What history lacks is not for a replay to take away (law L9).
  ASSERT_EQ(report.refill.size(), 1u);
  EXPECT_EQ(report.refill[0].source, "left");
  EXPECT_THAT(report.refill[0].windows,
              ElementsAre(Window{at(10s), at(20s)}, Window{at(200s), at(210s)}));
}

// Only the pages, and of them only the keys, whose digests differ are read.
TEST_F(VerifyHistoryTest, NoMoreOfOursIsReadThanDiffers) {
  std::vector<Event> ours = events_;
  ours.erase(ours.begin() + 7);
  seal(ours);
  const VerifyReport report = verify(history(events_));
  EXPECT_EQ(report.history.pages_read, 1u);
  EXPECT_EQ(report.history.keys_read, 1u);
  EXPECT_LE(report.history.stored_events, 1u);
}

TEST_F(VerifyHistoryTest, EventsOfOneBucketAreToldTogetherAndCountedInFull) {
  seal(events_);
  std::vector<Event> theirs = events_;
  for (int64_t i = 0; i < 2'000; ++i)
    theirs.push_back({.key = "new", .time = 20s + i * 1ms, .id = 10'000 + i});
  std::ranges::stable_sort(theirs, {}, &Event::time);
  const VerifyReport report = verify(history(theirs));
  EXPECT_EQ(brief(report), "missing new 1970-01-01T00:00:20Z 2000\n");
  EXPECT_THAT(report.differences[0].what, HasSubstr("and 1999 more"));
}

// Files overlap, feeds repeat: what stands in history twice is one event.
TEST_F(VerifyHistoryTest, RepetitionsInHistoryAreNoDifference) {
  seal(events_);
  std::vector<Event> theirs;
  for (const Event& e : events_) theirs.insert(theirs.end(), {e, e});
  EXPECT_TRUE(verify(history(theirs)).ok());
}

// Corrections that live has heard of and history has not are ours to keep.
TEST_F(VerifyHistoryTest, AnOlderRevisionInHistoryIsNoDifference) {
  std::vector<Event> ours = events_;
  ours[10].revision = 2;
  ours[10].value = 77;
  ours[20].revision = 2;
  ours[20].op = Op::kDelete;
  seal(ours);
  EXPECT_EQ(lines(verify(history(events_))), "");
}

TEST_F(VerifyHistoryTest, ANewerRevisionInHistoryDiffersAndADeletedEventIsMissing) {
  std::vector<Event> ours = events_, theirs = events_;
  theirs[10].revision = 2;
  ours[20].op = Op::kDelete;  // at the same revision
  seal(ours);
  const VerifyReport report = verify(history(theirs));
  EXPECT_EQ(brief(report),
            "differs k0 1970-01-01T00:00:20Z 1\n"
            "missing k0 1970-01-01T00:00:40Z 1\n");
  EXPECT_THAT(report.differences[0].what, HasSubstr("revision: history 2, stored 0"));
}

// ── how far it looks ────────────────────────────────────────────────────────────────────────────

TEST_F(VerifyHistoryTest, AheadOfTheFrontierNothingIsCompared) {
  lane_.events({events_.begin(), events_.begin() + 100});
  lane_.run();  // the frontier is at 190 s
  const VerifyReport report = verify(history(events_));
  EXPECT_EQ(lines(report), "");
  EXPECT_EQ(report.events, 95u);
}

TEST_F(VerifyHistoryTest, TheRangeGrowsToWholePageWindows) {
  std::vector<Event> ours = events_;
  ours.erase(ours.begin() + 7);    // 14 s
  ours.erase(ours.begin() + 100);  // 202 s
  seal(ours);
  const VerifyReport report = verify(history(events_), {}, {at(15s), at(21s)});
  EXPECT_EQ(brief(report), "missing k2 1970-01-01T00:00:10Z 1\n");
  EXPECT_EQ(report.events, 10u) << "10 s to 30 s";
  EXPECT_TRUE(verify(history(events_), {}, {at(20s), at(200s)}).ok());
}

TEST_F(VerifyHistoryTest, PagesThatHistoryKnowsNothingOfAreExtra) {
  seal(events_);
  const VerifyReport report = verify(history({}));
  EXPECT_EQ(report.by_kind[static_cast<size_t>(Kind::kExtra)], report.differences_total);
  uint64_t events = 0;
  for (const auto& d : report.differences) events += d.events;
  EXPECT_EQ(events, 300u);
  EXPECT_THAT(report.refill, IsEmpty());
}

// An API that is asked for some keys says nothing of the others.
TEST_F(VerifyHistoryTest, KeysThatTheHistoryDoesNotListAreNotCompared) {
  seal(events_);
  std::vector<Event> theirs = events_;
  std::erase_if(theirs, [](const Event& e) { return e.key != "k1"; });
  theirs.erase(theirs.begin() + 3);  // k1 at 32 s
  const MemoryHistoryOptions options = history(theirs);
  MemoryHistory listed(small_schema(), theirs_, options);
  VerifyReport report;
  ASSERT_TRUE(verify_history({.schema = small_schema(),
                              .partitions = {kPartition},
                              .source = "left",
                              .keys = {"k1"},
                              .finest = 5s},
                             listed, *store_.snapshot().value(), {}, report));
  EXPECT_EQ(brief(report), "extra k1 1970-01-01T00:00:30Z 1\n");
}

TEST_F(VerifyHistoryTest, AnEmptyStoreHasNothingToCompare) {
  const VerifyReport report = verify(history(events_));
  EXPECT_TRUE(status_);
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(calls_, 0u);
}

// Pieces end where files end, not where pages do.
TEST_F(VerifyHistoryTest, APageWindowThatTwoPiecesShareIsComparedOnce) {
  std::vector<Event> ours = events_;
  ours.erase(ours.begin() + 7);
  seal(ours);
  for (const Duration piece : {7s, 10s, 33s, 1000s}) {
    MemoryHistoryOptions options = history(events_);
    options.piece = piece;
    const VerifyReport report = verify(options);
    EXPECT_EQ(brief(report), "missing k2 1970-01-01T00:00:10Z 1\n") << to_string(piece);
    EXPECT_EQ(report.events, 300u) << to_string(piece);
  }
}

// ── histories that are not as they should be ────────────────────────────────────────────────────

// Its order was only assumed: an event for a window that was compared already means that all must
// be read before any is compared.
TEST_F(VerifyHistoryTest, AHistoryThatIsNotSortedIsReadAgainAndComparedByItsWord) {
  seal(events_);
  std::vector<Event> theirs = events_;
  std::ranges::reverse(theirs);
  MemoryHistoryOptions options = history(theirs);
  options.in_order = false;
  EXPECT_EQ(lines(verify(options)), "");
  EXPECT_GT(calls_, 15u) << "twice, in part";
}

TEST_F(VerifyHistoryTest, AHistoryThatBreaksItsWordIsNotComparedFromThereOn) {
  seal(events_);
  std::vector<Event> theirs = events_;
  std::swap(theirs[10], theirs[200]);
  MemoryHistoryOptions options = history(theirs);
  options.in_order = false;
  options.certain = true;
  const VerifyReport report = verify(options);
  EXPECT_FALSE(report.ok());
  EXPECT_THAT(lines(report), HasSubstr("unsorted: "));
}

TEST_F(VerifyHistoryTest, MemoryIsBoundedByReadingInSeveralPasses) {
  std::vector<Event> ours = events_;
  ours.erase(ours.begin() + 7);
  seal(ours);
  for (const bool sorted : {true, false}) {
    for (const uint64_t events_max : {150u, 40u, 8u, 3u}) {
      MemoryHistoryOptions options = history(events_);
      options.sorted = sorted;  // false: complete at the end of the stretch only
      options.chunk_events = 2;
      const VerifyReport report = verify(options, {.events_max = events_max});
      EXPECT_EQ(lines(report).substr(0, 7), "missing") << lines(report);
      EXPECT_EQ(report.differences_total, 1u) << lines(report);
      EXPECT_EQ(report.unread_total, 0u) << events_max << sorted;
      EXPECT_EQ(report.events, 300u) << events_max << sorted;
    }
  }
}

TEST_F(VerifyHistoryTest, ASlotThatHoldsTooMuchIsSaidNotToBeCompared) {
  seal(events_);
  MemoryHistoryOptions options = history(events_);
  options.sorted = false;
  options.chunk_events = 1;
  const VerifyReport report = verify(options, {.events_max = 0});
  EXPECT_FALSE(report.ok());
  EXPECT_THAT(lines(report), HasSubstr("more than 0 events in one slot of a page window"));
}

TEST_F(VerifyHistoryTest, WhatMayPassIsTriedAgainAndTheHistorySaysWhen) {
  seal(events_);
  MemoryHistoryOptions options = history(events_);
  options.fault = [calls = 0]() mutable -> std::optional<Error> {
    const int call = ++calls;
    if (call % 4 != 0) return overloaded("http-429: slow down");
    return std::nullopt;
  };
  options.retry_after = [] { return std::optional<Duration>(7s); };
  std::vector<Duration> pauses;
  const VerifyReport report = verify(options, {.pause = [&](Duration pause) {
                                       pauses.push_back(pause);
                                       return true;
                                     }});
  EXPECT_TRUE(report.ok()) << lines(report);
  ASSERT_EQ(pauses.size(), 45u);
  EXPECT_EQ(pauses[0], 7s);
}

TEST_F(VerifyHistoryTest, AHistoryThatKeepsFailingLeavesTheRestUnread) {
  std::vector<Event> ours = events_;
  ours.erase(ours.begin() + 7);
  seal(ours);
  MemoryHistoryOptions options = history(events_);
  options.fault = [calls = 0]() mutable -> std::optional<Error> {
    const int call = ++calls;
    if (call > 5) return unavailable("http-503: gone");
    return std::nullopt;
  };
  std::vector<Duration> pauses;
  const VerifyReport report = verify(options, {.retries = 3, .pause = [&](Duration pause) {
                                                 pauses.push_back(pause);
                                                 return true;
                                               }});
  EXPECT_THAT(pauses, ElementsAre(1s, 2s, 4s));
  EXPECT_EQ(brief(report), "missing k2 1970-01-01T00:00:10Z 1\n") << "of what was read";
  ASSERT_EQ(report.unread.size(), 1u);
  EXPECT_EQ(report.unread[0].source, "left");
  EXPECT_EQ(report.unread[0].window, (Window{at(190s), at(10min)}));
  EXPECT_EQ(report.unread[0].reason, "http-503: gone");
  EXPECT_FALSE(report.ok());
}

TEST_F(VerifyHistoryTest, APieceThatIsNotThereIsUnreadAndTheNextOneIsCompared) {
  std::vector<Event> ours = events_;
  ours.erase(ours.begin() + 207);  // 414 s
  seal(ours);
  MemoryHistoryOptions options = history(events_);
  options.piece = 100s;
  options.chunk_events = 1'000;
  options.fault = [calls = 0]() mutable -> std::optional<Error> {
    const int call = ++calls;
    if (call == 2 || call == 3) return not_found("http-404: no such file");
    return std::nullopt;
  };
  const VerifyReport report = verify(options);
  EXPECT_EQ(brief(report), "missing k2 1970-01-01T00:06:50Z 1\n");
  ASSERT_EQ(report.unread.size(), 1u) << "neighbours are one stretch";
  EXPECT_EQ(report.unread[0].window, (Window{at(100s), at(300s)}));
}

TEST_F(VerifyHistoryTest, WhatHistorySaysItLacksIsUnreadAndNotExtra) {
  seal(events_);
  std::vector<Event> theirs = events_;
  std::erase_if(theirs, [](const Event& e) {
    return e.time < 100s || (e.key == "k4" && e.time >= 200s && e.time < 300s);
  });
  MemoryHistoryOptions options = history(theirs);
  options.missing = {{{at(0s), at(100s)}, {}, "before the first file"},
                     {{at(200s), at(300s)}, {"k4"}, "http-404: k4"}};
  const VerifyReport report = verify(options);
  EXPECT_EQ(brief(report), "");
  EXPECT_EQ(report.unread_total, 2u);
  EXPECT_THAT(lines(report), HasSubstr("the history lacks it: before the first file"));
}

// A history says where it ends, and the frontier is beyond: neither has anything there.
TEST_F(VerifyHistoryTest, WhatHistoryLacksAndWeDoNotHaveIsNothingToCompare) {
  std::vector<Event> both = events_;
  std::erase_if(both, [](const Event& e) { return e.time >= 500s; });
  seal(both);
  MemoryHistoryOptions options = history(both);
  options.missing = {{{at(500s), at(600s)}, {}, "outside-files"}};
  EXPECT_TRUE(verify(options).ok());
  options.missing = {{{at(490s), at(600s)}, {}, "outside-files"}};
  EXPECT_EQ(verify(options).unread_total, 1u);
}

TEST_F(VerifyHistoryTest, AStopUnwinds) {
  seal(events_);
  std::stop_source stop;
  MemoryHistoryOptions options = history(events_);
  options.fault = [&stop, calls = 0]() mutable -> std::optional<Error> {
    if (++calls == 3) stop.request_stop();
    return std::nullopt;
  };
  (void)verify(options, {.stop = stop.get_token()});
  EXPECT_EQ(status_.error().code, ErrorCode::kCancelled);
  options.fault = []() -> std::optional<Error> { return unavailable("down"); };
  (void)verify(options, {.pause = [](Duration) { return false; }});
  EXPECT_EQ(status_.error().code, ErrorCode::kCancelled);
}

// ── pages that are not as they should be ────────────────────────────────────────────────────────

TEST_F(VerifyHistoryTest, OfADamagedPageEverythingThatIsLostIsMissing) {
  seal(events_);
  const PageKey page{kPartition, at(10s), slot_of("k2", 4)};
  store_.flip(page, 0, 9 + 8);
  const VerifyReport report = verify(history(events_));
  EXPECT_EQ(report.by_kind[static_cast<size_t>(Kind::kDamage)], 0u)
      << "its head still says what history says: verify against pages finds it";
  store_.lose_head(page);
  const VerifyReport lost = verify(history(events_));
  EXPECT_EQ(lost.by_kind[static_cast<size_t>(Kind::kDamage)], 1u) << lines(lost);
  EXPECT_GE(lost.by_kind[static_cast<size_t>(Kind::kMissing)], 1u);
  ASSERT_EQ(lost.refill.size(), 1u);
  EXPECT_THAT(lost.refill[0].windows, ElementsAre(Window{at(10s), at(20s)}));
}

TEST_F(VerifyHistoryTest, ADamagedPageThatDiffersAnywayIsComparedByWhatIsLeftOfIt) {
  std::vector<Event> ours = events_;
  ours.erase(ours.begin() + 7);
  seal(ours);
  const PageKey page{kPartition, at(10s), slot_of("k2", 4)};
  if (store_.snapshot().value()->page(page, Lane::kLive).value().parts.empty())
    GTEST_SKIP() << "no other key shares the slot";
  store_.flip(page, 0, 9 + 8);
  const VerifyReport report = verify(history(events_));
  EXPECT_EQ(report.by_kind[static_cast<size_t>(Kind::kDamage)], 1u) << lines(report);
}

}  // namespace
}  // namespace hindcast::test
