#include "model/digest.h"

#include <array>

#include "base/assert.h"
#include "base/give_way.h"

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
//
// Pairs are gathered, so that a row's sums stay in registers over several of them; a pair of absent
// columns is the same number for every row.
class BlockHasher {
 public:
  BlockHasher(const EventBatch& batch, size_t begin, size_t count)
      : batch_(batch), begin_(begin), count_(count) {}

  /// The next word of every row. `words` must stay until finish().
  void add(const uint64_t* words) {
    if (at_++ % 2 == 0) {
      first_of_pair_ = words;
      return;
    }
    Pair& pair = pairs_[gathered_];
    pair = {first_of_pair_, words, {}};
    for (unsigned hash = 0; hash < 2; ++hash) {
      pair.keys[hash][0] = key_of(hash, at_ - 2);
      pair.keys[hash][1] = key_of(hash, at_ - 1);
    }
    if (pair.x == kZeros && pair.y == kZeros) {
      for (size_t h = 0; h < 2; ++h)
        of_absent_[h] += static_cast<uint128>(pair.keys[h][0]) * pair.keys[h][1];
    } else if (++gathered_ == kGathered) {
      multiply();
    }
  }
  /// An optional column.
  void add_column(const std::vector<int64_t>& column) {
    add(column.empty() ? kZeros : reinterpret_cast<const uint64_t*>(column.data()) + begin_);
  }
  void add_nulls() { add(batch_.nulls.empty() ? kZeros : batch_.nulls.data() + begin_); }
  /// Cells of an id or a value: texts by content, nulls as 0.
  void add_cells(const std::vector<int64_t>& column, bool text, uint64_t null_bit) {
    if (!text && (null_bit == 0 || batch_.nulls.empty())) return add_column(column);
    uint64_t* const words = scratch_[gathered_][at_ % 2];
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
    words_ = at_;
    if (at_ % 2 != 0) add(kZeros);
    switch (gathered_) {
      case 0:
        return finish_pairs<0>(out);
      case 1:
        return finish_pairs<1>(out);
      case 2:
        return finish_pairs<2>(out);
      case 3:
        return finish_pairs<3>(out);
    }
  }

 private:
  static constexpr size_t kGathered = 4;
  struct Pair {
    const uint64_t *x, *y;
    uint64_t keys[2][2];  // by hash
  };

  static uint64_t fold(uint128 v) {
    return static_cast<uint64_t>(v) ^ static_cast<uint64_t>(v >> 64);
  }
  void multiply() {
    first_ ? multiply_pairs<kGathered, true, false>(nullptr)
           : multiply_pairs<kGathered, false, false>(nullptr);
    first_ = false;
    gathered_ = 0;
  }
  template <size_t kPairs>
  void finish_pairs(Digest* out) {
    first_ ? multiply_pairs<kPairs, true, true>(out) : multiply_pairs<kPairs, false, true>(out);
  }
  /// What is gathered goes into the sums. Few columns, the usual case, are one pass, first and
  /// last: then the sums never leave the registers.
  template <size_t kPairs, bool kFirst, bool kLast>
  void multiply_pairs(Digest* out) {
    for (size_t i = 0; i < count_; ++i) {
      uint128 sum[2] = {kFirst ? 0 : sums_[i][0], kFirst ? 0 : sums_[i][1]};
#pragma GCC unroll 4
      for (size_t p = 0; p < kPairs; ++p) {
        const auto& [xs, ys, keys] = pairs_[p];
        const uint64_t x = xs[i], y = ys[i];
        sum[0] += static_cast<uint128>(x + keys[0][0]) * (y + keys[0][1]);
        sum[1] += static_cast<uint128>(x + keys[1][0]) * (y + keys[1][1]);
      }
      if (kLast) {
        out[i] = digest_of(sum);
      } else {
        sums_[i][0] = sum[0];
        sums_[i][1] = sum[1];
      }
    }
  }
  Digest digest_of(const uint128 (&sum)[2]) const {
    const uint64_t a = fold(sum[0] + of_absent_[0]) + words_, b = fold(sum[1] + of_absent_[1]);
    Digest out;
    out.lo = mix(a ^ 0xa0761d6478bd642f, b ^ 0xe7037ed1a0b428db);
    out.hi = mix(b ^ out.lo ^ 0x8ebc6af09c88c6e3, a + 0x589965cc75374cc3);
    return out;
  }

  const EventBatch& batch_;
  const size_t begin_, count_;
  size_t at_ = 0, words_ = 0;
  const uint64_t* first_of_pair_ = nullptr;
  Pair pairs_[kGathered];
  size_t gathered_ = 0;
  uint64_t scratch_[kGathered][2][kBlock];
  bool first_ = true;  // nothing is in sums_ yet
  uint128 sums_[kBlock][2];
  uint128 of_absent_[2] = {};
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
  give_way((count + 3) / 4);  // a hash takes a quarter of what a row does
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
