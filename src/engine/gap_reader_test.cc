// Lists of gaps, strips of coverage and jobs, from literal facts in a store.
#include "engine/gap_reader.h"

#include <gtest/gtest.h>

#include "engine/engine_test_util.h"
#include "replay/job_account.h"
#include "store/memory_store.h"
#include "store/store_test_data.h"

namespace hindcast {
namespace {

EventTime minute(int n) { return at_ms(kNoon + n * kMinute); }
Window from_to(int from, int to) { return {minute(from), minute(to)}; }

class GapReaderTest : public testing::Test {
 protected:
  GapReaderTest()
      : catalog_(Catalog::open(config_of("[[stream]]\nname = \"trades\"\npartitions = 2\n" +
                                             two_sources() + candles_toml(),
                                         folder_.path()),
                               store_, false)
                     .value()) {
    const StreamInfo& stream = catalog_.streams().at("trades");
    stream_ = stream.id;
    partitions_ = stream.partitions;
  }

  /// Two lines of one truth.
  static std::string two_sources() {
    const std::string first = source_toml("kind = \"http\"\nstream = \"trades\"\n");
    std::string second = first;
    return first + second.replace(second.find("\"trades\""), 8, "\"backup\"");
  }
  Gap gap(GapId id, Window range) { return gap_of(id, range.start, range.end, stream_); }
  GapOutcome outcome(std::vector<GapId> gaps, Window range, GapOutcome::Kind kind) {
    GapOutcome out = outcome_of(std::move(gaps), stream_);
    out.range = range;
    out.kind = kind;
    return out;
  }
  /// Pages from `first` on, and frontiers per partition.
  void sealed(int first, int one, int two) {
    commit(store_, {.pages = {page_add(page_key(minute(first), 0, partitions_[0]), 0, "p")}});
    const int frontiers[] = {one, two};
    for (size_t p = 0; p < 2; ++p) {
      Checkpoint checkpoint = checkpoint_of(1, 1, minute(frontiers[p]), partitions_[p]);
      checkpoint.watermark = minute(frontiers[p]) + 30s;
      commit(store_, {.checkpoint = checkpoint});
    }
  }
  std::vector<GapEntry> gaps(const GapQuery& query = {}) {
    return read_gaps(*snap(store_), catalog_, query).value();
  }
  CoverageAnswer coverage(std::optional<EventTime> from = {}, std::optional<EventTime> to = {}) {
    return read_coverage(*snap(store_), catalog_, "trades", from, to).value();
  }
  /// "0-5 covered | 5-7 gap 1,2"
  static std::string text(const CoverageAnswer& answer) {
    std::string out;
    const auto number = [](EventTime t) { return std::to_string((t - minute(0)) / 1min); };
    for (const CoverageSpan& span : answer.spans) {
      out += (out.empty() ? "" : " | ") + number(span.range.start) + "-" + number(span.range.end) +
             " " + std::string(to_string(span.state));
      for (size_t i = 0; i < span.gaps.size(); ++i)
        out += (i == 0 ? " " : ",") + std::to_string(span.gaps[i]);
    }
    return out;
  }

  TempFolder folder_;
  MemoryStore store_;
  Catalog catalog_;
  StreamId stream_;
  std::vector<PartitionId> partitions_;
};

TEST_F(GapReaderTest, NothingSealedHasNoCoverage) {
  const CoverageAnswer answer = coverage();
  EXPECT_EQ(answer.stream, "trades");
  EXPECT_EQ(answer.sources, (std::vector<std::string>{"trades", "backup"}));
  EXPECT_FALSE(answer.first || answer.frontier || answer.watermark);
  EXPECT_TRUE(answer.spans.empty());
}

TEST_F(GapReaderTest, AStripGoesFromTheOldestPageToTheSlowestFrontier) {
  sealed(2, 20, 15);
  const CoverageAnswer answer = coverage();
  EXPECT_EQ(answer.first, minute(2));
  EXPECT_EQ(answer.frontier, minute(15));
  EXPECT_EQ(answer.watermark, minute(15) + 30s);
  EXPECT_EQ(text(answer), "2-15 covered");
  EXPECT_EQ(text(coverage(minute(5), minute(8))), "5-8 covered");
  EXPECT_EQ(text(coverage(minute(0), minute(99))), "2-15 covered");
  EXPECT_EQ(text(coverage(minute(30), minute(40))), "");
}

TEST_F(GapReaderTest, SpansAreOfTheWorstThatIsKnownThere) {
  sealed(0, 100, 100);
  Commit c;
  c.gaps = {gap(1, from_to(10, 20)), gap(2, from_to(15, 30)), gap(3, from_to(40, 50)),
            gap(4, from_to(60, 70)), gap(5, {minute(90), kMaxEventTime})};
  c.outcomes = {outcome({1}, from_to(10, 12), GapOutcome::Kind::kFilled),
                outcome({3}, from_to(40, 50), GapOutcome::Kind::kUnfillable),
                outcome({4}, from_to(60, 65), GapOutcome::Kind::kAccepted)};
  commit(store_, std::move(c));
  EXPECT_EQ(text(coverage()),
            "0-12 covered | 12-30 gap 1,2 | 30-40 covered | 40-50 unfillable 3 | 50-60 covered | "
            "60-65 accepted 4 | 65-70 gap 4 | 70-90 covered | 90-100 gap 5");
  EXPECT_EQ(text(coverage(minute(11), minute(16))), "11-12 covered | 12-16 gap 1,2");
}

// One key of one partition that is missing is a hole in the stream, however much is there.
TEST_F(GapReaderTest, AGapOfOneKeyIsAGapOfTheStream) {
  sealed(0, 20, 20);
  Gap one = gap(1, from_to(5, 6));
  one.scope = {.kind = GapScope::Kind::kKeys, .partition = {}, .keys = {{partitions_[1], "ETH"}}};
  commit(store_, {.gaps = {one}});
  EXPECT_EQ(text(coverage()), "0-5 covered | 5-6 gap 1 | 6-20 covered");
}

TEST_F(GapReaderTest, AGapThatAJobIsOnIsReplaying) {
  sealed(0, 100, 100);
  Gap keys = gap(2, from_to(50, 60));
  keys.scope = {.kind = GapScope::Kind::kKeys, .partition = {}, .keys = {{partitions_[1], "ETH"}}};
  ReplayJob job = job_of(1);
  job.stream = stream_;
  job.range = from_to(15, 55);
  job.state = ReplayJob::State::kRunning;
  commit(store_, {.gaps = {gap(1, from_to(10, 20)), keys}, .job = job});
  const std::string on_it =
      "0-10 covered | 10-15 gap 1 | 15-20 replaying 1 | 20-50 covered | 50-55 replaying 2 | "
      "55-60 gap 2 | 60-100 covered";
  EXPECT_EQ(text(coverage()), on_it);
  job.state = ReplayJob::State::kQueued;
  commit(store_, {.job = job});
  EXPECT_EQ(text(coverage()), on_it);
  job.keys = {"ETH"};  // does not fill the gap of all keys
  commit(store_, {.job = job});
  EXPECT_EQ(text(coverage()),
            "0-10 covered | 10-20 gap 1 | 20-50 covered | 50-55 replaying 2 | 55-60 gap 2 | 60-100 "
            "covered");
  job.keys = {};
  for (const auto state : {ReplayJob::State::kPaused, ReplayJob::State::kFailed}) {
    job.state = state;
    commit(store_, {.job = job});
    EXPECT_EQ(text(coverage()),
              "0-10 covered | 10-20 gap 1 | 20-50 covered | 50-60 gap 2 | 60-100 covered");
  }
  job.state = ReplayJob::State::kRunning;
  job.stream = StreamId{99};  // of another stream
  commit(store_, {.job = job});
  EXPECT_EQ(text(coverage()),
            "0-10 covered | 10-20 gap 1 | 20-50 covered | 50-60 gap 2 | 60-100 covered");
}

TEST_F(GapReaderTest, AnEntryHasWhatFollowsFromItsOutcomes) {
  Commit c;
  c.gaps = {gap(1, {minute(0), kMaxEventTime}), gap(2, from_to(10, 20)), gap(3, from_to(30, 31)),
            gap_of(4, minute(0), minute(1), StreamId{99})};  // of a stream that is not configured
  c.bounds = {{1, minute(5)}};
  c.outcomes = {outcome({1}, from_to(0, 2), GapOutcome::Kind::kFilled),
                outcome({1, 2, 2}, from_to(2, 20), GapOutcome::Kind::kUnfillable),
                outcome({2}, from_to(15, 20), GapOutcome::Kind::kAccepted),
                outcome({3}, from_to(30, 31), GapOutcome::Kind::kFilled)};
  commit(store_, std::move(c));
  const std::vector<GapEntry> all = gaps();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].gap.id, 3U) << "newest first";
  EXPECT_EQ(all[0].state, "filled");
  EXPECT_TRUE(all[0].holes.empty());
  EXPECT_EQ(all[1].state, "unfillable") << "worse than accepted";
  EXPECT_EQ(all[1].holes.size(), 2U);
  EXPECT_EQ(all[1].outcomes.size(), 2U) << "an outcome that names it twice is one";
  EXPECT_EQ(all[2].state, "unfillable");
  EXPECT_EQ(all[2].end, minute(5));
  EXPECT_EQ(all[2].gap.range.end, kMaxEventTime) << "as it was opened";
  EXPECT_EQ(all[2].stream, "trades");
}

TEST_F(GapReaderTest, GapsAreFoundBySourceStreamIdAndState) {
  Commit c;
  c.gaps = {gap(1, from_to(0, 1)), gap(2, from_to(2, 3)), gap(3, from_to(4, 5))};
  c.outcomes = {outcome({2}, from_to(2, 3), GapOutcome::Kind::kFilled)};
  commit(store_, std::move(c));
  EXPECT_EQ(gaps({.source = "backup"}).size(), 3U);
  EXPECT_EQ(gaps({.source = "trades"}).size(), 3U);
  EXPECT_EQ(gaps({.open_only = true}).size(), 2U);
  EXPECT_EQ(gaps({.limit = 1}).at(0).gap.id, 3U);
  EXPECT_EQ(gaps({.id = GapId{2}}).at(0).state, "filled");
  EXPECT_TRUE(gaps({.id = GapId{9}}).empty());
}

TEST_F(GapReaderTest, UnknownNamesAndEmptyRangesAreErrors) {
  const auto s = snap(store_);
  EXPECT_EQ(read_gaps(*s, catalog_, {.source = "tradse"}).error().message,
            "no source 'tradse' (did you mean 'trades'?)");
  EXPECT_EQ(read_coverage(*s, catalog_, "tradse", {}, {}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(read_coverage(*s, catalog_, "trades", minute(2), minute(2)).error().code,
            ErrorCode::kInvalidArgument);
}

TEST_F(GapReaderTest, AJobSaysHowFarItHasGot) {
  ReplayJob job = job_of(1);
  job.stream = stream_;
  job.source = catalog_.sources().at("backup");
  job.range = from_to(0, 10);
  job.done = {from_to(0, 2), from_to(5, 6)};
  job.started = ProcessingTime(Duration(1s));
  ReplayEntry entry = entry_of(job, catalog_);
  EXPECT_EQ(entry.stream, "trades");
  EXPECT_EQ(entry.source, "backup");
  EXPECT_NEAR(entry.share_done.value(), 0.3, 1e-9);
  EXPECT_EQ(entry.elapsed, Duration{}) << "only a running engine knows";
  job.finished = ProcessingTime(Duration(4s));
  EXPECT_EQ(entry_of(job, catalog_).elapsed, Duration(3s));
  job.range.end = kMaxEventTime;  // follows the frontier
  EXPECT_FALSE(entry_of(job, catalog_).share_done);
}

TEST_F(GapReaderTest, AJobSaysWhereItsTimeWentAlsoWhenNobodyRuns) {
  JobAccount account{MonoTime{}};
  account.because(Reason::kRate, MonoTime(1s));
  account.end(MonoTime(4s));
  ReplayJob job = job_of(1);
  job.stream = stream_;
  job.account = account.encode(MonoTime(9s));
  const ReplayEntry entry = entry_of(job, catalog_);
  EXPECT_EQ(entry.elapsed, Duration(4s));
  EXPECT_EQ(entry.times[static_cast<size_t>(Reason::kRate)], Duration(3s));
  job.account = "damaged";
  EXPECT_EQ(entry_of(job, catalog_).elapsed, Duration{});
}

}  // namespace
}  // namespace hindcast
