// The real file system: pread, pwrite, fdatasync.
//
// Thread safety: as base/files.h. Errors: kNotFound, kOverloaded (no space, quota), else
// kUnavailable; every message names the path.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"

namespace hindcast {

class PosixFileSystem final : public FileSystem {
 public:
  /// past_cache: false opens kReadOnce as kRead.
  explicit PosixFileSystem(bool past_cache = true) : past_cache_(past_cache) {}
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  bool exists(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& folder) override;
  Status make_folder(const std::string& path) override;
  Status remove(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status sync_folder(const std::string& folder) override;
  Result<ByteCount> free_space(const std::string& path) override;

 private:
  const bool past_cache_;
};

}  // namespace hindcast
