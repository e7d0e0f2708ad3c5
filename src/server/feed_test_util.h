// Data sets for tests of the feed.
#pragma once
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/feed_data.h"

namespace hindcast {

inline FeedMapping feed_mapping() {
  FeedMapping mapping;
  mapping.key = {"sym"};
  mapping.time.field.text = "ts";
  mapping.time.unit = TimeUnit::kMilliseconds;
  mapping.channel = "venue";
  return mapping;
}

inline std::string feed_row(const std::string& venue, const std::string& symbol, int64_t ms,
                            const std::string& price = "1.5") {
  return R"({"venue":")" + venue + R"(","sym":")" + symbol + R"(","ts":)" + std::to_string(ms) +
         R"(,"price":)" + price + "}\n";
}

/// One event a second for `count` seconds from 1970-01-01T00:00:01Z, by turns of venue X (symbol
/// A), Y (B) and X (C).
inline FeedData feed_of(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    const char* const symbols[] = {"A", "B", "C"};
    text += feed_row(i % 3 == 1 ? "Y" : "X", symbols[i % 3], (i + 1) * 1000, std::to_string(i));
  }
  return read_feed({{"test.ndjson", text}}, feed_mapping()).value();
}

inline EventTime second(int64_t s) { return event_time_ns(s * 1'000'000'000); }

}  // namespace hindcast
