#include <algorithm>
#include <array>
#include <charconv>

#include "model/function.h"

namespace hindcast {
namespace {

std::string decimal_text(int128 number, uint8_t scale) {
  uint128 rest = number < 0 ? -static_cast<uint128>(number) : static_cast<uint128>(number);
  std::string digits;  // the last one first
  while (rest != 0 || digits.size() <= scale) {
    digits.push_back(static_cast<char>('0' + static_cast<int>(rest % 10)));
    rest /= 10;
  }
  const size_t zeros = std::min<size_t>(scale, digits.find_first_not_of('0'));  // npos: all are
  std::string out(digits.rbegin(), digits.rend() - static_cast<ptrdiff_t>(zeros));
  if (scale > zeros) out.insert(digits.size() - scale, 1, '.');
  if (number < 0) out.insert(0, 1, '-');
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
