#include "base/posix_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/give_way.h"
#include "base/posix_error_internal.h"
#include "base/read_once_file_internal.h"

namespace hindcast {
namespace {

class PosixFile final : public File {
 public:
  PosixFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;
  ~PosixFile() override { ::close(fd_); }

  Result<size_t> read_into(uint64_t offset, char* out, size_t size) override {
    size_t done = 0;
    while (done < size) {
      const ssize_t n = ::pread(fd_, out + done, size - done, static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return errno_error("read", path_);
      if (n == 0) break;
      done += static_cast<size_t>(n);
    }
    return done;
  }

  Status write(uint64_t offset, BytesView data) override {
    while (!data.empty()) {
      const ssize_t n = ::pwrite(fd_, data.data(), data.size(), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return errno_error("write", path_);
      offset += static_cast<uint64_t>(n);
      data.remove_prefix(static_cast<size_t>(n));
    }
    return {};
  }

  // fdatasync also flushes the size, which is the only metadata that reading back needs.
  Status sync() override {
    const SyncUnderWay sync;
    if (::fdatasync(fd_) != 0) return errno_error("sync", path_);
    return {};
  }

  Status write_out(uint64_t offset, uint64_t size) override {
    constexpr unsigned kAll =
        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    if (::sync_file_range(fd_, static_cast<off_t>(offset), static_cast<off_t>(size), kAll) != 0)
      return errno_error("write out", path_);
    return {};
  }

  Result<uint64_t> size() override {
    struct stat st {};
    if (::fstat(fd_, &st) != 0) return errno_error("size", path_);
    return static_cast<uint64_t>(st.st_size);
  }

  Status truncate(uint64_t size) override {
    if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) return errno_error("truncate", path_);
    return {};
  }

 private:
  int fd_;
  std::string path_;
};

std::string parent_of(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Result<std::unique_ptr<File>> PosixFileSystem::open(const std::string& path, OpenMode mode) {
  if (mode == OpenMode::kReadOnce && past_cache_) return open_read_once(path);
  const bool reads = mode == OpenMode::kRead || mode == OpenMode::kReadOnce;
  const int flags = reads ? O_RDONLY : mode == OpenMode::kCreate ? O_RDWR | O_CREAT : O_RDWR;
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return errno_error("open", path);
  return std::unique_ptr<File>(std::make_unique<PosixFile>(fd, path));
}

bool PosixFileSystem::exists(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0;
}

Result<std::vector<std::string>> PosixFileSystem::list(const std::string& folder) {
  DIR* const dir = ::opendir(folder.c_str());
  if (dir == nullptr) return errno_error("list", folder);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(dir)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
    errno = 0;
  }
  const bool failed = errno != 0;
  Error error = failed ? errno_error("list", folder) : Error{};
  ::closedir(dir);
  if (failed) return error;
  std::sort(names.begin(), names.end());
  return names;
}

Status PosixFileSystem::make_folder(const std::string& path) {
  if (path.empty() || path == "/" || path == ".") return {};
  struct stat st {};
  if (::stat(path.c_str(), &st) == 0) {
    if (S_ISDIR(st.st_mode)) return {};
    return unavailable(path + ": exists and is not a folder");
  }
  const std::string parent = parent_of(path);
  HC_TRY(make_folder(parent));
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return errno_error("make folder", path);
  return sync_folder(parent);
}

Status PosixFileSystem::remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return errno_error("remove", path);
  return {};
}

Status PosixFileSystem::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return errno_error("rename", from);
  return {};
}

Status PosixFileSystem::sync_folder(const std::string& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno_error("open folder", folder);
  const bool ok = ::fsync(fd) == 0;
  Error error = ok ? Error{} : errno_error("sync folder", folder);
  ::close(fd);
  if (!ok) return error;
  return {};
}

Result<ByteCount> PosixFileSystem::free_space(const std::string& path) {
  struct statvfs st {};
  if (::statvfs(path.c_str(), &st) != 0) return errno_error("free space", path);
  return ByteCount{static_cast<uint64_t>(st.f_bavail) * st.f_frsize};
}

}  // namespace hindcast
