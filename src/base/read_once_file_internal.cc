#include "base/read_once_file_internal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "base/posix_error_internal.h"

namespace hindcast {
namespace {

constexpr size_t kPiece = kDiskPiece.value;
constexpr size_t kAlign = 4096;  // of every device that is in use; larger ones refuse with EINVAL

class ReadOnceFile final : public File {
 public:
  ReadOnceFile(int fd, bool direct, std::string path)
      : fd_(fd),
        path_(std::move(path)),
        direct_(direct),
        piece_(static_cast<char*>(std::aligned_alloc(kAlign, kPiece))) {}
  ReadOnceFile(const ReadOnceFile&) = delete;
  ReadOnceFile& operator=(const ReadOnceFile&) = delete;
  ~ReadOnceFile() override { ::close(fd_); }

  Result<size_t> read_into(uint64_t offset, char* out, size_t size) override {
    const std::lock_guard lock(mutex_);
    size_t done = 0;
    while (done < size) {
      const uint64_t at = offset + done;
      if (!holds(at)) {
        HC_TRY(fill(at));
        if (!holds(at)) break;  // the end
      }
      const size_t n = std::min<uint64_t>(size - done, begin_ + length_ - at);
      std::memcpy(out + done, piece_.get() + (at - begin_), n);
      done += n;
    }
    return done;
  }

  Status write(uint64_t, BytesView) override { return only_read(); }
  Status sync() override { return only_read(); }
  Status truncate(uint64_t) override { return only_read(); }

  Result<uint64_t> size() override {
    struct stat st {};
    if (::fstat(fd_, &st) != 0) return errno_error("size", path_);
    return static_cast<uint64_t>(st.st_size);
  }

 private:
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };

  Error only_read() const { return unavailable(path_ + ": was opened for reading"); }
  bool holds(uint64_t at) const { return at >= begin_ && at - begin_ < length_; }

  Status fill(uint64_t at) {
    begin_ = at / kAlign * kAlign;
    length_ = 0;
    for (;;) {
      const ssize_t n = ::pread(fd_, piece_.get(), kPiece, static_cast<off_t>(begin_));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EINVAL && direct_) {  // granted at open, but not for such pieces
        direct_ = false;
        if (::fcntl(fd_, F_SETFL, O_RDONLY) == 0) continue;
      }
      if (n < 0) return errno_error("read", path_);
      length_ = static_cast<size_t>(n);
      break;
    }
    if (!direct_)
      (void)::posix_fadvise(fd_, static_cast<off_t>(begin_), static_cast<off_t>(length_),
                            POSIX_FADV_DONTNEED);
    return {};
  }

  const int fd_;
  const std::string path_;
  std::mutex mutex_;  // guards all below, also while the disk is read: one piece at a time
  bool direct_;
  const std::unique_ptr<char, Free> piece_;
  uint64_t begin_ = 0;  // of what piece_ holds
  size_t length_ = 0;
};

int open_for_reading(const std::string& path, int flags) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

}  // namespace

Result<std::unique_ptr<File>> open_read_once(const std::string& path) {
  int fd = open_for_reading(path, O_DIRECT);
  const bool direct = fd >= 0;
  if (!direct && errno == EINVAL) fd = open_for_reading(path, 0);
  if (fd < 0) return errno_error("open", path);
  return std::unique_ptr<File>(std::make_unique<ReadOnceFile>(fd, direct, path));
}

}  // namespace hindcast
