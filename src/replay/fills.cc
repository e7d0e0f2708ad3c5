#include "replay/fills.h"

#include <algorithm>
#include <map>
#include <set>

#include "replay/windows.h"

namespace hindcast {
namespace {

/// What of `window` the windows of `set` cover.
std::vector<Window> both_of(const Window& window, const std::vector<Window>& set) {
  std::vector<Window> out;
  for (const Window& other : set) {
    const Window both = common(window, other);
    if (!empty(both)) out.push_back(both);
  }
  return out;
}

std::string text_of(const SequenceHole& hole) {
  const std::string first = std::to_string(hole.first);
  return hole.first == hole.last ? "number " + first
                                 : "numbers " + first + " to " + std::to_string(hole.last);
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
  std::map<GapId, const Gap*> numbered;
  std::map<GapId, size_t> proof_of;
  for (const Gap& gap : facts.gaps) {
    if (gap.numbers) numbered.emplace(gap.id, &gap);
  }
  std::set<GapId> gaps;
  for (const Hole& hole : coverage.holes()) {
    if (began && !known.contains(hole.gap)) continue;
    const auto with_numbers = numbered.find(hole.gap);
    bool touched = false;
    for (const Window& window : reads) {
      const Window both = common(window, hole.range);
      if (both.start >= both.end) continue;
      touched = true;
      if (with_numbers == numbered.end()) open_.push_back({hole.gap, both});
    }
    if (!touched) continue;
    gaps.insert(hole.gap);
    if (with_numbers == numbered.end()) continue;
    const auto [at, is_new] = proof_of.try_emplace(hole.gap, proofs_.size());
    if (is_new) proofs_.push_back({std::make_unique<NumberProof>(*with_numbers->second), {}, {}});
    add_window(proofs_[at->second].left, hole.range);
    if (hole.state == Hole::State::kOpen) add_window(proofs_[at->second].open, hole.range);
  }
  for (const Window& window : reads) {
    for (const Window& done : job.done) {
      if (const Window both = common(window, done); !empty(both)) add_window(read_, both);
    }
  }
  std::vector<Window> settled = job.done;
  for (const ReplayJob::SetAside& aside : job.set_aside) add_window(settled, aside.window);
  to_read_ = left_of(job.range, settled);
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

void Fills::give_up(const Window& window) {
  std::vector<Window> left;
  for (const Window& rest : to_read_) {
    for (const Window& kept : left_of(rest, {window})) add_window(left, kept);
  }
  to_read_ = std::move(left);
}

void Fills::fill(const Window& window, std::vector<GapOutcome>& out) {
  add_window(read_, window);
  give_up(window);
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

/// Up to where all is in the store that this job will bring there.
EventTime Fills::may_see_to(const NumberProof& numbers) const {
  EventTime to = numbers.range().end;
  for (const Window& window : to_read_) {
    if (window.end <= numbers.seen_to()) continue;
    to = std::min(to, std::max(window.start, numbers.seen_to()));
    break;
  }
  return to;
}

std::optional<Fills::Wanted> Fills::wanted() const {
  Wanted wanted{.window = {kMaxEventTime, kMinEventTime}, .keys = {}};
  for (const Proof& proof : proofs_) {
    const EventTime from = proof.numbers->seen_to(), to = may_see_to(*proof.numbers);
    if (from >= to) continue;
    if (from < wanted.window.start) wanted.window = {from, to};
  }
  if (wanted.window.start == kMaxEventTime) return std::nullopt;
  bool all = false;
  for (const Proof& proof : proofs_) {
    if (!wanted.window.intersects(proof.numbers->range())) continue;
    all = all || !proof.numbers->by_key();
    for (const GapNumbers::Count& count : proof.numbers->counts()) wanted.keys.push_back(count.key);
  }
  std::ranges::sort(wanted.keys);
  const auto repeated = std::ranges::unique(wanted.keys);
  wanted.keys.erase(repeated.begin(), repeated.end());
  if (all) wanted.keys.clear();
  return wanted;
}

void Fills::show(const Window& window, const std::vector<EventBatch>& events,
                 std::vector<GapOutcome>& out) {
  // Thousands of gaps that are filled at once must not be as many outcomes. One that names them may
  // reach beyond each of them.
  GapOutcome whole{.stream = stream_, .range = {kMaxEventTime, kMinEventTime}, .job = job_};
  for (Proof& proof : proofs_) {
    const EventTime from = proof.numbers->seen_to();
    const EventTime to = std::min(window.end, may_see_to(*proof.numbers));
    if (from < window.start || from >= to) continue;
    proof.numbers->see(events, to);
    for (const NumberProof::Verdict& verdict : proof.numbers->judge()) {
      const Window& range = proof.numbers->range();
      const std::vector<Window> all{range};
      const bool at_once = proof.numbers->counts().size() == 1 && verdict.filled == all &&
                           both_of(range, read_) == all && proof.left == all;
      if (!at_once || !may_judge(*proof.numbers, *verdict.count)) {
        conclude(proof, verdict, out);
        continue;
      }
      whole.gaps.push_back(proof.numbers->gap());
      whole.range = {std::min(whole.range.start, range.start),
                     std::max(whole.range.end, range.end)};
    }
  }
  std::erase_if(proofs_, [](const Proof& proof) {
    return proof.numbers->seen_to() == proof.numbers->range().end;
  });
  std::ranges::sort(whole.gaps);
  if (!whole.gaps.empty()) out.push_back(std::move(whole));
}

/// A job of some keys cannot say what history has of others.
bool Fills::may_judge(const NumberProof& numbers, const GapNumbers::Count& count) const {
  if (keys_.empty()) return true;
  return numbers.by_key() &&
         std::ranges::binary_search(keys_, std::pair(locate_(stream_, count.key), count.key));
}

void Fills::conclude(const Proof& proof, const NumberProof::Verdict& verdict,
                     std::vector<GapOutcome>& out) const {
  const NumberProof& numbers = *proof.numbers;
  if (!may_judge(numbers, *verdict.count)) return;
  GapOutcome outcome{.stream = stream_, .gaps = {numbers.gap()}, .job = job_};
  if (numbers.by_key()) {
    const Bytes& key = verdict.count->key;
    outcome.scope = {
        .kind = GapScope::Kind::kKeys, .partition = {}, .keys = {{locate_(stream_, key), key}}};
  }
  for (const Window& filled : verdict.filled) {
    for (const Window& read : both_of(filled, read_)) {
      for (const Window& left : both_of(read, proof.left)) {
        outcome.range = left;
        out.push_back(outcome);
      }
    }
  }
  outcome.kind = GapOutcome::Kind::kUnfillable;
  for (const SequenceHole& hole : verdict.missing) {
    // Where not all of it was read, the number may still come.
    if (!left_of(hole.range, read_).empty() || both_of(hole.range, proof.open).empty()) continue;
    outcome.range = hole.range;
    outcome.detail = "history-short: history does not have " + text_of(hole) + " either";
    out.push_back(outcome);
  }
}

}  // namespace hindcast
