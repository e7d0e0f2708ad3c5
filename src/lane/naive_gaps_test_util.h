// What a lane must know of gaps, from the records of its log in order; and what its store knows.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lane/lane_test_util.h"
#include "progress/watermark.h"

namespace hindcast::test {

/// What must be known of gaps once a log is applied, from its records in order: the facts of kGap
/// records, and the holes in numbers as a model finds them that keeps every number it was given.
class NaiveGaps {
 public:
  explicit NaiveGaps(const LiveLaneOptions& options)
      : options_(options), watermark_(options.delays) {}

  void applied(const LogAppend& record, const std::vector<Event>& events) {
    const SourceId source = record.header.source;
    switch (record.header.kind) {
      case RecordKind::kEvents: {
        EventTime highest = watermark_.state(source).max_event;
        for (const Event& e : events) {
          highest = std::max(highest, at(e.time));
          if (counts(source)) see(options_.sequence.by_key ? e.key : "", e.id, e.time);
        }
        watermark_.connected(source);
        watermark_.events(source, highest);
        break;
      }
      case RecordKind::kAdvance:
        watermark_.advance(source, decode_advance(record.payload).value());
        break;
      case RecordKind::kDisconnected:
        watermark_.disconnected(source);
        break;
      case RecordKind::kGap:
        records.push_back(decode_gap_record(record.payload).value());
        break;
      default:
        break;
    }
    judge();
  }

  std::vector<GapRecord> records;
  std::vector<std::string> holes;

 private:
  struct Count {
    std::map<int64_t, Duration> numbers;
    std::optional<int64_t> floor;  // numbers below it are not looked at
  };
  bool counts(SourceId source) const {
    return std::ranges::count(options_.sequence.sources, source,
                              &std::pair<SourceId, LaneSequence::Place>::first) > 0;
  }
  void see(const std::string& key, int64_t number, Duration time) {
    Count& count = counts_[key];
    if (!count.floor || number >= *count.floor) count.numbers.try_emplace(number, time);
  }
  void judge() {
    std::vector<std::string> found;
    for (auto& [key, count] : counts_) {
      if (!count.floor && at(count.numbers.begin()->second) < watermark_.value())
        count.floor = count.numbers.begin()->first;
      if (!count.floor) continue;
      for (auto below = count.numbers.find(*count.floor); std::next(below) != count.numbers.end();
           ++below) {
        const auto above = std::next(below);
        if (above->first == below->first + 1) continue;
        const auto [early, late] = std::minmax(below->second, above->second);
        if (at(late) >= watermark_.value()) break;
        const int64_t first = below->first + 1, last = above->first - 1;
        const Window range{at(early) - options_.sequence.delay,
                           at(late) + options_.sequence.delay + 1ns};
        found.push_back(key + " " + to_rfc3339(range.start) + " " + to_rfc3339(range.end) + " " +
                        (first == last ? "number " + std::to_string(first) + " is missing"
                                       : "numbers " + std::to_string(first) + " to " +
                                             std::to_string(last) + " are missing"));
        count.floor = above->first;
      }
    }
    // The lane tells so many at once as one.
    if (found.size() > 64) found = {"many"};
    holes.insert(holes.end(), found.begin(), found.end());
  }

  const LiveLaneOptions options_;
  Watermark watermark_;
  std::map<std::string, Count> counts_;
};

/// Holes in numbers that the store knows, as the model names them; sorted.
inline std::vector<std::string> holes_in(const CoverageFacts& facts) {
  std::vector<std::string> out;
  for (const Gap& gap : facts.gaps) {
    if (gap.cause != Gap::Cause::kSequence) continue;
    EXPECT_EQ(gap.stream, kStream);
    EXPECT_NE(gap.opened_at, ProcessingTime{});
    if (gap.detail.starts_with("numbers are missing in")) {
      out.emplace_back("many");
      continue;
    }
    const Bytes key = gap.scope.keys.empty() ? "" : gap.scope.keys.front().second;
    out.push_back(key + " " + to_rfc3339(gap.range.start) + " " + to_rfc3339(gap.range.end) + " " +
                  gap.detail);
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace hindcast::test
