// Keys of the facts of coverage, of counts and of jobs in the embedded store's table of facts
// (docs/formats/store.md). Their values are progress's own (docs/formats/facts.md), but for the
// stream of a gap.
//
// Facts are kept by stream, so that what is known of one is three short scans. A gap is also found
// by its id alone: a bound names nothing else.
//
// Pure. Errors of all decoders: kCorruption, without a place; callers say where.
#pragma once
#include "store/store.h"

namespace hindcast::embedded {

Bytes gaps_prefix(StreamId stream);
Bytes gap_key(StreamId stream, GapId gap);
Bytes gap_stream_key(GapId gap);
Bytes encode_stream(StreamId stream);
Result<StreamId> decode_stream(BytesView bytes);

Bytes bounds_prefix(StreamId stream);
Bytes bound_key(StreamId stream, GapId gap);

Bytes outcomes_prefix(StreamId stream);
Bytes outcome_key(StreamId stream, uint64_t outcome);

Bytes sequences_prefix(PartitionId partition);
Bytes sequence_key(PartitionId partition, BytesView key);
/// Requires: a key of sequence_key().
BytesView key_of_sequence(BytesView sequence_key);

inline constexpr BytesView kJobsPrefix = "j";
Bytes job_key(JobId job);

}  // namespace hindcast::embedded
