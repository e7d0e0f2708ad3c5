#include "model/digest.h"

#include <array>

#include "base/assert.h"

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

constexpr size_t kBlock = EventHasher::kBlock;
constexpr uint64_t kZeros[kBlock] = {};

// Two NH hashes (Black et al., UMAC) with 64-bit words, of up to 64 rows at once: sums of products
// of pairs of words, each with a key added. The products are independent, so they overlap in the
// CPU. Alone they are bilinear, and sums of them over events could cancel; finish() breaks that.
class BlockHasher {
 public:
  BlockHasher(const EventBatch& batch, size_t begin, size_t count)
      : batch_(batch), begin_(begin), count_(count) {}

  /// The next word of every row. `words` must stay until the one after it was given.
  void add(const uint64_t* words) {
    if (at_ % 2 == 0) {
      before_ = words;
    } else {
      multiply(before_, words);
    }
    ++at_;
  }
  /// An optional column.
  void add_column(const std::vector<int64_t>& column) {
    add(column.empty() ? kZeros : reinterpret_cast<const uint64_t*>(column.data()) + begin_);
  }
  void add_nulls() { add(batch_.nulls.empty() ? kZeros : batch_.nulls.data() + begin_); }
  /// Cells of an id or a value: texts by content, nulls as 0.
  void add_cells(const std::vector<int64_t>& column, bool text, uint64_t null_bit) {
    if (!text && (null_bit == 0 || batch_.nulls.empty())) return add_column(column);
    uint64_t* const words = scratch_[at_ % 2];
    for (size_t i = 0; i < count_; ++i) {
      const int64_t cell = column[begin_ + i];
      const bool null = batch_.nulls_at(begin_ + i) & null_bit;
      words[i] = null   ? 0
                 : text ? batch_.texts.hash(static_cast<uint32_t>(cell))
                        : static_cast<uint64_t>(cell);
    }
    add(words);
  }
  void add_values(const StreamSchema& schema) {
    for (size_t f = 0; f < schema.values.size(); ++f) {
      add_cells(batch_.values[f], schema.values[f].type == ValueType::kText, uint64_t{1} << f);
    }
  }
  void finish(Digest* out) {
    const size_t words = at_;
    if (at_ % 2 != 0) add(kZeros);
    for (size_t i = 0; i < count_; ++i) {
      const uint64_t a = fold(sums_[0][i]) + words, b = fold(sums_[1][i]);
      out[i].lo = mix(a ^ 0xa0761d6478bd642f, b ^ 0xe7037ed1a0b428db);
      out[i].hi = mix(b ^ out[i].lo ^ 0x8ebc6af09c88c6e3, a + 0x589965cc75374cc3);
    }
  }

 private:
  static uint64_t fold(uint128 v) {
    return static_cast<uint64_t>(v) ^ static_cast<uint64_t>(v >> 64);
  }
  void multiply(const uint64_t* x, const uint64_t* y) {
    const uint64_t x0 = key_of(0, at_ - 1), y0 = key_of(0, at_);
    const uint64_t x1 = key_of(1, at_ - 1), y1 = key_of(1, at_);
    const bool first = at_ == 1;
    for (size_t i = 0; i < count_; ++i) {
      const uint128 s0 = static_cast<uint128>(x[i] + x0) * (y[i] + y0);
      const uint128 s1 = static_cast<uint128>(x[i] + x1) * (y[i] + y1);
      sums_[0][i] = first ? s0 : sums_[0][i] + s0;
      sums_[1][i] = first ? s1 : sums_[1][i] + s1;
    }
  }

  const EventBatch& batch_;
  const size_t begin_, count_;
  size_t at_ = 0;
  const uint64_t* before_ = nullptr;
  uint64_t scratch_[2][kBlock];  // of an even and of an odd word
  uint128 sums_[2][kBlock];
};

}  // namespace

void EventHasher::block(size_t begin, size_t count, const uint64_t* key_hashes, Digest* out) const {
  HC_ASSERT(count <= kBlock);
  // The order of the words is fixed for ever.
  BlockHasher words(batch_, begin, count);
  words.add(key_hashes);
  words.add_column(batch_.time);
  words.add_column(batch_.order);
  words.add_column(batch_.revision);
  words.add_nulls();
  for (size_t c = 0; c < schema_.id.size(); ++c) {
    words.add_cells(batch_.id[c], schema_.id[c] == PartType::kText, 0);
  }
  words.add_values(schema_);
  words.finish(out);
}

Digest EventHasher::operator()(size_t row, uint64_t key_hash) const {
  Digest out;
  block(row, 1, &key_hash, &out);
  return out;
}

Digest EventHasher::content(size_t row) const {
  Digest out;
  BlockHasher words(batch_, row, 1);
  words.add_column(batch_.order);
  words.add_nulls();
  words.add_values(schema_);
  words.finish(&out);
  return out;
}

std::string to_hex(Digest d) { return to_hex(Hash128{d.hi, d.lo}); }

}  // namespace hindcast
