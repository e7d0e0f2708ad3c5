// A stretch of time as one line of characters: what is known of each slice of it.
//
//   ███████████████░░░████████▒▒▒█████████████████·██████████
//   10:00       10:30       11:00       11:30       12:00
//
// Pure. Thread safety: any thread.
#pragma once
#include <set>
#include <string>
#include <vector>

#include "base/time.h"
#include "engine/service.h"

namespace hindcast {

/// One character per slice of `range`: the worst of the spans that touch it, so that a second that
/// is missing shows in a strip of a year. Requires: a range that is not empty, columns > 0. With
/// `colour`, escape sequences of terminals.
std::string strip(const std::vector<CoverageSpan>& spans, const Window& range, size_t columns,
                  bool colour);
/// Times under the strip, at round instants, as many as fit.
std::string strip_axis(const Window& range, size_t columns);
/// "█ covered   ░ gap" of these states.
std::string strip_legend(const std::set<CoverageSpan::State>& states, bool colour);

}  // namespace hindcast
