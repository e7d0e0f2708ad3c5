#include "cli/strip.h"

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "base/bytes.h"

namespace hindcast {
namespace {

using SpanState = CoverageSpan::State;

struct Look {
  SpanState state;
  const char* glyph;
  const char* colour;
};
/// The worst first.
constexpr std::array<Look, 5> kLooks = {{{SpanState::kGap, "░", "\x1b[31m"},
                                         {SpanState::kReplaying, "▒", "\x1b[33m"},
                                         {SpanState::kUnfillable, "×", "\x1b[35m"},
                                         {SpanState::kAccepted, "·", "\x1b[36m"},
                                         {SpanState::kCovered, "█", "\x1b[32m"}}};
constexpr const char* kPlain = "\x1b[0m";

size_t badness(SpanState state) {
  return static_cast<size_t>(std::ranges::find(kLooks, state, &Look::state) - kLooks.begin());
}

int128 length(const Window& range) {
  return static_cast<int128>(unix_ns(range.end)) - unix_ns(range.start);
}

/// Where slice `i` of `columns` begins.
EventTime slice_start(const Window& range, size_t i, size_t columns) {
  const int128 offset = length(range) * static_cast<int128>(i) / static_cast<int128>(columns);
  return event_time_ns(static_cast<int64_t>(unix_ns(range.start) + offset));
}

constexpr std::array kSteps = {
    Duration(1s),       Duration(5s),       Duration(15s),      Duration(30s),
    Duration(1min),     Duration(5min),     Duration(15min),    Duration(30min),
    Duration(1h),       Duration(3h),       Duration(6h),       Duration(12h),
    Duration(24h),      Duration(48h),      Duration(7 * 24h),  Duration(14 * 24h),
    Duration(28 * 24h), Duration(91 * 24h), Duration(365 * 24h)};
constexpr size_t kLabelRoom = 12;  // columns from one label to the next, at least

/// "10:30", "10:30:15" or "03-01", as the distance between labels needs it.
std::string label(EventTime at, Duration step) {
  const std::string text = to_rfc3339(at);  // 2024-03-01T10:30:15Z
  if (step >= Duration(365 * 24h)) return text.substr(0, 7);
  if (step >= Duration(24h)) return text.substr(5, 5);
  return text.substr(11, step >= Duration(1min) ? 5 : 8);
}

}  // namespace

std::string strip(const std::vector<CoverageSpan>& spans, const Window& range, size_t columns,
                  bool colour) {
  HC_ASSERT(range.start < range.end && columns > 0);
  std::string out;
  const Look* last = nullptr;
  auto first = spans.begin();
  for (size_t i = 0; i < columns; ++i) {
    Window slice{slice_start(range, i, columns), slice_start(range, i + 1, columns)};
    slice.end = std::max(slice.end, slice.start + Duration(1));  // narrower than a nanosecond
    while (first != spans.end() && first->range.end <= slice.start) ++first;
    size_t worst = badness(SpanState::kCovered);
    for (auto span = first; span != spans.end() && span->range.start < slice.end; ++span)
      worst = std::min(worst, badness(span->state));
    const Look& look = kLooks[worst];
    if (colour && &look != last) out += look.colour;
    out += look.glyph;
    last = &look;
  }
  if (colour) out += kPlain;
  return out;
}

std::string strip_axis(const Window& range, size_t columns) {
  HC_ASSERT(range.start < range.end && columns > 0);
  const auto fits = [&](Duration step) {
    return static_cast<int128>(step.count()) * static_cast<int128>(columns) >=
           static_cast<int128>(kLabelRoom) * length(range);
  };
  const auto found = std::ranges::find_if(kSteps, fits);
  const Duration step = found == kSteps.end() ? kSteps.back() : *found;
  std::string out;
  for (EventTime at = align_down(range.start, step); at < range.end; at += step) {
    if (at >= range.start) {
      const int128 offset = static_cast<int128>(unix_ns(at)) - unix_ns(range.start);
      const auto column =
          static_cast<size_t>(offset * static_cast<int128>(columns) / length(range));
      const std::string text = label(at, step);
      if (column + text.size() > columns) break;
      if (out.empty() || column >= out.size() + 2) {
        out.resize(column, ' ');
        out += text;
      }
    }
    if (at > kMaxEventTime - step) break;
  }
  return out;
}

std::string strip_legend(const std::set<SpanState>& states, bool colour) {
  std::string out;
  for (auto look = kLooks.rbegin(); look != kLooks.rend(); ++look) {
    if (!states.contains(look->state)) continue;
    if (!out.empty()) out += "   ";
    if (colour) out += look->colour;
    out += look->glyph;
    if (colour) out += kPlain;
    out += ' ';
    out += to_string(look->state);
  }
  return out;
}

}  // namespace hindcast
