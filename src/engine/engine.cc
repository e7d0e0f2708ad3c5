#include "engine/engine.h"

#include <algorithm>
#include <future>
#include <thread>
#include <utility>

#include "base/log.h"
#include "base/process.h"
#include "engine/open_parts.h"
#include "engine/replay_child.h"

namespace hindcast {
namespace {

constexpr Duration kTick = 500ms;
constexpr Duration kDrainedPoll = 20ms;

/// Lanes first, then the background shard and the one for blocking reads.
std::vector<std::string> thread_names(size_t shards) {
  std::vector<std::string> names;
  for (size_t i = 0; i < shards; ++i)
    names.push_back((i < 10 ? "shard-0" : "shard-") + std::to_string(i));
  names.push_back("back");
  names.push_back("reads");
  return names;
}

ShardId back_shard(size_t shards) { return ShardId{static_cast<uint32_t>(shards)}; }
ShardId read_shard(size_t shards) { return ShardId{static_cast<uint32_t>(shards + 1)}; }

}  // namespace

Result<std::unique_ptr<Engine>> Engine::open(Config config, FileSystem& files) {
  HC_TRY_ASSIGN(std::unique_ptr<Store> store, open_store(config, files, /*read_only=*/false));
  HC_TRY_ASSIGN(Catalog catalog, Catalog::open(config, *store, /*read_only=*/false));
  auto isolation = std::make_unique<Isolation>(config.replay.isolation);
  HC_TRY_ASSIGN(std::unique_ptr<Log> log, open_log(config, files, catalog, *store,
                                                   [at = isolation.get()] { at->enter_live(); }));
  size_t partitions = 0;
  for (const auto& [name, stream] : catalog.streams()) partitions += stream.partitions.size();
  const size_t shards =
      std::clamp<size_t>(partitions, 1, std::max(1U, std::thread::hardware_concurrency()));
  std::unique_ptr<Engine> engine(new Engine(std::move(config), files, std::move(isolation),
                                            std::move(store), std::move(catalog), std::move(log),
                                            shards));
  HC_TRY(engine->build_replay());
  HC_TRY(engine->build_partitions());
  return engine;
}

Engine::Engine(Config config, FileSystem& files, std::unique_ptr<Isolation> isolation,
               std::unique_ptr<Store> store, Catalog catalog, std::unique_ptr<Log> log,
               size_t shards)
    : ReadService(std::move(config), std::move(store), std::move(catalog),
                  [this](const auto& partitions, const auto& range, auto slot) {
                    return open_pages(partitions, range, slot);
                  }),
      files_(files),
      isolation_(std::move(isolation)),
      log_(std::move(log)),
      kept_log_(config_, catalog_, *log_, *store_),
      gap_numbers_(*store_, "gap"),
      ingest_(config_, catalog_, *log_, ledger_,
              {.next_gap = [this] { return gap_numbers_.take(); },
               .now = [this] { return runtime_.wall_now(); },
               .durable =
                   [this](PartitionId partition, Position last, MonoTime when) {
                     partitions_.at(partition).lane->durable(last, when);
                   },
               .timed = kept_log_.noter()}),
      decoders_(config_, catalog_),
      shards_(shards),
      runtime_(thread_names(shards), /*seed=*/1),
      job_numbers_(*store_, "job"),
      route_(*log_),
      verifier_(catalog_, *store_, runtime_, config_.limits.verify_rate),
      opened_(runtime_.mono_now()) {
  for (size_t i = 0; i < shards_; ++i) latency_.push_back(std::make_unique<LiveLatencyMeters>());
}

Engine::~Engine() { stop(); }

Status Engine::build_partitions() {
  HC_TRY_ASSIGN(const std::shared_ptr<const Snapshot> snapshot, store_->snapshot());
  for (const auto& [name, id] : catalog_.sources()) {
    HC_TRY_ASSIGN(const Tallies settled, snapshot->tallies(id));
    ledger_.restore(id, settled);
  }
  const auto next_gap = [this] { return gap_numbers_.take(); };
  const auto gap_known = [this](GapId gap) {
    runtime_.post(back_shard(shards_), [this, gap] {
      if (ready()) kept_log_.hold_open_gaps();  // else the first tick does
      replay_->gap_known(gap);
    });
  };
  size_t count = 0;
  for (const auto& [name, stream] : catalog_.streams()) count += stream.partitions.size();
  open_memory_.emplace(config_.limits.open_memory, count);
  reread_.emplace(config_.log.reread, count);
  for (const auto& [name, stream] : catalog_.streams()) {
    std::vector<std::pair<SourceId, Duration>> delays;
    Duration late_as_replay{};
    LaneSequence sequence;
    for (const SourceConfig& source : config_.sources) {
      if (source.stream != name) continue;
      const SourceId id = catalog_.sources().at(source.name);
      delays.emplace_back(id, source.delay);
      late_as_replay = std::max(late_as_replay, source.late_as_replay);
      if (!source.sequence) continue;
      sequence.sources.emplace_back(
          id, source.sequence_in_order ? LaneSequence::Place::kOrder : LaneSequence::Place::kId);
      sequence.by_key = source.sequence_scope == SequenceScope::kKey;
      sequence.delay = std::max(sequence.delay, source.delay + source.overlap);
    }
    RollerOptions roller{.schema = stream.schema};
    for (const std::string& aggregate : stream.aggregates) {
      const AggregateEntry& entry = catalog_.aggregates().at(aggregate);
      roller.aggregates.push_back({entry.id, entry.config.rule, entry.levels});
    }
    for (const PartitionId id : stream.partitions) {
      HC_TRY_ASSIGN(const auto checkpoint, snapshot->checkpoint(id));
      HC_TRY_ASSIGN(const auto drained, snapshot->drain_checkpoint(id));
      std::map<SourceId, uint64_t> merged;
      if (drained) merged.insert(drained->merged.begin(), drained->merged.end());
      HC_TRY_ASSIGN(LaneFacts facts, read_lane_facts(*snapshot, stream.id, id));
      const Epoch epoch{(checkpoint ? checkpoint->epoch.value : 0) + 1};
      const ShardId shard{static_cast<uint32_t>(partitions_.size() % shards_)};
      Partition partition{id, &stream, nullptr, nullptr};
      partition.lane = std::make_unique<LaneWorker>(
          LiveLaneOptions{.partition = id,
                          .stream = stream.id,
                          .epoch = epoch,
                          .schema = stream.schema,
                          .aggregates = catalog_.lane_aggregates(name),
                          .delays = delays,
                          .late_as_replay = late_as_replay,
                          .replay_drained = drained ? drained->applied : Position{},
                          .memory_max = ByteCount{config_.limits.open_memory.value / count},
                          .reread_max = ByteCount{config_.log.reread.value / count},
                          .sequence = sequence,
                          .next_gap = next_gap},
          checkpoint, std::move(facts), std::move(merged),
          LaneWorker::Places{runtime_, shard, read_shard(shards_), *log_, *store_, ledger_,
                             *latency_[shard.value], *open_memory_, *reread_, partitions_.size()},
          LaneWorker::Hooks{[this] { recovered(); },
                            [this](PartitionId at) { partitions_.at(at).back->committed(); },
                            gap_known});
      roller.partition = id;
      partition.back = std::make_unique<BackWorker>(
          DrainOptions{.partition = id,
                       .epoch = epoch,
                       .schema = stream.schema,
                       .aggregates = catalog_.lane_aggregates(name),
                       .stream = stream.id,
                       .next_gap = next_gap},
          drained, roller,
          BackWorker::Places{runtime_, back_shard(shards_), *log_, *store_, ledger_,
                             replay_->book(), route_, gap_known});
      partitions_.emplace(id, std::move(partition));
    }
  }
  recovering_.store(partitions_.size(), std::memory_order_relaxed);
  return {};
}

Status Engine::build_replay() {
  HC_TRY_ASSIGN(Histories histories, open_histories(config_, catalog_, files_, runtime_));
  kept_log_.add_to(histories);
  HC_TRY_ASSIGN(replay_, ReplayLane::open(
                             {.config = config_,
                              .catalog = catalog_,
                              .store = *store_,
                              .runtime = runtime_,
                              .isolation = *isolation_,
                              .next_job = [this] { return job_numbers_.take(); },
                              .next_gap = [this] { return gap_numbers_.take(); },
                              .committed =
                                  [this](StreamId stream) {
                                    for (auto& [id, partition] : partitions_) {
                                      if (partition.stream->id == stream)
                                        partition.back->committed();
                                    }
                                  },
                              .advance = [this](const SourceConfig& source,
                                                EventTime to) { advance_for_replay(source, to); },
                              .replayable_from = std::bind_front(&Engine::reach_of, this),
                              .files = files_,
                              .live = [this] { return live_signals(); },
                              .route = route_},
                             std::move(histories)));
  return {};
}

ReplayGovernor::LiveSignals Engine::live_signals() {
  ReplayGovernor::LiveSignals out;
  out.apply = live_latencies(Since::kLately).apply;
  for (const auto& [source, tally] : ledger_.read()) {
    out.appended += tally.received;
    out.applied += tally.received - tally.unapplied;
    out.late_events += tally.replay;
  }
  const LogStats replay = log_->stats(Channel::kReplay);
  out.replay_log = replay.size;
  return out;
}

/// A replay on partitions that hold nothing open takes them along: a stream that is only backfilled
/// would otherwise never have a frontier to read up to.
void Engine::advance_for_replay(const SourceConfig& source, EventTime to) {
  const StreamInfo& stream = catalog_.stream_of(source);
  const EventTime newest(runtime_.wall_now().time_since_epoch() - source.history->settle);
  const EventTime until = std::min(to, align_down(newest, stream.schema.page_window));
  std::vector<const Partition*> partitions;
  for (const PartitionId id : stream.partitions) partitions.push_back(&partitions_.at(id));
  const std::vector<LaneWorker::View> seen =
      views(partitions, {kMinEventTime, kMaxEventTime}, std::nullopt);
  std::vector<PartitionId> idle;
  for (size_t i = 0; i < seen.size(); ++i) {
    if (seen[i].open.empty() && seen[i].watermark < until) idle.push_back(partitions[i]->id);
  }
  if (idle.empty()) return;
  const Status taken =
      ingest_.advance(catalog_.sources().at(source.name), idle,
                      Advance{until, Advance::Why::kReplayStart}, [](const Result<bool>&) {});
  if (!taken) log_warn("frontier not moved for a replay", {{"error", taken.error().message}});
}

void Engine::start() {
  log_->on_readable([this](Channel channel) {
    for (auto& [id, partition] : partitions_) {
      if (channel == Channel::kLive) {
        partition.lane->readable();
      } else if (config_.replay.route == ReplayRoute::kSeparate) {
        partition.back->committed();  // history waits for nobody's checkpoint
      }
    }
  });
  // Before recovery: it cannot end while the replay log is full, and what drains that is governed.
  replay_->governor().start();
  for (auto& [id, partition] : partitions_) {
    partition.lane->start();
    partition.back->start();
  }
}

/// Called once per partition, on its shard.
void Engine::recovered() {
  if (recovering_.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
  runtime_.post(back_shard(shards_), [this] { restore_ingest(); });
}

/// From what lanes and store know, ingest goes on.
void Engine::restore_ingest() {
  // Lanes first: what they have committed meanwhile is in the snapshot.
  const std::vector<LaneWorker::View> at = views(all_partitions(), Window{}, {});
  std::map<StreamId, CoverageFacts> known;
  const auto read = [&]() -> Status {
    HC_TRY_ASSIGN(const std::shared_ptr<const Snapshot> snapshot, store_->snapshot());
    for (const auto& [name, stream] : catalog_.streams()) {
      HC_TRY_ASSIGN(known[stream.id], snapshot->coverage(stream.id));
    }
    return {};
  };
  if (const Status status = read(); !status) {
    log_error("gaps not readable; trying again", {{"error", status.error().message}});
    return runtime_.at(back_shard(shards_), runtime_.mono_now() + kTick,
                       [this] { restore_ingest(); });
  }
  const std::vector<const Partition*> partitions = all_partitions();
  const MonoTime now = runtime_.mono_now();
  std::map<PartitionId, EventTime> highest;
  for (size_t i = 0; i < at.size(); ++i) {
    CoverageFacts& facts = known[partitions[i]->stream->id];
    facts.gaps.insert(facts.gaps.end(), at[i].gaps.begin(), at[i].gaps.end());
    facts.bounds.insert(facts.bounds.end(), at[i].bounds.begin(), at[i].bounds.end());
    EventTime& most = highest.try_emplace(partitions[i]->id, kMinEventTime).first->second;
    for (const SourceState& state : at[i].sources) {
      ingest_.restore(state.source, state, now);
      most = std::max(most, state.max_event);
    }
    recovered_events_ += at[i].recovered_events;
  }
  for (const auto& [stream, facts] : known) ingest_.restore(stream, facts);
  kept_log_.begin(highest);
  begin();
}

/// Gaps of the time in between come before anything else: events after it would let frontiers pass.
void Engine::begin() {
  if (const Status opened = ingest_.open_stops(); !opened) {
    log_warn("not ready: gaps cannot be told yet", {{"error", opened.error().message}});
    return runtime_.at(back_shard(shards_), runtime_.mono_now() + kTick, [this] { begin(); });
  }
  recovered_at_ = runtime_.mono_now();
  log_info("ready",
           {{"recovery_seconds", std::chrono::duration<double>(recovered_at_ - opened_).count()},
            {"recovered_events", recovered_events_}});
  report_lost();
  // Not before: a lane that reads a long log again would leave nothing to the threads it waits for.
  for (uint32_t i = 0; i < shards_; ++i)
    runtime_.post(ShardId{i}, [this] { isolation_->enter_live(); });
  replay_->start();
  start_sources();
  verifier_.start();
  ready_.store(true, std::memory_order_release);
  tick();
}

/// Damage to the log, or a log that ends too early, takes events that were counted as received.
void Engine::report_lost() const {
  const std::map<SourceId, SourceTally> tallies = ledger_.read();
  for (const auto& [name, id] : catalog_.sources()) {
    const auto found = tallies.find(id);
    if (found == tallies.end() || found->second.balanced()) continue;
    const SourceTally& tally = found->second;
    log_error(
        "events were lost with the log",
        {{"source", name}, {"events", tally.received - tally.pending() - tally.settled.settled()}});
  }
}

/// Pull sources go on behind their last durable batch.
void Engine::start_sources() {
  for (const SourceConfig& config : config_.sources) {
    if (config.kind == SourceKind::kHttp) continue;
    const SourceId id = catalog_.sources().at(config.name);
    sources_.push_back(
        std::make_unique<SourceWorker>(id, config.name,
                                       open_source(config, catalog_.stream_of(config).schema,
                                                   files_, runtime_, ingest_.resume_token(id)),
                                       ingest_, runtime_));
    sources_.back()->start();
  }
}

void Engine::tick() {
  ingest_.check_idle(runtime_.mono_now());
  kept_log_.hold_open_gaps();
  runtime_.at(back_shard(shards_), runtime_.mono_now() + kTick, [this] { tick(); });
}

void Engine::stop() {
  {
    const std::scoped_lock lock(stop_mutex_);
    if (std::exchange(stopped_, true)) return;
  }
  stop_changed_.notify_all();
  for (auto& [id, partition] : partitions_) {
    partition.lane->stop();
    partition.back->stop();
  }
  runtime_.stop();  // later answers of log and store are dropped: the next start reads them
  // Not before the background shard has ended: what it began at the end of the recovery is stopped.
  if (replay_) replay_->stop();
  ready_.store(false, std::memory_order_release);
  for (auto& [id, partition] : partitions_) partition.lane->abandon();
  for (const auto& source : sources_) source->stop();
  verifier_.stop();
  if (const Status closed = log_->close(); !closed)  // what was taken becomes durable
    log_error("log not closed", {{"error", closed.error().message}});
  if (const Status closed = store_->close(); !closed)
    log_error("store not closed", {{"error", closed.error().message}});
}

void Engine::push(const std::string& source, BytesView body, std::optional<FormatKind> format,
                  Done<PushResult> done) {
  if (!ready()) return done(unavailable("starting: the log is being read; try again shortly"));
  Result<PushDecoders::Decoded> decoded =
      decoders_.decode(source, body, format, runtime_.wall_now());
  if (!decoded) return done(std::move(decoded).error());
  const auto shared = std::make_shared<Done<PushResult>>(
      std::move(done));  // owners: this call, and the log's callback
  const Status taken =
      ingest_.append(catalog_.sources().at(source), decoded->batch, runtime_.mono_now(),
                     [shared, result = std::move(decoded->result)](const Result<bool>& durable) {
                       if (durable) {
                         (*shared)(result);
                       } else {
                         (*shared)(durable.error());
                       }
                     });
  if (!taken) (*shared)(taken.error());
}

void Engine::heartbeat(const std::string& source, EventTime to, Done<bool> done) {
  const auto found = catalog_.sources().find(source);
  if (found == catalog_.sources().end()) {
    std::vector<std::string> known;
    for (const auto& [name, id] : catalog_.sources()) known.push_back(name);
    return done(unknown_name("source", source, known));
  }
  if (!ready()) return done(unavailable("starting: the log is being read; try again shortly"));
  const auto shared =
      std::make_shared<Done<bool>>(std::move(done));  // owners: this call, and the log's callback
  const Status taken = ingest_.heartbeat(
      found->second, to, [shared](const Result<bool>& durable) { (*shared)(durable); });
  if (!taken) (*shared)(taken.error());
}

Result<std::vector<ReplayEntry>> Engine::replays() { return replay_->list(); }
Result<ReplayEntry> Engine::replay(JobId id) { return replay_->get(id); }
Result<ReplayEntry> Engine::start_replay(const ReplayRequest& request) {
  if (!ready()) return unavailable("starting: the log is being read; try again shortly");
  return replay_->add(request);
}
Result<ReplayEntry> Engine::change_replay(JobId id, const ReplayChange& change) {
  return replay_->change(id, change);
}
Result<ReplayEntry> Engine::cancel_replay(JobId id) { return replay_->cancel(id); }
Result<Limits> Engine::change_limits(const std::map<std::string, std::string>& changes) {
  return replay_->governor().change(changes);
}

VerifyTools Engine::verify_tools() {
  VerifyTools tools = ReadService::verify_tools();
  tools.now = [this] { return runtime_.wall_now(); };
  tools.next_gap = [this] { return gap_numbers_.take(); };
  tools.start_replay = [this](const ReplayRequest& request) { return start_replay(request); };
  tools.repaired = [this] {
    for (const auto& [id, partition] : partitions_) partition.back->committed();
  };
  return tools;
}

Result<History*> Engine::history_of(const SourceConfig& source) {
  History* const history = replay_->history(catalog_.sources().at(source.name));
  if (history == nullptr) return not_found("source '" + source.name + "' has no [source.history]");
  return history;
}

std::vector<const Engine::Partition*> Engine::all_partitions() const {
  std::vector<const Partition*> out;
  for (const auto& [id, partition] : partitions_) out.push_back(&partition);
  return out;
}

/// Asks the lanes and waits. A lane that stops meanwhile answers with nothing open.
std::vector<LaneWorker::View> Engine::views(const std::vector<const Partition*>& of,
                                            const Window& range, std::optional<uint16_t> slot) {
  std::vector<std::future<LaneWorker::View>> answers;
  for (const Partition* partition : of) {
    const auto promise =
        std::make_shared<std::promise<LaneWorker::View>>();  // owners: the posted task alone, once
                                                             // this loop ends
    answers.push_back(promise->get_future());
    partition->lane->view(
        range, slot, [promise](LaneWorker::View view) { promise->set_value(std::move(view)); });
  }
  std::vector<LaneWorker::View> out;
  for (std::future<LaneWorker::View>& answer : answers) {
    try {
      out.push_back(answer.get());
    } catch (const std::future_error&) {  // the task was dropped: stopping
      out.emplace_back();
    }
  }
  return out;
}

std::vector<OpenPage> Engine::open_pages(const std::vector<PartitionId>& partitions,
                                         const Window& range, std::optional<uint16_t> slot) {
  std::vector<const Partition*> of;
  of.reserve(partitions.size());
  for (const PartitionId id : partitions) of.push_back(&partitions_.at(id));
  std::vector<OpenPage> out;
  for (LaneWorker::View& view : views(of, range, slot))
    std::ranges::move(view.open, std::back_inserter(out));
  return out;
}

bool Engine::drained() {
  if (!ready()) return false;
  for (const auto& source : sources_) {
    if (!source->ended() && !source->failure()) return false;
  }
  if (!replay_->idle()) return false;
  // Lanes first: what a lane commits makes work for the background, and not the other way round.
  if (!std::ranges::all_of(views(all_partitions(), Window{}, {}), &LaneWorker::View::quiet))
    return false;
  for (const auto& [id, partition] : partitions_) {
    std::future<bool> answer;
    {
      const auto promise = std::make_shared<std::promise<bool>>();
      answer = promise->get_future();
      partition.back->quiet([promise](bool quiet) { promise->set_value(quiet); });
    }  // the task alone owns it now: if the runtime drops the task, get() throws instead of waiting
    try {
      if (!answer.get()) return false;
    } catch (const std::future_error&) {
      return true;  // stopping
    }
  }
  return true;
}

LiveLatencies Engine::live_latencies(Since since) const {
  LiveLatencies out;
  const MonoTime now = runtime_.mono_now();
  const auto add = [&](const LatencyMeter& meter, LatencyCounts& counts) {
    if (since == Since::kLately) {
      meter.add_lately_to(counts, now);
    } else {
      meter.add_all_to(counts);
    }
  };
  for (const auto& shard : latency_) {
    add(shard->apply, out.apply);
    add(shard->commit, out.commit);
    add(shard->seal, out.seal);
  }
  return out;
}

void Engine::wait_drained() {
  std::unique_lock lock(stop_mutex_);
  while (!stopped_) {
    lock.unlock();
    const bool quiet = drained();
    lock.lock();
    if (quiet) return;
    stop_changed_.wait_for(lock, kDrainedPoll, [this] { return stopped_; });
  }
}

}  // namespace hindcast
