#include "engine/open_view.h"

#include <set>

#include "lane/read_page.h"
#include "model/join.h"

namespace hindcast {

Status add_spilled(const StreamInfo& stream, const Snapshot& snapshot,
                   const std::vector<PartitionId>& partitions, const Window& range,
                   std::optional<uint16_t> slot, std::vector<OpenPage>& open) {
  std::set<PageKey> known;
  for (const OpenPage& page : open) known.insert(page.key);
  for (const PartitionId partition : partitions) {
    HC_TRY_ASSIGN(const std::optional<Checkpoint> checkpoint, snapshot.checkpoint(partition));
    if (!checkpoint) continue;
    for (const Spilled& page : checkpoint->spilled) {
      const PageKey key{partition, page.window, page.slot};
      const Window window = window_of(page.window, stream.schema.page_window);
      if (!window.intersects(range) || (slot && *slot != page.slot)) continue;
      if (known.insert(key).second) open.push_back({key, EventBatch(stream.schema)});
    }
  }
  return {};
}

Result<EventBatch> whole_page(const StreamSchema& schema, const EventBatch& buffered,
                              const PageParts& stored) {
  if (stored.parts.empty() && stored.head.damage.empty()) return buffered;
  HC_TRY_ASSIGN(const EventBatch sealed, read_page(schema, stored));
  const EventBatch* both[] = {&sealed, &buffered};
  return visible(schema, join(schema, both), {});
}

}  // namespace hindcast
