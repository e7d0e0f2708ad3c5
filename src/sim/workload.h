// What clients do: batches of events as a bad day brings them, and producers that send each batch
// again until it is acknowledged.
#pragma once
#include <deque>
#include <optional>
#include <vector>

#include "base/rng.h"
#include "progress/facts_codec.h"
#include "sim/stream.h"

namespace hindcast::sim {

/// How likely what is.
struct WorkloadPlan {
  size_t batches = 60;
  size_t batch_events_max = 12;
  size_t keys = 9;
  Duration step_max = 2s;    // event time from one event to the next
  double late = 0.12;        // of events: up to half a minute back
  double ancient = 0.03;     // anywhere since the beginning
  double repeat = 0.1;       // sent before
  double correct = 0.05;     // sent before, with a higher revision
  double remove = 0.3;       // of corrections
  double dead = 0.05;        // of batches: dead letters too
  double advance = 0.08;     // of batches: an advance and nothing else
  double disconnect = 0.04;  // of batches: the connection ends and begins again
  double outage = 0;         // of batches: the connection ends, and what follows is lost
  size_t lost_max = 6;       // batches of a source, per outage
  double both = 0;           // of outages: the other source goes, too
};

/// What a source sends at once; acknowledged or refused as a whole.
struct Batch {
  SourceId source;
  std::vector<Event> events;
  size_t dead_letters = 0;
  std::optional<Advance> advance;
  bool disconnected = false, connected = false;
  std::optional<GapRecord> gap;
  bool lost = false;  // never sent: the source was not connected
};
using Workload = std::vector<Batch>;

Workload make_workload(const WorkloadPlan& plan, Rng& rng);
/// The append vector of a batch: events go to the partition of their key, gaps, advances and
/// connections to all.
std::vector<LogAppend> records_of(const StreamSchema& schema, const Batch& batch);

/// The batches of one source that are not lost, in order, one under way.
class Client {
 public:
  Client(SourceId source, const Workload& workload);
  bool done() const { return batches_.empty(); }
  bool waits() const { return waits_; }
  /// Requires: !done() && !waits().
  const Batch& send() {
    waits_ = true;
    return batches_.front();
  }
  void acknowledged() {
    batches_.pop_front();
    waits_ = false;
  }
  /// Refused, an unknown outcome, or the connection broke: the same again.
  void failed() { waits_ = false; }

 private:
  std::deque<Batch> batches_;
  bool waits_ = false;
};

}  // namespace hindcast::sim
