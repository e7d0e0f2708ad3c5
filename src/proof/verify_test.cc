#include "proof/verify.h"

#include "proof/proof_test_util.h"

namespace hindcast::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = VerifyReport::Difference::Kind;

class VerifyTest : public ::testing::Test {
 protected:
  VerifyTest() : store_(memory_), lane_(store_, log_) {
    for (int64_t i = 0; i < 60; ++i) {
      lane_.events({{.key = "a", .time = i * 10s, .id = 2 * i, .value = i},
                    {.key = "b", .time = i * 10s + 1s, .id = 2 * i + 1, .value = 1}});
    }
    lane_.heartbeat(10min);
    lane_.run();
  }
  /// Puts rows as nobody should.
  void put(Row row) {
    Commit commit{.id = 99};
    commit.rows.push_back(std::move(row));
    store_.commit(std::move(commit), [](const Result<CommitResult>&) {});
  }
  Row row(AggregateId aggregate, Duration resolution, Duration bucket, const std::string& key) {
    return store_.snapshot()
        .value()
        ->row({aggregate, resolution, at(bucket), kPartition, slot_of(key, 4), key})
        .value()
        .value();
  }
  PageKey page_of(const std::string& key, Duration window) {
    return {kPartition, at(window), slot_of(key, 4)};
  }

  MemoryStore memory_;
  GapStore store_;
  MemoryLog log_;
  LaneOver lane_;
};

TEST_F(VerifyTest, WhatALaneSealedIsEqual) {
  const VerifyReport report = lane_.verify();
  EXPECT_EQ(lines(report), "");
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(report.events, 120u);
  EXPECT_GT(report.pages, 60u);
  EXPECT_GT(report.rows, 360u);
}

TEST_F(VerifyTest, AWrongRowIsNamedByBucketAndRepairedAsANewVersion) {
  Row wrong = row(kFine, 5s, 20s, "a");
  wrong.events += 1;
  put(wrong);
  const VerifyReport report = lane_.repair();
  ASSERT_EQ(report.differences_total, 1u) << lines(report);
  const auto& difference = report.differences[0];
  EXPECT_EQ(difference.kind, Kind::kRow);
  EXPECT_EQ(difference.stream, "small");
  EXPECT_EQ(difference.aggregate, "fine");
  EXPECT_EQ(difference.key, "a");
  EXPECT_EQ(difference.window, (Window{at(20s), at(25s)}));
  EXPECT_THAT(difference.what, HasSubstr("row says 2 events"));
  EXPECT_EQ(report.pages_remade, 1u);
  EXPECT_THAT(report.refill, IsEmpty());

  EXPECT_EQ(lines(lane_.verify()), "");
  const Row mended = row(kFine, 5s, 20s, "a");
  EXPECT_EQ(mended.version, Version{2});
  EXPECT_EQ(mended.cause, Cause{Cause::Kind::kRepair});
  EXPECT_EQ(mended.published_at, kNow + 1h);
  EXPECT_EQ(row(kFine, 10s, 20s, "a").version, Version{1}) << "it was right";
  EXPECT_THAT(store_.opened, IsEmpty()) << "nothing was lost";
}

TEST_F(VerifyTest, AValueAloneIsADifference) {
  Row wrong = row(kFine, 5s, 20s, "a");
  wrong.state = row(kFine, 5s, 30s, "a").state;
  put(wrong);
  const VerifyReport report = lane_.repair();
  ASSERT_EQ(report.differences_total, 1u) << lines(report);
  EXPECT_EQ(report.differences[0].what, "values differ from recomputed ones");
  EXPECT_EQ(lines(lane_.verify()), "");
}

// A row that nothing lies beneath, in a page that there is and in one that there is not.
TEST_F(VerifyTest, ARowOfNothingIsHidden) {
  Row of_nobody = row(kFine, 10s, 20s, "a");
  of_nobody.at.key = "z";
  of_nobody.at.slot = slot_of("a", 4);
  put(of_nobody);
  Row without_page = row(kCoarse, 10s, 20s, "a");
  without_page.at.bucket = at(-100s);
  put(without_page);
  const VerifyReport report = lane_.repair();
  EXPECT_THAT(lines(report), HasSubstr("there are none beneath it"));
  EXPECT_THAT(lines(report), HasSubstr("row without a page"));
  EXPECT_EQ(report.pages_remade, 2u);
  EXPECT_EQ(lines(lane_.verify()), "");
  EXPECT_EQ(store_.snapshot().value()->row(without_page.at).value()->events, 0u);
}

TEST_F(VerifyTest, AWrongRollupIsFoldedAgain) {
  Row wrong = row(kFine, 5min, 0s, "b");
  wrong.digest += Digest{0, 1};
  put(wrong);
  Row orphan = row(kFine, 1min, 60s, "a");
  orphan.at.bucket = at(-120s);
  put(orphan);
  const VerifyReport report = lane_.repair();
  EXPECT_EQ(report.by_kind[static_cast<size_t>(Kind::kRollup)], 3u)
      << lines(report) << "the orphan's own parent lacks it";
  EXPECT_EQ(report.parents_marked, 3u);
  EXPECT_EQ(lines(lane_.verify()), "");
  EXPECT_EQ(row(kFine, 5min, 0s, "b").version, Version{2});
  EXPECT_EQ(row(kFine, 5min, 0s, "b").cause, Cause{Cause::Kind::kRepair});
}

TEST_F(VerifyTest, AHeadThatDoesNotMatchItsPartsIsMadeAnew) {
  const PageKey page = page_of("a", 30s);
  Commit commit = rewrite(*store_.snapshot().value(), page);
  commit.pages[0].digest_change += Digest{0, 1};
  store_.commit(std::move(commit), [](const Result<CommitResult>&) {});
  const VerifyReport report = lane_.repair();
  ASSERT_EQ(report.differences_total, 1u) << lines(report);
  EXPECT_EQ(report.differences[0].kind, Kind::kHead);
  EXPECT_EQ(report.differences[0].window, (Window{at(30s), at(40s)}));
  EXPECT_EQ(lines(lane_.verify()), "");
}

// Verification goes on over damage; what it took is said by page and keys, and history is named as
// the only remedy.
TEST_F(VerifyTest, DamagedPagesAreListedMadeAnewAndNamedForRefilling) {
  memory_.flip(page_of("a", 20s), 0, 9 + 8);  // the directory
  memory_.lose_head(page_of("b", 50s));
  const auto bytes = store_.snapshot().value()->page(page_of("a", 70s), Lane::kLive).value();
  memory_.flip(page_of("a", 70s), 0, bytes.parts[0].size() - 3);  // the chunk
  Row wrong = row(kFine, 5s, 200s, "a");
  wrong.events += 1;
  put(wrong);

  const VerifyReport report = lane_.repair();
  EXPECT_EQ(report.by_kind[static_cast<size_t>(Kind::kDamage)], 3u) << lines(report);
  EXPECT_EQ(report.by_kind[static_cast<size_t>(Kind::kRow)], 1u) << "behind the damage";
  EXPECT_THAT(lines(report), HasSubstr("memory: part 0: byte 17; events of any key may be lost"));
  EXPECT_THAT(lines(report), HasSubstr("memory: the head is lost"));
  EXPECT_THAT(lines(report), HasSubstr("events are lost of a"));
  ASSERT_EQ(report.refill.size(), 1u);
  EXPECT_EQ(report.refill[0].stream, "small");
  EXPECT_THAT(
      report.refill[0].windows,
      ElementsAre(Window{at(20s), at(30s)}, Window{at(50s), at(60s)}, Window{at(70s), at(80s)}));
  EXPECT_EQ(store_.opened.size(), 3u);
  EXPECT_EQ(lines(lane_.verify()), "") << "rows and pages agree again";
}

TEST_F(VerifyTest, OnlyTheRangeIsLookedAt) {
  Row wrong = row(kFine, 5s, 20s, "a");
  wrong.events += 1;
  put(wrong);
  VerifySubject subject = small_subject();
  subject.range = {at(60s), at(120s)};
  EXPECT_EQ(lines(lane_.verify(nullptr, subject)), "");
  subject.range = {at(0s), at(60s)};
  EXPECT_EQ(lane_.verify(nullptr, subject).differences_total, 1u);
}

TEST_F(VerifyTest, AheadOfTheFrontierNothingIsJudged) {
  lane_.events({{.key = "a", .time = 700s, .id = 1000}});
  lane_.run();
  memory_.flip(page_of("a", 20s), 0, 9 + 8);
  EXPECT_EQ(lane_.verify().differences_total, 1u);
}

TEST_F(VerifyTest, ItStopsWhereItIsToldTo) {
  VerifySubject subject = small_subject();
  int pages = 0;
  ByteCount read;
  subject.go_on = [&](ByteCount bytes) {
    read += bytes;
    return ++pages < 10;
  };
  VerifyReport report;
  EXPECT_EQ(verify_pages(subject, *store_.snapshot().value(), report).error().code,
            ErrorCode::kCancelled);
  EXPECT_EQ(pages, 10);
  EXPECT_GT(read, ByteCount{500});
}

}  // namespace
}  // namespace hindcast::test
