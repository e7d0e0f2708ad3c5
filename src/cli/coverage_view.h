// Coverage as the API says it, made ready for a strip.
//
// Pure. Thread safety: any thread.
#pragma once
#include <string>
#include <vector>

#include "engine/service.h"
#include "net/json_reader.h"

namespace hindcast {

/// Of "start" and "end"; what is not said is without end.
Window range_of(const JsonValue& value);
/// The spans of a stream of GET /v1/coverage. A state that is not known counts as a gap.
std::vector<CoverageSpan> spans_of(const JsonValue& stream);
/// "97.8 %"; what is not whole is never shown as 100.
std::string share_covered(const std::vector<CoverageSpan>& spans, const Window& range);

}  // namespace hindcast
