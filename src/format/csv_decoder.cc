// CSV (RFC 4180) with any delimiter and quote, with or without a header line.
//
// A row without quotes, nearly every row there is, is split by looking for delimiters 64 bytes at a
// time; the others go through the state machine.
#include <algorithm>
#include <charconv>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "format/line_decoder.h"
#include "format/plain_number.h"

namespace hindcast {
namespace {

class CsvDecoder final : public LineDecoder {
 public:
  CsvDecoder(const StreamSchema& schema, const SourceConfig& source)
      : LineDecoder(schema, source, true) {
    reset();
  }

  std::vector<std::string> missing_columns() const override {
    std::vector<std::string> out;
    if (!header_) return out;
    for (size_t cell = 0; cell < layout_.fields().size(); ++cell) {
      const auto column =
          std::find(cell_of_column_.begin(), cell_of_column_.end(), static_cast<int>(cell));
      if (column == cell_of_column_.end() ||
          static_cast<size_t>(column - cell_of_column_.begin()) >= header_columns_)
        out.push_back(layout_.fields()[cell]);
    }
    return out;
  }

 private:
  void reset() override {
    LineDecoder::reset();
    header_.reset();
    header_columns_ = 0;
    if (!format_.header) map_columns({});
  }
  void save(Bytes& out) const override {
    LineDecoder::save(out);
    put_u8(out, static_cast<uint8_t>(header_.has_value()));
    put_string(out, header_.value_or(""));
  }
  void restore(ByteReader& in) override {
    LineDecoder::restore(in);
    const bool has_header = in.u8() != 0;
    const BytesView header = in.string();
    if (in.ok() && has_header && format_.header) read_header(header);
  }

  Frame frame(const char* begin, const char* end, bool final) const override {
    const Frame line = LineDecoder::frame(begin, end, final);
    const char* line_end = line.kind == Frame::Kind::kMore ? end : line.end;
    if (format_.quote == '\0' ||
        std::memchr(begin, format_.quote, static_cast<size_t>(line_end - begin)) == nullptr)
      return line;
    bool quoted = false, cell_begins = true, just_closed = false;
    for (const char* at = begin; at != end; ++at) {
      if (quoted) {
        at =
            static_cast<const char*>(std::memchr(at, format_.quote, static_cast<size_t>(end - at)));
        if (at == nullptr) break;
        quoted = false;
        just_closed = true;
        continue;
      }
      if (*at == '\n') return {Frame::Kind::kRecord, at, at + 1};
      // A doubled quote opens again at once.
      quoted = *at == format_.quote && (cell_begins || just_closed);
      cell_begins = *at == format_.delimiter;
      just_closed = false;
    }
    if (!final) return {};
    if (!quoted || line.end == end) return {Frame::Kind::kRecord, end, end};
    return {Frame::Kind::kBroken, line.end,
            line.next};  // never closed: only its first line is lost
  }

  void broken(BytesView line) override {
    refuse("malformed",
           std::string("a quote (") + format_.quote +
               ") opens a cell and is never closed; is `quote` right?",
           line, line_);
  }

  void record(BytesView text, const char* buffer_end) override {
    if (format_.header && !header_) {
      --row_;  // a header is no data row
      return read_header(text);
    }
    writer_.clear_cells();
    const char* problem = nullptr;
    const size_t columns = split(text, buffer_end, problem);
    if (problem != nullptr) return refuse("malformed", problem, text, line_);
    if (header_ && columns > header_columns_ && surplus_) {
      return refuse("malformed",
                    "the row has " + std::to_string(columns) + " columns, the header " +
                        std::to_string(header_columns_) +
                        "; is `delimiter` right, or does a cell need quotes?",
                    text, line_);
    }
    if (!matches()) return ignore();
    write_event(text, line_);
  }

  void read_header(BytesView text) {
    std::vector<std::string> names;
    cell_of_column_.clear();
    names_ = &names;
    const char* problem = nullptr;
    header_columns_ = split_quoted(text, problem);
    names_ = nullptr;
    header_.emplace(text);
    map_columns(names);
  }

  /// A field is a column's name literally (names may hold dots), else its number from 0.
  void map_columns(const std::vector<std::string>& names) {
    cell_of_column_.clear();
    for (size_t cell = 0; cell < layout_.fields().size(); ++cell) {
      const std::string& field = layout_.fields()[cell];
      size_t column =
          static_cast<size_t>(std::find(names.begin(), names.end(), field) - names.begin());
      if (column == names.size()) {
        uint16_t number = 0;
        const auto [end, error] =
            std::from_chars(field.data(), field.data() + field.size(), number);
        if (error != std::errc() || end != field.data() + field.size()) continue;
        column = number;
      }
      if (column >= cell_of_column_.size()) cell_of_column_.resize(column + 1, kUnmapped);
      cell_of_column_[column] = static_cast<int>(cell);
    }
  }

  void cell(size_t column, BytesView text, bool quoted) {
    if (names_ != nullptr) {
      names_->emplace_back(text);
      return;
    }
    const bool null =
        !quoted && (text.empty() || (text == format_.null_text && !format_.null_text.empty()));
    if (column >= header_columns_ && !null) surplus_ = true;
    if (column >= cell_of_column_.size() || cell_of_column_[column] == kUnmapped) return;
    const auto at = static_cast<size_t>(cell_of_column_[column]);
    Cell& out = writer_.cells()[at];
    if (layout_.numeric()[at] && !quoted && readable_to_ - text.data() >= Cell::kPlainPadding &&
        find_plain_number(text.data(), constants_, out) && out.text.size() == text.size()) {
      out.kind = CellKind::kText;
      return;
    }
    out = {text, null ? CellKind::kNull : CellKind::kText};
  }

  size_t split(BytesView text, const char* buffer_end, const char*& problem) {
    surplus_ = false;
    readable_to_ = buffer_end;
    if (format_.quote != '\0' && std::memchr(text.data(), format_.quote, text.size()) != nullptr)
      return split_quoted(text, problem);
    const char* at = text.data();
    const char* const end = at + text.size();
    const char* begin = at;
    size_t column = 0;
    const auto delimiter = [&](const char* where) {
      cell(column++, {begin, static_cast<size_t>(where - begin)}, false);
      begin = where + 1;
    };
#if defined(__SSE2__)
    // 64 bytes at a time: short rows then have one loop whose length is their number of columns,
    // always the same.
    const __m128i wanted = _mm_set1_epi8(format_.delimiter);
    for (; at < end && buffer_end - at >= 64; at += 64) {
      uint64_t found = 0;
      for (unsigned i = 0; i < 4; ++i) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at) + i);
        const auto mask = static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, wanted)));
        found |= static_cast<uint64_t>(mask) << (16 * i);
      }
      if (end - at < 64) found &= (uint64_t{1} << (end - at)) - 1;
      for (; found != 0; found &= found - 1) delimiter(at + __builtin_ctzll(found));
    }
#else
    static_cast<void>(buffer_end);
#endif
    for (; at < end; ++at) {
      if (*at == format_.delimiter) delimiter(at);
    }
    cell(column++, {begin, static_cast<size_t>(end - begin)}, false);
    return column;
  }

  size_t split_quoted(BytesView text, const char*& problem) {
    unescaped_.clear();
    readable_to_ = text.data() + text.size();
    unescaped_.reserve(text.size());  // cells point into it: it must not move
    const char* at = text.data();
    const char* const end = at + text.size();
    for (size_t column = 0;; ++column) {
      if (at != end && format_.quote != '\0' && *at == format_.quote) {
        const size_t begin = unescaped_.size();
        for (++at;; ++at) {
          const auto* stop = static_cast<const char*>(
              std::memchr(at, format_.quote, static_cast<size_t>(end - at)));
          if (stop == nullptr) {
            problem = "a quoted cell is not closed";
            return column + 1;
          }
          unescaped_.append(at, stop);
          at = stop + 1;
          if (at == end || *at != format_.quote) break;
          unescaped_ += format_.quote;
        }
        if (at != end && *at != format_.delimiter) {
          problem = "something stands between a closing quote and the next delimiter";
          return column + 1;
        }
        cell(column, BytesView(unescaped_).substr(begin), true);
      } else {
        const auto* stop = static_cast<const char*>(
            std::memchr(at, format_.delimiter, static_cast<size_t>(end - at)));
        if (stop == nullptr) stop = end;
        cell(column, {at, static_cast<size_t>(stop - at)}, false);
        at = stop;
      }
      if (at == end) return column + 1;
      ++at;
    }
  }

  static constexpr int kUnmapped = -1;
  const ByteConstants constants_;
  std::optional<std::string> header_;
  size_t header_columns_ = SIZE_MAX;
  std::vector<int> cell_of_column_;
  std::string unescaped_;
  std::vector<std::string>* names_ = nullptr;  // while a header is read
  const char* readable_to_ = nullptr;          // while a row is split
  bool surplus_ = false;  // a cell behind the header's last column holds something
};

}  // namespace

std::unique_ptr<Decoder> make_csv_decoder(const StreamSchema& schema, const SourceConfig& source) {
  return std::make_unique<CsvDecoder>(schema, source);
}

}  // namespace hindcast
