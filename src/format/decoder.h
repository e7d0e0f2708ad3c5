// From bytes to events: NDJSON, JSON arrays and CSV through a field mapping into EventBatch
// columns. Bad records become dead letters that name place, field and fix; the rest of the delivery
// goes on.
//
// Thread safety: one decoder per delivery and thread; it keeps scratch memory between calls.
// Time: `arrival` is handed in.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "format/config.h"
#include "model/event_batch.h"
#include "progress/control.h"

namespace hindcast {

/// Where a delivery comes from; names pseudo-fields and identity `position`.
struct Delivery {
  std::string name;    // for people and errors: "trades.ndjson.gz", "request"
  std::string object;  // for identity `position`: the {name} parts of the path, else its base name
                       // without compression suffix
  std::vector<std::pair<std::string, std::string>> path_parts;  // {name} -> value
  ProcessingTime arrival{};
};

class Decoder {
 public:
  virtual ~Decoder() = default;

  /// A new delivery begins (file, request body): rows count from 1 again, a CSV header is expected
  /// again.
  virtual void begin(Delivery delivery) = 0;

  struct Counts {
    uint64_t events = 0, dead = 0, ignored = 0;
  };
  /// Decodes the complete records in `bytes` (NDJSON: lines; CSV: rows, a quoted newline does not
  /// end one; JSON: elements of the outermost array, or the whole document with `each`) and appends
  /// to `events` (already shaped for the schema). `final`: no more bytes of this delivery, an
  /// unterminated last record counts. Returns how many bytes were consumed, all of them when
  /// `final`; the caller keeps the rest and gives it again with more behind it. What comes out does
  /// not depend on how the bytes are cut. A record longer than line_max is one dead letter
  /// ("too-long") and is skipped without being held: the rest is never longer than line_max (a
  /// document with `each`: max_body) plus one read.
  virtual size_t decode(BytesView bytes, bool final, EventBatch& events,
                        std::vector<DeadLetter>& dead, Counts& counts) = 0;

  /// Data rows begun so far in this delivery, from 1: what `$row` and identity `position` call a
  /// row. Every record counts, bad, empty and ignored ones too, and each element of an `each`
  /// array; a CSV header does not.
  virtual uint64_t row() const = 0;
  /// Continue a delivery behind what was consumed so far: give back row() and header() as they were
  /// then.
  virtual void resume(Delivery delivery, uint64_t row, std::string header) = 0;
  /// What a resume needs besides the row, opaque: the CSV header, line count, whether an array is
  /// open. "" at the beginning.
  virtual std::string header() const = 0;
  /// Fields of the mapping that the CSV header of this delivery does not have, once it was read.
  /// Their cells are missing in every row; where they are optional, no dead letter says so.
  virtual std::vector<std::string> missing_columns() const { return {}; }
};

/// accept and max_ahead are judged here as well (dead letters "outside-accept", "too-far-ahead").
std::unique_ptr<Decoder> make_decoder(const StreamSchema& schema, const SourceConfig& source);

}  // namespace hindcast
