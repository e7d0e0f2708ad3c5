// What open gaps need of the live log stays there (law L9): a lease for each gap and partition,
// from the lowest record that may fill it on. Only live's own need of the space breaks one. The log
// says so, naming the gap, and what is left of it is not held again.
//
// Leases end with the log, so there is nothing to give back at the end.
// Thread safety: confined to its owner.
#pragma once
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "log/log.h"
#include "progress/coverage.h"

namespace hindcast {

class GapLeases {
 public:
  struct Need {
    GapId gap;
    PartitionId partition;
    Position from;  // it and what follows; what the log has of that
  };

  /// `log` outlives it. `stream`: its name, for people.
  GapLeases(Log& log, std::string stream) : log_(log), stream_(std::move(stream)) {}

  /// What all open gaps need now. Several needs of a gap and partition: the lowest.
  void follow(const std::vector<Need>& needs);

 private:
  struct Held {
    LeaseId lease;
    Position from;
  };

  Log& log_;
  const std::string stream_;
  std::map<std::pair<GapId, PartitionId>, Held> held_;  // broken ones as well
};

}  // namespace hindcast
