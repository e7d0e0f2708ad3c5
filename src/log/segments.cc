#include <algorithm>
#include <charconv>
#include <cstdio>

#include "base/assert.h"
#include "base/log.h"
#include "log/segments_internal.h"

namespace hindcast::log {
namespace {

constexpr uint64_t kFillSlice = uint64_t{1} << 20;
constexpr size_t kSpares = 1;
constexpr std::string_view kSuffix = ".seg";

std::string_view prefix(Channel channel) { return channel == Channel::kLive ? "live-" : "replay-"; }

}  // namespace

Segments::Segments(FileSystem& files, std::string folder, Channel channel, uint64_t segment_bytes)
    : files_(files), folder_(std::move(folder)), channel_(channel), segment_bytes_(segment_bytes) {}

std::string Segments::name(uint64_t segment) const {
  char number[17];
  std::snprintf(number, sizeof number, "%016llx", static_cast<unsigned long long>(segment));
  return std::string(prefix(channel_)) + number + std::string(kSuffix);
}

std::string Segments::filling_path() const {
  return folder_ + "/" + std::string(prefix(channel_)) + "prepare.tmp";
}

std::string Segments::leaving_path() const {
  return folder_ + "/" + std::string(prefix(channel_)) + "remove.tmp";
}

Result<std::vector<uint64_t>> Segments::list() {
  for (const std::string& left : {filling_path(), leaving_path()}) {
    if (files_.exists(left)) HC_TRY(files_.remove(left));
  }
  HC_TRY_ASSIGN(const std::vector<std::string> names, files_.list(folder_));
  std::vector<uint64_t> segments;
  for (const std::string& file : names) {
    const size_t start = prefix(channel_).size();
    if (file.size() != start + 16 + kSuffix.size()) continue;
    uint64_t segment = 0;
    std::from_chars(file.data() + start, file.data() + start + 16, segment, 16);
    if (file == name(segment)) segments.push_back(segment);
  }
  return segments;  // names sort as their numbers do
}

Result<SegmentFile> Segments::open(uint64_t segment) {
  HC_TRY_ASSIGN(std::unique_ptr<File> file, files_.open(path(segment), OpenMode::kReadWrite));
  return SegmentFile(std::move(file));
}

void Segments::start_at(uint64_t segment, SegmentFile file) {
  const std::lock_guard lock(io_mutex_);
  HC_ASSERT(!ready_ && !filling_);
  next_ = segment;
  if (file) ready_ = Ready{segment, std::move(file)};
}

Result<Segments::Ready> Segments::take() {
  awaited_ = true;
  const std::lock_guard lock(io_mutex_);
  Result<Ready> taken = take_locked();
  awaited_ = false;
  return taken;
}

Result<Segments::Ready> Segments::take_locked() {
  while (!ready_) HC_TRY(step());
  Ready taken = std::move(*ready_);
  ready_.reset();
  ++next_;
  return taken;
}

bool Segments::maintain() {
  const std::lock_guard lock(io_mutex_);
  Status status;
  bool more = true;
  if (!ready_) {
    status = step();
  } else if (leaving_) {
    status = remove_leaving();
  } else if (const auto surplus = pop_retired(kSpares)) {
    status = let_leave(*surplus);
  } else {
    more = false;
  }
  if (status) {
    failing_ = false;
    return more;
  }
  if (!std::exchange(failing_, true)) {
    log_warn("cannot prepare log space", {{"folder", folder_}, {"error", status.error().message}});
  }
  return false;
}

void Segments::retire(uint64_t segment) {
  const std::lock_guard lock(retired_mutex_);
  HC_ASSERT(retired_.empty() || retired_.back() < segment);
  retired_.push_back(segment);
}

std::optional<uint64_t> Segments::pop_retired(size_t more_than) {
  const std::lock_guard lock(retired_mutex_);
  if (retired_.size() <= more_than) return std::nullopt;
  // Oldest first: after a crash the segments that are still there follow each other without a hole.
  const uint64_t segment = retired_.front();
  retired_.pop_front();
  return segment;
}

// Under another name, since cut short it would look like damage.
Status Segments::let_leave(uint64_t surplus) {
  HC_TRY(files_.rename(path(surplus), leaving_path()));
  leaving_ = true;
  return files_.sync_folder(folder_);
}

Status Segments::remove_leaving() {
  HC_TRY_ASSIGN(const bool gone, remove_piece(files_, leaving_path()));
  leaving_ = !gone;
  return {};
}

Status Segments::step() {
  if (!filling_) {
    if (const auto old = pop_retired(0)) {
      HC_TRY(files_.rename(path(*old), path(next_)));
      // Before a byte of it changes: found under its old name, new content would look like damage.
      HC_TRY(files_.sync_folder(folder_));
      HC_TRY_ASSIGN(SegmentFile file, open(next_));
      ready_ = Ready{next_, std::move(file)};
      return {};
    }
  }
  Status status = fill_slice();
  if (!status && filling_) {
    // What a full disk made us leave behind is what others lack now.
    filling_.reset();
    if (Status removed = files_.remove(filling_path()); !removed) {
      return std::move(status).error().with(removed.error().message);
    }
  }
  return status;
}

Status Segments::fill_slice() {
  if (!filling_) {
    // Asked before, so that a full disk costs each refused append a question and not a segment.
    HC_TRY_ASSIGN(const ByteCount space, files_.free_space(folder_));
    if (space.value < segment_bytes_) {
      return overloaded(folder_ + ": no space for a log segment of " +
                        std::to_string(segment_bytes_) + " bytes");
    }
    HC_TRY_ASSIGN(std::unique_ptr<File> file, files_.open(filling_path(), OpenMode::kCreate));
    HC_TRY(file->truncate(0));
    filling_ = Filling{SegmentFile(std::move(file)), 0};
  }
  const uint64_t slice = std::min(kFillSlice, segment_bytes_ - filling_->written);
  const Bytes zeros(kDiskPiece.value, '\0');
  for (const uint64_t end = filling_->written + slice; filling_->written < end;) {
    const uint64_t size = std::min(kDiskPiece.value, end - filling_->written);
    HC_TRY(filling_->file->write(filling_->written, BytesView(zeros).substr(0, size)));
    if (!awaited_) HC_TRY(filling_->file->write_out(filling_->written, size));
    filling_->written += size;
  }
  const bool complete = filling_->written == segment_bytes_;
  // Slice by slice, appends on the same disk wait little; but once they wait for us, one sync is
  // quicker.
  if (complete || !awaited_) HC_TRY(filling_->file->sync());
  if (!complete) return {};
  HC_TRY(files_.rename(filling_path(), path(next_)));
  HC_TRY(files_.sync_folder(folder_));
  ready_ = Ready{next_, std::move(filling_->file)};
  filling_.reset();
  return {};
}

}  // namespace hindcast::log
