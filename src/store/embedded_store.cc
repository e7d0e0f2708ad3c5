#include "store/embedded_store.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "base/assert.h"
#include "base/log.h"
#include "base/posix_files.h"
#include "base/thread_class.h"
#include "base/thread_runtime.h"
#include "store/commit_group_internal.h"
#include "store/commit_rules.h"
#include "store/embedded_db_internal.h"
#include "store/embedded_snapshot_internal.h"
#include "store/replay_stage_internal.h"

namespace hindcast {

using namespace embedded;  // NOLINT: the parts of this class

/// While no commit comes: 50 MiB a second.
constexpr Duration kBetweenPieces = 20ms;

struct EmbeddedStore::Impl {
  using Queue = std::deque<Pending>;

  EmbeddedStoreOptions options;
  std::shared_ptr<Shared> shared;  // owned with the snapshots, which may outlive the store

  // ── the committer's own ────────────────────────────────────────────────────────────────────────
  Known known;
  std::deque<std::pair<uint64_t, uint64_t>>
      dead_files;  // (sequence number after which nobody names it, file)

  // ── between live's callers, the stage and the committer; never taken by a replay thread
  // ─────────
  std::mutex mutex;
  std::condition_variable_any wake;
  Queue queues[2];                // by lane; guarded by mutex
  bool closing = false;           // guarded by mutex
  bool replay_forwarded = false;  // closing: no more will come; guarded by mutex
  std::optional<Error> failed;    // guarded by mutex; set once, then every commit is refused

  // Written under the mutex or by the committer; figures, but for has_failed, which follows
  // `failed`.
  std::atomic<size_t> live_waiting{0};  // commits given and not answered
  std::atomic<bool> stalled{false};
  std::atomic<bool> has_failed{false};
  std::atomic<uint64_t> bytes_written{0};  // also by put_meta
  std::unique_ptr<ReplayStage> stage;      // null: read-only
  std::jthread committer;                  // last: it uses all of the above

  void run(const std::stop_token& stop);
  std::vector<Pending> take_group(const std::stop_token& stop);
  void process(std::vector<Pending> group, const std::stop_token& stop);
  Status commit_group(CommitGroup& group, const std::stop_token& stop);
  Status write(rocksdb::WriteBatch& batch);
  bool hold(Duration& pause, const Error& why, const std::stop_token& stop);
  void resume();
  void note_dead_files();
  bool dead_file_can_go() const;
  void remove_dead_piece();
  std::optional<Error> refusal();
  void give(Pending pending);
  void replay_ended();
  void answer(Pending pending, Result<CommitResult> result);
  Error fail(const Error& error);
};

Result<std::unique_ptr<EmbeddedStore>> EmbeddedStore::open(FileSystem& files,
                                                           EmbeddedStoreOptions options) {
  const std::string database_folder = options.dir + "/rocksdb";
  PosixFileSystem real;  // RocksDB and the lock are on the real disk, whatever `files` is
  if (!options.read_only) {
    HC_TRY(real.make_folder(database_folder));
  } else if (!real.exists(database_folder)) {
    return not_found(options.dir + ": no store here");
  }
  auto impl = std::make_unique<Impl>();
  impl->shared = std::make_shared<Shared>();
  Shared& shared = *impl->shared;
  auto lock =
      FileLock::acquire(options.dir + "/lock",
                        options.read_only ? FileLock::Mode::kShared : FileLock::Mode::kExclusive);
  if (!lock) {
    if (lock.error().code != ErrorCode::kConflict) return std::move(lock).error();
    const std::string& holder = lock.error().message;
    return unavailable(options.dir + ": data directory is in use by a " +
                       (holder == "a reader"
                            ? "hindcast command that reads it; try again when it has ended"
                            : "running hindcast (" + holder + "); use --url"));
  }
  shared.lock.emplace(std::move(*lock));
  HC_TRY_ASSIGN(shared.database, Database::open({.folder = database_folder,
                                                 .cache = options.cache,
                                                 .keep_versions = options.keep_versions,
                                                 .read_only = options.read_only,
                                                 .bulk_rate = options.bulk_rate,
                                                 .env = options.env}));
  HC_TRY_ASSIGN(impl->known, Known::load(*shared.database));
  HC_TRY_ASSIGN(PartFiles::Accounts accounts, load_accounts(*shared.database));
  HC_TRY_ASSIGN(shared.parts, PartFiles::open(files,
                                              {.folder = options.dir + "/parts",
                                               .file_bytes = options.part_file_bytes},
                                              std::move(accounts), options.read_only));
  impl->options = std::move(options);
  if (!impl->options.read_only) {
    Impl* const self = impl.get();
    impl->stage = std::make_unique<ReplayStage>(
        ReplayStage::Places{.parts = *shared.parts,
                            .rate = impl->options.bulk_rate,
                            .group_bytes = impl->options.group_bytes,
                            .retry_first = impl->options.retry_first,
                            .retry_max = impl->options.retry_max,
                            .now = steady_now,
                            .forward = [self](Pending pending) { self->give(std::move(pending)); },
                            .forwarded_all = [self] { self->replay_ended(); },
                            .fail = [self](const Error& error) { return self->fail(error); }});
    impl->committer = std::jthread([self](const std::stop_token& stop) {
      name_this_thread("store-commit");
      self->run(stop);
    });
  }
  return std::unique_ptr<EmbeddedStore>(new EmbeddedStore(std::move(impl)));
}

EmbeddedStore::EmbeddedStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EmbeddedStore::~EmbeddedStore() = default;

void EmbeddedStore::commit(Commit commit, Done<CommitResult> done) {
  if (impl_->options.read_only) return done(invalid_argument("the store was opened for reading"));
  Pending pending{std::move(commit), std::move(done), {}, {}};
  pending.size = size_of(pending.commit);
  if (impl_->has_failed.load(std::memory_order_acquire)) return pending.done(*impl_->refusal());
  if (pending.commit.lane == Lane::kReplay) {
    if (!impl_->stage->add(pending)) pending.done(unavailable("the store is closed"));
  } else if (const std::optional<Error> refused = impl_->refusal()) {
    pending.done(*refused);
  } else {
    impl_->live_waiting.fetch_add(1, std::memory_order_relaxed);
    impl_->give(std::move(pending));
  }
}

std::optional<Error> EmbeddedStore::Impl::refusal() {
  const std::lock_guard lock(mutex);
  if (failed) return failed;
  if (closing) return unavailable("the store is closed");
  return std::nullopt;
}

void EmbeddedStore::Impl::give(Pending pending) {
  {
    const std::lock_guard lock(mutex);
    queues[static_cast<size_t>(pending.commit.lane)].push_back(std::move(pending));
  }
  wake.notify_one();
}

void EmbeddedStore::Impl::replay_ended() {
  {
    const std::lock_guard lock(mutex);
    replay_forwarded = true;
  }
  wake.notify_all();
}

void EmbeddedStore::Impl::answer(Pending pending, Result<CommitResult> result) {
  if (pending.commit.lane == Lane::kReplay) return stage->answer(std::move(pending), result);
  live_waiting.fetch_sub(1, std::memory_order_relaxed);
  pending.done(std::move(result));
}

void EmbeddedStore::Impl::run(const std::stop_token& stop) {
  while (true) {
    std::vector<Pending> group = take_group(stop);
    if (group.empty()) return;
    process(std::move(group), stop);
  }
}

// Live first, up to the bounds. One replay commit goes along whatever live has queued: it is small
// (replay commits at most 256 KiB), and replay would starve behind a live lane that is never done.
std::vector<Pending> EmbeddedStore::Impl::take_group(const std::stop_token& stop) {
  std::unique_lock lock(mutex);
  Queue& live = queues[static_cast<size_t>(Lane::kLive)];
  Queue& replay = queues[static_cast<size_t>(Lane::kReplay)];
  const auto work = [&] {
    return !live.empty() || !replay.empty() || (closing && replay_forwarded);
  };
  while (!dead_files.empty() && !stop.stop_requested() &&
         !wake.wait_for(lock, stop, kBetweenPieces, work)) {
    lock.unlock();
    remove_dead_piece();
    lock.lock();
  }
  wake.wait(lock, stop, work);
  std::vector<Pending> group;
  if (stop.stop_requested()) return group;
  ByteCount size;
  const auto take = [&](Queue& queue) {
    size += queue.front().size;
    group.push_back(std::move(queue.front()));
    queue.pop_front();
  };
  const auto room = [&] {
    return size < options.group_bytes && group.size() < options.group_commits;
  };
  while (!live.empty() && room()) take(live);
  if (!replay.empty()) take(replay);
  while (!replay.empty() && room()) take(replay);
  return group;
}

void EmbeddedStore::Impl::process(std::vector<Pending> pending, const std::stop_token& stop) {
  std::vector<CommitGroup::Member> commits;
  commits.reserve(pending.size());
  for (const Pending& p : pending)
    commits.push_back({&p.commit, p.commit.lane == Lane::kReplay ? &p.places : nullptr});
  std::optional<Error> error;
  {
    const std::lock_guard lock(mutex);
    error = failed;
  }
  CommitGroup group(*shared, known, options.keep_changes, std::move(commits));
  if (!error) {
    if (Status status = commit_group(group, stop); !status) error = std::move(status).error();
  }
  if (stop.stop_requested()) return;  // as if the process had died: whoever asked may be gone
  for (size_t i = 0; i < pending.size(); ++i) {
    if (error) {
      answer(std::move(pending[i]), *error);
    } else {
      answer(std::move(pending[i]), std::move(group.results()[i]));
    }
  }
}

Status EmbeddedStore::Impl::commit_group(CommitGroup& group, const std::stop_token& stop) {
  const auto full = [](const Status& status) {
    return !status && status.error().code == ErrorCode::kOverloaded;
  };
  const auto gave_up = [] { return unavailable("the store was closed while its disk was full"); };
  Duration pause = options.retry_first;

  if (Status decided = group.decide(); !decided) return fail(decided.error());
  if (group.empty()) {
    group.settle_parts();
    return {};
  }
  Status placed = group.place_parts();
  while (full(placed)) {
    if (!hold(pause, placed.error(), stop)) return gave_up();
    placed = group.place_parts();
  }
  if (!placed) return fail(placed.error());
  if (Status built = group.build(); !built) return fail(built.error());
  Status written = write(group.batch());
  while (full(written)) {
    if (!hold(pause, written.error(), stop)) return gave_up();
    // RocksDB refuses all writes after one failed, until it is told to look again. If the batch did
    // reach its log it is there twice then; its values are absolute, so that changes nothing.
    shared->database->db().Resume().PermitUncheckedError();
    written = write(group.batch());
  }
  if (!written) return fail(written.error());

  group.settle_parts();
  resume();
  known = std::move(group.durable());
  shared->database->newest_published().store(unix_ns(known.newest_published),
                                             std::memory_order_relaxed);
  bytes_written.fetch_add(group.part_bytes().value + group.batch().GetDataSize(),
                          std::memory_order_relaxed);
  note_dead_files();
  remove_dead_piece();
  return {};
}

Status EmbeddedStore::Impl::write(rocksdb::WriteBatch& batch) {
  rocksdb::WriteOptions write;
  write.sync = true;
  const rocksdb::Status status = shared->database->db().Write(write, &batch);
  if (!status.ok()) return to_error(status, "store");
  return {};
}

// False when there is no time to wait: the store is closing.
bool EmbeddedStore::Impl::hold(Duration& pause, const Error& why, const std::stop_token& stop) {
  if (!stalled.exchange(true, std::memory_order_relaxed))
    log_warn("the store is full: commits wait for space", {{"error", why.message}});
  while (dead_file_can_go()) remove_dead_piece();
  std::unique_lock lock(mutex);
  wake.wait_for(lock, stop, pause, [&] { return closing; });
  pause = std::min(2 * pause, options.retry_max);
  return !closing && !stop.stop_requested();
}

void EmbeddedStore::Impl::resume() {
  if (stalled.exchange(false, std::memory_order_relaxed))
    log_info("the store has space again: commits go on");
}

void EmbeddedStore::Impl::note_dead_files() {
  const uint64_t now = shared->database->db().GetLatestSequenceNumber();
  for (const uint64_t file : shared->parts->take_dead()) dead_files.emplace_back(now, file);
}

// A snapshot taken before may still name a part of it.
bool EmbeddedStore::Impl::dead_file_can_go() const {
  return !dead_files.empty() && shared->certainly_unread_before(dead_files.front().first);
}

// What cannot be removed now is removed by the next open, since no head names it.
void EmbeddedStore::Impl::remove_dead_piece() {
  for (; dead_file_can_go(); dead_files.pop_front()) {
    const Result<bool> gone = shared->parts->remove_piece(dead_files.front().second);
    if (gone && !*gone) return;
    if (!gone) log_warn("a part file that nobody needs stays", {{"error", gone.error().message}});
  }
}

Error EmbeddedStore::Impl::fail(const Error& error) {
  const Error answer = unavailable("the store failed: " + error.message);
  {
    const std::lock_guard lock(mutex);
    failed = answer;
    has_failed.store(true, std::memory_order_release);
    stalled.store(true, std::memory_order_relaxed);
  }
  log_error("the store cannot go on", {{"error", error.message}});
  if (!options.fatal) std::abort();
  options.fatal(error);
  return answer;
}

Result<std::shared_ptr<const Snapshot>> EmbeddedStore::snapshot() const {
  return EmbeddedSnapshot::take(impl_->shared);
}

StoreHealth EmbeddedStore::health() const {
  const Database& database = *impl_->shared->database;
  StoreHealth health;
  health.stalled = database.write_stopped();
  health.slowed = database.write_delayed();
  health.l0_files = database.l0_files();
  health.compaction_share = database.compaction_share();
  health.memory = database.memory();
  health.bytes_written = ByteCount{impl_->bytes_written.load(std::memory_order_relaxed)};
  health.stalled |= impl_->stalled.load(std::memory_order_relaxed);
  health.commits_waiting = impl_->live_waiting.load(std::memory_order_relaxed);
  if (impl_->stage) {
    health.stalled |= impl_->stage->stalled();
    health.commits_waiting += impl_->stage->waiting();
  }
  return health;
}

Result<std::optional<Bytes>> EmbeddedStore::get_meta(const std::string& name) const {
  return impl_->shared->database->get({}, kMeta, name);
}

Status EmbeddedStore::put_meta(const std::string& name, BytesView value) {
  if (impl_->options.read_only) return invalid_argument("the store was opened for reading");
  rocksdb::WriteOptions write;
  write.sync = true;
  const Database& database = *impl_->shared->database;
  // On the stage's thread: the committer may have to wait for it inside RocksDB, and this one may
  // be of the lowest priority.
  rocksdb::Status status;
  impl_->stage->run(
      [&] { status = database.db().Put(write, database.table(kMeta), slice(name), slice(value)); });
  if (!status.ok()) return to_error(status, "meta");
  impl_->bytes_written.fetch_add(name.size() + value.size(), std::memory_order_relaxed);
  return {};
}

Status EmbeddedStore::close() {
  if (impl_->options.read_only) return {};
  {
    const std::lock_guard lock(impl_->mutex);
    HC_ASSERT(!impl_->closing);
    impl_->closing = true;
  }
  impl_->wake.notify_all();
  impl_->stage->finish();
  impl_->committer.join();
  impl_->stage->join();
  const std::lock_guard lock(impl_->mutex);
  if (impl_->failed) return *impl_->failed;
  if (impl_->stalled || impl_->stage->stalled())
    return overloaded(impl_->options.dir +
                      ": closed while the disk was full; commits were refused");
  return {};
}

}  // namespace hindcast
