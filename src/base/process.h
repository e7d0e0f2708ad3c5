// What the operating system says of this process.
#pragma once
#include <string_view>

#include "base/time.h"
#include "base/units.h"

namespace hindcast {

/// Resident memory now; 0 where the system does not say.
ByteCount resident_memory();

/// How long threads of this process whose names begin so have waited for a CPU since they began,
/// all together; zero where the system does not say.
Duration cpu_wait_of(std::string_view name);

}  // namespace hindcast
