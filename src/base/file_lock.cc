#include "base/file_lock.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <system_error>

namespace hindcast {
namespace {

// The process that wrote its id into the file, if it is still there.
std::string holder_of(int fd) {
  char text[32] = {};
  const ssize_t n = ::pread(fd, text, sizeof text - 1, 0);
  int pid = 0;
  if (n > 0) std::from_chars(text, text + n, pid);
  const bool alive = pid > 0 && (::kill(pid, 0) == 0 || errno == EPERM);
  return alive ? "pid " + std::to_string(pid) : "a reader";
}

}  // namespace

Result<FileLock> FileLock::acquire(const std::string& path, Mode mode) {
  const auto failed = [&](const char* what) {
    return unavailable(path + ": " + what + ": " +
                       std::error_code(errno, std::generic_category()).message());
  };
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return failed("open");
  FileLock lock(fd, Mode::kShared);
  if (::flock(fd, (mode == Mode::kShared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return failed("lock");
    return Error{ErrorCode::kConflict, holder_of(fd)};
  }
  lock.mode_ = mode;
  if (mode == Mode::kExclusive) {
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) < 0)
      return failed("write");
  }
  return lock;
}

FileLock::~FileLock() {
  if (fd_ < 0) return;
  // So that a later reader is not taken for us. After a crash the id stays, but no such process
  // does.
  if (mode_ == Mode::kExclusive) (void)!::ftruncate(fd_, 0);
  ::close(fd_);
}

}  // namespace hindcast
