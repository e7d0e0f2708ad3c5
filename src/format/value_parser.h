// Text to numbers, exactly: what JSON numbers, JSON strings and CSV cells have in common. Nothing
// is rounded into a decimal and nothing becomes zero by accident: whatever does not fit has a
// status.
//
// Accepted: sign, digits, one '.', an exponent ("-3.10E2", ".5", "1e-7"), ASCII spaces around.
// Pure; any thread.
#pragma once
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "format/cell.h"
#include "format/plain_number.h"

namespace hindcast {

enum class ParseStatus : uint8_t {
  kOk,
  kNotANumber,     // letters, two points, empty, a comma …
  kNotFinite,      // NaN, Infinity
  kTooManyDigits,  // fraction digits, other than zero, beyond the scale
  kOverflow,
};

/// `text` times 10^scale as an integer below 10^precision in magnitude. Requires scale <= precision
/// <= 18.
ParseStatus parse_decimal(std::string_view text, uint8_t precision, uint8_t scale, int64_t& out);
/// A whole number of 64 bits; "12.0" and "1e3" are whole. kTooManyDigits when it is not.
ParseStatus parse_integer(std::string_view text, int64_t& out);
/// The same of a cell; faster where its parser saw that the number is plain.
inline ParseStatus parse_decimal(const Cell& cell, uint8_t precision, uint8_t scale, int64_t& out) {
  if (cell.whole == 0 || cell.fraction > scale)
    return parse_decimal(cell.text, precision, scale, out);
  const uint128 product =
      static_cast<uint128>(plain_mantissa(cell)) * kPow10[scale - cell.fraction];
  if (product >= kPow10[precision]) return ParseStatus::kOverflow;
  out = cell.text[0] == '-' ? -static_cast<int64_t>(product) : static_cast<int64_t>(product);
  return ParseStatus::kOk;
}
inline ParseStatus parse_integer(const Cell& cell, int64_t& out) {
  if (cell.whole == 0 || cell.fraction > 0) return parse_integer(cell.text, out);
  const auto magnitude = static_cast<int64_t>(plain_mantissa(cell));
  out = cell.text[0] == '-' ? -magnitude : magnitude;
  return ParseStatus::kOk;
}
/// `text` times 10^scale, rounded down, as 128 bits: for times with more digits than a nanosecond.
/// Requires scale <= 18.
ParseStatus parse_scaled_floor(std::string_view text, unsigned scale, int128& out);
/// The nearest double; -0 becomes 0, because equal values must have equal content.
ParseStatus parse_double(std::string_view text, double& out);

/// Whether `token` is a number by the grammar of JSON (no "+1", "01", ".5").
bool is_json_number(std::string_view token);
/// One behind the longest JSON number that starts at `at`; `at` itself when there is none.
const char* json_number_end(const char* at, const char* end);
std::string_view trim_spaces(std::string_view text);

}  // namespace hindcast
