#include "cli/coverage_view.h"

#include <algorithm>

namespace hindcast {
namespace {

EventTime time_or(const JsonValue& value, EventTime otherwise) {
  return parse_rfc3339(value.text).value_or(otherwise);
}

CoverageSpan::State state_of(const std::string& name) {
  using State = CoverageSpan::State;
  for (const State state :
       {State::kCovered, State::kReplaying, State::kUnfillable, State::kAccepted}) {
    if (to_string(state) == name) return state;
  }
  return State::kGap;
}

}  // namespace

Window range_of(const JsonValue& value) {
  return {time_or(value["start"], kMinEventTime), time_or(value["end"], kMaxEventTime)};
}

std::vector<CoverageSpan> spans_of(const JsonValue& stream) {
  std::vector<CoverageSpan> spans;
  for (const JsonValue& span : stream["spans"].items)
    spans.push_back({range_of(span), state_of(span["state"].text), {}});
  return spans;
}

std::string share_covered(const std::vector<CoverageSpan>& spans, const Window& range) {
  double covered = 0;
  const auto length = [](const Window& w) {
    return static_cast<double>(unix_ns(w.end)) - static_cast<double>(unix_ns(w.start));
  };
  bool all = true;
  for (const CoverageSpan& span : spans) {
    if (span.state == CoverageSpan::State::kCovered) covered += length(span.range);
    all = all && span.state == CoverageSpan::State::kCovered;
  }
  if (all) return "100 %";
  const int tenths = std::clamp(static_cast<int>(1000 * covered / length(range)), 0, 999);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " %";
}

}  // namespace hindcast
