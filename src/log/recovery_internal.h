// Reading a channel back when it is opened: which frames count, what is damaged, where to go on.
//
//   live-…02.seg  [frame][frame][frame]......          '.' rest of a segment that was too small
//   live-…03.seg  [frame][#####][frame][torn           '#' damaged: the frame behind it says that
//   live-…04.seg  ....................                     everything before itself was durable
//                                       ^ end
#pragma once
#include <vector>

#include "log/frame_internal.h"
#include "log/segments_internal.h"

namespace hindcast::log {

struct Recovered {
  struct Segment {
    uint64_t number;
    SegmentFile file;
  };
  uint64_t segment_bytes = 0;
  std::vector<Segment> segments;  // of which the log consists; the last one is being written
  SegmentFile ready;              // the one after the last, if it is there and empty
  std::vector<Section> sections;  // of all partitions, by position
  std::vector<LogDamage> damage;
  uint64_t next_segment = 0;  // the number after the last one
  uint64_t end = 0;           // where the next frame goes if it fits; 0 = there was none yet
  bool closed = false;        // ends with a closing frame
  uint64_t torn_bytes = 0;    // of a frame that was dropped
};

/// Reads what is in the folder and repairs its tail: afterwards everything in the result is
/// durable. `segment_bytes` is for a log without segments; one that has some keeps its size.
/// Errors: kUnavailable (I/O), kCorruption (the segment files cannot be ones of a log). Damage is a
/// result, not an error.
Result<Recovered> recover(Segments& segments, Channel channel, uint64_t segment_bytes);

}  // namespace hindcast::log
