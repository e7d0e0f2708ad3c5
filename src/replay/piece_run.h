// One piece of a job (history/history.h) from the first chunk of history to the last commit: cuts
// what the cursor delivers into subwindows and drives them one after the other.
//
//   kHistory ──► cutter ──► kAllowance ──► kHeads ─► kParts ⇄ kCommit ──► result
//      ▲                        ▲  more slices are ready                    │
//      └── history is needed    └──────────────────────────────────────────┤
//                               the last slice is finished: kDone ◄────────┘
//                                       (or kFailed with a reason, at any time)
//
// On the route "separate" each slice takes two turns. The first compares heads and hands out what
// differs (kAppend), for the partition's replay log. When the driver says that the drain has merged
// it (routed()), the second is the usual one: it finds the events there, so it writes nothing,
// proves that they are, and finds what history lacks. What a crash or a damaged log lost on the way
// it adds itself.
//
// A subwindow is cut behind whole page windows once they hold about events_max events
// (replay/cutter.h); a page window that alone holds dense_max is merged in parts, whose counts come
// with the result of the window. Memory is bounded by dense_max and a chunk: that of a finished
// subwindow is kept for the next one.
//
// A state machine over values, driven by threads, a child process or the simulator. Thread safety:
// confined to its driver.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "history/history.h"
#include "lane/subwindow.h"

namespace hindcast {

struct PieceRunOptions {
  SubwindowOptions subwindow;  // its range is the job's, clipped to the frontier
  Window piece;                // what this run reads; aligned to page windows but at the job's ends
  uint64_t events_max = 65'536;    // of a subwindow; larger means more memory and loss on cancel
  ByteCount bytes_max = 4_MiB;     // of decoded events, likewise
  uint64_t dense_max = 1'048'576;  // events of one page window held at once
  bool separate = false;           // through the replay log
};

/// What a finished subwindow says.
struct SubwindowResult {
  Window window;         // of event time: all of it was handed over by history, and is committed
  bool certain = false;  // by history's word (HistoryChunk::complete_to), not by assumed order
  bool wrote = false;
  ReplayCounts counts;  // of this subwindow, with what was read for it
  uint64_t through_log =
      0;  // of the events read: appended to the replay log, and merged from there
  std::vector<HistoryShort> shorts;
  std::vector<HistoryChunk::Missing> missing;  // what history says it lacks
  std::vector<DeadLetter> dead;                // the first 100
};

class PieceRun {
 public:
  enum class Need : uint8_t {
    kHistory,
    kAllowance,
    kHeads,
    kParts,
    kCommit,
    kAppend,
    kDone,
    kFailed
  };

  explicit PieceRun(PieceRunOptions options);
  ~PieceRun();

  Need need() const;
  /// kHistory. Errors of the cursor that may pass are the driver's to retry; give() others.
  /// An event older than what was assumed complete fails the piece ("unsorted: …"), as do, at its
  /// end, most events elsewhere although there are no more than the piece is long ("outside: …;
  /// wrong time zone or time unit?"), and not one readable record ("unreadable: …").
  void give(Result<HistoryChunk> chunk);
  /// A batch for Cursor::reuse(), from the last subwindow; without memory when there is none. Fresh
  /// memory for each chunk would cost as much as comparing its events.
  EventBatch take_spare();
  /// kAllowance: events that wait (0 where history is empty); go on with allowed().
  /// kAllowance: events that wait (0 where history is empty, and before a survey: for what goes
  /// through the replay log the drain asks); go on with allowed().
  uint64_t asks_for() const;
  void allowed();
  std::vector<PageRange> heads() const;
  void give_heads(std::vector<PageHead> heads);
  std::vector<PageRead> parts() const;
  void give_parts(std::vector<PageParts> pages, ProcessingTime now);
  Commit take_commit();
  void committed(const CommitResult& result);
  /// kAppend: events for the replay log, by partition, to be taken once; go on with routed() when
  /// the drain has merged them. `counts`: what it did for this job meanwhile.
  std::vector<std::pair<PartitionId, EventBatch>> take_differing();
  void routed(const ReplayCounts& counts);

  /// Frontiers have moved: later subwindows may use more.
  void set_frontiers(std::map<PartitionId, Frontier> frontiers);

  /// Finished subwindows since the last call, in order of time. At kDone the last one reaches the
  /// piece's end, and all of it is certain: nothing came that contradicts an earlier one. kDone may
  /// be reached before the cursor's end, when history is certain to have nothing more of the piece.
  std::vector<SubwindowResult> take_results();
  /// kFailed: code and a message that begins with a stable word.
  const Error& failure() const;
  ByteCount memory() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hindcast
