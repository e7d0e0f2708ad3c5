#include "engine/ingest.h"

#include "engine/engine_test_util.h"
#include "log/memory_log.h"
#include "model/key.h"
#include "progress/facts_codec.h"
#include "store/memory_store.h"

namespace hindcast {
namespace {

using Why = Advance::Why;
constexpr MonoTime kStart{1h};

class IngestTest : public ::testing::Test {
 protected:
  void open(const std::string& keys, MemoryLogOptions options = {}) {
    open_all(source_toml("kind = \"http\"\n" + keys) + candles_toml(), options);
  }
  /// A stream "trades" with the source "trades" and a second line, "other".
  void open_two(const std::string& first, const std::string& second) {
    const std::string in_stream = "kind = \"http\"\nstream = \"trades\"\n";
    std::string other = source_toml(in_stream + second);
    other.replace(other.find("\"trades\""), 8, "\"other\"");
    open_all("[[stream]]\nname = \"trades\"\npartitions = 2\n" + source_toml(in_stream + first) +
                 other + candles_toml(),
             {});
    other_ = catalog_->sources().at("other");
  }
  void open_all(const std::string& toml, MemoryLogOptions options) {
    config_ = config_of(toml, "/nowhere");
    catalog_.emplace(Catalog::open(config_, store_, false).value());
    log_.emplace(options);
    open_ingest();
  }
  void open_ingest() {
    ingest_.emplace(config_, *catalog_, *log_, ledger_,
                    Ingest::Stamps{.next_gap = [this]() -> Result<GapId> {
                                     if (no_numbers_) return unavailable("the store is gone");
                                     return ++last_gap_;
                                   },
                                   .now = [] { return ProcessingTime(1h); },
                                   .durable =
                                       [this](PartitionId at, Position last, MonoTime when) {
                                         durable_.emplace_back(at, last, when);
                                       }});
    source_ = catalog_->sources().at("trades");
    stream_ = &catalog_->streams().at("trades");
  }
  /// A new life of the same installation: the log goes on.
  void restart(const std::vector<SourceState>& states, const CoverageFacts& known = {}) {
    open_ingest();
    for (const SourceState& state : states) ingest_->restore(state.source, state, kStart);
    ingest_->restore(stream_->id, known);
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
    return append_from(source_, batch, now);
  }
  Status append_from(SourceId source, const SourceBatch& batch, MonoTime now = kStart) {
    return ingest_->append(source, batch, now, [this](const Result<bool>& done) {
      EXPECT_TRUE(done);
      ++answered_;
    });
  }
  SourceBatch gone(const std::string& why) {
    SourceBatch out = batch({});
    out.disconnected = why;
    return out;
  }
  static SourceBatch silent(SourceBatch batch, std::optional<EventTime> whole_until = {}) {
    batch.disconnected = "silent: no message for 30s";
    batch.silent = true;
    batch.whole_until = whole_until;
    return batch;
  }
  std::vector<GapRecord> gaps(size_t partition = 0) {
    std::vector<GapRecord> out;
    for (const LogRecord& record : records(partition)) {
      if (record.header.kind == RecordKind::kGap)
        out.push_back(decode_gap_record(record.payload).value());
    }
    return out;
  }
  /// As Ingest opens it.
  Gap gap(GapId id, int64_t start_ms, Gap::Cause cause, const std::string& detail) const {
    Gap out;
    out.id = id;
    out.stream = stream_->id;
    out.range = {at_ms(start_ms), kMaxEventTime};
    out.cause = cause;
    out.detail = detail;
    out.opened_at = ProcessingTime(1h);
    return out;
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
  SourceId source_, other_;
  const StreamInfo* stream_ = nullptr;
  int64_t id_ = 0;
  size_t answered_ = 0;
  std::vector<std::tuple<PartitionId, Position, MonoTime>> durable_;
  GapId last_gap_ = 0;
  bool no_numbers_ = false;
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

// How long an append took to be applied is measured in each partition at its last event.
TEST_F(IngestTest, EachPartitionIsToldItsLastEventOfAnAppendAndWhenThatWasHandedIn) {
  open("partitions = 2\nwatermark = { delay = \"5s\" }\n");
  ASSERT_TRUE(append(batch({{key_in(0), kNoon}, {key_in(1), kNoon}, {key_in(0), kNoon + 1}})));
  const auto last = [&](size_t partition) {
    Position at;
    for (const LogRecord& record : records(partition)) {
      if (record.header.kind == RecordKind::kEvents) at = record.position;
    }
    return at;
  };
  EXPECT_EQ(durable_, (std::vector{std::tuple(stream_->partitions[0], last(0), kStart),
                                   std::tuple(stream_->partitions[1], last(1), kStart)}));
  ASSERT_TRUE(ingest_->heartbeat(source_, at_ms(kNoon), [](const Result<bool>&) {}));
  EXPECT_EQ(durable_.size(), 2U) << "promises are no events";
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
  events.reserve(40);
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

// ── gaps of lossy sources ───────────────────────────────────────────────────────────────────────

constexpr const char* kLossy =
    "delivery = \"lossy\"\noverlap = \"2s\"\nwatermark = { delay = \"5s\" }\n";
using Cause = Gap::Cause;

// Before the disconnect: without the source the watermark may go on at once. Before the events:
// they move the frontier.
TEST_F(IngestTest, ADisconnectIsAGapUntilTheNextEvents) {
  open(kLossy);
  ASSERT_TRUE(append(batch({{"BTC", kNoon - 10}, {"BTC", kNoon}})));
  ASSERT_TRUE(append(gone("connection reset")));
  ASSERT_TRUE(append(batch({{"BTC", kNoon + kMinute}, {"BTC", kNoon + kMinute - 500}})));
  EXPECT_EQ(kinds(), (std::vector{RecordKind::kConnected, RecordKind::kEvents, RecordKind::kGap,
                                  RecordKind::kDisconnected, RecordKind::kConnected,
                                  RecordKind::kGap, RecordKind::kEvents}));
  const std::vector<GapRecord> told = gaps();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(
      told[0],
      (GapRecord{gap(1, kNoon - 7'000, Cause::kDisconnect, "source 'trades': connection reset"),
                 {}}));
  EXPECT_EQ(told[1], (GapRecord{{}, GapBound{1, at_ms(kNoon + kMinute + 6'500) + 1ns}}));
  EXPECT_EQ(ingest_->state(source_), Ingest::State::kConnected);
}

TEST_F(IngestTest, AGapIsToldToEveryPartition) {
  open(std::string("partitions = 2\n") + kLossy);
  ASSERT_TRUE(append(batch({{key_in(0), kNoon}})));
  ASSERT_TRUE(append(gone("reset")));
  ASSERT_TRUE(append(batch({{key_in(0), kNoon + 1}})));
  EXPECT_EQ(gaps(0).size(), 2U);
  EXPECT_EQ(gaps(1), gaps(0));
}

TEST_F(IngestTest, ASilenceIsAGapOfItsOwnCauseUntilTheNextEvents) {
  open(kLossy);
  ASSERT_TRUE(append(batch({{"BTC", kNoon}})));
  ASSERT_TRUE(append(silent(batch({}))));
  EXPECT_EQ(ingest_->state(source_), Ingest::State::kDisconnected);
  EXPECT_EQ(ingest_->reason(source_), "silent: no message for 30s");
  ASSERT_TRUE(append(silent(batch({})))) << "dialled anew, and still nothing: the same outage";
  ASSERT_TRUE(append(gone("refused")));
  ASSERT_TRUE(append(batch({{"BTC", kNoon + kMinute}})));
  EXPECT_EQ(ingest_->reason(source_), "");
  EXPECT_EQ(ledger_.read().at(source_).silences, 2U);
  const std::vector<GapRecord> told = gaps();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0], (GapRecord{gap(1, kNoon - 7'000, Cause::kSilence,
                                    "source 'trades': silent: no message for 30s"),
                                {}}));
  EXPECT_EQ(told[1], (GapRecord{{}, GapBound{1, at_ms(kNoon + kMinute + 7'000) + 1ns}}));
}

// Of the few events that came at last, others may be missing already.
TEST_F(IngestTest, ASilenceByRateBeginsBeforeEventsBecameFew) {
  open(kLossy);
  ASSERT_TRUE(append(batch({{"BTC", kNoon}, {"BTC", kNoon + 10'000}})));
  ASSERT_TRUE(append(silent(batch({{"BTC", kNoon + 20'000}}), at_ms(kNoon))));
  ASSERT_EQ(gaps().size(), 1U);
  EXPECT_EQ(gaps()[0].opened->range.start, at_ms(kNoon - 7'000));
}

// Else each connection of a feed that trickles would leave a gap with two edges, and a job.
TEST_F(IngestTest, WhatIsThinAfterASilenceEndsNoOutage) {
  open(kLossy);
  ASSERT_TRUE(append(batch({{"BTC", kNoon}})));
  ASSERT_TRUE(append(silent(batch({}))));
  SourceBatch trickle = batch({{"BTC", kNoon + kMinute}});
  trickle.connected = trickle.thin = true;
  trickle.heartbeat = at_ms(kNoon + kMinute);
  ASSERT_TRUE(append(trickle));
  ASSERT_TRUE(append(silent(trickle)));
  EXPECT_EQ(gaps().size(), 1U);
  ASSERT_TRUE(append(batch({{"BTC", kNoon + 2 * kMinute}})));
  ASSERT_EQ(gaps().size(), 2U);
  EXPECT_EQ(gaps()[1].bound->end, at_ms(kNoon + 2 * kMinute + 7'000) + 1ns);
}

TEST_F(IngestTest, ASilentLineOfRedundantSourcesLeavesNoGap) {
  open_two(kLossy, kLossy);
  ASSERT_TRUE(append(batch({{"BTC", kNoon}})));
  ASSERT_TRUE(append_from(other_, batch({{"BTC", kNoon}})));
  ASSERT_TRUE(append(silent(batch({}))));
  EXPECT_TRUE(gaps().empty());
}

// The last events of a batch that ends with a disconnect were delivered.
TEST_F(IngestTest, EventsOfTheDisconnectingBatchAreBeforeTheGap) {
  open(kLossy);
  SourceBatch last = batch({{"BTC", kNoon}});
  last.disconnected = "bye";
  ASSERT_TRUE(append(last));
  ASSERT_EQ(gaps().size(), 1U);
  EXPECT_EQ(gaps()[0].opened->range.start, at_ms(kNoon - 7'000));
}

TEST_F(IngestTest, ADisconnectOfARetryingSourceIsNoGap) {
  open("");
  ASSERT_TRUE(append(batch({{"BTC", kNoon}})));
  ASSERT_TRUE(append(gone("reset")));
  ASSERT_TRUE(ingest_->open_stops());
  EXPECT_TRUE(gaps().empty());
}

TEST_F(IngestTest, ASourceThatNeverDeliveredLeavesNoGap) {
  open(kLossy);
  ASSERT_TRUE(ingest_->open_stops());
  SourceBatch hello = batch({});
  hello.connected = true;
  ASSERT_TRUE(append(hello));
  ASSERT_TRUE(append(gone("reset")));
  ASSERT_TRUE(append(batch({{"BTC", kNoon}})));
  EXPECT_TRUE(gaps().empty());
}

// A and B lines: what one misses the other brings. When the last one goes, its own edge counts.
TEST_F(IngestTest, OnlyTheLastOfRedundantSourcesLeavesAGap) {
  open_two(kLossy, kLossy);
  ASSERT_TRUE(append(batch({{"BTC", kNoon}})));
  ASSERT_TRUE(append_from(other_, batch({{"BTC", kNoon}})));
  ASSERT_TRUE(append(gone("reset")));
  EXPECT_TRUE(gaps().empty());
  ASSERT_TRUE(append_from(other_, batch({{"BTC", kNoon + kMinute}})));
  ASSERT_TRUE(append_from(other_, gone("reset too")));
  ASSERT_EQ(gaps().size(), 1U);
  EXPECT_EQ(*gaps()[0].opened,
            gap(1, kNoon + kMinute - 7'000, Cause::kDisconnect, "source 'other': reset too"));
  ASSERT_TRUE(append(batch({{"BTC", kNoon + 3 * kMinute}})));
  EXPECT_EQ(gaps().back().bound, (GapBound{1, at_ms(kNoon + 3 * kMinute + 7'000) + 1ns}));
  EXPECT_EQ(gaps(1), gaps(0));
}

// The frontier may pass with the heartbeat, and must know of the gap's end by then.
TEST_F(IngestTest, AHeartbeatBoundsAnOutageBeforeItAdvances) {
  open(kLossy);
  ASSERT_TRUE(append(batch({{"BTC", kNoon}})));
  ASSERT_TRUE(append(gone("reset")));
  SourceBatch beat = batch({});
  beat.connected = true;
  beat.heartbeat = at_ms(kNoon + kMinute);
  ASSERT_TRUE(append(beat));
  ASSERT_EQ(gaps().size(), 2U);
  EXPECT_EQ(gaps()[1].bound->gap, 1U);
  EXPECT_GT(gaps()[1].bound->end, at_ms(kNoon + kMinute));
}

// A producer that posts heartbeats is there.
TEST_F(IngestTest, APostedHeartbeatBoundsAnOutage) {
  open(kLossy);
  ASSERT_TRUE(append(batch({{"BTC", kNoon}})));
  ASSERT_TRUE(append(gone("reset")));
  ASSERT_TRUE(ingest_->heartbeat(source_, at_ms(kNoon + kMinute), [](const Result<bool>&) {}));
  ASSERT_EQ(gaps().size(), 2U);
  EXPECT_GT(gaps()[1].bound->end, at_ms(kNoon + kMinute));
}

// A failing append comes again, and must then open the gap; or was never asked for, and must not
// leave one half open.
TEST_F(IngestTest, ARefusedAppendLeavesNoTraceInGaps) {
  open(kLossy, {.retention = 1_KiB, .control_reserve = 1_KiB});
  ASSERT_TRUE(append(batch({{"BTC", kNoon}})));
  no_numbers_ = true;
  EXPECT_FALSE(append(gone("reset"))) << "no number, no gap, no disconnect";
  EXPECT_EQ(ingest_->state(source_), Ingest::State::kConnected);
  no_numbers_ = false;
  ASSERT_TRUE(append(gone("reset")));
  ASSERT_EQ(gaps().size(), 1U);
  const SourceBatch more = batch({{"BTC", kNoon + kMinute}});
  while (log_->stats(Channel::kLive).size < log_->stats(Channel::kLive).limit)
    ASSERT_TRUE(ingest_->advance(source_, stream_->partitions,
                                 {at_ms(kNoon), Advance::Why::kHeartbeat},
                                 [](const Result<bool>&) {}));
  EXPECT_EQ(append(more).error().code, ErrorCode::kOverloaded);
  EXPECT_EQ(gaps().size(), 1U);
  log_->trim(stream_->partitions[0], Channel::kLive, log_->stats(Channel::kLive).newest).value();
  ASSERT_TRUE(append(more));
  ASSERT_EQ(gaps().size(), 1U);  // the first was trimmed
  EXPECT_EQ(gaps()[0].bound->gap, 1U) << "the gap was still open";
}

TEST_F(IngestTest, ADisconnectThatTheLogRefusesOpensItsGapLater) {
  open(kLossy, {.retention = 1_KiB, .control_reserve = ByteCount{0}});
  ASSERT_TRUE(append(batch({{"BTC", kNoon}})));
  while (ingest_->heartbeat(source_, at_ms(kNoon), [](const Result<bool>&) {})) {
  }
  EXPECT_EQ(append(gone("reset")).error().code, ErrorCode::kOverloaded);
  log_->trim(stream_->partitions[0], Channel::kLive, log_->stats(Channel::kLive).newest).value();
  ASSERT_TRUE(append(gone("reset")));
  ASSERT_EQ(gaps().size(), 1U);
  EXPECT_EQ(gaps()[0].opened->range.start, at_ms(kNoon - 7'000));
}

// Also after a clean stop: what happened since, nobody knows.
TEST_F(IngestTest, ARestartOfALossySourceIsAGap) {
  open(std::string("partitions = 2\n") + kLossy);
  restart({{.source = source_, .max_event = at_ms(kNoon - kMinute), .connected = true},
           {.source = source_, .max_event = at_ms(kNoon), .connected = true}});
  ASSERT_TRUE(ingest_->open_stops());
  ASSERT_TRUE(ingest_->open_stops()) << "asked again, it has nothing to add";
  ASSERT_EQ(gaps().size(), 1U);
  EXPECT_EQ(*gaps()[0].opened, gap(1, kNoon - 7'000, Cause::kStop,
                                   "not running after the last event of source 'trades'"));
  ASSERT_TRUE(append(gone("refused"))) << "it did not connect";
  ASSERT_TRUE(append(batch({{key_in(0), kNoon + kMinute}})));
  EXPECT_EQ(gaps().back().bound, (GapBound{1, at_ms(kNoon + kMinute + 7'000) + 1ns}));
  EXPECT_EQ(gaps().size(), 2U);
  EXPECT_EQ(gaps(1), gaps(0));
}

TEST_F(IngestTest, AGapWithoutARightEdgeIsBoundedByTheNextLife) {
  open(kLossy);
  CoverageFacts known;
  known.gaps = {gap(3, kNoon - 90 * kMinute, Cause::kDisconnect, "bounded"),
                gap(4, kNoon, Cause::kDisconnect, "open"),
                gap(4, kNoon, Cause::kDisconnect, "open"),
                gap(5, kNoon, Cause::kOperator, "not ours")};
  known.bounds = {{3, at_ms(kNoon - 80 * kMinute)}};
  restart({{.source = source_, .max_event = at_ms(kNoon)}}, known);
  ASSERT_TRUE(ingest_->open_stops());
  EXPECT_TRUE(gaps().empty()) << "what is open covers the stop";
  ASSERT_TRUE(append(batch({{"BTC", kNoon + kMinute}})));
  ASSERT_EQ(gaps().size(), 1U);
  EXPECT_EQ(gaps()[0].bound, (GapBound{4, at_ms(kNoon + kMinute + 7'000) + 1ns}));
}

TEST_F(IngestTest, ASilenceThatARestartFoundOpenIsBoundedByTheNextLife) {
  open(kLossy);
  CoverageFacts known;
  known.gaps = {gap(4, kNoon - 7'000, Cause::kSilence, "open")};
  restart({{.source = source_, .max_event = at_ms(kNoon)}}, known);
  ASSERT_TRUE(ingest_->open_stops());
  EXPECT_TRUE(gaps().empty()) << "it covers the stop";
  ASSERT_TRUE(append(batch({{"BTC", kNoon + kMinute}})));
  ASSERT_EQ(gaps().size(), 1U);
  EXPECT_EQ(gaps()[0].bound, (GapBound{4, at_ms(kNoon + kMinute + 7'000) + 1ns}));
}

TEST_F(IngestTest, AnEndedSourceLeavesNoGapOverARestart) {
  open(kLossy);
  restart({{.source = source_, .max_event = at_ms(kNoon), .connected = true, .ended = true}});
  ASSERT_TRUE(ingest_->open_stops());
  EXPECT_TRUE(gaps().empty());
}

// Nothing may be appended before it, so it has to succeed first.
TEST_F(IngestTest, AStopThatCannotBeToldIsToldLater) {
  open(kLossy, {.retention = 1_KiB, .control_reserve = ByteCount{0}});
  while (ingest_->heartbeat(source_, at_ms(kNoon), [](const Result<bool>&) {})) {
  }
  restart({{.source = source_, .max_event = at_ms(kNoon), .connected = true}});
  EXPECT_EQ(ingest_->open_stops().error().code, ErrorCode::kOverloaded);
  log_->trim(stream_->partitions[0], Channel::kLive, log_->stats(Channel::kLive).newest).value();
  ASSERT_TRUE(ingest_->open_stops());
  EXPECT_EQ(gaps().size(), 1U);
}

}  // namespace
}  // namespace hindcast
