#include "history/file_content.h"

#include <algorithm>

namespace hindcast {
namespace {

constexpr size_t kRawSize = 64 << 10;

}  // namespace

Result<FileContent> FileContent::open(FileSystem& files, const std::string& path, std::string name,
                                      uint64_t skip) {
  FileContent out;
  auto file = files.open(path, OpenMode::kReadOnce);
  if (!file) {
    const bool gone = file.error().code == ErrorCode::kNotFound;
    return std::move(file).error().with((gone ? "no-file: " : "unreadable: ") + name);
  }
  out.name_ = std::move(name);
  out.file_ = std::move(*file);
  const Compression kind = compression_of_path(path);
  if (kind == Compression::kNone) {
    out.raw_offset_ = out.raw_begin_ = skip;
  } else {
    out.decompressor_ = make_decompressor(kind);
    out.skip_ = skip;
  }
  return out;
}

Error FileContent::unreadable(const Error& cause) const {
  return unavailable("unreadable: " + name_ + " at byte " + std::to_string(raw_offset_) + ": " +
                     cause.message);
}

Result<size_t> FileContent::read(size_t size, Bytes& out) {
  const size_t before = out.size();
  size_t total = 0;
  std::optional<Error> error;
  out.resize(before + size);
  while (total < size && !end_ && !error) {
    Result<size_t> got = size_t{0};
    if (decompressor_) {
      got = inflate(out.data() + before + total, size - total);
    } else if ((got = file_->read_into(raw_offset_, out.data() + before + total, size - total))) {
      raw_offset_ += *got;
      end_ = *got < size - total;
    } else {
      got = unreadable(got.error());
    }
    if (got) {
      total += *got;
    } else {
      error = std::move(got).error();
    }
  }
  out.resize(before + total);
  if (error && total == 0) return *std::move(error);
  return total;
}

Result<size_t> FileContent::inflate(char* out, size_t size) {
  for (;;) {
    auto got = decompressor_->read(raw_left_, out, size);
    if (!got) return corruption("corrupt: " + name_ + ": " + got.error().message);
    if (*got > skip_) {
      const size_t skipped = skip_;
      skip_ = 0;
      if (skipped > 0) std::copy(out + skipped, out + *got, out);
      return *got - skipped;
    }
    skip_ -= *got;
    if (*got > 0) continue;
    raw_.resize(kRawSize);
    const auto read = file_->read_into(raw_offset_, raw_.data(), kRawSize);
    if (!read) return unreadable(read.error());
    if (*read == 0) {
      if (!decompressor_->finish())
        return corruption("truncated: " + name_ + " at byte " + std::to_string(raw_offset_));
      end_ = true;
      return size_t{0};
    }
    raw_offset_ += *read;
    raw_left_ = BytesView(raw_.data(), *read);
  }
}

}  // namespace hindcast
