// A Service with canned answers, for tests of the HTTP layer: routing, errors, JSON. It remembers
// what it was asked. What the answers mean is tested where they are made, and end to end on the
// real binary.
#pragma once
#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/service.h"
#include "replay/limits_text.h"

namespace hindcast {

inline EventTime at(const char* rfc3339) { return parse_rfc3339(rfc3339).value(); }

class CannedService final : public Service {
 public:
  CannedService() {
    SourceConfig trades;
    trades.name = trades.stream = "trades";
    trades.max_body = ByteCount{2000};
    SourceConfig files;
    files.name = files.stream = "files";
    files.kind = SourceKind::kFile;
    config_.sources = {trades, files};
    schema_.name = "trades";
    schema_.key = {PartType::kText, PartType::kInt};
    schema_.id = {PartType::kInt};
    schema_.values = {{.name = "price", .precision = 18, .scale = 8},
                      {.name = "note", .type = ValueType::kText, .optional = true}};
    rule_ = {"candles",
             {{"open", FunctionKind::kFirst, 0, -1}, {"trades", FunctionKind::kCount, -1, -1}}};
  }

  const Config& config() const override { return config_; }

  void push(const std::string& source, BytesView body, std::optional<FormatKind> format,
            Done<PushResult> done) override {
    pushed_source = source;
    pushed_body = body;
    pushed_format = format;
    // As the log does it: later, on a thread of its own, while the body must still be there.
    std::jthread([this, body, done = std::move(done)] {
      if (push_error) return done(*push_error);
      PushResult result;
      result.accepted = static_cast<uint64_t>(std::count(body.begin(), body.end(), '\n'));
      result.rejected = {{3, "malformed", "line 3: no JSON"}};
      result.rejected_total = 1;
      done(result);
    }).join();
  }
  void heartbeat(const std::string&, EventTime to, Done<bool> done) override {
    beat = to;
    done(true);
  }
  std::vector<AggregateInfo> aggregates() const override {
    return {{"candles", "trades", {1min, 1h}, rule_, schema_, AggregateId{7}}};
  }
  Result<std::vector<std::string>> keys(const std::string&, const std::string& after,
                                        uint64_t limit) override {
    std::vector<std::string> out;
    for (const char* key : {"A/1", "B/2", "C/3"}) {
      if (after < key && out.size() < limit) out.emplace_back(key);
    }
    return out;
  }
  Result<BucketAnswer> buckets(const BucketQuery& query) override {
    bucket_query = query;
    if (query.aggregate != "candles")
      return not_found("no aggregate '" + query.aggregate + "'; did you mean 'candles'?");
    BucketAnswer answer;
    answer.rule = rule_;
    Bucket bucket;
    bucket.key_parts = {std::string("BTC"), int64_t{5}};
    bucket.window = {at("2024-03-01T10:00:00Z"), at("2024-03-01T10:01:00Z")};
    bucket.resolution = 1min;
    bucket.state = BucketState::kFinal;
    bucket.version = Version{2};
    bucket.events = 124;
    bucket.digest = {0x1234, 0xABCD};
    bucket.published_at = ProcessingTime(at("2024-03-01T10:01:06.5Z").time_since_epoch());
    bucket.values.resize(2);
    bucket.values[0].kind = Value::Kind::kDecimal;
    bucket.values[0].number = 612345;
    bucket.values[0].scale = 1;
    bucket.values[1].kind = Value::Kind::kInt;
    bucket.values[1].number = 124;
    answer.buckets.assign(bucket_count, bucket);
    return answer;
  }
  Result<EventAnswer> events(const EventQuery& query) override {
    event_query = query;
    EventAnswer answer;
    answer.schema = schema_;
    answer.events.reset(schema_);
    Bytes key;
    append_key_part(key, "BTC", false);
    append_key_part(key, 5);
    answer.events.key = {answer.events.keys.intern(key)};
    answer.events.time = {unix_ns(at("2024-03-01T10:00:00.25Z"))};
    answer.events.id[0] = {17};
    answer.events.values = {{150000000}, {0}};
    answer.events.nulls = {2};
    return answer;
  }
  Result<std::vector<DeadLetterEntry>> dead_letters(const DeadLetterQuery&) override {
    DeadLetterEntry entry;
    entry.source = "trades";
    entry.fact.letter = {"bad-utf8", "request line 3: field 'sym'", "request line 3", "a\xFF", {}};
    return std::vector{entry};
  }
  Result<std::vector<Change>> changes(ChangeNumber after, uint64_t) override {
    ++change_calls;
    if (change_error) return *change_error;
    if (change_calls < changes_from_call || after.value >= 8) return std::vector<Change>{};
    Change rows;
    rows.number = ChangeNumber{7};
    rows.aggregate = AggregateId{7};
    rows.resolution = 1min;
    rows.version = Version{2};
    Bytes key;
    append_key_part(key, "BTC", false);
    append_key_part(key, 5);
    rows.rows = {{key, at("2024-03-01T10:00:00Z")}};
    Change frontier;
    frontier.number = ChangeNumber{8};
    frontier.kind = Change::Kind::kFrontier;
    frontier.frontier = at("2024-03-01T10:01:00Z");
    return std::vector{rows, frontier};
  }
  static ReplayEntry canned_replay(JobId id) {
    ReplayEntry entry{.stream = "trades", .source = "trades", .events_per_second = 1'200};
    entry.job.id = id;
    entry.job.range = {at("2024-03-01T10:00:00Z"), at("2024-03-01T11:00:00Z")};
    entry.job.cause = "reconnect";
    entry.job.state = ReplayJob::State::kRunning;
    entry.job.gaps = {7};
    entry.job.set_aside = {
        {{at("2024-03-01T10:10:00Z"), at("2024-03-01T10:20:00Z")}, "truncated: a.gz"}};
    entry.job.counts = {.read = 10, .added = 6, .duplicate = 4, .bytes_written = 99};
    entry.waits_for = "rate";
    entry.share_done = 0.5;
    entry.ceiling = 5'000;
    entry.elapsed = 3s;
    entry.times[static_cast<size_t>(Reason::kRate)] = 2s;
    entry.times[static_cast<size_t>(Reason::kReader)] = 1s;
    entry.lately[static_cast<size_t>(Reason::kReader)] = 1s;
    entry.windows_left = 40;
    entry.live_p99_before = 1ms;
    entry.live_p99_during = 2ms;
    return entry;
  }
  Result<std::vector<ReplayEntry>> replays() override { return std::vector{canned_replay(4)}; }
  Result<ReplayEntry> replay(JobId id) override {
    if (id != 4) return not_found("no replay " + std::to_string(id));
    return replay_entry.value_or(canned_replay(id));
  }
  Result<ReplayEntry> start_replay(const ReplayRequest& request) override {
    replay_request = request;
    return canned_replay(4);
  }
  Result<ReplayEntry> change_replay(JobId id, const ReplayChange& change) override {
    replay_change = change;
    return canned_replay(id);
  }
  Result<Limits> change_limits(const std::map<std::string, std::string>& changes) override {
    Limits limits;
    for (const auto& [name, text] : changes) {
      if (!text.empty()) HC_TRY(set_limit(limits, name, text));
    }
    limits_asked = changes;
    return limits;
  }
  static GovernorStatus canned_governor() {
    GovernorStatus governor;
    governor.capacity = 1'000'000;
    governor.ceiling = 250'000;
    governor.floor = 20'000;
    governor.allowed = 120'000;
    governor.subwindows = 2;
    governor.events_per_second = 110'000.5;
    governor.reason = Reason::kLiveLatency;
    governor.pressure = {Reason::kLiveLatency, 1.3};
    governor.signals.live_apply = {26ms, 500};
    governor.signals.late_events = 700;
    governor.late_merged = 300;
    governor.late_waits_for = Reason::kLiveLatency;
    governor.links = {{"history", ByteCount{1'000}, ByteCount{8'000}, 1500ms}};
    return governor;
  }
  Result<ReplayEntry> cancel_replay(JobId id) override {
    return Error{ErrorCode::kConflict, "replay " + std::to_string(id) + " is done already"};
  }
  std::vector<StreamSummary> streams() const override { return {{StreamId{3}, schema_}}; }
  Result<std::vector<GapEntry>> gaps(const GapQuery& query) override {
    gap_query = query;
    if (gaps_error) return *gaps_error;
    if (query.id && *query.id != 7) return std::vector<GapEntry>();
    Bytes key;
    append_key_part(key, "BTC", false);
    append_key_part(key, 5);
    GapEntry entry;
    entry.stream = "trades";
    entry.gap = {.id = 7,
                 .stream = StreamId{3},
                 .range = {at("2024-03-01T10:00:00Z"), kMaxEventTime},
                 .scope = {.kind = GapScope::Kind::kKeys, .keys = {{PartitionId{0}, key}}},
                 .cause = Gap::Cause::kDisconnect,
                 .detail = "peer closed",
                 .opened_at = ProcessingTime(at("2024-03-01T10:00:05Z").time_since_epoch())};
    entry.end = at("2024-03-01T10:02:00Z");
    entry.state = "open";
    entry.holes = {{.gap = 7,
                    .range = {at("2024-03-01T10:01:00Z"), at("2024-03-01T10:02:00Z")},
                    .partition = PartitionId{0},
                    .all_but = false,
                    .keys = {key}}};
    entry.outcomes = {{.id = 2,
                       .stream = StreamId{3},
                       .gaps = {7},
                       .range = {at("2024-03-01T10:00:00Z"), at("2024-03-01T10:01:00Z")},
                       .job = 4}};
    std::vector<GapEntry> out(std::min<size_t>(gap_count, query.limit), entry);
    for (size_t i = 0; refillable && i < out.size(); ++i) {
      out[i].refillable = refillable;
      out[i].refillable->left -= i * Duration(30s);
    }
    return out;
  }
  Result<CoverageAnswer> coverage(const std::string& source, std::optional<EventTime> from,
                                  std::optional<EventTime>) override {
    if (source != "trades") return not_found("no source '" + source + "'");
    coverage_from = from;
    CoverageAnswer answer;
    answer.stream = "trades";
    answer.sources = {"trades"};
    answer.first = at("2024-03-01T10:00:00Z");
    answer.frontier = at("2024-03-01T10:02:00Z");
    answer.spans = {
        {{at("2024-03-01T10:00:00Z"), at("2024-03-01T10:01:00Z")},
         CoverageSpan::State::kCovered,
         {}},
        {{at("2024-03-01T10:01:00Z"), at("2024-03-01T10:02:00Z")}, CoverageSpan::State::kGap, {7}}};
    return answer;
  }
  Result<GapId> open_gap(const GapRequest& request) override {
    gap_request = request;
    return GapId{7};
  }
  Status accept_gap(GapId id, const std::string& detail) override {
    if (id != 7) return not_found("no gap " + std::to_string(id));
    accepted = detail;
    return {};
  }
  SystemStatus status() override {
    SystemStatus status;
    status.state = "running";
    SourceStatus source;
    source.name = source.stream = "trades";
    source.kind = "http";
    source.state = "connected";
    source.watermark = at("2024-03-01T10:00:55Z");
    source.received = 130;
    source.pending = 5;
    source.behind = 3;
    source.late = 2;
    source.silences = 2;
    source.tallies = {120, 3, 1, 1};
    source.replayable_from = replayable_from;
    status.sources = {source};
    status.governor = governor;
    status.partitions = {{PartitionId{0}, "trades", source.watermark, std::nullopt, 1_KiB, 5}};
    return status;
  }
  Result<VerifyReport> verify(const VerifyQuery& query) override {
    verify_query = query;
    return verify_report;
  }
  bool ready() const override { return is_ready; }
  void wait_drained() override {}

  Config config_;
  StreamSchema schema_;
  Rule rule_;
  std::string pushed_source;
  Bytes pushed_body;
  std::optional<FormatKind> pushed_format;
  std::optional<Error> push_error;
  std::optional<EventTime> beat;
  BucketQuery bucket_query;
  EventQuery event_query;
  VerifyQuery verify_query;
  ReplayRequest replay_request;
  ReplayChange replay_change;
  std::optional<ReplayEntry> replay_entry;  // instead of the canned one
  std::map<std::string, std::string> limits_asked;
  std::optional<GovernorStatus> governor = canned_governor();
  std::optional<Error> gaps_error;
  GapQuery gap_query;
  size_t gap_count = 1;
  std::optional<Refillable> refillable;  // of the first gap; each further one has 30 s less
  std::optional<EventTime> replayable_from;
  std::optional<EventTime> coverage_from;
  std::optional<GapRequest> gap_request;
  std::string accepted;
  VerifyReport verify_report;
  size_t bucket_count = 1;
  std::atomic<int> change_calls{0};
  int changes_from_call = 0;
  std::optional<Error> change_error;
  std::atomic<bool> is_ready{true};
};

}  // namespace hindcast
