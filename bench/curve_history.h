// The history that is replayed beside live: few real files, read as often as is needed and each
// time as other events.
//
//   real/0.ndjson … 7   each has some page windows of trades, timed by the time of day
//   all/{day}.ndjson    each day is a name (hard link) of one of them, in turn: the day in the name
//                       makes other event times of the same bytes
//   half/{day}.ndjson   likewise, of every other page window every other event: what the store
//   holds
//                       before. So half of the pages that a replay of `all` touches exist, with
//                       other contents
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"

namespace hindcast::bench {

struct CurveHistoryOptions {
  std::string folder;
  uint64_t bytes = 0;   // of the real files together; larger means less of it in the page cache
  uint64_t events = 0;  // at least so many in all days together
  uint32_t keys = 100;
  Duration window{};           // of a page
  uint64_t window_events = 0;  // of a page window at most
};

class CurveHistory {
 public:
  static constexpr size_t kFiles = 8;

  /// Writes it, on disk when this returns.
  explicit CurveHistory(CurveHistoryOptions options);

  std::string all() const { return options_.folder + "/all/{day}.ndjson"; }
  std::string half() const { return options_.folder + "/half/{day}.ndjson"; }
  Window range() const;                        // of all days
  uint64_t events() const { return events_; }  // of all(), all days together
  /// Drops all of all() from the page cache.
  void drop_pages() const;
  /// Likewise, but for the days that are read once all before `done` is: the next time they come,
  /// they are cold.
  void drop_pages(EventTime done) const;

 private:
  void write(size_t file, uint64_t events);
  std::string real(const char* which, size_t file) const;

  const CurveHistoryOptions options_;
  int64_t days_ = 0;
  uint64_t events_ = 0;
};

}  // namespace hindcast::bench
