// `hindcast init`: a configuration guessed from a sample of somebody's data. The text says what was
// guessed and why, parse_config accepts it, and a person is meant to read it.
//
// Pure; any thread.
#pragma once
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace hindcast {

struct SampleInput {
  std::string path;    // of the file the sample comes from; becomes the source's path
  BytesView bytes;     // its beginning, decompressed; a megabyte is plenty
  bool whole = false;  // nothing follows `bytes`
};

/// TOML text. Errors: kInvalidArgument when no records or no time can be found, saying what was
/// seen.
Result<std::string> guess_config(const SampleInput& input);

}  // namespace hindcast
