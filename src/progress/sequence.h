// Holes in numbers that a source counts up without leaving any out (`contiguous`), per stream or
// per key: the proof that something was lost although the connection stood.
//
//   numbers seen   7 8 9 │ 12 13 │ 15        runs: [7, 9] [12, 13] [15, 15]
//   holes                └ 10–11 ┘└14┘       judged once the watermark passed both neighbours
//
// Numbers come out of order, so a hole is none until the watermark has passed the events on both
// of its sides, and all lower holes of the same count are judged. The lowest number that the
// watermark passed starts the count; nothing is expected below it.
//
// Pure: no clock. State is a value that goes on exactly when it is restored. Thread safety:
// confined to its owner.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"

namespace hindcast {

struct SequenceHole {
  Bytes key;                    // "" for a count of the whole stream
  int64_t first = 0, last = 0;  // missing numbers, both included
  /// Where they may lie: the events on both sides are at the edges, both inside, and the delay is
  /// added.
  Window range;
  bool operator==(const SequenceHole&) const = default;
};

/// Numbers without a hole. Times are those of the events with the first and the last of them.
struct SequenceRun {
  int64_t first = 0, last = 0;
  EventTime first_time{}, last_time{};
  bool operator==(const SequenceRun&) const = default;
};

/// What is known of one count.
struct SequenceState {
  std::vector<SequenceRun> runs;  // ascending, never empty, never touching
  /// The watermark has passed the first run's start: lower numbers were given up, or were never
  /// expected.
  bool started = false;
  bool operator==(const SequenceState&) const = default;
};

class SequenceJudge {
 public:
  /// `delay`: widens the range of a hole on both sides. `runs_max`: holes of one count held open;
  /// beyond it the lowest is judged at once, so that numbers without sense cannot fill memory.
  explicit SequenceJudge(Duration delay, size_t runs_max = 1'024);

  /// An event of the count `key` ("" = of the stream). A number seen before, or below where the
  /// count stands, changes nothing: what was judged is a fact by then.
  void seen(BytesView key, int64_t number, EventTime time);

  /// Holes that an event-time promise settles: every event before `watermark` is in. By key,
  /// ascending; each hole is given once. Cost: the counts that have something to judge by then.
  std::vector<SequenceHole> judge(EventTime watermark);

  // For the checkpoint. A count that is restored as it was when last taken, and then sees again
  // what came since, is what it was: so a judgement must not be lost once it is made, while what
  // was only seen may be taken with any checkpoint that no longer lets it be read again.
  using Count = std::pair<Bytes, SequenceState>;
  /// How many counts saw something new since they were last taken.
  size_t changed() const { return changed_.size(); }
  /// The first `n` of these, in the order in which they changed first.
  std::vector<Count> take_changed(size_t n);
  /// Counts that judge() changed since they were last taken here.
  std::vector<Count> take_judged();
  /// Taken, but not stored after all: take_judged() gives it again, as it stands then.
  void not_stored(BytesView key);

  std::map<Bytes, SequenceState, std::less<>> states() const;
  /// Null: nothing was seen of this count.
  const SequenceState* find(BytesView key) const;
  void restore(const std::map<Bytes, SequenceState, std::less<>>& states);

  /// The count starts over (the source said so): what is held open is given up, unjudged.
  void forget(BytesView key);

 private:
  struct Known {
    SequenceState state;
    bool changed = false;  // is in changed_
    EventTime due{};       // as in due_; meaningless when there is nothing to judge
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view key) const { return std::hash<std::string_view>{}(key); }
  };
  using Counts = std::unordered_map<Bytes, Known, Hash, std::equal_to<>>;
  using Entry = Counts::value_type;  // stays where it is until it is forgotten

  static bool settled(const SequenceState& state) {
    return state.started && state.runs.size() == 1;
  }
  static EventTime due(const SequenceState& state);
  void schedule(Entry& entry, bool was_settled);
  SequenceHole take_lowest_hole(const Bytes& key, SequenceState& state) const;

  const Duration delay_;
  const size_t runs_max_;
  Counts counts_;
  // Counts with a hole, or not started, by when they can be judged: once the watermark is higher.
  // A steady count is not in it, so that judging 100,000 of them costs nothing.
  std::set<std::pair<EventTime, Entry*>> due_;
  std::deque<Entry*> changed_;
  std::vector<Entry*> judged_;
  std::vector<SequenceHole> early_;  // beyond runs_max_
};

}  // namespace hindcast
