// Prometheus text (exposition format 0.0.4) of what a Service says. Names:
// hindcast_<module>_<noun>_<unit>[_total].
#pragma once
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "engine/service.h"

namespace hindcast {

/// What there is to tell; absent = unknown, which is no sample.
struct Metered {
  SystemStatus status;
  bool ready = false;
  std::vector<StreamSummary> streams;
  std::optional<std::vector<GapEntry>> gaps;
  std::optional<std::vector<ReplayEntry>> replays;
};
Bytes metrics_text(const Metered& metered);

}  // namespace hindcast
