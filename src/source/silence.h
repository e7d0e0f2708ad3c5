// Whether a connection that stands brings too little: no message for `silence_after`, or fewer
// events than `expected_rate`. Pongs are no messages.
//
// Time here is time that somebody listened: between two looks at most a second counts, however long
// nobody looked. A source that is not read has not heard anything, and that is not silence.
//
//   connected() ──heard()──► … ──heard()──► Silence, after which the connection is to be given up
//
// Where a rate is expected, a trickle after a silence is no recovery: thin() holds until the
// expected number came within its time, over any number of connections.
//
// A value; confined. Memory: a few slots, whatever comes. Never reads a clock.
#pragma once
#include <deque>
#include <optional>
#include <span>
#include <string>

#include "base/time.h"
#include "format/config.h"

namespace hindcast {

struct Silence {
  std::string why;  // "silent: no message for 30s"
  /// The highest event time before events became too few. Absent: enough came up to the last one,
  /// or none came on this connection.
  std::optional<EventTime> whole_until;
};

class SilenceWatch {
 public:
  SilenceWatch(std::optional<Duration> after, std::optional<ExpectedRate> rate)
      : after_(after), rate_(rate) {}

  /// A connection stands; nothing that was heard before counts for it.
  void connected(MonoTime now);
  /// Somebody listened, and heard `messages` with events of these times. Requires: connected().
  std::optional<Silence> heard(MonoTime now, size_t messages, std::span<const int64_t> times);
  /// There was a silence, and not as much since as is expected.
  bool thin() const { return thin_; }

 private:
  struct Slot {
    Duration begin, last;  // listened time of its first and last events
    uint64_t events = 0;
    EventTime whole_until;  // highest before it
  };
  void add(std::span<const int64_t> times);
  void forget();

  std::optional<Duration> after_;
  std::optional<ExpectedRate> rate_;
  MonoTime looked_at_{};
  Duration listened_{}, heard_at_{};  // of this connection
  std::deque<Slot> slots_;            // the events of the last rate_->over, oldest first
  uint64_t events_ = 0;               // in slots_
  std::optional<EventTime> highest_;  // of this connection
  bool thin_ = false;
};

}  // namespace hindcast
