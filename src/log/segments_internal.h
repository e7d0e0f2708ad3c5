// The segment files of one channel: their names, and the next one made ready ahead of need.
//
// A segment is ready when all its blocks were written and synced and its name is durable, so that
// the writer never allocates, never changes a size and never syncs a folder. It comes from a
// segment that nobody needs any more (renamed), or is filled with zeros slice by slice.
//
// Thread safety: all calls. take() and maintain() exclude each other while they do I/O: exactly one
// of them works on the file that is being made. retire() never waits for I/O.
#pragma once
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "log/log.h"

namespace hindcast::log {

using SegmentFile =
    std::shared_ptr<File>;  // owners: the log's list of segments, and reads under way

class Segments {
 public:
  Segments(FileSystem& files, std::string folder, Channel channel, uint64_t segment_bytes);

  std::string name(uint64_t segment) const;  // within the folder
  /// Numbers of the segments in the folder, ascending; removes what an earlier process was
  /// preparing.
  Result<std::vector<uint64_t>> list();
  Result<SegmentFile> open(uint64_t segment);

  struct Ready {
    uint64_t segment;
    SegmentFile file;
  };
  /// take() goes on with this number; `file` is it, if it is in the folder already and holds
  /// nothing.
  void start_at(uint64_t segment, SegmentFile file);
  /// Makes the next segment ready if it is not, and hands it over. Errors: kOverloaded (disk full).
  Result<Ready> take();
  /// Does a slice of the work ahead: makes the next segment ready, then removes retired ones beyond
  /// one spare. True if there is more to do. A failure is logged and tried again at the next call.
  bool maintain();
  /// Nobody needs this segment any more. In ascending order.
  void retire(uint64_t segment);

 private:
  struct Filling {
    SegmentFile file;
    uint64_t written = 0;
  };
  std::string path(uint64_t segment) const { return folder_ + "/" + name(segment); }
  std::string filling_path() const;
  std::string leaving_path() const;
  Result<Ready> take_locked();
  Status step();
  Status let_leave(uint64_t surplus);
  Status remove_leaving();
  Status fill_slice();
  std::optional<uint64_t> pop_retired(size_t more_than);

  FileSystem& files_;
  const std::string folder_;
  const Channel channel_;
  const uint64_t segment_bytes_;

  std::atomic<bool> awaited_{
      false};            // written by take(): the filler then hurries; publishes nothing
  std::mutex io_mutex_;  // guards the next five, and is held during their I/O: see above
  uint64_t next_ = 0;
  std::optional<Ready> ready_;
  std::optional<Filling> filling_;
  bool leaving_ = false;  // a retired one is being removed
  bool failing_ = false;  // logged already

  std::mutex retired_mutex_;
  std::deque<uint64_t> retired_;
};

}  // namespace hindcast::log
