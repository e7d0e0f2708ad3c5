// Whose turn it is: deficit round robin (Shreedhar and Varghese, 1995) over streams, for pieces of
// work of unequal size. A stream with huge pieces and one with tiny ones get the same share.
//
//   round ►  A: 300 000 │ 5 000          each visit adds one quantum to the stream's deficit; it is
//            B: 4 000 │ 4 000 │ 4 000    served while its first piece costs no more than that, and
//            C: 60 000                   what is left waits for the next round
//
// Thread safety: confined to its owner. No clock.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "base/units.h"

namespace hindcast {

struct Turn {
  StreamId stream;
  uint64_t piece = 0;  // the owner's number for it
  uint64_t cost = 0;   // expected events; cut at 2^40
  bool operator==(const Turn&) const = default;
};

/// Invariants, checked by fair_queue_property_test, with `largest` the largest cost of a piece:
///  (1) While a stream waits for a first piece of cost c, each other stream is given at most
///      ceil(c / quantum) * quantum + largest events (and what charge() adds to c).
///  (2) Of two streams that always have pieces waiting, neither is given more than
///      quantum + 2 * largest events more than the other.
///  (3) Pieces of one stream come in the order of push(); none is lost or given twice.
class FairQueue {
 public:
  /// quantum: events for each stream and round. Larger means fewer changes of stream and longer
  /// waits. pieces_max: of one stream. Requires both > 0.
  FairQueue(uint64_t quantum, size_t pieces_max);

  /// False: that stream has pieces_max waiting; come again after a pop().
  [[nodiscard]] bool push(Turn turn);
  std::optional<Turn> pop();
  /// A piece of the stream turned out to cost this much more than was said: its next ones wait.
  void charge(StreamId stream, uint64_t events);
  /// Forgets the stream's pieces (its jobs are paused or cancelled), not its debt.
  void drop(StreamId stream);
  bool empty() const { return round_.empty(); }
  size_t waiting(StreamId stream) const;

 private:
  struct Line {
    std::deque<Turn> pieces;
    int64_t deficit = 0;  // events it may still be given in this round; below zero: a debt
  };
  Turn serve(Line& line);
  void leave_front();
  void skip_fruitless_rounds();

  const int64_t quantum_;
  const size_t pieces_max_;
  std::map<StreamId, Line> lines_;  // bounded by the number of streams
  std::deque<StreamId> round_;      // those that have pieces; the front one is being visited
  bool credited_ = false;           // it has had its quantum
};

}  // namespace hindcast
