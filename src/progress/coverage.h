// What is known to be missing, and what that says of a bucket.
//
// Gaps, their bounds and their outcomes are facts: only ever inserted. What is open follows from
// them, open = gaps - outcomes, so nothing stored can disagree with it. The order of facts does not
// matter:
//
//   filled        by any outcome that is not void: closed, the bucket is complete
//   else accepted or unfillable: closed, the bucket is final but not complete
//   else          open: no bucket it touches is final (law L5)
//
// Pure: no clock, no I/O. Thread safety: a Coverage is immutable.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "base/units.h"

namespace hindcast {

using GapId = uint64_t;  // from 1, taken from a counter by whoever opens it, never reused

/// Which keys of a stream a fact is about.
struct GapScope {
  enum class Kind : uint8_t {
    kAll,
    kPartition,
    kKeys,
    kAllBut,  // all keys but these; of outcomes only: history had everything, except …
  } kind = Kind::kAll;
  PartitionId partition;  // kPartition
  std::vector<std::pair<PartitionId, Bytes>>
      keys;  // kKeys, kAllBut: where each lives, and its canonical bytes
  bool operator==(const GapScope&) const = default;
};

/// Numbers that a source counts up and that did not come: what a fill has to show. Of each count
/// all from `first` to `last`, of which some may have come.
struct GapNumbers {
  struct Count {
    Bytes key;  // "" where the whole stream is counted
    int64_t first = 0, last = 0;
    bool operator==(const Count&) const = default;
  };
  bool in_order = false;  // numbers are the order of events, else their id
  Duration delay{};       // events of neighbouring numbers are at most that much out of order
  std::vector<Count> counts;
  bool operator==(const GapNumbers&) const = default;
};

struct Gap {
  enum class Cause : uint8_t {
    kDisconnect,  // a lossy source lost its connection
    kStop,        // a lossy source was stopped, or its process died
    kSequence,    // numbers are missing
    kSilence,     // a lossy source stayed connected, and brought too little
    kCorruption,  // of the log, or of a stored page
    kOperator,
    kVerify,
  };
  GapId id = 0;
  StreamId stream;
  Window range;  // end = kMaxEventTime: not known yet, see GapBound
  GapScope scope;
  Cause cause = Cause::kDisconnect;
  std::string detail;  // for people
  ProcessingTime opened_at{};
  /// Of kSequence. Absent (also in those of older versions): whoever fills it is believed.
  std::optional<GapNumbers> numbers;
  bool operator==(const Gap&) const = default;
};

/// Sets the right edge of a gap that was open-ended. Of several, the furthest counts.
struct GapBound {
  GapId gap = 0;
  EventTime end{};
  bool operator==(const GapBound&) const = default;
};

/// Closes a part of the gaps that were open when its read began. A gap that opened later needs an
/// outcome of its own.
struct GapOutcome {
  enum class Kind : uint8_t { kFilled, kUnfillable, kAccepted };
  uint64_t id = 0;  // given by the store when committed
  StreamId stream;
  std::vector<GapId> gaps;
  Window range;
  GapScope scope;
  Kind kind = Kind::kFilled;
  uint64_t job = 0;
  std::vector<uint64_t> leaned_on;  // undoable jobs whose events the fill took as given
  std::string detail;               // for people: who accepted it, why it cannot be filled
  bool operator==(const GapOutcome&) const = default;
};

/// Nobody who carries the stream delivered: such a gap ends with the first who does.
bool is_outage(Gap::Cause cause);
std::string_view to_string(Gap::Cause cause);
std::string_view to_string(GapOutcome::Kind kind);

struct CoverageFacts {
  std::vector<Gap> gaps;
  std::vector<GapBound> bounds;
  std::vector<GapOutcome> outcomes;
  std::vector<uint64_t> withdrawn;  // undone jobs: a fill by one, or that leaned on one, is void
};

/// A part of a gap that is not filled: what remains of it, in pieces that differ in range, keys or
/// state.
struct Hole {
  enum class State : uint8_t { kOpen, kUnfillable, kAccepted };
  GapId gap = 0;
  State state = State::kOpen;  // unfillable and accepted at once: accepted, the later word
  Window range;
  std::optional<PartitionId> partition;  // absent: the whole stream
  bool all_but = true;                   // of the partition: all keys but `keys`, or only these
  std::vector<Bytes> keys;               // sorted
  bool operator==(const Hole&) const = default;
};
std::string_view to_string(Hole::State state);

/// Whose bucket: of one key, of a whole partition (a total over it), or of the stream.
struct Folded {
  std::optional<PartitionId> partition;
  std::optional<BytesView> key;  // needs partition
};

/// What of known gaps touches a bucket.
struct Touched {
  bool open = false, unfillable = false, accepted = false;
  std::vector<GapId> gaps;  // sorted, each once
  bool nothing() const { return gaps.empty(); }
};

class Coverage {
 public:
  Coverage() = default;  // no gaps
  /// Of one stream, with all its partitions: a gap of the whole stream may be filled partition by
  /// partition.
  Coverage(const CoverageFacts& facts, const std::vector<PartitionId>& partitions);

  Touched touching(Window bucket, const Folded& folded) const;
  const std::vector<Hole>& holes() const { return holes_; }  // by start

 private:
  std::vector<Hole> holes_;
  std::vector<EventTime> furthest_end_;  // of holes_[0..i]: where a search backwards may stop
};

enum class BucketState : uint8_t {
  kOpen,    // not behind the frontier of every partition it folds: provisional
  kSealed,  // behind it, but an open gap touches it or a mark is pending
  kFinal,   // neither: it changes only by a new version with a cause, or by a gap that is found
            // later
};
std::string_view to_string(BucketState state);

struct BucketStanding {
  BucketState state = BucketState::kOpen;
  bool complete = true;  // no gap that is not filled touches it
  bool operator==(const BucketStanding&) const = default;
};
/// `behind`: behind the frontier of every partition it folds. `mark_pending`: one of its rollups
/// waits for the roller.
BucketStanding standing_of(bool behind, bool mark_pending, const Touched& touched);

}  // namespace hindcast
