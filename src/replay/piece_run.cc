#include "replay/piece_run.h"

#include <algorithm>
#include <optional>

#include "base/assert.h"
#include "replay/cutter.h"

namespace hindcast {

struct PieceRun::Impl {
  explicit Impl(PieceRunOptions given)
      : options(std::move(given)),
        cutter({.schema = options.subwindow.schema,
                .piece = options.piece,
                .events_max = options.events_max,
                .bytes_max = options.bytes_max,
                .dense_max = options.dense_max}) {}

  void cut();
  void begin();
  void begin_subwindow(std::vector<EventBatch> events, bool survey);
  void go_on();
  void end_survey();
  void finish();
  void fail(Error error) {
    failure = std::move(error);
    need = Need::kFailed;
  }

  PieceRunOptions options;
  Cutter cutter;
  Need need = Need::kHistory;
  std::optional<Slice> slice;  // under way, its events in `subwindow` once allowed
  std::optional<Subwindow> subwindow;
  std::vector<EventBatch> spare;  // of the last subwindow
  bool surveyed = false;          // of the slice: the first turn is over
  uint64_t through_log = 0;
  ReplayCounts by_drain;  // likewise
  std::vector<std::pair<PartitionId, EventBatch>> differing;
  SubwindowResult result;  // of the slices since the last one that covers a window
  std::vector<SubwindowResult> results;
  std::optional<Error> failure;
};

void PieceRun::Impl::cut() {
  slice = cutter.next();
  need = slice ? Need::kAllowance : cutter.finished() ? Need::kDone : Need::kHistory;
  if (need == Need::kDone) spare.clear();
}

void PieceRun::Impl::begin() {
  if (options.separate && !surveyed && slice->size > 0) {
    begin_subwindow(slice->events, true);
  } else {
    begin_subwindow(std::move(slice->events), false);
  }
}

void PieceRun::Impl::begin_subwindow(std::vector<EventBatch> events, bool survey) {
  SubwindowOptions with = options.subwindow;
  with.range = {std::max(with.range.start, slice->events_in.start),
                std::min(with.range.end, slice->events_in.end)};
  with.survey = survey;
  subwindow.emplace(std::move(with), std::move(events), std::vector<Window>{slice->whole});
  go_on();
}

void PieceRun::Impl::go_on() {
  switch (subwindow->need()) {
    case Subwindow::Need::kHeads:
      need = Need::kHeads;
      return;
    case Subwindow::Need::kParts:
      need = Need::kParts;
      return;
    case Subwindow::Need::kCommit:
      need = Need::kCommit;
      return;
    case Subwindow::Need::kFailed:
      return fail(subwindow->failure().error());
    case Subwindow::Need::kDone:
      if (options.separate && !surveyed && slice->size > 0) return end_survey();
      finish();
      return cut();
  }
}

void PieceRun::Impl::end_survey() {
  surveyed = true;
  differing = subwindow->take_differing();
  subwindow.reset();
  through_log = 0;
  for (const auto& [partition, rows] : differing) through_log += rows.size();
  need = through_log > 0 ? Need::kAppend : Need::kAllowance;
}

void PieceRun::Impl::finish() {
  ReplayCounts counts = subwindow->counts();
  // The second turn found there what the drain had added.
  const uint64_t added = std::min({by_drain.added, counts.duplicate, through_log});
  counts.duplicate -= added;
  counts.added += added;
  counts.pages_changed += by_drain.pages_changed;
  counts.rows_changed += by_drain.rows_changed;
  counts.bytes_written += by_drain.bytes_written;
  result.counts += slice->counts;
  result.counts += counts;
  result.through_log += std::exchange(through_log, 0);
  result.wrote |= counts.pages_changed > 0;
  by_drain = {};
  surveyed = false;
  result.shorts = subwindow->shorts();
  std::ranges::move(slice->missing, std::back_inserter(result.missing));
  std::ranges::move(slice->dead, std::back_inserter(result.dead));
  if (result.dead.size() > kDeadLettersKept) result.dead.resize(kDeadLettersKept);
  if (slice->window.start < slice->window.end) {
    result.window = slice->window;
    result.certain = slice->certain;
    results.push_back(std::exchange(result, {}));
  }
  spare = subwindow->take_events();
  subwindow.reset();
  slice.reset();
}

PieceRun::PieceRun(PieceRunOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
PieceRun::~PieceRun() = default;

PieceRun::Need PieceRun::need() const { return impl_->need; }

void PieceRun::give(Result<HistoryChunk> chunk) {
  HC_ASSERT(need() == Need::kHistory);
  if (!chunk) return impl_->fail(std::move(chunk).error());
  Status given = impl_->cutter.give(*std::move(chunk));
  if (!given) return impl_->fail(std::move(given).error());
  impl_->cut();
}

EventBatch PieceRun::take_spare() {
  if (impl_->spare.empty()) return {};
  EventBatch batch = std::move(impl_->spare.back());
  impl_->spare.pop_back();
  return batch;
}

uint64_t PieceRun::asks_for() const {
  HC_ASSERT(need() == Need::kAllowance);
  if (impl_->options.separate && !impl_->surveyed) return 0;
  return impl_->slice->size - impl_->through_log;
}
void PieceRun::allowed() {
  HC_ASSERT(need() == Need::kAllowance);
  impl_->begin();
}

std::vector<PageRange> PieceRun::heads() const { return impl_->subwindow->heads(); }
void PieceRun::give_heads(std::vector<PageHead> heads) {
  impl_->subwindow->give_heads(std::move(heads));
  impl_->go_on();
}
std::vector<PageRead> PieceRun::parts() const { return impl_->subwindow->parts(); }
void PieceRun::give_parts(std::vector<PageParts> pages, ProcessingTime now) {
  impl_->subwindow->give_parts(std::move(pages), now);
  impl_->go_on();
}
Commit PieceRun::take_commit() { return impl_->subwindow->take_commit(); }
void PieceRun::committed(const CommitResult& result) {
  impl_->subwindow->committed(result);
  impl_->go_on();
}

std::vector<std::pair<PartitionId, EventBatch>> PieceRun::take_differing() {
  HC_ASSERT(need() == Need::kAppend);
  return std::exchange(impl_->differing, {});
}
void PieceRun::routed(const ReplayCounts& counts) {
  HC_ASSERT(need() == Need::kAppend);
  impl_->by_drain = counts;
  impl_->need = Need::kAllowance;
}

void PieceRun::set_frontiers(std::map<PartitionId, Frontier> frontiers) {
  impl_->options.subwindow.frontiers = std::move(frontiers);
}

std::vector<SubwindowResult> PieceRun::take_results() { return std::exchange(impl_->results, {}); }

const Error& PieceRun::failure() const {
  HC_ASSERT(impl_->failure.has_value());
  return *impl_->failure;
}

ByteCount PieceRun::memory() const {
  ByteCount bytes = impl_->cutter.memory();
  for (const EventBatch& batch : impl_->spare) bytes += ByteCount{batch.memory()};
  if (impl_->slice) {
    for (const EventBatch& batch : impl_->slice->events) bytes += ByteCount{batch.memory()};
  }
  if (impl_->subwindow) bytes += impl_->subwindow->memory();
  for (const auto& [partition, rows] : impl_->differing) bytes += ByteCount{rows.memory()};
  return bytes;
}

}  // namespace hindcast
