#include "model/function.h"

#include <algorithm>
#include <cmath>

#include "model/function_internal.h"
#include "model/key.h"

namespace hindcast {
namespace {

// Calls f(row, cell) for the rows whose value is not null.
template <class F>
void each_value(const EventBatch& batch, int field, size_t begin, size_t end, F&& f) {
  const int64_t* cells = batch.values[static_cast<size_t>(field)].data();
  if (batch.nulls.empty()) {
    for (size_t i = begin; i < end; ++i) f(i, cells[i]);
    return;
  }
  const uint64_t null = uint64_t{1} << field;
  for (size_t i = begin; i < end; ++i) {
    if ((batch.nulls[i] & null) == 0) f(i, cells[i]);
  }
}

// Adds int128 terms exactly, and at the speed of 128 bits as long as these suffice.
class ExactSum {
 public:
  explicit ExactSum(Int256& total) : total_(total) {}
  ~ExactSum() { total_ += Int256(part_); }
  ExactSum(const ExactSum&) = delete;
  ExactSum& operator=(const ExactSum&) = delete;
  void add(int128 term) {
    int128 sum = 0;
    if (__builtin_add_overflow(part_, term, &sum)) {
      total_ += Int256(part_);
      sum = term;
    }
    part_ = sum;
  }

 private:
  Int256& total_;
  int128 part_ = 0;
};

Value null_value(std::string_view reason) {
  Value v;
  v.null_reason = reason;
  return v;
}
Value int_value(uint64_t number) {
  Value v;
  v.kind = Value::Kind::kInt;
  v.number = number;
  return v;
}
Value decimal_value(std::optional<int128> number, uint8_t scale) {
  if (!number) return null_value("overflow");
  Value v;
  v.kind = Value::Kind::kDecimal;
  v.number = *number;
  v.scale = scale;
  return v;
}
Value real_value(double real) {
  if (!std::isfinite(real)) return null_value("overflow");
  Value v;
  v.kind = Value::Kind::kDouble;
  v.real = real;
  return v;
}

// (numerator / 10^scale) / denominator at kRatioScale digits.
Value ratio(int128 numerator, uint8_t scale, int128 denominator) {
  const auto ten_to = [](int n) {
    return static_cast<int128>(power_of_ten(static_cast<unsigned>(n)));
  };
  const int digits = kRatioScale - scale;
  const Int256 n = digits > 0 ? Int256::product(numerator, ten_to(digits)) : Int256(numerator);
  const Int256 d = digits < 0 ? Int256::product(denominator, ten_to(-digits)) : Int256(denominator);
  return decimal_value(divide_half_even(n, d), kRatioScale);
}

// (n * squares - sum^2) / (n^2 * 100^scale): exact up to the one division.
double exact_variance(uint64_t n, int128 sum, int128 squares, uint8_t scale) {
  const auto count = static_cast<int128>(n);
  const Int256 numerator = Int256::product(count, squares) - Int256::product(sum, sum);
  // n^2 may need all of 128 bits and an int128 has one less: the scale is taken with one n each.
  const double unit = static_cast<double>(power_of_ten(scale));
  const double denominator = Int256::product(count, count).to_double();
  return numerator.to_double() / denominator / unit / unit;
}

double seconds(Duration d) { return static_cast<double>(d.count()) / 1e9; }

}  // namespace

bool folds_in_pieces(const StreamSchema& schema, const Rule& rule) {
  const auto is_double = [&](int field) {
    return field >= 0 && schema.values[static_cast<size_t>(field)].type == ValueType::kDouble;
  };
  return std::ranges::none_of(rule.functions, [&](const FunctionSpec& f) {
    return shape_of(f.kind, f.field) == Shape::kSums && (is_double(f.field) || is_double(f.weight));
  });
}

State::State(const StreamSchema& schema, const Rule& rule)
    : schema_(&schema), accumulators_(rule.functions.size()) {
  plans_.reserve(rule.functions.size());
  for (const FunctionSpec& f : rule.functions) {
    const auto unit = [&](int field) {
      return field < 0 ? 1.0
                       : static_cast<double>(
                             power_of_ten(schema.values[static_cast<size_t>(field)].scale));
    };
    const auto is_real = [&](int field) {
      return field >= 0 && schema.values[static_cast<size_t>(field)].type == ValueType::kDouble;
    };
    const ValueField none;
    const ValueField& field = f.field < 0 ? none : schema.values[static_cast<size_t>(f.field)];
    plans_.push_back({.kind = f.kind,
                      .field = f.field,
                      .weight = f.weight,
                      .type = field.type,
                      .scale = field.scale,
                      .real = is_real(f.field) || is_real(f.weight),
                      .unit = unit(f.field),
                      .weight_unit = unit(f.weight)});
  }
}

void State::reset() {
  for (Accumulator& a : accumulators_) {
    a.count = 0;
    a.sum = a.sum2 = Int256();
    a.real = a.real2 = 0;
    a.has = false;
    a.distinct.reset();
  }
}

void State::fold(const EventBatch& batch, size_t begin, size_t end) {
  for (size_t f = 0; f < plans_.size(); ++f) {
    const Plan& plan = plans_[f];
    Accumulator& a = accumulators_[f];
    switch (shape_of(plan.kind, plan.field)) {
      case Shape::kTally:
        if (plan.field < 0) {
          a.count += end - begin;
        } else {
          each_value(batch, plan.field, begin, end, [&](size_t, int64_t) { ++a.count; });
        }
        break;
      case Shape::kSums:
        fold_sums(plan, a, batch, begin, end);
        break;
      case Shape::kExtreme:
        fold_extreme(plan, a, batch, begin, end);
        break;
      case Shape::kPlaced:
        fold_placed(plan, a, batch, begin, end);
        break;
      case Shape::kSketch:
        each_value(batch, plan.field, begin, end, [&](size_t, int64_t cell) {
          if (plan.type == ValueType::kText) {
            a.distinct.add(hash64(batch.texts[static_cast<uint32_t>(cell)]));
            return;
          }
          // -0 and 0 are one value.
          const int64_t value = plan.type == ValueType::kDouble && real_of(cell) == 0 ? 0 : cell;
          a.distinct.add(hash64({reinterpret_cast<const char*>(&value), sizeof value}));
        });
        break;
    }
  }
}

void State::fold_sums(const Plan& plan, Accumulator& a, const EventBatch& batch, size_t begin,
                      size_t end) {
  if (plan.kind == FunctionKind::kVwap) {
    const int64_t* weights = batch.values[static_cast<size_t>(plan.weight)].data();
    const uint64_t null = uint64_t{1} << plan.weight;
    const bool price_real = plan.type == ValueType::kDouble;
    const bool weight_real =
        schema_->values[static_cast<size_t>(plan.weight)].type == ValueType::kDouble;
    ExactSum sum(a.sum), products(a.sum2);
    each_value(batch, plan.field, begin, end, [&](size_t i, int64_t cell) {
      if ((batch.nulls_at(i) & null) != 0) return;
      ++a.count;
      if (!plan.real) {
        sum.add(weights[i]);
        products.add(static_cast<int128>(cell) * weights[i]);
        return;
      }
      const double price = price_real ? real_of(cell) : static_cast<double>(cell) / plan.unit;
      const double weight =
          weight_real ? real_of(weights[i]) : static_cast<double>(weights[i]) / plan.weight_unit;
      a.real += weight;
      a.real2 += price * weight;
    });
  } else if (is_variance(plan.kind) && plan.real) {
    // Welford: a difference of large sums would lose what it is about.
    each_value(batch, plan.field, begin, end, [&](size_t, int64_t cell) {
      const double x = real_of(cell), before = x - a.real;
      a.real += before / static_cast<double>(++a.count);
      a.real2 += before * (x - a.real);
    });
  } else if (is_variance(plan.kind)) {
    ExactSum sum(a.sum), squares(a.sum2);
    each_value(batch, plan.field, begin, end, [&](size_t, int64_t cell) {
      ++a.count;
      sum.add(cell);
      squares.add(static_cast<int128>(cell) * cell);
    });
  } else if (plan.real) {
    each_value(batch, plan.field, begin, end, [&](size_t, int64_t cell) {
      ++a.count;
      a.real += real_of(cell);
    });
  } else {
    ExactSum sum(a.sum);
    each_value(batch, plan.field, begin, end, [&](size_t, int64_t cell) {
      ++a.count;
      sum.add(cell);
    });
  }
}

void State::fold_extreme(const Plan& plan, Accumulator& a, const EventBatch& batch, size_t begin,
                         size_t end) {
  if (plan.type == ValueType::kText) {
    each_value(batch, plan.field, begin, end, [&](size_t, int64_t cell) {
      const BytesView text = batch.texts[static_cast<uint32_t>(cell)];
      const bool better = plan.kind == FunctionKind::kMin ? text < a.text : text > a.text;
      if (!a.has || better) a.text = text;
      a.has = true;
    });
    return;
  }
  int64_t best = a.has ? extreme_rank(plan.kind, plan.type, a.cell) : INT64_MAX;
  each_value(batch, plan.field, begin, end, [&](size_t, int64_t cell) {
    const int64_t rank = extreme_rank(plan.kind, plan.type, cell);
    if (rank <= best) {  // not "<": the first cell may have the highest rank there is
      best = rank;
      a.cell = cell;
      a.has = true;
    }
  });
}

void State::fold_placed(const Plan& plan, Accumulator& a, const EventBatch& batch, size_t begin,
                        size_t end) {
  const bool want_last = plan.kind == FunctionKind::kLast;
  constexpr size_t kNone = SIZE_MAX;
  size_t best = kNone;
  each_value(batch, plan.field, begin, end, [&](size_t i, int64_t) {
    if (best == kNone) {
      best = i;
      return;
    }
    int order = batch.time[i] < batch.time[best] ? -1 : batch.time[i] > batch.time[best];
    if (order == 0) {
      const int64_t mine = batch.order_at(i), its = batch.order_at(best);
      order = mine < its ? -1 : mine > its;
    }
    if (order == 0) order = compare_ids(*schema_, batch, i, batch, best);
    if (want_last ? order > 0 : order < 0) best = i;
  });
  if (best == kNone) return;

  scratch_id_.clear();
  for (size_t c = 0; c < schema_->id.size(); ++c) {
    const int64_t cell = batch.id[c][best];
    if (schema_->id[c] == PartType::kInt) {
      append_key_part(scratch_id_, cell);
    } else {
      append_key_part(scratch_id_, batch.texts[static_cast<uint32_t>(cell)],
                      c + 1 == schema_->id.size());
    }
  }
  const auto place =
      std::make_tuple(batch.time[best], batch.order_at(best), BytesView(scratch_id_));
  const auto present = std::make_tuple(a.time, a.order, BytesView(a.id));
  if (a.has && !(want_last ? place > present : place < present)) return;
  a.has = true;
  a.time = batch.time[best];
  a.order = batch.order_at(best);
  a.id = scratch_id_;
  a.cell = batch.values[static_cast<size_t>(plan.field)][best];
  if (plan.type == ValueType::kText) a.text = batch.texts[static_cast<uint32_t>(a.cell)];
}

std::vector<Value> State::values(Duration bucket) const {
  std::vector<Value> out;
  out.reserve(plans_.size());
  for (size_t f = 0; f < plans_.size(); ++f)
    out.push_back(value(plans_[f], accumulators_[f], bucket));
  return out;
}

Value State::value(const Plan& plan, const Accumulator& a, Duration bucket) const {
  switch (shape_of(plan.kind, plan.field)) {
    case Shape::kTally:
      if (plan.kind == FunctionKind::kCount) return int_value(a.count);
      return real_value(static_cast<double>(a.count) / seconds(bucket));
    case Shape::kSketch:
      return int_value(a.distinct.estimate());
    case Shape::kExtreme:
    case Shape::kPlaced: {
      if (!a.has) return null_value("empty");
      if (plan.type == ValueType::kDecimal) return decimal_value(a.cell, plan.scale);
      if (plan.type == ValueType::kDouble) return real_value(real_of(a.cell));
      Value v;
      v.kind = Value::Kind::kText;
      v.text = a.text;
      return v;
    }
    case Shape::kSums:
      break;
  }

  if (a.count == 0) return null_value("empty");
  const auto count = static_cast<double>(a.count);
  if (plan.real) {
    switch (plan.kind) {
      case FunctionKind::kMean:
        return real_value(a.real / count);
      case FunctionKind::kVwap:
        return a.real == 0 ? null_value("zero-weight") : real_value(a.real2 / a.real);
      case FunctionKind::kVariance:
        return real_value(a.real2 / count);
      case FunctionKind::kStddev:
        return real_value(std::sqrt(a.real2 / count));
      case FunctionKind::kRate:
        return real_value(a.real / seconds(bucket));
      default:
        return real_value(a.real);
    }
  }
  const auto sum = a.sum.to_int128(), sum2 = a.sum2.to_int128();
  if (!sum || !sum2) return null_value("overflow");
  switch (plan.kind) {
    case FunctionKind::kMean:
      return ratio(*sum, plan.scale, static_cast<int128>(a.count));
    case FunctionKind::kVwap:
      return *sum == 0 ? null_value("zero-weight") : ratio(*sum2, plan.scale, *sum);
    case FunctionKind::kVariance:
      return real_value(exact_variance(a.count, *sum, *sum2, plan.scale));
    case FunctionKind::kStddev:
      return real_value(std::sqrt(exact_variance(a.count, *sum, *sum2, plan.scale)));
    case FunctionKind::kRate:
      return real_value(Int256(*sum).to_double() / plan.unit / seconds(bucket));
    default:
      return decimal_value(sum, plan.scale);
  }
}

}  // namespace hindcast
