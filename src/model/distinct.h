// How many different values: exact up to 512, then an estimate with a standard error of 1.6 %.
//
// A set of hashes while it is small, HyperLogLog with 2^12 registers beyond. Which of the two, and
// every bit of it, depends on the set of values alone: not on their order, on how often they came,
// or on how the events were split into children. So a rollup equals the fold of its events.
//
// Sources: Flajolet et al. 2007 (HyperLogLog); Heule et al. 2013 (the sparse form); Ertl 2017, "New
// cardinality estimation algorithms for HyperLogLog sketches" (an estimator without bias at any
// size, so without linear counting and without tables; it needs no logarithm, so machines agree on
// it to the last bit).
#pragma once
#include <cstdint>
#include <vector>

#include "base/bytes.h"

namespace hindcast {

class DistinctSketch {
 public:
  static constexpr size_t kExactMax = 512;

  void reset();  // keeps memory
  /// `hash`: hash64 of the value.
  void add(uint64_t hash);
  uint64_t estimate() const;

  /// varint n | n ascending entries, as varint differences, for n <= 512; or varint 513 | 4096
  /// registers of 6 bits.
  void encode(Bytes& out) const;
  /// Adds what an encoded sketch holds; fails the reader when it is malformed.
  void merge(ByteReader& in);

 private:
  // An entry is the upper 44 bits of a hash: 12 choose the register, 32 give its rank (the leading
  // zeros plus one).
  void add_entry(uint64_t entry);
  void raise(size_t index, uint8_t rank);
  void become_dense();

  std::vector<uint64_t> sparse_;    // entries, ascending
  std::vector<uint8_t> registers_;  // ranks, when dense_
  bool dense_ = false;
};

}  // namespace hindcast
