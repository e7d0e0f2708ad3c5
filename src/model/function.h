// Aggregate functions and their mergeable partial states. A state is a pure function of the events
// (in page order) or of child states (in time order); combining children equals folding their
// events, except for sums of doubles, where a rollup is *defined* as the fold of its children.
//
// Exactness: integers and decimals in 128 bit; a sum that overflows makes the value null, reason
// "overflow". mean, vwap and variance are computed once, at the end, from exact sums.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/result.h"
#include "model/digest.h"
#include "model/event_batch.h"

namespace hindcast {

enum class FunctionKind : uint8_t {
  kCount,     // count() all events, count(f) those where f is not null
  kSum, kMin, kMax, kFirst, kLast, kMean,
  kVwap,      // vwap(price, quantity) = sum(price*quantity) / sum(quantity)
  kVariance,  // population variance; kStddev its square root
  kStddev,
  kDistinct,  // HyperLogLog with 2^12 registers: standard error 1.6 %
  kRate,      // rate() = events per second of the bucket's length; rate(f) = sum(f) per second
};

struct FunctionSpec {
  std::string name;  // of the output value: "open"
  FunctionKind kind = FunctionKind::kCount;
  int field = -1;     // index into the schema's values; -1 = none
  int weight = -1;    // second argument of vwap
  bool operator==(const FunctionSpec&) const = default;
};

/// "first(price)", "vwap(price, qty)", "count()". Errors: kInvalidArgument naming the function or field and its nearest
/// known name, or that the field's type does not suit (sum of text).
Result<FunctionSpec> parse_function(const StreamSchema& schema, std::string name, std::string_view text);

/// An output value. Decimals keep their scale; ratios of decimals (mean, vwap) are decimals rounded half to even at
/// `kRatioScale` digits; variance, stddev and rate are doubles.
struct Value {
  enum class Kind : uint8_t { kNull, kInt, kDecimal, kDouble, kText } kind = Kind::kNull;
  int128 number = 0;   // kInt, kDecimal (scaled)
  uint8_t scale = 0;
  double real = 0;
  std::string text;
  std::string_view null_reason;  // "empty", "overflow"
  bool operator==(const Value&) const = default;
  /// Decimals without trailing zeros beyond the point ("61234.5"), doubles in shortest round-trip form.
  std::string to_string() const;
};
inline constexpr uint8_t kRatioScale = 12;

/// The definition of an aggregate over one stream: what is folded. Its hash is the `rule` of rows.
struct Rule {
  std::string aggregate;
  std::vector<FunctionSpec> functions;
  Hash128 hash(const StreamSchema& schema) const;
};

/// Partial states of all functions of a rule, for one (key, bucket). Reusable: reset() keeps memory.
class State {
 public:
  State(const StreamSchema& schema, const Rule& rule);
  void reset();
  /// Folds rows [begin, end) of `batch` (visible live events, page order).
  void fold(const EventBatch& batch, size_t begin, size_t end);
  /// Folds an encoded child state; children come in time order. Errors: kCorruption.
  Status combine(BytesView child);
  void encode(Bytes& out) const;
  /// One value per function, in the order of the rule. `bucket` is the length for rate.
  std::vector<Value> values(Duration bucket) const;

 private:
  struct Accumulator {
    uint64_t count = 0;
    int128 sum = 0, sum2 = 0;      // decimal sums; sum2: of squares (variance) or of price*weight (vwap)
    double real = 0, real2 = 0;    // the same for doubles
    bool overflow = false;
    bool has = false;              // min, max, first, last hold something
    int64_t cell = 0;              // min, max, first, last: the value
    int64_t time = 0, order = 0;   // first, last: where it stands
    Bytes id, text;                // first, last: tie-break; text: value when it is text
    Bytes registers;               // distinct
  };
  const StreamSchema* schema_;
  const Rule* rule_;
  std::vector<Accumulator> accumulators_;
};

}  // namespace hindcast
