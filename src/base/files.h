// Files, real or simulated. Everything that must survive a crash reaches the disk through here, so
// the simulator can lose un-synced writes, tear tails, fill the disk and fail a sync.
//
// Thread safety: a FileSystem is shared; a File belongs to one writer at a time, reads may be
// concurrent with a write of another range.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/units.h"

namespace hindcast {

/// What is bulky is read and written in pieces of this size, one under way: a sync of live's log
/// waits on the disk for all that was handed in before it, and a thread for a CPU while the kernel
/// copies, even a real-time one.
inline constexpr ByteCount kDiskPiece = 64_KiB;

class File {
 public:
  virtual ~File() = default;
  /// Reads up to `size` bytes at `offset` into `out` and returns how many; short only at the end of
  /// the file.
  virtual Result<size_t> read_into(uint64_t offset, char* out, size_t size) = 0;
  /// The same into fresh memory.
  Result<Bytes> read(uint64_t offset, size_t size);
  /// Writes all of `data` at `offset`, extending the file with zeros where needed. Survives a crash
  /// only after sync(). Errors: kUnavailable (I/O), kOverloaded (disk full: nothing of this call
  /// counts as written).
  virtual Status write(uint64_t offset, BytesView data) = 0;
  /// Data (and size, where it changed) survive power loss when this returns OK. After an error the
  /// state of un-synced writes is unknown and must never be assumed durable: callers end the
  /// process.
  virtual Status sync() = 0;
  /// Writes the range out to the disk now and waits, so that little is left to a later sync(). It
  /// promises nothing: only sync() does. After an error, as after one of sync().
  virtual Status write_out(uint64_t offset, uint64_t size);
  virtual Result<uint64_t> size() = 0;
  virtual Status truncate(uint64_t size) = 0;
};

enum class OpenMode : uint8_t {
  kRead,
  kReadOnce,  // for bulk that is not read again: past the cache and in small pieces, where that
              // goes
  kReadWrite,
  kCreate  // read-write, made if absent
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  virtual bool exists(const std::string& path) = 0;
  /// Names (not paths) in a folder, sorted.
  virtual Result<std::vector<std::string>> list(const std::string& folder) = 0;
  virtual Status make_folder(const std::string& path) = 0;  // with parents; durable when it returns
  virtual Status remove(const std::string& path) = 0;       // kNotFound when absent
  virtual Status rename(const std::string& from, const std::string& to) = 0;  // atomic replace
  /// Creations, removals and renames in `folder` survive power loss when this returns.
  virtual Status sync_folder(const std::string& folder) = 0;
  virtual Result<ByteCount> free_space(const std::string& path) = 0;
};

/// Cuts the last MiB off a file, or removes it when no more is left: true = it is gone. For large
/// files, whose removal holds up everybody's requests where the disk is told at once of blocks that
/// are free (discard): 0.3 ms per MiB. Errors: as open(), truncate(), remove().
Result<bool> remove_piece(FileSystem& files, const std::string& path);

}  // namespace hindcast
