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
/// `aggregate` may be null: a definition of the past that the configuration no longer names.
void render(JsonWriter& json, const Change& change, const AggregateInfo* aggregate);
/// Event at `row`.
void render_event(JsonWriter& json, const StreamSchema& schema, const EventBatch& events,
                  size_t row);

}  // namespace hindcast
