#include "replay/job_runner.h"

#include <algorithm>
#include <mutex>
#include <set>
#include <utility>

#include "base/assert.h"
#include "base/hash.h"
#include "lane/read_page.h"
#include "lane/remake.h"
#include "lane/replay_records.h"
#include "model/key.h"
#include "replay/local_piece.h"
#include "store/commit_rules.h"

namespace hindcast {
namespace {

constexpr ByteCount kReadBytes = 256_KiB;  // of history at a time: bounds what a call holds up
constexpr ByteCount kCommitRoom = 4_MiB;   // of commits on their way, for each worker
constexpr Duration kIdlePoll = 100ms;      // frontiers and clocks move without telling
constexpr Duration kLongWait = 1s;         // for an answer that will wake us
constexpr Duration kBackoffMin = 250ms, kBackoffMax = 30s;

bool may_pass(const Error& error) {
  return error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kOverloaded;
}

}  // namespace

/// Where answers wait for the next step. Answers to a piece that was dropped are dropped, too.
struct JobRunner::Inbox {
  std::mutex mutex;
  std::optional<Result<PieceWork::Read>> read;            // guarded by mutex
  std::optional<Result<CommitResult>> committed;          // guarded by mutex
  std::optional<Result<std::vector<Position>>> appended;  // guarded by mutex
  uint64_t turn = 0;                                      // of the piece; guarded by mutex

  /// A callback that puts its answer into `place`. What waited for it has its room on the chain
  /// until then, also when nobody wants the answer any more.
  template <class T>
  static Done<T> answer(std::shared_ptr<Inbox> inbox, std::optional<Result<T>> Inbox::*place,
                        std::shared_ptr<Chain> chain, Link link, ByteCount room,
                        std::function<void()> wake) {
    uint64_t turn = 0;
    {
      const std::scoped_lock lock(inbox->mutex);
      turn = inbox->turn;
    }
    return [inbox = std::move(inbox), place, turn, chain = std::move(chain), link, room,
            wake = std::move(wake)](Result<T> result) {
      chain->give_back(link, room);
      {
        const std::scoped_lock lock(inbox->mutex);
        if (inbox->turn != turn) return;
        (*inbox).*place = std::move(result);
      }
      wake();
    };
  }
  template <class T>
  std::optional<Result<T>> take(std::optional<Result<T>> Inbox::*place) {
    const std::scoped_lock lock(mutex);
    return std::exchange(this->*place, std::nullopt);
  }
};

JobRunner::JobRunner(Places places, Rng& rng)
    : at_(std::move(places)),
      rng_(rng),
      inbox_(std::make_shared<Inbox>()),
      chain_(at_.chain ? at_.chain : std::make_shared<Chain>(room_for(1))) {}
JobRunner::~JobRunner() { drop(spent_to_); }

Chain::Room JobRunner::room_for(uint32_t workers) {
  return {ByteCount{kReadBytes.value * workers}, ByteCount{kPieceRoom.value * workers},
          ByteCount{kCommitRoom.value * workers}};
}

ByteCount JobRunner::memory() const { return run_ ? run_->memory() : ByteCount{}; }

void JobRunner::drop(MonoTime now) {
  run_.reset();
  assignment_.reset();
  commit_.reset();
  asked_ = committing_ = appends_taken_ = false;
  unsent_.clear();
  sending_ = 0;
  sent_.clear();
  if (std::exchange(has_room_, false)) chain_->give_back(Link::kMerge, kPieceRoom);
  chain_->leave(at_.worker, now);
  const std::scoped_lock lock(inbox_->mutex);
  ++inbox_->turn;
  inbox_->read.reset();
  inbox_->committed.reset();
  inbox_->appended.reset();
}

void JobRunner::release(MonoTime now, ProcessingTime wall) {
  if (assignment_) at_.book.released(*assignment_, wall);
  drop(now);
}

void JobRunner::lose(const PieceWork::Lost& lost, MonoTime now, ProcessingTime wall) {
  if (lost.on_it) {
    at_.book.died(*assignment_, lost.how, wall);
  } else {
    at_.book.released(*assignment_, wall);
  }
  drop(now);
}

void JobRunner::because(Reason reason, MonoTime now) {
  if (reason == reason_) return;
  spend(now);
  reason_ = reason;
  at_.book.because(*assignment_, reason, now);
}

/// Capacity is measured by work alone: not by waits for allowance or room, nor by pauses between
/// retries.
void JobRunner::spend(MonoTime now) {
  const Duration time = std::max(now - spent_to_, Duration(0));
  spent_to_ = now;
  if (reason_ == Reason::kCompute) busy_.compute += time;
  if (reason_ == Reason::kStore && committing_) busy_.store += time;
  if (reason_ == Reason::kReader && !resting_) busy_.reader += time;
}

MonoTime JobRunner::step(MonoTime now, ProcessingTime wall) {
  if (!assignment_) {
    spent_to_ = now;
    return take(now, wall).value_or(now);
  }
  spend(now);
  if (!at_.book.wanted(*assignment_)) {
    release(now, wall);
    return now;
  }
  if (!run_) return open(now, wall).value_or(now);
  if (const std::optional<PieceWork::Lost> lost = run_->lost()) {
    lose(*lost, now, wall);
    return now;
  }
  When when;
  switch (run_->need()) {
    case PieceRun::Need::kHistory:
      when = read_history(now, wall);
      break;
    case PieceRun::Need::kAllowance:
      if (const auto wait = at_.book.allow(*assignment_, run_->asks_for(), now)) {
        because(wait->reason, now);
        when = wait->until;
      } else {
        because(Reason::kCompute, now);
        run_->allowed();
      }
      break;
    case PieceRun::Need::kHeads:
      because(Reason::kCompute, now);
      give_heads(now, wall);
      break;
    case PieceRun::Need::kParts:
      because(Reason::kCompute, now);
      give_parts(now, wall);
      break;
    case PieceRun::Need::kCommit:
      when = commit(now, wall);
      break;
    case PieceRun::Need::kAppend:
      when = append(now, wall);
      break;
    case PieceRun::Need::kDone:
      hand_over(true, now, wall);
      drop(now);
      return now;
    case PieceRun::Need::kFailed:
      set_aside(run_->failure(), now, wall);
      return now;
  }
  if (run_) hand_over(false, now, wall);
  return when.value_or(now);
}

JobRunner::When JobRunner::take(MonoTime now, ProcessingTime wall) {
  Result<std::shared_ptr<const Snapshot>> snapshot = at_.store.snapshot();
  if (!snapshot) return now + kLongWait;
  const auto frontier = [&](StreamId id) {
    EventTime slowest = kMaxEventTime;
    for (const PartitionId partition : at_.stream(id).partitions) {
      const auto checkpoint = (*snapshot)->checkpoint(partition);
      slowest = std::min(
          slowest, checkpoint && *checkpoint ? (*checkpoint)->frontier.window : kMinEventTime);
    }
    return slowest;
  };
  const auto settled = [&](StreamId stream, SourceId id) {
    const ReplaySource source = at_.source(id);
    if (source.history == nullptr) return kMaxEventTime;
    return align_down(EventTime(wall.time_since_epoch() - source.history->settle()),
                      at_.stream(stream).schema.page_window);
  };
  assignment_ = at_.book.take(frontier, settled, now, wall);
  if (!assignment_) return now + kIdlePoll;
  if (assignment_->kind == Assignment::Kind::kPrepare) {
    prepare(now, wall);
    assignment_.reset();
    return std::nullopt;
  }
  if (assignment_->kind == Assignment::Kind::kShow) {
    if (const Status read = show(now, wall); !read)
      at_.book.not_shown(*assignment_, now + kLongWait);
    assignment_.reset();
    return std::nullopt;
  }
  reason_ = Reason::kCompute;  // as the book has it
  return open(now, wall);
}

JobRunner::When JobRunner::open(MonoTime now, ProcessingTime wall) {
  if (!chain_->try_take(Link::kMerge, at_.worker, kPieceRoom, now)) {
    because(Reason::kMemory, now);
    return now + kIdlePoll;
  }
  has_room_ = true;
  because(Reason::kCompute, now);
  if (const Status opened = open_piece(); !opened) set_aside(opened.error(), now, wall);
  return std::nullopt;
}

void JobRunner::prepare(MonoTime now, ProcessingTime wall) {
  const ReplayJob& job = assignment_->job;
  const ReplaySource source = at_.source(job.source);
  if (source.history == nullptr) {
    return at_.book.refused(
        job.id, {ErrorCode::kInvalidArgument, "no-history: its source has no [source.history]"},
        std::nullopt, wall);
  }
  Result<std::vector<Window>> pieces = source.history->pieces(job.range);
  if (!pieces) {
    const bool again = may_pass(pieces.error());
    return at_.book.refused(job.id, pieces.error(),
                            again ? std::optional(now + kBackoffMax / 10) : std::nullopt, wall);
  }
  const auto snapshot = at_.store.snapshot();
  Result<CoverageFacts> facts = snapshot ? (*snapshot)->coverage(job.stream) : snapshot.error();
  if (!facts) return at_.book.refused(job.id, facts.error(), now + kLongWait, wall);
  at_.book.prepared(job.id, *std::move(pieces), *facts, at_.stream(job.stream).partitions, wall);
}

Status JobRunner::show(MonoTime now, ProcessingTime wall) {
  const ReplayStream& stream = at_.stream(assignment_->job.stream);
  const Window page_window = window_of(assignment_->piece.start, stream.schema.page_window);
  const std::vector<Bytes>& keys = assignment_->keys;
  std::set<std::pair<PartitionId, uint16_t>> slots;
  for (const Bytes& key : keys) {
    const uint64_t hash = hash64(key);
    slots.insert({stream.partitions[partition_of_hash(hash, stream.schema.partitions)],
                  slot_of_hash(hash, stream.schema.slots)});
  }
  const auto wanted = [&](BytesView key) {
    return keys.empty() || std::ranges::binary_search(keys, key);
  };
  HC_TRY_ASSIGN(const std::shared_ptr<const Snapshot> snapshot, at_.store.snapshot());
  std::vector<EventBatch> events;
  for (const PartitionId partition : stream.partitions) {
    std::vector<PageKey> pages;
    HC_TRY(snapshot->heads({partition, page_window}, [&](const PageHead& head) {
      if (keys.empty() || slots.contains({partition, head.key.slot})) pages.push_back(head.key);
      return true;
    }));
    for (const PageKey& key : pages) {
      HC_TRY_ASSIGN(const PageParts page, snapshot->page(key, Lane::kReplay));
      Result<EventBatch> read = read_page(stream.schema, page, wanted);
      // What is lost of a damaged page is missing; a gap of its own says so, too.
      events.push_back(read ? *std::move(read) : remains_of(stream.schema, page).rows);
    }
  }
  const Window shown{assignment_->piece.start, std::min(assignment_->piece.end, page_window.end)};
  at_.book.shown(*assignment_, shown, events, now, wall);
  return {};
}

Status JobRunner::open_piece() {
  PieceOrder order{
      .job = assignment_->job,
      .piece = assignment_->piece,
      .frontiers = {},
      .events_max = at_.piece_events_max,
      .names_gaps = at_.next_gap != nullptr,
      .separate = at_.route != nullptr && assignment_->job.mode != ReplayJob::Mode::kRepair};
  const ReplayStream& stream = at_.stream(order.job.stream);
  const ReplaySource source = at_.source(order.job.source);
  HC_ASSERT(source.history != nullptr);  // prepare() found it
  HC_TRY_ASSIGN(const std::shared_ptr<const Snapshot> snapshot, at_.store.snapshot());
  for (const PartitionId partition : stream.partitions) {
    HC_TRY_ASSIGN(const std::optional<Checkpoint> live, snapshot->checkpoint(partition));
    order.frontiers[partition] = live ? live->frontier : Frontier{};
  }
  HC_TRY_ASSIGN(
      run_, at_.open ? at_.open(std::move(order))
                     : LocalPiece::open(stream, *source.history, std::move(order), at_.next_gap));
  retries_ = source.retries;
  attempts_ = 0;
  not_before_ = {};
  return {};
}

JobRunner::When JobRunner::read_history(MonoTime now, ProcessingTime wall) {
  if (!asked_) {
    resting_ = now < not_before_;
    because(Reason::kReader, now);
    if (resting_) return not_before_;
    if (!chain_->try_take(Link::kHistory, at_.worker, kReadBytes, now)) return now + kIdlePoll;
    asked_ = true;
    run_->read(kReadBytes, Inbox::answer<PieceWork::Read>(inbox_, &Inbox::read, chain_,
                                                          Link::kHistory, kReadBytes, at_.wake));
  }
  const std::optional<Result<PieceWork::Read>> read = inbox_->take<PieceWork::Read>(&Inbox::read);
  if (!read) return now + kLongWait;
  asked_ = false;
  if (run_->lost()) return std::nullopt;
  return answered(*read, now, wall);
}

JobRunner::When JobRunner::answered(const Result<PieceWork::Read>& read, MonoTime now,
                                    ProcessingTime wall) {
  if (read) {
    attempts_ = 0;
    because(Reason::kCompute, now);
    if (read->retry_after) not_before_ = now + *read->retry_after;
    run_->take_read();
    return std::nullopt;
  }
  if (!may_pass(read.error())) {
    run_->take_read();
    return std::nullopt;
  }
  if (++attempts_ > retries_) {
    Error error = read.error();  // its word stays in front
    error.message +=
        "; given up after " + std::to_string(retries_) + (retries_ == 1 ? " retry" : " retries");
    set_aside(error, now, wall);
    return std::nullopt;
  }
  resting_ = true;
  not_before_ = now + std::max(run_->retry_after().value_or(Duration(0)), backoff());
  return not_before_;
}

/// Doubles with each attempt, with full jitter, so that workers do not come back together.
Duration JobRunner::backoff() const {
  const Duration most =
      std::min<Duration>(kBackoffMax, kBackoffMin * (1LL << std::min(attempts_, 10U)));
  return kBackoffMin / 2 +
         Duration(static_cast<int64_t>(rng_.below(static_cast<uint64_t>(most.count()))));
}

void JobRunner::give_heads(MonoTime now, ProcessingTime wall) {
  const auto snapshot = at_.store.snapshot();
  const Status read = snapshot ? run_->read_heads(**snapshot) : snapshot.error();
  if (!read) set_aside(read.error(), now, wall);
}

void JobRunner::give_parts(MonoTime now, ProcessingTime wall) {
  const auto snapshot = at_.store.snapshot();
  const Status read = snapshot ? run_->read_parts(**snapshot, wall) : snapshot.error();
  if (!read) set_aside(read.error(), now, wall);
}

JobRunner::When JobRunner::commit(MonoTime now, ProcessingTime wall) {
  because(Reason::kStore, now);
  if (!committing_) {
    if (!commit_) {
      Result<Commit> commit = run_->take_commit();
      if (!commit) return std::nullopt;
      commit_ = *std::move(commit);
    }
    const ByteCount room = size_of(*commit_);
    if (!chain_->try_take(Link::kCommit, at_.worker, room, now)) return now + kIdlePoll;
    gaps_.clear();
    for (const Gap& gap : commit_->gaps) gaps_.push_back(gap.id);
    committing_ = true;
    commit_at_ = now;
    // Told from the store's thread: this one may be idle, and `committed` is a live thread's, too.
    at_.store.commit(
        *std::exchange(commit_, std::nullopt),
        [answer = Inbox::answer<CommitResult>(inbox_, &Inbox::committed, chain_, Link::kCommit,
                                              room, at_.wake),
         committed = at_.committed, stream = assignment_->job.stream](Result<CommitResult> result) {
          const bool stands = result.has_value();
          answer(std::move(result));
          if (stands) committed(stream);
        });
  }
  std::optional<Result<CommitResult>> result = inbox_->take<CommitResult>(&Inbox::committed);
  if (!result) return now + kLongWait;
  committing_ = false;
  at_.book.committed(now - commit_at_, now);
  if (!*result) {
    set_aside(result->error(), now, wall);
  } else {
    because(Reason::kCompute, now);
    run_->committed(**result);
    if ((*result)->state == CommitState::kCommitted && at_.gap_known)
      std::ranges::for_each(gaps_, at_.gap_known);
  }
  return std::nullopt;
}

/// Bit by bit, as far as there is room; then it waits until the drain has merged the last of it.
JobRunner::When JobRunner::append(MonoTime now, ProcessingTime wall) {
  if (!std::exchange(appends_taken_, true)) {
    Result<std::vector<LogAppend>> appends = run_->take_appends();
    if (!appends) return std::nullopt;  // it is lost
    unsent_ = *std::move(appends);
  }
  if (sending_ > 0) {
    auto answer = inbox_->take<std::vector<Position>>(&Inbox::appended);
    if (!answer) return now + kLongWait;
    const size_t sent = std::exchange(sending_, 0);
    if (*answer) {
      for (size_t i = 0; i < sent; ++i) sent_[unsent_[i].header.partition] = (**answer)[i];
      unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<ptrdiff_t>(sent));
    } else if (may_pass(answer->error())) {
      because(Reason::kStream, now);
      return now + kIdlePoll;
    } else {
      set_aside(answer->error(), now, wall);
      return std::nullopt;
    }
  }
  if (!unsent_.empty()) {
    ByteCount bytes;
    std::vector<LogAppend> batch;
    for (const LogAppend& record : unsent_) {
      if (!batch.empty() && bytes.value + record.payload.size() > kReplayAppendBytesMax) break;
      bytes += ByteCount{record.payload.size()};
      batch.push_back(record);
    }
    because(Reason::kStream, now);
    if (!at_.route->has_room(bytes)) return now + kIdlePoll;
    if (!chain_->try_take(Link::kCommit, at_.worker, bytes, now)) return now + kIdlePoll;
    sending_ = batch.size();
    at_.route->append(std::move(batch),
                      Inbox::answer<std::vector<Position>>(inbox_, &Inbox::appended, chain_,
                                                           Link::kCommit, bytes, at_.wake));
    return std::nullopt;
  }
  if (!all_merged()) {
    because(at_.book.late().waits.value_or(Reason::kStream), now);
    return now + kIdlePoll;
  }
  because(Reason::kCompute, now);
  sent_.clear();
  appends_taken_ = false;
  run_->routed(at_.route->take(assignment_->job.id));
  return std::nullopt;
}

bool JobRunner::all_merged() const {
  return std::ranges::all_of(
      sent_, [&](const auto& at) { return at_.route->is_merged(at.first, at.second); });
}

void JobRunner::hand_over(bool end, MonoTime now, ProcessingTime wall) {
  std::vector<SubwindowResult> results = run_->take_results();
  if (results.empty() && !end) return;
  at_.book.spent(std::exchange(busy_, Busy{}));
  at_.book.progressed(*assignment_, std::move(results), end, now, wall);
}

void JobRunner::set_aside(const Error& error, MonoTime now, ProcessingTime wall) {
  at_.book.set_aside(*assignment_, error, wall);
  drop(now);
}

}  // namespace hindcast
