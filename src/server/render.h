// What the API says in JSON: buckets, events, status and the rest, each in one place, so that HTTP
// and `--json` agree to the letter.
//
// Decimals are strings, because JSON numbers are doubles to most readers; doubles and counts are
// numbers. Times are RFC 3339. A key or id of several components is an array.
#pragma once
#include <functional>
#include <map>
#include <string>

#include "engine/service.h"
#include "net/json_writer.h"

namespace hindcast {

void render(JsonWriter& json, const Rule& rule, const Bucket& bucket);
void render(JsonWriter& json, const SystemStatus& status, bool ready);
void render(JsonWriter& json, const PushResult& result);
void render(JsonWriter& json, const AggregateInfo& aggregate);
void render(JsonWriter& json, const DeadLetterEntry& entry);
void render(JsonWriter& json, const VerifyReport& report);
/// What changes name by number. A definition of the past that the configuration no longer has is
/// not among them: null is said instead.
struct ChangeNames {
  std::vector<AggregateInfo> aggregates;
  std::vector<StreamSummary> streams;
};
void render(JsonWriter& json, const Change& change, const ChangeNames& names);
void render(JsonWriter& json, const Gap& gap, const std::vector<StreamSummary>& streams);
void render(JsonWriter& json, const GapBound& bound);
void render(JsonWriter& json, const GapOutcome& outcome, const std::vector<StreamSummary>& streams);
void render(JsonWriter& json, const GapEntry& entry, const std::vector<StreamSummary>& streams);
void render(JsonWriter& json, const CoverageAnswer& answer);
void render(JsonWriter& json, const ReplayEntry& entry, const std::vector<StreamSummary>& streams);
/// What a replay did and where its time went, for whoever asks when it is over.
void render_report(JsonWriter& json, const ReplayEntry& entry,
                   const std::vector<StreamSummary>& streams);
void render(JsonWriter& json, const GovernorStatus& governor);
/// "route": its name and what it couples.
void route(JsonWriter& json, ReplayRoute route);
/// Limits of the replay lane by name, as people write them.
void render(JsonWriter& json, const Limits& limits);
void render_key(JsonWriter& json, const StreamSchema& schema, BytesView key);
/// Event at `row`.
void render_event(JsonWriter& json, const StreamSchema& schema, const EventBatch& events,
                  size_t row);

}  // namespace hindcast
