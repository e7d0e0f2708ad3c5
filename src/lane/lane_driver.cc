#include "lane/lane_driver.h"

#include "base/assert.h"
#include "lane/remake.h"

namespace hindcast {

LaneDriver::LaneDriver(LaneDriverOptions options, Log& log, Store& store)
    : options_(std::move(options)), log_(log), store_(store) {}
LaneDriver::~LaneDriver() = default;

Status LaneDriver::start() {
  crash();
  HC_TRY_ASSIGN(const auto snapshot, store_.snapshot());
  const PartitionId partition = options_.lane.partition;
  HC_TRY_ASSIGN(std::optional<Checkpoint> live, snapshot->checkpoint(partition));
  HC_TRY_ASSIGN(std::optional<DrainCheckpoint> drained, snapshot->drain_checkpoint(partition));
  LiveLaneOptions lane = options_.lane;
  if (live) lane.epoch = Epoch{live->epoch.value + 1};
  if (drained) lane.replay_drained = drained->applied;
  drain_ = std::make_unique<Drain>(DrainOptions{.partition = partition,
                                                .epoch = lane.epoch,
                                                .schema = lane.schema,
                                                .aggregates = lane.aggregates,
                                                .events_max = options_.drain_events_max,
                                                .pages_max = options_.drain_pages_max,
                                                .stream = lane.stream,
                                                .next_gap = lane.next_gap},
                                   std::move(drained));
  roller_ = std::make_unique<Roller>(
      RollerOptions{.partition = partition, .schema = lane.schema, .aggregates = options_.rollups});
  HC_TRY_ASSIGN(LaneFacts facts, read_lane_facts(*snapshot, lane.stream, partition));
  lane_ = std::make_unique<LiveLane>(std::move(lane), std::move(live), std::move(facts));
  // The log forgets over a restart what was trimmed; full of that, it would take nothing new, and
  // no commit would come to trim it.
  HC_TRY(log_.trim(partition, Channel::kLive, lane_->safe()));
  return log_.trim(partition, Channel::kReplay, drain_->safe());
}

void LaneDriver::crash() {
  lane_.reset();
  drain_.reset();
  roller_.reset();
  live_.clear();
  replay_.clear();
  lane_reads_.clear();
  drain_reads_.clear();
  to_replay_log_.clear();
  roll_due_ = drain_due_ = apply_due_ = true;
  inbox_ = std::make_shared<Inbox>();
}

bool LaneDriver::can(Step step) const {
  switch (step) {
    case Step::kAnswer:
      return !inbox_->answers.empty();
    case Step::kCommitLive:
      return !live_.empty();
    case Step::kCommitReplay:
      return !replay_.empty();
    case Step::kReadPages:
      return !lane_reads_.empty();
    case Step::kReadDrainPages:
      return !drain_reads_.empty();
    case Step::kAppend:
      return !to_replay_log_.empty();
    case Step::kAppended:
      return !inbox_->appended.empty();
    case Step::kSpill:
      return lane_->over_memory() || (log_is_long() && lane_->holds_log());
    case Step::kFlush:
      return lane_->has_late();
    case Step::kSeal:
      return lane_->can_seal();
    case Step::kApply:
      return lane_->can_apply();
    case Step::kRoll:
      return !roller_->busy();
    case Step::kDrainRecords:
      return drain_->wants_records();
    case Step::kDrainStep:
      return drain_->can_step();
  }
  return false;
}

Status LaneDriver::take(Step step, ProcessingTime now) {
  HC_ASSERT(can(step));
  ++counts_.steps;
  switch (step) {
    case Step::kAnswer:
      return answer(now);
    case Step::kCommitLive:
      return commit(live_);
    case Step::kCommitReplay:
      return commit(replay_);
    case Step::kReadPages:
      return read(Who::kLane, lane_reads_, now);
    case Step::kReadDrainPages:
      return read(Who::kDrain, drain_reads_, now);
    case Step::kAppend:
      return append();
    case Step::kAppended: {
      const Result<std::vector<Position>> positions = std::move(inbox_->appended.front());
      inbox_->appended.pop_front();
      if (positions) {
        lane_->replay_appended(*positions);
      } else if (positions.error().code != ErrorCode::kUnknownOutcome) {
        lane_->replay_refused();  // nothing was written
      } else {
        return positions.error();
      }
      return {};
    }
    case Step::kSpill:
      ++counts_.spills;
      enqueue(Who::kLane, lane_->over_memory() ? lane_->spill(now) : lane_->release_log(now));
      return {};
    case Step::kFlush:
      enqueue(Who::kLane, lane_->flush_late(now));
      return {};
    case Step::kSeal:
      enqueue(Who::kLane, lane_->seal_slice(options_.seal_budget, now));
      return {};
    case Step::kApply:
      return apply();
    case Step::kRoll:
      return roll(now);
    case Step::kDrainRecords:
      return drain_records();
    case Step::kDrainStep:
      enqueue(Who::kDrain, drain_->step());
      return {};
  }
  return {};
}

Status LaneDriver::run(ProcessingTime now) {
  const auto one = [&]() -> Result<bool> {
    for (size_t i = 0; i < kSteps; ++i) {
      const auto step = static_cast<Step>(i);
      if ((step == Step::kApply && !apply_due_) || (step == Step::kRoll && !roll_due_) ||
          (step == Step::kDrainRecords && !drain_due_) || !can(step)) {
        continue;
      }
      HC_TRY(take(step, now));
      return true;
    }
    return false;
  };
  apply_due_ = roll_due_ = drain_due_ = true;
  for (;;) {
    HC_TRY_ASSIGN(const bool more, one());
    HC_TRY(lane_->failure());
    HC_TRY(drain_->failure());
    if (!more) return {};
  }
}

void LaneDriver::enqueue(Who who, Effects effects) {
  auto& queue = who == Who::kDrain ? replay_ : live_;
  for (Commit& commit : effects.commits) queue.push_back({who, std::move(commit)});
  if (!effects.reads.empty())
    (who == Who::kDrain ? drain_reads_ : lane_reads_) = std::move(effects.reads);
  if (!effects.to_replay_log.empty()) to_replay_log_ = std::move(effects.to_replay_log);
}

/// What this lane holds back is more than half of what the log may keep.
bool LaneDriver::log_is_long() const {
  const LogStats stats = log_.stats(Channel::kLive);
  const ByteCount held = log_.between(Channel::kLive, lane_->safe(), stats.newest);
  return held.value > stats.limit.value / 2;
}

Status LaneDriver::commit(std::deque<Given>& queue) {
  Given given = std::move(queue.front());
  queue.pop_front();
  const CommitId id = given.commit.id;
  store_.commit(std::move(given.commit),
                [inbox = inbox_, who = given.who, id](Result<CommitResult> result) {
                  Answer& answer = inbox->answers.emplace_back();
                  answer.who = who;
                  answer.id = id;
                  if (result) {
                    answer.result = std::move(*result);
                  } else {
                    answer.status = result.error();
                  }
                });
  return {};
}

Status LaneDriver::answer(ProcessingTime now) {
  const Answer answer = std::move(inbox_->answers.front());
  inbox_->answers.pop_front();
  HC_TRY(answer.status);
  const CommitResult& result = answer.result;
  HC_ASSERT(result.state != CommitState::kUnknown);  // neither store of this program answers it
  roll_due_ = drain_due_ = true;
  ++(result.state == CommitState::kCommitted ? counts_.commits : counts_.conflicts);
  counts_.drained += answer.who == Who::kDrain;
  switch (answer.who) {
    case Who::kLane:
      enqueue(Who::kLane, lane_->committed(answer.id, result, now));
      return log_.trim(options_.lane.partition, Channel::kLive, lane_->safe());
    case Who::kRoller:
      roller_->committed(answer.id, result);
      return {};
    case Who::kDrain:
      enqueue(Who::kDrain, drain_->committed(answer.id, result, now));
      return log_.trim(options_.lane.partition, Channel::kReplay, drain_->safe());
  }
  return {};
}

Status LaneDriver::read(Who who, std::vector<PageRead>& reads, ProcessingTime now) {
  HC_TRY_ASSIGN(const auto snapshot, store_.snapshot());
  std::vector<PageParts> pages;
  for (const PageRead& wanted : reads) {
    HC_TRY_ASSIGN(PageParts page, read_for_merge(*snapshot, wanted,
                                                 who == Who::kDrain ? Lane::kReplay : Lane::kLive,
                                                 options_.lane.schema, options_.lane.aggregates));
    ++(page.probe ? counts_.pages_probed : counts_.pages_read);
    pages.push_back(std::move(page));
  }
  reads.clear();
  Effects effects;
  if (who == Who::kDrain) {
    effects = drain_->pages_read(std::move(pages), now);
  } else {
    effects = lane_->pages_read(std::move(pages), now);
  }
  enqueue(who, std::move(effects));
  return {};
}

Status LaneDriver::append() {
  std::vector<LogAppend> records;
  records.swap(to_replay_log_);
  log_.append(Channel::kReplay, std::move(records),
              [inbox = inbox_](Result<std::vector<Position>> positions) {
                inbox->appended.push_back(std::move(positions));
              });
  return {};
}

Status LaneDriver::apply() {
  HC_TRY_ASSIGN(const LogChunk chunk, log_.read(options_.lane.partition, Channel::kLive,
                                                lane_->read_after(), options_.read_max));
  apply_due_ = !chunk.records.empty();
  // A record that cannot be read is counted and kept as dead letters: the lane goes on, and so do
  // we.
  (void)lane_->apply(chunk).has_value();
  return {};
}

Status LaneDriver::roll(ProcessingTime now) {
  HC_TRY_ASSIGN(const auto snapshot, store_.snapshot());
  HC_TRY_ASSIGN(std::optional<Commit> commit, roller_->step(*snapshot, now));
  roll_due_ = commit.has_value();
  if (commit) live_.push_back({Who::kRoller, std::move(*commit)});
  return {};
}

Status LaneDriver::drain_records() {
  const PartitionId partition = options_.lane.partition;
  HC_TRY_ASSIGN(const LogChunk chunk,
                log_.read(partition, Channel::kReplay, drain_->read_after(), options_.read_max));
  HC_TRY_ASSIGN(const auto snapshot,
                store_.snapshot());  // after the records: what it covers of them is final
  HC_TRY_ASSIGN(const std::optional<Checkpoint> live, snapshot->checkpoint(partition));
  const Position before = drain_->read_after();
  if (live) (void)drain_->give(chunk, *live).has_value();
  drain_due_ = drain_->read_after() != before;
  return {};
}

}  // namespace hindcast
