#include "history/open_history.h"

#include "history/files_history.h"
#include "history/http_history.h"

namespace hindcast {

Result<std::unique_ptr<History>> make_history(const StreamSchema& schema,
                                              const SourceConfig& source, FileSystem& files,
                                              const Runtime& runtime) {
  if (!source.history) return not_found("source '" + source.name + "' has no [source.history]");
  if (source.history->kind == HistoryConfig::Kind::kLog) {
    return invalid_argument("the history of source '" + source.name +
                            "' is the log: only a running daemon reads it");
  }
  if (source.history->kind == HistoryConfig::Kind::kFiles)
    return make_files_history(schema, source, files, runtime);
  return make_http_history(schema, source, runtime);
}

}  // namespace hindcast
