#include "proof/history_compare_internal.h"

#include <algorithm>
#include <bit>
#include <deque>

#include "lane/read_page.h"
#include "lane/remake.h"
#include "model/digest.h"
#include "model/function.h"
#include "model/join.h"
#include "model/key.h"
#include "progress/replay_job.h"

namespace hindcast {
namespace {

constexpr size_t kRefillWindows = 10'000;

std::string cell_text(const ValueField& field, const EventBatch& events, size_t f, size_t row) {
  if ((events.nulls_at(row) >> f & 1) != 0) return "null";
  const int64_t cell = events.values[f][row];
  Value value;
  switch (field.type) {
    case ValueType::kDecimal:
      value.kind = Value::Kind::kDecimal;
      value.number = cell;
      value.scale = field.scale;
      break;
    case ValueType::kDouble:
      value.kind = Value::Kind::kDouble;
      value.real = std::bit_cast<double>(cell);
      break;
    case ValueType::kText:
      value.kind = Value::Kind::kText;
      value.text = std::string(events.texts[static_cast<uint32_t>(cell)]);
      break;
  }
  return value.to_string();
}

std::string event_text(const StreamSchema& schema, const EventBatch& events, size_t row) {
  std::string id;
  for (size_t c = 0; c < schema.id.size(); ++c) {
    const int64_t cell = events.id[c][row];
    if (c > 0) id += '/';
    id += schema.id[c] == PartType::kInt ? std::to_string(cell)
                                         : std::string(events.texts[static_cast<uint32_t>(cell)]);
  }
  return "event " + id + " of " + to_rfc3339(event_time_ns(events.time[row]));
}

int compare_identity(const StreamSchema& schema, const EventBatch& a, size_t i, const EventBatch& b,
                     size_t j) {
  if (a.time[i] != b.time[j]) return a.time[i] < b.time[j] ? -1 : 1;
  return compare_ids(schema, a, i, b, j);
}

std::string_view name_of(VerifyReport::Difference::Kind kind) {
  using Kind = VerifyReport::Difference::Kind;
  if (kind == Kind::kMissing) return "only history has ";
  if (kind == Kind::kExtra) return "history-short: it lacks ";
  return "";
}

}  // namespace

HistoryCompare::HistoryCompare(const HistorySubject& subject, const Snapshot& snapshot,
                               const std::map<PartitionId, Frontier>& frontiers,
                               const std::vector<HistoryChunk::Missing>& missing,
                               VerifyReport& report, std::vector<Window>& refill)
    : subject_(subject),
      schema_(subject.schema),
      snapshot_(snapshot),
      frontiers_(frontiers),
      missing_(missing),
      finest_(subject.finest > Duration{} ? std::min(subject.finest, schema_.page_window)
                                          : schema_.page_window),
      report_(report),
      refill_(refill) {}

Status HistoryCompare::compare(Window windows, uint16_t slot_begin, uint16_t slot_end,
                               std::map<EventTime, EventBatch>& held) {
  std::deque<EventBatch> visible_events;  // keys of `pages` view them
  Pages pages;
  while (!held.empty() && held.begin()->first < windows.end) {
    auto window = held.extract(held.begin());
    visible_events.push_back(visible(schema_, sort_unique(schema_, window.mapped()), {}));
    window.mapped() = EventBatch();
    add_pages(window.key(), visible_events.back(), pages);
  }
  for (const auto& [partition, frontier] : frontiers_) {
    Status status;
    const PageRange range{partition, windows, slot_begin, slot_end};
    const Status read = snapshot_.heads(range, [&](const PageHead& head) {
      if (!frontier.behind(head.key.window, head.key.slot)) return true;
      const auto there = pages.extract(head.key);
      status = compare_page(head.key, &head, there ? there.mapped() : std::vector<KeySum>());
      return status.has_value();
    });
    HC_TRY(status);
    if (!read) {
      if (read.error().code != ErrorCode::kCorruption) return read;
      report_.add(VerifyReport::Unread{subject_.source, windows, read.error().message});
      return {};
    }
  }
  for (const auto& [key, keys] : pages) {
    const auto frontier = frontiers_.find(key.partition);
    if (frontier->second.behind(key.window, key.slot)) HC_TRY(compare_page(key, nullptr, keys));
  }
  return {};
}

void HistoryCompare::add_pages(EventTime window, const EventBatch& events, Pages& pages) const {
  const EventHasher hasher(schema_, events);
  for (const KeyRun& run : key_runs(events)) {
    const uint64_t key_hash = events.keys.hash(run.key);
    KeySum sum{.key = events.keys[run.key], .events = &events, .begin = run.begin, .end = run.end};
    for (size_t row = run.begin; row < run.end; ++row) sum.digest += hasher(row, key_hash);
    sum.count = static_cast<int64_t>(run.end - run.begin);
    const uint32_t partition = partition_of_hash(key_hash, schema_.partitions);
    const PageKey page{subject_.partitions[partition], window,
                       slot_of_hash(key_hash, schema_.slots)};
    pages[page].push_back(sum);
  }
}

bool HistoryCompare::excluded(const Window& window, BytesView key) const {
  if (!subject_.keys.empty() && !std::ranges::binary_search(subject_.keys, key)) return true;
  return std::ranges::any_of(missing_, [&](const HistoryChunk::Missing& missing) {
    return missing.window.intersects(window) &&
           (missing.keys.empty() || std::ranges::count(missing.keys, key) > 0);
  });
}

Status HistoryCompare::compare_page(const PageKey& key, const PageHead* head,
                                    const std::vector<KeySum>& history) {
  const Window window{key.window, key.window + schema_.page_window};
  KeySum total;
  for (const KeySum& sum : history) {
    total.count += sum.count;
    total.digest += sum.digest;
  }
  ++report_.pages;
  report_.events += static_cast<uint64_t>(total.count);
  const bool equal = head == nullptr ? total.count == 0
                                     : head->damage.empty() && head->live_events == total.count &&
                                           head->digest == total.digest;
  if (equal) return {};

  ++report_.history.pages_read;
  PageParts page;
  if (head != nullptr) {
    HC_TRY_ASSIGN(page, snapshot_.page(key, Lane::kReplay));
  }
  std::set<BytesView> differing;
  std::map<BytesView, const KeySum*> theirs;
  for (const KeySum& sum : history) theirs.emplace(sum.key, &sum);
  const Result<std::vector<KeyChange>> totals = key_totals(page);
  if (totals) {
    for (const auto& [name, sum] : theirs) {
      const auto own = std::ranges::lower_bound(*totals, name, {}, &KeyChange::key);
      const bool there = own != totals->end() && own->key == name;
      if (!there || own->count != sum->count || own->digest != sum->digest) differing.insert(name);
    }
    for (const KeyChange& own : *totals) {
      if (own.count != 0 && !theirs.contains(own.key)) differing.insert(own.key);
    }
  }
  std::erase_if(differing, [&](BytesView name) { return excluded(window, name); });

  Result<EventBatch> ours =
      totals ? read_page(schema_, page, [&](BytesView name) { return differing.contains(name); })
             : Result<EventBatch>(totals.error());
  EventBatch events(schema_);
  if (ours) {
    events = *std::move(ours);
  } else {
    // Damaged: what is left of it is compared, key by key.
    Remains remains = remains_of(schema_, page);
    for (const std::string& place : remains.damage) {
      report_.add({.kind = Kind::kDamage,
                   .stream = schema_.name,
                   .aggregate = "",
                   .key = "",
                   .what = "page of slot " + std::to_string(key.slot) + ": " + place,
                   .window = window});
    }
    events = std::move(remains.rows);
    differing.clear();
    for (const KeySum& sum : history) differing.insert(sum.key);
    for (const KeyRun& run : key_runs(events)) differing.insert(events.keys[run.key]);
    std::erase_if(differing, [&](BytesView name) { return excluded(window, name); });
  }
  report_.history.keys_read += differing.size();
  report_.history.stored_events += events.size();

  std::map<BytesView, KeyRun> runs;
  for (const KeyRun& run : key_runs(events)) runs.emplace(events.keys[run.key], run);
  for (const BytesView name : differing) {
    const auto run = runs.find(name);
    const auto sum = theirs.find(name);
    const KeyRun rows = run == runs.end() ? KeyRun{0, 0, 0} : run->second;
    compare_key(key, name, events, rows.begin, rows.end,
                sum == theirs.end() ? KeySum{.key = name} : *sum->second);
  }
  tell_found(key);
  return {};
}

/// `ours`: rows [begin, end), tombstones too.
void HistoryCompare::compare_key(const PageKey& page, BytesView key, const EventBatch& ours,
                                 size_t begin, size_t end, const KeySum& history) {
  EventBatch run(schema_);
  append_rows(schema_, ours, begin, end, run);
  const EventBatch seen = visible(schema_, run, {});
  const auto time_of = [](const EventBatch& events, size_t row) {
    return event_time_ns(events.time[row]);
  };
  size_t j = 0, hidden = 0;
  const auto extra = [&] {
    found(page, Kind::kExtra, key, time_of(seen, j), event_text(schema_, seen, j));
    ++j;
  };
  for (size_t i = history.begin; i < history.end; ++i) {
    const EventBatch& theirs = *history.events;
    int order = 1;
    while (j < seen.size() && (order = compare_identity(schema_, seen, j, theirs, i)) < 0) extra();
    if (j < seen.size() && order == 0) {
      const std::string fields = fields_that_differ(theirs, i, seen, j);
      if (!fields.empty()) {
        found(page, Kind::kDiffers, key, time_of(theirs, i),
              event_text(schema_, theirs, i) + ": " + fields);
      }
      ++j;
      continue;
    }
    while (hidden < run.size() && compare_identity(schema_, run, hidden, theirs, i) < 0) ++hidden;
    const bool deleted_later = hidden < run.size() &&
                               compare_identity(schema_, run, hidden, theirs, i) == 0 &&
                               run.revision_at(hidden) > theirs.revision_at(i);
    if (!deleted_later)
      found(page, Kind::kMissing, key, time_of(theirs, i), event_text(schema_, theirs, i));
  }
  while (j < seen.size()) extra();
}

std::string HistoryCompare::fields_that_differ(const EventBatch& history, size_t i,
                                               const EventBatch& ours, size_t j) const {
  std::string out;
  const auto differ = [&](const std::string& name, const std::string& theirs,
                          const std::string& stored) {
    out += (out.empty() ? "" : "; ") + name + ": history " + theirs + ", stored " + stored;
  };
  const auto compare = [&](const char* name, int64_t theirs, int64_t stored) {
    if (theirs != stored) differ(name, std::to_string(theirs), std::to_string(stored));
  };
  if (history.revision_at(i) < ours.revision_at(j)) return out;  // it has not heard of it yet
  compare("revision", history.revision_at(i), ours.revision_at(j));
  compare("order", history.order_at(i), ours.order_at(j));
  for (size_t f = 0; f < schema_.values.size(); ++f) {
    const ValueField& field = schema_.values[f];
    const bool null = (history.nulls_at(i) >> f & 1) != 0;
    bool same = null == ((ours.nulls_at(j) >> f & 1) != 0);
    if (same && !null) {
      const int64_t a = history.values[f][i], b = ours.values[f][j];
      same = field.type == ValueType::kText
                 ? history.texts[static_cast<uint32_t>(a)] == ours.texts[static_cast<uint32_t>(b)]
                 : a == b;
    }
    if (!same) differ(field.name, cell_text(field, history, f, i), cell_text(field, ours, f, j));
  }
  return out;
}

void HistoryCompare::found(const PageKey& page, Kind kind, BytesView key, EventTime time,
                           std::string what) {
  Found& there = found_[{std::max(page.window, align_down(time, finest_)), Bytes(key), kind}];
  if (there.events++ == 0) there.first = std::move(what);
}

void HistoryCompare::tell_found(const PageKey& page) {
  bool to_refill = false;
  for (const auto& [place, there] : found_) {
    std::string what = std::string(name_of(place.kind)) + there.first;
    if (there.events > 1) what += ", and " + std::to_string(there.events - 1) + " more";
    report_.add({.kind = place.kind,
                 .stream = schema_.name,
                 .aggregate = "",
                 .key = key_to_string(schema_.key, place.key),
                 .what = std::move(what),
                 .window = {place.bucket, place.bucket + finest_},
                 .events = there.events});
    to_refill |= place.kind != Kind::kExtra;
  }
  found_.clear();
  if (!to_refill) return;
  const Window window{page.window, page.window + schema_.page_window};
  if (refill_.size() < kRefillWindows) {
    add_window(refill_, window);
  } else {  // too scattered to list: from here on the replay looks at all of it
    refill_.back().end = std::max(refill_.back().end, window.end);
  }
}

}  // namespace hindcast
