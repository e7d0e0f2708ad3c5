// The live lane's state, and its steps by file: apply.cc (records in), gaps.cc (what is missing),
// seal.cc (windows out), merge_late.cc (late and spilled pages), live_lane.cc (commits,
// checkpoints, answers).
//
// One *operation* at a time needs pages of the store: a late merge, a spill of a page that was
// spilled before, or the seal of such a page. While it is under way no other commit is made, so a
// checkpoint never has to speak of events that are in nobody's buffer. Reads are asked for only
// when no commit is in flight: what they find is then what this lane wrote last.
//
//   (none) ──begin──► kWaiting ──in-flight commits answered──► kReading ──pages_read──► (none)
//                                                                  ▲           │ late only: it can
//                                                                  conflict └─conflict─ kCommitting
//                                                                  ──committed──► (none)
#pragma once
#include <map>
#include <optional>
#include <vector>

#include "lane/late_buffer.h"
#include "lane/live_lane.h"
#include "lane/open_pages.h"
#include "lane/page_merge.h"
#include "lane/parent_marks.h"
#include "lane/replay_hand_off.h"
#include "lane/sequence_counts.h"
#include "lane/settled.h"
#include "lane/tally_sheet.h"

namespace hindcast {

/// Facts of coverage that wait for a commit.
struct WaitingFacts {
  std::vector<Gap> gaps;
  std::vector<GapBound> bounds;
  size_t size() const { return gaps.size() + bounds.size(); }
  bool empty() const { return size() == 0; }
};

struct Operation {
  enum class Kind : uint8_t { kLate, kSpill, kSeal } kind = Kind::kLate;
  enum class State : uint8_t { kWaiting, kReading, kCommitting } state = State::kWaiting;
  std::map<PageAt, LateBuffer> late;  // kLate
  std::vector<PageAt> pages;          // kSpill, kSeal: still open, and filling, until they are read
  std::vector<PageRead> reads;
  size_t memory = 0;
  // kCommitting: what a conflict gives back.
  CommitId commit = 0;
  TallySheet carried_tallies;  // of the next commit, whichever it had been
  std::vector<DeadLetterFact> carried_dead;
  WaitingFacts carried_facts;
  std::vector<SequencePut> carried_sequences;
  std::vector<TallyDelta> settled;
};

inline size_t memory_of(const DeadLetterFact& fact) {
  return sizeof fact + fact.letter.raw.size() + fact.letter.detail.size() +
         fact.letter.place.size();
}

struct LiveLane::Impl {
  Impl(LiveLaneOptions given, std::optional<Checkpoint> checkpoint, LaneFacts facts);

  // apply.cc
  Status apply(const LogRecord& record);
  Status apply_events(const LogRecord& record, bool again);
  Status apply_control(const LogRecord& record);
  void sort_events(const LogRecord& record, bool again, LogMark since);
  void refuse(const LogRecord& record, const Error& error);

  // gaps.cc
  void lost(const LogDamage& damage);
  /// Events are there again: gaps of damage get their right edge.
  void bound_damage();
  void judge_numbers();
  Gap numbered_gap(const Window& range, std::vector<GapNumbers::Count> missing_of,
                   std::string detail) const;
  void open_gap(Gap gap);

  // seal.cc
  EventTime sealable() const { return align_down(watermark.value(), options.schema.page_window); }
  bool can_seal() const;
  Effects seal_slice(ByteCount budget, ProcessingTime now);
  Effects seal_read(std::vector<PageParts> pages, ProcessingTime now);
  void passed(PageAt page);

  // merge_late.cc
  bool has_late() const;
  Effects flush_late(ProcessingTime now);
  Effects late_read(std::vector<PageParts> pages, ProcessingTime now);
  void late_refused();
  bool over_memory() const;
  Effects spill(ProcessingTime now);
  bool holds_log() const;
  Effects release_log(ProcessingTime now);
  Effects spill_read(std::vector<PageParts> pages, ProcessingTime now);

  // live_lane.cc
  /// Starts an operation: its reads now, or once the commits in flight are answered.
  Effects begin(Operation operation);
  Commit start_commit(Cause cause, ProcessingTime now) const;
  /// Adds what waits for any commit: tallies, dead letters, the checkpoint. The commit counts as
  /// given then.
  Commit& finish(Commit& commit, MarkSet& marks, TallySheet& outcomes);
  Checkpoint checkpoint() const;
  Position safe_now() const;
  MergeContext context(Cause::Kind cause, ProcessingTime now) const;
  Duration delay_of(SourceId source) const;
  PageKey key(PageAt at) const { return {options.partition, at.first, at.second}; }
  uint64_t& pending_of(SourceId source);
  size_t memory() const;
  bool quiet() const { return !recovering && !failure && !operation; }
  Effects fail(Error error);

  const LiveLaneOptions options;
  ByteCount memory_max, reread_max;  // as last set; at first the options'
  Settled settled;
  Watermark watermark;
  Frontier frontier;
  OpenPages open;
  LateBuffer late;
  ReplayHandOff replay;
  ParentMarks marks;
  SequenceCounts counts;

  // What the next commit carries besides its pages.
  TallySheet tallies;
  std::vector<DeadLetterFact> dead;
  size_t dead_bytes = 0;
  WaitingFacts facts;
  bool checkpoint_due = false;  // events moved to the replay log, and no commit says so yet

  Position applied;  // last record applied (or skipped as settled)
  Position read_after;
  uint64_t applied_bytes = 0;         // payload applied in this life
  mutable uint64_t oldest_bytes = 0;  // a lower bound of the oldest open event's place in it
  bool recovering = false;
  std::optional<Error> failure;
  std::vector<std::pair<SourceId, uint64_t>> pending;

  std::vector<Gap> damage;  // known gaps of damage, of this life and former ones
  struct DamageEdge {
    GapId gap;
    EventTime highest_before;
  };
  std::vector<DamageEdge> open_damage;  // those without a right edge

  std::optional<Operation> operation;
  PageAt flush_from{};  // where the next late merge begins: round and round
  struct InFlight {
    Position safe;
    size_t bytes = 0;
  };
  std::map<CommitId, InFlight> in_flight;
  size_t in_flight_bytes = 0;
  CommitId last_id = 0, last_given = 0, last_committed = 0;
  Position committed_safe;

  // Scratch of apply, kept for its memory.
  EventBatch batch;
  std::vector<uint16_t> slot_of_key;
  std::vector<uint32_t> target_of_row;
  std::vector<PageBuffer*> touched;
  std::vector<EventBatch*> targets;
  uint64_t record_stamp = 0;
};

}  // namespace hindcast
