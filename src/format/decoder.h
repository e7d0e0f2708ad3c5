// From bytes to events: NDJSON, JSON arrays and CSV through a field mapping into EventBatch columns.
// Bad records become dead letters that name place, field and fix; the rest of the delivery goes on.
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
  std::string object;  // for identity `position`: the {name} parts of the path, else its base name without compression suffix
  std::vector<std::pair<std::string, std::string>> path_parts;  // {name} -> value
  ProcessingTime arrival{};
};

class Decoder {
 public:
  virtual ~Decoder() = default;

  /// A new delivery begins (file, request body): rows count from 1 again, a CSV header is expected again.
  virtual void begin(Delivery delivery) = 0;

  struct Counts { uint64_t events = 0, dead = 0, ignored = 0; };
  /// Decodes all complete records in `bytes` (lines for NDJSON and CSV; the whole array for JSON) and appends. `final`: no more
  /// bytes of this delivery, an unterminated last line counts. Returns how many bytes were consumed; the caller keeps the rest
  /// and gives it again with more behind it. A record longer than line_max is one dead letter ("too-long"), skipped.
  virtual size_t decode(BytesView bytes, bool final, EventBatch& events, std::vector<DeadLetter>& dead, Counts& counts) = 0;

  /// Rows begun so far in this delivery, data rows from 1: for resume tokens.
  virtual uint64_t row() const = 0;
  /// Continue a delivery at this row (after a resume). CSV: `header` is the header line seen before ("" = none).
  virtual void resume(Delivery delivery, uint64_t row, std::string header) = 0;
  virtual std::string header() const = 0;
};

/// accept and max_ahead are judged here as well (dead letters "outside-accept", "too-far-ahead").
std::unique_ptr<Decoder> make_decoder(const StreamSchema& schema, const SourceConfig& source);

}  // namespace hindcast
