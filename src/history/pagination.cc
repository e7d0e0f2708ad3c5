#include "history/pagination.h"

#include <algorithm>

#include "base/hash.h"
#include "history/decoding.h"

namespace hindcast {
namespace {

using Paging = HistoryConfig::Paging;

constexpr uint64_t kStaleMax = 16;

}  // namespace

Pagination::Pagination(const HistoryConfig& history, Window window, int64_t next_id, bool bounded)
    : history_(history),
      window_(window),
      bounded_(bounded),
      from_(window.start),
      next_id_(next_id) {}

EventTime Pagination::covered_to() const {
  const bool ascending = history_.paging == Paging::kId || history_.paging == Paging::kTime;
  if (!ascending || !highest_) return window_.start;
  const EventTime covered = earlier(*highest_, history_.disorder);
  // A page by time begins with the last one's second again, where the URL has no finer unit.
  return history_.paging == Paging::kTime ? align_down(covered, 1s) : covered;
}

Status Pagination::turn(const AnswerFacts& facts, bool& limit_kept) {
  if (facts.records >= history_.limit) limit_kept = true;
  HC_TRY(check_progress(facts));
  switch (history_.paging) {
    case Paging::kNone:
      done_ = true;
      if (facts.records < history_.limit || history_.url.find("{limit}") == std::string::npos)
        return {};
      return invalid_argument("answer-full: it holds " + std::to_string(facts.records) +
                              " events, as many as `limit` allows: there may be more. Set "
                              "`paging`, or a higher `limit` "
                              "if the answer was whole");
    case Paging::kCursor:
    case Paging::kLink:
      done_ = facts.next.empty();
      next_ = facts.next;
      if (done_ || seen_next_.insert(hash64(next_)).second) return {};
      return corruption("pagination-loop: '" + next_ + "' is named as the next page again");
    case Paging::kId:
    case Paging::kTime:
      return turn_by_order(facts, limit_kept);
  }
  return {};
}

/// Pages may be empty or repeat what was there, but not for ever.
Status Pagination::check_progress(const AnswerFacts& facts) {
  if (facts.any_event && seen_digests_.insert(facts.digest).second) {
    stale_ = 0;
    return {};
  }
  if (++stale_ < kStaleMax) return {};
  return corruption("pagination-loop: " + std::to_string(stale_) +
                    " answers in a row have no new event");
}

Status Pagination::turn_by_order(const AnswerFacts& facts, bool& limit_kept) {
  const bool by_id = history_.paging == Paging::kId;
  const bool full = facts.records >= history_.limit;
  if (!facts.any_event) {
    done_ = !full;
    limit_kept = limit_kept || probing_;
    if (done_) return {};
    return corruption("pagination-loop: an answer of " + std::to_string(facts.records) +
                      " records has no event, so there is no next page");
  }
  const bool brings_new =
      by_id ? facts.highest_id >= next_id_ : !highest_ || facts.highest > *highest_;
  // Behind the range there may be events that came just now; in it there can be none that the
  // answer before should not have had.
  const bool in_range = bounded_ || facts.lowest < window_.end;
  if (probing_ && brings_new && in_range) {
    return invalid_argument(
        "limit-capped: an answer held only " + std::to_string(records_) +
        " events although there were more; set limit = " + std::to_string(records_));
  }
  limit_kept = limit_kept || probing_;
  if (full && by_id && facts.first_id > facts.last_id)
    return invalid_argument("unsorted: ids descend; paging by id needs the lowest ids first");
  if (full && !by_id && !facts.sorted_by_time)
    return invalid_argument("unsorted: paging by time needs answers in the order of time");

  const EventTime from = facts.highest;
  const bool stuck = by_id ? facts.highest_id < next_id_ : highest_ && from <= *highest_;
  highest_ = std::max(highest_.value_or(facts.highest), facts.highest);
  const bool behind_range = !bounded_ && earlier(*highest_, history_.disorder) >= window_.end;
  if (behind_range || (!full && limit_kept)) {
    done_ = true;
    return {};
  }
  if (full && stuck) {
    if (by_id)
      return corruption("pagination-loop: ids do not go on behind " + std::to_string(next_id_ - 1));
    return invalid_argument("page-full-of-one-instant: " + std::to_string(facts.records) +
                            " events at " + to_rfc3339(facts.highest) +
                            " fill an answer; a higher `limit` is needed");
  }
  // A short answer is the last one, if the server keeps to the limit. Whether it does is asked
  // once.
  probing_ = !full;
  records_ = facts.records;
  from_ = from;
  next_id_ = by_id ? std::max(next_id_, facts.highest_id + 1) : next_id_;
  return {};
}

}  // namespace hindcast
