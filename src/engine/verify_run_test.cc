#include "engine/verify_run.h"

#include <gmock/gmock.h>

#include "engine/sealed_trades_test_util.h"
#include "history/memory_history.h"

namespace hindcast {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Against = VerifyQuery::Against;

/// History has the same, unless a test says so.
class VerifyRunTest : public SealedTrades {
 protected:
  VerifyRunTest() { theirs_ = decoded(trades_); }
  VerifyTools tools() {
    VerifyTools tools;
    tools.history_of = [this](const SourceConfig&) -> Result<History*> {
      history_ = std::make_unique<MemoryHistory>(stream_.schema, theirs_,
                                                 MemoryHistoryOptions{.settle = settle_});
      return history_.get();
    };
    tools.now = [this] { return now_; };
    return tools;
  }
  VerifyTools daemon_tools() {
    VerifyTools out = tools();
    out.next_gap = [this] { return Result<GapId>(++last_gap_); };
    out.start_replay = [this](const ReplayRequest& request) -> Result<ReplayEntry> {
      replays_.push_back(request);
      if (no_replay_) return *no_replay_;
      ReplayEntry entry;
      entry.job.id = 7;
      return entry;
    };
    out.repaired = [this] { ++repaired_; };
    return out;
  }
  Result<VerifyReport> verify(const VerifyQuery& query, const VerifyTools& with) {
    return run_verify(query, config_, catalog_, store_, with);
  }

  EventBatch theirs_;
  std::unique_ptr<MemoryHistory> history_;  // of the verification that was last
  Duration settle_{};
  ProcessingTime now_ = ProcessingTime(Duration(1'000'000 * (kNoon + 60 * kMinute)));
  GapId last_gap_ = 0;
  std::vector<ReplayRequest> replays_;
  std::optional<Error> no_replay_;
  int repaired_ = 0;
};

TEST_F(VerifyRunTest, PagesAndHistoryAgree) {
  EXPECT_TRUE(verify({}, tools()).value().ok());
  const VerifyReport report = verify({.against = Against::kHistory}, tools()).value();
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(report.events, 10u);
  EXPECT_TRUE(report.history.compared);
}

TEST_F(VerifyRunTest, ADifferenceFromHistoryIsAGapAndAReplayOfItsWindowsAlone) {
  theirs_ = decoded(trades_ + trade(100, kNoon + 2 * kMinute + 5, "11", "1") +
                    trade(101, kNoon + 7 * kMinute + 5, "11", "1"));
  const VerifyQuery query{.against = Against::kHistory, .source = "trades", .repair = true};
  const VerifyReport report = verify(query, daemon_tools()).value();
  EXPECT_EQ(report.differences_total, 2u);
  EXPECT_EQ(report.differences[0].window,
            (Window{at_ms(kNoon + 2 * kMinute), at_ms(kNoon + 3 * kMinute)}));
  ASSERT_EQ(report.refill.size(), 1u);
  EXPECT_EQ(report.refill[0].job, 7u);
  const Window second{at_ms(kNoon + 2 * kMinute), at_ms(kNoon + 3 * kMinute)};
  const Window seventh{at_ms(kNoon + 7 * kMinute), at_ms(kNoon + 8 * kMinute)};
  ASSERT_EQ(replays_.size(), 1u);
  EXPECT_EQ(replays_[0].source, "trades");
  EXPECT_EQ(replays_[0].from, second.start);
  EXPECT_EQ(replays_[0].to, seventh.end);
  EXPECT_EQ(replays_[0].mode, ReplayJob::Mode::kRepair);
  EXPECT_EQ(replays_[0].cause, "repair");
  EXPECT_THAT(replays_[0].only, ElementsAre(second, seventh));
  ASSERT_EQ(store_.gaps.size(), 2u);
  EXPECT_EQ(store_.gaps[1].id, 2u);
  EXPECT_EQ(store_.gaps[1].stream, stream_.id);
  EXPECT_EQ(store_.gaps[1].range, seventh);
  EXPECT_EQ(store_.gaps[1].cause, Gap::Cause::kVerify);
}

TEST_F(VerifyRunTest, WithoutRepairNothingIsWrittenOrStarted) {
  theirs_ = decoded(trades_ + trade(100, kNoon + 2 * kMinute + 5, "11", "1"));
  const VerifyReport report = verify({.against = Against::kHistory}, daemon_tools()).value();
  EXPECT_EQ(report.refill.size(), 1u);
  EXPECT_EQ(report.refill[0].job, 0u);
  EXPECT_THAT(replays_, IsEmpty());
  EXPECT_THAT(store_.gaps, IsEmpty());
}

// The finding is worth more than the replay that could not be started.
TEST_F(VerifyRunTest, AReplayThatCannotBeStartedIsSaidInTheReport) {
  theirs_ = decoded(trades_ + trade(100, kNoon + 2 * kMinute + 5, "11", "1"));
  no_replay_ = unavailable("stopping");
  const VerifyReport report =
      verify({.against = Against::kHistory, .repair = true}, daemon_tools()).value();
  EXPECT_EQ(report.refill[0].job, 0u);
  EXPECT_EQ(report.refill[0].why_no_job, "stopping");
}

// Rows that only we have are never a replay's to remove (law L9).
TEST_F(VerifyRunTest, WhatHistoryLacksStartsNothing) {
  theirs_ = decoded(trade(1, kNoon, "10", "1"));
  const VerifyReport report =
      verify({.against = Against::kHistory, .repair = true}, daemon_tools()).value();
  EXPECT_EQ(report.differences_total, 9u);
  EXPECT_THAT(report.refill, IsEmpty());
  EXPECT_THAT(replays_, IsEmpty());
}

TEST_F(VerifyRunTest, WhatHistoryMayStillChangeIsNotCompared) {
  theirs_ = decoded(trade(1, kNoon, "10", "1"));
  settle_ = 10min;
  now_ = ProcessingTime(Duration(1'000'000 * (kNoon + 11 * kMinute + 5)));
  EXPECT_TRUE(verify({.against = Against::kHistory}, tools()).value().ok());
}

TEST_F(VerifyRunTest, PagesAreMadeAnewAndTheRollersAreWoken) {
  store_.inner.lose_head(page(0));
  const VerifyReport report = verify({.repair = true}, daemon_tools()).value();
  EXPECT_EQ(report.pages_remade, 1u);
  EXPECT_EQ(repaired_, 1);
  ASSERT_EQ(report.refill.size(), 1u);
  EXPECT_EQ(report.refill[0].source, "trades") << "it has a history";
  ASSERT_EQ(store_.gaps.size(), 1u);
  EXPECT_EQ(store_.gaps[0].cause, Gap::Cause::kCorruption);
  roll_up();
  EXPECT_TRUE(verify({}, tools()).value().ok());
}

TEST_F(VerifyRunTest, MistakesOfTheQuestionAreNamed) {
  const auto error = [&](const VerifyQuery& query) { return verify(query, tools()).error(); };
  EXPECT_EQ(error({.source = "trade"}).code, ErrorCode::kNotFound);
  EXPECT_THAT(error({.source = "trade"}).message, HasSubstr("did you mean 'trades'?"));
  EXPECT_EQ(error({.against = Against::kHistory, .source = "trade"}).code, ErrorCode::kNotFound);
  EXPECT_EQ(error({.from = at_ms(kNoon), .to = at_ms(kNoon)}).code, ErrorCode::kInvalidArgument);
  for (const Against against : {Against::kPages, Against::kHistory}) {
    const Error without_daemon = error({.against = against, .repair = true});
    EXPECT_EQ(without_daemon.code, ErrorCode::kUnavailable);
    EXPECT_THAT(without_daemon.message, HasSubstr("needs a running daemon"));
  }
  Config config = config_;
  config.sources[0].history.reset();
  for (const auto& source : {std::optional<std::string>("trades"), std::optional<std::string>()}) {
    const Error none = run_verify({.against = Against::kHistory, .source = source}, config,
                                  catalog_, store_, tools())
                           .error();
    EXPECT_EQ(none.code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(none.message, HasSubstr("[source.history] to compare with"));
  }
}

TEST_F(VerifyRunTest, AnInterruptEndsBothKinds) {
  std::stop_source stop;
  VerifyTools with = tools();
  with.stop = stop.get_token();
  stop.request_stop();
  EXPECT_EQ(verify({}, with).error().code, ErrorCode::kCancelled);
  EXPECT_EQ(verify({.against = Against::kHistory}, with).error().code, ErrorCode::kCancelled);
}

// ── the whole engine ────────────────────────────────────────────────────────────────────────────

class VerifyEngineTest : public EngineFixture {
 protected:
  void seal_a_minute() {
    open();
    push(trade(1, kNoon, "10", "1") + trade(2, kNoon + 1, "11", "1"));
    heartbeat(kNoon + 5 * kMinute);
    ASSERT_EQ(buckets(1min).size(), 1u);
  }
  /// Flips a byte of the first part written.
  void flip() {
    const std::string parts = folder_.path() + "/data/store/parts";
    const std::string path = parts + "/" + files_.list(parts).value().at(0);
    const auto file = files_.open(path, OpenMode::kReadWrite).value();
    const uint64_t byte = file->size().value() - 10;
    Bytes there = file->read(byte, 1).value();
    there[0] = static_cast<char>(there[0] ^ 0x10);
    file->write(byte, there).value();
  }
};

TEST_F(VerifyEngineTest, AFlippedByteIsFoundLocatedAndRepairedUnderLiveTraffic) {
  seal_a_minute();
  flip();
  const VerifyReport found = engine_->verify({}).value();
  ASSERT_EQ(found.differences_total, 1u);
  EXPECT_EQ(found.differences[0].window, (Window{at_ms(kNoon), at_ms(kNoon + kMinute)}));
  EXPECT_THAT(found.differences[0].what, HasSubstr("/data/store/parts/parts-00000"));
  const auto events = engine_->events({.source = "trades"});
  EXPECT_EQ(events.error().code, ErrorCode::kCorruption);
  EXPECT_THAT(events.error().message, HasSubstr("/data/store/parts/parts-00000"));

  push(trade(3, kNoon + 6 * kMinute, "12", "1"));
  const VerifyReport repaired = engine_->verify({.repair = true}).value();
  EXPECT_EQ(repaired.pages_remade, 1u);
  ASSERT_EQ(repaired.refill.size(), 1u);
  engine_->wait_drained();
  EXPECT_TRUE(engine_->verify({}).value().ok());
  EXPECT_TRUE(engine_->events({.source = "trades"}));
  EXPECT_TRUE(buckets(5min).empty() || buckets(5min)[0].window.start > at_ms(kNoon));
  // What a replay would bring.
  push(trade(1, kNoon, "10", "1") + trade(2, kNoon + 1, "11", "1"));
  engine_->wait_drained();
  EXPECT_EQ(values(buckets(1min)[0]), "10 11 2 2");
  EXPECT_EQ(values(buckets(5min)[0]), "10 11 2 2");
  close();
}

TEST_F(VerifyEngineTest, ALateEventGoesIntoADamagedPageOfARunningEngine) {
  seal_a_minute();
  flip();
  push(trade(3, kNoon + 2, "12", "1"));
  engine_->wait_drained();
  EXPECT_EQ(values(buckets(1min)[0]), "12 12 1 1");
  EXPECT_TRUE(engine_->verify({}).value().ok());
  EXPECT_TRUE(source().balanced());
  close();
}

TEST_F(VerifyEngineTest, AStoppedDirectoryIsVerifiedButNotRepaired) {
  seal_a_minute();
  close();
  const auto stopped =
      open_stopped(config_of(source_toml() + candles_toml(), folder_.path()), files_).value();
  EXPECT_TRUE(stopped->verify({}).value().ok());
  EXPECT_EQ(stopped->verify({.repair = true}).error().code, ErrorCode::kUnavailable);
}

TEST_F(VerifyEngineTest, AnInterruptedServiceVerifiesNoMore) {
  seal_a_minute();
  engine_->interrupt();
  EXPECT_EQ(engine_->verify({}).error().code, ErrorCode::kCancelled);
  close();
}

}  // namespace
}  // namespace hindcast
