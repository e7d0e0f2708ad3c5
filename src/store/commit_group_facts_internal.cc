// Facts of coverage, counts and jobs of a group of commits.
#include "progress/facts_codec.h"
#include "store/commit_group_internal.h"
#include "store/embedded_facts_codec.h"

namespace hindcast::embedded {

Result<std::optional<KnownGap>> CommitGroup::stored_gap(GapId id) const {
  const Database& database = *shared_.database;
  HC_TRY_ASSIGN(const std::optional<Bytes> stream_bytes,
                database.get({}, kFacts, gap_stream_key(id)));
  if (!stream_bytes) return std::optional<KnownGap>();
  HC_TRY_ASSIGN(const StreamId stream, decode_stream(*stream_bytes));
  HC_TRY_ASSIGN(const std::optional<Bytes> gap_bytes,
                database.get({}, kFacts, gap_key(stream, id)));
  if (!gap_bytes) return corruption("facts: gap " + std::to_string(id) + " is only half there");
  HC_TRY_ASSIGN(const Gap gap, decode_gap(*gap_bytes));
  KnownGap known = known_of(gap);
  HC_TRY_ASSIGN(const std::optional<Bytes> bound_bytes,
                database.get({}, kFacts, bound_key(stream, id)));
  if (bound_bytes) {
    HC_TRY_ASSIGN(const GapBound bound, decode_gap_bound(*bound_bytes));
    known.bound = bound.end;
  }
  return std::optional(known);
}

Result<NewFacts> CommitGroup::put_coverage(const Commit& commit) {
  HC_TRY_ASSIGN(NewFacts facts, new_facts(
                                    commit, [&](GapId id) { return stored_gap(id); }, gaps_,
                                    known_.counters.last_outcome));
  for (const Gap& gap : facts.gaps) {
    put(kFacts, gap_key(gap.stream, gap.id), encode(gap));
    put(kFacts, gap_stream_key(gap.id), encode_stream(gap.stream));
  }
  for (const GapBound& bound : facts.bounds) {
    put(kFacts, bound_key(gaps_.at(bound.gap)->stream, bound.gap), encode(bound));
  }
  for (const GapOutcome& outcome : facts.outcomes) {
    put(kFacts, outcome_key(outcome.stream, outcome.id), encode(outcome));
  }
  return facts;
}

void CommitGroup::put_counts_and_job(const Commit& commit) {
  for (const SequencePut& count : commit.sequences) {
    const Bytes key = sequence_key(count.partition, count.key);
    if (count.state.runs.empty()) {
      remove(kFacts, key);
    } else {
      put(kFacts, key, encode(count.state));
    }
  }
  if (commit.job) put(kFacts, job_key(commit.job->id), encode(*commit.job));
}

}  // namespace hindcast::embedded
