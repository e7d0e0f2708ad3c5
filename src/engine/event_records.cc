#include "engine/event_records.h"

#include <algorithm>

#include "model/key.h"

namespace hindcast {
namespace {

// Rows per log record: small enough that a lane's scratch columns stay in L2, large enough that
// headers, dictionaries and checksums cost little.
constexpr size_t kRecordRows = 4096;
constexpr size_t kRecordBytesMax = size_t{1} << 20;  // the log takes no larger one
constexpr size_t kLetterBytes = size_t{256} << 10;   // of letters in a record, about

/// Halves what does not fit a record: 4096 rows of long texts do not.
void add_rows(const StreamSchema& schema, RecordHeader header, const EventsRecord& head,
              const EventBatch& rows, size_t begin, size_t end, std::vector<LogAppend>& out) {
  header.events = static_cast<uint32_t>(end - begin);
  Bytes payload = encode_events(schema, head, rows, begin, end);
  if (payload.size() > kRecordBytesMax && end - begin > 1) {
    const size_t middle = begin + (end - begin) / 2;
    add_rows(schema, header, head, rows, begin, middle, out);
    add_rows(schema, header, head, rows, middle, end, out);
  } else {
    out.push_back({header, std::move(payload)});
  }
}

}  // namespace

std::vector<EventBatch> split_by_partition(const StreamInfo& stream, const EventBatch& batch) {
  std::vector<EventBatch> parts(stream.partitions.size(), EventBatch(stream.schema));
  std::vector<std::pair<uint32_t, uint32_t>> place(
      batch.keys.size());  // key -> (partition, key there)
  for (uint32_t k = 0; k < batch.keys.size(); ++k) {
    const uint32_t p = partition_of(batch.keys[k], stream.schema.partitions);
    place[k] = {p, parts[p].keys.add(batch.keys[k])};
  }
  for (size_t row = 0; row < batch.size(); ++row) {
    const auto [p, key] = place[batch.key[row]];
    parts[p].append_row(stream.schema, batch, row, key);
  }
  return parts;
}

void add_event_records(const StreamSchema& schema, PartitionId partition, SourceId source,
                       const EventsRecord& head, const EventBatch& rows,
                       std::vector<LogAppend>& out) {
  const RecordHeader header{partition, RecordKind::kEvents, source, 0};
  for (size_t begin = 0; begin < rows.size(); begin += kRecordRows) {
    add_rows(schema, header, head, rows, begin, std::min(begin + kRecordRows, rows.size()), out);
  }
}

void add_dead_letter_records(PartitionId partition, SourceId source,
                             const std::vector<DeadLetter>& letters, std::vector<LogAppend>& out) {
  for (size_t begin = 0; begin < letters.size();) {
    size_t end = begin, bytes = 0;
    while (end < letters.size() && bytes < kLetterBytes) {
      const DeadLetter& letter = letters[end++];
      bytes += sizeof letter + letter.raw.size() + letter.detail.size() + letter.place.size();
    }
    const std::vector<DeadLetter> some(letters.begin() + static_cast<ptrdiff_t>(begin),
                                       letters.begin() + static_cast<ptrdiff_t>(end));
    out.push_back(
        {{partition, RecordKind::kDead, source, static_cast<uint32_t>(some.size())}, encode(some)});
    begin = end;
  }
}

}  // namespace hindcast
