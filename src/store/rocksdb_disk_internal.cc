#include "store/rocksdb_disk_internal.h"

#include <rocksdb/file_system.h>

#include <algorithm>
#include <utility>

#include "base/posix_files.h"

namespace hindcast::embedded {
namespace {

/// Of one log; a handle of our own, because RocksDB's has no way to wait for a range.
class PacedLog final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  PacedLog(std::unique_ptr<rocksdb::FSWritableFile> file, std::unique_ptr<File> handle)
      : FSWritableFileOwnerWrapper(std::move(file)), handle_(std::move(handle)) {}

  // In pieces too: the kernel keeps, and writes out, as a whole what one call brought.
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status;
    for (size_t at = 0; at < data.size() && status.ok(); at += kDiskPiece.value) {
      const size_t size = std::min<size_t>(data.size() - at, kDiskPiece.value);
      status = target()->Append({data.data() + at, size}, options, debug);
      if (status.ok()) size_ += size;
    }
    return status;
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo&,
                           rocksdb::IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                         rocksdb::IODebugContext* debug) override {
    // What cannot be written out now, the sync writes, or fails to.
    while (size_ - synced_ > kDiskPiece.value && handle_->write_out(synced_, kDiskPiece.value))
      synced_ += kDiskPiece.value;
    synced_ = size_;
    return target()->Sync(options, debug);
  }

 private:
  const std::unique_ptr<File> handle_;
  uint64_t size_ = 0, synced_ = 0;  // bytes
};

class PacedLogFiles final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "hindcast.paced-log"; }
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status = target()->NewWritableFile(name, options, file, debug);
    if (!status.ok() || !name.ends_with(".log")) return status;
    if (Result<std::unique_ptr<File>> handle = PosixFileSystem().open(name, OpenMode::kReadWrite))
      *file = std::make_unique<PacedLog>(std::move(*file), *std::move(handle));
    return status;
  }
};

class BulkLimiter final : public rocksdb::RateLimiter {
 public:
  explicit BulkLimiter(std::unique_ptr<rocksdb::RateLimiter> inner)
      : RateLimiter(rocksdb::RateLimiter::Mode::kWritesOnly), inner_(std::move(inner)) {}

  using rocksdb::RateLimiter::Request;
  void Request(const int64_t bytes, const rocksdb::Env::IOPriority priority,
               rocksdb::Statistics* stats) override {
    if (priority != rocksdb::Env::IO_USER) inner_->Request(bytes, priority, stats);
  }
  void SetBytesPerSecond(int64_t per_second) override { inner_->SetBytesPerSecond(per_second); }
  int64_t GetSingleBurstBytes() const override { return inner_->GetSingleBurstBytes(); }
  int64_t GetTotalBytesThrough(rocksdb::Env::IOPriority priority) const override {
    return inner_->GetTotalBytesThrough(priority);
  }
  int64_t GetTotalRequests(rocksdb::Env::IOPriority priority) const override {
    return inner_->GetTotalRequests(priority);
  }
  int64_t GetBytesPerSecond() const override { return inner_->GetBytesPerSecond(); }

 private:
  const std::unique_ptr<rocksdb::RateLimiter> inner_;
};

}  // namespace

std::unique_ptr<rocksdb::Env> env_with_paced_log(rocksdb::Env& env) {
  return rocksdb::NewCompositeEnv(std::make_shared<PacedLogFiles>(env.GetFileSystem()));
}

bool direct_io_works(rocksdb::Env& env, const std::string& folder) {
  const std::string path = folder + "/direct-io-probe";
  rocksdb::EnvOptions options;
  options.use_direct_writes = true;
  options.use_mmap_writes = false;
  std::unique_ptr<rocksdb::WritableFile> file;
  const bool works = env.NewWritableFile(path, &file, options).ok();
  file.reset();
  env.DeleteFile(path).PermitUncheckedError();
  return works;
}

std::shared_ptr<rocksdb::RateLimiter> bulk_limiter(ByteCount per_second) {
  const int64_t rate = static_cast<int64_t>(per_second.value);
  const int64_t piece = static_cast<int64_t>(kDiskPiece.value);
  const int64_t refill_us = std::max<int64_t>(piece * 1'000'000 / rate, 1'000);
  return std::make_shared<BulkLimiter>(
      std::unique_ptr<rocksdb::RateLimiter>(rocksdb::NewGenericRateLimiter(rate, refill_us)));
}

std::shared_ptr<rocksdb::SstFileManager> deletions_in_pieces(rocksdb::Env& env) {
  constexpr int64_t kPerSecond = 64 << 20;  // more than compactions write, and so leave behind
  constexpr uint64_t kPiece = 256 << 10;
  constexpr double kTrashMost = 1;  // of the size of the database; what is more goes at once
  return std::shared_ptr<rocksdb::SstFileManager>(rocksdb::NewSstFileManager(
      &env, /*info_log=*/nullptr, /*trash_dir=*/"", kPerSecond,
      /*delete_existing_trash=*/true, /*status=*/nullptr, kTrashMost, kPiece));
}

}  // namespace hindcast::embedded
