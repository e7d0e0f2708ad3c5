// Append-only files that hold the parts of pages: immutable and bulky, so they stay out of RocksDB,
// whose compactions would rewrite them. A part is written and synced first, then a head names it in
// the store's small synced batch.
//
// Crash story. A head in RocksDB only ever names bytes that were synced before it. What a crash
// leaves behind besides (a torn tail, parts of a batch that never came, a file that no head names)
// is garbage: nobody names it, and appending starts a new file after every open, so nothing is ever
// written behind garbage that could be mistaken for a part. A file whose named bytes reach zero is
// removed after the batch that took the last name away is durable; a crash in between leaves it for
// the next open. After a failed write or sync the file is abandoned, because what it holds is
// unknown: the same parts are written again into a new one, before any head names them.
//
//   file   = "hcparts" version=1 | file number u64 | record*
//   record = magic u32 | size u32 | crc32c u32 | partition u32 | window i64 | slot u16 | 0 u16 |
//   part
//
// The crc covers partition, window, slot and part, so a part is checked, and told from another
// page's, by itself. See docs/formats/store.md.
//
// Live's parts are added by the committer, replay's by a thread of their own, ahead of it and paced
// (store/replay_stage_internal.h). So a replay's part may be synced long before a head names it, or
// never be named; until settled() is called of it, its file stays.
//
// Thread safety: read() from any thread; add() and sync() from the one thread that serves the lane;
// everything else from the committer alone.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/files.h"
#include "store/store.h"

namespace hindcast {

struct PartFilesOptions {
  std::string folder;
  ByteCount file_bytes =
      256_MiB;  // a file that has reached this is not added to. Larger: space is freed later.
  size_t open_files_max = 64;  // handles kept for readers
};

class PartFiles {
 public:
  /// Bytes of named records, by file.
  using Accounts = std::map<uint64_t, uint64_t>;

  /// `accounts`: what heads name, as the store kept it. Removes files that are not in it, unless
  /// `read_only`.
  static Result<std::unique_ptr<PartFiles>> open(FileSystem& files, PartFilesOptions options,
                                                 Accounts accounts, bool read_only);

  // ── writing: add*, sync, name/unname, settled, then the store's batch, then changed/dead
  // ─────────

  /// Gives the part its place, at the end of the lane's file; it is there after sync(lane). Live
  /// and replay write files of their own, so that neither's bulk stands in the other's way and each
  /// lane reads back what it wrote.
  PartRef add(Lane lane, const PageKey& key, BytesView part);
  /// Called before each piece that is to be written; an error ends the sync with it.
  using Pace = std::function<Status(ByteCount)>;
  /// Writes and syncs what was added, in pieces of 64 KiB, each out on the disk before the next, so
  /// that a sync of the log waits for one at most. Errors: kOverloaded (disk full: add again and
  /// sync again later), kUnavailable. After an error all that was added since the last sync() is
  /// forgotten: its places are void, and a file whose content became unknown is not added to again.
  Status sync(Lane lane, const Pace& pace = {});
  /// Whether heads name these parts is decided, and name() was called if so.
  void settled(const std::vector<PartRef>& parts);

  /// A head names the part, or does so no longer. An account that a damaged head would overdraw
  /// stays as it is: its file is then kept for good.
  void name(const PartRef& part);
  void unname(const PartRef& part);
  /// Accounts that changed since the last call, to be kept with the heads. Zero = forget the file.
  std::vector<std::pair<uint64_t, uint64_t>> take_changes();
  /// Files that nobody names and nobody writes any more; the caller removes each when no reader can
  /// want it.
  std::vector<uint64_t> take_dead();
  /// A piece of it, as base/files.h: true = it is gone.
  Result<bool> remove_piece(uint64_t file);

  // ── reading ────────────────────────────────────────────────────────────────────────────────────
  struct Content {
    Bytes part;          // all that could be read; empty when it is not this page's
    std::string damage;  // names file and byte; empty = it is as it was written
  };
  /// For replay past the cache. Errors: kUnavailable (the disk does not answer). Damage is no
  /// error.
  Result<Content> read(const PageKey& key, const PartRef& part, Lane lane = Lane::kLive) const;

  /// Bytes [from, from + size) of the part. From 0 on, the record before it is checked to be this
  /// page's; its checksum covers the whole part and is not. Errors: kCorruption, kUnavailable.
  Result<Bytes> read_range(const PageKey& key, const PartRef& part, uint64_t from,
                           uint64_t size) const;

  std::string path_of(uint64_t file) const;

 private:
  struct Active {         // the file a lane adds to
    uint64_t number = 0;  // 0 = none yet
    std::unique_ptr<File> file;
    uint64_t synced = 0;  // bytes that are durable
    Bytes buffer;         // added behind them
    size_t parts = 0;     // in buffer
  };
  PartFiles(FileSystem& files, PartFilesOptions options, Accounts accounts)
      : files_(files), options_(std::move(options)), accounts_(std::move(accounts)) {}
  Status flush(Active& active, const Pace& pace);
  Status write(Active& active, const Pace& pace);
  void retire(Active& active);
  void abandon(Active& active);
  void unsettle(uint64_t file, size_t parts);
  struct Reader {
    uint64_t number = 0;
    std::shared_ptr<File> file;  // shared with reads under way
    bool header_damaged = false;
  };
  /// Handles of one lane's readers, most recently used first. A lane has its own, so that live
  /// never waits for a replay thread that holds the mutex and gets no CPU.
  struct Readers {
    std::mutex mutex;
    std::list<Reader> open;  // guarded by mutex
  };
  Result<Reader> reader(uint64_t file, Lane lane) const;

  FileSystem& files_;
  const PartFilesOptions options_;
  std::array<Active, 2> active_;  // by lane; each is of its lane's thread alone

  // Held for a few steps in memory.
  mutable std::mutex books_;
  Accounts accounts_;                     // all of these are guarded by books_
  std::set<uint64_t> changed_;            // accounts since take_changes()
  std::map<uint64_t, size_t> unsettled_;  // parts that were added and not settled, by file
  std::array<uint64_t, 2> adding_to_{};   // numbers of active_
  uint64_t next_file_ = 1;

  mutable std::array<Readers, 2> readers_;  // by lane
};

}  // namespace hindcast
