#include "engine/ingest.h"

#include "engine/engine_test_util.h"
#include "log/memory_log.h"
#include "model/key.h"
#include "store/memory_store.h"

namespace hindcast {
namespace {

using Why = Advance::Why;
constexpr MonoTime kStart{1h};

class IngestTest : public ::testing::Test {
 protected:
  void open(const std::string& keys, MemoryLogOptions options = {}) {
    config_ = config_of(source_toml("kind = \"http\"\n" + keys) + candles_toml(), "/nowhere");
    catalog_.emplace(Catalog::open(config_, store_, false).value());
    log_.emplace(options);
    ingest_.emplace(config_, *catalog_, *log_, ledger_);
    source_ = catalog_->sources().at("trades");
    stream_ = &catalog_->streams().at("trades");
  }
  /// Events of (key, ms) pairs.
  SourceBatch batch(const std::vector<std::pair<std::string, int64_t>>& events) {
    SourceBatch out{.events = EventBatch(stream_->schema)};
    auto decoder = make_decoder(stream_->schema, config_.sources[0]);
    decoder->begin({.name = "test", .object = "test", .path_parts = {}, .arrival = {}});
    std::string body;
    for (const auto& [key, ms] : events) body += trade(++id_, ms, "1", "1", key);
    Decoder::Counts counts;
    decoder->decode(body, true, out.events, out.dead, counts);
    return out;
  }
  Status append(const SourceBatch& batch, MonoTime now = kStart) {
    return ingest_->append(source_, batch, now, [this](const Result<bool>& done) {
      EXPECT_TRUE(done);
      ++answered_;
    });
  }
  std::vector<LogRecord> records(size_t partition = 0) {
    return log_->read(stream_->partitions[partition], Channel::kLive, {}, 64_MiB).value().records;
  }
  std::vector<RecordKind> kinds(size_t partition = 0) {
    std::vector<RecordKind> out;
    for (const LogRecord& record : records(partition)) out.push_back(record.header.kind);
    return out;
  }
  Advance last_advance(size_t partition = 0) {
    const auto all = records(partition);
    EXPECT_EQ(all.back().header.kind, RecordKind::kAdvance);
    return decode_advance(all.back().payload).value();
  }
  /// A key of each of two partitions.
  std::string key_in(uint32_t partition) {
    for (char c = 'A';; ++c) {
      const std::string text(1, c);
      if (partition_of(key_from_string(stream_->schema.key, text).value(), 2) == partition)
        return text;
    }
  }

  Config config_;
  MemoryStore store_;
  std::optional<Catalog> catalog_;
  std::optional<MemoryLog> log_;
  Ledger ledger_;
  std::optional<Ingest> ingest_;
  SourceId source_;
  const StreamInfo* stream_ = nullptr;
  int64_t id_ = 0;
  size_t answered_ = 0;
};

// The lane must know that a source delivers before it sees what it delivered.
TEST_F(IngestTest, ControlRecordsStandInFrontOfEventsAndBehindThem) {
  open("");
  SourceBatch all = batch({{"BTC", kNoon}});
  all.dead.push_back({.reason = "malformed"});
  all.heartbeat = at_ms(kNoon);
  all.ended = true;
  ASSERT_TRUE(append(all));
  EXPECT_EQ(kinds(), (std::vector{RecordKind::kConnected, RecordKind::kEvents, RecordKind::kDead,
                                  RecordKind::kAdvance, RecordKind::kAdvance}));
  EXPECT_EQ(last_advance(), (Advance{at_ms(kNoon + 5 * kMinute), Why::kEnd}));
  EXPECT_EQ(answered_, 1U);
  EXPECT_EQ(ledger_.read().at(source_).received, 2U);
}

// (a) of the watermark's rules: a partition without events of the new window hears of it.
TEST_F(IngestTest, APassedWindowIsToldToPartitionsThatAreNotThereYet) {
  open("partitions = 2\nwatermark = { delay = \"5s\" }\n");
  ASSERT_TRUE(append(batch({{key_in(0), kNoon}, {key_in(1), kNoon}})));
  ASSERT_TRUE(append(batch({{key_in(0), kNoon + kMinute}})));
  EXPECT_EQ(kinds(0).back(), RecordKind::kEvents);
  EXPECT_EQ(last_advance(1), (Advance{at_ms(kNoon + kMinute - 5000), Why::kWindowPassed}));
  const size_t before = records(1).size();
  ASSERT_TRUE(append(batch({{key_in(0), kNoon + kMinute + 1}})));
  EXPECT_EQ(records(1).size(), before) << "the same window passes once";
}

// A refused batch comes again: if it had moved the source's token or its highest event, it would be
// skipped after a crash, or close windows that it never opened.
TEST_F(IngestTest, OverloadLeavesNoTrace) {
  open("", {.retention = 2_KiB, .control_reserve = 64_KiB});
  SourceBatch small = batch({{"BTC", kNoon}});
  small.resume = "token 1";
  ASSERT_TRUE(append(small));
  SourceBatch more = batch({{"BTC", kNoon + kMinute}});
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(append(more) || i > 0) << i;
  const size_t answered = answered_;
  const uint64_t received = ledger_.read().at(source_).received;
  SourceBatch refused = batch({{"BTC", kNoon + 9 * kMinute}});
  refused.resume = "token 2";
  refused.ignored = 3;
  const Status status = append(refused);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kOverloaded);
  EXPECT_EQ(answered_, answered);
  EXPECT_EQ(ingest_->resume_token(source_), "token 1");
  EXPECT_EQ(ingest_->max_event(source_), at_ms(kNoon + kMinute));
  EXPECT_EQ(ledger_.read().at(source_).received, received);
  EXPECT_EQ(ledger_.read().at(source_).ignored, 0U);
}

// The log takes records of 1 MiB; a few thousand long texts are more than that.
TEST_F(IngestTest, RowsThatDoNotFitARecordAreSplit) {
  open("");
  std::vector<std::pair<std::string, int64_t>> events;
  for (int i = 0; i < 40; ++i)
    events.emplace_back(std::to_string(i) + std::string(60'000, 'x'), kNoon);
  ASSERT_TRUE(append(batch(events)));
  uint64_t logged = 0;
  for (const LogRecord& record : records()) {
    EXPECT_LE(record.payload.size(), size_t{1} << 20);
    logged += record.header.events;
  }
  EXPECT_EQ(logged, 40U);
}

// Without its token, dead letters at the end of a file would be read and counted at every start.
TEST_F(IngestTest, DeadLettersAloneCarryTheToken) {
  open("");
  SourceBatch only = batch({});
  only.dead.push_back({.reason = "malformed"});
  only.resume = "behind the letter";
  ASSERT_TRUE(append(only));
  EventBatch rows(stream_->schema);
  for (const LogRecord& record : records()) {
    if (record.header.kind != RecordKind::kEvents) continue;
    EXPECT_EQ(decode_events(stream_->schema, record.payload, rows).value().resume,
              "behind the letter");
    EXPECT_TRUE(rows.empty());
    return;
  }
  FAIL() << "no record has the token";
}

// ── silence ─────────────────────────────────────────────────────────────────────────────────────

TEST_F(IngestTest, SilenceClosesTheWindowOfTheHighestEventOnce) {
  open("watermark = { idle_after = \"30s\" }\n");
  ASSERT_TRUE(append(batch({{"BTC", kNoon + 1}})));
  ingest_->check_idle(kStart + 29s);
  EXPECT_EQ(kinds().back(), RecordKind::kEvents);
  ingest_->check_idle(kStart + 30s);
  EXPECT_EQ(last_advance(), (Advance{at_ms(kNoon + kMinute), Why::kIdle}));
  EXPECT_EQ(ingest_->state(source_), Ingest::State::kIdle);
  const size_t before = records().size();
  ingest_->check_idle(kStart + 90s);
  EXPECT_EQ(records().size(), before);
}

// A source that wakes does so in all partitions, not only where its first events go: elsewhere it
// would be taken for idle, and its later events for late.
TEST_F(IngestTest, ASourceThatWakesIsAnnouncedToAllPartitions) {
  open("partitions = 2\nwatermark = { idle_after = \"30s\" }\n");
  ASSERT_TRUE(append(batch({{key_in(0), kNoon}})));
  ingest_->check_idle(kStart + 30s);
  ASSERT_TRUE(append(batch({{key_in(0), kNoon + 1}}), kStart + 40s));
  EXPECT_EQ(kinds(1).back(), RecordKind::kConnected);
}

// Otherwise the last minute before a restart would stay open until the producer comes back.
TEST_F(IngestTest, SilenceIsCountedFromTheRestart) {
  open("watermark = { idle_after = \"30s\" }\n");
  ingest_->restore(source_, {.source = source_, .max_event = at_ms(kNoon), .connected = true},
                   kStart);
  EXPECT_EQ(ingest_->state(source_), Ingest::State::kConnected);
  ingest_->check_idle(kStart + 29s);
  EXPECT_TRUE(records().empty());
  ingest_->check_idle(kStart + 30s);
  EXPECT_EQ(last_advance(), (Advance{at_ms(kNoon + kMinute), Why::kIdle}));
}

// It promises nothing, but redundant sources must not wait for it for ever.
TEST_F(IngestTest, ASourceWithoutAnyEventBecomesIdleToo) {
  open("watermark = { idle_after = \"30s\" }\n");
  SourceBatch hello = batch({});
  hello.connected = true;
  ASSERT_TRUE(append(hello));
  ingest_->check_idle(kStart + 30s);
  EXPECT_EQ(last_advance(), (Advance{kMinEventTime, Why::kIdle}));
}

// Law L7: a blocked source is not an idle source.
TEST_F(IngestTest, ASourceWhoseBatchesAreRefusedIsNotSilent) {
  open("watermark = { idle_after = \"30s\" }\n", {.retention = 1_KiB, .control_reserve = 64_KiB});
  const SourceBatch some = batch({{"BTC", kNoon}});
  while (append(some)) {
  }
  ASSERT_FALSE(append(some, kStart + 60s));
  ingest_->check_idle(kStart + 61s);
  EXPECT_EQ(ingest_->state(source_), Ingest::State::kConnected);
}

}  // namespace
}  // namespace hindcast
