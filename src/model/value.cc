#include <algorithm>
#include <array>
#include <charconv>

#include "model/function.h"

namespace hindcast {
namespace {

// Digits of a number, in pieces of 64 bits: dividing 128 bits digit by digit costs ten times as
// much.
std::string digits_of(uint128 v) {
  constexpr uint64_t kPiece = 1'000'000'000'000'000'000;  // 18 digits
  if (v < kPiece) return std::to_string(static_cast<uint64_t>(v));
  const std::string low = std::to_string(static_cast<uint64_t>(v % kPiece));
  return digits_of(v / kPiece) + std::string(18 - low.size(), '0') + low;
}

std::string decimal_text(int128 number, uint8_t scale) {
  const bool negative = number < 0;
  std::string out =
      digits_of(negative ? -static_cast<uint128>(number) : static_cast<uint128>(number));
  if (out.size() <= scale) out.insert(0, scale + 1 - out.size(), '0');
  const size_t point = out.size() - scale;
  const size_t last = out.find_last_not_of('0');  // npos + 1 = 0 when all are zeros
  out.resize(std::max(point, last + 1));
  if (out.size() > point) out.insert(point, 1, '.');
  if (negative) out.insert(0, 1, '-');
  return out;
}

}  // namespace

std::string Value::to_string() const {
  switch (kind) {
    case Kind::kNull:
      return "null";
    case Kind::kInt:
      return decimal_text(number, 0);
    case Kind::kDecimal:
      return decimal_text(number, scale);
    case Kind::kDouble: {
      std::array<char, 32> buffer;  // the longest double takes 24
      const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), real).ptr;
      return {buffer.data(), end};
    }
    case Kind::kText:
      return text;
  }
  return {};
}

}  // namespace hindcast
