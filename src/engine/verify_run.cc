#include "engine/verify_run.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "engine/reader.h"
#include "proof/repair.h"
#include "proof/verify_history.h"

namespace hindcast {
namespace {

constexpr size_t kGapsPerCommit = 100;

class VerifyRun {
 public:
  VerifyRun(const VerifyQuery& query, const Config& config, const Catalog& catalog, Store& store,
            const VerifyTools& tools)
      : query_(query), config_(config), catalog_(catalog), store_(store), tools_(tools) {}

  Result<VerifyReport> run() {
    if (query_.from && query_.to && *query_.from >= *query_.to)
      return invalid_argument("'from' must be before 'to'");
    if (query_.repair && !tools_.start_replay) {
      return unavailable(
          "repairing needs a running daemon; start it with 'hindcast run' and ask it with --url");
    }
    report_.repaired = query_.repair;
    if (query_.against == VerifyQuery::Against::kPages) {
      HC_TRY_ASSIGN(const std::vector<std::string> streams, streams_asked_for());
      for (const std::string& stream : streams) HC_TRY(against_pages(stream));
    } else {
      HC_TRY_ASSIGN(const std::vector<const SourceConfig*> sources, sources_asked_for());
      for (const SourceConfig* source : sources) HC_TRY(against_history(*source));
    }
    return std::move(report_);
  }

 private:
  Error unknown_source() const {
    std::vector<std::string> known;
    for (const auto& [name, id] : catalog_.sources()) known.push_back(name);
    return unknown_name("source", *query_.source, known);
  }

  Result<std::vector<std::string>> streams_asked_for() const {
    std::vector<std::string> out;
    for (const auto& [name, stream] : catalog_.streams()) {
      const SourceConfig* source = query_.source ? config_.source(*query_.source) : nullptr;
      if (!query_.source || name == *query_.source || (source && source->stream == name))
        out.push_back(name);
    }
    if (out.empty() && query_.source) return unknown_source();
    return out;
  }

  Result<std::vector<const SourceConfig*>> sources_asked_for() const {
    if (query_.source) {
      const SourceConfig* source = config_.source(*query_.source);
      if (source == nullptr) return unknown_source();
      if (!source->history)
        return invalid_argument("source '" + source->name +
                                "' has no [source.history] to compare with");
      return std::vector<const SourceConfig*>{source};
    }
    std::vector<const SourceConfig*> out;
    for (const SourceConfig& source : config_.sources) {
      if (source.history) out.push_back(&source);
    }
    if (out.empty()) return invalid_argument("no source has a [source.history] to compare with");
    return out;
  }

  Status against_pages(const std::string& name) {
    const StreamInfo& stream = catalog_.streams().at(name);
    VerifySubject subject{stream.schema,
                          stream.partitions,
                          {},
                          {query_.from.value_or(kMinEventTime), query_.to.value_or(kMaxEventTime)},
                          [this](ByteCount) { return !tools_.stop.stop_requested(); }};
    for (const std::string& aggregate : stream.aggregates) {
      const AggregateEntry& entry = catalog_.aggregates().at(aggregate);
      subject.aggregates.push_back(
          {aggregate, entry.id, entry.config.rule, entry.levels, entry.page_levels});
      // A part of a parent cannot be compared with the whole: the range grows to whole buckets.
      const Duration coarsest = entry.levels.back();
      if (query_.from)
        subject.range.start = std::min(subject.range.start, align_down(*query_.from, coarsest));
      if (query_.to)
        subject.range.end = std::max(subject.range.end, window_of(*query_.to - 1ns, coarsest).end);
    }
    RepairPlan plan;
    {
      HC_TRY_ASSIGN(const std::shared_ptr<const Snapshot> snapshot, store_.snapshot());
      HC_TRY(verify_pages(subject, *snapshot, report_, query_.repair ? &plan : nullptr));
    }
    if (!query_.repair) return {};
    const std::vector<LaneAggregate> aggregates = catalog_.lane_aggregates(name);
    const size_t before = report_.refill.size();
    HC_TRY(repair_pages({.schema = stream.schema,
                         .aggregates = aggregates,
                         .stream = stream.id,
                         .next_gap = tools_.next_gap,
                         .now = tools_.now},
                        plan, store_, report_));
    tools_.repaired();
    for (size_t i = before; i < report_.refill.size(); ++i) {
      for (const SourceConfig& source : config_.sources) {
        if (source.stream == name && source.history) report_.refill[i].source = source.name;
      }
      if (report_.refill[i].source.empty()) {
        report_.refill[i].why_no_job = "no source of the stream has a [source.history]";
      } else {
        start_replay(report_.refill[i], ReplayJob::Mode::kMerge, "corruption");
      }
    }
    return {};
  }

  Status against_history(const SourceConfig& source) {
    const StreamInfo& stream = catalog_.stream_of(source);
    HistorySubject subject{
        .schema = stream.schema,
        .partitions = stream.partitions,
        .source = source.name,
        .range = {query_.from.value_or(kMinEventTime), query_.to.value_or(kMaxEventTime)}};
    for (const std::string& aggregate : stream.aggregates) {
      const Duration finest = catalog_.aggregates().at(aggregate).levels.front();
      if (subject.finest == Duration{} || finest < subject.finest) subject.finest = finest;
    }
    for (const std::string& key : source.history->keys) {
      HC_TRY_ASSIGN(subject.keys.emplace_back(), key_from_string(stream.schema.key, key));
    }
    std::ranges::sort(subject.keys);
    HC_TRY_ASSIGN(History* const history, tools_.history_of(source));
    // What history may still change is not held against anybody.
    const EventTime settled(tools_.now().time_since_epoch() - history->settle());
    subject.range.end = std::min(subject.range.end, align_down(settled, stream.schema.page_window));
    if (subject.range.start >= subject.range.end) return {};
    const size_t before = report_.refill.size();
    {
      HC_TRY_ASSIGN(const std::shared_ptr<const Snapshot> snapshot, store_.snapshot());
      HC_TRY(verify_history(
          subject, *history, *snapshot,
          {.pause = [this](Duration pause) { return wait(pause); }, .stop = tools_.stop}, report_));
    }
    if (!query_.repair) return {};
    for (size_t i = before; i < report_.refill.size(); ++i) {
      HC_TRY(open_gaps(stream, report_.refill[i]));
      start_replay(report_.refill[i], ReplayJob::Mode::kRepair, "repair");
    }
    return {};
  }

  /// Until the replay has brought them in, no bucket of these windows is final (law L5).
  Status open_gaps(const StreamInfo& stream, const VerifyReport::Refill& refill) {
    for (size_t begin = 0; begin < refill.windows.size(); begin += kGapsPerCommit) {
      Commit commit{.id = 1,
                    .lane = Lane::kReplay,
                    .cause = {Cause::Kind::kRepair},
                    .published_at = tools_.now()};
      const size_t end = std::min(begin + kGapsPerCommit, refill.windows.size());
      for (size_t i = begin; i < end; ++i) {
        HC_TRY_ASSIGN(const GapId id, tools_.next_gap());
        commit.gaps.push_back(
            {.id = id,
             .stream = stream.id,
             .range = refill.windows[i],
             .scope = {},
             .cause = Gap::Cause::kVerify,
             .detail = "differs from the history of source '" + refill.source + "'",
             .opened_at = commit.published_at});
      }
      HC_TRY(commit_and_wait(store_, std::move(commit)));
    }
    return {};
  }

  void start_replay(VerifyReport::Refill& refill, ReplayJob::Mode mode, std::string cause) {
    const Result<ReplayEntry> job = tools_.start_replay({.source = refill.source,
                                                         .from = refill.windows.front().start,
                                                         .to = refill.windows.back().end,
                                                         .mode = mode,
                                                         .cause = std::move(cause),
                                                         .only = refill.windows});
    if (job) {
      refill.job = job->job.id;
    } else {
      refill.why_no_job = job.error().message;
    }
  }

  bool wait(Duration pause) const {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, tools_.stop, pause, [] { return false; });
    return !tools_.stop.stop_requested();
  }

  const VerifyQuery& query_;
  const Config& config_;
  const Catalog& catalog_;
  Store& store_;
  const VerifyTools& tools_;
  VerifyReport report_;
};

}  // namespace

Result<VerifyReport> run_verify(const VerifyQuery& query, const Config& config,
                                const Catalog& catalog, Store& store, const VerifyTools& tools) {
  return VerifyRun(query, config, catalog, store, tools).run();
}

}  // namespace hindcast
