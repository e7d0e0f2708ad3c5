// Where a file source stands: what it gives with each batch and gets back at a restart.
//
//   u8 version = 1 | string passed | varint files | files × { string path, varint offset, varint
//   row, u8 done,
//                                                             varint head size, u64 head hash,
//                                                             string decoder }
//
// Paths at or before `passed` in natural order are read to their end, unless they are listed.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace hindcast {

struct FileProgress {
  std::string path;
  uint64_t offset =
      0;              // bytes consumed by the decoder; of the decompressed content where compressed
  uint64_t row = 0;   // Decoder::row()
  bool done = false;  // read to its end, or given up
  // The file's first bytes: another file under the same name (rotation) is another content and
  // begins at its beginning.
  uint64_t head_size = 0, head_hash = 0;
  std::string decoder;  // Decoder::header()
  bool operator==(const FileProgress&) const = default;
};

struct FileResume {
  std::string passed;
  std::vector<FileProgress> files;
  bool operator==(const FileResume&) const = default;
};

Bytes encode(const FileResume& resume);
/// Errors: kCorruption.
Result<FileResume> decode_file_resume(BytesView bytes);

}  // namespace hindcast
