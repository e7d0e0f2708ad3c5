// Histories: where lost time can be read again. A history is asked for a window of event time and
// hands over decoded events chunk by chunk, with what it promises about completeness.
//
// Backpressure: a cursor reads nothing ahead of next(). Errors say what the caller does:
//   kUnavailable   try again later with backoff (connection refused or broken, 5xx, timeout)
//   kOverloaded    slow down (429; the chunk's retry_after says when)
//   kNotFound      history has nothing under this name (404, no file)
//   kCorruption    what came cannot be trusted: truncated, not this format, an endless pagination
//   kInvalidArgument  wrong configuration (401, 400, wrong columns): trying again cannot help
// Each message begins with a stable word ("truncated: …", "http-404: …") and names the object.
//
// Thread safety: a History from any thread; a Cursor is confined to one.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/runtime.h"
#include "base/time.h"
#include "base/units.h"
#include "model/event_batch.h"
#include "progress/control.h"

namespace hindcast {

struct HistoryQuery {
  Window range;
  std::vector<Bytes> keys;  // canonical; empty = all that the history has
  /// For pagination by id: the highest integer id of a key known before the range; may be null.
  std::function<std::optional<int64_t>(BytesView key)> id_before;
};

struct HistoryCost {
  uint64_t requests = 0;  // weighted, as the history counts them
  ByteCount bytes;        // as transferred (compressed)
};

struct HistoryChunk {
  EventBatch events;  // in the order of the history; times may lie outside the query's range
  std::vector<DeadLetter> dead;
  uint64_t ignored = 0;
  /// The first and the last file that its events are from, for people; empty where there is none.
  std::string first_place, last_place;
  /// Assumed: if the history is as sorted as its configuration says, every event before this was
  /// handed over. kMinEventTime: nothing can be said.
  EventTime covered_to = kMinEventTime;
  /// Certain: every event of the history before this was handed over. At the end, the range's end.
  EventTime complete_to = kMinEventTime;
  /// Windows (and keys, empty = all) that the history says it does not have.
  struct Missing {
    Window window;
    std::vector<Bytes> keys;
    std::string reason;
  };
  std::vector<Missing> missing;
  HistoryCost spent;
  /// The history asks not to be called before this much time has passed.
  std::optional<Duration> retry_after;
  bool end = false;  // nothing follows
};

class Cursor {
 public:
  virtual ~Cursor() = default;
  /// The next piece, about `max` bytes of history at most. One call at a time. After kUnavailable
  /// and kOverloaded the same call may be made again and goes on where it was; after other errors
  /// the cursor is at its end. `retry_after` of a kOverloaded answer: retry_after().
  virtual void next(ByteCount max, Done<HistoryChunk> done) = 0;
  /// A batch of which only the memory is wanted: the next chunk may be read into it. Between calls
  /// of next().
  virtual void reuse(EventBatch /*spare*/) {}
  /// Of the last kOverloaded or kUnavailable answer: when the history wants to be asked again.
  virtual std::optional<Duration> retry_after() const { return std::nullopt; }
};

struct HistoryEstimate {
  std::optional<uint64_t> events;  // unknown where the history cannot tell without reading
  std::optional<ByteCount> bytes;
  uint64_t requests = 0;
};

class History {
 public:
  virtual ~History() = default;
  /// Cuts `range` into windows that can each be read by a cursor of its own at no extra cost (one
  /// file, one span of an API); in order, tiling the range. May list folders.
  virtual Result<std::vector<Window>> pieces(Window range) = 0;
  virtual Result<HistoryEstimate> estimate(const HistoryQuery& query) = 0;
  /// Opens nothing yet: the first next() does.
  virtual Result<std::unique_ptr<Cursor>> open(HistoryQuery query) = 0;
  /// How long after its time history may still change: newer windows are not read yet.
  virtual Duration settle() const = 0;
  /// "files /data/{day}.csv.gz", "http https://…", for people.
  virtual std::string describe() const = 0;
};

}  // namespace hindcast
