// What people are shown of a replay, from the JSON of the API: a row of the list, a page, a report,
// one line of progress.
//
// Pure but for the stream that is written to. Thread safety: confined to one thread.
#pragma once
#include <iosfwd>
#include <string>
#include <string_view>

#include "cli/table.h"
#include "net/json_reader.h"

namespace hindcast {

bool has_ended(const JsonValue& job);

Table table_of_jobs();
void add_row(Table& table, const JsonValue& job);

/// How it is now: progress, speed and its reasons, what live feels.
void print_job(const JsonValue& job, std::ostream& out);
/// How it was: GET /v1/replays/{id}/report.
void print_report(const JsonValue& report, std::ostream& out);

/// "50 %  1k/s, max 5k/s  rate  eta 1m30s  windows: 12 done, 13 left, 1 set aside". A forecast only
/// where the API makes one, else "—".
std::string progress_line(const JsonValue& job);
/// "120k/s": its "events_per_second" or its "ceiling"; "" when it has ended.
std::string speed_of(const JsonValue& job, std::string_view name);
/// "1m30s", or "—": nothing honest can be said.
std::string eta_text(const JsonValue& job);

}  // namespace hindcast
