// What must come out the same however often the engine was stopped in between: several partitions,
// the replay log, files, a log that lost its end.
#include <filesystem>
#include <fstream>

#include "engine/engine_test_util.h"
#include "engine/open_parts.h"
#include "progress/facts_codec.h"

namespace hindcast {
namespace {

class RestartTest : public EngineFixture {
 protected:
  void write(const std::string& name, const std::string& content) {
    std::ofstream(folder_.path() + "/" + name, std::ios::app) << content;
  }
  /// Gap records that the log of a stopped engine still holds, of all its partitions.
  std::vector<GapRecord> gaps_in_log(const std::string& toml) {
    const Config config = config_of(toml, folder_.path());
    const auto store = open_store(config, files_, /*read_only=*/false).value();
    const Catalog catalog = Catalog::open(config, *store, /*read_only=*/false).value();
    const auto log = open_log(config, files_, catalog, *store).value();
    std::vector<GapRecord> out;
    for (const PartitionId partition : catalog.streams().at("trades").partitions) {
      const LogChunk chunk = log->read(partition, Channel::kLive, {}, 64_MiB).value();
      for (const LogRecord& record : chunk.records) {
        if (record.header.kind == RecordKind::kGap)
          out.push_back(decode_gap_record(record.payload).value());
      }
    }
    log->close().value();
    store->close().value();
    return out;
  }
};

std::string many_symbols(int from, int to) {
  std::string body;
  for (int i = from; i < to; ++i)
    body += trade(i, kNoon + (i % 10) * kMinute + i, "2", "1", "S" + std::to_string(i % 40));
  return body;
}

TEST_F(RestartTest, TwoPartitionsShareTheKeysAndCloseTogether) {
  const std::string toml = source_toml("kind = \"http\"\npartitions = 2\n") + candles_toml();
  open(toml);
  push(many_symbols(0, 200));
  heartbeat(kNoon + 6 * kMinute);
  close();
  open(toml);
  push(many_symbols(150, 400));  // fifty of them again
  heartbeat(kNoon + 10 * kMinute);
  const auto rows = engine_->buckets({.aggregate = "candles", .resolution = 5min}).value().buckets;
  ASSERT_EQ(rows.size(), 40U) << "each symbol trades in one minute of each ten";
  for (const Bucket& row : rows) {
    EXPECT_EQ(row.state, BucketState::kFinal);
    EXPECT_EQ(row.events, 10U) << row.key;
  }
  EXPECT_EQ(engine_->keys("candles", "", 100).value().size(), 40U);
  const SourceStatus status = source();
  EXPECT_EQ(status.received, 450U);
  EXPECT_EQ(status.pending, 0U);
  EXPECT_EQ(status.tallies.aggregated, 400U);
  EXPECT_EQ(status.tallies.duplicate, 50U);
  EXPECT_TRUE(status.balanced());
  EXPECT_EQ(differences(), 0U);
  const SystemStatus all = engine_->status();
  ASSERT_EQ(all.partitions.size(), 2U);
  for (const PartitionStatus& partition : all.partitions) {
    EXPECT_EQ(partition.frontier, at_ms(kNoon + 10 * kMinute));
    EXPECT_EQ(partition.records_behind, 0U);
  }
}

// Very late events go through the replay log; stopped at any point, each counts once.
TEST_F(RestartTest, EventsForTheReplayLogAreMergedOnceAlsoOverARestart) {
  const std::string toml =
      source_toml("kind = \"http\"\nlate_as_replay = \"1h\"\n") + candles_toml();
  open(toml);
  push(trade(1, kNoon, "10", "1") + trade(2, kNoon + 180 * kMinute, "20", "1"));
  heartbeat(kNoon + 185 * kMinute);
  std::string ancient;
  for (int i = 0; i < 3000; ++i)
    ancient += trade(100 + i, kNoon + (i % 150) * kMinute + 1000 + i, "11", "1");
  push(ancient);
  close();  // wherever they are now
  open(toml);
  push(ancient);
  engine_->wait_drained();
  const SourceStatus status = source();
  EXPECT_EQ(status.pending, 0U);
  EXPECT_EQ(status.tallies, (Tallies{.aggregated = 3002, .duplicate = 3000}));
  EXPECT_TRUE(status.balanced());
  EXPECT_EQ(values(buckets(1min)[0]), "10 11 21 21");
  EXPECT_EQ(buckets(5min)[0].events, 101U);
  EXPECT_EQ(differences(), 0U);
  close();
  open(toml);
  engine_->wait_drained();
  EXPECT_EQ(source().tallies, status.tallies);
  EXPECT_TRUE(source().balanced());
}

// A file is read to its end, its last buckets close, and a restart in the middle counts nothing
// twice: neither events nor the dead letters at its end.
TEST_F(RestartTest, AFileIsReadOnceWhereverTheReadingWasStopped) {
  const std::string toml =
      source_toml("kind = \"file\"\npath = \"in/*.ndjson\"\n") + candles_toml();
  std::filesystem::create_directories(folder_.path() + "/in");
  std::string lines;
  for (int i = 0; i < 60'000; ++i)
    lines += trade(i, kNoon + i * 10, "3", "1", "S" + std::to_string(i % 7));
  write("in/1.ndjson", lines);
  write("in/2.ndjson", trade(70'000, kNoon + 11 * kMinute, "4", "1", "S0") + "not json\n");
  open(toml);
  while (source().received == 0) std::this_thread::yield();
  close();
  for (int life = 0; life < 2; ++life) {
    open(toml);
    engine_->wait_drained();
    const SourceStatus status = source();
    EXPECT_EQ(status.state, "ended");
    EXPECT_EQ(status.received, 60'002U);
    EXPECT_EQ(status.pending, 0U);
    EXPECT_EQ(status.tallies, (Tallies{.aggregated = 60'001, .dead_lettered = 1}));
    EXPECT_EQ(buckets(5min, "S0").back().state, BucketState::kFinal);
    EXPECT_EQ(differences(), 0U);
    close();
  }
}

TEST_F(RestartTest, AFileThatIsNotThereFailsItsSourceAndNotTheEngine) {
  open(source_toml("kind = \"file\"\npath = \"nothing.ndjson\"\n") + candles_toml());
  engine_->wait_drained();
  EXPECT_TRUE(source().state.starts_with("failed: ")) << source().state;
}

// A lost log folder takes what was open. The engine says so, and goes on: what was sealed stays,
// new events are taken, and their buckets close.
TEST_F(RestartTest, ALostLogIsNoticedAndPassed) {
  open();
  push(trade(1, kNoon, "10", "1") + trade(2, kNoon + kMinute, "11", "1"));
  heartbeat(kNoon + kMinute);
  close();
  std::filesystem::remove_all(folder_.path() + "/data/log");
  open();
  EXPECT_FALSE(source().balanced()) << "one event is lost, and the accounts say so";
  engine_->wait_drained();
  push(trade(3, kNoon + kMinute + 1, "12", "1"));
  heartbeat(kNoon + 2 * kMinute);
  const auto rows = buckets(1min);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(values(rows[0]), "10 10 1 1");
  EXPECT_EQ(values(rows[1]), "12 12 1 1");
  EXPECT_NE(rows[1].state, BucketState::kOpen);
}

// A producer that sends into the void while nobody listens: the next start says so in every
// partition, before the first event that it takes.
TEST_F(RestartTest, AStopOfALossySourceIsAGapInTheLog) {
  const std::string toml = source_toml(
                               "kind = \"http\"\npartitions = 2\ndelivery = \"lossy\"\n"
                               "watermark = { delay = \"5s\" }\n") +
                           candles_toml();
  open(toml);
  push(trade(1, kNoon, "10", "1"));
  close();
  EXPECT_TRUE(gaps_in_log(toml).empty());
  open(toml);
  push(trade(2, kNoon + 3 * kMinute, "11", "1"));
  heartbeat(kNoon + 3 * kMinute);
  EXPECT_EQ(values(buckets(1min)[0]), "10 10 1 1");
  close();
  const std::vector<GapRecord> told = gaps_in_log(toml);
  ASSERT_EQ(told.size(), 4U);
  EXPECT_EQ(told[0].opened->cause, Gap::Cause::kStop);
  EXPECT_EQ(told[0].opened->range, (Window{at_ms(kNoon - 5'000), kMaxEventTime}));
  EXPECT_EQ(told[1].bound,
            (GapBound{told[0].opened->id, at_ms(kNoon + 3 * kMinute + 5'000) + 1ns}));
  EXPECT_EQ(told[2], told[0]);
  EXPECT_EQ(told[3], told[1]);
}

// Counts, holes in them and their states go along with everything else that a commit carries.
TEST_F(RestartTest, CountedNumbersDoNotStandInTheWayOfARestart) {
  std::string toml = source_toml("kind = \"http\"\npartitions = 2\n") + candles_toml();
  toml.replace(toml.find("time = \"ts\""), 11, "time = \"ts\"\nsequence = \"id\"");
  for (int life = 0; life < 3; ++life) {
    open(toml);
    for (int64_t i = 0; i < 50; ++i) {
      const int64_t n = life * 60 + i;  // ten are lost each time
      push(trade(n, kNoon + n * 10'000, "1", "1", "S" + std::to_string(n % 2)));
    }
    heartbeat(kNoon + (life * 60 + 50) * 10'000);
    EXPECT_TRUE(source().balanced());
    close();
  }
}

// Asked while the log is still read, status speaks of what the store has, and nothing wraps around.
TEST_F(RestartTest, StatusBeforeTheStartIsTheStores) {
  open();
  push(trade(1, kNoon, "10", "1") + trade(2, kNoon + kMinute, "11", "1"));
  heartbeat(kNoon + kMinute);
  close();
  auto reopened =
      Engine::open(config_of(source_toml() + candles_toml(), folder_.path()), files_).value();
  const SystemStatus status = reopened->status();
  EXPECT_EQ(status.state, "recovering");
  EXPECT_EQ(status.sources[0].received, 2U);
  EXPECT_EQ(status.sources[0].pending, 1U);
}

/// Threads of this process that still run under such a name.
size_t threads_named(const std::string& prefix) {
  size_t count = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::ifstream(task.path() / "comm") >> name;
    count += name.starts_with(prefix);
  }
  return count;
}

// Stopping while the recovery is under way, and waiting for what will not come any more. The
// recovery is at its end on the background shard, and begins what follows it, while stop() is
// called: that has to be stopped as well, or replays go on over a closed store.
TEST_F(RestartTest, StoppingAtOnceEndsEveryWaitAndEveryThread) {
  open();
  push(many_symbols(0, 400));
  close();
  for (int i = 0; i < 10; ++i) {
    auto engine =
        Engine::open(config_of(source_toml() + candles_toml(), folder_.path()), files_).value();
    engine->start();
    std::jthread waiter([&] { engine->wait_drained(); });
    engine->stop();
    EXPECT_EQ(threads_named("replay-"), 0U);
    EXPECT_EQ(threads_named("verify"), 0U);
  }
}

}  // namespace
}  // namespace hindcast
