// A file system in memory that is as unhelpful as the rules allow, deterministically.
//
//  - What was not synced when power fails is lost or torn: each 512-byte sector written since the
//    last sync is kept or lost by itself, and so is a change of size.
//  - Folder operations survive only up to a random one of those since the last sync_folder, because
//    journals replay a prefix.
//  - A failed sync leaves a random part of the writes on disk and forgets the rest: the next sync
//    succeeds and does not bring them back, as Linux does it.
//  - A hook runs before each operation and may cut the power there.
//
// Thread safety: all calls from any thread (one mutex); equal call sequences give equal results.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/rng.h"

namespace hindcast {

enum class SimOp : uint8_t {
  kOpen,
  kRead,
  kWrite,
  kSync,
  kTruncate,
  kList,
  kRemove,
  kRename,
  kSyncFolder
};
std::string_view to_string(SimOp op);

class SimFileSystem final : public FileSystem {
 public:
  static constexpr size_t kSector = 512;

  explicit SimFileSystem(uint64_t seed);
  ~SimFileSystem() override;

  // ── faults ────────────────────────────────────────────────────────────────────────────────────
  /// Called before each operation; false cuts the power there: this operation and all later ones
  /// fail with kUnavailable and change nothing, until crash(). Must not call the file system.
  using Hook = std::function<bool(SimOp, const std::string& path)>;
  void set_hook(Hook hook);
  /// Power loss and return: decides what survived, makes every open File useless (kUnavailable),
  /// and removes the hook and the planned failure of a sync.
  void crash();
  /// Bound on the sum of file sizes; a write that would pass it fails with kOverloaded.
  void set_capacity(ByteCount capacity);
  void fail_next_sync();
  /// Damages one byte, in the file and on the disk below it, as a decaying medium would.
  Status flip(const std::string& path, uint64_t offset, uint8_t mask);

  // ── FileSystem ────────────────────────────────────────────────────────────────────────────────
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  bool exists(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& folder) override;
  Status make_folder(const std::string& path) override;
  Status remove(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status sync_folder(const std::string& folder) override;
  Result<ByteCount> free_space(const std::string& path) override;

 private:
  struct Inode {
    Bytes now;                 // what the process sees
    Bytes disk;                // what a crash leaves, before the un-synced sectors are thrown for
    std::set<uint64_t> dirty;  // sectors that differ
    bool resized = false;      // the size changed since the last sync
  };
  using Names = std::map<std::string, std::shared_ptr<Inode>>;
  struct FolderOp {  // path now means inode; null = removed
    std::string path;
    std::shared_ptr<Inode> inode;
    std::string renamed_from;  // if not empty, that name went away in the same step
  };
  class SimFile;

  Status before(SimOp op, const std::string& path);
  uint64_t used() const;
  void settle(Inode& inode);  // throws for each un-synced sector
  void apply(const FolderOp& op);

  mutable std::mutex mutex_;
  Rng rng_;
  Hook hook_;
  bool power_ = true;
  bool fail_sync_ = false;
  uint64_t life_ = 0;  // counts crashes; a File of an earlier life is dead
  std::optional<uint64_t> capacity_;
  std::set<std::string> folders_;
  // Shared between the name, open handles, and operations not yet durable, as in a real file
  // system.
  Names names_, durable_names_;
  std::vector<FolderOp> pending_;
};

}  // namespace hindcast
