// One worker of the replay lane: takes pieces from the book and carries them between history and
// store, one at a time. It decides nothing about data (PieceRun does) nor about turns (JobBook
// does); it retries, and knows what it waits for. Where the piece is worked at, here or in a
// process of its own, makes no difference to it (replay/piece_work.h).
//
//   idle ─ take ─► prepare ─► idle
//                └► read: cursor.next ─► PieceRun ─► heads, parts, commit ─► progress ─► idle
//                         or, route "separate": heads ─► replay log ─► merged by the drain ─┘
//
// Driven by step(), which never waits: it says when to be called again. Answers of history and
// store may come on any thread, and call `wake`.
//
// Time: handed in. Thread safety: step() and release() from one thread.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/rng.h"
#include "history/history.h"
#include "replay/chain.h"
#include "replay/job_book.h"
#include "replay/log_route.h"
#include "replay/piece_work.h"
#include "store/store.h"

namespace hindcast {

/// A source whose history can be read.
struct ReplaySource {
  History* history = nullptr;  // null: none is configured
  uint32_t retries = 5;        // of one call, before its piece is set aside
};

class JobRunner {
 public:
  struct Places {
    JobBook& book;
    Store& store;
    std::function<const ReplayStream&(StreamId)> stream;
    std::function<ReplaySource(SourceId)> source;
    std::function<void()> wake;               // any thread: step() again
    std::function<void(StreamId)> committed;  // pages of it changed: marks may wait. On the
                                              // store's thread, maybe after this runner has gone
    /// For what damaged pages lost (lane/remake.h); absent: such a page sets its piece aside.
    std::function<Result<GapId>()> next_gap = nullptr;
    std::function<void(GapId)> gap_known = nullptr;  // such a gap is in the store; may be null
    uint64_t piece_events_max = 65'536;              // of a subwindow: PieceRunOptions::events_max
    std::shared_ptr<Chain> chain = nullptr;          // owners: all workers; null: one of its own
    Credits::Taker worker = 0;                       // its number on the chain
    LogRoute* route = nullptr;                       // null: direct. Repairs go direct in any case
    /// Opens pieces elsewhere than in this process; null: here.
    std::function<Result<std::unique_ptr<PieceWork>>(PieceOrder)> open = nullptr;
  };
  /// What a piece may come to hold: its room on the chain's link `merge`.
  static constexpr ByteCount kPieceRoom = 16_MiB;
  /// Rooms of a chain for so many workers.
  static Chain::Room room_for(uint32_t workers);

  explicit JobRunner(Places places, Rng& rng);
  ~JobRunner();

  /// When to call step() again, unless woken before.
  MonoTime step(MonoTime now, ProcessingTime wall);
  /// Gives the piece back. What was committed of it counts.
  void release(MonoTime now, ProcessingTime wall);
  bool busy() const { return run_ != nullptr; }
  ByteCount memory() const;

 private:
  struct Inbox;
  using When = std::optional<MonoTime>;  // nullopt: go on at once

  When take(MonoTime now, ProcessingTime wall);
  void prepare(MonoTime now, ProcessingTime wall);
  When open(MonoTime now, ProcessingTime wall);
  /// Reads a page window of what is stored for proofs of numbers.
  Status show(MonoTime now, ProcessingTime wall);
  Status open_piece();
  When read_history(MonoTime now, ProcessingTime wall);
  When answered(const Result<PieceWork::Read>& read, MonoTime now, ProcessingTime wall);
  void give_heads(MonoTime now, ProcessingTime wall);
  void give_parts(MonoTime now, ProcessingTime wall);
  When commit(MonoTime now, ProcessingTime wall);
  When append(MonoTime now, ProcessingTime wall);
  bool all_merged() const;
  void hand_over(bool end, MonoTime now, ProcessingTime wall);
  void set_aside(const Error& error, MonoTime now, ProcessingTime wall);
  void lose(const PieceWork::Lost& lost, MonoTime now, ProcessingTime wall);
  void drop(MonoTime now);
  void because(Reason reason, MonoTime now);
  void spend(MonoTime now);
  Duration backoff() const;

  const Places at_;
  Rng& rng_;
  const std::shared_ptr<Inbox> inbox_;  // owners: this runner and callbacks under way
  const std::shared_ptr<Chain> chain_;  // owners: likewise, and all workers
  std::optional<Assignment> assignment_;
  std::unique_ptr<PieceWork> run_;
  std::vector<GapId> gaps_;  // of the commit under way
  uint32_t retries_ = 5, attempts_ = 0;
  MonoTime not_before_{};         // of the next call to history
  bool asked_ = false;            // history owes an answer
  bool has_room_ = false;         // of a piece
  std::optional<Commit> commit_;  // has no room on its link yet
  bool committing_ = false;       // the store owes an answer
  MonoTime commit_at_{};          // since then
  // Of what goes through the replay log:
  bool appends_taken_ = false;
  std::vector<LogAppend> unsent_;
  size_t sending_ = 0;                    // the first so many are being appended
  std::map<PartitionId, Position> sent_;  // the last ones
  Reason reason_ = Reason::kCompute;
  bool resting_ = false;  // waits before it asks history again
  Busy busy_;             // not handed over yet
  MonoTime spent_to_{};   // time before it is in there
};

}  // namespace hindcast
