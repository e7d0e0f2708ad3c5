// Files as a source: all that match a path template, in natural order of their paths, plain, .gz or
// .zst; with `follow`, files that grow or appear later as well, for ever.
//
// Resuming: each batch carries a token; a source created with it goes on exactly behind that batch.
// Compressed files are decompressed again up to there, but not parsed again.
// Broken input: what can be read of a truncated, corrupt or unreadable file is delivered, then one
// dead letter
// ("truncated", "corrupt", "unreadable") names file and byte, and the next file follows. With
// `follow`, a compressed file that ends early may still be being written: it is given up only after
// it stood still for some seconds. With `follow`, a last line without newline waits for its rest.
//
// Memory: two read buffers of 256 KiB, what the decoder leaves of an unfinished record, and 256
// remembered files (of more, those that grew least recently are no longer watched). Thread safety:
// confined to one thread; poll() reads the disk and calls `done` before it returns.
#pragma once
#include <memory>

#include "base/files.h"
#include "base/runtime.h"
#include "format/config.h"
#include "format/decoder.h"
#include "source/source.h"

namespace hindcast {

/// `files` and `runtime` (wall clock only) outlive the source. `resume`: token of an earlier batch,
/// empty = from the start. Errors: kNotFound when no file matches and `follow` is off; kCorruption
/// when the token is none.
Result<std::unique_ptr<Source>> make_file_source(const StreamSchema& schema,
                                                 const SourceConfig& config,
                                                 std::unique_ptr<Decoder> decoder,
                                                 FileSystem& files, const Runtime& runtime,
                                                 BytesView resume);

}  // namespace hindcast
