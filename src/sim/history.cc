#include "sim/history.h"

#include <algorithm>
#include <ostream>

namespace hindcast::sim {
namespace {

constexpr uint64_t kStepsPerBatch = 60;    // faults strike within so many
constexpr uint64_t kSettleRounds = 5'000;  // liveness: healed, everything is done in so many
constexpr const char* kLaneSteps[LaneDriver::kSteps] = {
    "answer", "commit live", "commit replay", "read pages", "read drain pages",
    "append", "appended",    "spill",         "flush",      "seal",
    "apply",  "roll",        "drain records", "drain step"};

Workload workload_of(const Scenario& scenario, Rng& rng) {
  return make_workload(scenario.workload, rng);
}

Duration end_of(const Workload& workload) {
  Duration end{};
  for (const Batch& batch : workload) {
    for (const Event& event : batch.events) end = std::max(end, event.time);
  }
  return end;
}

}  // namespace

History::History(const Scenario& scenario, uint64_t seed, std::ostream* trace)
    : scenario_(scenario),
      rng_(seed),
      trace_(trace),
      workload_(workload_of(scenario, rng_)),
      options_(random_node(scenario, rng_)),
      gaps_(make_gaps(options_.partitions, end_of(workload_), rng_)),
      past_(make_past()),
      world_(options_, rng_.next()),
      journal_(options_.lane.lane.schema, options_.partitions),
      watch_(options_.lane.lane.schema),
      recovery_watch_(options_.lane.lane.schema, workload_) {
  report_.scenario = scenario.name;
  report_.seed = seed;
  report_.faults = make_faults(scenario.faults, scenario.workload.batches * kStepsPerBatch, rng_);
  for (const SourceId source : kSources) clients_.emplace_back(source, workload_);
}

Report History::execute() {
  world_.start().value();
  run_with_faults();
  if (failures_.empty()) heal();
  if (failures_.empty()) settle("healed");
  if (failures_.empty() && rng_.chance(0.5)) restart(rng_.chance(0.5));
  if (failures_.empty()) close_sources();
  if (failures_.empty()) settle("closed");
  if (failures_.empty()) check_end();
  if (failures_.empty() && past_) check_jobs();
  if (failures_.empty() && past_) replay_again();
  report_.failures = failures_.lines();
  report_.found = journal_.found();
  const LaneDriver::Counts counts = world_.lane_counts();
  report_.commits = counts.commits;
  report_.conflicts = counts.conflicts;
  report_.spills = counts.spills;
  report_.drained = counts.drained;
  return std::move(report_);
}

void History::run_with_faults() {
  const uint64_t horizon = scenario_.workload.batches * kStepsPerBatch;
  auto next = report_.faults.begin();
  const auto busy = [](const Client& client) { return !client.done(); };
  while (failures_.empty() && report_.steps < 2 * horizon &&
         (report_.steps < horizon || std::ranges::any_of(clients_, busy))) {
    for (; next != report_.faults.end() && next->step <= report_.steps; ++next) strike(*next);
    if (world_.dying()) mind_the_node();
    if (disk_full_until_ != 0 && report_.steps >= disk_full_until_) {
      world_.free_disk();
      disk_full_until_ = 0;
    }
    step();
    mind_the_node();
  }
}

/// Who steps next, and what becomes of it.
void History::step() {
  if (past_ && rng_.chance(0.2)) {
    step_recovery();
    ++report_.steps;
    return;
  }
  const double who = rng_.unit();
  if (who < 0.06) {
    step_client(rng_.below(clients_.size()));
  } else if (who < 0.16) {
    step_log(rng_.chance(0.8) ? Channel::kLive : Channel::kReplay);
  } else if (who < 0.4) {
    step_store();
  } else if (who < 0.42) {
    const PartitionId partition =
        partition_at(static_cast<uint32_t>(rng_.below(options_.partitions)));
    journal_.read(world_.log(), partition, failures_);
    after("reader");
  } else {
    const auto lane = static_cast<uint32_t>(rng_.below(options_.partitions));
    const auto what = static_cast<LaneDriver::Step>(rng_.below(LaneDriver::kSteps));
    if (world_.lane(lane).can(what)) step_lane(lane, what);
  }
  ++report_.steps;
}

bool History::step_client(size_t at) {
  Client& client = clients_[at];
  const auto answer = std::ranges::find(answers_, at, &Answer::client);
  if (answer != answers_.end()) {
    answer->acknowledged ? client.acknowledged() : client.failed();
    answers_.erase(answer);
    after("client " + std::to_string(at) + " hears");
    return true;
  }
  if (client.done() || client.waits()) return false;
  send(at, client.send());
  after("client " + std::to_string(at) + " sends");
  return true;
}

void History::send(size_t client, const Batch& batch) {
  std::vector<LogAppend> records = records_of(options_.lane.lane.schema, batch);
  const uint64_t attempt = journal_.sent(records);
  world_.log().append(
      Channel::kLive, std::move(records),
      [this, client, attempt, life = life_](const Result<std::vector<Position>>& positions) {
        if (positions) {
          journal_.durable(attempt, *positions, failures_);
        } else if (positions.error().code != ErrorCode::kUnknownOutcome) {
          ++report_.refused;
          journal_.refused(attempt);
        }
        answers_.push_back({client, life, positions.has_value()});
      });
}

bool History::step_log(Channel channel) {
  if (report_.steps < log_stalls_until_) return false;
  const std::string name = channel == Channel::kLive ? "live log" : "replay log";
  if (world_.log_has_writes(channel) && (!world_.log_wants_care(channel) || rng_.chance(0.7))) {
    world_.write_log(channel);
    after(name + " writes");
    return true;
  }
  if (!world_.log_wants_care(channel)) return false;
  world_.maintain_log(channel);
  after(name + " maintains");
  return true;
}

bool History::step_store() {
  if (!world_.store_has_commits() || report_.steps < store_stalls_until_) return false;
  world_.complete_commit();
  after("store commits");
  if (rng_.chance(0.1)) look(false);
  return true;
}

void History::step_lane(uint32_t lane, LaneDriver::Step step) {
  LaneDriver& driver = world_.lane(lane);
  Status status = driver.take(step, world_.now());
  after("lane " + std::to_string(lane) + " " + kLaneSteps[static_cast<size_t>(step)]);
  if (world_.dying()) return;
  if (status) status = driver.lane().failure();
  if (status) status = driver.drain().failure();
  if (!status) {
    failures_.add("L3", "lane " + std::to_string(lane) + " gave up: " + status.error().message);
  }
}

void History::after(const std::string& what) {
  std::string line = std::to_string(report_.steps) + " " + what;
  if (world_.up()) {
    line += ": live " + std::to_string(world_.log().stats(Channel::kLive).newest.lo) + " replay " +
            std::to_string(world_.log().stats(Channel::kReplay).newest.lo);
    for (uint32_t p = 0; p < options_.partitions; ++p) {
      line += " read " + std::to_string(world_.lane(p).lane().read_after().lo);
    }
  }
  line += " stored " + std::to_string(world_.store().health().bytes_written.value);
  report_.trace = mix(report_.trace ^ hash64(line), 0x9fb21c651e98df25);
  if (trace_ != nullptr) *trace_ << line << "\n";
}

void History::look(bool at_everything) {
  const auto snapshot = world_.store().snapshot().value();
  const StreamSchema& schema = options_.lane.lane.schema;
  check_accounts(*snapshot, journal_, schema, failures_);
  watch_.look(*snapshot, failures_);
  check_bounds(world_, failures_);
  if (at_everything) check_coverage(*snapshot, schema, gaps_, failures_);
  if (!past_) return;
  recovery_watch_.look(*snapshot, journal_, *past_, failures_);
  if (at_everything)
    check_coverage(*snapshot, schema, snapshot->coverage(kStream).value(), failures_);
}

void History::heal() {
  after("healed");
  world_.free_disk();
  store_stalls_until_ = log_stalls_until_ = 0;
  cut_recovery_.reset();
  if (past_) past_->calm();
}

/// Steps of everybody in turn until a whole round changes nothing.
void History::settle(const char* phase) {
  uint64_t idle_rounds = 0;
  for (uint64_t round = 0; round < kSettleRounds && failures_.empty(); ++round) {
    bool moved = false;
    for (size_t client = 0; client < clients_.size(); ++client) moved |= step_client(client);
    for (const Channel channel : {Channel::kLive, Channel::kReplay}) {
      while (!world_.dying() && step_log(channel)) moved = true;
    }
    mind_the_node();
    while (step_store()) moved = true;
    for (uint32_t lane = 0; lane < options_.partitions; ++lane) {
      const LaneDriver::Counts before = world_.lane(lane).counts();
      const Position read = world_.lane(lane).lane().read_after();
      const Position drained = world_.lane(lane).drain().read_after();
      for (size_t i = 0; i < LaneDriver::kSteps && failures_.empty() && !world_.dying(); ++i) {
        const auto what = static_cast<LaneDriver::Step>(i);
        if (!world_.lane(lane).can(what)) continue;
        step_lane(lane, what);
        // These three look for work and may find none.
        moved |= what != LaneDriver::Step::kApply && what != LaneDriver::Step::kRoll &&
                 what != LaneDriver::Step::kDrainRecords;
      }
      mind_the_node();
      const LaneDriver& now = world_.lane(lane);
      moved |= now.counts().commits != before.commits || now.lane().read_after() != read ||
               now.drain().read_after() != drained;
    }
    moved |= settle_recovery();
    report_.steps += 1;
    idle_rounds = moved ? 0 : idle_rounds + 1;
    if (idle_rounds == 3) return look(true);
  }
  if (failures_.empty()) {
    failures_.add("liveness", std::string(phase) + ", and " + std::to_string(kSettleRounds) +
                                  " rounds later it is not done");
  }
}

void History::close_sources() {
  after("sources close");
  Workload closing;
  for (const SourceId source : kSources) {
    Batch& batch = closing.emplace_back();
    batch.source = source;
    batch.advance = Advance{EventTime(kEndOfTime), Advance::Why::kEnd};
  }
  clients_.clear();
  for (const SourceId source : kSources) clients_.emplace_back(source, closing);
}

}  // namespace hindcast::sim
