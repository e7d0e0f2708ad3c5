// Facts of coverage, counts and jobs as a snapshot of the embedded store reads them.
#include "progress/facts_codec.h"
#include "store/embedded_codec.h"
#include "store/embedded_facts_codec.h"
#include "store/embedded_snapshot_internal.h"

namespace hindcast::embedded {

Result<CoverageFacts> EmbeddedSnapshot::coverage(StreamId stream) const {
  CoverageFacts facts;
  const auto read = [&](const Bytes& prefix, auto decode, auto& out) {
    return scan(kFacts, prefix, after_prefix(prefix),
                [&](BytesView, BytesView value) -> Result<bool> {
                  HC_TRY_ASSIGN(auto fact, decode(value));
                  out.push_back(std::move(fact));
                  return true;
                });
  };
  HC_TRY(read(gaps_prefix(stream), decode_gap, facts.gaps));
  HC_TRY(read(bounds_prefix(stream), decode_gap_bound, facts.bounds));
  HC_TRY(read(outcomes_prefix(stream), decode_gap_outcome, facts.outcomes));
  return facts;
}

Result<std::optional<Gap>> EmbeddedSnapshot::gap(GapId id) const {
  const Database& database = *shared_->database;
  HC_TRY_ASSIGN(const std::optional<Bytes> stream_bytes,
                database.get(read_options(), kFacts, gap_stream_key(id)));
  if (!stream_bytes) return std::optional<Gap>();
  HC_TRY_ASSIGN(const StreamId stream, decode_stream(*stream_bytes));
  HC_TRY_ASSIGN(const std::optional<Bytes> gap_bytes,
                database.get(read_options(), kFacts, gap_key(stream, id)));
  if (!gap_bytes) return corruption("facts: gap " + std::to_string(id) + " is only half there");
  HC_TRY_ASSIGN(Gap gap, decode_gap(*gap_bytes));
  return std::optional<Gap>(std::move(gap));
}

Result<std::map<Bytes, SequenceState, std::less<>>> EmbeddedSnapshot::sequences(
    PartitionId partition) const {
  std::map<Bytes, SequenceState, std::less<>> out;
  const Bytes prefix = sequences_prefix(partition);
  HC_TRY(scan(kFacts, prefix, after_prefix(prefix),
              [&](BytesView key, BytesView value) -> Result<bool> {
                HC_TRY_ASSIGN(out[Bytes(key_of_sequence(key))], decode_sequence_state(value));
                return true;
              }));
  return out;
}

Status EmbeddedSnapshot::jobs(const std::function<bool(const ReplayJob&)>& each) const {
  return scan(kFacts, kJobsPrefix, after_prefix(kJobsPrefix),
              [&](BytesView, BytesView value) -> Result<bool> {
                HC_TRY_ASSIGN(const ReplayJob job, decode_replay_job(value));
                return each(job);
              });
}

Result<std::optional<ReplayJob>> EmbeddedSnapshot::job(JobId id) const {
  HC_TRY_ASSIGN(const std::optional<Bytes> value,
                shared_->database->get(read_options(), kFacts, job_key(id)));
  if (!value) return std::optional<ReplayJob>();
  HC_TRY_ASSIGN(ReplayJob job, decode_replay_job(*value));
  return std::optional<ReplayJob>(std::move(job));
}

}  // namespace hindcast::embedded
