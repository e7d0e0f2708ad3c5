// What the stage is for: live does not wait for replay's pace, its disk or its threads.
#include "store/replay_stage_internal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include "base/posix_files.h"
#include "base/sim_files.h"
#include "base/temp_folder_test_util.h"
#include "base/thread_class.h"
#include "store/commit_rules.h"
#include "store/embedded_store.h"
#include "store/store_test_data.h"

namespace hindcast {
namespace {

using testing::HasSubstr;

class ReplayStageTest : public testing::Test {
 protected:
  EmbeddedStoreOptions options() {
    return {.dir = folder_.path() + "/store", .cache = 8_MiB, .fatal = [this](const Error& e) {
              fatal_.push_back(e);
            }};
  }
  std::unique_ptr<EmbeddedStore> open(FileSystem& files, EmbeddedStoreOptions options) {
    return EmbeddedStore::open(files, std::move(options)).value();
  }
  Commit replay(CommitId id, PageAdd add) {
    return {.id = id, .lane = Lane::kReplay, .pages = {std::move(add)}};
  }
  static bool answered(const std::future<Result<CommitResult>>& future) {
    return future.wait_for(0s) == std::future_status::ready;
  }

  TempFolder folder_;
  PosixFileSystem files_;
  std::vector<Error> fatal_;
};

// A backfill may be paced as slowly as one likes: seals, and small named values, go past it.
TEST_F(ReplayStageTest, LiveDoesNotWaitForThePaceOfReplay) {
  EmbeddedStoreOptions slow = options();
  slow.bulk_rate = 1_KiB;  // so that the replay takes a quarter of an hour
  auto store = open(files_, slow);
  auto held = give(*store, replay(1, page_add(page_key(kTen, 1), 0, Bytes(1 << 20, 'r'))));
  for (uint64_t i = 0; i < 20; ++i) {
    const auto live = commit(*store, {.id = 2 + i, .pages = {page_add(page_key(), i, "live")}});
    EXPECT_EQ(live.state, CommitState::kCommitted);
    store->put_meta("a", std::to_string(i)).value();
  }
  EXPECT_FALSE(answered(held));
  EXPECT_EQ(store->health().commits_waiting, 1u);
  store->close().value();  // nobody waits for a pace then
  EXPECT_EQ(held.get().value().state, CommitState::kCommitted);
}

TEST_F(ReplayStageTest, WhatIsPacedIsWrittenWhole) {
  EmbeddedStoreOptions paced = options();
  paced.bulk_rate = 64_MiB;
  const Bytes large(1'000'001, 'x');
  {
    auto store = open(files_, paced);
    EXPECT_EQ(commit(*store, replay(1, page_add(page_key(), 0, large))).state,
              CommitState::kCommitted);
    EXPECT_EQ(commit(*store, replay(2, page_add(page_key(), 1, "and more"))).state,
              CommitState::kCommitted);
    EXPECT_EQ(snap(*store)->page(page_key(), Lane::kReplay).value().parts,
              (std::vector<Bytes>{large, "and more"}));
  }  // killed
  auto store = open(files_, paced);
  EXPECT_EQ(snap(*store)->page(page_key(), Lane::kLive).value().parts,
            (std::vector<Bytes>{large, "and more"}));
}

// The pace is as honest as this guess: measured in memory, a commit of many rows is twice as long.
TEST_F(ReplayStageTest, WhatACommitAddsToTheLogIsAboutWhatItIsPacedBy) {
  auto store = open(files_, options());
  Commit rows = replay(1, page_add(page_key(), 0, "part"));
  for (int i = 0; i < 1'000; ++i) {
    const Bytes key = "KEY-" + std::to_string(1'000 + i);
    rows.rows.push_back(row_of(row_key(key), 1, Bytes(70, 's')));
  }
  const auto guess = static_cast<double>(log_bytes_of(rows).value);
  const uint64_t before = store->health().bytes_written.value;
  EXPECT_EQ(commit(*store, std::move(rows)).state, CommitState::kCommitted);
  const auto written = static_cast<double>(store->health().bytes_written.value - before);
  EXPECT_GT(guess, 0.8 * written);
  EXPECT_LT(guess, 1.25 * written);
}

TEST_F(ReplayStageTest, AnswersOfALaneComeFromItsOwnThread) {
  auto store = open(files_, options());
  std::promise<std::thread::id> live, replay;
  store->commit({.id = 1, .lane = Lane::kLive},
                [&](const auto&) { live.set_value(std::this_thread::get_id()); });
  store->commit({.id = 2, .lane = Lane::kReplay},
                [&](const auto&) { replay.set_value(std::this_thread::get_id()); });
  EXPECT_NE(live.get_future().get(), replay.get_future().get());
}

// Whoever asked for a replay's commit may get no CPU in the middle of taking the answer.
TEST_F(ReplayStageTest, AnAnswerThatReplayDoesNotTakeHoldsUpNoLiveCommit) {
  auto store = open(files_, options());
  std::promise<void> taken, go_on;
  Commit commit_of_replay = replay(1, page_add(page_key(kTen, 1), 0, "r"));
  store->commit(std::move(commit_of_replay), [&](const auto&) {
    taken.set_value();
    go_on.get_future().wait();
  });
  taken.get_future().wait();
  for (uint64_t i = 0; i < 20; ++i) {
    EXPECT_EQ(commit(*store, {.id = 2 + i, .pages = {page_add(page_key(), i, "live")}}).state,
              CommitState::kCommitted);
  }
  go_on.set_value();
}

// All CPUs are busy with threads of the normal class, so replay gets next to nothing of them and
// stands still anywhere in its calls. Live commits all the same; the CPUs are freed only
// afterwards.
TEST_F(ReplayStageTest, AReplayThatIsHeldOffTheCpuHoldsUpNoLiveCommit) {
  auto store = open(files_, options());
  std::atomic<bool> live_done{false};
  std::vector<std::jthread> threads;
  threads.emplace_back([&](const std::stop_token& stop) {
    enter(ThreadClass::kIdle);
    for (CommitId id = 1'000; !stop.stop_requested(); ++id) {
      const auto before = snap(*store)->page(page_key(kTen, 1), Lane::kReplay).value();
      commit(*store, replay(id, page_add(page_key(kTen, 1), before.head.version.value, "r")));
      (void)store->health();
    }
  });
  for (unsigned i = 0; i < std::thread::hardware_concurrency(); ++i) {
    threads.emplace_back([&] {
      while (!live_done) {
      }
    });
  }
  for (uint64_t i = 0; i < 50; ++i) {
    EXPECT_EQ(commit(*store, {.id = 2 + i, .pages = {page_add(page_key(), i, "live")}}).state,
              CommitState::kCommitted);
  }
  live_done = true;
  threads.clear();
  EXPECT_EQ(snap(*store)->page(page_key(), Lane::kLive).value().parts.size(), 50u);
}

// Between its sync and its commit a part is named by no head; nor is one whose commit was refused.
TEST_F(ReplayStageTest, AFileWithPartsOnTheirWayIsNotRemoved) {
  EmbeddedStoreOptions small = options();
  small.part_file_bytes = ByteCount{1'000};  // each commit fills a file
  auto store = open(files_, small);
  std::vector<std::future<Result<CommitResult>>> under_way;
  for (uint16_t i = 0; i < 50; ++i) {
    under_way.push_back(
        give(*store, replay(1 + i, page_add(page_key(kTen, i), 0, Bytes(1'200, 'r')))));
    commit(*store, {.id = 100u + i, .pages = {page_add(page_key(kTen, 1000), i, "live")}});
  }
  for (auto& future : under_way) EXPECT_EQ(future.get().value().state, CommitState::kCommitted);
  for (uint16_t i = 0; i < 50; ++i) {
    const PageParts page = snap(*store)->page(page_key(kTen, i), Lane::kReplay).value();
    EXPECT_TRUE(page.whole());
    EXPECT_EQ(page.parts, std::vector<Bytes>{Bytes(1'200, 'r')});
  }
}

TEST_F(ReplayStageTest, AFileOfRefusedPartsAloneIsRemoved) {
  EmbeddedStoreOptions small = options();
  small.part_file_bytes = ByteCount{1'000};
  auto store = open(files_, small);
  const auto files = [&] { return files_.list(folder_.path() + "/store/parts").value().size(); };
  for (CommitId id = 1; id <= 3; ++id) {
    EXPECT_EQ(commit(*store, replay(id, page_add(page_key(), 7, Bytes(1'200, 'r')))).state,
              CommitState::kConflict);
  }
  // The next one rolls the file of the last; a commit that stands then takes all of them away.
  commit(*store, replay(4, page_add(page_key(), 0, "kept")));
  commit(*store, {.id = 5});
  EXPECT_EQ(files(), 1u);
  EXPECT_EQ(snap(*store)->page(page_key(), Lane::kLive).value().parts, std::vector<Bytes>{"kept"});
}

TEST_F(ReplayStageTest, AFullDiskHoldsReplayUntilThereIsSpace) {
  SimFileSystem disk(1);
  EmbeddedStoreOptions o = options();
  o.retry_first = 1ms;
  o.retry_max = 2ms;
  auto store = open(disk, o);
  disk.set_capacity(ByteCount{300});
  auto held = give(*store, replay(1, page_add(page_key(), 0, Bytes(500, 'x'))));
  while (!store->health().stalled) std::this_thread::yield();
  // Live has its own say: what fits is taken, and small values are.
  commit(*store, {.id = 2, .pages = {page_add(page_key(kTen, 1), 0, "fits")}});
  store->put_meta("a", "b").value();
  EXPECT_FALSE(answered(held));
  disk.set_capacity(1_MiB);
  EXPECT_EQ(held.get().value().state, CommitState::kCommitted);
  EXPECT_FALSE(store->health().stalled);
  EXPECT_TRUE(fatal_.empty());
}

TEST_F(ReplayStageTest, ClosingAFullStoreRefusesWhatReplayHolds) {
  SimFileSystem disk(1);
  auto store = open(disk, options());
  disk.set_capacity(ByteCount{100});
  auto held = give(*store, replay(1, page_add(page_key(), 0, Bytes(500, 'x'))));
  while (!store->health().stalled) std::this_thread::yield();
  EXPECT_EQ(store->close().error().code, ErrorCode::kOverloaded);
  EXPECT_EQ(held.get().error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(fatal_.empty());
}

TEST_F(ReplayStageTest, AFailedSyncOfReplayEndsTheStore) {
  SimFileSystem disk(1);
  auto store = open(disk, options());
  disk.fail_next_sync();
  const auto failed = give(*store, replay(1, page_add(page_key(), 0, "x"))).get();
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message, HasSubstr("the store failed"));
  EXPECT_EQ(fatal_.size(), 1u);
  EXPECT_FALSE(give(*store, {.id = 2}).get());
  EXPECT_FALSE(give(*store, replay(3, page_add(page_key(), 0, "x"))).get());
}

TEST_F(ReplayStageTest, AKillWhileReplayIsPacedLeavesNothingOfIt) {
  EmbeddedStoreOptions slow = options();
  slow.bulk_rate = 1_KiB;
  std::future<Result<CommitResult>> held;
  {
    auto store = open(files_, slow);
    held = give(*store, replay(1, page_add(page_key(), 0, Bytes(1 << 20, 'r'))));
    commit(*store, {.id = 2, .pages = {page_add(page_key(kTen, 1), 0, "live")}});
  }
  EXPECT_THROW((void)held.get(), std::future_error);  // never answered
  auto store = open(files_, options());
  EXPECT_EQ(snap(*store)->page(page_key(), Lane::kLive).value().head.version, Version{0});
  EXPECT_EQ(files_.list(folder_.path() + "/store/parts").value().size(), 1u);
}

}  // namespace
}  // namespace hindcast
