// One link of the chain of backpressure: how many bytes may be on their way between two stages. Who
// adds takes credits first, who consumes gives them back; a taker that gets none stops, and so does
// whoever feeds it, back to the reader of the history.
//
//   reader ─ take ─► [ used … max ] ─ consumer ─ give_back
//     ▲  none left: wait in line ─┘
//
// Takers that wait stand in line, so small requests never keep a large one out for ever. A request
// beyond max passes alone, when nothing is on its way (law L7): then used is that much above max.
//
// Thread safety: confined to its owner. Time: handed in.
#pragma once
#include <cstdint>
#include <deque>
#include <optional>

#include "base/time.h"
#include "base/units.h"

namespace hindcast {

class Credits {
 public:
  using Taker = uint64_t;  // whoever may wait: a worker's number, say

  explicit Credits(ByteCount max) : max_(max) {}

  /// False: the taker stands in line now, and may ask again, also for another amount.
  [[nodiscard]] bool try_take(Taker taker, ByteCount bytes, MonoTime now);
  /// The taker does not want any more (its job was cancelled).
  void leave(Taker taker, MonoTime now);
  /// Requires: bytes were taken.
  void give_back(ByteCount bytes);
  /// A smaller max takes nothing away from those who have: it only refuses longer.
  void set_max(ByteCount max) { max_ = max; }

  ByteCount used() const { return used_; }
  ByteCount max() const { return max_; }
  size_t waiting() const { return line_.size(); }
  /// Since when somebody has been waiting without a break.
  std::optional<MonoTime> blocked_since() const;
  /// How long somebody was waiting, all in all.
  Duration blocked(MonoTime now) const;

 private:
  void drop_from_line(std::deque<Taker>::iterator place, MonoTime now);

  ByteCount max_, used_;
  std::deque<Taker> line_;    // no longer than there are takers
  MonoTime blocked_since_{};  // valid while the line is not empty
  Duration blocked_{};        // before that
};

}  // namespace hindcast
