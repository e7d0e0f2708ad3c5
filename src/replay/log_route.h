// The route "separate" between those who read history and those who merge it: the replay logs of
// the partitions, which very late events share.
//
//   worker ─ has_room? ─ append ─► replay log ─► drain ─ merged(through, what it did) ─► worker
//
// Bound: history takes half of the log's at most, so that late events always find room; a worker
// that finds none waits, and so reads no further.
//
// Thread safety: any thread.
#pragma once
#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include "log/log.h"
#include "progress/replay_job.h"

namespace hindcast {

class LogRoute {
 public:
  explicit LogRoute(Log& log) : log_(log) {}
  /// Called when something was merged, on the drain's thread; set once, before use.
  void on_merged(std::function<void()> wake) { wake_ = std::move(wake); }

  bool has_room(ByteCount bytes) const;
  void append(std::vector<LogAppend> records, Done<std::vector<Position>> done) {
    log_.append(Channel::kReplay, std::move(records), std::move(done));
  }
  bool is_merged(PartitionId partition, Position position) const;
  /// What was done for a job since the last call: whichever of its workers asks first has it.
  ReplayCounts take(JobId job);

  /// The drain of a partition will merge nothing up to and with `through` any more: it has, or it
  /// is lost, or the drain has failed. The second turn of who waits for it finds out.
  void merged(PartitionId partition, Position through);
  void did(JobId job, const ReplayCounts& counts);

 private:
  Log& log_;
  std::function<void()> wake_;
  mutable std::mutex mutex_;
  std::map<PartitionId, Position> merged_;  // guarded by mutex_
  std::map<JobId, ReplayCounts> did_;       // likewise
};

}  // namespace hindcast
