// Rows: what users read, one per (aggregate, key, bucket, resolution).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "base/units.h"
#include "model/digest.h"
#include "model/function.h"
#include "model/join.h"

namespace hindcast {

/// Why something changed. Spelled "live", "late", "replay 7", "repair 9" ("repair" where pages were
/// enough and no job was needed), "undo 7".
struct Cause {
  enum class Kind : uint8_t { kLive, kLate, kReplay, kRepair, kUndo } kind = Kind::kLive;
  uint64_t job = 0;
  auto operator<=>(const Cause&) const = default;
};
std::string to_string(Cause cause);

/// Where a row stands. Ordered so that a scan in time order of one (aggregate, resolution) is
/// sequential, and within a bucket one (partition, slot) is contiguous.
struct RowKey {
  AggregateId aggregate;
  Duration resolution{};
  EventTime bucket{};  // start
  PartitionId partition;
  uint16_t slot = 0;
  Bytes key;
  auto operator<=>(const RowKey&) const = default;
};

struct Row {
  RowKey at;
  Version version;      // of the page that last changed it; a rollup counts its own changes
  uint64_t events = 0;  // live events folded; 0 = hidden (emptied)
  Digest digest;
  Cause cause;
  ProcessingTime published_at{};
  Bytes state;  // model/function.h State, encoded
  bool operator==(const Row&) const = default;
};

/// What a store keeps of a row beside its key: version, events, digest, cause, stamp, state
/// (docs/formats/row.md).
void encode_row_value(const Row& row, Bytes& out);
/// Sets all of `row` but `at`. The state is opaque here: State::combine checks it. Errors:
/// kCorruption.
Status decode_row_value(BytesView bytes, Row& row);

/// The buckets of one resolution inside one page window, folded for the given key runs of `page`
/// (visible, live, page order). Appends one Row per (run, bucket) that has events; version, cause
/// and stamps are left to the caller. Requires: `resolution` divides the page window or equals it.
void fold_rows(const StreamSchema& schema, const Rule& rule, AggregateId aggregate,
               Duration resolution, PartitionId partition, uint16_t slot, const EventBatch& page,
               const std::vector<KeyRun>& runs, std::vector<Row>& out);

/// The parent bucket's row from all its children (same key, time order). Version, cause and stamps
/// are left to the caller. The row of a parent without events has events 0. Errors: kCorruption
/// naming the child's bucket.
Result<Row> roll_up(const StreamSchema& schema, const Rule& rule, const RowKey& parent,
                    const std::vector<const Row*>& children);
/// The same with a state to be reused (reset first), for many parents of one rule.
Result<Row> roll_up(State& state, const RowKey& parent, const std::vector<const Row*>& children);

}  // namespace hindcast
