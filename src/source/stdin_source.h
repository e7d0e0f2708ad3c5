// A byte stream of this process as a source: standard input, plain. It ends when the writer closes
// it.
//
// What was read and not acknowledged is lost with the process: whoever pipes in must send it again
// (resume tokens are empty). Thread safety: confined to one thread; poll() does not wait for input,
// and calls `done` before it returns.
#pragma once
#include <memory>

#include "base/runtime.h"
#include "format/config.h"
#include "format/decoder.h"
#include "source/source.h"

namespace hindcast {

/// `fd` is read, not closed. `runtime` (wall clock only) outlives the source.
std::unique_ptr<Source> make_stdin_source(const StreamSchema& schema,
                                          std::unique_ptr<Decoder> decoder, const Runtime& runtime,
                                          int fd = 0);

}  // namespace hindcast
