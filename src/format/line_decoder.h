// Records that are lines (NDJSON) or nearly so (CSV): framing, the limit of a record's length, and
// the repeated last row of some exports.
#pragma once
#include <optional>

#include "format/decoder_base.h"

namespace hindcast {

class LineDecoder : public DecoderBase {
 public:
  LineDecoder(const StreamSchema& schema, const SourceConfig& source, bool match_in_record);

 protected:
  /// Where the record that begins at `begin` ends.
  struct Frame {
    enum class Kind : uint8_t {
      kRecord,  // [begin, end), the next one begins at `next`
      kMore,    // not to be told without more bytes
      kBroken,  // its first line [begin, end) is no record by itself; the next one begins at `next`
    } kind = Kind::kMore;
    const char* end = nullptr;
    const char* next = nullptr;
  };
  /// Called with a record that has no newline within [begin, end): the rest of the delivery when
  /// `final`.
  virtual Frame frame(const char* begin, const char* end, bool final) const;
  /// One record, not empty. `buffer_end`: bytes up to there may be read.
  virtual void record(BytesView text, const char* buffer_end) = 0;
  virtual void broken(BytesView line) = 0;

  void reset() override;
  void save(Bytes& out) const override;
  void restore(ByteReader& in) override;
  size_t decode_records(BytesView bytes, bool final) final;

 private:
  void take(BytesView text, const char* buffer_end);

  const bool last_row_repeated_;
  bool skipping_ = false;             // inside a record that was refused as too long
  std::optional<uint64_t> previous_;  // hash of the last row taken, with last_row_repeated
};

}  // namespace hindcast
