// Prometheus text (exposition format 0.0.4) of a status. Names:
// hindcast_<module>_<noun>_<unit>[_total].
#pragma once
#include "base/bytes.h"
#include "engine/service.h"

namespace hindcast {

Bytes metrics_text(const SystemStatus& status, bool ready);

}  // namespace hindcast
