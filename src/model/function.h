// Aggregate functions and their mergeable partial states. A state is a pure function of the events
// (in page order) or of child states (in time order); combining children equals folding their
// events, except for doubles, where a rollup is *defined* as the fold of its children.
//
// Exactness: sums of integers and decimals are kept in 256 bits and tested when they are read; one
// that needs more than 128 makes its value null, reason "overflow". So the order of events never
// decides whether a sum overflowed, and a rollup whose children overflowed may be well again. mean,
// vwap and variance are computed once, at the end, from exact sums.
//
// See docs/formats/row.md for the bytes of a state.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/result.h"
#include "model/distinct.h"
#include "model/event_batch.h"
#include "model/int256.h"

namespace hindcast {

enum class FunctionKind : uint8_t {
  kCount,  // count() all events, count(f) those where f is not null
  kSum,
  kMin,  // doubles: -0 is below 0; texts: bytewise
  kMax,
  kFirst,  // by (time, order, id)
  kLast,
  kMean,
  kVwap,  // vwap(price, quantity) = sum(price*quantity) / sum(quantity), over events where neither
          // is null
  kVariance,  // population variance; kStddev its square root
  kStddev,
  kDistinct,  // exact up to 512, then with a standard error of 1.6 % (model/distinct.h)
  kRate,      // rate() = events per second of the bucket's length; rate(f) = sum(f) per second
};
/// As it is spelled in a configuration: "first".
std::string_view to_string(FunctionKind kind);

struct FunctionSpec {
  std::string name;  // of the output value: "open"
  FunctionKind kind = FunctionKind::kCount;
  int field = -1;   // index into the schema's values; -1 = none
  int weight = -1;  // second argument of vwap
  bool operator==(const FunctionSpec&) const = default;
};

/// "first(price)", "vwap(price, qty)", "count()". Errors: kInvalidArgument naming the function or
/// field and its nearest known name, or that the field's type does not suit (sum of text).
Result<FunctionSpec> parse_function(const StreamSchema& schema, std::string name,
                                    std::string_view text);

/// An output value. Decimals keep their scale; ratios of decimals (mean, vwap) are decimals rounded
/// half to even at `kRatioScale` digits; variance, stddev and rate are doubles.
struct Value {
  enum class Kind : uint8_t { kNull, kInt, kDecimal, kDouble, kText } kind = Kind::kNull;
  int128 number = 0;  // kInt, kDecimal (scaled)
  uint8_t scale = 0;
  double real = 0;
  std::string text;
  std::string_view null_reason;  // "empty" (no event had a value), "overflow", "zero-weight" (vwap)
  bool operator==(const Value&) const = default;
  /// Decimals without trailing zeros beyond the point ("61234.5"), doubles in shortest round-trip
  /// form, "null".
  std::string to_string() const;
};
inline constexpr uint8_t kRatioScale = 12;

/// The definition of an aggregate over one stream: what is folded. Its hash is the `rule` of rows.
struct Rule {
  std::string aggregate;
  std::vector<FunctionSpec> functions;
  /// Over what decides the values and the bytes of states: names of outputs, words of functions,
  /// names, types and scales of fields, types of id components. Not over the aggregate's name, the
  /// numbers of enumerators or the order of fields in the schema. Fixed for ever: stored rows
  /// depend on it.
  Hash128 hash(const StreamSchema& schema) const;
};

/// Whether combining the states of any pieces of some events gives the state of all of them to the
/// last bit: not where doubles are summed up.
bool folds_in_pieces(const StreamSchema& schema, const Rule& rule);

/// Partial states of all functions of a rule, for one (key, bucket). Reusable: reset() keeps
/// memory, so folding allocates nothing once texts and ids have found their length. `schema` and
/// `rule` outlive it.
class State {
 public:
  State(const StreamSchema& schema, const Rule& rule);
  void reset();
  /// Folds rows [begin, end) of `batch` (visible live events, page order).
  void fold(const EventBatch& batch, size_t begin, size_t end);
  /// Folds an encoded child state; children come in time order. Errors: kCorruption; the state is
  /// then only good for reset().
  Status combine(BytesView child);
  void encode(Bytes& out) const;
  /// One value per function, in the order of the rule. `bucket` is the length for rate.
  std::vector<Value> values(Duration bucket) const;

 private:
  // What one function has seen; which members it uses depends on the function.
  struct Accumulator {
    uint64_t count = 0;  // events with a value
    Int256 sum,
        sum2;  // of decimals; vwap: of weights, of price*weight; variance: of values, of squares
    double real = 0,
           real2 = 0;  // of doubles: the same, but variance: mean, sum of squared distances from it
    bool has = false;  // min, max, first, last hold something:
    int64_t cell = 0;  //   the value,
    Bytes text;        //   the value when it is text,
    int64_t time = 0, order = 0;  // first, last: where it stands
    Bytes id;                     //   in canonical bytes (model/key.h)
    DistinctSketch distinct;
  };
  // A function with what the schema says of its fields.
  struct Plan {
    FunctionKind kind;
    int field, weight;
    ValueType type;            // of field
    uint8_t scale;             // of field
    bool real;                 // sums in doubles
    double unit, weight_unit;  // 10^scale: what a decimal beside a double is divided by
  };

  void fold_sums(const Plan& plan, Accumulator& a, const EventBatch& batch, size_t begin,
                 size_t end);
  void fold_extreme(const Plan& plan, Accumulator& a, const EventBatch& batch, size_t begin,
                    size_t end);
  void fold_placed(const Plan& plan, Accumulator& a, const EventBatch& batch, size_t begin,
                   size_t end);
  void encode_placed(const Plan& plan, const Accumulator& a, Bytes& out) const;
  void combine_sums(const Plan& plan, Accumulator& a, ByteReader& in);
  void combine_extreme(const Plan& plan, Accumulator& a, ByteReader& in);
  void combine_placed(const Plan& plan, Accumulator& a, ByteReader& in);
  Value value(const Plan& plan, const Accumulator& a, Duration bucket) const;

  const StreamSchema* schema_;
  std::vector<Plan> plans_;
  std::vector<Accumulator> accumulators_;
  Bytes scratch_id_;  // of a row or child that may become the first or last
};

}  // namespace hindcast
