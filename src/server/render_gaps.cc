// Gaps, their outcomes and coverage in JSON.
#include <algorithm>

#include "server/render.h"

namespace hindcast {
namespace {

void end_or_null(JsonWriter& json, EventTime end) {
  json.key("end");
  if (end == kMaxEventTime) {
    json.null();  // not known yet
  } else {
    json.string(to_rfc3339(end));
  }
}

void range(JsonWriter& json, EventTime start, EventTime end) {
  json.field("start", to_rfc3339(start));
  end_or_null(json, end);
}

void time_or_null(JsonWriter& json, std::string_view name, const std::optional<EventTime>& time) {
  json.key(name);
  if (time) {
    json.string(to_rfc3339(*time));
  } else {
    json.null();
  }
}

template <class Numbers>
void numbers(JsonWriter& json, std::string_view name, const Numbers& values) {
  json.key(name).begin_array();
  for (const uint64_t value : values) json.number(value);
  json.end_array();
}

/// Without the schema a key is only bytes, and is left out.
void keys(JsonWriter& json, std::string_view name, const std::vector<BytesView>& values,
          const StreamSummary* stream) {
  json.key(name).begin_array();
  for (const BytesView key : values) {
    if (stream != nullptr) render_key(json, stream->schema, key);
  }
  json.end_array();
}

void scope(JsonWriter& json, const GapScope& scope, const StreamSummary* stream) {
  switch (scope.kind) {
    case GapScope::Kind::kAll:
      json.field("scope", "all");
      return;
    case GapScope::Kind::kPartition:
      json.field("scope", "partition").field("partition", uint64_t{scope.partition.value});
      return;
    case GapScope::Kind::kKeys:
    case GapScope::Kind::kAllBut: {
      std::vector<BytesView> named;
      for (const auto& [partition, key] : scope.keys) named.emplace_back(key);
      json.field("scope", scope.kind == GapScope::Kind::kKeys ? "keys" : "all-but");
      keys(json, "keys", named, stream);
      return;
    }
  }
}

void stream_name(JsonWriter& json, const StreamSummary* stream) {
  json.key("stream");
  if (stream != nullptr) {
    json.string(stream->schema.name);
  } else {
    json.null();
  }
}

const StreamSummary* find(const std::vector<StreamSummary>& streams, StreamId id) {
  const auto found = std::ranges::find(streams, id, &StreamSummary::id);
  return found == streams.end() ? nullptr : &*found;
}

/// The members of a gap as it was opened; its end as it is known.
void gap_members(JsonWriter& json, const Gap& gap, EventTime end, const StreamSummary* stream) {
  json.field("id", gap.id);
  stream_name(json, stream);
  range(json, gap.range.start, end);
  scope(json, gap.scope, stream);
  json.field("cause", to_string(gap.cause)).field("detail", gap.detail);
  json.field("opened_at", to_rfc3339(gap.opened_at));
}

void hole(JsonWriter& json, const Hole& hole, const StreamSummary* stream) {
  json.begin_object();
  range(json, hole.range.start, hole.range.end);
  json.field("state", to_string(hole.state));
  if (hole.partition) json.field("partition", uint64_t{hole.partition->value});
  if (hole.partition && (!hole.all_but || !hole.keys.empty())) {
    keys(json, hole.all_but ? "all_but" : "keys", {hole.keys.begin(), hole.keys.end()}, stream);
  }
  json.end_object();
}

}  // namespace

void render(JsonWriter& json, const Gap& gap, const std::vector<StreamSummary>& streams) {
  json.begin_object();
  gap_members(json, gap, gap.range.end, find(streams, gap.stream));
  json.end_object();
}

void render(JsonWriter& json, const GapBound& bound) {
  json.begin_object().field("gap", bound.gap);
  end_or_null(json, bound.end);
  json.end_object();
}

void render(JsonWriter& json, const GapOutcome& outcome,
            const std::vector<StreamSummary>& streams) {
  const StreamSummary* const stream = find(streams, outcome.stream);
  json.begin_object().field("id", outcome.id);
  stream_name(json, stream);
  json.field("kind", to_string(outcome.kind));
  numbers(json, "gaps", outcome.gaps);
  range(json, outcome.range.start, outcome.range.end);
  scope(json, outcome.scope, stream);
  json.key("job");
  if (outcome.job != 0) {
    json.number(outcome.job);
  } else {
    json.null();
  }
  if (!outcome.leaned_on.empty()) numbers(json, "leaned_on", outcome.leaned_on);
  json.field("detail", outcome.detail).end_object();
}

void render(JsonWriter& json, const GapEntry& entry, const std::vector<StreamSummary>& streams) {
  const StreamSummary* const stream = find(streams, entry.gap.stream);
  json.begin_object();
  gap_members(json, entry.gap, entry.end, stream);
  json.field("state", entry.state).key("holes").begin_array();
  for (const Hole& piece : entry.holes) hole(json, piece, stream);
  json.end_array().key("outcomes").begin_array();
  for (const GapOutcome& outcome : entry.outcomes) render(json, outcome, streams);
  json.end_array();
  if (entry.refillable)
    json.field("lost_at", to_rfc3339(entry.refillable->lost_at))
        .field("replayable_from", to_rfc3339(entry.refillable->replayable_from));
  json.end_object();
}

void render(JsonWriter& json, const CoverageAnswer& answer) {
  json.begin_object().field("stream", answer.stream).key("sources").begin_array();
  for (const std::string& source : answer.sources) json.string(source);
  json.end_array();
  time_or_null(json, "first", answer.first);
  time_or_null(json, "frontier", answer.frontier);
  time_or_null(json, "watermark", answer.watermark);
  json.key("spans").begin_array();
  for (const CoverageSpan& span : answer.spans) {
    json.begin_object();
    range(json, span.range.start, span.range.end);
    json.field("state", to_string(span.state));
    if (!span.gaps.empty()) numbers(json, "gaps", span.gaps);
    json.end_object();
  }
  json.end_array().end_object();
}

}  // namespace hindcast
