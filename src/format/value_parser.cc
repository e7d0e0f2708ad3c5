#include "format/value_parser.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>

#include "format/plain_number.h"

namespace hindcast {
namespace {

constexpr bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

/// A decimal number as written: (-1)^negative * mantissa * 10^exponent. 19 significant digits are
/// kept; `lost` says that a digit other than zero was dropped behind them.
struct Scanned {
  uint64_t mantissa = 0;
  int exponent = 0;
  bool negative = false, lost = false;
};

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((text[i] | 0x20) != lower[i]) return false;
  }
  return true;
}

/// Tells "NaN" and "-Infinity" from garbage, so that the dead letter has the right reason.
ParseStatus refuse(std::string_view text) {
  text = trim_spaces(text);
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  for (const std::string_view word : {"nan", "inf", "infinity"}) {
    if (equals_ignoring_case(text, word)) return ParseStatus::kNotFinite;
  }
  return ParseStatus::kNotANumber;
}

/// Digits with at most one point between them, 18 characters at most, an optional minus: nearly
/// every number there is. Little-endian machines only, as all of the encodings are.
inline bool scan_plain(std::string_view text, uint64_t& mantissa, unsigned& fraction,
                       bool& negative) {
  const char* at = text.data();
  const char* const end = at + text.size();
  negative = at != end && *at == '-';
  at += negative;
  const auto size = static_cast<size_t>(end - at);
  if (size == 0 || size > 18) return false;
  uint64_t v = 0;
  fraction = 0;
  if (size >= 8) {
    uint64_t eight = 0;
    std::memcpy(&eight, at, sizeof eight);
    if (are_eight_digits(eight)) {
      v = eight_digits(eight);
      at += 8;
    }
  }
  const char* point = nullptr;
  for (; at != end; ++at) {
    const auto digit = static_cast<unsigned>(*at - '0');
    if (digit < 10) {
      v = v * 10 + digit;
    } else if (*at == '.' && point == nullptr) {
      point = at;
    } else {
      return false;
    }
  }
  if (point != nullptr) {
    if (size == 1) return false;
    fraction = static_cast<unsigned>(end - point - 1);
  }
  mantissa = v;
  return true;
}

bool scan(std::string_view text, Scanned& out) {
  const char* at = text.data();
  const char* end = at + text.size();
  if (at != end && (*at == '-' || *at == '+')) out.negative = *at++ == '-';
  uint64_t mantissa = 0;
  int exponent = 0;
  bool any = false, point = false;
  for (; at != end; ++at) {
    const char c = *at;
    if (is_digit(c)) {
      any = true;
      const auto digit = static_cast<unsigned>(c - '0');
      if (mantissa < kPow10[18]) {
        mantissa = mantissa * 10 + digit;
        exponent -= point;
      } else {
        out.lost |= digit != 0;
        exponent += !point;
      }
    } else if (c == '.' && !point) {
      point = true;
    } else {
      break;
    }
  }
  if (!any) return false;
  if (at != end && (*at == 'e' || *at == 'E')) {
    ++at;
    bool minus = false;
    if (at != end && (*at == '-' || *at == '+')) minus = *at++ == '-';
    if (at == end) return false;
    int e = 0;
    for (; at != end && is_digit(*at); ++at) {
      if (e < 100'000) e = e * 10 + (*at - '0');
    }
    exponent += minus ? -e : e;
  }
  out.mantissa = mantissa;
  out.exponent = exponent;
  return at == end;
}

/// mantissa * 10^(exponent + scale) as an unsigned integer up to `limit`.
ParseStatus scale_exactly(const Scanned& n, int scale, uint64_t limit, uint64_t& out) {
  if (n.mantissa == 0) {
    out = 0;
    return ParseStatus::kOk;
  }
  const int shift = n.exponent + scale;
  if (shift >= 0) {
    if (shift >= static_cast<int>(kPow10.size())) return ParseStatus::kOverflow;
    const uint128 product = static_cast<uint128>(n.mantissa) * kPow10[static_cast<size_t>(shift)];
    if (product > limit) return ParseStatus::kOverflow;
    out = static_cast<uint64_t>(product);
  } else {
    if (-shift >= static_cast<int>(kPow10.size())) return ParseStatus::kTooManyDigits;
    const uint64_t divisor = kPow10[static_cast<size_t>(-shift)];
    const uint64_t quotient = n.mantissa / divisor;
    if (quotient > limit) return ParseStatus::kOverflow;
    if (quotient * divisor != n.mantissa) return ParseStatus::kTooManyDigits;
    out = quotient;
  }
  return n.lost ? ParseStatus::kTooManyDigits : ParseStatus::kOk;
}

}  // namespace

std::string_view trim_spaces(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

ParseStatus parse_decimal(std::string_view text, uint8_t precision, uint8_t scale, int64_t& out) {
  uint64_t plain = 0;
  unsigned fraction = 0;
  bool negative = false;
  if (scan_plain(text, plain, fraction, negative) && fraction <= scale) {
    const uint128 product = static_cast<uint128>(plain) * kPow10[scale - fraction];
    if (product >= kPow10[precision]) return ParseStatus::kOverflow;
    out = negative ? -static_cast<int64_t>(product) : static_cast<int64_t>(product);
    return ParseStatus::kOk;
  }
  Scanned n;
  if (!scan(text, n)) {
    const std::string_view trimmed = trim_spaces(text);
    n = {};
    if (trimmed.size() == text.size() || !scan(trimmed, n)) return refuse(text);
  }
  uint64_t magnitude = 0;
  const ParseStatus status = scale_exactly(n, scale, kPow10[precision] - 1, magnitude);
  out = n.negative ? -static_cast<int64_t>(magnitude) : static_cast<int64_t>(magnitude);
  return status;
}

ParseStatus parse_integer(std::string_view text, int64_t& out) {
  uint64_t plain = 0;
  unsigned fraction = 0;
  bool negative = false;
  if (scan_plain(text, plain, fraction, negative) && fraction == 0) {
    out = negative ? -static_cast<int64_t>(plain) : static_cast<int64_t>(plain);
    return ParseStatus::kOk;
  }
  Scanned n;
  if (!scan(text, n)) {
    const std::string_view trimmed = trim_spaces(text);
    n = {};
    if (trimmed.size() == text.size() || !scan(trimmed, n)) return refuse(text);
  }
  uint64_t magnitude = 0;
  const uint64_t limit = static_cast<uint64_t>(INT64_MAX) + n.negative;
  const ParseStatus status = scale_exactly(n, 0, limit, magnitude);
  out = static_cast<int64_t>(n.negative ? 0 - magnitude : magnitude);
  return status;
}

ParseStatus parse_scaled_floor(std::string_view text, unsigned scale, int128& out) {
  Scanned n;
  if (!scan(trim_spaces(text), n)) return refuse(text);
  const int shift = n.exponent + static_cast<int>(scale);
  uint128 magnitude = n.mantissa;
  bool rest = n.lost;
  if (shift >= 0) {
    if (n.mantissa != 0 && shift > 18) return ParseStatus::kOverflow;
    if (n.mantissa != 0) magnitude *= kPow10[static_cast<size_t>(shift)];
  } else if (-shift >= static_cast<int>(kPow10.size())) {
    rest = rest || magnitude != 0;
    magnitude = 0;
  } else {
    const uint64_t divisor = kPow10[static_cast<size_t>(-shift)];
    rest = rest || magnitude % divisor != 0;
    magnitude /= divisor;
  }
  out = n.negative ? -static_cast<int128>(magnitude) - rest : static_cast<int128>(magnitude);
  return ParseStatus::kOk;
}

ParseStatus parse_double(std::string_view text, double& out) {
  std::string_view number = trim_spaces(text);
  if (!number.empty() && number[0] == '+') number.remove_prefix(1);
  // from_chars reads "nan" and "inf" too; a number starts with a digit, a point or a minus and one
  // of them.
  const size_t first = !number.empty() && number[0] == '-' ? 1 : 0;
  if (number.size() <= first || (!is_digit(number[first]) && number[first] != '.'))
    return refuse(text);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), out);
  if (end != number.data() + number.size()) return refuse(text);
  if (error == std::errc::result_out_of_range) {
    // Too large is an error; too small is the nearest double, which strtod knows.
    out = std::strtod(std::string(number).c_str(), nullptr);
  } else if (error != std::errc()) {
    return refuse(text);
  }
  if (!std::isfinite(out)) return ParseStatus::kOverflow;
  if (out == 0) out = 0;
  return ParseStatus::kOk;
}

const char* json_number_end(const char* const begin, const char* const end) {
  const char* at = begin;
  if (at != end && *at == '-') ++at;
  if (at == end || !is_digit(*at)) return begin;
  if (*at == '0') {
    ++at;
  } else {
    while (at != end && is_digit(*at)) ++at;
  }
  if (at != end && *at == '.') {
    const char* digits = ++at;
    while (at != end && is_digit(*at)) ++at;
    if (at == digits) return begin;
  }
  if (at != end && (*at == 'e' || *at == 'E')) {
    ++at;
    if (at != end && (*at == '-' || *at == '+')) ++at;
    const char* digits = at;
    while (at != end && is_digit(*at)) ++at;
    if (at == digits) return begin;
  }
  return at;
}

bool is_json_number(std::string_view token) {
  return !token.empty() &&
         json_number_end(token.data(), token.data() + token.size()) == token.data() + token.size();
}

}  // namespace hindcast
