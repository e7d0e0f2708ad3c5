// Many sources that come back at once, on virtual time: the real book, workers, chain and governor
// between histories in memory and a store that takes its time. Live is a model: its latency grows
// with the share of time in which replay is at work.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "history/memory_history.h"
#include "lane/lane_test_util.h"
#include "replay/chain.h"
#include "replay/governor.h"
#include "replay/job_book.h"
#include "replay/job_runner.h"
#include "replay/limits.h"

namespace hindcast::test {

struct StormOptions {
  uint32_t sources = 50, workers = 2;
  Duration outage = 6h, every = 10s;  // an event of each source
  Limits limits;
  uint64_t subwindow_events = 200;
  Duration step_takes = 100us, event_takes = 2us;  // of a worker
  Duration commit_takes = 1ms;                     // of the store, one after the other
  double live_p99_idle = 0.25, live_p99_harm = 1;  // of its target: alone, and by a busy worker
  bool chain = true;                               // false: links without a bound
};

class StormWorld {
 public:
  static constexpr ProcessingTime kWall{Duration(24h)};
  static constexpr EventTime kBegin{Duration(0)};

  explicit StormWorld(StormOptions options)
      : o_(options),
        store_({.post = [this](Task task) { commits_.push_back(std::move(task)); }}),
        governor_(Governor::create(options.limits).value()),
        book_(
            {options.limits.sources_at_once, options.limits.stagger},
            [this](Commit commit) {
              store_.commit(std::move(commit), [](const Result<CommitResult>&) {});
            },
            [](StreamId stream, BytesView) { return PartitionId{stream.value}; }, now_) {
    if (!o_.chain) {
      constexpr ByteCount kEndless{uint64_t{1} << 50};
      chain_ = std::make_shared<Chain>(Chain::Room{kEndless, kEndless, kEndless});
    } else {
      chain_ = std::make_shared<Chain>(JobRunner::room_for(o_.workers));
    }
    for (uint32_t i = 1; i <= o_.sources; ++i) add_source(i);
    for (uint32_t i = 0; i < o_.workers; ++i) add_worker(i);
  }

  /// All sources come back: a job each.
  void reconnect() {
    for (uint32_t i = 1; i <= o_.sources; ++i) {
      ReplayJob job;
      job.id = i;
      job.stream = StreamId{i};
      job.source = SourceId{i};
      job.range = {kBegin, kBegin + o_.outage};
      job.cause = "reconnect";
      job.created = kWall;
      book_.add(std::move(job), true, now_ + 1s / o_.sources * i);
    }
  }

  /// Until `end` or until `stop` says so; asked at each tick of the governor.
  void run(
      Duration span, const std::function<bool()>& stop = [] { return false; }) {
    const MonoTime end = now_ + span;
    while (now_ < end) {
      const auto worker = std::ranges::min_element(workers_, {}, &Worker::due);
      const MonoTime commit = commit_due();
      const MonoTime next = std::max(now_, std::min({worker->due, commit, tick_due_, end}));
      now_ = next;
      if (tick_due_ <= now_) {
        tick();
        if (stop()) return;
      } else if (commit <= now_) {
        complete_commit();
      } else if (worker->due <= now_) {
        step(*worker);
      }
    }
  }
  bool caught_up() const {
    return std::ranges::all_of(book_.views(), [](const auto& v) { return v.job.ended(); });
  }

  uint64_t events_all() const { return o_.sources * static_cast<uint64_t>(o_.outage / o_.every); }
  uint64_t events_read() const {
    uint64_t events = 0;
    for (const auto& [id, history] : histories_) events += history->events_read();
    return events;
  }
  uint64_t events_added() const {
    uint64_t events = 0;
    for (const JobBook::View& view : book_.views()) events += view.job.counts.added;
    return events;
  }
  uint64_t memory() const {
    uint64_t bytes = 0;
    for (const Worker& worker : workers_) bytes += worker.runner->memory().value;
    return bytes;
  }
  size_t busy_workers() const {
    return static_cast<size_t>(
        std::ranges::count_if(workers_, [](const Worker& w) { return w.runner->busy(); }));
  }
  /// Time of all jobs that is charged to a reason.
  Duration charged(Reason reason) const {
    Duration sum{};
    for (const JobBook::View& view : book_.views())
      sum += view.account.times(now_)[static_cast<size_t>(reason)];
    return sum;
  }

  const JobBook& book() const { return book_; }
  const Chain& chain() const { return *chain_; }
  const Allowance& allowance() const { return allowance_; }
  Duration live_p99() const { return live_p99_; }
  MonoTime now() const { return now_; }
  StormOptions& options() { return o_; }
  bool store_stopped = false;

 private:
  struct Worker {
    std::unique_ptr<Rng> rng;
    std::unique_ptr<JobRunner> runner;
    MonoTime due{};
    bool at_it = false;
  };

  void add_source(uint32_t i) {
    std::vector<Event> events;
    for (Duration at{}; at < o_.outage; at += o_.every)
      events.push_back({"k", at, at / o_.every, 0, Op::kUpsert, 1});
    histories_[SourceId{i}] = std::make_unique<MemoryHistory>(
        small_schema(), batch_of(events), MemoryHistoryOptions{.certain = true});
    ReplayStream stream{
        StreamId{i}, small_schema(), small_options().lane.aggregates, {PartitionId{i}}};
    for (LaneAggregate& aggregate : stream.aggregates) aggregate.id.value += 10 * i;
    streams_[StreamId{i}] = std::move(stream);
    Commit commit{.id = i};
    commit.checkpoint = Checkpoint{.partition = PartitionId{i}, .epoch = Epoch{1}};
    commit.checkpoint->frontier = {kBegin + o_.outage, 0};
    store_.commit(std::move(commit), [](const Result<CommitResult>&) {});
    complete_commit();
  }
  void add_worker(uint32_t i) {
    Worker& worker = workers_.emplace_back();
    worker.rng = std::make_unique<Rng>(i + 1);
    worker.runner = std::make_unique<JobRunner>(
        JobRunner::Places{
            .book = book_,
            .store = store_,
            .stream = [this](StreamId id) -> const ReplayStream& { return streams_.at(id); },
            .source =
                [this](SourceId id) {
                  return ReplaySource{histories_.at(id).get(), 3};
                },
            .wake =
                [this] {
                  for (Worker& w : workers_) w.due = std::min(w.due, now_);
                },
            .committed = [](StreamId) {},
            .piece_events_max = o_.subwindow_events,
            .chain = chain_,
            .worker = i},
        *worker.rng);
  }

  MonoTime commit_due() const {
    return commits_.empty() || store_stopped ? MonoTime::max()
                                             : std::max(store_free_, now_) + o_.commit_takes;
  }
  void complete_commit() {
    const Task task = std::move(commits_.front());
    commits_.pop_front();
    store_free_ = now_;
    task();
  }
  void step(Worker& worker) {
    const uint64_t before = events_read();
    worker.due = MonoTime::max();
    const MonoTime next = worker.runner->step(now_, kWall);
    const Duration took =
        o_.step_takes + o_.event_takes * static_cast<int64_t>(events_read() - before);
    if (next <= now_) busy_ += took;  // it goes on: was at work
    worker.due = std::min(worker.due, std::max(next, now_ + took));
    worker.due = std::max(worker.due, now_ + took);
  }
  void tick() {
    tick_due_ = now_ + Governor::kTick;
    const double busy = std::chrono::duration<double>(std::exchange(busy_, Duration{})).count() /
                        std::chrono::duration<double>(Governor::kTick).count();
    smooth_ += (busy - smooth_) / 10;
    const auto target = static_cast<double>(o_.limits.live_p99.count());
    live_p99_ =
        Duration(static_cast<int64_t>(target * (o_.live_p99_idle + o_.live_p99_harm * smooth_)));
    Signals signals;
    book_.add_to(signals, o_.workers, now_);
    signals.live_apply = {live_p99_, 1'000};
    signals.store.stopped = store_stopped;
    allowance_ = governor_.tick(signals, now_);
    book_.govern(allowance_, signals.live_apply, now_, kWall);
  }

  StormOptions o_;
  MonoTime now_{1h};
  std::deque<Task> commits_;
  MemoryStore store_;
  Governor governor_;
  std::map<StreamId, ReplayStream> streams_;
  std::map<SourceId, std::unique_ptr<MemoryHistory>> histories_;
  JobBook book_;
  std::shared_ptr<Chain> chain_;
  std::vector<Worker> workers_;
  Allowance allowance_;
  MonoTime tick_due_{}, store_free_{};
  Duration busy_{}, live_p99_{};
  double smooth_ = 0;
};

}  // namespace hindcast::test
