#include "log/embedded_log.h"

#include <future>

#include "base/posix_files.h"
#include "base/temp_folder_test_util.h"
#include "log/embedded_log_test_util.h"
#include "log/threaded_log.h"

namespace hindcast {
namespace {

// ── the contract, on a simulated disk without threads and on a real one with them ───────────────

struct SimulatedWorld {
  SimFileSystem files{1};
  std::unique_ptr<Log> open(LogKeeps keeps = {}) {
    return EmbeddedLog::open(files, contract_options(kLogFolder, std::move(keeps))).value();
  }
  void settle(Log& log) { hindcast::settle(dynamic_cast<EmbeddedLog&>(log)); }
};
INSTANTIATE_TYPED_TEST_SUITE_P(EmbeddedSimulated, LogContractTest, SimulatedWorld);

struct ThreadedWorld {
  TempFolder folder;
  PosixFileSystem files;
  std::unique_ptr<Log> open(LogKeeps keeps = {}) {
    return ThreadedLog::open(files, contract_options(folder.path() + "/log", std::move(keeps)))
        .value();
  }
  // An empty append completes after all before it.
  void settle(Log& log) {
    for (const Channel c : {Channel::kLive, Channel::kReplay}) {
      std::promise<void> done;
      log.append(c, {}, [&](auto) { done.set_value(); });
      done.get_future().wait();
    }
  }
};
INSTANTIATE_TYPED_TEST_SUITE_P(EmbeddedThreaded, LogContractTest, ThreadedWorld);

// ── what only the embedded one does ─────────────────────────────────────────────────────────────

class EmbeddedLogTest : public testing::Test {
 protected:
  std::string segment(int number) const {
    return kLogFolder + "/live-000000000000000" + std::to_string(number) + ".seg";
  }
  void open(EmbeddedLogOptions options = contract_options(kLogFolder)) {
    log.reset();
    log = EmbeddedLog::open(files, std::move(options)).value();
  }
  Result<std::vector<Position>> append(std::vector<LogAppend> records) {
    Result<std::vector<Position>> answer = unavailable("not called");
    log->append(Channel::kLive, std::move(records), [&](auto p) { answer = std::move(p); });
    settle(*log);
    return answer;
  }
  std::vector<Bytes> all(PartitionId partition = kOne) {
    return payloads(read_all(*log, partition));
  }
  Error read_error(Position after = {}, PartitionId partition = kOne) {
    auto chunk = log->read(partition, Channel::kLive, after, kPlenty);
    if (chunk) {
      ADD_FAILURE() << "the read succeeded";
      return {};
    }
    return chunk.error();
  }
  std::vector<std::string> segments() {
    std::vector<std::string> out;
    const std::vector<std::string> names = files.list(kLogFolder).value();
    for (const std::string& name : names) {
      if (name.starts_with("live-")) out.push_back(name.substr(20, 1));
    }
    return out;
  }

  SimFileSystem files{1};
  std::unique_ptr<EmbeddedLog> log;
};

TEST_F(EmbeddedLogTest, WhatWasAcknowledgedSurvivesPowerLoss) {
  open();
  append({events(kOne, "a", 2), events(kTwo, "b")}).value();
  const Position p = append({control(kOne, RecordKind::kAdvance, "t")}).value()[0];
  files.crash();
  open();
  const auto records = read_all(*log, kOne);
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].header.events, 2U);
  EXPECT_EQ(records[1].position, p);
  EXPECT_EQ(records[1].header.kind, RecordKind::kAdvance);
  EXPECT_EQ(all(kTwo), std::vector<Bytes>{"b"});
  EXPECT_EQ(log->stats(Channel::kLive).newest, p);
  EXPECT_GT(append({events(kOne, "c")}).value()[0], p);
  EXPECT_EQ(all(), (std::vector<Bytes>{"a", "t", "c"}));
}

TEST_F(EmbeddedLogTest, ManyAppendsBecomeOneSync) {
  open();
  append({events(kOne, "first")}).value();
  int syncs = 0, done = 0;
  files.set_hook([&](SimOp op, const std::string&) {
    syncs += op == SimOp::kSync;
    return true;
  });
  for (int i = 0; i < 100; ++i) {
    log->append(Channel::kLive, {events(kOne, std::to_string(i))}, [&](auto p) {
      EXPECT_TRUE(p);
      EXPECT_EQ(syncs, 1) << "acknowledged before the sync";
      ++done;
    });
  }
  EXPECT_EQ(done, 0);
  EXPECT_FALSE(log->write_pending(Channel::kLive));
  EXPECT_EQ(done, 100);
  EXPECT_EQ(syncs, 1);
}

TEST_F(EmbeddedLogTest, NothingIsReadableBeforeItIsDurable) {
  open();
  log->append(Channel::kLive, {events(kOne, "a")}, [](auto) {});
  files.set_hook([&](SimOp op, const std::string&) {
    // No read here: the file system is busy. The directory is what counts.
    if (op == SimOp::kSync) {
      EXPECT_EQ(log->stats(Channel::kLive).newest, Position{});
    }
    return true;
  });
  log->write_pending(Channel::kLive);
  files.set_hook(nullptr);
  EXPECT_EQ(all(), std::vector<Bytes>{"a"});
}

TEST_F(EmbeddedLogTest, TornTailIsDroppedAndItsPlaceUsedAgain) {
  open();
  append({events(kOne, "kept")}).value();
  const Position torn = append({events(kOne, Bytes(2000, 't')), events(kTwo, "t")}).value()[0];
  log.reset();
  ASSERT_TRUE(files.flip(segment(0), 4096 + 1500, 1));
  open();
  EXPECT_EQ(all(), std::vector<Bytes>{"kept"});
  EXPECT_TRUE(all(kTwo).empty()) << "half of a vector";
  EXPECT_TRUE(log->damage(Channel::kLive).empty());
  EXPECT_EQ(append({events(kOne, "again")}).value()[0].lo / 4096, torn.lo / 4096);
  open();
  EXPECT_EQ(all(), (std::vector<Bytes>{"kept", "again"}));
}

// The same damage, but a closing frame says that the bytes were durable: that is no torn tail.
TEST_F(EmbeddedLogTest, DamageBelowACleanStopIsCorruptionNamedByFileAndByte) {
  open();
  append({events(kOne, "kept")}).value();
  const Position bad = append({events(kOne, Bytes(2000, 'x')), events(kTwo, "fine")}).value()[0];
  ASSERT_TRUE(log->close());
  ASSERT_TRUE(files.flip(segment(0), 4096 + 1500, 1));
  open();
  append({events(kOne, "after")}).value();
  const LogChunk before = log->read(kOne, Channel::kLive, {}, kPlenty).value();
  EXPECT_EQ(payloads(before), std::vector<Bytes>{"kept"});
  const Error error = read_error(before.next);
  EXPECT_EQ(error.code, ErrorCode::kCorruption);
  EXPECT_THAT(error.message, testing::HasSubstr("live-0000000000000000.seg: byte " +
                                                std::to_string(bad.lo) + ": checksum mismatch"));
  const auto damage = log->damage(Channel::kLive);
  ASSERT_EQ(damage.size(), 1U);
  EXPECT_EQ(damage[0].begin, bad);
  EXPECT_EQ(payloads(log->read(kOne, Channel::kLive, damage[0].resume, kPlenty).value()),
            std::vector<Bytes>{"after"});
  // Another partition of the same frame is not touched by it.
  EXPECT_EQ(all(kTwo), std::vector<Bytes>{"fine"});
}

TEST_F(EmbeddedLogTest, ADamagedHeaderIsCorruptionForEveryPartitionAndCanBeSteppedOver) {
  open();
  append({events(kOne, "before")}).value();
  append({events(kOne, "lost")}).value();
  append({events(kOne, "after")}).value();
  log.reset();
  ASSERT_TRUE(files.flip(segment(0), 4096 + 40, 1));
  open();
  const auto damage = log->damage(Channel::kLive);
  ASSERT_EQ(damage.size(), 1U);
  EXPECT_EQ(damage[0].begin, (Position{0, 4096}));
  EXPECT_THAT(damage[0].place, testing::HasSubstr("live-0000000000000000.seg: byte 4096: "));
  const LogChunk before = log->read(kOne, Channel::kLive, {}, kPlenty).value();
  EXPECT_EQ(payloads(before), std::vector<Bytes>{"before"});
  EXPECT_EQ(read_error(before.next).code, ErrorCode::kCorruption);
  EXPECT_EQ(read_error({}, kTwo).code, ErrorCode::kCorruption) << "it may have had records there";
  EXPECT_EQ(payloads(log->read(kOne, Channel::kLive, damage[0].resume, kPlenty).value()),
            std::vector<Bytes>{"after"});
  // It is still known after the next restart.
  append({events(kOne, "more")}).value();
  open();
  EXPECT_EQ(log->damage(Channel::kLive).size(), 1U);
}

// A frame behind damage is torn as well: the log must not go back and write over the damaged one.
TEST_F(EmbeddedLogTest, ATornTailBehindDamageKeepsTheDamageVisible) {
  open();
  append({events(kOne, "before")}).value();
  append({events(kOne, "lost")}).value();
  append({events(kOne, "torn")}).value();
  log.reset();
  ASSERT_TRUE(files.flip(segment(0), 4096 + 40, 1));
  ASSERT_TRUE(files.flip(segment(0), 8192 + 86, 1));
  open();
  EXPECT_EQ(log->damage(Channel::kLive).size(), 1U);
  EXPECT_GT(append({events(kOne, "next")}).value()[0], (Position{0, 8192}));
  open();
  EXPECT_EQ(log->damage(Channel::kLive).size(), 1U);
  EXPECT_EQ(
      payloads(
          log->read(kOne, Channel::kLive, log->damage(Channel::kLive)[0].resume, kPlenty).value()),
      std::vector<Bytes>{"next"});
}

TEST_F(EmbeddedLogTest, AMissingSegmentIsCorruptionToo) {
  open();
  for (int i = 0; i < 24; ++i) append({events(kOne, Bytes(3000, 'x'))}).value();  // 8 a segment
  log.reset();
  ASSERT_TRUE(files.remove(segment(1)));
  open();
  const auto damage = log->damage(Channel::kLive);
  ASSERT_EQ(damage.size(), 1U);
  EXPECT_EQ(damage[0].begin, (Position{0, 32768}));
  EXPECT_EQ(log->read(kOne, Channel::kLive, damage[0].resume, kPlenty).value().records.size(), 8U);
}

TEST_F(EmbeddedLogTest, TrimmedSegmentsAreRenamedAndTheirOldFramesDoNotCount) {
  open();
  Position last;
  for (int i = 0; i < 20; ++i) last = append({events(kOne, Bytes(3000, 'o'))}).value()[0];
  EXPECT_EQ(segments(), (std::vector<std::string>{"0", "1", "2", "3"}));  // 3 is ready
  ASSERT_TRUE(log->trim(kOne, Channel::kLive, last));
  settle(*log);
  EXPECT_EQ(segments(), (std::vector<std::string>{"1", "2", "3"}))
      << "one spare, the rest is freed";
  for (int i = 0; i < 5; ++i) append({events(kOne, Bytes(3000, 'n'))}).value();
  EXPECT_EQ(segments(), (std::vector<std::string>{"2", "3", "4"})) << "1 became 4";
  files.crash();
  open();
  // 20 records: 8 in segment 2, of which the log has 4 old and 4 new ones, and one in segment 3.
  const auto records = all();
  ASSERT_EQ(records.size(), 9U);
  EXPECT_EQ(records[3], Bytes(3000, 'o'));
  EXPECT_EQ(records[4], Bytes(3000, 'n'));
  EXPECT_EQ(records[8], Bytes(3000, 'n'));
}

// Cut short under its own name it would be damage.
TEST_F(EmbeddedLogTest, ACrashWhileASegmentIsRemovedPieceByPieceLeavesNoDamage) {
  auto options = contract_options(kLogFolder);
  options.segment = 4_MiB;
  options.retention = 32_MiB;
  open(options);
  Position last;
  for (int i = 0; i < 14; ++i)
    last =
        append({events(kOne, Bytes((1_MiB).value - 100, static_cast<char>('a' + i)))}).value()[0];
  ASSERT_TRUE(log->trim(kOne, Channel::kLive, last));
  const std::string leaving = kLogFolder + "/live-remove.tmp";
  while (!files.exists(leaving)) ASSERT_TRUE(log->maintain(Channel::kLive));
  EXPECT_TRUE(log->maintain(Channel::kLive)) << "there is more of it";
  EXPECT_TRUE(files.exists(leaving));
  files.crash();
  open(options);
  EXPECT_FALSE(files.exists(leaving));
  EXPECT_TRUE(log->damage(Channel::kLive).empty());
  const std::vector<Bytes> kept = all();
  ASSERT_FALSE(kept.empty());
  EXPECT_EQ(kept.back()[0], 'n') << "the last of fourteen";
}

// A segment says only in memory when it was written, so what is kept gets a new age.
TEST_F(EmbeddedLogTest, WhatIsKeptByAgeIsThereAfterARestartAndItsAgeCountsFromThere) {
  MonoTime now{};
  const auto options = contract_options(kLogFolder, {1h, [&] { return now; }});
  open(options);
  Position last;
  for (int i = 0; i < 20; ++i) last = append({events(kOne, Bytes(3000, 'o'))}).value()[0];
  ASSERT_TRUE(log->trim(kOne, Channel::kLive, last));
  EXPECT_EQ(all().size(), 20U);
  now += 59min;
  files.crash();
  open(options);
  now += 59min;
  ASSERT_TRUE(log->trim(kOne, Channel::kLive, last));
  EXPECT_EQ(all().size(), 20U);
  now += 1min;
  ASSERT_TRUE(log->trim(kOne, Channel::kLive, last));
  EXPECT_EQ(all().size(), 1U);
  settle(*log);
  // Another life knows only by the missing segments that something was freed.
  open(options);
  EXPECT_EQ(log->kept_from(kOne, Channel::kLive), (Position{0, kContractSegment.value}));
  EXPECT_EQ(log->lease(kOne, Channel::kLive, Position{0, 1}, "late").error().code,
            ErrorCode::kNotFound);
}

TEST_F(EmbeddedLogTest, ASegmentIsAsOldAsItsNewestRecord) {
  MonoTime now{};
  open(contract_options(kLogFolder, {1h, [&] { return now; }}));
  Position last;
  for (int i = 0; i < 12; ++i) {  // 8 to a segment
    now += 10min;
    last = append({events(kOne, Bytes(3000, 'o'))}).value()[0];
  }
  // 40 minutes have passed since the last one of the first segment.
  ASSERT_TRUE(log->trim(kOne, Channel::kLive, last));
  EXPECT_EQ(all().size(), 12U);
  now += 20min;
  ASSERT_TRUE(log->trim(kOne, Channel::kLive, last));
  EXPECT_EQ(all().size(), 4U);
}

TEST_F(EmbeddedLogTest, OnAFullDiskWhatIsOnlyKeptIsUsedForWhatIsNew) {
  MonoTime now{};
  open(contract_options(kLogFolder, {1h, [&] { return now; }}));
  const Position first = append({events(kOne, Bytes(20'000, 'a'))}).value()[0];
  const Position last = append({events(kOne, Bytes(20'000, 'b'))}).value()[0];
  const LeaseId held = log->lease(kOne, Channel::kLive, first, "job 3").value();
  ASSERT_TRUE(log->trim(kOne, Channel::kLive, last));
  files.set_capacity(ByteCount{100'000});  // three segments of 32 KiB
  ASSERT_TRUE(append({events(kOne, Bytes(20'000, 'c'))}));
  EXPECT_TRUE(log->holds(held));
  ASSERT_TRUE(append({events(kOne, Bytes(20'000, 'd'))}));
  EXPECT_FALSE(log->holds(held));
  EXPECT_EQ(all().size(), 3U) << "b, c and d: what live needs";
  EXPECT_EQ(append({events(kOne, Bytes(20'000, 'e'))}).error().code, ErrorCode::kOverloaded);
}

TEST_F(EmbeddedLogTest, AnAgeNeedsAClock) {
  const auto opened = EmbeddedLog::open(files, contract_options(kLogFolder, {1h, nullptr}));
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, testing::HasSubstr("clock"));
}

// The owner, and what to do about it.
TEST_F(EmbeddedLogTest, ABrokenLeaseIsLoggedWithItsOwnerAndTheFix) {
  open();
  const Position first = append({events(kOne, Bytes(8192, 'a'))}).value()[0];
  ASSERT_TRUE(log->lease(kOne, Channel::kLive, first, "job 3"));
  testing::internal::CaptureStderr();
  for (int i = 0; i < 20; ++i) {
    const Position at = append({events(kOne, Bytes(8192, 'b'))}).value()[0];
    ASSERT_TRUE(log->trim(kOne, Channel::kLive, Position{0, at.lo + 1}));
  }
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, testing::HasSubstr("level=error"));
  EXPECT_THAT(said, testing::HasSubstr("owner=\"job 3\""));
  EXPECT_THAT(said, testing::HasSubstr("live-0000000000000000.seg"));
  EXPECT_THAT(said, testing::HasSubstr("a larger [log] retention"));
}

TEST_F(EmbeddedLogTest, AFullDiskIsOverloadAndNothingIsTaken) {
  open();
  append({events(kOne, Bytes(20'000, 'a'))}).value();
  files.set_capacity(ByteCount{70'000});  // two segments of 32 KiB are there, a third has no room
  append({events(kOne, Bytes(20'000, 'b'))}).value();
  const auto refused = append({events(kOne, Bytes(20'000, 'c'))});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kOverloaded);
  EXPECT_FALSE(files.exists(kLogFolder + "/live-prepare.tmp"))
      << "what did not fit is not left there";
  files.set_capacity(1_GiB);
  append({events(kOne, Bytes(20'000, 'd'))}).value();
  open();
  const auto records = all();
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[2][0], 'd');
}

TEST_F(EmbeddedLogTest, SpaceThatRunsOutWhileASegmentIsPreparedIsGivenBack) {
  auto options = contract_options(kLogFolder);
  options.segment = 4_MiB;
  options.retention = 8_MiB;
  open(options);
  EXPECT_TRUE(log->maintain(Channel::kLive));
  EXPECT_TRUE(files.exists(kLogFolder + "/live-prepare.tmp"));
  files.set_capacity(1_MiB);
  EXPECT_FALSE(log->maintain(Channel::kLive)) << "no use to go on at once";
  EXPECT_FALSE(files.exists(kLogFolder + "/live-prepare.tmp"));
  files.set_capacity(1_GiB);
  EXPECT_TRUE(append({events(kOne, "a")}));
}

TEST_F(EmbeddedLogTest, AFailedSyncEndsTheNode) {
  auto options = contract_options(kLogFolder);
  std::vector<Error> fatal;
  options.on_fatal = [&](const Error& e) { fatal.push_back(e); };
  open(std::move(options));
  append({events(kOne, "kept")}).value();
  files.fail_next_sync();
  EXPECT_EQ(append({events(kOne, "unknown")}).error().code, ErrorCode::kUnknownOutcome);
  ASSERT_EQ(fatal.size(), 1U);
  EXPECT_THAT(fatal[0].message, testing::HasSubstr("sync"));
  EXPECT_EQ(append({events(kOne, "later")}).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(all(), std::vector<Bytes>{"kept"});
  EXPECT_FALSE(log->close());
}

// The kernel forgets what a failed sync could not write, but still shows it to who reads the file.
// A restarted process that served such a frame would lose it at the next power loss.
TEST_F(EmbeddedLogTest, AFrameThatAFailedSyncLeftBehindIsMadeDurableBeforeItIsServed) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    SimFileSystem disk(seed);
    auto options = contract_options(kLogFolder);
    options.on_fatal = [](const Error&) {};
    auto first = EmbeddedLog::open(disk, options).value();
    disk.fail_next_sync();
    first->append(Channel::kLive, {events(kOne, "u")}, [](auto) {});
    settle(*first);
    first.reset();  // the process ends; the machine does not
    auto second = EmbeddedLog::open(disk, options).value();
    const auto served = payloads(read_all(*second, kOne));
    second.reset();
    disk.crash();
    auto third = EmbeddedLog::open(disk, options).value();
    EXPECT_EQ(payloads(read_all(*third, kOne)), served) << "seed " << seed;
  }
}

TEST_F(EmbeddedLogTest, TheDefaultAnswerToAFailedSyncIsToAbort) {
  auto die = [] {
    SimFileSystem disk(1);
    auto doomed = EmbeddedLog::open(disk, contract_options(kLogFolder)).value();
    doomed->append(Channel::kLive, {events(kOne, "a")}, [](auto) {});
    while (doomed->maintain(Channel::kLive)) {
    }
    disk.fail_next_sync();
    doomed->write_pending(Channel::kLive);
  };
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(die(), "the log cannot be written");
}

// Positions that a store takes for settled must never be handed out again, even if the log is gone.
TEST_F(EmbeddedLogTest, ALogThatLostItsEndSkipsThePositionsThatTheStoreHasSeen) {
  auto options = contract_options(kLogFolder);
  options.above[0] = Position{0, 100'000};
  open(options);
  const Position p = append({events(kOne, "a")}).value()[0];
  EXPECT_GT(p, options.above[0]);
  open(options);
  EXPECT_EQ(all(), std::vector<Bytes>{"a"});
  EXPECT_TRUE(log->damage(Channel::kLive).empty());
  options.above[0] = Position{0, 500'000};
  open(options);
  EXPECT_GT(append({events(kOne, "b")}).value()[0], options.above[0]);
  open();
  EXPECT_EQ(all(), (std::vector<Bytes>{"a", "b"}));
  EXPECT_TRUE(log->damage(Channel::kLive).empty());
}

TEST_F(EmbeddedLogTest, ALogKeepsTheSegmentSizeItWasMadeWith) {
  open();
  append({events(kOne, "a")}).value();
  auto options = contract_options(kLogFolder);
  options.segment = 64_KiB;
  open(options);
  for (int i = 0; i < 10; ++i) append({events(kOne, Bytes(3000, 'x'))}).value();
  open();
  EXPECT_EQ(all().size(), 11U);
  EXPECT_EQ(files.open(segment(1), OpenMode::kRead).value()->size().value(), 32768U);
}

TEST_F(EmbeddedLogTest, CleanStopsOfAnIdleLogWriteNothing) {
  open();
  append({events(kOne, "a")}).value();
  ASSERT_TRUE(log->close());
  const ByteCount size = [&] {
    open();
    return log->stats(Channel::kLive).size;
  }();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(log->close());
    open();
  }
  EXPECT_EQ(log->stats(Channel::kLive).size, size);
}

TEST_F(EmbeddedLogTest, AnAppendLargerThanASegmentIsRefused) {
  open();
  std::vector<LogAppend> records(40, events(kOne, Bytes(1000, 'x')));
  EXPECT_EQ(append(std::move(records)).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(EmbeddedLogTest, TooMuchThatWaitsIsOverload) {
  auto options = contract_options(kLogFolder);
  options.queue = ByteCount{1000};
  open(options);
  int taken = 0, refused = 0;
  for (int i = 0; i < 3; ++i) {
    log->append(Channel::kLive, {events(kOne, Bytes(900, 'x'))},
                [&](auto p) { p ? ++taken : ++refused; });
  }
  EXPECT_EQ(refused, 1);
  settle(*log);
  EXPECT_EQ(taken, 2);
}

TEST_F(EmbeddedLogTest, ImpossibleOptionsAreRefusedByName) {
  for (const auto& [segment, retention, name] :
       {std::tuple(4_KiB, 1_MiB, "segment"), std::tuple(ByteCount{10'000}, 1_MiB, "segment"),
        std::tuple(2_GiB, 8_GiB, "segment"), std::tuple(64_MiB, 64_MiB, "retention")}) {
    auto options = contract_options(kLogFolder);
    options.segment = segment;
    options.retention = retention;
    const auto opened = EmbeddedLog::open(files, options);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(opened.error().message, testing::HasSubstr(name));
  }
}

TEST(ThreadedLogTest, WhatWasAppendedBeforeCloseIsThereAfterIt) {
  TempFolder folder;
  PosixFileSystem files;
  std::atomic<int> acknowledged{0};  // counted by the writer's thread, read after it ended
  {
    auto log = ThreadedLog::open(files, contract_options(folder.path())).value();
    for (int i = 0; i < 50; ++i) {
      log->append(Channel::kLive, {events(kOne, std::to_string(i))},
                  [&](auto p) { acknowledged += p.has_value(); });
    }
    ASSERT_TRUE(log->close());
    EXPECT_EQ(acknowledged, 50);
  }
  auto log = EmbeddedLog::open(files, contract_options(folder.path())).value();
  const auto records = read_all(*log, kOne);
  ASSERT_EQ(records.size(), 50U);
  EXPECT_EQ(records[49].payload, "49");
}

}  // namespace
}  // namespace hindcast
