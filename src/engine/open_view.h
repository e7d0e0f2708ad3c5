// What is ahead of the frontier, for queries: the lanes' buffers and the pages that they spilled.
#pragma once
#include <vector>

#include "engine/reader.h"

namespace hindcast {

/// Adds the pages of `scope` that a lane spilled and holds nothing of since, so that a bucket does
/// not vanish when its events leave memory. Their `events` are empty: the store has them.
Status add_spilled(const StreamInfo& stream, const Snapshot& snapshot,
                   const std::vector<PartitionId>& partitions, const Window& range,
                   std::optional<uint16_t> slot, std::vector<OpenPage>& open);

/// All of a page: what is buffered of it, joined with what is stored (visible, in page order).
Result<EventBatch> whole_page(const StreamSchema& schema, const EventBatch& buffered,
                              const PageParts& stored);

}  // namespace hindcast
