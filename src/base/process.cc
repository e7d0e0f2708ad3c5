#include "base/process.h"

#include <unistd.h>

#include <fstream>

namespace hindcast {

ByteCount resident_memory() {
  std::ifstream statm("/proc/self/statm");
  uint64_t size = 0, resident = 0;
  statm >> size >> resident;
  return ByteCount{resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE))};
}

}  // namespace hindcast
