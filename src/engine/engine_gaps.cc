// Gaps that an operator opens and accepts.
#include <algorithm>
#include <future>

#include "engine/engine.h"
#include "engine/gap_reader.h"

namespace hindcast {

Result<GapId> Engine::open_gap(const GapRequest& request) {
  HC_TRY_ASSIGN(const StreamInfo* const stream, stream_named(catalog_, request.source));
  if (request.from >= request.to) return invalid_argument("'from' must be before 'to'");
  Gap gap;
  gap.stream = stream->id;
  gap.range = {request.from, request.to};
  gap.cause = Gap::Cause::kOperator;
  gap.detail = request.detail;
  gap.opened_at = runtime_.wall_now();
  if (!request.keys.empty()) gap.scope.kind = GapScope::Kind::kKeys;
  for (const std::string& text : request.keys) {
    HC_TRY_ASSIGN(Bytes key, key_from_string(stream->schema.key, text));
    const uint32_t partition = partition_of(key, stream->schema.partitions);
    gap.scope.keys.emplace_back(stream->partitions[partition], std::move(key));
  }
  std::ranges::sort(gap.scope.keys);
  const auto doubles = std::ranges::unique(gap.scope.keys);
  gap.scope.keys.erase(doubles.begin(), doubles.end());
  HC_TRY_ASSIGN(gap.id, gap_numbers_.take());
  Commit commit;
  commit.gaps = {gap};
  HC_TRY(commit_facts(std::move(commit)));
  replay_->gap_known(gap.id);
  return gap.id;
}

/// Filled is stronger than accepted, so the word is given for all of the gap: what is filled
/// already, or will be, is not touched by it.
Status Engine::accept_gap(GapId id, const std::string& detail) {
  HC_TRY_ASSIGN(const std::vector<GapEntry> found, gaps({.id = id}));
  if (found.empty()) return not_found("no gap " + std::to_string(id));
  const GapEntry& entry = found[0];
  if (entry.holes.empty())
    return Error{ErrorCode::kConflict, "gap " + std::to_string(id) + " is filled"};
  const bool said = std::ranges::all_of(
      entry.holes, [](const Hole& hole) { return hole.state == Hole::State::kAccepted; });
  if (said) return {};
  GapOutcome outcome;
  outcome.stream = entry.gap.stream;
  outcome.gaps = {id};
  // Where the end is not known yet, it is accepted wherever it will be.
  outcome.range = {entry.gap.range.start, entry.end};
  outcome.scope = entry.gap.scope;
  outcome.kind = GapOutcome::Kind::kAccepted;
  outcome.detail = detail;
  Commit commit;
  commit.outcomes = {std::move(outcome)};
  return commit_facts(std::move(commit));
}

/// Waits until it is durable.
Status Engine::commit_facts(Commit commit) {
  commit.published_at = runtime_.wall_now();
  std::promise<Result<CommitResult>> answer;
  store_->commit(std::move(commit),
                 [&answer](Result<CommitResult> result) { answer.set_value(std::move(result)); });
  HC_TRY(answer.get_future().get());
  return {};
}

}  // namespace hindcast
