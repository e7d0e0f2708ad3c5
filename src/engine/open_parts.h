// Opens the parts of an installation as the configuration says.
#pragma once
#include <functional>
#include <memory>
#include <string_view>

#include "base/files.h"
#include "base/runtime.h"
#include "engine/catalog.h"
#include "format/config.h"
#include "log/log.h"
#include "source/source.h"
#include "store/store.h"

namespace hindcast {

Result<std::unique_ptr<Store>> open_store(const Config& config, FileSystem& files, bool read_only);

/// The log, on threads of its own. The store says which positions it has seen, so that a log folder
/// that was lost does not hand them out again.
Result<std::unique_ptr<Log>> open_log(const Config& config, FileSystem& files,
                                      const Catalog& catalog, const Store& store,
                                      std::function<void()> live_begins = nullptr);

/// A pull source that goes on behind `resume`. Requires: not kHttp. Errors: as the kind says (a
/// file that is not there).
Result<std::unique_ptr<Source>> open_source(const SourceConfig& config, const StreamSchema& schema,
                                            FileSystem& files, Runtime& runtime, BytesView resume);

/// As it is written in the configuration: "http", "file", "stdin", ….
std::string_view kind_name(SourceKind kind);

}  // namespace hindcast
