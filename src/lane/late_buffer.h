// Events that came after their page was sealed, until a merge (or the replay log) takes them.
//
// One batch for all pages: late events are few and scattered, and a buffer per page would cost more
// than the events. Each knows where in the log it stands, for the checkpoint's exceptions.
#pragma once
#include <map>
#include <vector>

#include "lane/open_pages.h"
#include "model/event_batch.h"
#include "progress/checkpoint.h"
#include "store/store.h"

namespace hindcast {

class LateBuffer {
 public:
  explicit LateBuffer(const StreamSchema& schema) : schema_(&schema), rows_(schema) {}

  /// Row `row` of a log record, whose source column is set.
  void add(const EventBatch& from, uint32_t row, PageAt page, EventPosition at, LogMark since);

  bool empty() const { return at_.empty(); }
  size_t size() const { return at_.size(); }
  const EventBatch& rows() const { return rows_; }

  /// Takes all events of up to `pages_max` pages, in page order from the first at or after `from`,
  /// round to the start.
  std::map<PageAt, LateBuffer> take_pages(PageAt from, size_t pages_max);
  /// Takes the events of the first `rows_max` rows.
  LateBuffer take_rows(size_t rows_max);
  /// Puts taken ones back.
  void put_back(LateBuffer&& taken);

  /// Adds its events' positions.
  void positions(std::vector<EventPosition>& out) const {
    out.insert(out.end(), at_.begin(), at_.end());
  }
  std::optional<LogMark> oldest() const;
  size_t memory() const;

 private:
  LateBuffer pick(const std::vector<uint32_t>& rows) const;

  const StreamSchema* schema_;
  EventBatch rows_;
  std::vector<PageAt> page_;
  std::vector<EventPosition> at_;
  std::vector<LogMark> since_;
};

}  // namespace hindcast
