// The bytes of a partial state: docs/formats/row.md.
#include <array>
#include <tuple>

#include "model/function.h"
#include "model/function_internal.h"

namespace hindcast {
namespace {

constexpr uint8_t kStateVersion = 1;

void put_real(Bytes& out, double v) { put_u64(out, std::bit_cast<uint64_t>(v)); }
double real(ByteReader& in) { return std::bit_cast<double>(in.u64()); }

void put_value(Bytes& out, ValueType type, int64_t cell, BytesView text) {
  switch (type) {
    case ValueType::kDecimal:
      return put_signed(out, cell);
    case ValueType::kDouble:
      return put_u64(out, static_cast<uint64_t>(cell));
    case ValueType::kText:
      return put_string(out, text);
  }
}
struct StoredValue {
  int64_t cell = 0;
  BytesView text;
};
StoredValue read_value(ByteReader& in, ValueType type) {
  switch (type) {
    case ValueType::kDecimal:
      return {.cell = in.signed_varint(), .text = {}};
    case ValueType::kDouble:
      return {.cell = static_cast<int64_t>(in.u64()), .text = {}};
    case ValueType::kText:
      return {.cell = 0, .text = in.string()};
  }
  return {};
}

// Feeds count in seconds or milliseconds; whole units cost 5 or 6 bytes where nanoseconds cost 9.
constexpr std::array<int64_t, 4> kTimeUnits = {1'000'000'000, 1'000'000, 1'000, 1};

void put_unit_and_time(Bytes& out, int64_t time) {
  // Spelled out, because dividing by a constant is a multiplication. Few times are whole
  // microseconds and no more.
  if (time % 1'000'000 == 0) {
    const bool whole = time % 1'000'000'000 == 0;
    put_u8(out, whole ? 1 : 2);
    put_signed(out, whole ? time / 1'000'000'000 : time / 1'000'000);
  } else {
    const bool micros = time % 1'000 == 0;
    put_u8(out, micros ? 3 : 4);
    put_signed(out, micros ? time / 1'000 : time);
  }
}

// An id as the schema shapes it: integers as varints, where their comparable form has 8 bytes.
void put_id(Bytes& out, const std::vector<PartType>& types, BytesView id) {
  ByteReader in(id);
  for (size_t c = 0; c < types.size(); ++c) {
    if (types[c] == PartType::kInt) {
      put_signed(out, in.ordered());
      continue;
    }
    const BytesView rest = id.substr(id.size() - in.remaining());
    const size_t end = c + 1 == types.size() ? BytesView::npos : rest.find(BytesView("\0\1", 2));
    const BytesView part = in.bytes(end == BytesView::npos ? rest.size() : end + 2);
    put_string(out, part);  // escaped and terminated, when it is not the last
  }
}
void read_id(ByteReader& in, const std::vector<PartType>& types, Bytes& id) {
  id.clear();
  for (const PartType type : types) {
    if (type == PartType::kInt) {
      put_ordered(id, in.signed_varint());
    } else {
      id.append(in.string());
    }
  }
}

}  // namespace

void State::encode(Bytes& out) const {
  put_u8(out, kStateVersion);
  for (size_t f = 0; f < plans_.size(); ++f) {
    const Plan& plan = plans_[f];
    const Accumulator& a = accumulators_[f];
    switch (shape_of(plan.kind, plan.field)) {
      case Shape::kTally:
        put_varint(out, a.count);
        break;
      case Shape::kSums:
        put_varint(out, a.count);
        if (a.count == 0) break;
        if (plan.real) {
          put_real(out, a.real);
          if (has_second_sum(plan.kind)) put_real(out, a.real2);
        } else {
          put_signed256(out, a.sum);
          if (has_second_sum(plan.kind)) put_signed256(out, a.sum2);
        }
        break;
      case Shape::kExtreme:
        put_u8(out, a.has ? 1 : 0);
        if (a.has) put_value(out, plan.type, a.cell, a.text);
        break;
      case Shape::kPlaced:
        encode_placed(plan, a, out);
        break;
      case Shape::kSketch:
        a.distinct.encode(out);
        break;
    }
  }
}

void State::encode_placed(const Plan& plan, const Accumulator& a, Bytes& out) const {
  if (!a.has) return put_u8(out, 0);
  put_unit_and_time(out, a.time);
  put_signed(out, a.order);
  put_id(out, schema_->id, a.id);
  put_value(out, plan.type, a.cell, a.text);
}

Status State::combine(BytesView child) {
  ByteReader in(child);
  if (in.u8() != kStateVersion) return corruption("state: unknown version");
  for (size_t f = 0; f < plans_.size(); ++f) {
    const Plan& plan = plans_[f];
    Accumulator& a = accumulators_[f];
    switch (shape_of(plan.kind, plan.field)) {
      case Shape::kTally:
        a.count += in.varint();
        break;
      case Shape::kSums:
        combine_sums(plan, a, in);
        break;
      case Shape::kExtreme:
        combine_extreme(plan, a, in);
        break;
      case Shape::kPlaced:
        combine_placed(plan, a, in);
        break;
      case Shape::kSketch:
        a.distinct.merge(in);
        break;
    }
  }
  if (!in.ok() || !in.at_end()) return corruption("state: malformed");
  return {};
}

void State::combine_sums(const Plan& plan, Accumulator& a, ByteReader& in) {
  const uint64_t count = in.varint();
  if (count == 0) return;
  if (!plan.real) {
    a.count += count;
    a.sum += signed_varint256(in);
    if (has_second_sum(plan.kind)) a.sum2 += signed_varint256(in);
    return;
  }
  const double first = real(in);
  const double second = has_second_sum(plan.kind) ? real(in) : 0;
  if (!is_variance(plan.kind)) {
    a.count += count;
    a.real += first;
    a.real2 += second;
    return;
  }
  // Chan, Golub and LeVeque: two means and the squared distances from them become one.
  const auto before = static_cast<double>(a.count), added = static_cast<double>(count);
  const double total = before + added, distance = first - a.real;
  a.count += count;
  a.real = before == 0 ? first : a.real + distance * (added / total);
  a.real2 += second + (before == 0 ? 0 : distance * distance * (before * added / total));
}

void State::combine_extreme(const Plan& plan, Accumulator& a, ByteReader& in) {
  const uint8_t has = in.u8();
  if (has > 1) in.fail();
  if (has == 0 || !in.ok()) return;
  const StoredValue v = read_value(in, plan.type);
  bool better = !a.has;
  if (!better && plan.type == ValueType::kText) {
    better = plan.kind == FunctionKind::kMin ? v.text < a.text : v.text > a.text;
  } else if (!better) {
    better =
        extreme_rank(plan.kind, plan.type, v.cell) < extreme_rank(plan.kind, plan.type, a.cell);
  }
  if (!better) return;
  a.has = true;
  a.cell = v.cell;
  a.text = v.text;
}

void State::combine_placed(const Plan& plan, Accumulator& a, ByteReader& in) {
  const uint8_t unit = in.u8();
  if (unit > kTimeUnits.size()) in.fail();
  if (unit == 0 || !in.ok()) return;
  int64_t time = in.signed_varint();
  if (__builtin_mul_overflow(time, kTimeUnits[unit - 1U], &time)) return in.fail();
  const int64_t order = in.signed_varint();
  read_id(in, schema_->id, scratch_id_);
  const StoredValue v = read_value(in, plan.type);
  const auto place = std::make_tuple(time, order, BytesView(scratch_id_));
  const auto present = std::make_tuple(a.time, a.order, BytesView(a.id));
  const bool better = plan.kind == FunctionKind::kLast ? place > present : place < present;
  if (a.has && !better) return;
  a.has = true;
  a.time = time;
  a.order = order;
  a.id = scratch_id_;
  a.cell = v.cell;
  a.text = v.text;
}

}  // namespace hindcast
