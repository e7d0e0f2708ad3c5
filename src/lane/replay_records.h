// Records of the replay log: events that came very late, and, on the route "separate", history on
// its way to the drain. The latter name the job whose history they are; of them no checkpoint
// speaks: whoever reads the history again may append them again, and merging them twice changes
// nothing.
#pragma once
#include <vector>

#include "log/log.h"
#include "progress/control.h"
#include "progress/replay_job.h"

namespace hindcast {

/// What one append of the replay log may hold, so that it fits the smallest segment a log may have.
inline constexpr size_t kReplayAppendBytesMax = size_t{512} << 10;

/// Rows as records, of a thousand or so each. job: whose history they are; 0 = they came late.
void put_replay_records(const StreamSchema& schema, const RecordHeader& header, JobId job,
                        const EventBatch& rows, std::vector<LogAppend>& out);

/// Whose history a record is; 0 = it came late. Errors: kCorruption.
Result<JobId> job_of(const LogRecord& record);

}  // namespace hindcast
