#include "lane/page_replay.h"

#include <algorithm>

#include "base/assert.h"
#include "lane/key_compare.h"

namespace hindcast {

Status prepare(MergeContext context, const EventScope& scope, const PageParts& stored,
               PageReplay& page) {
  page.prepared = false;
  page.merge = {};
  page.equal = {};
  page.shorts.clear();
  if (stored.parts.empty() && stored.whole()) {  // as the seal makes a page that was never made
    HC_TRY_ASSIGN(page.merge, merge_page(context, page.key, page.events, nullptr, RowsOf::kAll));
    page.prepared = true;
    return {};
  }
  context.find_unmatched = page.whole;
  KeyComparison keys;
  bool damaged = !stored.whole();
  if (!damaged) {
    Result<KeyComparison> compared = compare_keys(context.schema, page.events, stored);
    damaged = !compared;
    if (compared) keys = *std::move(compared);
  }
  if (!keys.rows.empty()) {
    EventBatch some(context.schema);
    const bool all = keys.rows.size() == page.events.size();
    if (!all) append_rows(context.schema, page.events, keys.rows, some);
    HC_TRY_ASSIGN(page.merge, merge_page(context, page.key, all ? page.events : some, &stored,
                                         RowsOf::kChanged));
    damaged = page.merge.gap.has_value() && !all;
  }
  if (damaged) {
    // Keys that seemed equal may be among what is lost: history's events of all of them go in.
    keys = {};
    HC_TRY_ASSIGN(page.merge,
                  merge_page(context, page.key, page.events, &stored, RowsOf::kChanged));
  }
  page.equal.duplicate = keys.equal_events;
  page.equal.skipped_keys = keys.equal_keys;
  page.prepared = true;
  if (!page.whole) return {};
  const Window window = window_of(page.key.window, context.schema.page_window);
  const auto tell = [&](const std::vector<std::pair<Bytes, uint64_t>>& lacking) {
    for (const auto& [key, events] : lacking) {
      if (scope.wants(key)) page.shorts.push_back({page.key.partition, key, window, events});
    }
  };
  tell(keys.only_here);
  tell(page.merge.unmatched);
  std::ranges::sort(page.shorts, {}, &HistoryShort::key);
  return {};
}

ReplayCounts outcomes_of(const PageReplay& page) {
  HC_ASSERT(page.prepared);
  ReplayCounts counts = page.equal;
  for (const TallyDelta& delta : TallySheet(page.merge.tallies).take()) {
    counts.added += delta.tallies.aggregated;
    counts.duplicate += delta.tallies.duplicate;
    counts.superseded += delta.tallies.superseded;
  }
  return counts;
}

}  // namespace hindcast
