#include "lane/replay_hand_off.h"

#include <algorithm>
#include <map>

#include "base/assert.h"
#include "lane/replay_records.h"

namespace hindcast {
namespace {

size_t bytes_of(const std::vector<LogAppend>& records) {
  size_t bytes = 0;
  for (const LogAppend& record : records) bytes += record.payload.size();
  return bytes;
}

}  // namespace

std::vector<LogAppend> ReplayHandOff::append() {
  HC_ASSERT(can_append());
  while (true) {
    appending_ = waiting_.take_rows(rows_per_append_);
    std::vector<LogAppend> records = encode_appending();
    const size_t bytes = bytes_of(records);
    if (bytes <= kReplayAppendBytesMax || appending_.size() == 1) {
      if (bytes < kReplayAppendBytesMax / 4)
        rows_per_append_ = std::min(rows_per_append_ * 2, kRowsPerAppendMax);
      return records;
    }
    rows_per_append_ = appending_.size() / 2;
    refused();
  }
}

std::vector<LogAppend> ReplayHandOff::encode_appending() const {
  const EventBatch& rows = appending_.rows();
  std::map<SourceId, std::vector<uint32_t>> by_source;
  for (uint32_t row = 0; row < rows.size(); ++row) by_source[source_at(rows, row)].push_back(row);
  std::vector<LogAppend> out;
  for (const auto& [source, of_source] : by_source) {
    EventBatch batch(schema_);
    append_rows(schema_, rows, of_source, batch);
    const RecordHeader header{
        .partition = partition_, .kind = RecordKind::kEvents, .source = source};
    put_replay_records(schema_, header, 0, batch, out);
  }
  return out;
}

std::vector<std::pair<SourceId, uint64_t>> ReplayHandOff::appended(
    const std::vector<Position>& positions) {
  HC_ASSERT(!appending_.empty() && !positions.empty());
  if (ranges_.size() == first_of_this_life_)
    ranges_.push_back({positions.front(), positions.front()});
  HC_ASSERT(positions.back() >= ranges_.back().last);
  ranges_.back().last = positions.back();
  std::map<SourceId, uint64_t> moved;
  for (size_t row = 0; row < appending_.size(); ++row) ++moved[source_at(appending_.rows(), row)];
  appending_ = LateBuffer(schema_);
  return {moved.begin(), moved.end()};
}

void ReplayHandOff::refused() {
  waiting_.put_back(std::move(appending_));
  appending_ = LateBuffer(schema_);
}

void ReplayHandOff::positions(std::vector<EventPosition>& out) const {
  waiting_.positions(out);
  appending_.positions(out);
}

std::optional<LogMark> ReplayHandOff::oldest() const {
  const auto a = waiting_.oldest(), b = appending_.oldest();
  return !a || (b && b->before < a->before) ? b : a;
}

}  // namespace hindcast
