#include "model/digest.h"

#include <array>

namespace hindcast {
namespace {

// Words of an event by position: key hash, time, order, revision, nulls, id components, values.
constexpr size_t kWordsBeforeId = 5;
constexpr size_t kTabled = 128;

constexpr uint64_t splitmix(uint64_t i) {
  uint64_t z = (i + 1) * 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}
// Keys of the two hashes, by position of the word. Fixed for ever: stored digests depend on them.
constexpr auto kKeys = [] {
  std::array<std::array<uint64_t, kTabled>, 2> out{};
  for (size_t i = 0; i < kTabled; ++i) {
    out[0][i] = splitmix(i);
    out[1][i] = splitmix(i + (uint64_t{1} << 32));
  }
  return out;
}();
uint64_t key_of(unsigned hash, size_t i) {
  return i < kTabled ? kKeys[hash][i] : splitmix(i + (uint64_t{hash} << 32));
}

// Two NH hashes (Black et al., UMAC) with 64-bit words: sums of products of pairs of words, each
// with a key added. The products are independent, so they overlap in the CPU. Alone they are
// bilinear, and sums of them over events could cancel; finish() breaks that.
class EventHasher {
 public:
  void add(uint64_t word) {
    if (at_ % 2 == 0) {
      pending_ = word;
    } else {
      multiply(pending_, word);
    }
    ++at_;
  }
  Digest finish() {
    const size_t words = at_;
    if (at_ % 2 != 0) add(0);
    const uint64_t a = fold(sum_[0]) + words, b = fold(sum_[1]);
    Digest d;
    d.lo = mix(a ^ 0xa0761d6478bd642f, b ^ 0xe7037ed1a0b428db);
    d.hi = mix(b ^ d.lo ^ 0x8ebc6af09c88c6e3, a + 0x589965cc75374cc3);
    return d;
  }

 private:
  static uint64_t fold(uint128 v) {
    return static_cast<uint64_t>(v) ^ static_cast<uint64_t>(v >> 64);
  }
  void multiply(uint64_t x, uint64_t y) {
    for (unsigned h = 0; h < 2; ++h) {
      const uint64_t kx = key_of(h, at_ - 1), ky = key_of(h, at_);
      sum_[h] += static_cast<uint128>(x + kx) * (y + ky);
    }
  }
  uint128 sum_[2] = {0, 0};
  uint64_t pending_ = 0;
  size_t at_ = 0;
};

uint64_t text_word(const EventBatch& batch, int64_t cell) {
  return batch.texts.hash(static_cast<uint32_t>(cell));
}

}  // namespace

Digest event_hash(const StreamSchema& schema, const EventBatch& batch, size_t row,
                  uint64_t key_hash) {
  EventHasher hasher;
  const uint64_t nulls = batch.nulls_at(row);
  hasher.add(key_hash);
  hasher.add(static_cast<uint64_t>(batch.time[row]));
  hasher.add(static_cast<uint64_t>(batch.order_at(row)));
  hasher.add(static_cast<uint64_t>(batch.revision_at(row)));
  hasher.add(nulls);
  for (size_t c = 0; c < schema.id.size(); ++c) {
    const int64_t cell = batch.id[c][row];
    hasher.add(schema.id[c] == PartType::kText ? text_word(batch, cell)
                                               : static_cast<uint64_t>(cell));
  }
  for (size_t f = 0; f < schema.values.size(); ++f) {
    const int64_t cell = batch.values[f][row];
    const bool null = nulls >> f & 1;
    const bool text = schema.values[f].type == ValueType::kText;
    hasher.add(null ? 0 : text ? text_word(batch, cell) : static_cast<uint64_t>(cell));
  }
  return hasher.finish();
}

std::string to_hex(Digest d) { return to_hex(Hash128{d.hi, d.lo}); }

}  // namespace hindcast
