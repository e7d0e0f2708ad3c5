// An answer of an HTTP history to events, and to what paging needs to know of it.
//
// Thread safety: confined.
#pragma once
#include <memory>
#include <string>

#include "base/result.h"
#include "format/decoder.h"
#include "format/json_record.h"
#include "history/decoding.h"
#include "history/history.h"
#include "history/pagination.h"
#include "net/http_client.h"

namespace hindcast {

class AnswerReader {
 public:
  /// Requires: `source` has a history; both outlive it.
  AnswerReader(const StreamSchema& schema, const SourceConfig& source);

  /// Decodes the answer to a request for `key` ("" = all keys; `canonical` its bytes) into `chunk`,
  /// whose events are replaced. Errors: kCorruption ("malformed: …": not this format, or cut off;
  /// "foreign-link: …"), kInvalidArgument ("wrong-columns: …", "wrong-key: …").
  Result<AnswerFacts> read(const HttpReply& reply, const std::string& url, const std::string& key,
                           BytesView canonical, ProcessingTime now, HistoryChunk& chunk);

 private:
  Status check(const std::string& url, const HistoryChunk& chunk) const;
  Result<std::string> cursor(BytesView body, const std::string& url);
  void look_at_events(const EventBatch& events, AnswerFacts& facts) const;

  const StreamSchema& schema_;
  const HistoryConfig& history_;
  const std::unique_ptr<Decoder> decoder_;
  JsonRecord document_;
  std::string padded_;
};

}  // namespace hindcast
