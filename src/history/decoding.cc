#include "history/decoding.h"

#include <algorithm>
#include <numeric>

#include "base/assert.h"

namespace hindcast {
namespace {

constexpr uint64_t kUnreadableMax = 1000;

}  // namespace

SourceConfig as_source(const SourceConfig& source) {
  HC_ASSERT(source.history.has_value());
  SourceConfig out = source;
  out.format = source.history->format;
  out.event = source.history->event;
  out.path = source.history->path;
  out.last_row_repeated = source.history->last_row_repeated;
  out.max_body = kHistoryDocumentMax;
  return out;
}

void keep_asked(const StreamSchema& schema, const Window& known, const Window& range,
                const std::vector<Bytes>& keys, EventBatch& batch, size_t first) {
  std::vector<bool> asked(batch.keys.size(), true);
  if (!keys.empty()) {
    for (uint32_t i = 0; i < batch.keys.size(); ++i)
      asked[i] = std::binary_search(keys.begin(), keys.end(), batch.keys[i]);
  }
  const auto keep = [&](size_t row) {
    const EventTime t = event_time_ns(batch.time[row]);
    return asked[batch.key[row]] && (range.contains(t) || !known.contains(t));
  };
  while (first < batch.size() && keep(first)) ++first;
  if (first == batch.size()) return;  // nearly always
  std::vector<uint32_t> rows(first);
  std::iota(rows.begin(), rows.end(), 0U);
  for (size_t row = first + 1; row < batch.size(); ++row) {
    if (keep(row)) rows.push_back(static_cast<uint32_t>(row));
  }
  EventBatch kept(schema);
  append_rows(schema, batch, rows, kept);
  batch = std::move(kept);
}

EventTime earlier(EventTime t, Duration d) {
  return unix_ns(t) < INT64_MIN + d.count() ? kMinEventTime : t - d;
}

void ObjectCheck::add(const Decoder::Counts& counts, const std::vector<DeadLetter>& dead,
                      size_t first_new) {
  events_ += counts.events;
  ignored_ += counts.ignored;
  for (size_t i = first_new; i < dead.size(); ++i) {
    const std::string& reason = dead[i].reason;
    if (reason == "outside-accept" || reason == "too-far-ahead") continue;
    if (unreadable_++ == 0) first_problem_ = reason + ": " + dead[i].detail;
    shapeless_ += reason == "missing-field" || reason == "malformed" || reason == "bad-time";
  }
}

Status ObjectCheck::judge(const Decoder& decoder, bool end) const {
  const auto missing = decoder.missing_columns();
  if (!missing.empty()) {
    std::string columns;
    for (const std::string& column : missing)
      columns += (columns.empty() ? "'" : ", '") + column + "'";
    return invalid_argument("wrong-columns: " + name_ + " has no column " + columns +
                            "; name it in [source.history.event] or [source.history.values]");
  }
  const bool all = end && ignored_ == 0 && shapeless_ > 0 && shapeless_ == unreadable_;
  if (events_ > 0 || (!all && unreadable_ < kUnreadableMax)) return {};
  return invalid_argument("wrong-columns: " + name_ + ": none of its " + (all ? "" : "first ") +
                          std::to_string(unreadable_) +
                          " records can be read; the first one: " + first_problem_);
}

}  // namespace hindcast
