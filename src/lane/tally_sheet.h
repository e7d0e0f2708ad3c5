// Outcomes of events, counted by source until a commit carries them away.
//
// A value. A partition has a handful of sources, so a flat vector beats any map.
#pragma once
#include <algorithm>
#include <utility>
#include <vector>

#include "model/join.h"
#include "progress/checkpoint.h"

namespace hindcast {

/// The source column is optional, as every column that may be all zero.
inline SourceId source_at(const EventBatch& batch, size_t row) {
  return SourceId{batch.source.empty() ? 0 : batch.source[row]};
}

class TallySheet {
 public:
  Tallies& of(SourceId source) {
    for (TallyDelta& delta : deltas_) {
      if (delta.source == source) return delta.tallies;
    }
    return deltas_.emplace_back(TallyDelta{source, {}}).tallies;
  }
  void count(SourceId source, Outcome outcome) {
    Tallies& tallies = of(source);
    switch (outcome) {
      case Outcome::kAdded:
        ++tallies.aggregated;
        break;
      case Outcome::kDuplicate:
        ++tallies.duplicate;
        break;
      case Outcome::kSuperseded:
        ++tallies.superseded;
        break;
    }
  }
  TallySheet& operator+=(const std::vector<TallyDelta>& deltas) {
    for (const TallyDelta& delta : deltas) of(delta.source) += delta.tallies;
    return *this;
  }
  TallySheet& operator+=(const TallySheet& other) { return *this += other.deltas_; }
  /// By source, as a commit carries them; sources without an outcome are left out. Leaves the sheet
  /// empty.
  std::vector<TallyDelta> take() {
    std::erase_if(deltas_, [](const TallyDelta& delta) { return delta.tallies == Tallies{}; });
    std::ranges::sort(deltas_, {}, &TallyDelta::source);
    return std::exchange(deltas_, {});
  }

 private:
  std::vector<TallyDelta> deltas_;
};

}  // namespace hindcast
