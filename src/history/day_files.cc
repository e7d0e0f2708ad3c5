#include "history/day_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace hindcast {
namespace {

constexpr int64_t kDay = 86'400, kHour = 3600;

bool has_part(std::string_view path_template, std::string_view name) {
  return path_template.find("{" + std::string(name) + "}") != std::string_view::npos;
}

std::optional<unsigned> number(std::string_view digits) {
  unsigned out = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return out;
}

/// "20131007" or "2013-10-07" as days since 1970-01-01.
std::optional<int64_t> day_number(std::string_view text) {
  const bool dashes = text.size() == 10 && text[4] == '-' && text[7] == '-';
  if (!dashes && text.size() != 8) return std::nullopt;
  const auto year = number(text.substr(0, 4));
  const auto month = number(text.substr(dashes ? 5 : 4, 2));
  const auto day = number(text.substr(dashes ? 8 : 6, 2));
  if (!year || !month || !day || *year < 1700 || *year > 2200 || *month < 1 || *month > 12)
    return std::nullopt;
  const int64_t first = days_from_civil(*year, *month, 1);
  const int64_t next =
      *month == 12 ? days_from_civil(*year + 1, 1, 1) : days_from_civil(*year, *month + 1, 1);
  if (*day < 1 || first + *day > next) return std::nullopt;
  return first + *day - 1;
}

std::string part_text(const PathParts& parts, std::string_view name) {
  const auto at = std::find_if(parts.begin(), parts.end(),
                               [&](const auto& part) { return part.first == name; });
  return at == parts.end() ? "" : at->second;
}

}  // namespace

std::optional<int64_t> DayFiles::unit_of(const MatchedFile& file) const {
  const auto day = day_number(part_text(file.parts, day_part_));
  if (!day || unit_seconds_ == kDay) return day;
  const std::string text = part_text(file.parts, "hour");
  const auto hour = number(text);
  if (text.empty() || !hour || *hour > 23) return std::nullopt;
  return *day * 24 + *hour;
}

Result<DayFiles> DayFiles::list(FileSystem& files, const HistoryConfig& history) {
  DayFiles out;
  auto found = find_files(files, history.path);
  if (!found) return std::move(found).error().with("unreadable");
  out.files_ = std::move(*found);
  const size_t matching = out.files_.size();
  if (matching == 0) return not_found("no-file: no file matches " + history.path);
  for (const char* part : {"day", "date"}) {
    if (out.day_part_.empty() && has_part(history.path, part)) out.day_part_ = part;
  }
  if (out.day_part_.empty()) return out;
  HC_TRY_ASSIGN(out.zone_, Zone::load(history.day_zone));
  out.unit_seconds_ = has_part(history.path, "hour") ? kHour : kDay;

  // In order of their days. What matches by accident ("latest") is of no day.
  std::vector<std::pair<int64_t, MatchedFile>> dated;
  for (MatchedFile& file : out.files_) {
    if (const auto unit = out.unit_of(file)) dated.emplace_back(*unit, std::move(file));
  }
  if (dated.empty()) {
    return not_found(fmt::format(
        "no-file: {} files match {}, but in none of them is {{{}}} a day like 20131007 or "
        "2013-10-07{}: {}",
        matching, history.path, out.day_part_,
        out.unit_seconds_ == kHour ? " and {hour} one from 00 to 23" : "", out.files_[0].path));
  }
  std::stable_sort(dated.begin(), dated.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  out.files_.clear();
  for (auto& [unit, file] : dated) {
    out.units_.push_back(unit);
    out.files_.push_back(std::move(file));
  }
  return out;
}

Window DayFiles::window_of_unit(int64_t unit) const {
  const auto begin = [&](int64_t n) {
    return event_time_ns(zone_.to_unix(n * unit_seconds_) * 1'000'000'000);
  };
  return {begin(unit), begin(unit + 1)};
}

std::string DayFiles::name_of_unit(int64_t unit) const {
  const std::string civil = to_rfc3339(event_time_ns(unit * unit_seconds_ * 1'000'000'000));
  return unit_seconds_ == kDay ? civil.substr(0, 10) : civil.substr(0, 13);
}

std::vector<FileUnit> DayFiles::units(Window range) const {
  std::vector<FileUnit> out;
  if (range.start >= range.end) return out;
  if (!dated()) {
    FileUnit all{range, {kMinEventTime, kMaxEventTime}, "", {}, {}};
    for (const MatchedFile& file : files_) all.files.push_back(&file);
    out.push_back(std::move(all));
    return out;
  }
  const auto add = [&](Window known, std::string missing) {
    const Window window{std::max(known.start, range.start), std::min(known.end, range.end)};
    if (window.start < window.end) out.push_back({window, known, std::move(missing), {}, {}});
    return window.start < window.end;
  };
  const int64_t first = units_.front(), last = units_.back();
  const EventTime begin = window_of_unit(first).start, end = window_of_unit(last).end;
  add({kMinEventTime, begin}, "no-file: history begins with " + name_of_unit(first));
  size_t file = 0;
  for (int64_t unit = first; unit <= last; ++unit) {
    const size_t begins = file;
    while (file < units_.size() && units_[file] == unit) ++file;
    // An hour that the clocks skip has no time in it, and add() refuses it.
    if (!add(window_of_unit(unit), "no-file: history has no file for " + name_of_unit(unit)))
      continue;
    for (size_t i = begins; i < file; ++i) out.back().files.push_back(&files_[i]);
    for (size_t i = file; i < units_.size() && units_[i] == unit + 1; ++i)
      out.back().next.push_back(&files_[i]);
  }
  add({end, kMaxEventTime}, "no-file: history ends with " + name_of_unit(last));
  return out;
}

}  // namespace hindcast
