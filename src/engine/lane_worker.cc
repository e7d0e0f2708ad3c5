#include "engine/lane_worker.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/log.h"
#include "engine/log_damage.h"
#include "engine/read_past_damage.h"
#include "lane/remake.h"

namespace hindcast {
namespace {

constexpr ByteCount kReadBytes =
    256_KiB;  // per pump: bounds how long the shard is busy at a stretch
constexpr ByteCount kSliceBytes = 256_KiB;  // per seal step, likewise
constexpr size_t kCommitsMax = 16;      // under way; more only lengthens the queue before the disk
constexpr Duration kLateDelay = 100ms;  // late events are coalesced for this long

}  // namespace

LaneWorker::LaneWorker(LiveLaneOptions options, std::optional<Checkpoint> checkpoint,
                       LaneFacts facts, std::map<SourceId, uint64_t> drained_before, Places places,
                       Hooks hooks)
    : schema_(options.schema),
      aggregates_(options.aggregates),
      partition_(options.partition),
      at_(places),
      hooks_(std::move(hooks)),
      applied_before_(checkpoint ? checkpoint->applied : Position{}),
      lane_(std::move(options), std::move(checkpoint), std::move(facts)),
      read_after_(lane_.read_after()),
      recover_to_(places.log.stats(Channel::kLive).newest),
      drained_before_(std::move(drained_before)) {}

void LaneWorker::start() { readable(); }

void LaneWorker::stop() { stopped_.store(true, std::memory_order_relaxed); }

void LaneWorker::readable() {
  if (pump_posted_.exchange(true, std::memory_order_acq_rel)) return;
  at_.runtime.post(at_.shard, [this] { pump(); });
}

void LaneWorker::pump() {
  pump_posted_.store(false, std::memory_order_release);
  if (stopped_.load(std::memory_order_relaxed)) return;
  const bool takes = lane_.can_apply();  // else the log is the buffer
  if (takes) {
    const Result<LogChunk> chunk =
        read_past_damage(at_.log, partition_, Channel::kLive, read_after_, kReadBytes,
                         [this](const LogDamage& damage) { lane_.lost(damage); });
    end_if_dropped();
    if (!chunk) {
      log_error("log not readable; retrying",
                {{"partition", partition_}, {"error", chunk.error().message}});
      at_.runtime.at(at_.shard, at_.runtime.mono_now() + 1s, [this] { readable(); });
      return;
    }
    log_ended_ = chunk->records.empty();
    if (!log_ended_) apply(*chunk);
    read_after_ = std::max(read_after_, chunk->next);
    if (!log_ended_ && !recovering_) measure_applied();
    if (recovering_ && (log_ended_ || read_after_ >= recover_to_)) {
      finish_recovery();
    }
  }
  work();
  if (takes && !log_ended_) readable();
}

void LaneWorker::apply(const LogChunk& chunk) {
  if (const Status status = lane_.apply(chunk); !status) {
    log_error("record skipped", {{"partition", partition_}, {"error", status.error().message}});
  }
  end_if_dropped();
  const LogCounts counts = count(chunk.records);
  if (!recovering_) return at_.ledger.applied(counts);
  for (const auto& [at, events] : counts)  // the ledger gets them as a whole: finish_recovery()
    recovered_events_ += events;
}

/// From here on the ledger follows every move; this is where it starts from.
void LaneWorker::finish_recovery() {
  recovering_ = false;
  if (lane_.recovering()) {
    // The lane would wait for ever for records that are gone. What of them was sealed is in the
    // store; what was open is lost: a gap, and accounts of its sources that do not balance.
    log_error(
        "the log ends before what was applied of it; events of open buckets are lost",
        {{"partition", partition_}, {"read_to", read_after_.lo}, {"applied", applied_before_.lo}});
    lane_.lost({read_after_, applied_before_, "it ends before what was applied of it"});
    end_if_dropped();
    read_after_ = std::max(read_after_, applied_before_);
    (void)lane_.apply(LogChunk{{}, read_after_}).has_value();  // it has no record to object to
  }
  // Trims are forgotten by a restart; a partition without new commits must not pin the log of all.
  trim();
  std::map<SourceId, uint64_t> open;
  for (const auto& [source, events] : lane_.pending()) open[source] += events;
  for (const auto& [id, commit] : under_way_) {
    for (const TallyDelta& delta : commit.tallies) open[delta.source] += delta.tallies.settled();
  }
  // Commits that became durable meanwhile were moved out of `open` before anything was in it.
  for (const TallyDelta& delta : settled_in_recovery_)
    open[delta.source] += delta.tallies.settled();
  settled_in_recovery_.clear();
  for (const SourceState& state : lane_.sources()) {
    at_.ledger.recovered(state.source, state.received, open[state.source],
                         state.replayed - drained_before_[state.source]);
  }
  hooks_.recovered();
}

void LaneWorker::measure_applied() {
  const MonoTime now = at_.runtime.mono_now();
  append_times_.applied(read_after_, now, at_.latency.apply);
  if (lane_.watermark() == kMinEventTime) return;
  const EventTime to = align_down(lane_.watermark(), schema_.page_window);
  if (to <= sealable_to_) return;
  sealable_to_ = to;
  if (lane_.frontier().window < to) sealable_.emplace_back(to, now);
}

void LaneWorker::measure_committed(Frontier frontier, MonoTime given) {
  const MonoTime now = at_.runtime.mono_now();
  at_.latency.commit.record(now - given, now);
  while (!sealable_.empty() && sealable_.front().first <= frontier.window) {
    at_.latency.seal.record(now - sealable_.front().second, now);
    sealable_.pop_front();
  }
}

void LaneWorker::trim() {
  const Status trimmed = at_.log.trim(partition_, Channel::kLive, lane_.safe());
  if (!trimmed)
    log_warn("log not trimmed", {{"partition", partition_}, {"error", trimmed.error().message}});
}

/// What this lane holds back is more than half of what the log may keep.
bool LaneWorker::log_is_long() const {
  const LogStats stats = at_.log.stats(Channel::kLive);
  const ByteCount held = at_.log.between(Channel::kLive, lane_.safe(), stats.newest);
  return held.value > stats.limit.value / 2;
}

void LaneWorker::share_room() {
  lane_.set_bounds(at_.memory.use(at_.lane, lane_.memory()),
                   at_.reread.use(at_.lane, lane_.held_log()));
}

/// Whatever the lane can do now without more records.
void LaneWorker::work() {
  share_room();
  const ProcessingTime now = at_.runtime.wall_now();
  if (under_way_.size() < kCommitsMax) {  // else the next answer comes back here
    if (lane_.can_seal()) {
      carry(lane_.seal_slice(kSliceBytes, now));
      readable();  // one slice at a time, so that records get their turn in between
    } else if (lane_.over_memory()) {
      carry(lane_.spill(now));
    } else if (log_is_long() && lane_.holds_log()) {
      carry(lane_.release_log(now));
    }
  }
  if (lane_.has_late()) flush_later();
}

void LaneWorker::flush_later() {
  if (flush_timer_) return;
  flush_timer_ = true;
  at_.runtime.at(at_.shard, at_.runtime.mono_now() + kLateDelay, [this] {
    flush_timer_ = false;
    if (stopped_.load(std::memory_order_relaxed) || !lane_.has_late()) return;
    carry(lane_.flush_late(at_.runtime.wall_now()));
    if (lane_.has_late()) flush_later();
  });
}

void LaneWorker::carry(Effects effects) {
  for (Commit& commit : effects.commits) {
    const CommitId id = commit.id;
    under_way_.emplace(id, UnderWay{at_.runtime.mono_now(),
                                    commit.checkpoint ? commit.checkpoint->frontier : Frontier{},
                                    commit.tallies, commit.gaps, commit.bounds});
    at_.store.commit(std::move(commit), [this, id](Result<CommitResult> result) {
      at_.runtime.post(at_.shard, [this, id, result = std::move(result)]() mutable {
        committed(id, std::move(result));
      });
    });
  }
  if (!effects.to_replay_log.empty()) append_replay(std::move(effects.to_replay_log));
  if (!effects.reads.empty()) read_pages(std::move(effects.reads));
}

void LaneWorker::read_pages(std::vector<PageRead> reads) {
  ++reads_under_way_;
  at_.runtime.post(at_.reading, [this, reads = std::move(reads)]() mutable {
    std::vector<PageParts> pages;
    Status status;
    Result<std::shared_ptr<const Snapshot>> snapshot = at_.store.snapshot();
    if (!snapshot) status = snapshot.error();
    for (size_t i = 0; i < reads.size() && status; ++i) {
      Result<PageParts> page =
          read_for_merge(**snapshot, reads[i], Lane::kLive, schema_, aggregates_);
      if (page) {
        log_damage(*page);
        pages.push_back(*std::move(page));
      } else {
        status = std::move(page).error();
      }
    }
    at_.runtime.post(at_.shard,
                     [this, reads = std::move(reads), pages = std::move(pages), status]() mutable {
                       --reads_under_way_;
                       if (stopped_.load(std::memory_order_relaxed)) return;
                       if (!status) {  // held, never dropped: the events stay in the log until
                                       // their page can be read
                         log_error("page not readable; retrying",
                                   {{"partition", partition_}, {"error", status.error().message}});
                         ++reads_under_way_;
                         at_.runtime.at(at_.shard, at_.runtime.mono_now() + 1s,
                                        [this, reads = std::move(reads)]() mutable {
                                          --reads_under_way_;
                                          read_pages(std::move(reads));
                                        });
                         return;
                       }
                       carry(lane_.pages_read(std::move(pages), at_.runtime.wall_now()));
                       readable();
                     });
  });
}

void LaneWorker::append_replay(std::vector<LogAppend> records) {
  ++replay_appends_;
  LogCounts counts = count(records);
  at_.log.append(Channel::kReplay, std::move(records),
                 [this, counts = std::move(counts)](Result<std::vector<Position>> positions) {
                   at_.runtime.post(at_.shard, [this, counts, positions = std::move(positions)] {
                     --replay_appends_;
                     if (positions) {
                       lane_.replay_appended(*positions);
                       if (!recovering_) at_.ledger.to_replay(counts);  // else counted as a whole
                     } else {  // mostly because the replay log is full: the lane offers them again
                       if (positions.error().code != ErrorCode::kOverloaded) {
                         log_error(
                             "late events not handed to the replay log; retrying",
                             {{"partition", partition_}, {"error", positions.error().message}});
                       }
                       lane_.replay_refused();
                     }
                     readable();
                   });
                 });
}

void LaneWorker::committed(CommitId id, Result<CommitResult> result) {
  const auto found = under_way_.find(id);
  const UnderWay said = std::move(found->second);
  const std::vector<TallyDelta>& tallies = said.tallies;
  under_way_.erase(found);
  if (!result) {
    log_error("commit failed; the partition stops here and its log is kept",
              {{"partition", partition_}, {"error", result.error().message}});
    stop();
  } else {
    if (result->state == CommitState::kCommitted) {
      at_.ledger.settled(tallies, false);
      measure_committed(said.frontier, said.given);
      if (recovering_)
        settled_in_recovery_.insert(settled_in_recovery_.end(), tallies.begin(), tallies.end());
    }
    carry(lane_.committed(id, *result, at_.runtime.wall_now()));
    end_if_dropped();
    if (result->state == CommitState::kCommitted) {
      trim();
      hooks_.committed(partition_);
      for (const Gap& gap : said.gaps) {
        if (hooks_.gap_known && gap.range.end != kMaxEventTime) hooks_.gap_known(gap.id);
      }
      for (const GapBound& bound : said.bounds) {
        if (hooks_.gap_known) hooks_.gap_known(bound.gap);
      }
    }
  }
  for (size_t i = 0; i < waiters_.size();) {
    waiters_[i].commits.erase(id);
    if (waiters_[i].commits.empty()) {
      Waiter waiter = std::move(waiters_[i]);
      waiters_.erase(waiters_.begin() + static_cast<ptrdiff_t>(i));
      waiter.done(std::move(waiter.view));
    } else {
      ++i;
    }
  }
  readable();
}

/// Only the checkpoint in the store says what is true then; a new start reads it.
void LaneWorker::end_if_dropped() const {
  if (!lane_.dropped()) return;
  log_error("the lane cannot go on; ending the process, a restart recovers",
            {{"partition", partition_}, {"error", lane_.failure().error().message}});
  std::abort();
}

void LaneWorker::view(Window range, std::optional<uint16_t> slot, std::function<void(View)> done) {
  at_.runtime.post(at_.shard, [this, range, slot, done = std::move(done)]() mutable {
    Waiter waiter{{}, look(range, slot), std::move(done)};
    for (const auto& [id, commit] : under_way_) waiter.commits.insert(id);
    if (waiter.commits.empty() || range == Window{}) {
      waiter.done(std::move(waiter.view));
    } else {
      waiters_.push_back(std::move(waiter));
    }
  });
}

bool LaneWorker::quiet() const {
  if (recovering_ || lane_.can_seal() || lane_.has_late() || !under_way_.empty() ||
      reads_under_way_ > 0 || replay_appends_ > 0) {
    return false;
  }
  // Asked of the log, not remembered: a record may be readable whose notice has not come yet.
  const Result<LogChunk> more = at_.log.read(partition_, Channel::kLive, read_after_, ByteCount{1});
  return more && more->records.empty();
}

LaneWorker::View LaneWorker::look(Window range, std::optional<uint16_t> slot) const {
  View view{.watermark = lane_.watermark(),
            .frontier = lane_.frontier(),
            .memory = lane_.memory(),
            .sources = lane_.sources(),
            .open = {},
            .recovered_events = recovered_events_,
            .quiet = quiet(),
            .gaps = lane_.gaps(),
            .bounds = lane_.bounds()};
  for (const auto& [id, commit] : under_way_) {
    view.gaps.insert(view.gaps.end(), commit.gaps.begin(), commit.gaps.end());
    view.bounds.insert(view.bounds.end(), commit.bounds.begin(), commit.bounds.end());
  }
  for (const PageKey& key : lane_.open_pages(range, slot)) {
    view.open.push_back({key, lane_.open_page(key.window, key.slot)});
  }
  return view;
}

}  // namespace hindcast
