// Events and dead letters as log records: routed to partitions, cut to the size a record may have.
#pragma once
#include <vector>

#include "engine/catalog.h"
#include "log/log.h"
#include "model/event_batch.h"
#include "progress/control.h"

namespace hindcast {

/// Rows of `batch` by partition index, in order.
std::vector<EventBatch> split_by_partition(const StreamInfo& stream, const EventBatch& batch);

/// Adds the rows as records of one partition. `head` rides on every record: they become durable
/// together.
void add_event_records(const StreamSchema& schema, PartitionId partition, SourceId source,
                       const EventsRecord& head, const EventBatch& rows,
                       std::vector<LogAppend>& out);

void add_dead_letter_records(PartitionId partition, SourceId source,
                             const std::vector<DeadLetter>& letters, std::vector<LogAppend>& out);

}  // namespace hindcast
