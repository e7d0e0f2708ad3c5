// What the operating system says of this process.
#pragma once
#include "base/units.h"

namespace hindcast {

/// Resident memory now; 0 where the system does not say.
ByteCount resident_memory();

}  // namespace hindcast
