// Heartbeats among the messages of a feed: which they are, and what time they promise.
//
// Thread safety: confined; it keeps scratch memory between calls.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "format/json_paths.h"
#include "format/json_record.h"
#include "format/time_parser.h"

namespace hindcast {

class HeartbeatReader {
 public:
  /// Messages whose fields read as `match` says are heartbeats. Errors: those of TimeParser.
  static Result<HeartbeatReader> create(const std::map<std::string, std::string>& match,
                                        const TimeMapping& time);

  enum class Found : uint8_t { kOther, kHeartbeat, kBadTime };
  /// kHeartbeat: `time` is the promise. kBadTime: a heartbeat whose time cannot be read.
  Found read(BytesView message, EventTime& time);
  /// For people: "a time in ms".
  std::string expected() const { return time_.expected(); }

 private:
  HeartbeatReader(const std::vector<std::string>& paths, std::vector<std::string> texts,
                  TimeParser time);

  JsonPaths paths_;                 // those of match, then the time's
  std::vector<std::string> texts_;  // of match
  TimeParser time_;
  std::vector<Cell> cells_;
  JsonRecord record_;
  std::string padded_;
  Problem problem_;
};

}  // namespace hindcast
