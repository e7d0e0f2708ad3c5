// The default store: RocksDB for what is small (heads, rows, old versions, facts), append-only part
// files beside it for what is bulky (store/part_files.h).
//
//   commit() ─ live ──────────────► queue ──► committer (one thread): takes a group, live first
//            └ replay ─► stage ───► queue ──┘   stage: a thread of its own that writes replay's
//            parts
//                                               ahead, paced, and answers it
//                                     decide   expected page versions, epochs, chains; refused ones
//                                     are answered parts    written to the lane's part file, synced
//                                     batch    heads, rows, facts, accounts, changes: one
//                                     WriteBatch, synced done     of each commit of the group
//
// Crash story. Until the batch is in RocksDB's log nothing of the group is there: parts that were
// written are named by no head, and the next open removes them or leaves them as garbage inside a
// file that lives on. Once it is there, everything is: the parts were synced before. The committer
// is the only writer, so what it read to decide is still true when it writes, and readers see a
// group only when RocksDB has synced it. So a commit is whole or absent after any crash, and an
// answer was never given for one that is absent.
//
// A full disk stops nothing but time: the group is held, `health().stalled` says so, and it is
// tried again until there is space. Any other failure of a write is the end: what reached the disk
// is unknown, so `fatal` is called, and commits are refused from then on.
//
// Replay threads may be of the lowest priority, and get no CPU for a second in the middle of
// anything. So they share no mutex with the committer, nor with those that commit for live: what
// they take is the stage's, whose thread is a normal one. (RocksDB's own mutex remains: every
// snapshot takes it for a moment.)
//
// Thread safety: any thread. `done` runs on the committer's thread (replay: the stage's), so it
// must not block, nor call put_meta().
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/files.h"
#include "store/store.h"

namespace rocksdb {
class Env;
}

namespace hindcast {

struct EmbeddedStoreOptions {
  std::string dir;           // holds lock, rocksdb/ and parts/
  ByteCount cache = 64_MiB;  // RocksDB's blocks and memtables. Larger: fewer compactions, more RSS.
  Duration keep_versions = 30 * 24h;  // how long superseded rows stay readable
  Duration keep_changes = 7 * 24h;    // how far back the feed of changes goes
  bool read_only = false;  // beside no running daemon: for commands on a stopped data directory
  ByteCount part_file_bytes = 256_MiB;  // store/part_files.h
  ByteCount group_bytes = 8_MiB;        // a group ends behind these, or at
  size_t group_commits =
      256;  // so many commits. Larger: fewer syncs, but live waits longer behind replay.
  /// Per second: what replay writes, and as much again what flushes and compactions do. 0 = as fast
  /// as it goes. Larger: live's syncs wait longer behind them.
  ByteCount bulk_rate = 32_MiB;
  Duration retry_first = 50ms, retry_max = 2s;  // between tries on a full disk
  /// The store cannot go on. Called once, on the committer's thread. Absent: logs the error and
  /// ends the process.
  std::function<void(const Error&)> fatal;
  rocksdb::Env* env = nullptr;  // what RocksDB runs on; absent: the real one
};

class EmbeddedStore final : public Store {
 public:
  /// `files` (for the parts) outlives the store and its snapshots. Errors: kUnavailable "data
  /// directory is in use by a running hindcast (pid N); use --url", kNotFound (read-only, nothing
  /// there), kCorruption.
  static Result<std::unique_ptr<EmbeddedStore>> open(FileSystem& files,
                                                     EmbeddedStoreOptions options);
  /// Without close(): as if the process died. What is queued is not answered.
  ~EmbeddedStore() override;

  void commit(Commit commit, Done<CommitResult> done) override;
  Result<std::shared_ptr<const Snapshot>> snapshot() const override;
  StoreHealth health() const override;
  Result<std::optional<Bytes>> get_meta(const std::string& name) const override;
  Status put_meta(const std::string& name, BytesView value) override;
  Status close() override;

 private:
  struct Impl;
  explicit EmbeddedStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hindcast
