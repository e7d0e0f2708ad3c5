#include "lane/replay_records.h"

#include <algorithm>

#include "base/bytes.h"

namespace hindcast {
namespace {

constexpr size_t kRowsPerRecord = 1'024;
constexpr size_t kRecordBytesMax = kReplayAppendBytesMax / 2;

/// Halves what does not fit a record. A single event always fits: it came in one.
void put_split(const StreamSchema& schema, RecordHeader header, JobId job, const EventBatch& rows,
               size_t begin, size_t end, std::vector<LogAppend>& out) {
  header.events = static_cast<uint32_t>(end - begin);
  Bytes payload = encode_events(schema, EventsRecord{.resume_number = job}, rows, begin, end);
  if (payload.size() > kRecordBytesMax && end - begin > 1) {
    const size_t middle = begin + (end - begin) / 2;
    put_split(schema, header, job, rows, begin, middle, out);
    put_split(schema, header, job, rows, middle, end, out);
  } else {
    out.push_back({header, std::move(payload)});
  }
}

}  // namespace

void put_replay_records(const StreamSchema& schema, const RecordHeader& header, JobId job,
                        const EventBatch& rows, std::vector<LogAppend>& out) {
  for (size_t begin = 0; begin < rows.size(); begin += kRowsPerRecord)
    put_split(schema, header, job, rows, begin, std::min(begin + kRowsPerRecord, rows.size()), out);
}

Result<JobId> job_of(const LogRecord& record) {
  ByteReader in(record.payload);
  in.u8();  // version: decode_events() checks it
  const uint64_t job = in.varint();
  if (!in.ok()) return corruption("malformed events record");
  return job;
}

}  // namespace hindcast
