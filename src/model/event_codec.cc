// Rows of a batch <-> bytes: dictionaries, then one column after the other.
// The bytes are described in docs/formats/events.md.
#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "base/give_way.h"
#include "model/column_codec_internal.h"
#include "model/event_batch.h"

namespace hindcast {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint32_t kAbsent = UINT32_MAX;
// Time takes at least one bit per row, so the number of rows is bounded by the number of bytes.
constexpr unsigned kTimeBitsMin = 1;
constexpr size_t kRowsPerByteMax = 8;

bool has_texts(const StreamSchema& schema) {
  return std::any_of(schema.id.begin(), schema.id.end(),
                     [](PartType t) { return t == PartType::kText; }) ||
         std::any_of(schema.values.begin(), schema.values.end(),
                     [](const ValueField& f) { return f.type == ValueType::kText; });
}

// ---- encoding ----

// Numbers the strings that the encoded rows use 0, 1, 2 … in order of first use.
class LocalDictionary {
 public:
  explicit LocalDictionary(const StringTable& table)
      : table_(table), local_(table.size(), kAbsent) {}

  int64_t operator()(uint32_t i) {
    if (local_[i] == kAbsent) {
      local_[i] = static_cast<uint32_t>(used_.size());
      used_.push_back(i);
    }
    return local_[i];
  }
  size_t size() const { return used_.size(); }
  void encode(Bytes& out) const {
    put_varint(out, used_.size());
    for (const uint32_t i : used_) put_varint(out, table_[i].size());
    for (const uint32_t i : used_) out.append(table_[i]);
  }

 private:
  const StringTable& table_;
  std::vector<uint32_t> local_, used_;
};

class RowEncoder {
 public:
  RowEncoder(const StreamSchema& schema, const EventBatch& batch, size_t begin, size_t end)
      : schema_(schema), batch_(batch), begin_(begin), n_(end - begin) {}

  void encode(bool with_keys, Bytes& out) {
    put_u8(out, kVersion);
    put_varint(out, n_);
    if (n_ == 0) return;
    if (with_keys) encode_keys(out);
    LocalDictionary texts(batch_.texts);
    localize_texts(texts);
    if (has_texts(schema_)) texts.encode(out);

    columns_.encode(batch_.time.data() + begin_, n_, keys_, kTimeBitsMin, out);
    encode_optional(batch_.order, out);
    encode_optional(batch_.revision, out);
    encode_optional(batch_.decision, out);
    encode_optional(batch_.op, out);
    encode_optional(batch_.origin, out);
    encode_optional(batch_.nulls, out);
    auto local = local_texts_.begin();
    for (size_t c = 0; c < schema_.id.size(); ++c) {
      const bool text = schema_.id[c] == PartType::kText;
      columns_.encode(text ? (local++)->data() : batch_.id[c].data() + begin_, n_, keys_, 0, out);
    }
    for (size_t f = 0; f < schema_.values.size(); ++f) {
      const int64_t* cells = batch_.values[f].data() + begin_;
      switch (schema_.values[f].type) {
        case ValueType::kDecimal:
          columns_.encode(cells, n_, keys_, 0, out);
          break;
        case ValueType::kDouble:
          columns_.encode_doubles(cells, n_, keys_, out);
          break;
        case ValueType::kText:
          columns_.encode((local++)->data(), n_, keys_, 0, out);
          break;
      }
    }
  }

 private:
  void encode_keys(Bytes& out) {
    LocalDictionary keys(batch_.keys);
    local_keys_.resize(n_);
    for (size_t i = 0; i < n_; ++i) local_keys_[i] = keys(batch_.key[begin_ + i]);
    keys.encode(out);
    columns_.encode(local_keys_.data(), n_, {}, 0, out);
    keys_ = {local_keys_.data(), keys.size(), sample_of_keys(keys.size())};
  }

  // Rows to judge by whether differences by key pay: not where most rows are the first of their
  // key, nor where there is but one.
  std::span<const RowKeys::Pair> sample_of_keys(size_t keys) {
    constexpr size_t kSample = 128;
    if (keys == 1 || n_ < 4 * keys) return {};
    std::vector<uint32_t> last(keys, kAbsent);
    for (uint32_t i = 0; i < n_ && key_sample_.size() < kSample; ++i) {
      uint32_t& before = last[static_cast<size_t>(local_keys_[i])];
      if (before != kAbsent) key_sample_.push_back({i, before});
      before = i;
    }
    return key_sample_;
  }

  void localize_texts(LocalDictionary& texts) {
    for (size_t c = 0; c < schema_.id.size(); ++c) {
      if (schema_.id[c] == PartType::kText) localize(batch_.id[c], 0, texts);
    }
    for (size_t f = 0; f < schema_.values.size(); ++f) {
      if (schema_.values[f].type == ValueType::kText) {
        localize(batch_.values[f], uint64_t{1} << f, texts);
      }
    }
  }

  void localize(const std::vector<int64_t>& column, uint64_t null_bit, LocalDictionary& texts) {
    std::vector<int64_t>& local = local_texts_.emplace_back(n_);
    for (size_t i = 0; i < n_; ++i) {
      const bool null = batch_.nulls_at(begin_ + i) & null_bit;
      local[i] = null ? 0 : texts(static_cast<uint32_t>(column[begin_ + i]));
    }
  }

  template <class T>
  void encode_optional(const std::vector<T>& column, Bytes& out) {
    if (column.empty()) {
      put_u8(out, static_cast<uint8_t>(ColumnEncoding::kZero));
    } else if constexpr (std::is_same_v<T, int64_t>) {
      columns_.encode(column.data() + begin_, n_, keys_, 0, out);
    } else {
      widened_.resize(n_);
      std::transform(column.begin() + begin_, column.begin() + begin_ + n_, widened_.begin(),
                     [](T v) { return static_cast<int64_t>(v); });
      columns_.encode(widened_.data(), n_, keys_, 0, out);
    }
  }

  const StreamSchema& schema_;
  const EventBatch& batch_;
  const size_t begin_, n_;
  RowKeys keys_;
  std::vector<int64_t> local_keys_, widened_;
  std::vector<RowKeys::Pair> key_sample_;
  std::vector<std::vector<int64_t>> local_texts_;  // text cells as local numbers, in column order
  ColumnEncoder columns_;
};

// ---- decoding ----

// Interns a dictionary and gives the numbers its strings have in `table`.
bool decode_dictionary(ByteReader& in, StringTable& table, std::vector<uint32_t>& numbers) {
  const uint64_t count = in.varint();
  if (!in.ok() || count > in.remaining()) return false;
  ByteReader lengths = in;
  for (uint64_t i = 0; i < count; ++i) in.varint();
  numbers.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t length = lengths.varint();
    if (length > in.remaining()) return false;
    numbers.push_back(table.intern(in.bytes(length)));
  }
  return in.ok();
}

// The same dictionary, passed over.
bool skip_dictionary(ByteReader& in) {
  const uint64_t count = in.varint();
  if (!in.ok() || count > in.remaining()) return false;
  uint64_t bytes = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t length = in.varint();
    if (length > in.remaining()) return false;
    bytes += length;
  }
  in.bytes(bytes);
  return in.ok();
}

class RowDecoder {
 public:
  RowDecoder(const StreamSchema& schema, BytesView bytes, EventBatch& batch)
      : schema_(schema), batch_(batch), in_(bytes), old_(batch.size()) {}

  Status decode(bool with_keys) {
    const bool ok = decode_rows(with_keys);
    if (!ok) undo(with_keys);
    if (!ok) return corruption("event rows: malformed column data");
    return {};
  }

 private:
  bool decode_rows(bool with_keys) {
    if (in_.u8() != kVersion) return false;
    const uint64_t n = in_.varint();
    if (!in_.ok() || n > in_.remaining() * kRowsPerByteMax) return false;
    n_ = n;
    if (n == 0) return in_.at_end();
    cells_.resize(n_);
    return (!with_keys || decode_keys()) &&
           (!has_texts(schema_) || decode_dictionary(in_, batch_.texts, texts_)) &&
           decode_plain(batch_.time) && decode_optional(batch_.order) &&
           decode_optional(batch_.revision) && decode_optional(batch_.decision) &&
           decode_optional(batch_.op) && decode_optional(batch_.origin) &&
           decode_optional(batch_.nulls) && ops_are_known() && decode_ids() && decode_values() &&
           in_.at_end();
  }

  bool decode_keys() {
    std::vector<uint32_t> numbers;
    local_keys_.resize(n_);
    if (!decode_dictionary(in_, batch_.keys, numbers)) return false;
    if (!columns_.decode(in_, n_, {}, local_keys_.data())) return false;
    batch_.key.resize(old_ + n_);
    for (size_t i = 0; i < n_; ++i) {
      const auto local = static_cast<uint64_t>(local_keys_[i]);
      if (local >= numbers.size()) return false;
      batch_.key[old_ + i] = numbers[local];
    }
    keys_ = {local_keys_.data(), numbers.size()};
    return true;
  }

  bool decode_plain(std::vector<int64_t>& column) {
    column.resize(old_ + n_);
    return columns_.decode(in_, n_, keys_, column.data() + old_);
  }

  // An optional column is absent as a rule: not worth a pass.
  bool take_zero() {
    ByteReader ahead = in_;
    if (ahead.u8() != static_cast<uint8_t>(ColumnEncoding::kZero) || !ahead.ok()) return false;
    in_ = ahead;
    return true;
  }

  template <class T>
  bool decode_optional(std::vector<T>& column) {
    if (take_zero()) {
      if (!column.empty()) column.resize(old_ + n_);
      return true;
    }
    if (!columns_.decode(in_, n_, keys_, cells_.data())) return false;
    const bool zero = std::all_of(cells_.begin(), cells_.end(), [](int64_t c) { return c == 0; });
    if (zero && column.empty()) return true;
    column.resize(old_ + n_);
    for (size_t i = 0; i < n_; ++i) {
      if constexpr (sizeof(T) < 8) {
        if (static_cast<uint64_t>(cells_[i]) > std::numeric_limits<T>::max()) return false;
      }
      column[old_ + i] = static_cast<T>(cells_[i]);
    }
    return true;
  }

  bool ops_are_known() const {
    return batch_.op.empty() || std::all_of(batch_.op.begin() + old_, batch_.op.end(),
                                            [](uint8_t op) { return op <= 1; });
  }

  bool decode_texts(std::vector<int64_t>& column, uint64_t null_bit) {
    if (!decode_plain(column)) return false;
    for (size_t i = old_; i < column.size(); ++i) {
      if (batch_.nulls_at(i) & null_bit) {
        column[i] = 0;
        continue;
      }
      const auto local = static_cast<uint64_t>(column[i]);
      if (local >= texts_.size()) return false;
      column[i] = texts_[local];
    }
    return true;
  }

  bool decode_ids() {
    for (size_t c = 0; c < schema_.id.size(); ++c) {
      const bool text = schema_.id[c] == PartType::kText;
      if (!(text ? decode_texts(batch_.id[c], 0) : decode_plain(batch_.id[c]))) return false;
    }
    return true;
  }

  bool decode_values() {
    for (size_t f = 0; f < schema_.values.size(); ++f) {
      const bool text = schema_.values[f].type == ValueType::kText;
      if (!(text ? decode_texts(batch_.values[f], uint64_t{1} << f)
                 : decode_plain(batch_.values[f]))) {
        return false;
      }
    }
    return true;
  }

  // The batch has its old rows again. Strings that were interned stay: they are referred to by
  // nothing.
  void undo(bool with_keys) {
    const auto cut = [&](auto& column) {
      if (column.size() > old_) column.resize(old_);
    };
    if (with_keys) cut(batch_.key);
    cut(batch_.time);
    cut(batch_.order);
    cut(batch_.revision);
    cut(batch_.decision);
    cut(batch_.op);
    cut(batch_.origin);
    cut(batch_.nulls);
    for (auto& column : batch_.id) cut(column);
    for (auto& column : batch_.values) cut(column);
  }

  const StreamSchema& schema_;
  EventBatch& batch_;
  ByteReader in_;
  const size_t old_;
  size_t n_ = 0;
  RowKeys keys_;
  std::vector<int64_t> local_keys_, cells_;
  std::vector<uint32_t> texts_;  // local number -> number in batch_.texts
  ColumnDecoder columns_;
};

}  // namespace

void encode_rows(const StreamSchema& schema, const EventBatch& batch, size_t begin, size_t end,
                 bool with_keys, Bytes& out) {
  HC_ASSERT(begin <= end && end <= batch.size());
  HC_ASSERT(batch.id.size() == schema.id.size() && batch.values.size() == schema.values.size());
  RowEncoder(schema, batch, begin, end).encode(with_keys, out);
  give_way(end - begin);
}

Status decode_rows(const StreamSchema& schema, BytesView bytes, bool with_keys, EventBatch& batch) {
  HC_ASSERT(batch.id.size() == schema.id.size() && batch.values.size() == schema.values.size());
  const size_t old_size = batch.size();
  Status decoded = RowDecoder(schema, bytes, batch).decode(with_keys);
  give_way(batch.size() - old_size);
  return decoded;
}

Status decode_times(const StreamSchema& schema, BytesView bytes, std::vector<int64_t>& times) {
  ByteReader in(bytes);
  const bool known = in.u8() == kVersion;
  const uint64_t n = in.varint();
  if (known && in.ok() && n <= in.remaining() * kRowsPerByteMax &&
      (n == 0 || !has_texts(schema) || skip_dictionary(in))) {
    times.resize(n);
    if (n == 0 || ColumnDecoder().decode(in, n, {}, times.data())) return {};
  }
  return corruption("event rows: malformed column data");
}

}  // namespace hindcast
