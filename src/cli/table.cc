#include "cli/table.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ostream>

#include "base/assert.h"

namespace hindcast {
namespace {

size_t width(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string printable(std::string text) {
  std::replace_if(
      text.begin(), text.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, '?');
  return text;
}

void csv_row(std::ostream& out, const std::vector<std::string>& cells) {
  for (size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) out << ',';
    if (cells[i].find_first_of(",\"\r\n") == std::string::npos) {
      out << cells[i];
      continue;
    }
    out << '"';
    for (const char c : cells[i]) out << (c == '"' ? "\"\"" : std::string(1, c));
    out << '"';
  }
  out << "\r\n";
}

}  // namespace

void Table::column(std::string name, Align align) {
  HC_ASSERT(rows_.empty());
  names_.push_back(std::move(name));
  align_.push_back(align);
}

void Table::row(std::vector<std::string> cells) {
  HC_ASSERT(cells.size() == names_.size());
  rows_.push_back(std::move(cells));
}

void Table::print(std::ostream& out) const {
  std::vector<size_t> widths;
  for (size_t i = 0; i < names_.size(); ++i) {
    size_t widest = width(names_[i]);
    for (const auto& cells : rows_) widest = std::max(widest, width(cells[i]));
    widths.push_back(widest);
  }
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string text;
    for (size_t i = 0; i < cells.size(); ++i) {
      const std::string pad(widths[i] - width(cells[i]), ' ');
      if (i > 0) text += "  ";
      text += align_[i] == Align::kRight ? pad + printable(cells[i]) : printable(cells[i]) + pad;
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out << text << '\n';
  };
  line(names_);
  for (const auto& cells : rows_) line(cells);
}

void Table::print_csv(std::ostream& out) const {
  csv_row(out, names_);
  for (const auto& cells : rows_) csv_row(out, cells);
}

std::string with_commas(const std::string& digits) {
  if (digits.find_first_not_of("0123456789") != std::string::npos) return digits;
  std::string out = digits;
  for (size_t at = out.size(); at > 3; at -= 3) out.insert(at - 3, 1, ',');
  return out;
}

std::string short_time(const std::string& rfc3339) {
  if (rfc3339.empty()) return "-";
  std::string out = rfc3339;
  std::replace(out.begin(), out.end(), 'T', ' ');
  if (out.ends_with('Z')) out.pop_back();
  return out;
}

std::string human_duration(Duration duration) {
  struct Unit {
    const char* name;
    int64_t seconds;
  };
  constexpr std::array<Unit, 4> kUnits = {{{"d", 86'400}, {"h", 3'600}, {"m", 60}, {"s", 1}}};
  const int64_t seconds = duration.count() / Duration(1s).count();
  if (duration < Duration(1min)) {
    char text[32];
    std::snprintf(text, sizeof text, "%.3f", std::chrono::duration<double>(duration).count());
    std::string out = text;
    out.erase(out.find_last_not_of('0') + 1);
    if (out.ends_with('.')) out.pop_back();
    return out + "s";
  }
  for (size_t i = 0; i + 1 < kUnits.size(); ++i) {
    const int64_t count = seconds / kUnits[i].seconds;
    if (count == 0) continue;
    const int64_t rest = seconds % kUnits[i].seconds / kUnits[i + 1].seconds;
    return std::to_string(count) + kUnits[i].name +
           (rest == 0 ? "" : std::to_string(rest) + kUnits[i + 1].name);
  }
  return "0s";
}

std::string human_bytes(uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text;
}

}  // namespace hindcast
