// The chain of backpressure in a real engine: its store stands still, or its disk is slow, while a
// replay runs beside live. What must hold is an order of things and a bound on bytes, never a time.
#include <condition_variable>
#include <fstream>
#include <mutex>

#include "base/forwarding_files_test_util.h"
#include "engine/engine_test_util.h"
#include "replay/job_runner.h"

namespace hindcast {
namespace {

/// Real files; writes to the store's parts can be held, or slowed down to small pieces, and what is
/// read of history is counted.
class StoreDisk final : public test::ForwardingFiles {
 public:
  using ForwardingFiles::ForwardingFiles;

  void hold(bool on) {
    {
      const std::scoped_lock lock(mutex_);
      held_ = on;
    }
    changed_.notify_all();
  }
  /// Returns once a write stands before the held disk.
  void wait_until_held() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waiting_ > 0; });
  }
  /// Each write of parts lets so many looks at the clock go by: slow, without a time of its own.
  void slow(uint64_t yields) { yields_ = yields; }
  uint64_t history_bytes() const { return history_bytes_; }

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    HC_TRY_ASSIGN(std::unique_ptr<File> file, ForwardingFiles::open(path, mode));
    const Kind kind = path.find("/parts/") != std::string::npos     ? Kind::kParts
                      : path.find("/history/") != std::string::npos ? Kind::kHistory
                                                                    : Kind::kOther;
    if (kind == Kind::kOther) return file;
    return std::unique_ptr<File>(new Watched(std::move(file), kind, *this));
  }

 private:
  enum class Kind : uint8_t { kOther, kParts, kHistory };
  class Watched final : public test::ForwardingFile {
   public:
    Watched(std::unique_ptr<File> file, Kind kind, StoreDisk& disk)
        : ForwardingFile(std::move(file)), kind_(kind), disk_(disk) {}
    Result<size_t> read_into(uint64_t offset, char* out, size_t size) override {
      Result<size_t> read = ForwardingFile::read_into(offset, out, size);
      if (kind_ == Kind::kHistory && read) disk_.history_bytes_ += *read;
      return read;
    }
    Status write(uint64_t offset, BytesView data) override {
      if (kind_ == Kind::kParts) disk_.pass();
      return ForwardingFile::write(offset, data);
    }

   private:
    const Kind kind_;
    StoreDisk& disk_;
  };
  void pass() {
    for (uint64_t i = yields_; i > 0; --i) std::this_thread::yield();
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !held_; });
    --waiting_;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;                       // guarded by mutex_
  int waiting_ = 0;                         // likewise
  std::atomic<uint64_t> yields_{0};         // a figure; publishes nothing else
  std::atomic<uint64_t> history_bytes_{0};  // likewise
};

class StalledStoreTest : public ::testing::Test {
 protected:
  static constexpr int64_t kEvents = 400'000, kLive = 300;

  StalledStoreTest() {
    std::filesystem::create_directories(folder_.path() + "/history");
    std::ofstream history(folder_.path() + "/history/trades.ndjson");
    for (int64_t i = 0; i < kEvents; ++i)
      history << trade(i, kNoon + i * 9, "10", "1", "S" + std::to_string(i % 50));
  }
  void SetUp() override {
    const std::string toml = source_toml(
                                 "kind = \"http\"\nwatermark = { delay = \"5s\" }\n"
                                 "[source.history]\nkind = \"files\"\nsettle = \"0s\"\npath = \"" +
                                 folder_.path() + "/history/trades.ndjson\"\n") +
                             candles_toml() +
                             "[replay]\nrate = \"100%\"\nlive_p99 = \"1h\"\n"
                             "live_queue_age = \"1h\"\ncommit_p99 = \"1h\"\n";
    auto opened = Engine::open(config_of(toml, folder_.path()), disk_);
    ASSERT_TRUE(opened) << opened.error().message;
    engine_ = *std::move(opened);
    engine_->start();
    while (!engine_->ready()) std::this_thread::yield();
  }
  void TearDown() override {
    disk_.hold(false);
    engine_->stop();
  }

  JobId start_replay() {
    return engine_
        ->start_replay({.source = "trades", .from = at_ms(kNoon), .to = at_ms(kNoon + kEvents * 9)})
        .value()
        .job.id;
  }
  ReplayEntry replay(JobId id) { return engine_->replay(id).value(); }
  /// Acknowledged when this returns.
  void push_live(int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i) {
      std::promise<Result<PushResult>> answer;
      engine_->push(
          "trades", trade(kEvents + i, kNoon + kEvents * 9 + 120'000 + i * 1'000, "11", "1"),
          std::nullopt, [&](Result<PushResult> result) { answer.set_value(std::move(result)); });
      ASSERT_EQ(answer.get_future().get().value().accepted, 1u);
    }
  }
  void expect_links_bounded() {
    const SystemStatus status = engine_->status();
    ASSERT_TRUE(status.governor);
    EXPECT_EQ(status.governor->links.size(), 3u);
    for (const LinkStatus& link : status.governor->links)
      EXPECT_LE(link.used, link.max) << link.name;
  }
  void expect_whole(JobId id) {
    while (!replay(id).job.ended()) std::this_thread::yield();
    const ReplayEntry done = replay(id);
    EXPECT_EQ(done.job.state, ReplayJob::State::kDone) << done.job.reason;
    EXPECT_EQ(done.job.counts.added, static_cast<uint64_t>(kEvents));
    engine_->wait_drained();
    EXPECT_EQ(engine_->verify({}).value().differences_total, 0u);
    EXPECT_EQ(engine_->status().sources.at(0).tallies.aggregated +
                  engine_->status().sources.at(0).pending,
              static_cast<uint64_t>(kLive));
    Duration sum{};
    for (const Duration time : done.times) sum += time;
    EXPECT_EQ(sum, done.elapsed);
  }

  TempFolder folder_;
  PosixFileSystem real_;
  StoreDisk disk_{real_};
  std::unique_ptr<Engine> engine_;
};

// Live is acknowledged by its log alone, and history is not read into memory meanwhile.
TEST_F(StalledStoreTest, AStoreThatStandsStillStopsTheReaderAndNotTheAcknowledgements) {
  push_live(0, 100);
  const JobId id = start_replay();
  while (replay(id).job.counts.added == 0) std::this_thread::yield();
  disk_.hold(true);
  disk_.wait_until_held();
  const uint64_t at_once = disk_.history_bytes();
  push_live(100, kLive);  // two hundred syncs: a reader that went on would be far ahead
  // Each worker may finish the subwindow in its hand, and what it has asked for.
  const uint64_t workers = 2, subwindow = 4 << 20, asked = 1 << 20;
  EXPECT_LE(disk_.history_bytes() - at_once, workers * (subwindow + asked) * 2);
  expect_links_bounded();
  EXPECT_FALSE(replay(id).job.ended());
  disk_.hold(false);
  expect_whole(id);
}

TEST_F(StalledStoreTest, ASlowDiskSlowsReplayDownAndLosesNothing) {
  disk_.slow(20'000);
  const JobId id = start_replay();
  push_live(0, kLive);
  expect_links_bounded();
  disk_.slow(0);
  expect_whole(id);
}

// An operator's word acts on what is under way, and what was committed stays whole.
TEST_F(StalledStoreTest, ACancelledReplayLeavesWholeBucketsAlsoWhileTheStoreStands) {
  push_live(0, kLive);
  const JobId id = start_replay();
  while (replay(id).job.counts.added == 0) std::this_thread::yield();
  disk_.hold(true);
  disk_.wait_until_held();
  std::thread cancels([&] { EXPECT_TRUE(engine_->cancel_replay(id).has_value()); });
  disk_.hold(false);  // its word is durable when it answers
  cancels.join();
  EXPECT_EQ(replay(id).job.state, ReplayJob::State::kCancelled);
  engine_->wait_drained();
  EXPECT_EQ(engine_->verify({}).value().differences_total, 0u);
  const JobId again = start_replay();
  while (!replay(again).job.ended()) std::this_thread::yield();
  const ReplayCounts counts = replay(again).job.counts;
  EXPECT_EQ(counts.added + counts.duplicate, static_cast<uint64_t>(kEvents));
}

}  // namespace
}  // namespace hindcast
