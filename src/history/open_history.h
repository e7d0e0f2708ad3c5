// The history that a configuration names.
#pragma once
#include <memory>

#include "base/files.h"
#include "base/result.h"
#include "base/runtime.h"
#include "format/config.h"
#include "history/history.h"

namespace hindcast {

/// `files` and `runtime` outlive the history, and the history its cursors. Reads nothing yet.
/// Errors: kNotFound when the source has no history.
Result<std::unique_ptr<History>> make_history(const StreamSchema& schema,
                                              const SourceConfig& source, FileSystem& files,
                                              const Runtime& runtime);

}  // namespace hindcast
