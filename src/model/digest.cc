#include "model/digest.h"

#include <array>

namespace hindcast {
namespace {

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
class WordHasher {
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

void add_values(const StreamSchema& schema, const EventBatch& batch, size_t row, uint64_t nulls,
                WordHasher& words) {
  for (size_t f = 0; f < schema.values.size(); ++f) {
    const int64_t cell = batch.values[f][row];
    const bool null = nulls >> f & 1;
    const bool text = schema.values[f].type == ValueType::kText;
    words.add(null ? 0 : text ? text_word(batch, cell) : static_cast<uint64_t>(cell));
  }
}

}  // namespace

Digest EventHasher::operator()(size_t row, uint64_t key_hash) const {
  // The order of the words is fixed for ever.
  WordHasher words;
  const uint64_t nulls = batch_.nulls_at(row);
  words.add(key_hash);
  words.add(static_cast<uint64_t>(batch_.time[row]));
  words.add(static_cast<uint64_t>(batch_.order_at(row)));
  words.add(static_cast<uint64_t>(batch_.revision_at(row)));
  words.add(nulls);
  for (size_t c = 0; c < schema_.id.size(); ++c) {
    const int64_t cell = batch_.id[c][row];
    const bool text = schema_.id[c] == PartType::kText;
    words.add(text ? text_word(batch_, cell) : static_cast<uint64_t>(cell));
  }
  add_values(schema_, batch_, row, nulls, words);
  return words.finish();
}

Digest EventHasher::sum(size_t begin, size_t end, uint64_t key_hash) const {
  Digest total;
  for (size_t row = begin; row < end; ++row) total += (*this)(row, key_hash);
  return total;
}

Digest EventHasher::content(size_t row) const {
  WordHasher words;
  words.add(static_cast<uint64_t>(batch_.order_at(row)));
  words.add(batch_.nulls_at(row));
  add_values(schema_, batch_, row, batch_.nulls_at(row), words);
  return words.finish();
}

std::string to_hex(Digest d) { return to_hex(Hash128{d.hi, d.lo}); }

}  // namespace hindcast
