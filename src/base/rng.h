// Deterministic random numbers (xoshiro256**, Blackman and Vigna): equal seeds give equal sequences
// on every machine, which std::uniform_int_distribution does not promise.
#pragma once
#include <array>
#include <cstdint>

namespace hindcast {

__extension__ using uint128_ = unsigned __int128;

class Rng {
 public:
  explicit Rng(uint64_t seed);
  uint64_t next();
  /// Uniform in [0, bound). Requires bound > 0.
  uint64_t below(uint64_t bound) {
    return static_cast<uint64_t>((static_cast<uint128_>(next()) * bound) >> 64);
  }
  /// Uniform in [0, 1).
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  bool chance(double probability) { return unit() < probability; }

 private:
  std::array<uint64_t, 4> state_;
};

}  // namespace hindcast
