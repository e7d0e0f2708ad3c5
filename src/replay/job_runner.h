// One worker of the replay lane: takes pieces from the book and carries them between history and
// store, one at a time. It decides nothing about data (PieceRun does) nor about turns (JobBook
// does); it retries, and knows what it waits for.
//
//   idle ─ take ─► prepare ─► idle
//                └► read: cursor.next ─► PieceRun ─► heads, parts, commit ─► progress ─► idle
//
// Driven by step(), which never waits: it says when to be called again. Answers of history and
// store may come on any thread, and call `wake`.
//
// Time: handed in. Thread safety: step() and release() from one thread.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/rng.h"
#include "history/history.h"
#include "replay/job_book.h"
#include "store/store.h"

namespace hindcast {

/// A stream as the replay lane knows it.
struct ReplayStream {
  StreamId id;
  StreamSchema schema;
  std::vector<LaneAggregate> aggregates;
  std::vector<PartitionId> partitions;  // by index
};
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
  };
  explicit JobRunner(Places places, Rng& rng);
  ~JobRunner();

  /// When to call step() again, unless woken before.
  MonoTime step(MonoTime now, ProcessingTime wall);
  /// Gives the piece back. What was committed of it counts.
  void release(ProcessingTime wall);
  bool busy() const { return run_ != nullptr; }
  ByteCount memory() const;

 private:
  struct Inbox;
  using When = std::optional<MonoTime>;  // nullopt: go on at once

  When take(MonoTime now, ProcessingTime wall);
  void prepare(MonoTime now, ProcessingTime wall);
  Status open_piece();
  When read_history(MonoTime now, ProcessingTime wall);
  When answered(Result<HistoryChunk> chunk, MonoTime now, ProcessingTime wall);
  void give_heads(ProcessingTime wall);
  void give_parts(ProcessingTime wall);
  When commit(MonoTime now, ProcessingTime wall);
  void hand_over(bool end, MonoTime now, ProcessingTime wall);
  void set_aside(const Error& error, ProcessingTime wall);
  void drop();
  Duration backoff() const;

  const Places at_;
  Rng& rng_;
  const std::shared_ptr<Inbox> inbox_;  // owners: this runner and callbacks under way
  std::optional<Assignment> assignment_;
  std::unique_ptr<Cursor> cursor_;
  std::unique_ptr<PieceRun> run_;
  std::vector<GapId> gaps_;  // of the commit under way
  uint32_t retries_ = 5, attempts_ = 0;
  MonoTime not_before_{};    // of the next call to history
  bool asked_ = false;       // history owes an answer
  bool committing_ = false;  // the store does
  std::vector<Bytes> keys_;  // sorted; of the assignment
  Reason reason_ = Reason::kCompute;
  MonoTime charged_to_{};  // time before it has been charged
};

}  // namespace hindcast
