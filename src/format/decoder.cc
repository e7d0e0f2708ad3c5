#include "format/decoder.h"

#include "base/assert.h"
#include "base/give_way.h"
#include "format/decoder_base.h"

namespace hindcast {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
// To read an event is several times the work of what is done with it later.
constexpr size_t kRowsOfReading = 8;

}  // namespace

DecoderBase::DecoderBase(const StreamSchema& schema, const SourceConfig& source,
                         bool match_in_record)
    : format_(source.format),
      layout_(schema, source, match_in_record),
      writer_(schema, source, layout_) {
  if (!match_in_record) return;
  for (const auto& [path, text] : format_.match) {
    match_.emplace_back(layout_.cell_of({FieldRef::Kind::kField, path, std::nullopt}), text);
  }
}

void DecoderBase::begin(Delivery delivery) {
  delivery_ = std::move(delivery);
  row_ = line_ = 0;
  started_ = false;
  writer_.begin(delivery_);
  reset();
}

std::string DecoderBase::header() const {
  if (!started_) return {};
  Bytes out;
  put_varint(out, line_);
  save(out);
  return out;
}

void DecoderBase::resume(Delivery delivery, uint64_t row, std::string header) {
  begin(std::move(delivery));
  row_ = row;
  if (header.empty()) return;
  started_ = true;
  ByteReader in(header);
  line_ = in.varint();
  restore(in);
  // A token of our own that does not read back means that another format was configured since:
  // begin as it says.
  if (!in.ok()) reset();
}

size_t DecoderBase::decode(BytesView bytes, bool final, EventBatch& events,
                           std::vector<DeadLetter>& dead, Counts& counts) {
  events_ = &events;
  dead_ = &dead;
  counts_ = &counts;
  writer_.start_batch();
  size_t skipped = 0;
  if (!started_ && !bytes.empty()) {
    if (bytes.size() < kByteOrderMark.size() && !final && kByteOrderMark.starts_with(bytes))
      return 0;
    if (bytes.starts_with(kByteOrderMark)) skipped = kByteOrderMark.size();
    started_ = true;
  }
  return skipped + decode_records(bytes.substr(skipped), final);
}

void DecoderBase::write_event(BytesView raw, uint64_t place) {
  if (writer_.write(row_, *events_, problem_)) {
    ++counts_->events;
    give_way(kRowsOfReading);
  } else {
    refuse(problem_.reason, std::move(problem_.detail), raw, place);
  }
}

void DecoderBase::refuse(std::string_view reason, std::string detail, BytesView raw,
                         uint64_t place) {
  ++counts_->dead;
  dead_->push_back({std::string(reason), std::move(detail),
                    delivery_.name + ":" + std::to_string(place), Bytes(raw.substr(0, kRawMax)),
                    delivery_.arrival});
}

void DecoderBase::refuse_too_long(BytesView raw, uint64_t place, ByteCount limit) {
  refuse("too-long",
         "the record is longer than " + std::to_string(limit.value) +
             " bytes; raise line_max of the source if that is normal",
         raw, place);
}

bool DecoderBase::matches() const {
  for (const auto& [cell, text] : match_) {
    const Cell& found = writer_.cells()[cell];
    if (found.kind == CellKind::kMissing || found.kind == CellKind::kNested || found.text != text)
      return false;
  }
  return true;
}

std::unique_ptr<Decoder> make_decoder(const StreamSchema& schema, const SourceConfig& source) {
  HC_ASSERT(schema.key.size() == source.event.key.size() &&
            schema.values.size() == source.event.values.size());
  switch (source.format.kind) {
    case FormatKind::kNdjson:
      return make_ndjson_decoder(schema, source);
    case FormatKind::kJson:
      return make_json_decoder(schema, source);
    case FormatKind::kCsv:
      return make_csv_decoder(schema, source);
  }
  HC_ASSERT(false);
}

}  // namespace hindcast
