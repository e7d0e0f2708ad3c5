// What files and answers of a history have in common on the way from bytes to events: the mapping
// they are read with, which rows were asked for, and the judgement that something is not what the
// configuration says it is.
//
// Thread safety: confined.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "format/config.h"
#include "format/decoder.h"
#include "model/event_batch.h"
#include "progress/control.h"

namespace hindcast {

/// The largest answer, or message of a file, that is held as a whole.
inline constexpr ByteCount kHistoryDocumentMax = 64_MiB;

/// The source as its history delivers it, for make_decoder(). Requires: it has a history.
SourceConfig as_source(const SourceConfig& source);

/// Drops rows that lie in `known` but not in `range` (other pieces have them), and rows of keys
/// that are not in `keys` (sorted; empty = all). Rows outside of `known` stay: that they are there
/// at all says that something is wrong, a time zone perhaps, and the reader judges it. Rows before
/// `first` stay too.
void keep_asked(const StreamSchema& schema, const Window& known, const Window& range,
                const std::vector<Bytes>& keys, EventBatch& batch, size_t first = 0);

/// `t` - `d` without wrapping.
EventTime earlier(EventTime t, Duration d);

/// Whether one object (a file, an answer) can be read with the mapping at all. A gap must not count
/// as filled because nothing could be read.
class ObjectCheck {
 public:
  explicit ObjectCheck(std::string name) : name_(std::move(name)) {}

  /// What a call of the decoder gave; `dead` from `first_new` on is new.
  void add(const Decoder::Counts& counts, const std::vector<DeadLetter>& dead, size_t first_new);
  /// `end`: nothing follows. Errors: kInvalidArgument, "wrong-columns: NAME …", when the CSV header
  /// lacks a mapped column; when none of the first 1,000 records is an event; or, in an object of
  /// fewer, when none is, and each has something else than the mapping expects rather than a value
  /// that is wrong.
  Status judge(const Decoder& decoder, bool end) const;

 private:
  std::string name_;
  uint64_t events_ = 0, ignored_ = 0;
  uint64_t unreadable_ = 0;  // not those that are refused on purpose ("outside-accept")
  uint64_t shapeless_ = 0;   // of them: not what the mapping expects
  std::string first_problem_;
};

}  // namespace hindcast
