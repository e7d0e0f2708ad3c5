#include "bench/curve_history.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "bench/workload.h"

namespace hindcast::bench {
namespace {

constexpr uint64_t kLineBytes = 76;   // about
constexpr uint64_t kWindowsMin = 4;   // of a file: half of the pages must be a whole number of them
constexpr int64_t kDaysAhead = 4;     // what may be under way: a day for each worker, and readahead
constexpr int64_t kFirstDay = 11323;  // 2001-01-01, in days since 1970
constexpr int64_t kDayNanos = 86'400'000'000'000;

std::string day_name(int64_t day) {
  const std::string text = to_rfc3339(event_time_ns((kFirstDay + day) * kDayNanos));  // 2001-01-01T
  return text.substr(0, 4) + text.substr(5, 2) + text.substr(8, 2);
}

/// With `sync`, what is dirty is written first: only clean pages can be dropped.
void drop(const std::string& path, bool sync) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0 || (sync && ::fdatasync(file) != 0)) {
    std::perror(path.c_str());
    std::exit(1);
  }
  (void)::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);  // advice
  ::close(file);
}

}  // namespace

CurveHistory::CurveHistory(CurveHistoryOptions options) : options_(std::move(options)) {
  const uint64_t each = std::max<uint64_t>(options_.bytes / kFiles / kLineBytes, 1'000);
  days_ = static_cast<int64_t>(options_.events / each) + 2 * kDaysAhead;
  events_ = each * static_cast<uint64_t>(days_);
  for (const char* folder : {"/real", "/all", "/half"})
    std::filesystem::create_directories(options_.folder + folder);
  for (size_t file = 0; file < kFiles; ++file) write(file, each);
  for (int64_t day = 0; day < days_; ++day) {
    const size_t file = static_cast<size_t>(day) % kFiles;
    for (const char* which : {"all", "half"}) {
      std::filesystem::create_hard_link(
          real(which, file), options_.folder + "/" + which + "/" + day_name(day) + ".ndjson");
    }
  }
}

std::string CurveHistory::real(const char* which, size_t file) const {
  return options_.folder + "/real/" + which + "-" + std::to_string(file) + ".ndjson";
}

void CurveHistory::write(size_t file, uint64_t events) {
  const uint64_t windows =
      std::max(kWindowsMin, (events + options_.window_events - 1) / options_.window_events);
  const int64_t window_ms = options_.window / 1ms;
  const auto span_ms = static_cast<uint64_t>(window_ms) * windows;
  TradeLines lines(options_.keys, /*seed=*/file + 1);
  std::ofstream all(real("all", file), std::ios::binary),
      half(real("half", file), std::ios::binary);
  std::string line, all_lines, half_lines;
  for (uint64_t i = 0; i < events; ++i) {
    line.clear();
    const auto ms = static_cast<int64_t>(i * span_ms / events);  // of the day
    lines.append(1'000'000'000 + i, ms, line);
    all_lines += line;
    if (ms / window_ms % 2 == 1 && i % 2 == 1) half_lines += line;
    if (all_lines.size() < (1 << 20) && i + 1 < events) continue;
    all << all_lines;
    half << half_lines;
    all_lines.clear();
    half_lines.clear();
  }
  all.close();
  half.close();
  if (!all || !half) {
    std::fprintf(stderr, "%s: history not written; is the disk full?\n", options_.folder.c_str());
    std::exit(1);
  }
  drop(real("all", file), true);
  drop(real("half", file), true);
}

Window CurveHistory::range() const {
  return {event_time_ns(kFirstDay * kDayNanos), event_time_ns((kFirstDay + days_) * kDayNanos)};
}

void CurveHistory::drop_pages() const {
  for (size_t file = 0; file < kFiles; ++file) drop(real("all", file), false);
}

void CurveHistory::drop_pages(EventTime done) const {
  const auto first =
      static_cast<size_t>(std::max<int64_t>(0, unix_ns(done) / kDayNanos - kFirstDay));
  for (size_t file = 0; file < kFiles; ++file) {
    const size_t ahead = (file + kFiles - first % kFiles) % kFiles;
    if (ahead >= kDaysAhead) drop(real("all", file), false);
  }
}

}  // namespace hindcast::bench
