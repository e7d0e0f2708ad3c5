#include "base/process.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace hindcast {

ByteCount resident_memory() {
  std::ifstream statm("/proc/self/statm");
  uint64_t size = 0, resident = 0;
  statm >> size >> resident;
  return ByteCount{resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE))};
}

Duration cpu_wait_of(std::string_view name) {
  Duration sum{};
  std::error_code error;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", error)) {
    std::string comm;
    std::getline(std::ifstream(task.path() / "comm"), comm);
    if (!comm.starts_with(name)) continue;
    int64_t ran = 0, waited = 0;
    std::ifstream(task.path() / "schedstat") >> ran >> waited;
    sum += Duration(waited);
  }
  return sum;
}

}  // namespace hindcast
