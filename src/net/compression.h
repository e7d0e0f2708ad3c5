// Streaming decoders for gzip and zstd. The caller owns input and output buffers and decides how
// much of each is in play, so memory is bounded by the decoder's window whatever the size of the
// stream.
//
// Several gzip members or zstd frames in a row are one stream, as `cat a.gz b.gz` makes them.
// Thread safety: confined to one thread.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/units.h"

namespace hindcast {

enum class Compression : uint8_t { kNone, kGzip, kZstd };

/// By the end of the name: ".gz", ".zst"; anything else is kNone.
Compression compression_of_path(std::string_view path);
/// The path without its compression suffix.
std::string_view without_compression_suffix(std::string_view path);
/// Value of a Content-Encoding header: "", "identity", "gzip", "x-gzip", "zstd". Absent for any
/// other.
std::optional<Compression> compression_of_content_encoding(std::string_view name);

class Decompressor {
 public:
  virtual ~Decompressor() = default;

  /// Takes bytes off the front of `input` and writes at most `size` bytes to `output`; returns how
  /// many were written. Fewer than `size` means that `input` is used up. Zero bytes written with
  /// input left cannot happen. Errors: kCorruption, naming the byte of the compressed stream. What
  /// was written before an error was found is returned first; the error is repeated by the next
  /// call.
  virtual Result<size_t> read(BytesView& input, char* output, size_t size) = 0;

  /// The input ended here. Errors: kCorruption ("gzip data is truncated at byte 1234") when a
  /// member or frame is unfinished.
  virtual Status finish() const = 0;

  /// Compressed bytes taken so far.
  virtual uint64_t consumed() const = 0;
};

/// Requires: kind is not kNone.
std::unique_ptr<Decompressor> make_decompressor(Compression kind);

enum class Inflated : uint8_t { kComplete, kTooLarge };
/// Decompresses a whole body into `output`. kTooLarge as soon as it would exceed `max`: the guard
/// against bodies that expand a thousandfold. Errors: kCorruption as above.
Result<Inflated> decompress_all(Compression kind, BytesView input, ByteCount max, Bytes& output);

}  // namespace hindcast
