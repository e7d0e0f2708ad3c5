// What a feed sends live, and in which order: a function of the data, of the faults and of feed
// time alone. Connections read the log it makes, each at its own speed, so that a slow one keeps
// nothing in memory but its place.
//
//   records by time ──► dropped? ──► held back (late, reordered) ──► log ──► connections
//                                └──────────── at once ────────────►
//
// Confined; no clock, no I/O.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "server/feed_data.h"
#include "server/feed_fault.h"

namespace hindcast {

class FeedPlan {
 public:
  /// Feed time stands just before the first record. `data` outlives the plan.
  explicit FeedPlan(const FeedData& data);

  /// Feed time moves on: everything due at or before `to` is in the log then. An earlier time
  /// changes nothing.
  void advance(EventTime to);
  EventTime time() const { return time_; }
  /// Records that feed time has passed, whether sent or not.
  size_t passed() const { return next_; }
  /// Nothing will follow.
  bool finished() const { return next_ == data_.records.size() && held_.empty(); }
  /// Feed time at which it is finished, by what is known now.
  EventTime end() const;

  /// Numbers of records in the order in which they go out; a repeated one stands there twice.
  const std::vector<uint32_t>& log() const { return log_; }

  /// A disconnect: connections of these channels end behind log()[0, at). Each is given once.
  struct Cut {
    size_t at = 0;
    FeedFault fault;
  };
  std::vector<Cut> take_cuts() { return std::exchange(cuts_, {}); }

  /// Returns its id. A disconnect whose time has come cuts at once.
  uint64_t add(FeedFault fault);
  bool remove(uint64_t id);
  void clear() { faults_.clear(); }
  const std::vector<FeedFault>& faults() const { return faults_; }

  /// A fault of this kind acts now on a connection or request of these channels (empty = all).
  const FeedFault* acting(FeedFault::Kind kind, const std::vector<uint32_t>& channels) const;
  /// The same, and counts it.
  std::optional<FeedFault> use(FeedFault::Kind kind, const std::vector<uint32_t>& channels);
  /// Among `kind`, one that hits this event, for as long as it is not taken away.
  const FeedFault* hitting(FeedFault::Kind kind, size_t record) const;

 private:
  FeedFault* hit(FeedFault::Kind kind, size_t record);
  void take(size_t record);
  /// The earliest time of a record, held record or disconnect that is still to come.
  EventTime next_time() const;

  const FeedData& data_;
  EventTime time_;
  size_t next_ = 0;
  std::multimap<EventTime, uint32_t> held_;  // by when they are due; ties in the order of holding
  std::vector<uint32_t> log_;
  std::vector<Cut> cuts_;
  std::vector<FeedFault> faults_;
  std::multimap<EventTime, uint64_t> disconnects_;  // fault ids by when they begin
  uint64_t last_id_ = 0;
};

}  // namespace hindcast
