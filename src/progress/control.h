// Payloads of log records. Control records carry what a clock or a socket decided; the lane sees
// time only through them.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "base/units.h"
#include "model/event_batch.h"

namespace hindcast {

/// kAdvance: the only control record that moves a watermark.
struct Advance {
  enum class Why : uint8_t {
    kWindowPassed,  // (a) the source's maximum passed a page window in another partition: to =
                    // maximum - delay
    kHeartbeat,     // (b) said by the protocol or POST …/heartbeat
    kIdle,  // (c) idle_after of silence: to = end of the page window that holds the highest event;
            // source counts as idle until its next event
    kEnd,  // (d) end of input: to = end of the coarsest bucket that holds the highest event; source
           // has ended
    kReplayStart,  // (e) a replay on a partition without open buckets
  };
  EventTime to{};
  Why why = Why::kHeartbeat;
  bool operator==(const Advance&) const = default;
};
Bytes encode(const Advance& advance);
Result<Advance> decode_advance(BytesView bytes);

/// kConnected / kDisconnected: a source began or stopped to deliver. `reason` for people.
struct Connection {
  std::string reason;
  bool operator==(const Connection&) const = default;
};
Bytes encode(const Connection& connection);
Result<Connection> decode_connection(BytesView bytes);

/// A record that was refused, kept for people. Found by (source, position, index).
struct DeadLetter {
  std::string reason;  // stable word: "malformed", "missing-field", "wrong-type", "overflow",
                       // "not-a-number", "bad-time", "outside-accept", "too-far-ahead", "too-long",
                       // "bad-utf8", …
  std::string detail;  // for people: names file, line, field and the fix
  std::string place;   // "trades.ndjson:17" or "request line 3"
  Bytes raw;           // as it came, at most 4 KiB kept
  ProcessingTime arrived{};
  bool operator==(const DeadLetter&) const = default;
};
Bytes encode(const std::vector<DeadLetter>& letters);
Result<std::vector<DeadLetter>> decode_dead_letters(BytesView bytes);

/// kEvents, in both channels (in the replay log without a token): resume token of the source (valid
/// once this record and all before it are durable; empty = none), then rows.
struct EventsRecord {
  Bytes resume;                // opaque to all but the source; e.g. file name, byte offset, row
  uint64_t resume_number = 0;  // grows with each token of a source; the highest one wins
};
Bytes encode_events(const StreamSchema& schema, const EventsRecord& head, const EventBatch& batch,
                    size_t begin, size_t end);
/// Decodes into `batch` (reset first).
Result<EventsRecord> decode_events(const StreamSchema& schema, BytesView bytes, EventBatch& batch);

}  // namespace hindcast
