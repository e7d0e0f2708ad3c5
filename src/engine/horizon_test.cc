// What an operator is told of histories that forget: sources, gaps, replays, and whose history is
// read.
#include <fstream>

#include "engine/engine_test_util.h"

namespace hindcast {
namespace {

EventTime minute(int n) { return at_ms(kNoon + n * kMinute); }
ProcessingTime wall(EventTime at) { return ProcessingTime(at.time_since_epoch()); }

/// Long gone at any time this test runs, and not before its grandchildren run it.
constexpr const char* kForgotten = "keep = \"1h\"\n";
constexpr const char* kKept = "keep = \"73000d\"\n";
constexpr Duration kLong = 73'000 * Duration(24h);

class EngineHorizonTest : public EngineFixture {
 protected:
  /// A source of the stream "trades"; no `keep`: its history forgets nothing.
  std::string with_history(const std::string& name, const std::string& keep) const {
    std::string toml = source_toml(
        "stream = \"trades\"\nkind = \"http\"\nwatermark = { delay = \"5s\" }\n"
        "[source.history]\nkind = \"files\"\nsettle = \"1m\"\npath = \"" +
        folder_.path() + "/{day}.ndjson\"\n" + keep);
    return toml.replace(toml.find("\"trades\""), 8, "\"" + name + "\"");
  }
  /// What is pushed stays open, so no replay gets anywhere.
  void begin(const std::string& sources, bool automatic = false) {
    toml_ = "[[stream]]\nname = \"trades\"\n" + sources + candles_toml() +
            "[replay]\nautomatic = " + (automatic ? "true\n" : "false\n");
    std::ofstream(folder_.path() + "/20231114.ndjson") << trade(1, kNoon, "10", "1");
    open(toml_);
    push(trade(1, kNoon, "10", "1"), engine_->config().sources[0].name);
  }
  GapEntry gap(int from, int to) {
    const GapId id =
        engine_->open_gap({.source = "trades", .from = minute(from), .to = minute(to)}).value();
    return engine_->gaps({.id = id}).value().at(0);
  }
  ReplayEntry replay(const std::string& source) {
    return engine_->start_replay({.source = source, .from = minute(0), .to = minute(10)}).value();
  }
  std::string toml_;
};

TEST_F(EngineHorizonTest, AnOpenGapIsRefillableAsLongAsHistoryKeepsItsBeginning) {
  begin(with_history("a", kKept));
  const GapEntry entry = gap(1, 5);
  ASSERT_TRUE(entry.refillable);
  EXPECT_EQ(entry.refillable->lost_at, wall(minute(1)) + kLong);
  EXPECT_GT(entry.refillable->left, Duration(0));
  engine_->accept_gap(entry.gap.id, "known").value();
  EXPECT_FALSE(engine_->gaps({}).value().at(0).refillable) << "nobody wants it any more";
}

TEST_F(EngineHorizonTest, AGapThatIsForgottenSaysSo) {
  begin(with_history("a", kForgotten));
  const GapEntry entry = gap(1, 5);
  ASSERT_TRUE(entry.refillable);
  EXPECT_EQ(entry.refillable->lost_at, wall(minute(1)) + 1h);
  EXPECT_LT(entry.refillable->left, Duration(0));
  EXPECT_EQ(entry.refillable->left, minute(1) - entry.refillable->replayable_from);
}

TEST_F(EngineHorizonTest, TheHistoryThatKeepsLongestCounts) {
  begin(with_history("a", kForgotten) + with_history("b", kKept));
  EXPECT_EQ(gap(1, 5).refillable.value().lost_at, wall(minute(1)) + kLong);
  close();
  begin(with_history("a", kForgotten) + with_history("b", ""));
  EXPECT_FALSE(gap(1, 5).refillable) << "one of them never forgets";
}

TEST_F(EngineHorizonTest, TheLogKeepsNothingOfWhatDidNotCome) {
  std::string other = source_toml(
      "stream = \"trades\"\nkind = \"http\"\nwatermark = { delay = \"5s\" }\n"
      "[source.history]\nkind = \"log\"\n");
  other.replace(other.find("\"trades\""), 8, "\"b\"");
  begin(with_history("a", kKept) + other + "[log]\nretention = { age = \"1h\" }\n");
  ASSERT_TRUE(gap(1, 5).refillable) << "the archive has it, until it forgets";
  close();
}

TEST_F(EngineHorizonTest, EverySourceSaysHowFarItsHistoryReachesBack) {
  begin(with_history("a", kForgotten) + with_history("b", kKept) + with_history("c", ""));
  const EventTime a = source("a").replayable_from.value();
  EXPECT_LT(source("b").replayable_from.value(), minute(0));
  EXPECT_GT(a, minute(0));
  EXPECT_FALSE(source("c").replayable_from);
  close();
  const auto stopped = open_stopped(config_of(toml_, folder_.path()), files_).value();
  EXPECT_GE(stopped->status().sources.at(0).replayable_from, a) << "the clock goes on";
}

TEST_F(EngineHorizonTest, AReplayOfWhatIsForgottenIsToldSoWhenItIsAskedFor) {
  begin(with_history("a", kForgotten) + with_history("b", kKept) + with_history("c", ""));
  const ReplayEntry lost = replay("a");
  ASSERT_FALSE(lost.job.ended()) << lost.job.reason;
  ASSERT_TRUE(lost.horizon);
  EXPECT_EQ(lost.horizon->unreadable, (Window{minute(0), minute(10)}));
  EXPECT_EQ(lost.horizon->in_time, false);
  EXPECT_EQ(lost.horizon->lost_at, wall(minute(0)) + 1h);
  const ReplayEntry kept = replay("b");
  ASSERT_TRUE(kept.horizon);
  EXPECT_FALSE(kept.horizon->unreadable);
  EXPECT_FALSE(kept.horizon->in_time) << "nobody can say yet";
  EXPECT_FALSE(replay("c").horizon);
  close();
  const auto stopped = open_stopped(config_of(toml_, folder_.path()), files_).value();
  const ReplayEntry later = stopped->replay(lost.job.id).value();
  EXPECT_EQ(later.horizon.value().unreadable, lost.horizon->unreadable);
  EXPECT_EQ(later.horizon->lost_at, lost.horizon->lost_at);
}

TEST_F(EngineHorizonTest, AReplayThatHasEndedHasNothingToLose) {
  begin(with_history("a", kForgotten));
  const JobId id = replay("a").job.id;
  EXPECT_FALSE(engine_->cancel_replay(id).value().horizon);
  close();
  const auto stopped = open_stopped(config_of(toml_, folder_.path()), files_).value();
  EXPECT_FALSE(stopped->replay(id).value().horizon);
}

// The first history of a stream is as good as any, unless it has forgotten what is missing.
TEST_F(EngineHorizonTest, AGapIsReadFromAHistoryThatStillHasIt) {
  const auto chosen = [&](const std::string& sources) {
    begin(sources, true);
    gap(1, 5);
    const std::string source = engine_->replays().value().back().source;
    close();
    return source;
  };
  EXPECT_EQ(chosen(with_history("a", kForgotten) + with_history("b", kKept)), "b");
  EXPECT_EQ(chosen(with_history("a", kKept) + with_history("b", "")), "a");
  EXPECT_EQ(chosen(with_history("a", kForgotten) + with_history("b", "keep = \"2h\"\n")), "b");
}

}  // namespace
}  // namespace hindcast
