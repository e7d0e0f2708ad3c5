// Small streams and one-call decoding for tests of this module.
#pragma once
#include <fmt/format.h>

#include <memory>
#include <string>

#include "format/decoder.h"
#include "model/key.h"

namespace hindcast {

struct DecodeSetup {
  StreamSchema schema;
  SourceConfig source;
  Delivery delivery{"test", "test", {}, {}};
  ProcessingTime arrival{};
};

inline FieldRef field(std::string name) {
  return {FieldRef::Kind::kField, std::move(name), std::nullopt};
}

/// key s, time t (ms), id i (int), value price = p as decimal(18,8).
inline DecodeSetup trades(FormatKind kind) {
  DecodeSetup setup;
  setup.schema.name = setup.source.name = setup.source.stream = "trades";
  setup.schema.key = {PartType::kText};
  setup.schema.id = {PartType::kInt};
  setup.schema.values = {{"price", ValueType::kDecimal, 18, 8, false}};
  setup.source.format.kind = kind;
  setup.source.event.key = {field("s")};
  setup.source.event.id = {field("i")};
  setup.source.event.time.field = field("t");
  setup.source.event.time.unit = TimeUnit::kMilliseconds;
  setup.source.event.values = {field("p")};
  return setup;
}

/// CSV without header; day and contract come from the path.
inline DecodeSetup gold_ticks() {
  DecodeSetup setup = trades(FormatKind::kCsv);
  setup.schema.identity = setup.source.event.identity = IdentityKind::kPosition;
  setup.schema.id = {PartType::kText, PartType::kInt};
  setup.source.format.header = false;
  setup.source.last_row_repeated = true;
  setup.source.event.key = {{FieldRef::Kind::kPathPart, "gc_{contract}", std::nullopt}};
  setup.source.event.id.clear();
  setup.source.event.time.field = field("0");
  setup.source.event.time.day = FieldRef{FieldRef::Kind::kPathPart, "{day}", std::nullopt};
  setup.source.event.values = {field("1")};
  setup.delivery.object = "20131007_201312";
  setup.delivery.path_parts = {{"day", "20131007"}, {"contract", "201312"}};
  return setup;
}

struct Decoded {
  explicit Decoded(const StreamSchema& stream) : schema(stream), events(stream) {}
  StreamSchema schema;
  EventBatch events;
  std::vector<DeadLetter> dead;
  Decoder::Counts counts;

  std::string dead_text() const {
    std::string out;
    for (const DeadLetter& d : dead)
      out += fmt::format("{} {}: {} [{}]\n", d.place, d.reason, d.detail, d.raw);
    return out;
  }
  /// All of it, tables resolved: what two decodings of the same must agree on.
  std::string to_string() const {
    std::string out =
        fmt::format("events {} dead {} ignored {}\n", counts.events, counts.dead, counts.ignored) +
        dead_text();
    for (size_t i = 0; i < events.size(); ++i) {
      out += fmt::format("{} @{} order {} revision {} op {} nulls {} id",
                         key_to_string(schema.key, events.keys[events.key[i]]), events.time[i],
                         events.order_at(i), events.revision_at(i),
                         static_cast<int>(events.op_at(i)), events.nulls_at(i));
      for (size_t c = 0; c < schema.id.size(); ++c)
        out += " " + cell(schema.id[c] == PartType::kText, events.id[c][i]);
      out += " values";
      for (size_t f = 0; f < schema.values.size(); ++f) {
        const bool null = (events.nulls_at(i) >> f & 1) != 0;
        out += " " + (null ? "null"
                           : cell(schema.values[f].type == ValueType::kText, events.values[f][i]));
      }
      out += "\n";
    }
    return out;
  }

 private:
  std::string cell(bool text, int64_t v) const {
    return text ? "'" + std::string(events.texts[static_cast<uint32_t>(v)]) + "'"
                : std::to_string(v);
  }
};

/// A decoder and what came out of it so far.
struct Decoding {
  explicit Decoding(const DecodeSetup& setup)
      : decoder(make_decoder(setup.schema, setup.source)), out(setup.schema) {
    Delivery delivery = setup.delivery;
    delivery.arrival = setup.arrival;
    decoder->begin(delivery);
  }
  size_t feed(BytesView bytes, bool final) {
    // An allocation of exactly this size, so that a sanitizer sees a read behind it.
    const std::unique_ptr<char[]> copy(new char[bytes.size()]);
    std::copy(bytes.begin(), bytes.end(), copy.get());
    return decoder->decode({copy.get(), bytes.size()}, final, out.events, out.dead, out.counts);
  }
  std::unique_ptr<Decoder> decoder;
  Decoded out;
};

inline Decoded decode(const DecodeSetup& setup, BytesView body) {
  Decoding decoding(setup);
  decoding.feed(body, true);
  return std::move(decoding.out);
}

/// As a source does it: reads of `step` bytes; with `resumes`, a new decoder before each of them.
inline Decoded decode_in_steps(const DecodeSetup& setup, BytesView body, size_t step,
                               bool resumes) {
  Decoding decoding(setup);
  Delivery delivery = setup.delivery;
  delivery.arrival = setup.arrival;
  std::string kept;
  for (size_t at = 0; at < body.size();) {
    const size_t size = std::min(step, body.size() - at);
    kept.append(body.substr(at, size));
    at += size;
    kept.erase(0, decoding.feed(kept, at == body.size()));
    if (resumes) {
      const uint64_t row = decoding.decoder->row();
      const std::string header = decoding.decoder->header();
      decoding.decoder = make_decoder(setup.schema, setup.source);
      decoding.decoder->resume(delivery, row, header);
    }
  }
  return std::move(decoding.out);
}

}  // namespace hindcast
