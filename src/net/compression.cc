#include "net/compression.h"

#define ZLIB_CONST  // input pointers are const
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <limits>

#include "base/assert.h"

namespace hindcast {
namespace {

bool ends_with(std::string_view text, std::string_view suffix) {
  return text.size() > suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

Error corrupt(std::string_view format, uint64_t at, std::string_view what) {
  return corruption(std::string(format) + " data is corrupt near byte " + std::to_string(at) +
                    ": " + std::string(what));
}
Error truncated(std::string_view format, uint64_t at) {
  return corruption(std::string(format) + " data is truncated at byte " + std::to_string(at));
}

class GzipDecompressor final : public Decompressor {
 public:
  GzipDecompressor() {
    // 15 window bits, +16: gzip wrapper only, with its CRC checked.
    HC_ASSERT(inflateInit2(&stream_, 15 + 16) == Z_OK);
  }
  ~GzipDecompressor() override { inflateEnd(&stream_); }
  GzipDecompressor(const GzipDecompressor&) = delete;
  GzipDecompressor& operator=(const GzipDecompressor&) = delete;

  Result<size_t> read(BytesView& input, char* output, size_t size) override {
    size_t written = 0;
    while (written < size && (!input.empty() || pending_output_)) {
      if (error_) break;
      if (state_ == State::kBetween) {
        skip_padding(input);
        if (input.empty()) break;
        inflateReset(&stream_);
        state_ = State::kInside;
      }
      written += step(input, output + written, size - written);
    }
    if (written == 0 && error_) return *error_;
    return written;
  }

  Status finish() const override {
    if (error_) return *error_;
    if (state_ == State::kInside || consumed_ == 0) return truncated("gzip", consumed_);
    return {};
  }
  uint64_t consumed() const override { return consumed_; }

 private:
  enum class State : uint8_t { kInside, kBetween };

  // gzip allows zero padding behind a member, as tapes and block devices leave it.
  void skip_padding(BytesView& input) {
    const size_t zeros = std::min(input.find_first_not_of('\0'), input.size());
    input.remove_prefix(zeros);
    consumed_ += zeros;
  }

  size_t step(BytesView& input, char* output, size_t size) {
    constexpr size_t kMax = std::numeric_limits<uInt>::max();
    const auto in = static_cast<uInt>(std::min(input.size(), kMax));
    const auto out = static_cast<uInt>(std::min(size, kMax));
    stream_.next_in = reinterpret_cast<const Bytef*>(input.data());
    stream_.avail_in = in;
    stream_.next_out = reinterpret_cast<Bytef*>(output);
    stream_.avail_out = out;
    const int code = inflate(&stream_, Z_NO_FLUSH);
    HC_ASSERT(code != Z_MEM_ERROR);
    consumed_ += in - stream_.avail_in;
    input.remove_prefix(in - stream_.avail_in);
    pending_output_ = stream_.avail_out == 0 && code == Z_OK;
    if (code == Z_STREAM_END) {
      state_ = State::kBetween;
    } else if (code != Z_OK && code != Z_BUF_ERROR) {
      error_ =
          corrupt("gzip", consumed_, stream_.msg != nullptr ? stream_.msg : "not a gzip stream");
    }
    return out - stream_.avail_out;
  }

  z_stream stream_{};
  State state_ = State::kInside;
  bool pending_output_ = false;  // zlib may hold decoded bytes although all input was taken
  uint64_t consumed_ = 0;
  std::optional<Error> error_;
};

class ZstdDecompressor final : public Decompressor {
 public:
  ZstdDecompressor() : context_(ZSTD_createDCtx()) {
    HC_ASSERT(context_ != nullptr);
    // Bounds the window a stream may ask for: 128 MiB, what `zstd --long=27` makes.
    HC_ASSERT(!ZSTD_isError(ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, 27)));
  }
  ~ZstdDecompressor() override { ZSTD_freeDCtx(context_); }
  ZstdDecompressor(const ZstdDecompressor&) = delete;
  ZstdDecompressor& operator=(const ZstdDecompressor&) = delete;

  Result<size_t> read(BytesView& input, char* output, size_t size) override {
    ZSTD_outBuffer out{output, size, 0};
    while (!error_ && out.pos < size && (!input.empty() || pending_output_)) {
      ZSTD_inBuffer in{input.data(), input.size(), 0};
      const size_t code = ZSTD_decompressStream(context_, &out, &in);
      consumed_ += in.pos;
      input.remove_prefix(in.pos);
      if (ZSTD_isError(code)) {
        error_ = corrupt("zstd", consumed_, ZSTD_getErrorName(code));
        break;
      }
      inside_ = code != 0;
      pending_output_ = inside_ && out.pos == size;
    }
    if (out.pos == 0 && error_) return *error_;
    return out.pos;
  }

  Status finish() const override {
    if (error_) return *error_;
    if (inside_ || consumed_ == 0) return truncated("zstd", consumed_);
    return {};
  }
  uint64_t consumed() const override { return consumed_; }

 private:
  ZSTD_DCtx* context_;
  bool inside_ = false;
  bool pending_output_ = false;  // as in GzipDecompressor
  uint64_t consumed_ = 0;
  std::optional<Error> error_;
};

}  // namespace

Compression compression_of_path(std::string_view path) {
  if (ends_with(path, ".gz")) return Compression::kGzip;
  if (ends_with(path, ".zst")) return Compression::kZstd;
  return Compression::kNone;
}

std::string_view without_compression_suffix(std::string_view path) {
  if (ends_with(path, ".gz")) return path.substr(0, path.size() - 3);
  if (ends_with(path, ".zst")) return path.substr(0, path.size() - 4);
  return path;
}

std::optional<Compression> compression_of_content_encoding(std::string_view name) {
  if (name.empty() || name == "identity") return Compression::kNone;
  if (name == "gzip" || name == "x-gzip") return Compression::kGzip;
  if (name == "zstd") return Compression::kZstd;
  return std::nullopt;
}

std::unique_ptr<Decompressor> make_decompressor(Compression kind) {
  HC_ASSERT(kind != Compression::kNone);
  if (kind == Compression::kGzip) return std::make_unique<GzipDecompressor>();
  return std::make_unique<ZstdDecompressor>();
}

Result<Inflated> decompress_all(Compression kind, BytesView input, ByteCount max, Bytes& output) {
  constexpr size_t kPiece = 256 << 10;
  output.clear();
  if (kind == Compression::kNone) {
    if (input.size() > max.value) return Inflated::kTooLarge;
    output.assign(input);
    return Inflated::kComplete;
  }
  const auto decoder = make_decompressor(kind);
  // Text shrinks to a third or less; a wrong guess costs a reallocation, never more than `max`.
  output.reserve(std::min<size_t>(input.size() * 4, max.value + 1));
  for (;;) {
    const size_t have = output.size();
    // One byte beyond the bound tells "exactly max" from "more than max".
    const size_t room = std::min<size_t>(kPiece, max.value + 1 - have);
    output.resize(have + room);
    auto written = decoder->read(input, output.data() + have, room);
    if (!written) return std::move(written).error();
    output.resize(have + *written);
    if (output.size() > max.value) return Inflated::kTooLarge;
    if (*written < room) break;
  }
  HC_TRY(decoder->finish());
  return Inflated::kComplete;
}

}  // namespace hindcast
