#include "engine/read_service.h"

#include <algorithm>
#include <deque>

#include "base/process.h"
#include "base/thread_runtime.h"
#include "engine/gap_reader.h"
#include "engine/open_parts.h"
#include "history/open_history.h"
#include "progress/replay_windows.h"

namespace hindcast {
namespace {

/// Nothing is live: what needs a daemon says so.
class StoppedService final : public ReadService {
 public:
  StoppedService(Config config, FileSystem& files, std::unique_ptr<Store> store, Catalog catalog)
      : ReadService(std::move(config), std::move(store), std::move(catalog),
                    [](const auto&, const auto&, const auto&) { return std::vector<OpenPage>(); }),
        files_(files) {}
  ~StoppedService() override { (void)store_->close(); }

  void push(const std::string&, BytesView, std::optional<FormatKind>,
            Done<PushResult> done) override {
    done(not_running());
  }
  void heartbeat(const std::string&, EventTime, Done<bool> done) override { done(not_running()); }
  SystemStatus status() override {
    SystemStatus status = stored_status().value_or(SystemStatus{});
    status.state = "stopped";
    return status;
  }
  bool ready() const override { return false; }
  void wait_drained() override {}

 protected:
  VerifyTools verify_tools() override {
    VerifyTools tools = ReadService::verify_tools();
    tools.now = [this] { return wall_now(); };
    return tools;
  }
  ProcessingTime wall_now() const override { return clock_.wall_now(); }
  Result<History*> history_of(const SourceConfig& source) override {
    std::unique_ptr<History>& history = histories_[source.name];
    if (!history) {
      HC_TRY_ASSIGN(history,
                    make_history(catalog_.stream_of(source).schema, source, files_, clock_));
    }
    return history.get();
  }

 private:
  static Error not_running() {
    return unavailable("this data directory is stopped; start it with 'hindcast run'");
  }

  FileSystem& files_;
  ThreadRuntime clock_{{}, /*seed=*/1};  // no thread
  std::map<std::string, std::unique_ptr<History>>
      histories_;  // by source; one verification at a time
};

}  // namespace

ReadService::ReadService(Config config, std::unique_ptr<Store> store, Catalog catalog,
                         OpenPagesFn open_pages)
    : config_(std::move(config)),
      store_(std::move(store)),
      catalog_(std::move(catalog)),
      reader_(catalog_, *store_, std::move(open_pages)) {}

Result<std::vector<std::string>> ReadService::keys(const std::string& aggregate,
                                                   const std::string& after, uint64_t limit) {
  return reader_.keys(aggregate, after, limit);
}

Result<std::vector<DeadLetterEntry>> ReadService::dead_letters(const DeadLetterQuery& query) {
  if (query.source && !catalog_.sources().contains(*query.source)) {
    std::vector<std::string> known;
    for (const auto& [name, id] : catalog_.sources()) known.push_back(name);
    return unknown_name("source", *query.source, known);
  }
  HC_TRY_ASSIGN(const std::shared_ptr<const Snapshot> snapshot, store_->snapshot());
  std::vector<DeadLetterEntry> out;
  for (const auto& [name, id] : catalog_.sources()) {
    if (query.source && *query.source != name) continue;
    std::deque<DeadLetterFact> newest;  // the last `limit` of this source
    HC_TRY(snapshot->dead_letters(id, {}, [&](const DeadLetterFact& fact) {
      newest.push_back(fact);
      if (newest.size() > query.limit) newest.pop_front();
      return true;
    }));
    for (DeadLetterFact& fact : newest) out.push_back({name, std::move(fact)});
  }
  std::ranges::stable_sort(out, std::ranges::greater(),
                           [](const DeadLetterEntry& e) { return e.fact.letter.arrived; });
  if (out.size() > query.limit) out.resize(query.limit);
  return out;
}

Result<std::vector<Change>> ReadService::changes(ChangeNumber after, uint64_t limit) {
  HC_TRY_ASSIGN(const std::shared_ptr<const Snapshot> snapshot, store_->snapshot());
  std::vector<Change> out;
  HC_TRY(snapshot->changes(after, [&](const Change& change) {
    out.push_back(change);
    return out.size() < limit;
  }));
  return out;
}

Result<VerifyReport> ReadService::verify(const VerifyQuery& query) {
  // It reads everything and holds a thread: a second one would only slow both down.
  const std::unique_lock lock(verifying_, std::try_to_lock);
  if (!lock) return overloaded("a verification is under way; try again when it has ended");
  return run_verify(query, config_, catalog_, *store_, verify_tools());
}

VerifyTools ReadService::verify_tools() {
  VerifyTools tools;
  tools.history_of = [this](const SourceConfig& source) { return history_of(source); };
  tools.stop = stop_.get_token();
  return tools;
}

std::vector<StreamSummary> ReadService::streams() const {
  std::vector<StreamSummary> out;
  for (const auto& [name, stream] : catalog_.streams()) out.push_back({stream.id, stream.schema});
  return out;
}

Result<std::vector<GapEntry>> ReadService::gaps(const GapQuery& query) {
  HC_TRY_ASSIGN(const std::shared_ptr<const Snapshot> snapshot, store_->snapshot());
  HC_TRY_ASSIGN(std::vector<GapEntry> out, read_gaps(*snapshot, catalog_, query));
  const ProcessingTime now = wall_now();
  for (GapEntry& entry : out) {
    if (const auto horizon = horizon_of(entry, now))
      entry.refillable = refillable(entry.holes, *horizon);
  }
  return out;
}

/// A stream is one truth: of its histories the one that reaches back furthest counts.
std::optional<Horizon> ReadService::horizon_of(const GapEntry& entry, ProcessingTime now) const {
  std::optional<Horizon> out;
  for (const SourceConfig& source : config_.sources) {
    if (source.stream != entry.stream || !may_refill(source, entry.gap)) continue;
    const std::optional<EventTime> from = reach_of(source, now);
    if (!from) return std::nullopt;
    out = Horizon{out ? std::min(out->from, *from) : *from, now};
  }
  return out;
}

Result<CoverageAnswer> ReadService::coverage(const std::string& source,
                                             std::optional<EventTime> from,
                                             std::optional<EventTime> to) {
  HC_TRY_ASSIGN(const std::shared_ptr<const Snapshot> snapshot, store_->snapshot());
  return read_coverage(*snapshot, catalog_, source, from, to);
}

Result<std::vector<ReplayEntry>> ReadService::replays() {
  HC_TRY_ASSIGN(const std::shared_ptr<const Snapshot> snapshot, store_->snapshot());
  std::vector<ReplayEntry> out;
  HC_TRY(snapshot->jobs([&](const ReplayJob& job) {
    out.push_back(entry_of(job));
    return true;
  }));
  std::ranges::reverse(out);
  return out;
}

Result<ReplayEntry> ReadService::replay(JobId id) {
  HC_TRY_ASSIGN(const std::shared_ptr<const Snapshot> snapshot, store_->snapshot());
  HC_TRY_ASSIGN(const std::optional<ReplayJob> job, snapshot->job(id));
  if (!job) return not_found("no replay " + std::to_string(id));
  return entry_of(*job);
}

/// Nobody reads: how long it takes cannot be said, only what is lost.
ReplayEntry ReadService::entry_of(const ReplayJob& job) const {
  ReplayEntry entry = hindcast::entry_of(job, catalog_);
  const SourceConfig* const source = config_.source(entry.source);
  const ProcessingTime now = wall_now();
  if (source == nullptr || job.ended()) return entry;
  if (const auto from = reach_of(*source, now))
    entry.horizon = replay_horizon(stretches_left(job), {*from, now}, std::nullopt);
  return entry;
}

Result<SystemStatus> ReadService::stored_status() const {
  HC_TRY_ASSIGN(const std::shared_ptr<const Snapshot> snapshot, store_->snapshot());
  const ProcessingTime now = wall_now();
  SystemStatus status;
  status.store = store_->health();
  status.rss = resident_memory();
  for (const auto& [name, stream] : catalog_.streams()) {
    std::optional<EventTime> frontier, watermark;
    std::map<SourceId, SourceState> states;
    bool first = true;
    for (const PartitionId partition : stream.partitions) {
      HC_TRY_ASSIGN(const auto checkpoint, snapshot->checkpoint(partition));
      PartitionStatus at{.partition = partition, .stream = name};
      if (checkpoint) {
        if (checkpoint->frontier.window != kMinEventTime) at.frontier = checkpoint->frontier.window;
        if (checkpoint->watermark != kMinEventTime) at.watermark = checkpoint->watermark;
        for (const SourceState& state : checkpoint->sources) {
          SourceState& sum =
              states.try_emplace(state.source, SourceState{.source = state.source}).first->second;
          sum.max_event = std::max(sum.max_event, state.max_event);
          sum.received += state.received;
          sum.behind += state.behind;
          sum.late += state.late;
        }
      }
      frontier = first ? at.frontier
                       : (frontier && at.frontier ? std::min(frontier, at.frontier) : std::nullopt);
      watermark =
          first ? at.watermark
                : (watermark && at.watermark ? std::min(watermark, at.watermark) : std::nullopt);
      first = false;
      status.partitions.push_back(std::move(at));
    }
    for (const SourceConfig& source : config_.sources) {
      if (source.stream != name) continue;
      const SourceId id = catalog_.sources().at(source.name);
      SourceStatus at{.name = source.name,
                      .stream = name,
                      .kind = std::string(kind_name(source.kind)),
                      .state = "stopped"};
      at.watermark = watermark;
      at.frontier = frontier;
      at.replayable_from = reach_of(source, now);
      HC_TRY_ASSIGN(at.tallies, snapshot->tallies(id));
      if (const auto found = states.find(id); found != states.end()) {
        const SourceState& state = found->second;
        if (state.max_event != kMinEventTime) at.max_event = state.max_event;
        at.received = state.received;
        at.behind = state.behind;
        at.late = state.late;
      }
      at.pending = at.received - at.tallies.settled();
      status.sources.push_back(std::move(at));
    }
  }
  return status;
}

Result<std::unique_ptr<Service>> open_stopped(Config config, FileSystem& files) {
  HC_TRY_ASSIGN(std::unique_ptr<Store> store, open_store(config, files, /*read_only=*/true));
  HC_TRY_ASSIGN(Catalog catalog, Catalog::open(config, *store, /*read_only=*/true));
  return std::unique_ptr<Service>(std::make_unique<StoppedService>(
      std::move(config), files, std::move(store), std::move(catalog)));
}

}  // namespace hindcast
