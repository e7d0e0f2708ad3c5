// What every Log does alike. Instantiate with a fixture factory:
//
//   struct MemoryWorld { std::unique_ptr<Log> open(LogKeeps = {}); void settle(Log&); };
//
// `open()` makes a log whose bound is kContractRetention. `settle()` returns when all that was
// appended is completed.
#pragma once
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "log/log.h"

namespace hindcast {

constexpr ByteCount kContractRetention = 256_KiB;
constexpr ByteCount kContractSegment = 32_KiB;
constexpr PartitionId kOne{1}, kTwo{2};
constexpr ByteCount kPlenty = 1_GiB;

/// How long a log keeps what is settled, and by which clock.
struct LogKeeps {
  Duration age{};
  std::function<MonoTime()> now;
};

inline LogAppend events(PartitionId partition, Bytes payload, uint32_t count = 1) {
  return {{partition, RecordKind::kEvents, SourceId{5}, count}, std::move(payload)};
}
inline LogAppend control(PartitionId partition, RecordKind kind, Bytes payload = "") {
  return {{partition, kind, SourceId{6}, 0}, std::move(payload)};
}
inline std::vector<Bytes> payloads(const LogChunk& chunk) {
  std::vector<Bytes> out;
  for (const LogRecord& record : chunk.records) out.push_back(record.payload);
  return out;
}

template <class World>
class LogContractTest : public testing::Test {
 protected:
  using Positions = Result<std::vector<Position>>;

  Positions append(std::vector<LogAppend> records, Channel channel = Channel::kLive) {
    // Shared with the callback, which may outlive a failed assertion here.
    auto answer = std::make_shared<Positions>(unavailable("not called"));
    log->append(channel, std::move(records), [answer](Positions p) { *answer = std::move(p); });
    world.settle(*log);
    return *answer;
  }
  LogChunk read(PartitionId partition, Position after = {}, ByteCount max = kPlenty,
                Channel channel = Channel::kLive) {
    return log->read(partition, channel, after, max).value();
  }
  /// Appends 1 KiB records until the log refuses one; returns the position of the last taken.
  Position fill() {
    Position last;
    for (int i = 0; i < 100'000; ++i) {
      const Positions p = append({events(kOne, Bytes(1024, 'x'))});
      if (!p) {
        EXPECT_EQ(p.error().code, ErrorCode::kOverloaded);
        return last;
      }
      last = p->back();
    }
    ADD_FAILURE() << "the log took everything";
    return last;
  }

  /// Opens the log again (it is still empty), and what is settled is kept for `age` by a clock that
  /// stands until wait().
  void keep_for(Duration age) {
    log.reset();
    log = world.open({age, [this] { return MonoTime(Duration(clock)); }});
  }
  void wait(Duration time) { clock += time.count(); }
  /// Appends 8 KiB of events to kOne and settles them; returns their position.
  Position append_settled() {
    const Position at = append({events(kOne, Bytes(8192, 's'))}).value()[0];
    log->trim(kOne, Channel::kLive, Position{0, at.lo + 1}).value();
    return at;
  }
  LeaseId lease(Position from) { return log->lease(kOne, Channel::kLive, from, "a job").value(); }

  std::atomic<Duration::rep> clock{1'000'000'000};  // read by the threads of a log
  World world;
  std::unique_ptr<Log> log = world.open();
};
TYPED_TEST_SUITE_P(LogContractTest);

TYPED_TEST_P(LogContractTest, WhatIsAppendedIsReadInOrderWithItsHeader) {
  const auto first = this->append({events(kOne, "a", 3), control(kOne, RecordKind::kAdvance, "t")});
  const auto second = this->append({events(kOne, "b")});
  const LogChunk chunk = this->read(kOne);
  ASSERT_EQ(chunk.records.size(), 3U);
  EXPECT_EQ(payloads(chunk), (std::vector<Bytes>{"a", "t", "b"}));
  EXPECT_EQ(chunk.records[0].header.kind, RecordKind::kEvents);
  EXPECT_EQ(chunk.records[0].header.source, SourceId{5});
  EXPECT_EQ(chunk.records[0].header.events, 3U);
  EXPECT_EQ(chunk.records[0].header.partition, kOne);
  EXPECT_EQ(chunk.records[1].header.kind, RecordKind::kAdvance);
  EXPECT_EQ(chunk.records[1].header.source, SourceId{6});
  EXPECT_EQ(chunk.records[0].position, first.value()[0]);
  EXPECT_EQ(chunk.records[1].position, first.value()[1]);
  EXPECT_EQ(chunk.records[2].position, second.value()[0]);
  EXPECT_GT(chunk.records[0].position, Position{});
  EXPECT_LT(chunk.records[0].position, chunk.records[1].position);
  EXPECT_LT(chunk.records[1].position, chunk.records[2].position);
}

TYPED_TEST_P(LogContractTest, AReaderGoesOnAfterWhatItHas) {
  EXPECT_TRUE(this->read(kOne).records.empty());
  this->append({events(kOne, "a")}).value();
  const LogChunk first = this->read(kOne);
  EXPECT_TRUE(this->read(kOne, first.next).records.empty());
  EXPECT_EQ(this->read(kOne, first.next).next, first.next);
  this->append({events(kOne, "b"), events(kOne, "c")}).value();
  const LogChunk rest = this->read(kOne, first.next);
  EXPECT_EQ(payloads(rest), (std::vector<Bytes>{"b", "c"}));
  // The middle of a vector is a place to go on from, too.
  EXPECT_EQ(payloads(this->read(kOne, rest.records[0].position)), (std::vector<Bytes>{"c"}));
}

TYPED_TEST_P(LogContractTest, PartitionsAndChannelsDoNotMix) {
  this->append({events(kOne, "1a"), events(kTwo, "2a"), events(kOne, "1b")}).value();
  this->append({events(kOne, "replayed")}, Channel::kReplay).value();
  EXPECT_EQ(payloads(this->read(kOne)), (std::vector<Bytes>{"1a", "1b"}));
  EXPECT_EQ(payloads(this->read(kTwo)), (std::vector<Bytes>{"2a"}));
  EXPECT_EQ(payloads(this->read(kOne, {}, kPlenty, Channel::kReplay)),
            (std::vector<Bytes>{"replayed"}));
  EXPECT_TRUE(this->read(kTwo, {}, kPlenty, Channel::kReplay).records.empty());
}

// A lane that asks for little must still get on; one that asks for much must not be buried.
TYPED_TEST_P(LogContractTest, ChunksAreAboutAsLargeAsAskedForAndNeverEmptyBeforeTheEnd) {
  for (int i = 0; i < 20; ++i) {
    this->append({events(kOne, Bytes(1000, static_cast<char>('a' + i)))}).value();
  }
  Position after;
  int records = 0;
  while (true) {
    const LogChunk chunk = this->read(kOne, after, ByteCount{3000});
    if (chunk.records.empty()) break;
    EXPECT_LE(chunk.records.size(), 6U);
    for (const LogRecord& r : chunk.records) EXPECT_EQ(r.payload[0], 'a' + records++);
    after = chunk.next;
  }
  EXPECT_EQ(records, 20);
  EXPECT_EQ(this->read(kOne, {}, ByteCount{1}).records.size(), 1U);
}

TYPED_TEST_P(LogContractTest, EmptyPayloadsAndEmptyVectorsAreFine) {
  EXPECT_TRUE(this->append({}).value().empty());
  this->append({control(kOne, RecordKind::kConnected), control(kOne, RecordKind::kGap)}).value();
  const LogChunk chunk = this->read(kOne);
  ASSERT_EQ(chunk.records.size(), 2U);
  EXPECT_LT(chunk.records[0].position, chunk.records[1].position);
}

TYPED_TEST_P(LogContractTest, ARecordBeyondItsLimitIsRefusedAndNothingOfItsVectorIsTaken) {
  const auto p = this->append({events(kOne, "a"), events(kOne, Bytes((1 << 20) + 1, 'x'))});
  ASSERT_FALSE(p);
  EXPECT_EQ(p.error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(this->read(kOne).records.empty());
}

// Ingest answers 429 at the bound; but the advances that let the lane seal, and so make room, pass.
TYPED_TEST_P(LogContractTest, AFullLogRefusesEventsButStillTakesControlRecords) {
  this->fill();
  EXPECT_GE(this->log->stats(Channel::kLive).size, this->log->stats(Channel::kLive).limit);
  EXPECT_TRUE(this->append({control(kOne, RecordKind::kAdvance, "t")}));
  const auto mixed = this->append({control(kOne, RecordKind::kAdvance), events(kOne, "e")});
  EXPECT_EQ(mixed.error().code, ErrorCode::kOverloaded);
  EXPECT_TRUE(this->append({events(kOne, "other channel")}, Channel::kReplay));
  // The reserve is bounded as well.
  bool refused = false;
  for (int i = 0; i < 1000 && !refused; ++i) {
    refused = !this->append({control(kOne, RecordKind::kGap, Bytes(4096, 'g'))});
  }
  EXPECT_TRUE(refused);
  EXPECT_TRUE(this->append({})) << "a barrier takes no space";
}

TYPED_TEST_P(LogContractTest, TrimmedSpaceIsUsedAgain) {
  for (int round = 0; round < 3; ++round) {
    const Position last = this->fill();
    ASSERT_TRUE(this->log->trim(kOne, Channel::kLive, last));
    EXPECT_LT(this->log->stats(Channel::kLive).size, this->log->stats(Channel::kLive).limit);
    EXPECT_TRUE(this->append({events(kOne, "fits again")}));
    const LogChunk rest = this->read(kOne);
    ASSERT_FALSE(rest.records.empty());
    EXPECT_EQ(rest.records.back().payload, "fits again");
    EXPECT_EQ(this->log->stats(Channel::kLive).newest, rest.next);
  }
}

TYPED_TEST_P(LogContractTest, APartitionThatStillNeedsItsRecordsHoldsTheSpace) {
  this->append({events(kTwo, "needed")}).value();
  const Position last = this->fill();
  ASSERT_TRUE(this->log->trim(kOne, Channel::kLive, last));
  EXPECT_EQ(payloads(this->read(kTwo)), (std::vector<Bytes>{"needed"}));
  // kTwo lets go: it needs nothing up to kOne's last record.
  ASSERT_TRUE(this->log->trim(kTwo, Channel::kLive, last));
  EXPECT_TRUE(this->append({events(kOne, "fits")}));
}

TYPED_TEST_P(LogContractTest, TrimNeverGoesBackAndMayPointBeyondTheEnd) {
  const Position p = this->append({events(kOne, "a")}).value()[0];
  ASSERT_TRUE(this->log->trim(kOne, Channel::kLive, Position{0, p.lo + 1000}));
  ASSERT_TRUE(this->log->trim(kOne, Channel::kLive, Position{}));
  const auto lease = this->log->lease(kOne, Channel::kLive, p, "test");
  ASSERT_FALSE(lease);
  EXPECT_EQ(lease.error().code, ErrorCode::kNotFound);
}

TYPED_TEST_P(LogContractTest, ALeaseKeepsRecordsUntilItIsReleased) {
  const Position first = this->append({events(kOne, "kept")}).value()[0];
  const LeaseId a = this->lease(first);
  const LeaseId b = this->lease(first);
  EXPECT_NE(a, b);
  for (int i = 0; i < 10; ++i) this->append_settled();
  this->log->release(a);
  ASSERT_FALSE(this->read(kOne).records.empty());
  EXPECT_EQ(this->read(kOne).records[0].payload, "kept");
  EXPECT_GT(this->log->stats(Channel::kLive).kept, this->log->stats(Channel::kLive).size);
  EXPECT_FALSE(this->log->holds(a));
  EXPECT_TRUE(this->log->holds(b));
  this->log->release(b);  // the trim that it held back happens now
  EXPECT_TRUE(this->read(kOne).records.empty());
  EXPECT_EQ(this->log->lease(kOne, Channel::kLive, first, "late").error().code,
            ErrorCode::kNotFound);
  EXPECT_EQ(this->log->stats(Channel::kLive).broken_leases, 0U);
}

TYPED_TEST_P(LogContractTest, WhatIsSettledStaysForItsAge) {
  this->keep_for(1h);
  const Position first = this->append_settled();
  this->wait(59min);
  ASSERT_TRUE(this->log->trim(kTwo, Channel::kLive, first));
  EXPECT_EQ(this->read(kOne).records.size(), 1U);
  EXPECT_EQ(this->log->kept_from(kOne, Channel::kLive), Position{});
  EXPECT_LT(this->log->stats(Channel::kLive).size, this->log->stats(Channel::kLive).limit);
  EXPECT_TRUE(this->log->lease(kOne, Channel::kLive, first, "a job"));
}

TYPED_TEST_P(LogContractTest, WhatIsOlderThanItsAgeIsFreedByTheNextTrim) {
  this->keep_for(1h);
  const Position first = this->append_settled();
  this->wait(1h);
  ASSERT_TRUE(this->log->trim(kOne, Channel::kLive, Position{0, first.lo + 1}));
  EXPECT_TRUE(this->read(kOne).records.empty());
  EXPECT_EQ(this->log->kept_from(kOne, Channel::kLive), (Position{0, first.lo + 1}));
  EXPECT_EQ(this->log->lease(kOne, Channel::kLive, first, "a job").error().code,
            ErrorCode::kNotFound);
}

TYPED_TEST_P(LogContractTest, TheReplayChannelKeepsNothingByAge) {
  this->keep_for(1h);
  const Position at = this->append({events(kOne, "merged")}, Channel::kReplay).value()[0];
  ASSERT_TRUE(this->log->trim(kOne, Channel::kReplay, Position{0, at.lo + 1}));
  EXPECT_TRUE(this->read(kOne, {}, kPlenty, Channel::kReplay).records.empty());
}

// Else a log that keeps for longer than it has room for would answer 429 for ever.
TYPED_TEST_P(LogContractTest, WhatIsOnlyKeptNeverMakesLiveWait) {
  this->keep_for(1h);
  const Position first = this->append_settled();
  Position last;
  for (int i = 0; i < 100; ++i) last = this->append_settled();  // three times the bound
  const LogStats stats = this->log->stats(Channel::kLive);
  EXPECT_LT(stats.size.value, kContractSegment.value + 1);
  EXPECT_GT(stats.kept.value, kContractRetention.value / 2) << "what there is room for stays";
  EXPECT_LE(stats.kept.value, kContractRetention.value + kContractSegment.value);
  EXPECT_GT(stats.oldest, first) << "the oldest go first";
  EXPECT_EQ(this->read(kOne).records.back().position, last);
  EXPECT_EQ(stats.broken_leases, 0U);
}

// L9: only live's own need of the space breaks a lease, loudly.
TYPED_TEST_P(LogContractTest, ALeaseThatStandsInLivesWayIsBrokenAndItsOwnerCanTell) {
  const Position first = this->append_settled();
  EXPECT_EQ(this->log->lease(kOne, Channel::kLive, first, "late").error().code,
            ErrorCode::kNotFound);
  const Position next = this->append({events(kOne, "leased")}).value()[0];
  const LeaseId held = this->lease(next);
  for (int i = 0; i < 100; ++i) this->append_settled();
  EXPECT_FALSE(this->log->holds(held));
  EXPECT_GT(this->log->kept_from(kOne, Channel::kLive), next);
  EXPECT_EQ(this->log->stats(Channel::kLive).broken_leases, 1U);
  EXPECT_LT(this->log->stats(Channel::kLive).size, this->log->stats(Channel::kLive).limit);
  this->log->release(held);  // it is gone: nothing happens
  EXPECT_EQ(this->log->stats(Channel::kLive).broken_leases, 1U);
}

TYPED_TEST_P(LogContractTest, OnlyTheLeasesThatStandInTheWayAreBroken) {
  this->keep_for(1h);
  const LeaseId old = this->lease(this->append_settled());
  for (int i = 0; i < 40; ++i) this->append_settled();
  const LeaseId young = this->lease(this->append_settled());
  for (int i = 0; i < 8; ++i) this->append_settled();
  EXPECT_FALSE(this->log->holds(old));
  EXPECT_TRUE(this->log->holds(young));
}

TYPED_TEST_P(LogContractTest, WhatLiveNeedsIsNeverGivenUp) {
  this->keep_for(1h);
  const Position first = this->append({events(kOne, "needed")}).value()[0];
  const LeaseId held = this->lease(first);
  const Position last = this->fill();
  ASSERT_FALSE(this->read(kOne).records.empty());
  EXPECT_EQ(this->read(kOne).records[0].payload, "needed");
  EXPECT_EQ(this->read(kOne).records.back().position, last);
  EXPECT_TRUE(this->log->holds(held)) << "breaking it would make no room";
  EXPECT_EQ(this->append({events(kTwo, "more")}).error().code, ErrorCode::kOverloaded);
  this->log->release(held);
  ASSERT_FALSE(this->read(kOne).records.empty());
  EXPECT_EQ(this->read(kOne).records[0].payload, "needed");
}

TYPED_TEST_P(LogContractTest, StatsNameTheOldestAndTheNewestRecord) {
  const LogStats empty = this->log->stats(Channel::kLive);
  EXPECT_EQ(empty.oldest, Position{});
  EXPECT_EQ(empty.newest, Position{});
  EXPECT_EQ(empty.limit, kContractRetention);
  const auto p = this->append({events(kOne, "a"), events(kTwo, "b"), events(kOne, "c")}).value();
  const LogStats stats = this->log->stats(Channel::kLive);
  EXPECT_EQ(stats.oldest, *std::min_element(p.begin(), p.end()));
  EXPECT_EQ(stats.newest, *std::max_element(p.begin(), p.end()));
  EXPECT_GT(stats.size.value, 0U);
  EXPECT_EQ(this->log->between(Channel::kLive, p[0], p[0]), ByteCount{0});
  EXPECT_EQ(this->log->between(Channel::kLive, p[2], p[0]), ByteCount{0});
  EXPECT_GT(this->log->between(Channel::kLive, p[0], p[2]), ByteCount{0});
  EXPECT_TRUE(this->log->damage(Channel::kLive).empty());
}

// Nothing may be read before it is durable, and the hook must not come before it can be read.
TYPED_TEST_P(LogContractTest, TheHookRunsWhenTheRecordsCanBeRead) {
  std::atomic<size_t> seen{0};  // written by the hook's thread, read after settle()
  Log* const target = this->log.get();
  target->on_readable([&, target](Channel channel) {
    if (channel == Channel::kLive) {
      seen = target->read(kOne, channel, {}, kPlenty).value().records.size();
    }
  });
  this->append({events(kOne, "a"), events(kOne, "b")}).value();
  ASSERT_TRUE(target->close());
  EXPECT_EQ(seen, 2U);
}

// A callback may append: sources do when an acknowledgement frees their window.
TYPED_TEST_P(LogContractTest, ACallbackMayAppend) {
  auto second = std::make_shared<std::atomic<bool>>(false);  // outlives both callbacks
  Log* const target = this->log.get();
  target->append(Channel::kLive, {events(kOne, "a")}, [target, second](auto first) {
    ASSERT_TRUE(first);
    target->append(Channel::kLive, {events(kOne, "b")},
                   [second](auto p) { *second = p.has_value(); });
  });
  this->world.settle(*target);
  this->world.settle(*target);
  EXPECT_TRUE(*second);
  EXPECT_EQ(payloads(this->read(kOne)), (std::vector<Bytes>{"a", "b"}));
}

TYPED_TEST_P(LogContractTest, CallbacksOfManyThreadsComeOnceEachInTheOrderOfPositions) {
  constexpr int kThreads = 4, kEach = 50;
  std::mutex mutex;
  std::vector<Position> order;
  {
    std::vector<std::jthread> threads;
    threads.reserve(kThreads);
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) {
          const PartitionId partition{static_cast<uint32_t>(t % 2 + 1)};
          this->log->append(Channel::kLive, {events(partition, std::to_string(t * 1000 + i))},
                            [&](Result<std::vector<Position>> p) {
                              const std::lock_guard lock(mutex);
                              order.push_back(p.value()[0]);
                            });
        }
      });
    }
  }
  this->world.settle(*this->log);
  const std::lock_guard lock(mutex);
  ASSERT_EQ(order.size(), static_cast<size_t>(kThreads * kEach));
  // Per partition: one vector never spans both here.
  std::map<Position, PartitionId> partition_of;
  for (const PartitionId p : {kOne, kTwo}) {
    std::map<int, int> last_of_thread;
    for (const LogRecord& r : this->read(p).records) {
      partition_of[r.position] = p;
      const int number = std::stoi(r.payload);
      const auto [it, fresh] = last_of_thread.try_emplace(number / 1000, number);
      if (!fresh) {
        EXPECT_LT(it->second, number) << "a thread's appends keep their order";
        it->second = number;
      }
    }
  }
  EXPECT_EQ(partition_of.size(), order.size());
  std::map<PartitionId, Position> last;
  for (const Position p : order) {
    EXPECT_LT(last[partition_of.at(p)], p);
    last[partition_of.at(p)] = p;
  }
}

REGISTER_TYPED_TEST_SUITE_P(
    LogContractTest, WhatIsAppendedIsReadInOrderWithItsHeader, AReaderGoesOnAfterWhatItHas,
    PartitionsAndChannelsDoNotMix, ChunksAreAboutAsLargeAsAskedForAndNeverEmptyBeforeTheEnd,
    EmptyPayloadsAndEmptyVectorsAreFine, ARecordBeyondItsLimitIsRefusedAndNothingOfItsVectorIsTaken,
    AFullLogRefusesEventsButStillTakesControlRecords, TrimmedSpaceIsUsedAgain,
    APartitionThatStillNeedsItsRecordsHoldsTheSpace, TrimNeverGoesBackAndMayPointBeyondTheEnd,
    ALeaseKeepsRecordsUntilItIsReleased, WhatIsSettledStaysForItsAge,
    WhatIsOlderThanItsAgeIsFreedByTheNextTrim, TheReplayChannelKeepsNothingByAge,
    WhatIsOnlyKeptNeverMakesLiveWait, ALeaseThatStandsInLivesWayIsBrokenAndItsOwnerCanTell,
    OnlyTheLeasesThatStandInTheWayAreBroken, WhatLiveNeedsIsNeverGivenUp,
    StatsNameTheOldestAndTheNewestRecord, TheHookRunsWhenTheRecordsCanBeRead, ACallbackMayAppend,
    CallbacksOfManyThreadsComeOnceEachInTheOrderOfPositions);

}  // namespace hindcast
