#include "replay/fills.h"

#include <algorithm>
#include <map>
#include <set>

namespace hindcast {
namespace {

Window common(const Window& a, const Window& b) {
  return {std::max(a.start, b.start), std::min(a.end, b.end)};
}

}  // namespace

Fills::Fills(const ReplayJob& job, const CoverageFacts& facts,
             const std::vector<PartitionId>& partitions, Locate locate)
    : job_(job.id), stream_(job.stream), locate_(std::move(locate)) {
  for (const Bytes& key : job.keys) keys_.emplace_back(locate_(stream_, key), key);
  std::ranges::sort(keys_);
  const bool began = job.started != ProcessingTime{};
  const std::set<GapId> known(job.gaps.begin(), job.gaps.end());
  const Coverage coverage(facts, partitions);
  const std::vector<Window> reads = left_of(job.range, job.skipped);
  std::set<GapId> gaps;
  for (const Hole& hole : coverage.holes()) {
    if (began && !known.contains(hole.gap)) continue;
    for (const Window& window : reads) {
      const Window both = common(window, hole.range);
      if (both.start >= both.end) continue;
      open_.push_back({hole.gap, both});
      gaps.insert(hole.gap);
    }
  }
  gaps_ = began ? job.gaps : std::vector<GapId>(gaps.begin(), gaps.end());
  for (const GapOutcome& outcome : facts.outcomes) {
    if (outcome.job == job_ && outcome.kind == GapOutcome::Kind::kUnfillable)
      lacks_.push_back(outcome);
  }
}

GapOutcome Fills::outcome(GapOutcome::Kind kind, const Window& range) const {
  GapOutcome out{.stream = stream_, .range = range, .kind = kind, .job = job_};
  std::set<GapId> gaps;
  for (const Open& open : open_) {
    if (open.range.intersects(range)) gaps.insert(open.gap);
  }
  out.gaps.assign(gaps.begin(), gaps.end());
  return out;
}

void Fills::add_lack(GapOutcome::Kind kind, const Window& window,
                     std::vector<std::pair<PartitionId, Bytes>> keys, std::string detail,
                     std::vector<GapOutcome>& out) {
  std::vector<Window> stretches;
  for (const Open& open : open_) add_window(stretches, common(open.range, window));
  for (const Window& stretch : stretches) {
    GapOutcome lack = outcome(kind, stretch);
    if (!keys.empty()) {
      lack.scope.kind = GapScope::Kind::kKeys;
      lack.scope.keys = keys;
    }
    lack.detail = detail;
    lacks_.push_back(lack);
    out.push_back(std::move(lack));
  }
}

void Fills::lack(const std::vector<HistoryShort>& shorts,
                 const std::vector<HistoryChunk::Missing>& missing, std::vector<GapOutcome>& out) {
  std::map<Window, std::vector<const HistoryShort*>> by_window;
  for (const HistoryShort& at : shorts) by_window[at.window].push_back(&at);
  for (const auto& [window, members] : by_window) {
    std::vector<std::pair<PartitionId, Bytes>> keys;
    uint64_t events = 0;
    for (const HistoryShort* at : members) {
      keys.emplace_back(at->partition, at->key);
      events += at->events;
    }
    std::ranges::sort(keys);
    add_lack(GapOutcome::Kind::kUnfillable, window, std::move(keys),
             "history-short: history lacks " + std::to_string(events) + " events that live has",
             out);
  }
  for (const HistoryChunk::Missing& at : missing) {
    std::vector<std::pair<PartitionId, Bytes>> keys;
    for (const Bytes& key : at.keys) keys.emplace_back(locate_(stream_, key), key);
    std::ranges::sort(keys);
    add_lack(GapOutcome::Kind::kUnfillable, at.window, std::move(keys), at.reason, out);
  }
}

void Fills::fill(const Window& window, std::vector<GapOutcome>& out) {
  std::vector<Window> stretches;
  for (const Open& open : open_) {
    const Window both = common(open.range, window);
    if (both.start >= both.end) continue;
    for (const Window& fresh : left_of(both, filled_)) add_window(stretches, fresh);
  }
  for (const Window& stretch : stretches) {
    add_window(filled_, stretch);
    // Cut where what is lacking begins or ends, so that each part has one scope.
    std::set<EventTime> cuts{stretch.start, stretch.end};
    for (const GapOutcome& lack : lacks_) {
      for (const EventTime edge : {lack.range.start, lack.range.end}) {
        if (stretch.start < edge && edge < stretch.end) cuts.insert(edge);
      }
    }
    for (auto at = cuts.begin(), next = std::next(at); next != cuts.end(); at = next++)
      fill_stretch({*at, *next}, out);
  }
}

void Fills::fill_stretch(const Window& stretch, std::vector<GapOutcome>& out) const {
  std::set<std::pair<PartitionId, Bytes>> lacking;
  for (const GapOutcome& lack : lacks_) {
    if (!lack.range.intersects(stretch)) continue;
    if (lack.scope.kind != GapScope::Kind::kKeys) return;  // all keys
    lacking.insert(lack.scope.keys.begin(), lack.scope.keys.end());
  }
  GapOutcome fill = outcome(GapOutcome::Kind::kFilled, stretch);
  if (fill.gaps.empty()) return;
  if (!keys_.empty()) {
    fill.scope.kind = GapScope::Kind::kKeys;
    for (const auto& key : keys_) {
      if (!lacking.contains(key)) fill.scope.keys.push_back(key);
    }
    if (fill.scope.keys.empty()) return;
  } else if (!lacking.empty()) {
    fill.scope.kind = GapScope::Kind::kAllBut;
    fill.scope.keys.assign(lacking.begin(), lacking.end());
  }
  out.push_back(std::move(fill));
}

}  // namespace hindcast
