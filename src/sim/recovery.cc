#include "sim/recovery.h"

#include <algorithm>

#include "model/key.h"
#include "sim/stream.h"

namespace hindcast::sim {

Recovery::Recovery(const RecoveryOptions& options, ReplayStream stream, Store& store,
                   JobId& last_job, std::function<void()> committed, uint64_t seed)
    : options_(options),
      stream_(std::move(stream)),
      store_(store),
      last_job_(last_job),
      committed_(std::move(committed)),
      governor_(Governor::create(options.limits).value()) {
  book_ = std::make_unique<JobBook>(
      JobLimits{options_.limits.sources_at_once, options_.limits.stagger},
      [this](Commit commit) {
        store_.commit(std::move(commit), [](const Result<CommitResult>&) {});
      },
      [this](StreamId, BytesView key) {
        return stream_.partitions[partition_of(key, stream_.schema.partitions)];
      },
      MonoTime{});
  for (uint32_t i = 0; i < options_.runners; ++i) {
    Worker& worker = workers_.emplace_back();
    worker.rng = std::make_unique<Rng>(seed + i);
    worker.runner = std::make_unique<JobRunner>(
        JobRunner::Places{.book = *book_,
                          .store = store_,
                          .stream = [this](StreamId) -> const ReplayStream& { return stream_; },
                          .source =
                              [this](SourceId) {
                                return ReplaySource{options_.history, options_.retries};
                              },
                          .wake = [this] { wake(); },
                          .committed = [this](StreamId) { committed_(); },
                          .piece_events_max = options_.piece_events_max},
        *worker.rng);
  }
}

void Recovery::wake() {
  for (Worker& worker : workers_) worker.due = {};
}

void Recovery::restore(MonoTime now, ProcessingTime wall) {
  store_.snapshot()
      .value()
      ->jobs([&](const ReplayJob& job) {
        book_->restore(job, now);
        for (const GapId gap : job.gaps) {
          EventTime& to = taken_to_.try_emplace(gap, kMinEventTime).first->second;
          if (!job.ended()) to = std::max(to, job.range.end);
        }
        return true;
      })
      .value();
  look_for_gaps(now, wall);
}

bool Recovery::look_for_gaps(MonoTime now, ProcessingTime wall) {
  bool found = false;
  const Coverage coverage(store_.snapshot().value()->coverage(kStream).value(), stream_.partitions);
  for (const Hole& hole : coverage.holes()) {
    if (hole.state != Hole::State::kOpen || hole.range.end == kMaxEventTime) continue;
    EventTime& to = taken_to_.try_emplace(hole.gap, kMinEventTime).first->second;
    const Window rest{std::max(hole.range.start, to), hole.range.end};
    if (rest.start >= rest.end) continue;
    to = rest.end;
    // A stream is one truth, so any source will do: they take turns.
    book_->add(job_of(rest, kSources[hole.gap % std::size(kSources)], "reconnect", wall), true,
               now);
    found = true;
  }
  if (found) wake();
  return found;
}

bool Recovery::ask_again(MonoTime now, ProcessingTime wall) {
  const bool waits = std::ranges::any_of(
      book_->views(), [](const JobBook::View& view) { return !view.job.ended(); });
  if (waits) return false;
  taken_to_.clear();
  return look_for_gaps(now, wall);
}

void Recovery::read_all(const Window& range, MonoTime now, ProcessingTime wall) {
  book_->add(job_of(range, kLeft, "operator", wall), false, now);
  wake();
}

ReplayJob Recovery::job_of(const Window& range, SourceId source, std::string cause,
                           ProcessingTime wall) {
  ReplayJob job;
  job.id = ++last_job_;
  job.stream = kStream;
  job.source = source;
  job.range = {align_down(range.start, stream_.schema.page_window),
               window_of(range.end - Duration(1), stream_.schema.page_window).end};
  job.order = job.id % 3 == 0 ? ReplayOrder::kNewestFirst : ReplayOrder::kOldestFirst;
  job.cause = std::move(cause);
  job.created = wall;
  return job;
}

/// Live has no say here: its latencies are not simulated.
void Recovery::govern(MonoTime now, ProcessingTime wall) {
  if (governed_ != MonoTime::min() && now - governed_ < Governor::kTick) return;
  governed_ = now;
  Signals signals;
  book_->add_to(signals, options_.runners, now);
  book_->govern(governor_.tick(signals, now), signals.live_apply, now, wall);
}

void Recovery::step(size_t runner, MonoTime now, ProcessingTime wall) {
  govern(now, wall);
  Worker& worker = workers_[runner];
  worker.due = MonoTime::max();  // an answer within the step wakes it
  const MonoTime next = worker.runner->step(now, wall);
  worker.due = std::min(worker.due, next);
}

bool Recovery::busy() const {
  return !book_->idle() ||
         std::ranges::any_of(workers_, [](const Worker& w) { return w.runner->busy(); });
}

}  // namespace hindcast::sim
