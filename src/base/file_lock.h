// One process at a time in a folder: an advisory lock on a file, which the kernel releases when its
// holder dies, however it dies.
//
// Thread safety: confined to its owner.
#pragma once
#include <string>

#include "base/result.h"

namespace hindcast {

class FileLock {
 public:
  enum class Mode : unsigned char { kShared, kExclusive };

  /// Takes the lock without waiting, making the file if absent. An exclusive holder writes its
  /// process id into it. Errors: kConflict when another process holds it: the message is "pid N",
  /// or "a reader" where shared holders are in the way of an exclusive one; kUnavailable.
  static Result<FileLock> acquire(const std::string& path, Mode mode);

  FileLock(FileLock&& other) noexcept : fd_(other.fd_), mode_(other.mode_) { other.fd_ = -1; }
  FileLock& operator=(FileLock&&) = delete;
  FileLock(const FileLock&) = delete;
  ~FileLock();

 private:
  FileLock(int fd, Mode mode) : fd_(fd), mode_(mode) {}
  int fd_;
  Mode mode_;
};

}  // namespace hindcast
