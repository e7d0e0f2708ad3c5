// The unit of replay: a small batch of history's events, brought into the pages behind the
// frontier. Costs nothing where nothing is missing (law L10) and never removes anything (law L9).
//
//   events ─ group by page, digest ─► kHeads ─► pages whose count and digest agree end here
//     kParts ─ keys whose sums agree end here ─ merge_page ─► kCommit ─┬─► kDone
//       ▲         nothing is new: no commit                           │
//       └──── more pages, or kConflict: those pages again ◄────────────┘
//
// A state machine over values: no thread, lock, clock, file or socket. Thread safety: confined to
// its driver.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "lane/live_lane.h"
#include "progress/replay_job.h"
#include "store/store.h"

namespace hindcast {

struct SubwindowOptions {
  const StreamSchema& schema;
  const std::vector<LaneAggregate>& aggregates;
  const std::vector<PartitionId>& partitions;  // of the stream, by index
  /// As of a snapshot taken before; a frontier only grows, so an old one is only too careful.
  /// Events that are not behind it are `outside`.
  std::map<PartitionId, Frontier> frontiers;
  Window range;                              // events at other times are `outside`
  const std::vector<Bytes>* keys = nullptr;  // sorted; events of others are `outside`; null = all
  Cause cause;
  /// Repairs: where history's record of an id differs from ours, it is added with this decision
  /// and wins. 0 = the usual winner.
  uint64_t decision = 0;
  // Damaged pages (lane/remake.h): what is lost is a gap of this stream. Absent: they fail the run.
  StreamId stream{};
  std::function<Result<GapId>()> next_gap = nullptr;
  size_t commit_bytes_max = size_t{256} << 10;  // of parts and rows per commit, at least one page
  bool survey = false;  // only compare heads: kDone follows kHeads, then take_differing()
};

/// Events that the store holds and history does not, by what a gap can be scoped to.
struct HistoryShort {
  PartitionId partition;
  Bytes key;
  Window window;  // the page window
  uint64_t events = 0;
};

class Subwindow {
 public:
  enum class Need : uint8_t { kHeads, kParts, kCommit, kDone, kFailed };

  /// `events`: as history gave them, in any order, also several times. `whole`: stretches of whole
  /// page windows of which they are all that history has; only these are found short.
  Subwindow(SubwindowOptions options, std::vector<EventBatch> events, std::vector<Window> whole);
  ~Subwindow();
  Subwindow(Subwindow&&) noexcept;
  Subwindow& operator=(Subwindow&&) noexcept;

  Need need() const;
  /// kHeads: which; answer with all heads found there.
  std::vector<PageRange> heads() const;
  void give_heads(std::vector<PageHead> heads);
  /// kParts: which, in page order, bounded by commit_bytes_max as far as can be told; answer with
  /// one entry for each in the same order, absent pages as version 0. Read with Lane::kReplay;
  /// of damaged pages with their rows (read_for_merge).
  std::vector<PageRead> parts() const;
  void give_parts(std::vector<PageParts> pages, ProcessingTime now);
  /// kCommit: pages, rows and marks, on Lane::kReplay. The driver sets id and sends it. Once taken,
  /// the answer is due; after kUnknown the same commit can be taken again.
  Commit take_commit();
  void committed(const CommitResult& result);

  /// kFailed: a damaged page without `next_gap`, or a commit was fenced.
  Status failure() const;
  /// Complete at kDone. Without dead letters, bytes read and requests: those are the reader's.
  const ReplayCounts& counts() const;
  /// Of `whole` windows, in page order; complete at kDone.
  const std::vector<HistoryShort>& shorts() const;
  /// At kDone, once: the batches it was given, as far as they were not freed on the way (they are
  /// all there when every page was equal), for their memory.
  std::vector<EventBatch> take_events();
  /// Of a survey: events of pages that history and the store do not agree about, by partition.
  std::vector<std::pair<PartitionId, EventBatch>> take_differing();
  bool wrote() const { return counts().pages_changed > 0; }
  ByteCount memory() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hindcast
