// The beginning of somebody's file: what `check --sample` maps and `init` guesses from.
#pragma once
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "base/units.h"

namespace hindcast {

struct SampleFile {
  Bytes bytes;         // decompressed
  bool whole = false;  // nothing follows
};

/// The first `max` bytes of content of a plain, .gz or .zst file. Errors: those of the file system,
/// kCorruption.
Result<SampleFile> read_sample_file(const std::string& path, ByteCount max);

}  // namespace hindcast
