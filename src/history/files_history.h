// A history of files: an archive by path template, plain, .gz or .zst, in any format a decoder
// reads.
//
// With a part {day} or {date} in the template each day is a piece of its own, and a day without a
// file is missing: that a file is not there does not prove that nothing happened. Without one there
// is one piece over all files, and each query reads all of them.
//
// Files of one day are read side by side, the one that is least far first, so that covered_to moves
// while they are read; complete_to moves at the end of each day. The beginning of the next day's
// files is read with them, as far as `disorder` says that events of this day may be in it.
#pragma once
#include <memory>

#include "base/files.h"
#include "base/runtime.h"
#include "format/config.h"
#include "history/history.h"

namespace hindcast {

/// Requires: `source` has a history of files; `files` and `runtime` outlive it and its cursors.
std::unique_ptr<History> make_files_history(const StreamSchema& schema, const SourceConfig& source,
                                            FileSystem& files, const Runtime& runtime);

}  // namespace hindcast
