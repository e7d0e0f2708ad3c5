// What can be made to go wrong in a feed, as data: POST /faults (docs/feed.md has the table).
//
// Values; no thread rule, no clock.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "net/json_writer.h"
#include "server/feed_data.h"

namespace hindcast {

struct FeedFault {
  enum class Kind : uint8_t {
    // of single events, live
    kDrop,
    kDuplicate,
    kReorder,
    kLate,
    // of connections
    kDisconnect,
    kStall,
    // of single events in the history
    kHistoryLacks,
    kHistoryContradicts,
    // of answers of the history
    kHttp429,
    kHttp500,
    kSlowPages,
    kTruncatePage,
  };
  Kind kind = Kind::kDrop;
  uint64_t id = 0;
  std::vector<uint32_t> channels;  // sorted; empty = all
  // Of single events: those whose time is in it. Of connections and answers: while feed time is.
  Window when{kMinEventTime, kMaxEventTime};
  std::optional<Duration> real;   // it is taken away again after so much real time
  std::optional<uint64_t> count;  // how often it still acts; absent = always
  double probability = 1;         // of each event, decided by seed and number of the event alone
  uint64_t seed = 0;
  Duration by{};  // late: so much; reorder: up to so much; duplicate: so much after the first one;
                  // http-429: Retry-After; slow-pages: the delay
  std::string field;    // history-contradicts: whose value is altered (dotted path)
  bool abrupt = false;  // disconnect: what is on its way is lost

  bool concerns(const std::vector<uint32_t>& of_channels) const;
  bool concerns(uint32_t channel) const;
  /// Whether it acts on this event, `count` aside.
  bool hits(const FeedData& data, size_t record) const;
};

/// `now`: the feed's time, from which `feed_seconds` count. Errors: kInvalidArgument for people.
Result<FeedFault> parse_fault(BytesView json, const FeedData& data, EventTime now);
void render_fault(const FeedFault& fault, const FeedData& data, JsonWriter& json);

/// The record's object with another value of `field`: its last digit counted up, or 1 where there
/// is none.
Bytes contradict(std::string_view object, const std::string& field);

}  // namespace hindcast
