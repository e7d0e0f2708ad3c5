// Cells of one record into one row of an EventBatch: the field mapping. All decoders end here, so a
// JSON number, a JSON string and a CSV cell that say the same give the same event, whichever path
// through a parser they took.
//
// A row is written whole or not at all. Nothing is allocated per event.
//
// Thread safety: confined. Time: `arrival` of the delivery; no clock.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "format/cell.h"
#include "format/decoder.h"
#include "format/record_layout.h"
#include "format/time_parser.h"
#include "format/value_parser.h"

namespace hindcast {

/// Why a record is no event. `reason` is one of the stable words of progress/control.h.
struct Problem {
  std::string_view reason;
  std::string detail;
};

class EventWriter {
 public:
  /// Keys and texts of ids longer than this, and text values longer than 32 KiB, are dead letters
  /// ("too-long").
  static constexpr size_t kKeyMax = 1024;
  static constexpr size_t kTextMax = 32 * 1024;

  /// Requires: the mapping was validated (a pattern or zone that cannot be used fails every record
  /// with "bad-time").
  EventWriter(const StreamSchema& schema, const SourceConfig& source, const RecordLayout& layout);

  void begin(const Delivery& delivery);
  /// Cells a decoder fills; the constants behind them are filled in already.
  Cell* cells() { return cells_.data(); }
  const Cell* cells() const { return cells_.data(); }
  void clear_cells();
  /// A new batch: cached indexes into its tables are void.
  void start_batch();
  /// False: `problem` says why, and `batch` is unchanged (but for texts nobody refers to).
  bool write(uint64_t row, EventBatch& batch, Problem& problem);

 private:
  struct Part {
    size_t cell;
    PartType type;
    const char* role;
  };
  struct ValuePart {
    size_t cell;
    ValueField field;
  };

  bool write_key(Problem& problem);
  bool write_times(Problem& problem);
  bool write_numbers(Problem& problem);
  bool write_values(Problem& problem);
  bool read_id(Problem& problem);
  bool is_delete(bool& out, Problem& problem);
  void append(uint64_t row, EventBatch& batch);
  void append_id(uint64_t row, EventBatch& batch, BytesView key);
  Hash128 content_hash(BytesView key);

  bool read_text(const Part& part, size_t size_max, std::string_view& out, Problem& problem);
  bool read_integer(const Part& part, int64_t& out, Problem& problem);
  bool fail(Problem& problem, std::string_view reason, size_t cell, const char* role,
            const std::string& what);
  bool fail_absent(Problem& problem, size_t cell, const char* role);
  bool fail_number(Problem& problem, size_t cell, const char* role, ParseStatus status,
                   const std::string& type);
  std::string name_of(size_t cell) const;

  StreamSchema schema_;
  RecordLayout layout_;
  std::vector<Part> key_, id_;
  std::vector<ValuePart> values_;
  std::optional<Part> order_, revision_, op_;
  size_t time_cell_ = 0, day_cell_ = 0;
  bool has_day_ = false;
  std::optional<TimeParser> time_;
  std::string time_error_;
  std::optional<Duration> max_ahead_;
  std::optional<Window> accept_;
  size_t row_cell_ = SIZE_MAX;

  std::vector<Cell> cells_;
  std::vector<std::string> fixed_texts_;
  Delivery delivery_;
  char row_text_[24] = {};

  // The row being built.
  bool deleted_ = false;
  int64_t row_time_ = 0, row_order_ = 0, row_revision_ = 0;
  uint64_t row_nulls_ = 0;
  BytesView row_key_;
  Bytes key_scratch_, content_scratch_;
  std::vector<int64_t> row_values_, row_id_;
  std::vector<std::string_view> row_texts_, row_id_texts_;
  // The object of identity `position` in the texts of this batch; the last text id is not worth the
  // same.
  std::optional<uint32_t> object_index_;
};

}  // namespace hindcast
