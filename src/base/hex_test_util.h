// Bytes as the pages in docs/formats write them.
#pragma once
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace hindcast::test {

/// "01 e8 07" as bytes; blanks are for the reader.
inline Bytes from_hex(std::string_view hex) {
  std::string digits;
  for (const char c : hex) {
    if (c != ' ') digits += c;
  }
  Bytes out;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    out.push_back(static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  }
  return out;
}

}  // namespace hindcast::test
