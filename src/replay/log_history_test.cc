#include "replay/log_history.h"

#include <gmock/gmock.h>

#include "base/sim_files.h"
#include "base/virtual_runtime.h"
#include "history/history_contract_test.h"
#include "log/embedded_log.h"
#include "log/memory_log.h"

namespace hindcast {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr PartitionId kLeft{1}, kRight{2};

EventBatch batch_of(const HistorySetup& setup, const std::vector<Trade>& trades) {
  EventBatch batch(setup.schema);
  std::vector<DeadLetter> dead;
  Decoder::Counts counts;
  const auto decoder = make_decoder(setup.schema, setup.source);
  decoder->begin({});
  decoder->decode(ndjson_of(trades), true, batch, dead, counts);
  EXPECT_EQ(batch.size(), trades.size());
  return batch;
}
LogAppend record_of(const HistorySetup& setup, PartitionId partition, const EventBatch& batch) {
  return {{partition, RecordKind::kEvents, SourceId{1}, static_cast<uint32_t>(batch.size())},
          encode_events(setup.schema, {}, batch, 0, batch.size())};
}

/// A log in memory that keeps for an hour, its index, and who takes events in.
class LogWorld {
 public:
  explicit LogWorld(const std::vector<Trade>& trades, ByteCount retention = 64_MiB)
      : log_({.retention = retention, .age = 1h, .now = [this] { return now_; }}) {
    restart(kMinEventTime);
    feed(trades);
  }
  void feed(const std::vector<Trade>& trades) {
    for (size_t i = 0; i < trades.size(); i += 10) {
      const auto end = trades.begin() + static_cast<ptrdiff_t>(std::min(i + 10, trades.size()));
      take_in({trades.begin() + static_cast<ptrdiff_t>(i), end});
    }
  }

  History& history() {
    if (!history_) {
      history_ = make_log_history({.schema = setup_.schema,
                                   .stream = "trades",
                                   .partitions = {kLeft, kRight},
                                   .log = log_,
                                   .index = *index_,
                                   .never_taken = [this](const Window& range) {
                                     std::vector<Window> out;
                                     for (const Window& lost : never_taken) {
                                       if (lost.intersects(range)) out.push_back(lost);
                                     }
                                     return out;
                                   }});
    }
    return *history_;
  }
  const StreamSchema& schema() { return setup_.schema; }
  static constexpr bool kOnce = true;

  static PartitionId partition_of(const Trade& trade) {
    return trade.symbol == "ETH" ? kRight : kLeft;
  }
  /// Another life of the process; its log may have events up to `highest`.
  void restart(EventTime highest, bool whole = true) {
    history_.reset();
    index_ = std::make_unique<LogIndex>(log_, setup_.schema, std::vector{kLeft, kRight}, 2_KiB);
    index_->begin(log_.stats(Channel::kLive).newest, highest, whole);
  }
  /// One append; `noted`: by the index, as the engine does it.
  std::map<PartitionId, Position> take_in(const std::vector<Trade>& trades, bool noted = true) {
    std::map<PartitionId, std::vector<Trade>> parts;
    for (const Trade& t : trades) parts[partition_of(t)].push_back(t);
    std::map<PartitionId, Position> last;
    for (const auto& [partition, part] : parts) {
      const EventBatch batch = batch_of(setup_, part);
      log_.append(Channel::kLive,
                  {record_of(setup_, partition, batch),
                   {{partition, RecordKind::kAdvance, SourceId{1}, 0}, encode(Advance{})}},
                  [&, at = partition](auto p) { last[at] = p.value()[0]; });
      const auto [low, high] = std::ranges::minmax(batch.time);
      if (noted) index_->note(partition, last[partition], event_time_ns(low), event_time_ns(high));
    }
    return last;
  }
  /// Live needs nothing of what is there.
  void settle() {
    const Position newest = log_.stats(Channel::kLive).newest;
    for (const PartitionId partition : {kLeft, kRight})
      log_.trim(partition, Channel::kLive, {newest.hi, newest.lo + 1}).value();
  }
  void wait(Duration time) { now_ += time; }
  void free_all() {
    settle();
    wait(1h);
    settle();
  }
  MemoryLog& log() { return log_; }
  LogIndex& index() { return *index_; }

  std::vector<Window> never_taken;

 private:
  HistorySetup setup_{[](HistoryConfig& history) { history.kind = HistoryConfig::Kind::kLog; }};
  MonoTime now_{};
  MemoryLog log_;
  std::unique_ptr<LogIndex> index_;
  std::unique_ptr<History> history_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Log, HistoryContractTest, LogWorld);

// ── what the log has, and what it cannot have ───────────────────────────────────────────────────

class LogHistoryTest : public testing::Test {
 protected:
  static constexpr int kDays = 3;
  const std::vector<Trade> trades = make_trades(3000, kDays);
  const Window whole = ms_window(kFirstMs, kFirstMs + kDays * kDayMs);

  std::vector<Trade> some(size_t from, size_t to) const {
    return {trades.begin() + static_cast<ptrdiff_t>(from),
            trades.begin() + static_cast<ptrdiff_t>(to)};
  }
  static ReadAll read(LogWorld& world, const Window& range, ByteCount max = 1_KiB) {
    return read_all(world.schema(), world.history(), {range, {}, {}}, max);
  }
};

TEST_F(LogHistoryTest, CompletenessMovesWhileItReads) {
  LogWorld world(trades);
  const auto cursor = world.history().open({whole, {}, {}}).value();
  std::set<EventTime> steps;
  for (bool end = false; !end;) {
    const HistoryChunk chunk = next_chunk(*cursor, 1_KiB).value();
    steps.insert(chunk.complete_to);
    end = chunk.end;
  }
  EXPECT_GT(steps.size(), 20U) << "or a job would have to hold all of it";
}

TEST_F(LogHistoryTest, AShortRangeReadsLittle) {
  LogWorld world(trades);
  const Window hour = ms_window(kFirstMs + kDayMs, kFirstMs + kDayMs + 3'600'000);
  EXPECT_LT(read(world, hour).spent.bytes.value, read(world, whole).spent.bytes.value / 5);
}

TEST_F(LogHistoryTest, WhatAnEarlierLifeLeftIsFoundAgain) {
  LogWorld world(some(0, 2000));
  world.restart(at_ms(trades[1999].ms));
  world.take_in(some(2000, 3000));
  const ReadAll all = read(world, whole);
  ASSERT_FALSE(all.error) << all.error->message;
  EXPECT_EQ(all.names.size(), trades.size());
  EXPECT_TRUE(all.missing.empty());
  EXPECT_EQ(all.complete_to, whole.end);
  EXPECT_LT(read(world, whole).chunks, all.chunks) << "the second time it need not be scanned";
}

TEST_F(LogHistoryTest, WhatWasFreedIsMissingUpToItsLatestEvent) {
  LogWorld world(some(0, 1000));
  world.free_all();
  world.feed(some(1000, 3000));
  const ReadAll all = read(world, whole);
  ASSERT_FALSE(all.error) << all.error->message;
  EXPECT_EQ(all.names.size(), 2000U);
  ASSERT_EQ(all.missing.size(), 1U);
  const Window missing = all.missing[0].window;
  EXPECT_EQ(missing.start, whole.start);
  EXPECT_GT(missing.end, at_ms(trades[999].ms));
  EXPECT_LT(missing.end, at_ms(trades[1300].ms)) << "an entry of the index more, at most";
  EXPECT_THAT(all.missing[0].reason, StartsWith("log-begins: "));
  EXPECT_THAT(all.missing[0].reason, HasSubstr("[log] retention"));
  EXPECT_TRUE(read(world, {missing.end, whole.end}).missing.empty());
}

// One event that was far ahead: what came with it is gone, so nothing before it is sure.
TEST_F(LogHistoryTest, AnEarlyFreedRecordWithALateTimeCountsByItsTime) {
  LogWorld world({trades[0], trades[2000]});
  world.free_all();
  world.feed(some(1, 3000));
  const ReadAll all = read(world, whole);
  ASSERT_EQ(all.missing.size(), 1U);
  EXPECT_EQ(all.missing[0].window.end, at_ms(trades[2000].ms) + 1ns);
}

// What times were in it, nobody knows any more.
TEST_F(LogHistoryTest, WhatAnEarlierLifeFreedMayHaveBeenAnythingUpToItsHighestEvent) {
  LogWorld world(some(0, 10));
  world.free_all();
  world.take_in(some(10, 2000));
  world.restart(at_ms(trades[1999].ms));
  world.take_in(some(2000, 3000));
  const ReadAll all = read(world, whole);
  EXPECT_EQ(all.names.size(), 2990U) << "what it has, it gives";
  ASSERT_EQ(all.missing.size(), 1U);
  EXPECT_EQ(all.missing[0].window, (Window{whole.start, at_ms(trades[1999].ms) + 1ns}));
}

// A log folder that was lost, or lost its end: what is left knows nothing of what it had.
TEST_F(LogHistoryTest, OfALogThatLostSomethingNothingBeforeTheRestartIsSure) {
  LogWorld world({});
  world.restart(at_ms(trades[999].ms), /*whole=*/false);
  const ReadAll nothing = read(world, whole);
  ASSERT_EQ(nothing.missing.size(), 1U);
  EXPECT_EQ(nothing.missing[0].window, (Window{whole.start, at_ms(trades[999].ms) + 1ns}));
  world.take_in(some(1000, 3000));
  EXPECT_EQ(read(world, whole).missing.at(0).window.end, at_ms(trades[999].ms) + 1ns);
}

TEST_F(LogHistoryTest, WhatNeverCameIsMissing) {
  LogWorld world(trades);
  const Window outage = ms_window(kFirstMs - kDayMs, kFirstMs + 1000);
  world.never_taken = {outage, ms_window(kFirstMs - kDayMs, kFirstMs - 1)};
  const ReadAll all = read(world, whole);
  ASSERT_EQ(all.missing.size(), 1U);
  EXPECT_EQ(all.missing[0].window, (Window{whole.start, outage.end}));
  EXPECT_THAT(all.missing[0].reason, StartsWith("never-taken: "));
}

// The engine notes an append after it has become durable, so a reader may be quicker.
TEST_F(LogHistoryTest, WhatIsNotNotedYetIsReadAllTheSame) {
  LogWorld world(some(0, 2000));
  world.take_in(some(2000, 3000), /*noted=*/false);
  EXPECT_EQ(read(world, whole).names.size(), trades.size());
}

// Damage costs its records; a gap of its own says so, and this history must not close it.
TEST_F(LogHistoryTest, DamageInWhatAnEarlierLifeLeftIsSteppedOverAndNothingThereIsSure) {
  const HistorySetup setup(
      [](HistoryConfig& history) { history.kind = HistoryConfig::Kind::kLog; });
  SimFileSystem files(1);
  EmbeddedLogOptions options;
  options.folder = "/log";
  options.segment = 32_KiB;
  options.retention = 256_KiB;
  {
    const auto log = EmbeddedLog::open(files, options).value();
    for (size_t i = 0; i < 3; ++i) {
      log->append(Channel::kLive,
                  {record_of(setup, kLeft, batch_of(setup, some(i * 10, i * 10 + 10)))},
                  [](auto p) { ASSERT_TRUE(p); });
      log->write_pending(Channel::kLive);
    }
    log->close().value();
  }
  ASSERT_TRUE(files.flip("/log/live-0000000000000000.seg", 4096 + 100, 0x40));
  const auto log = EmbeddedLog::open(files, options).value();
  LogIndex index(*log, setup.schema, {kLeft});
  index.begin(log->stats(Channel::kLive).newest, at_ms(trades[29].ms), true);
  const auto history =
      make_log_history({.schema = setup.schema,
                        .stream = "trades",
                        .partitions = {kLeft},
                        .log = *log,
                        .index = index,
                        .never_taken = [](const Window&) { return std::vector<Window>(); }});
  const ReadAll all = read_all(setup.schema, *history, {whole, {}, {}});
  ASSERT_FALSE(all.error) << all.error->message;
  EXPECT_EQ(all.names.size(), 20U);
  ASSERT_EQ(all.missing.size(), 1U);
  EXPECT_EQ(all.missing[0].window, (Window{whole.start, at_ms(trades[29].ms) + 1ns}));
}

TEST_F(LogHistoryTest, AStoppedDirectoryCannotReadItAndSaysWhy) {
  const HistorySetup setup(
      [](HistoryConfig& history) { history.kind = HistoryConfig::Kind::kLog; });
  SimFileSystem files(1);
  const VirtualRuntime runtime(1);
  const auto history = make_history(setup.schema, setup.source, files, runtime);
  ASSERT_FALSE(history);
  EXPECT_THAT(history.error().message, HasSubstr("only a running daemon reads it"));
}

// ── leases ──────────────────────────────────────────────────────────────────────────────────────

TEST_F(LogHistoryTest, WhatACursorHasYetToReadIsKeptForIt) {
  LogWorld world(trades);
  const auto cursor = world.history().open({whole, {}, {}}).value();
  next_chunk(*cursor, 1_KiB).value();
  world.free_all();
  size_t events = 0;
  uint64_t kept = UINT64_MAX;
  for (bool end = false; !end;) {
    const auto chunk = next_chunk(*cursor, 1_KiB);
    ASSERT_TRUE(chunk) << chunk.error().message;
    events += chunk->events.size();
    EXPECT_LE(world.log().stats(Channel::kLive).kept.value, kept);
    kept = world.log().stats(Channel::kLive).kept.value;
    end = chunk->end;
  }
  EXPECT_GT(events, 2900U) << "all but what the first chunk had";
  EXPECT_EQ(kept, 0U) << "what was read is let go";
}

TEST_F(LogHistoryTest, ACursorThatIsDroppedLetsGo) {
  LogWorld world(trades);
  auto cursor = world.history().open({whole, {}, {}}).value();
  next_chunk(*cursor, 1_KiB).value();
  cursor.reset();
  world.free_all();
  EXPECT_EQ(world.log().stats(Channel::kLive).kept.value, 0U);
}

// L9: the reader fails and says why; live does not wait.
TEST_F(LogHistoryTest, WhenLiveNeedsTheSpaceTheCursorFailsWithTheFix) {
  LogWorld world(some(0, 1000), 64_KiB);
  const auto cursor = world.history().open({whole, {}, {}}).value();
  next_chunk(*cursor, 1_KiB).value();
  for (size_t i = 0; i < 10; ++i) {
    for (size_t at = 1000; at < 3000; at += 100) {
      world.settle();
      world.take_in(some(at, at + 100));
    }
  }
  EXPECT_GT(world.log().stats(Channel::kLive).broken_leases, 0U);
  Result<HistoryChunk> chunk = next_chunk(*cursor, 1_MiB);
  while (chunk && !chunk->end) chunk = next_chunk(*cursor, 1_MiB);
  ASSERT_FALSE(chunk);
  EXPECT_EQ(chunk.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(chunk.error().message, StartsWith("lease-broken: "));
  EXPECT_THAT(chunk.error().message, HasSubstr("a larger [log] retention"));
  EXPECT_EQ(next_chunk(*cursor).error().message, chunk.error().message) << "it is at its end";
}

// ── the index ───────────────────────────────────────────────────────────────────────────────────

TEST_F(LogHistoryTest, TheIndexForgetsWhatTheLogHasFreed) {
  LogWorld world({}, 16_KiB);
  size_t most = 0;
  for (int round = 0; round < 20; ++round) {
    for (size_t at = 0; at < 3000; at += 100) {
      world.take_in(some(at, at + 100));
      world.settle();
      most = std::max(most, world.index().size());
    }
  }
  EXPECT_LT(most, 32U);
}

}  // namespace
}  // namespace hindcast
