// Cuts what a history delivers into slices of event time that can each be committed: behind whole
// page windows of which everything is there, as far as history's order is trusted.
//
//   chunks          ───■■■■■■■■■■■■■■■■■■■■■■■──►       in about this order
//   handed over     ───────────────────┤ covered_to
//   page windows    ─┼────┼────┼────┼────┼────┼──
//   slices          ─┤ cut already  ├─ next ┤ held …
//
// Memory: about events_max events and a chunk, or dense_max where a page window holds that many (or
// history is in no order by time); these are then given away in parts of which none is whole.
//
// Confined to its owner.
#pragma once
#include <deque>
#include <optional>
#include <vector>

#include "history/history.h"
#include "progress/replay_job.h"

namespace hindcast {

/// Dead letters kept of one slice, for people.
inline constexpr size_t kDeadLettersKept = 100;

struct CutterOptions {
  const StreamSchema& schema;
  Window piece;
  uint64_t events_max = 0;  // as in PieceRunOptions
  ByteCount bytes_max;
  uint64_t dense_max = 0;
};

struct Slice {
  /// All of it was handed over. Empty: a part of what a dense window holds.
  Window window;
  Window events_in;  // where the events lie
  Window whole;      // page windows of which `events` are all; may be empty
  bool certain = false;
  std::vector<EventBatch> events;
  uint64_t size = 0;    // events
  ReplayCounts counts;  // of what was read for it and did not become `events`
  std::vector<HistoryChunk::Missing> missing;
  std::vector<DeadLetter> dead;
};

class Cutter {
 public:
  explicit Cutter(CutterOptions options);

  /// Errors, each beginning with its word: "unsorted: …" an event before what was cut already;
  /// "outside: …" most events were elsewhere; "unreadable: …" there are dead letters and no event.
  /// The latter two are known at the end.
  Status give(HistoryChunk chunk);

  /// The next slice, when enough is there.
  std::optional<Slice> next();
  /// The last slice was given out. History need not be at its end for that, if it is certain to
  /// have nothing more of the piece.
  bool finished() const { return ended_ && from_ == options_.piece.end; }
  ByteCount memory() const;

 private:
  /// A chunk's events, those before `begin` taken already.
  struct Held {
    EventBatch events;
    size_t begin = 0;
    bool sorted = false;            // known to be, by time
    EventTime lowest{}, highest{};  // of the rest
  };
  Status check_order(const HistoryChunk& chunk) const;
  void hold(EventBatch events, Window span);
  Status check_end() const;
  EventTime cut_possible() const;
  uint64_t bytes_held() const;
  void take_before(EventTime cut, Slice& slice);

  const CutterOptions options_;
  std::deque<Held> held_;
  uint64_t held_events_ = 0;
  EventTime from_;                       // all before it was cut
  EventTime broken_to_ = kMinEventTime;  // page windows before it are not whole
  EventTime covered_ = kMinEventTime, complete_ = kMinEventTime;
  bool ended_ = false;
  // Of all chunks:
  uint64_t events_seen_ = 0, events_elsewhere_ = 0;
  EventTime lowest_seen_ = kMaxEventTime, highest_seen_ = kMinEventTime;
  std::optional<DeadLetter> first_dead_;
  Slice read_;  // since the last slice: counts, missing, dead
};

}  // namespace hindcast
