// Bytes of coverage facts and of counts, in the store and in control records:
// docs/formats/facts.md.
//
// Pure. Errors of all decoders: kCorruption.
#pragma once
#include "base/bytes.h"
#include "base/result.h"
#include "progress/coverage.h"
#include "progress/sequence.h"

namespace hindcast {

Bytes encode(const Gap& gap);
Result<Gap> decode_gap(BytesView bytes);
Bytes encode(const GapBound& bound);
Result<GapBound> decode_gap_bound(BytesView bytes);
Bytes encode(const GapOutcome& outcome);
Result<GapOutcome> decode_gap_outcome(BytesView bytes);

/// kGap records of the log: a gap that a source opened, or the right edge of one. They go to every
/// partition of the stream, before the events that follow; each partition's lane commits the fact,
/// and the store takes it once.
struct GapRecord {
  std::optional<Gap> opened;
  std::optional<GapBound> bound;
  bool operator==(const GapRecord&) const = default;
};
Bytes encode(const GapRecord& record);
Result<GapRecord> decode_gap_record(BytesView bytes);

/// Where a count stands. Requires: it has a run.
Bytes encode(const SequenceState& state);
Result<SequenceState> decode_sequence_state(BytesView bytes);

}  // namespace hindcast
