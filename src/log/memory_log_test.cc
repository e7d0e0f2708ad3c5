#include "log/memory_log.h"

#include "log/log_contract_test.h"

namespace hindcast {
namespace {

struct MemoryWorld {
  std::unique_ptr<Log> open(LogKeeps keeps = {}) {
    return std::make_unique<MemoryLog>(MemoryLogOptions{.retention = kContractRetention,
                                                        .control_reserve = kContractSegment,
                                                        .age = keeps.age,
                                                        .now = std::move(keeps.now)});
  }
  void settle(Log&) {}
};
INSTANTIATE_TYPED_TEST_SUITE_P(Memory, LogContractTest, MemoryWorld);

}  // namespace
}  // namespace hindcast
