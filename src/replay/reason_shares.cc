#include "replay/reason_shares.h"

#include <algorithm>
#include <numeric>

namespace hindcast {

std::array<uint32_t, kReasons> shares_of(const ReasonTimes& times, uint32_t total) {
  std::array<uint32_t, kReasons> shares{};
  const double sum =
      std::chrono::duration<double>(std::accumulate(times.begin(), times.end(), Duration{}))
          .count();
  if (sum <= 0) return shares;
  std::array<double, kReasons> rest{};
  uint32_t given = 0;
  for (size_t i = 0; i < kReasons; ++i) {
    const double exact = std::chrono::duration<double>(times[i]).count() / sum * total;
    shares[i] = static_cast<uint32_t>(exact);
    rest[i] = exact - shares[i];
    given += shares[i];
  }
  for (; given < total; ++given) {
    const auto largest = static_cast<size_t>(std::ranges::max_element(rest) - rest.begin());
    shares[largest] += 1;
    rest[largest] = -1;
  }
  return shares;
}

}  // namespace hindcast
