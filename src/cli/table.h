// Rows of text in aligned columns, and the same as CSV.
#pragma once
#include <iosfwd>
#include <string>
#include <vector>

#include "base/time.h"

namespace hindcast {

class Table {
 public:
  enum class Align : uint8_t { kLeft, kRight };
  void column(std::string name, Align align = Align::kRight);
  /// Requires: one cell per column.
  void row(std::vector<std::string> cells);
  size_t rows() const { return rows_.size(); }

  /// Two spaces between columns; widths count characters, not bytes. Control characters show as
  /// '?'.
  void print(std::ostream& out) const;
  /// RFC 4180.
  void print_csv(std::ostream& out) const;

 private:
  std::vector<std::string> names_;
  std::vector<Align> align_;
  std::vector<std::vector<std::string>> rows_;
};

/// 1234567 -> "1,234,567"; anything but digits stays.
std::string with_commas(const std::string& digits);
/// "2024-03-01T10:00:00Z" -> "2024-03-01 10:00:00"; "" -> "-".
std::string short_time(const std::string& rfc3339);
/// "4h32m", "5m", "1.5s": the two largest units; below a minute, seconds.
std::string human_duration(Duration duration);
/// "12.5 MiB".
std::string human_bytes(uint64_t bytes);

}  // namespace hindcast
