// What all decoders share: counting rows and lines, writing events, refusing records.
#pragma once
#include <memory>
#include <string>

#include "format/decoder.h"
#include "format/event_writer.h"
#include "format/record_layout.h"

namespace hindcast {

class DecoderBase : public Decoder {
 public:
  static constexpr size_t kRawMax = 4096;  // of a dead letter

  DecoderBase(const StreamSchema& schema, const SourceConfig& source, bool match_in_record);

  void begin(Delivery delivery) final;
  void resume(Delivery delivery, uint64_t row, std::string header) final;
  std::string header() const final;
  uint64_t row() const final { return row_; }
  size_t decode(BytesView bytes, bool final, EventBatch& events, std::vector<DeadLetter>& dead,
                Counts& counts) final;

 protected:
  /// Back to the beginning of a delivery.
  virtual void reset() = 0;
  /// What a resume needs beyond row and line.
  virtual void save(Bytes& out) const = 0;
  virtual void restore(ByteReader& in) = 0;
  /// decode() without the byte order mark.
  virtual size_t decode_records(BytesView bytes, bool final) = 0;

  /// Writes the event whose cells are filled, or refuses it. `place`: line, or number of the
  /// element.
  void write_event(BytesView raw, uint64_t place);
  void refuse(std::string_view reason, std::string detail, BytesView raw, uint64_t place);
  void refuse_too_long(BytesView raw, uint64_t place, ByteCount limit);
  void ignore() { ++counts_->ignored; }
  /// The cells of the record satisfy `match`.
  bool matches() const;

  const FormatConfig format_;
  const RecordLayout layout_;
  EventWriter writer_;
  uint64_t row_ = 0, line_ = 0;  // of the record at hand, from 1

 private:
  std::vector<std::pair<size_t, std::string>> match_;  // cell, text
  Delivery delivery_;
  bool started_ = false;  // the byte order mark is behind us
  EventBatch* events_ = nullptr;
  std::vector<DeadLetter>* dead_ = nullptr;
  Counts* counts_ = nullptr;
  Problem problem_;
};

std::unique_ptr<Decoder> make_ndjson_decoder(const StreamSchema& schema,
                                             const SourceConfig& source);
std::unique_ptr<Decoder> make_json_decoder(const StreamSchema& schema, const SourceConfig& source);
std::unique_ptr<Decoder> make_csv_decoder(const StreamSchema& schema, const SourceConfig& source);

}  // namespace hindcast
