#include "model/distinct.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace hindcast {
namespace {

constexpr size_t kRegisters = 4096;
constexpr unsigned kRankBits = 32;  // bits of an entry that give its rank
constexpr uint64_t kEntryMax = (uint64_t{1} << 44) - 1;
constexpr uint8_t kRankMax = kRankBits + 1;  // no bit is set
constexpr uint64_t kDenseTag = DistinctSketch::kExactMax + 1;
constexpr size_t kDenseBytes = kRegisters * 6 / 8;

uint8_t rank_of(uint64_t entry) {
  return static_cast<uint8_t>(std::countl_zero(static_cast<uint32_t>(entry)) + 1);
}

// Ertl's sigma corrects for empty registers, his tau for full ones; both are sums that converge.
double sigma(double x) {
  double y = 1, z = x, before = 0;
  do {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  } while (z != before);
  return z;
}

double tau(double x) {
  if (x == 0 || x == 1) return 0;
  double y = 1, z = 1 - x, before = 0;
  do {
    x = std::sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
  } while (z != before);
  return z / 3;
}

}  // namespace

void DistinctSketch::reset() {
  sparse_.clear();
  dense_ = false;
}

void DistinctSketch::add(uint64_t hash) { add_entry(hash >> 20); }

void DistinctSketch::add_entry(uint64_t entry) {
  if (dense_) return raise(entry >> kRankBits, rank_of(entry));
  const auto at = std::lower_bound(sparse_.begin(), sparse_.end(), entry);
  if (at != sparse_.end() && *at == entry) return;
  sparse_.insert(at, entry);
  if (sparse_.size() > kExactMax) become_dense();
}

void DistinctSketch::raise(size_t index, uint8_t rank) {
  registers_[index] = std::max(registers_[index], rank);
}

void DistinctSketch::become_dense() {
  if (dense_) return;
  dense_ = true;
  registers_.assign(kRegisters, 0);
  for (const uint64_t entry : sparse_) raise(entry >> kRankBits, rank_of(entry));
  sparse_.clear();
}

uint64_t DistinctSketch::estimate() const {
  if (!dense_) return sparse_.size();
  std::array<uint32_t, kRankMax + 1> count{};
  for (const uint8_t rank : registers_) ++count[rank];
  constexpr double m = kRegisters;
  constexpr double kAlpha = 0.721347520444481703680;  // 1 / (2 ln 2)
  double z = m * tau(1 - count[kRankMax] / m);
  for (size_t rank = kRankBits; rank > 0; --rank) z = 0.5 * (z + count[rank]);
  z += m * sigma(count[0] / m);
  constexpr double kBelievable = 1e18;  // only forged registers say more
  return static_cast<uint64_t>(std::llround(std::min(kAlpha * m * m / z, kBelievable)));
}

void DistinctSketch::encode(Bytes& out) const {
  if (!dense_) {
    put_varint(out, sparse_.size());
    uint64_t last = 0;
    for (const uint64_t entry : sparse_) {
      put_varint(out, entry - last);
      last = entry;
    }
    return;
  }
  put_varint(out, kDenseTag);
  for (size_t i = 0; i < kRegisters;
       i += 4) {  // four ranks in three bytes, the first in the lowest bits
    const uint32_t bits = static_cast<uint32_t>(registers_[i]) |
                          static_cast<uint32_t>(registers_[i + 1]) << 6 |
                          static_cast<uint32_t>(registers_[i + 2]) << 12 |
                          static_cast<uint32_t>(registers_[i + 3]) << 18;
    for (const unsigned shift : {0U, 8U, 16U}) put_u8(out, static_cast<uint8_t>(bits >> shift));
  }
}

void DistinctSketch::merge(ByteReader& in) {
  const uint64_t n = in.varint();
  if (n > kDenseTag) in.fail();
  if (!in.ok()) return;
  if (n == kDenseTag) {
    const BytesView bytes = in.bytes(kDenseBytes);
    if (!in.ok()) return;
    become_dense();
    for (size_t i = 0, at = 0; i < kRegisters; i += 4, at += 3) {
      const uint32_t bits = static_cast<uint8_t>(bytes[at]) |
                            static_cast<uint32_t>(static_cast<uint8_t>(bytes[at + 1])) << 8 |
                            static_cast<uint32_t>(static_cast<uint8_t>(bytes[at + 2])) << 16;
      for (size_t j = 0; j < 4; ++j) {
        const auto rank = static_cast<uint8_t>(bits >> (6 * j) & 63);
        if (rank > kRankMax) return in.fail();
        raise(i + j, rank);
      }
    }
    return;
  }
  uint64_t entry = 0;
  for (uint64_t i = 0; i < n; ++i) {
    const uint64_t step = in.varint();
    if (step > kEntryMax - entry || (i > 0 && step == 0)) in.fail();
    if (!in.ok()) return;
    entry += step;
    add_entry(entry);
  }
}

}  // namespace hindcast
