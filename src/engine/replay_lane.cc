#include "engine/replay_lane.h"

#include <pthread.h>

#include <algorithm>
#include <future>
#include <utility>

#include "base/log.h"
#include "base/thread_class.h"
#include "engine/gap_reader.h"
#include "engine/reader.h"
#include "model/key.h"
#include "progress/replay_windows.h"

namespace hindcast {
namespace {

constexpr uint32_t kWorkersMin = 4;

/// Whole page windows: a part of one cannot be compared by digest.
Window whole_pages(const Window& range, Duration page_window) {
  return {align_down(range.start, page_window), window_of(range.end - 1ns, page_window).end};
}

/// Threads; how many of them have work is the governor's word, which an operator may raise.
uint32_t workers_max(const ReplayConfig& config) {
  return std::max(config.subwindows_at_once, kWorkersMin);
}

}  // namespace

ReplayLane::ReplayLane(Places places, Histories histories)
    : at_(std::move(places)),
      histories_(std::move(histories)),
      streams_(replay_streams(at_.catalog)) {
  for (size_t i = 0; i < workers_max(at_.config.replay); ++i) {
    classes_.push_back(std::make_unique<ReplayClass>([this] { return at_.runtime.mono_now(); }));
  }
  for (const auto& [name, stream] : at_.catalog.streams()) stream_names_[stream.id] = name;
  if (at_.config.replay.isolation == IsolationKind::kProcess) make_processes();
  book_ = std::make_unique<JobBook>(
      JobLimits{}, [this](Commit commit) { save(std::move(commit)); },
      [this](StreamId id, BytesView key) {
        const ReplayStream& stream = streams_.at(id);
        return stream.partitions[partition_of(key, stream.schema.partitions)];
      },
      at_.runtime.mono_now());
  chain_ = std::make_shared<Chain>(JobRunner::room_for(workers_max(at_.config.replay)));
}

Result<std::unique_ptr<ReplayLane>> ReplayLane::open(Places places, Histories histories) {
  std::unique_ptr<ReplayLane> lane(new ReplayLane(std::move(places), std::move(histories)));
  HC_TRY_ASSIGN(lane->governor_, ReplayGovernor::open({.config = lane->at_.config,
                                                       .files = lane->at_.files,
                                                       .store = lane->at_.store,
                                                       .runtime = lane->at_.runtime,
                                                       .book = *lane->book_,
                                                       .chain = lane->chain_,
                                                       .live = lane->at_.live,
                                                       .starved = [at = lane.get()](bool starved) {
                                                         for (const auto& each : at->classes_)
                                                           each->set_starved(starved);
                                                       }}));
  lane->at_.route.on_merged([at = lane.get()] { at->wake(); });
  HC_TRY(lane->restore());
  return lane;
}

ReplayLane::~ReplayLane() { stop(); }

Status ReplayLane::restore() {
  HC_TRY_ASSIGN(const std::shared_ptr<const Snapshot> snapshot, at_.store.snapshot());
  return snapshot->jobs([&](const ReplayJob& job) {
    // A job of a stream or source that is no longer configured stays as it is, for people.
    if (streams_.contains(job.stream)) book_->restore(job, at_.runtime.mono_now());
    for (const GapId gap : job.gaps) {
      EventTime& to = taken_to_.try_emplace(gap, kMinEventTime).first->second;
      if (!job.ended()) to = std::max(to, job.range.end);
    }
    return true;
  });
}

void ReplayLane::start() {
  for (size_t i = 0; i < workers_max(at_.config.replay); ++i) {
    threads_.emplace_back([this, i](const std::stop_token& stop) { run(i, stop); });
    pthread_setname_np(threads_.back().native_handle(), ("replay-" + std::to_string(i)).c_str());
  }
  // A crash may have come between a gap and its job.
  const auto snapshot = at_.store.snapshot();
  if (!snapshot) return;
  for (const auto& [id, stream] : streams_) {
    const Result<CoverageFacts> facts = (*snapshot)->coverage(id);
    if (!facts) {
      log_error("gaps not readable",
                {{"stream", stream_names_[id]}, {"error", facts.error().message}});
      continue;
    }
    const Coverage coverage(*facts, stream.partitions);
    for (const Hole& hole : coverage.holes()) {
      if (hole.state != Hole::State::kOpen || hole.range.end == kMaxEventTime) continue;
      Gap rest = *std::ranges::find(facts->gaps, hole.gap, &Gap::id);
      rest.range = hole.range;
      recover(std::move(rest));
    }
  }
}

void ReplayLane::stop() {
  governor_->stop();
  for (std::jthread& thread : threads_) thread.request_stop();
  wake();
  for (const auto& process : processes_)
    process->shut();  // whoever waits for one is waiting no more
  threads_.clear();
  processes_.clear();
}

/// As many as there are workers; none is started before there is work.
void ReplayLane::make_processes() {
  const Bytes hello = wire::encode(hello_of(at_.config, at_.catalog));
  const auto starter = std::make_shared<ChildStarter>();
  for (size_t i = 0; i < workers_max(at_.config.replay); ++i) {
    // The path stays good when the program's file is replaced.
    processes_.push_back(std::make_shared<ReplayProcess>(
        ReplayProcess::Setup{.command = {"/proc/self/exe", kReplayChildCommand},
                             .hello = hello,
                             .starter = starter,
                             .now = [this] { return at_.runtime.mono_now(); },
                             .worker = i}));
  }
  for (const SourceConfig& source : at_.config.sources) {
    if (source.history && source.history->kind == HistoryConfig::Kind::kHttp)
      budgets_[at_.catalog.sources().at(source.name)] = std::make_shared<RequestBudget>(
          source.history->requests_per_second, source.history->weight);
  }
}

Result<std::unique_ptr<PieceWork>> ReplayLane::open_remote(
    const std::shared_ptr<ReplayProcess>& process, const PieceOrder& order) const {
  process->ready();
  const auto budget = budgets_.find(order.job.source);
  return RemotePiece::open({.channel = process,
                            .stream = streams_.at(order.job.stream),
                            .next_gap = at_.next_gap,
                            .budget = budget == budgets_.end() ? nullptr : budget->second,
                            .now = [this] { return at_.runtime.mono_now(); }},
                           order);
}

std::vector<int> ReplayLane::process_pids() const {
  std::vector<int> out;
  for (const auto& process : processes_) {
    if (const std::optional<int> pid = process->pid()) out.push_back(*pid);
  }
  return out;
}

uint64_t ReplayLane::process_restarts() const {
  uint64_t out = 0;
  for (const auto& process : processes_) out += process->restarts();
  return out;
}

void ReplayLane::wake() {
  {
    const std::scoped_lock lock(mutex_);
    ++changes_;
  }
  changed_.notify_all();
}

void ReplayLane::run(size_t worker, const std::stop_token& stop) {
  Rng rng(worker + 1);
  const std::shared_ptr<ReplayProcess> process = processes_.empty() ? nullptr : processes_[worker];
  std::function<Result<std::unique_ptr<PieceWork>>(PieceOrder)> open;
  if (process) {
    open = [this, process](const PieceOrder& order) { return open_remote(process, order); };
  }
  JobRunner runner(
      {.book = *book_,
       .store = at_.store,
       .stream = [this](StreamId id) -> const ReplayStream& { return streams_.at(id); },
       .source =
           [this](SourceId id) {
             const std::string* name = at_.catalog.source_name(id);
             const SourceConfig* config = name == nullptr ? nullptr : at_.config.source(*name);
             const uint32_t retries =
                 config != nullptr && config->history ? config->history->retries : 0;
             return ReplaySource{history(id), retries};
           },
       .wake = [this] { wake(); },
       .committed = at_.committed,
       .next_gap = at_.next_gap,
       .gap_known = [this](GapId gap) { gap_known(gap); },
       .chain = chain_,
       .worker = worker,
       .route = at_.config.replay.route == ReplayRoute::kSeparate ? &at_.route : nullptr,
       .open = std::move(open)},
      rng);
  const ReplayClass::Step step = [&](MonoTime at) {
    if (process) {
      process->look();
      if (!runner.busy() && process->not_before() > at) return process->not_before();
    }
    return runner.step(at, at_.runtime.wall_now());
  };
  ReplayClass& threads = *classes_[worker];
  // Begun before this thread is idle, or it would be idle, too.
  std::jthread helper([&](const std::stop_token& ending) {
    name_this_thread("replay-floor");
    threads.serve(ending, step);
  });
  at_.isolation.enter_replay();
  uint64_t seen = 0;
  while (!stop.stop_requested()) {
    const std::optional<MonoTime> next = threads.step(stop, step);
    if (!next) break;
    const MonoTime now = at_.runtime.mono_now();
    if (*next <= now) continue;
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, *next - now, [&] { return changes_ != seen; });
    seen = changes_;
  }
  helper.request_stop();
  helper.join();
  runner.release(at_.runtime.mono_now(), at_.runtime.wall_now());
}

void ReplayLane::save(Commit commit) {
  const JobId id = commit.job->id;
  ++*unsaved_;
  at_.store.commit(std::move(commit), [id, unsaved = unsaved_](const Result<CommitResult>& result) {
    --*unsaved;
    if (!result)
      log_error("progress of a replay not saved",
                {{"replay", id}, {"error", result.error().message}});
  });
}

/// Commits of a lane take effect in the order given: behind one without content, all before it
/// have.
Status ReplayLane::wait_saved() const {
  const auto answer =
      std::make_shared<std::promise<Result<CommitResult>>>();  // owner: the callback
  std::future<Result<CommitResult>> saved = answer->get_future();
  at_.store.commit({.lane = Lane::kReplay},
                   [answer](Result<CommitResult> result) { answer->set_value(std::move(result)); });
  HC_TRY(saved.get());
  return {};
}

History* ReplayLane::history(SourceId source) const {
  const auto found = histories_.find(source);
  return found == histories_.end() ? nullptr : found->second.get();
}

Result<ReplayJob> ReplayLane::job_of(const ReplayRequest& request) const {
  const auto found = at_.catalog.sources().find(request.source);
  if (found == at_.catalog.sources().end()) {
    std::vector<std::string> known;
    for (const auto& [name, id] : at_.catalog.sources()) known.push_back(name);
    return unknown_name("source", request.source, known);
  }
  if (history(found->second) == nullptr) {
    return invalid_argument("source '" + request.source +
                            "' has no [source.history]; say where its past can be read");
  }
  if (request.from >= request.to) return invalid_argument("'from' must be before 'to'");
  const StreamInfo& stream = at_.catalog.stream_of(*at_.config.source(request.source));
  ReplayJob job;
  job.stream = stream.id;
  job.source = found->second;
  job.range = whole_pages({request.from, request.to}, stream.schema.page_window);
  for (const std::string& text : request.keys) {
    HC_TRY_ASSIGN(Bytes key, key_from_string(stream.schema.key, text));
    job.keys.push_back(std::move(key));
  }
  if (!request.only.empty()) {
    std::vector<Window> wanted;
    for (const Window& window : request.only)
      add_window(wanted, whole_pages(window, stream.schema.page_window));
    job.done = job.skipped = left_of(job.range, wanted);
  }
  job.mode = request.mode;
  job.order = request.order;
  job.rate = request.rate;
  job.cause = request.cause;
  job.created = at_.runtime.wall_now();
  return job;
}

Result<ReplayEntry> ReplayLane::add(const ReplayRequest& request) {
  HC_TRY_ASSIGN(ReplayJob job, job_of(request));
  HC_TRY_ASSIGN(job.id, at_.next_job());
  at_.advance(*at_.config.source(request.source), job.range.end);
  const JobId id = book_->add(std::move(job), false, at_.runtime.mono_now());
  wake();
  HC_TRY(wait_saved());
  return get(id);
}

/// A stream is one truth: the history of any of its sources will do, if it still has all of the
/// gap; else the one that reaches back furthest.
const SourceConfig* ReplayLane::recovering_source(const Gap& gap) const {
  const std::string& stream = stream_names_.at(gap.stream);
  const ProcessingTime now = at_.runtime.wall_now();
  const SourceConfig* best = nullptr;
  EventTime furthest{};
  for (const SourceConfig& source : at_.config.sources) {
    if (source.stream != stream || !may_refill(source, gap)) continue;
    const EventTime from = at_.replayable_from(source, now).value_or(kMinEventTime);
    if (from <= gap.range.start) return &source;
    if (best != nullptr && from >= furthest) continue;
    best = &source;
    furthest = from;
  }
  return best;
}

void ReplayLane::gap_known(GapId id) {
  const auto read = [&]() -> Result<std::optional<Gap>> {
    HC_TRY_ASSIGN(const std::shared_ptr<const Snapshot> snapshot, at_.store.snapshot());
    HC_TRY_ASSIGN(std::optional<Gap> gap, snapshot->gap(id));
    if (!gap || gap->range.end != kMaxEventTime) return gap;
    HC_TRY_ASSIGN(const CoverageFacts facts, snapshot->coverage(gap->stream));
    EventTime end = kMinEventTime;
    for (const GapBound& bound : facts.bounds) {
      if (bound.gap == id) end = std::max(end, bound.end);
    }
    if (end > gap->range.start) gap->range.end = end;
    return gap;
  };
  Result<std::optional<Gap>> gap = read();
  if (!gap) return log_error("gap not readable", {{"gap", id}, {"error", gap.error().message}});
  if (*gap && (*gap)->range.end != kMaxEventTime) recover(**std::move(gap));
}

/// Opens a job for what of the gap no job was opened for.
void ReplayLane::recover(Gap gap) {
  {
    const std::scoped_lock lock(mutex_);
    if (!streams_.contains(gap.stream)) return;
    EventTime& to = taken_to_.try_emplace(gap.id, kMinEventTime).first->second;
    gap.range.start = std::max(gap.range.start, to);
    if (gap.range.start >= gap.range.end) return;
    to = gap.range.end;
  }
  const SourceConfig* source = recovering_source(gap);
  if (source == nullptr) {
    // An operator who opens a gap without a history has the last word on it, too.
    if (gap.cause != Gap::Cause::kOperator) no_history(gap);
    return;
  }
  if (!at_.config.replay.automatic) return;
  const Result<uint64_t> id = at_.next_job();
  if (!id) {
    log_error("no replay opened for a gap", {{"gap", gap.id}, {"error", id.error().message}});
    return;
  }
  ReplayJob job;
  job.id = *id;
  job.stream = gap.stream;
  job.source = at_.catalog.sources().at(source->name);
  job.range = whole_pages(gap.range, streams_.at(gap.stream).schema.page_window);
  job.cause = is_outage(gap.cause) ? "reconnect" : std::string(to_string(gap.cause));
  job.created = at_.runtime.wall_now();
  const JobId taken = book_->add(std::move(job), true, at_.runtime.mono_now());
  log_info("gap is to be refilled", {{"gap", gap.id}, {"source", source->name}, {"replay", taken}});
  wake();
}

void ReplayLane::no_history(const Gap& gap) {
  GapOutcome outcome{
      .stream = gap.stream, .gaps = {gap.id}, .range = gap.range, .scope = gap.scope};
  outcome.kind = GapOutcome::Kind::kUnfillable;
  outcome.detail = "no-history: no source of the stream has a [source.history] that can have it";
  Commit commit{.lane = Lane::kReplay,
                .cause = {Cause::Kind::kReplay, 0},
                .published_at = at_.runtime.wall_now(),
                .outcomes = {outcome}};
  at_.store.commit(std::move(commit), [id = gap.id](const Result<CommitResult>& result) {
    if (!result)
      log_error("outcome of a gap not saved", {{"gap", id}, {"error", result.error().message}});
  });
}

Result<ReplayEntry> ReplayLane::change(JobId id, const ReplayChange& change) {
  if (change.order) HC_TRY(book_->set_order(id, *change.order));
  if (change.rate) HC_TRY(book_->set_rate(id, *change.rate, at_.runtime.mono_now()));
  if (change.paused)
    HC_TRY(book_->pause(id, *change.paused, at_.runtime.mono_now(), at_.runtime.wall_now()));
  wake();
  HC_TRY(wait_saved());
  return get(id);
}

Result<ReplayEntry> ReplayLane::cancel(JobId id) {
  HC_TRY(book_->cancel(id, at_.runtime.mono_now(), at_.runtime.wall_now()));
  wake();
  HC_TRY(wait_saved());
  return get(id);
}

ReplayEntry ReplayLane::entry_of(const JobBook::View& view) const {
  const MonoTime now = at_.runtime.mono_now();
  ReplayEntry entry{.job = view.job};
  if (const auto name = stream_names_.find(view.job.stream); name != stream_names_.end())
    entry.stream = name->second;
  if (const std::string* name = at_.catalog.source_name(view.job.source)) entry.source = *name;
  if (view.job.state == ReplayJob::State::kRunning)
    entry.events_per_second = view.account.events_per_second(now);
  entry.route =
      view.job.mode == ReplayJob::Mode::kRepair ? ReplayRoute::kDirect : at_.config.replay.route;
  if (!view.job.ended()) {
    entry.waits_for = to_string(view.account.reason());
    entry.ceiling = view.ceiling;
    entry.eta = view.account.eta();
    entry.horizon = horizon_of(view);
  }
  entry.elapsed = view.account.elapsed(now);
  entry.times = view.account.times(now);
  entry.lately = view.account.lately(now);
  entry.share_done = share_done(view.job);
  if (const auto stream = streams_.find(view.job.stream); stream != streams_.end())
    entry.windows_left = windows_left(view.job, stream->second.schema.page_window);
  entry.live_p99_before = view.account.live().before;
  entry.live_p99_during = view.account.live().worst;
  entry.live_p99_after = view.account.live().after;
  return entry;
}

/// nullopt: nothing that is left of it is ever forgotten.
std::optional<ReplayHorizon> ReplayLane::horizon_of(const JobBook::View& view) const {
  const std::string* const name = at_.catalog.source_name(view.job.source);
  const SourceConfig* const source = name == nullptr ? nullptr : at_.config.source(*name);
  if (source == nullptr) return std::nullopt;
  const ProcessingTime now = at_.runtime.wall_now();
  const std::optional<EventTime> from = at_.replayable_from(*source, now);
  if (!from) return std::nullopt;
  std::optional<Pace> pace;
  if (const auto eta = view.account.eta()) {
    JobBook::Reading reading = book_->reading(view.job.id);
    pace = Pace{std::move(reading.stretches), reading.at_once, eta->left};
  }
  return replay_horizon(stretches_left(view.job), {*from, now}, pace);
}

/// What is said to have ended has: whoever reads gaps and rows next finds what it did.
Status ReplayLane::wait_ended(const std::vector<JobBook::View>& views) const {
  const bool ended = std::ranges::any_of(views, [](const auto& view) { return view.job.ended(); });
  return ended && *unsaved_ > 0 ? wait_saved() : Status();
}

Result<std::vector<ReplayEntry>> ReplayLane::list() const {
  const std::vector<JobBook::View> views = book_->views();
  HC_TRY(wait_ended(views));
  std::vector<ReplayEntry> out;
  out.reserve(views.size());
  for (const JobBook::View& view : views) out.push_back(entry_of(view));
  return out;
}

Result<ReplayEntry> ReplayLane::get(JobId id) const {
  const auto view = book_->view(id);
  if (!view) return not_found("no replay " + std::to_string(id));
  HC_TRY(wait_ended({*view}));
  return entry_of(*view);
}

}  // namespace hindcast
