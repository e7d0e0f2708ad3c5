// One walk over the answers of an HTTP history (http_history.h), and what all walks of it share.
//
//   range    ├──────────────────────────────────────────────────┤
//   spans    ├──┤├────┤├─────────┤        as long as 64 Ki events are, so far
//   keys              ├ BTC ├ ETH ├       one after the other in each span
//   pages             ├┼┼┼┤               one answer, one chunk
//   complete ────────┤
//
// Thread safety: the setup from any thread; a cursor is confined.
#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/runtime.h"
#include "format/config.h"
#include "history/history.h"
#include "history/request_budget.h"
#include "history/url_template.h"
#include "net/http_server.h"

namespace hindcast {

struct AskedKey {
  std::string text;  // as the URL has it; "" where it has no {key}
  Bytes canonical;
};

/// What all cursors of a history share.
struct HttpSetup {
  HttpSetup(const StreamSchema& stream, const SourceConfig& of, const Runtime& clock);

  const HistoryConfig& history() const { return *source.history; }
  /// The walk of a key goes on over the whole range.
  bool continues() const {
    return history().paging == HistoryConfig::Paging::kId ||
           (history().paging == HistoryConfig::Paging::kTime && !url.has_to());
  }
  /// Answers have what the server has, whatever that is, and not what was asked for.
  bool windowless() const {
    return !url.has_from() && history().paging != HistoryConfig::Paging::kId;
  }
  /// A part of a range can be asked for by itself.
  bool cuttable() const { return url.has_from() && url.has_to() && !continues(); }

  const StreamSchema schema;
  const SourceConfig source;
  const Runtime& runtime;
  const UrlTemplate url;
  std::vector<AskedKey> keys;
  HttpHeaders headers;
  RequestBudget budget;
  // Set by any cursor once the server was seen to keep to `limit`; publishes nothing else.
  std::atomic<bool> limit_kept{false};
};

/// `setup` outlives the cursor.
std::unique_ptr<Cursor> make_http_cursor(HttpSetup& setup, HistoryQuery query);

}  // namespace hindcast
