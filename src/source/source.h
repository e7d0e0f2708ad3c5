// Sources: connections that carry a stream. A source parses once and hands over batches of events
// with what a clock or socket decided as facts; the engine appends both to the log.
//
// Not polled = blocked, never idle: a source that the engine does not read keeps its data where it
// is. Thread safety: confined to one thread.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/runtime.h"
#include "base/units.h"
#include "model/event_batch.h"
#include "progress/control.h"

namespace hindcast {

struct SourceBatch {
  EventBatch events;
  std::vector<DeadLetter> dead;
  Bytes resume;                             // token to resume after this batch; empty = none
  uint64_t ignored = 0;                     // messages that are not events
  bool connected = false;                   // delivery began with this batch
  std::optional<std::string> disconnected;  // delivery ended with this batch: why
  bool silent = false;                      // … because too little came: the source hung up
  std::optional<EventTime>
      whole_until;     // of `silent`: enough came up to here; none: up to the last event
  bool thin = false;   // after a silence, and still too few: they end no outage
  bool ended = false;  // no event will ever follow
  std::optional<EventTime> heartbeat;   // the protocol's promise
  std::optional<Duration> retry_after;  // nothing there now: poll again after this
};

class Source {
 public:
  virtual ~Source() = default;
  /// The next batch, about `max` input bytes at most. One poll at a time. It may wait for something
  /// to come, 50 ms at most, since nobody can stop it meanwhile; what is there is given at once.
  virtual void poll(ByteCount max, Done<SourceBatch> done) = 0;
  /// Everything up to this token is durable.
  virtual void durable(BytesView resume) = 0;
};

}  // namespace hindcast
