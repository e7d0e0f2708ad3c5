// Finds the elements of a JSON array without parsing them: brackets and quotes only, so that an
// array of any length passes through in bounded memory. Values that stand one after another without
// an array around them are elements as well.
//
//        [            element          ,
//   top ----> array -----------> after ----> array       top, too: element -> top
//              ]  \______________ ] ______________> top
//
// Thread safety: confined.
#pragma once
#include <cstdint>

#include "base/bytes.h"

namespace hindcast {

class JsonSplitter {
 public:
  enum class Kind : uint8_t {
    kElement,  // [begin, begin + size)
    kStray,    // bytes that are no element where one was expected, or a missing comma
    kTooLong,  // an element longer than the limit: its beginning; the rest is passed over
    kMore,     // nothing whole is left
  };
  struct Found {
    Kind kind = Kind::kMore;
    BytesView text;
  };
  /// The next thing in `bytes`, which is shortened by what was passed. `final`: an element that is
  /// cut off is given as it is.
  Found next(BytesView& bytes, bool final, size_t limit);

  /// At the end of a delivery: an array was not closed, and no element was cut off either, which
  /// would say the same.
  bool unclosed() const { return state_ != State::kTop && !cut_off_; }
  void reset() { *this = {}; }
  void save(Bytes& out) const;
  void restore(ByteReader& in);

 private:
  enum class State : uint8_t { kTop, kArray, kAfter };
  /// Where a scan over one element stands.
  struct Scan {
    bool active = false, scalar = false, in_string = false, escaped = false;
    uint32_t depth = 0;
  };
  static const char* scan(const char* at, const char* end, Scan& scan);
  void element_done();

  State state_ = State::kTop;
  bool in_array_ = false;
  bool cut_off_ = false;  // the delivery ended inside an element
  Scan skip_;             // of an element that is too long
};

}  // namespace hindcast
