// Events on their way from the live lane to the replay log (`late_as_replay`): waiting, then being
// appended, then covered by the lane's next checkpoint. Until that is committed they are exceptions
// of the live log, so a crash anywhere between hands them to the next owner, and what was appended
// but not covered is void (progress/checkpoint.h).
//
// A state machine over values; one append at a time.
#pragma once
#include <vector>

#include "lane/late_buffer.h"
#include "log/log.h"
#include "progress/watermark.h"

namespace hindcast {

class ReplayHandOff {
 public:
  ReplayHandOff(const StreamSchema& schema, PartitionId partition, std::vector<ReplayRange> covered)
      : schema_(schema),
        partition_(partition),
        waiting_(schema),
        appending_(schema),
        ranges_(std::move(covered)),
        first_of_this_life_(ranges_.size()) {}

  LateBuffer& waiting() { return waiting_; }
  const LateBuffer& waiting() const { return waiting_; }
  bool can_append() const { return !waiting_.empty() && appending_.empty(); }
  /// One batch for the log, a record per source and thousand events or so. It fits the smallest
  /// segment a log may have: one that does not would be refused for ever.
  std::vector<LogAppend> append();
  /// The batch is durable: its events leave this hand-off. By source, how many.
  std::vector<std::pair<SourceId, uint64_t>> appended(const std::vector<Position>& positions);
  /// Nothing was appended: they wait again.
  void refused();

  const std::vector<ReplayRange>& ranges() const { return ranges_; }
  size_t size() const { return waiting_.size() + appending_.size(); }
  void positions(std::vector<EventPosition>& out) const;
  std::optional<LogMark> oldest() const;
  size_t memory() const { return waiting_.memory() + appending_.memory(); }

  static constexpr size_t kRowsPerAppendMax = 16'384;

 private:
  std::vector<LogAppend> encode_appending() const;

  const StreamSchema& schema_;
  const PartitionId partition_;
  LateBuffer waiting_, appending_;
  size_t rows_per_append_ = kRowsPerAppendMax;  // follows the weight of the events
  std::vector<ReplayRange> ranges_;
  const size_t first_of_this_life_;  // index into ranges_: this life's own range, once there is one
};

}  // namespace hindcast
