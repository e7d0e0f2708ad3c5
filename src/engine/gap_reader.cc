#include "engine/gap_reader.h"

#include <algorithm>
#include <map>
#include <set>

#include "engine/level_reader.h"
#include "progress/replay_windows.h"
#include "replay/job_account.h"

namespace hindcast {
namespace {

std::string state_of(const std::vector<Hole>& holes) {
  if (holes.empty()) return "filled";
  // kOpen < kUnfillable < kAccepted: the least is the worst.
  const auto worst = std::ranges::min_element(holes, {}, &Hole::state);
  return std::string(to_string(worst->state));
}

std::vector<GapEntry> entries_of(const StreamInfo& stream, CoverageFacts facts) {
  const Coverage coverage(facts, stream.partitions);
  std::map<GapId, GapEntry> entries;
  for (Gap& gap : facts.gaps) {
    GapEntry& entry = entries[gap.id];
    entry.stream = stream.schema.name;
    entry.end = gap.range.end;
    entry.gap = std::move(gap);
  }
  for (const GapBound& bound : facts.bounds) {
    if (const auto at = entries.find(bound.gap); at != entries.end()) at->second.end = bound.end;
  }
  for (const Hole& hole : coverage.holes()) entries.at(hole.gap).holes.push_back(hole);
  for (const GapOutcome& outcome : facts.outcomes) {
    for (const GapId gap : std::set<GapId>(outcome.gaps.begin(), outcome.gaps.end())) {
      if (const auto at = entries.find(gap); at != entries.end())
        at->second.outcomes.push_back(outcome);
    }
  }
  std::vector<GapEntry> out;
  for (auto& [id, entry] : entries) {
    entry.state = state_of(entry.holes);
    out.push_back(std::move(entry));
  }
  return out;
}

/// A job that will fill what is open of `hole`, where its range goes.
bool fills(const ReplayJob& job, const Hole& hole) {
  if (job.keys.empty()) return true;
  return !hole.all_but && std::ranges::all_of(hole.keys, [&](const Bytes& key) {
    return std::ranges::count(job.keys, key) > 0;
  });
}

/// What is known of one instant of a stream, from its holes there.
struct Instant {
  CoverageSpan::State state = CoverageSpan::State::kCovered;
  std::set<GapId> gaps;
};
Instant instant_of(EventTime at, const std::set<const Hole*>& holes,
                   const std::vector<ReplayJob>& jobs) {
  using State = CoverageSpan::State;
  Instant out;
  bool open = false, replaying = false, unfillable = false, accepted = false;
  for (const Hole* hole : holes) {
    out.gaps.insert(hole->gap);
    unfillable |= hole->state == Hole::State::kUnfillable;
    accepted |= hole->state == Hole::State::kAccepted;
    if (hole->state != Hole::State::kOpen) continue;
    const bool filling = std::ranges::any_of(
        jobs, [&](const ReplayJob& job) { return job.range.contains(at) && fills(job, *hole); });
    (filling ? replaying : open) = true;
  }
  out.state = open         ? State::kGap
              : replaying  ? State::kReplaying
              : unfillable ? State::kUnfillable
              : accepted   ? State::kAccepted
                           : State::kCovered;
  return out;
}

/// `range` cut where something begins or ends, and put together again by state.
std::vector<CoverageSpan> spans_of(const Window& range, const std::vector<Hole>& holes,
                                   const std::vector<ReplayJob>& jobs) {
  struct Edge {
    std::vector<const Hole*> begin, end;
  };
  std::map<EventTime, Edge> edges;
  edges[range.start];
  const auto cut = [&](EventTime at) -> Edge* {
    return at >= range.end ? nullptr : &edges[std::max(at, range.start)];
  };
  for (const Hole& hole : holes) {
    if (!hole.range.intersects(range)) continue;
    cut(hole.range.start)->begin.push_back(&hole);
    if (Edge* const end = cut(hole.range.end)) end->end.push_back(&hole);
  }
  for (const ReplayJob& job : jobs) {
    cut(job.range.start);
    cut(job.range.end);
  }
  std::vector<CoverageSpan> out;
  std::set<const Hole*> here;
  std::set<GapId> gaps;  // of the last span, whose end is not known yet
  const auto end_span = [&] {
    if (!out.empty()) out.back().gaps.assign(gaps.begin(), gaps.end());
    gaps.clear();
  };
  for (auto edge = edges.begin(); edge != edges.end(); ++edge) {
    for (const Hole* hole : edge->second.begin) here.insert(hole);
    for (const Hole* hole : edge->second.end) here.erase(hole);
    const auto next = std::next(edge);
    const Window window{edge->first, next == edges.end() ? range.end : next->first};
    Instant instant = instant_of(window.start, here, jobs);
    if (out.empty() || out.back().state != instant.state) {
      end_span();
      out.push_back({window, instant.state, {}});
    }
    out.back().range.end = window.end;
    gaps.merge(instant.gaps);
  }
  end_span();
  return out;
}

Result<std::optional<EventTime>> oldest_page(const Snapshot& snapshot, const StreamInfo& stream) {
  std::optional<EventTime> oldest;
  for (const PartitionId partition : stream.partitions) {
    HC_TRY(snapshot.heads({partition, {kMinEventTime, kMaxEventTime}}, [&](const PageHead& head) {
      oldest = std::min(oldest.value_or(head.key.window), head.key.window);
      return false;
    }));
  }
  return oldest;
}

/// The least over all partitions; absent when one has none yet.
Status add_borders(const Snapshot& snapshot, const StreamInfo& stream, CoverageAnswer& answer) {
  EventTime frontier = kMaxEventTime, watermark = kMaxEventTime;
  for (const PartitionId partition : stream.partitions) {
    HC_TRY_ASSIGN(const auto checkpoint, snapshot.checkpoint(partition));
    frontier = std::min(frontier, checkpoint ? checkpoint->frontier.window : kMinEventTime);
    watermark = std::min(watermark, checkpoint ? checkpoint->watermark : kMinEventTime);
  }
  if (frontier != kMinEventTime) answer.frontier = frontier;
  if (watermark != kMinEventTime) answer.watermark = watermark;
  return {};
}

}  // namespace

Result<std::vector<GapEntry>> read_gaps(const Snapshot& snapshot, const Catalog& catalog,
                                        const GapQuery& query) {
  const StreamInfo* only = nullptr;
  if (query.source) {
    HC_TRY_ASSIGN(only, stream_named(catalog, *query.source));
  }
  std::vector<GapEntry> out;
  for (const auto& [name, stream] : catalog.streams()) {
    if (only != nullptr && only != &stream) continue;
    HC_TRY_ASSIGN(CoverageFacts facts, snapshot.coverage(stream.id));
    std::ranges::move(entries_of(stream, std::move(facts)), std::back_inserter(out));
  }
  std::erase_if(out, [&](const GapEntry& entry) {
    return (query.id && entry.gap.id != *query.id) || (query.open_only && entry.state != "open");
  });
  std::ranges::sort(out, std::ranges::greater(), [](const GapEntry& e) { return e.gap.id; });
  if (out.size() > query.limit) out.resize(query.limit);
  return out;
}

Result<CoverageAnswer> read_coverage(const Snapshot& snapshot, const Catalog& catalog,
                                     const std::string& name, std::optional<EventTime> from,
                                     std::optional<EventTime> to) {
  if (from && to && *from >= *to) return invalid_argument("'from' must be before 'to'");
  HC_TRY_ASSIGN(const StreamInfo* const stream, stream_named(catalog, name));
  CoverageAnswer answer;
  answer.stream = stream->schema.name;
  for (const SourceId id : stream->sources) {
    if (const std::string* const source = catalog.source_name(id))
      answer.sources.push_back(*source);
  }
  HC_TRY_ASSIGN(answer.first, oldest_page(snapshot, *stream));
  HC_TRY(add_borders(snapshot, *stream, answer));
  if (!answer.first || !answer.frontier) return answer;
  const Window range{std::max(*answer.first, from.value_or(kMinEventTime)),
                     std::min(*answer.frontier, to.value_or(kMaxEventTime))};
  if (range.start >= range.end) return answer;
  HC_TRY_ASSIGN(const Coverage coverage, coverage_of(snapshot, *stream));
  std::vector<ReplayJob> jobs;
  HC_TRY(snapshot.jobs([&](const ReplayJob& job) {
    const bool on_it =
        job.state == ReplayJob::State::kQueued || job.state == ReplayJob::State::kRunning;
    if (on_it && job.stream == stream->id) jobs.push_back(job);
    return true;
  }));
  answer.spans = spans_of(range, coverage.holes(), jobs);
  return answer;
}

ReplayEntry entry_of(const ReplayJob& job, const Catalog& catalog) {
  ReplayEntry entry;
  entry.job = job;
  for (const auto& [name, stream] : catalog.streams()) {
    if (stream.id != job.stream) continue;
    entry.stream = name;
    entry.windows_left = windows_left(job, stream.schema.page_window);
  }
  if (const std::string* const name = catalog.source_name(job.source)) entry.source = *name;
  if (job.finished > job.started) entry.elapsed = job.finished - job.started;
  // One that cannot be read says nothing; the job goes on without it, too.
  if (const auto account = JobAccount::decode(job.account, {}); account) {
    entry.elapsed = account->elapsed({});
    entry.times = account->times({});
    entry.live_p99_before = account->live().before;
    entry.live_p99_during = account->live().worst;
    entry.live_p99_after = account->live().after;
  }
  entry.share_done = share_done(job);
  return entry;
}

bool may_refill(const SourceConfig& source, const Gap& gap) {
  return source.history && (source.history->kind != HistoryConfig::Kind::kLog ||
                            gap.cause == Gap::Cause::kCorruption);
}

}  // namespace hindcast
