#include "cli/sample_file.h"

#include <algorithm>

#include "base/posix_files.h"
#include "net/compression.h"

namespace hindcast {

Result<SampleFile> read_sample_file(const std::string& path, ByteCount max) {
  constexpr size_t kRead = 256 << 10;
  PosixFileSystem files;
  HC_TRY_ASSIGN(const auto file, files.open(path, OpenMode::kRead));
  SampleFile sample;
  if (compression_of_path(path) == Compression::kNone) {
    HC_TRY_ASSIGN(const uint64_t size, file->size());
    HC_TRY_ASSIGN(sample.bytes, file->read(0, std::min(max.value, size)));
    sample.whole = sample.bytes.size() >= size;
    return sample;
  }
  const auto decompressor = make_decompressor(compression_of_path(path));
  Bytes raw;
  BytesView left;
  for (uint64_t offset = 0; sample.bytes.size() < max.value;) {
    const size_t have = sample.bytes.size();
    const size_t room = std::min<size_t>(kRead, max.value - have);
    sample.bytes.resize(have + room);
    auto got = decompressor->read(left, sample.bytes.data() + have, room);
    sample.bytes.resize(have + (got ? *got : 0));
    if (!got) return std::move(got).error().with(path);
    if (*got > 0) continue;
    HC_TRY_ASSIGN(raw, file->read(offset, kRead));
    if (raw.empty()) {
      if (auto finished = decompressor->finish(); !finished)
        return std::move(finished).error().with(path);
      sample.whole = true;
      break;
    }
    offset += raw.size();
    left = raw;
  }
  return sample;
}

}  // namespace hindcast
