#include "engine/push_decoders.h"

#include <charconv>
#include <utility>

#include "engine/open_parts.h"
#include "engine/reader.h"

namespace hindcast {
namespace {

constexpr size_t kListed =
    1000;  // rejected records named in an answer; all are kept as dead letters

/// "request:17" -> 17.
uint64_t line_of(const std::string& place) {
  uint64_t line = 0;
  const size_t colon = place.rfind(':');
  if (colon != std::string::npos)
    std::from_chars(place.data() + colon + 1, place.data() + place.size(), line);
  return line;
}

}  // namespace

std::unique_ptr<Decoder> PushDecoders::borrow(const Shape& shape, const SourceConfig& source) {
  {
    const std::scoped_lock lock(mutex_);
    auto& idle = idle_[shape];
    if (!idle.empty()) {
      auto decoder = std::move(idle.back());
      idle.pop_back();
      return decoder;
    }
  }
  SourceConfig as_pushed = source;
  as_pushed.format.kind = shape.second;
  return make_decoder(catalog_.stream_of(source).schema, as_pushed);
}

void PushDecoders::give_back(const Shape& shape, std::unique_ptr<Decoder> decoder) {
  const std::scoped_lock lock(mutex_);
  idle_[shape].push_back(std::move(decoder));
}

Result<PushDecoders::Decoded> PushDecoders::decode(const std::string& name, BytesView body,
                                                   std::optional<FormatKind> format,
                                                   ProcessingTime arrival) {
  const SourceConfig* source = config_.source(name);
  if (source == nullptr) {
    std::vector<std::string> known;
    for (const SourceConfig& other : config_.sources) known.push_back(other.name);
    return unknown_name("source", name, known);
  }
  if (source->kind != SourceKind::kHttp) {
    return invalid_argument("source '" + name + "' is of kind '" +
                            std::string(kind_name(source->kind)) +
                            "'; only sources of kind 'http' take pushed events");
  }
  const Shape shape{name, format.value_or(source->format.kind)};
  std::unique_ptr<Decoder> decoder = borrow(shape, *source);
  Decoded out{.batch = {.events = EventBatch(catalog_.stream_of(*source).schema)}, .result = {}};
  Decoder::Counts counts;
  decoder->begin({.name = "request", .object = "request", .path_parts = {}, .arrival = arrival});
  decoder->decode(body, /*final=*/true, out.batch.events, out.batch.dead, counts);
  give_back(shape, std::move(decoder));

  out.batch.ignored = counts.ignored;
  out.batch.connected = true;
  out.result.accepted = out.batch.events.size();
  out.result.ignored = counts.ignored;
  out.result.rejected_total = out.batch.dead.size();
  for (const DeadLetter& letter : out.batch.dead) {
    if (out.result.rejected.size() == kListed) break;
    out.result.rejected.push_back({line_of(letter.place), letter.reason, letter.detail});
  }
  return out;
}

}  // namespace hindcast
