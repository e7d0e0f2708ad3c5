#include "engine/fill.h"

#include <algorithm>

namespace hindcast {
namespace {

Value zero_like(const Value& value) {
  Value zero = value;
  zero.number = 0;
  zero.real = 0;
  if (zero.kind == Value::Kind::kText) zero.kind = Value::Kind::kNull;
  return zero;
}

/// The value of an empty window for function `f`, after a bucket with `previous` values.
Value carried(const Rule& rule, const std::vector<Value>& previous, size_t f) {
  const FunctionSpec& spec = rule.functions[f];
  switch (spec.kind) {
    case FunctionKind::kFirst:
    case FunctionKind::kLast:
    case FunctionKind::kMin:
    case FunctionKind::kMax:
      for (size_t other = 0; other < rule.functions.size(); ++other) {
        if (rule.functions[other].kind == FunctionKind::kLast &&
            rule.functions[other].field == spec.field)
          return previous[other];
      }
      return previous[f];
    case FunctionKind::kMean:
    case FunctionKind::kVwap:
      return previous[f];
    default:
      return zero_like(previous[f]);
  }
}

Bucket filled(const Rule& rule, const Bucket& previous, EventTime start, Fill fill,
              const StandingFn& standing) {
  Bucket out = previous;
  out.window = {start, start + out.resolution};
  out.filled = true;
  const BucketStanding stands = standing(previous, out.window);
  out.state = stands.state;
  out.complete = stands.complete;
  out.cause = {};
  out.published_at = {};
  out.version = {};
  out.events = 0;
  out.digest = {};
  for (size_t f = 0; f < out.values.size(); ++f) {
    out.values[f] =
        fill == Fill::kZero ? zero_like(previous.values[f]) : carried(rule, previous.values, f);
  }
  return out;
}

}  // namespace

void fill_empty(BucketAnswer& answer, const BucketQuery& query, Duration resolution,
                const StandingFn& standing) {
  if (answer.buckets.empty()) return;
  EventTime first = kMaxEventTime, last = kMinEventTime;
  for (const Bucket& bucket : answer.buckets) {
    first = std::min(first, bucket.window.start);
    last = std::max(last, bucket.window.start);
  }
  if (query.from && *query.from > kMinEventTime) first = align_down(*query.from, resolution);
  if (query.to && *query.to < kMaxEventTime) last = align_down(*query.to - 1ns, resolution);

  std::vector<Bucket> out;
  const auto full = [&] {
    answer.truncated |= out.size() >= query.limit;
    return out.size() >= query.limit;
  };
  for (size_t i = 0; i < answer.buckets.size() && !full();) {
    size_t end = i;
    while (end < answer.buckets.size() && answer.buckets[end].key == answer.buckets[i].key) ++end;
    EventTime next = query.fill == Fill::kZero
                         ? first
                         : answer.buckets[i].window.start;  // nothing is known before the first
    const Bucket* previous = &answer.buckets[i];
    for (; i < end && !full(); ++i) {
      for (; next < answer.buckets[i].window.start && !full(); next += resolution) {
        out.push_back(filled(answer.rule, *previous, next, query.fill, standing));
      }
      out.push_back(answer.buckets[i]);
      previous = &answer.buckets[i];
      next = previous->window.start + resolution;
    }
    for (; i == end && next <= last && !full(); next += resolution) {
      out.push_back(filled(answer.rule, *previous, next, query.fill, standing));
    }
    i = end;
  }
  answer.buckets = std::move(out);
}

}  // namespace hindcast
