// The content of one file from front to back: plain, or decompressed by its name (.gz, .zst).
//
// Thread safety: confined.
#pragma once
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/files.h"
#include "base/result.h"
#include "net/compression.h"

namespace hindcast {

class FileContent {
 public:
  /// Goes on behind the first `skip` bytes of content. Errors: kNotFound, kUnavailable; messages
  /// begin with a stable word and `name`.
  static Result<FileContent> open(FileSystem& files, const std::string& path, std::string name,
                                  uint64_t skip);

  /// Appends up to `size` bytes of content to `out`; fewer only in front of a problem or at the
  /// end. Errors: kUnavailable ("unreadable: NAME …"), and the same call goes on where it was;
  /// kCorruption ("truncated: NAME at byte 4711", "corrupt: NAME: …"). What could be read before an
  /// error is returned first.
  Result<size_t> read(size_t size, Bytes& out);
  bool end() const { return end_; }
  /// Bytes read from the file so far, compressed where it is.
  uint64_t raw_bytes() const { return raw_offset_ - raw_begin_; }

 private:
  Result<size_t> inflate(char* out, size_t size);
  Error unreadable(const Error& cause) const;

  std::string name_;
  std::unique_ptr<File> file_;
  std::unique_ptr<Decompressor> decompressor_;  // null: plain
  uint64_t raw_offset_ = 0, raw_begin_ = 0, skip_ = 0;
  Bytes raw_;
  BytesView raw_left_;  // of raw_, not yet decompressed
  bool end_ = false;
};

}  // namespace hindcast
