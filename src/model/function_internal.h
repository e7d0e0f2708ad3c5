// What folding (function.cc) and the codec of states (state_codec.cc) share.
#pragma once
#include <bit>
#include <cstdint>

#include "base/assert.h"
#include "model/function.h"

namespace hindcast {

// How a function keeps its partial state.
enum class Shape : uint8_t {
  kTally,    // a count
  kSums,     // a count and one or two sums
  kExtreme,  // the best value
  kPlaced,   // a value and where it stands
  kSketch,
};

inline Shape shape_of(FunctionKind kind, int field) {
  switch (kind) {
    case FunctionKind::kCount:
      return Shape::kTally;
    case FunctionKind::kRate:
      return field < 0 ? Shape::kTally : Shape::kSums;
    case FunctionKind::kSum:
    case FunctionKind::kMean:
    case FunctionKind::kVwap:
    case FunctionKind::kVariance:
    case FunctionKind::kStddev:
      return Shape::kSums;
    case FunctionKind::kMin:
    case FunctionKind::kMax:
      return Shape::kExtreme;
    case FunctionKind::kFirst:
    case FunctionKind::kLast:
      return Shape::kPlaced;
    case FunctionKind::kDistinct:
      return Shape::kSketch;
  }
  HC_ASSERT(false);
  return Shape::kTally;
}

inline bool is_variance(FunctionKind kind) {
  return kind == FunctionKind::kVariance || kind == FunctionKind::kStddev;
}
inline bool has_second_sum(FunctionKind kind) {
  return is_variance(kind) || kind == FunctionKind::kVwap;
}

// A number whose order is that of the cells, so that one comparison serves decimals and doubles:
// min looks for the smallest, and for max it is turned around.
inline int64_t extreme_rank(FunctionKind kind, ValueType type, int64_t cell) {
  // The bits of a double grow with it when it is positive, and fall when it is negative.
  if (type == ValueType::kDouble && cell < 0) cell ^= INT64_MAX;
  return kind == FunctionKind::kMax ? ~cell : cell;
}

inline double real_of(int64_t cell) { return std::bit_cast<double>(cell); }

}  // namespace hindcast
