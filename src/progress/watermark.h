// Event-time promises of one partition: per source, and their minimum.
//
// Pure: no clock. State is a value that goes into the checkpoint, so a restart continues exactly.
#pragma once
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "base/units.h"
#include "progress/control.h"

namespace hindcast {

/// One source as one partition knows it. In the checkpoint.
struct SourceState {
  SourceId source;
  EventTime max_event = kMinEventTime;  // highest event time seen; kMinEventTime = none
  EventTime advanced = kMinEventTime;   // highest `to` of an advance
  bool connected = false, idle = false, ended = false;
  Bytes resume;  // last resume token seen in this partition
  uint64_t resume_number = 0;
  uint64_t received = 0;          // events and dead letters applied
  uint64_t replayed = 0;          // events moved to the replay log
  uint64_t behind = 0, late = 0;  // tallies that do not enter the accounting identity
  bool operator==(const SourceState&) const = default;
};

/// A source that was configured once and no longer is (it has a state but no delay) never holds the
/// watermark back.
class Watermark {
 public:
  /// `delays` by source: the watermark's setting of each source of the stream.
  explicit Watermark(std::vector<std::pair<SourceId, Duration>> delays);
  /// Goes on from a checkpoint: its source states and its watermark.
  void restore(std::vector<SourceState> states, EventTime value);

  void events(SourceId source,
              EventTime highest);  // connects the source, ends its idleness and its end
  void advance(SourceId source, const Advance& advance);
  void connected(SourceId source);  // ends its idleness and its end
  void disconnected(SourceId source);

  /// Minimum over sources that are connected and neither idle nor ended, of max(max_event - delay,
  /// advanced); if there is none, the maximum over all. Never goes back. kMinEventTime before the
  /// first event.
  EventTime value() const { return value_; }
  /// For the caller's own fields (resume token, tallies); made when it is not there. Valid until a
  /// new source appears.
  SourceState& state(SourceId source);
  const std::vector<SourceState>& states() const { return states_; }  // by source

 private:
  void update();
  std::vector<std::pair<SourceId, Duration>> delays_;  // by source
  std::vector<SourceState> states_;
  EventTime value_ = kMinEventTime;
};

/// The border between live and recovery of one partition: windows below `window`, and in it the
/// slots below `slot`, are in the store. Ordered. Readers see `window` as the frontier.
struct Frontier {
  EventTime window = kMinEventTime;  // start of the first page window that is not wholly sealed
  uint16_t slot = 0;
  bool behind(EventTime window_start, uint16_t page_slot) const {
    return window_start < window || (window_start == window && page_slot < slot);
  }
  auto operator<=>(const Frontier&) const = default;
};

}  // namespace hindcast
