// How often a history may be asked: `requests` a second, counted in `weight`, for all cursors
// together, and not at all while the server wants to be left alone.
//
// Thread safety: any thread. Time: `now` is handed in.
#pragma once
#include <cstdint>
#include <mutex>
#include <optional>

#include "base/time.h"

namespace hindcast {

class RequestBudget {
 public:
  /// Both at least 1.
  RequestBudget(uint64_t per_second, uint64_t weight);

  /// Takes one request and returns nothing, or returns how long to wait. Requests are spread
  /// evenly; what was not used is owed for 100 ms, so that a caller who wakes a little late loses
  /// nothing, and one who was idle gets no burst beyond that.
  std::optional<Duration> take(MonoTime now);
  /// No requests before `until`.
  void pause_until(MonoTime until);

 private:
  std::mutex mutex_;
  const Duration cost_;              // time that one request uses up
  MonoTime next_ = MonoTime::min();  // of an even spread
  MonoTime paused_until_ = MonoTime::min();
};

}  // namespace hindcast
