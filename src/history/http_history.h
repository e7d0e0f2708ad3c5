// A history behind an HTTP API: a URL template, a list of keys, pages.
//
// A range is cut into spans of time, and each span is asked for key by key, page by page; when all
// keys have it, complete_to moves to its end. Spans grow and shrink so that about 64 Ki events lie
// in each. Where the URL has no window, or paging goes on from the last event anyway, there is one
// walk for each key over the whole range, and spans only say when complete_to moves.
//
// One request is one chunk, whatever `max` says: an answer is judged as a whole. Its size is
// bounded (kHistoryDocumentMax). A cursor blocks while it asks, and never sleeps: when the budget
// of requests is used up it hands over an empty chunk that says how long.
#pragma once
#include <memory>

#include "base/runtime.h"
#include "format/config.h"
#include "history/history.h"

namespace hindcast {

/// Requires: `source` has an HTTP history; `runtime` outlives it and its cursors.
std::unique_ptr<History> make_http_history(const StreamSchema& schema, const SourceConfig& source,
                                           const Runtime& runtime);

}  // namespace hindcast
