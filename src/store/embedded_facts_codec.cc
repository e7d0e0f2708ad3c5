#include "store/embedded_facts_codec.h"

#include "base/assert.h"

namespace hindcast::embedded {
namespace {

constexpr size_t kPrefixBytes = 1 + 4;  // the kind, then stream or partition

Bytes prefix(char kind, uint32_t id) {
  Bytes out(1, kind);
  put_be32(out, id);
  return out;
}

Bytes with_id(Bytes key, uint64_t id) {
  put_be64(key, id);
  return key;
}

}  // namespace

Bytes gaps_prefix(StreamId stream) { return prefix('g', stream.value); }
Bytes gap_key(StreamId stream, GapId gap) { return with_id(gaps_prefix(stream), gap); }

Bytes gap_stream_key(GapId gap) { return with_id("h", gap); }

Bytes encode_stream(StreamId stream) {
  Bytes out;
  put_varint(out, stream.value);
  return out;
}

Result<StreamId> decode_stream(BytesView bytes) {
  ByteReader in(bytes);
  const uint64_t stream = in.varint();
  if (!in.ok() || !in.at_end() || stream > UINT32_MAX)
    return corruption("malformed stream of a gap");
  return StreamId{static_cast<uint32_t>(stream)};
}

Bytes bounds_prefix(StreamId stream) { return prefix('b', stream.value); }
Bytes bound_key(StreamId stream, GapId gap) { return with_id(bounds_prefix(stream), gap); }

Bytes outcomes_prefix(StreamId stream) { return prefix('o', stream.value); }
Bytes outcome_key(StreamId stream, uint64_t outcome) {
  return with_id(outcomes_prefix(stream), outcome);
}

Bytes sequences_prefix(PartitionId partition) { return prefix('q', partition.value); }
Bytes sequence_key(PartitionId partition, BytesView key) {
  return sequences_prefix(partition).append(key);
}
BytesView key_of_sequence(BytesView sequence_key) {
  HC_ASSERT(sequence_key.size() >= kPrefixBytes);
  return sequence_key.substr(kPrefixBytes);
}

Bytes job_key(JobId job) { return with_id(Bytes(kJobsPrefix), job); }

}  // namespace hindcast::embedded
