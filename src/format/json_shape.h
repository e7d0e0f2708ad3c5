// The fast path for JSON: most feeds write every record with the same fields in the same order, so
// after one record everything between the values is known. A shape is those literals and where the
// values stand; reading is: compare a literal, find the end of a value, repeat.
//
//   {"s":"EWR","t":1700000000123,"p":12.5}
//   literal {"s":"   string -> cell 0   literal ","t":   bare -> cell 1   literal ,"p":   bare ->
//   cell 2   literal }
//
// It refuses whatever it is not sure of (another order, an escape, a control character, a space in
// another place), and the general path (json_record.h) decides. What it takes gives the same cells.
//
// A value; read() is const: any thread.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "format/cell.h"
#include "format/json_paths.h"
#include "format/json_record.h"

namespace hindcast {

class JsonShape {
 public:
  /// The shape of a record that the general path has read. Absent when the record is not plain
  /// enough.
  static std::optional<JsonShape> learn(std::string_view record, const JsonPaths& paths,
                                        const std::vector<bool>& numeric);

  /// False: this record has another shape; cells may be partly filled.
  bool read(PaddedText text, Cell* cells) const;

 private:
  struct Step {
    uint32_t literal = 0, literal_size = 0;  // before the value
    bool string = false;   // the value is a string; its closing quote belongs to the next literal
    bool numeric = false;  // a number is wanted, even in quotes
    int cell = JsonPaths::kNone;
  };
  std::string literals_;  // padded, so that 16 bytes may be compared anywhere
  std::vector<Step> steps_;
  Step tail_;  // the literal behind the last value
};

}  // namespace hindcast
