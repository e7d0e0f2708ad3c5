// Page after page through one answer list of an API: what the next request asks for, when the last
// page was seen, and when something is wrong with the pages.
//
//   none     one answer
//   cursor   the answer names the next page in its document
//   link     … in a Link header
//   id       next_id = highest id + 1
//   time     from = highest time; events of that instant come twice, and a join takes them once
//
// What would otherwise end early without a word is an error: an answer that is full where there is
// no paging, pages that are not in order, a server that answers fewer events than `limit` says.
//
// Pure. Thread safety: confined.
#pragma once
#include <optional>
#include <string>
#include <unordered_set>

#include "base/result.h"
#include "base/time.h"
#include "format/config.h"

namespace hindcast {

/// What of an answer matters for paging.
struct AnswerFacts {
  uint64_t records = 0;  // readable or not
  bool any_event = false;
  EventTime lowest{}, highest{};
  bool sorted_by_time = true;
  int64_t first_id = 0, last_id = 0, highest_id = 0;  // paging by id
  uint64_t digest = 0;                                // of its events
  std::string next;                                   // cursor, or URL of a link; "" = no more
};

class Pagination {
 public:
  /// `window`: asked for. `bounded`: the URL has its end.
  Pagination(const HistoryConfig& history, Window window, int64_t next_id, bool bounded);

  // What the next request asks for.
  EventTime from() const { return from_; }
  int64_t next_id() const { return next_id_; }
  const std::string& next() const { return next_; }  // cursor or link; "" = the first page

  /// Takes an answer. `limit_kept`: answers were seen to hold as many events as `limit` says; may
  /// become true. Errors: kCorruption ("pagination-loop: …"), kInvalidArgument
  /// ("page-full-of-one-instant: …", "unsorted: …", "limit-capped: …", "answer-full: …"); they do
  /// not name the URL.
  Status turn(const AnswerFacts& facts, bool& limit_kept);
  bool done() const { return done_; }
  /// Whether every event before `end` was handed over, if history is as sorted as it says.
  bool passed(EventTime end) const { return done_ || covered_to() >= end; }
  EventTime covered_to() const;

 private:
  Status check_progress(const AnswerFacts& facts);
  Status turn_by_order(const AnswerFacts& facts, bool& limit_kept);

  const HistoryConfig& history_;
  const Window window_;
  const bool bounded_;
  EventTime from_;
  int64_t next_id_;
  std::string next_;
  std::optional<EventTime> highest_;
  bool done_ = false, probing_ = false;
  uint64_t records_ = 0;  // of the answer before
  uint64_t stale_ = 0;    // answers in a row without a new event
  std::unordered_set<uint64_t> seen_next_, seen_digests_;
};

}  // namespace hindcast
