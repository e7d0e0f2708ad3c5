#include "lane/remake.h"

#include <algorithm>

#include "lane/page_probe.h"
#include "lane/read_page.h"
#include "model/join.h"

namespace hindcast {
namespace {

constexpr size_t kKeysNamed = 1'024;  // more are not worth naming: the gap then takes the partition
constexpr size_t kPlacesTold = 3;

}  // namespace

Remains remains_of(const StreamSchema& schema, const PageParts& page) {
  Remains out;
  EventBatch rows(schema);
  if (!page.head.damage.empty()) {
    out.damage.push_back(page.head.damage);
    out.more_lost = true;
  }
  for (uint32_t i = 0; i < page.parts.size(); ++i) {
    const bool flagged = std::ranges::count(page.damaged, i, &PageParts::Damage::part) > 0;
    const Result<PartView> part = open_part(page, i);
    if (!part) {
      out.damage.push_back(part.error().message);
      out.unread_parts.push_back(i);
      out.more_lost = true;
      continue;
    }
    const PartView::Lost lost = part->salvage(schema, rows);
    out.lost_keys.insert(out.lost_keys.end(), lost.keys.begin(), lost.keys.end());
    if (flagged || !lost.keys.empty()) {
      out.damage.push_back(place_of(page, i, corruption("checksum mismatch in a chunk")));
      out.unread_parts.push_back(i);
    }
  }
  std::ranges::sort(out.lost_keys);
  const auto twice = std::ranges::unique(out.lost_keys);
  out.lost_keys.erase(twice.begin(), twice.end());
  out.rows = sort_unique(schema, rows);
  return out;
}

Gap gap_of(const Remains& remains, const StreamSchema& schema, StreamId stream,
           const PageKey& page) {
  Gap gap{.stream = stream, .range = {page.window, page.window + schema.page_window}};
  gap.cause = Gap::Cause::kCorruption;
  gap.scope.partition = page.partition;
  if (remains.more_lost || remains.lost_keys.size() > kKeysNamed) {
    gap.scope.kind = GapScope::Kind::kPartition;
  } else {
    gap.scope.kind = GapScope::Kind::kKeys;
    for (const Bytes& key : remains.lost_keys) gap.scope.keys.emplace_back(page.partition, key);
  }
  for (size_t i = 0; i < std::min(remains.damage.size(), kPlacesTold); ++i)
    gap.detail += (i == 0 ? "" : "; ") + remains.damage[i];
  if (remains.damage.size() > kPlacesTold)
    gap.detail += "; and " + std::to_string(remains.damage.size() - kPlacesTold) + " more";
  return gap;
}

Status read_rows(const PageReader& snapshot, const StreamSchema& schema,
                 const std::vector<LaneAggregate>& aggregates, PageParts& page) {
  const PageKey& key = page.head.key;
  page.rows.clear();
  for (const LaneAggregate& aggregate : aggregates) {
    for (const Duration resolution : aggregate.resolutions) {
      const Status read = snapshot.rows({.aggregate = aggregate.id,
                                         .resolution = resolution,
                                         .range = {key.window, key.window + schema.page_window},
                                         .partition = key.partition,
                                         .slot = key.slot},
                                        [&](const Row& row) {
                                          page.rows.push_back(row);
                                          return true;
                                        });
      if (!read && read.error().code != ErrorCode::kCorruption) return read;
    }
  }
  return {};
}

Result<PageParts> read_for_merge(const PageReader& snapshot, const PageRead& read, Lane lane,
                                 const StreamSchema& schema,
                                 const std::vector<LaneAggregate>& aggregates) {
  const PageKey& key = read.key;
  if (!read.events.empty()) {
    HC_TRY_ASSIGN(std::optional<PageParts> probed,
                  probe_page(snapshot, key, read.events, lane, schema, aggregates));
    if (probed) return *std::move(probed);
  }
  HC_TRY_ASSIGN(PageParts page, snapshot.page(key, lane));
  page.head.key = key;  // also of a page that is not there
  if (!page.whole()) HC_TRY(read_rows(snapshot, schema, aggregates, page));
  return page;
}

}  // namespace hindcast
