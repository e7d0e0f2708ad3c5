#include "format/event_writer.h"

#include <simdjson.h>

#include <bit>
#include <charconv>

#include "format/value_parser.h"
#include "model/key.h"

namespace hindcast {
namespace {

constexpr size_t kShownMax = 64;

/// A cell's text as a message shows it: short, and printable whatever came in.
std::string shown(std::string_view text) {
  std::string out = "'";
  for (const char c : text.substr(0, kShownMax)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      out += c;
    } else {
      constexpr char kHex[] = "0123456789abcdef";
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out + (text.size() > kShownMax ? "…'" : "'");
}

bool is_utf8(std::string_view text) {
  uint8_t high = 0;
  for (const char c : text) high |= static_cast<uint8_t>(c);
  return high < 0x80 || simdjson::validate_utf8(text.data(), text.size());
}

/// "gc_{contract}" with the parts of this delivery's path.
std::string fill_template(std::string text,
                          const std::vector<std::pair<std::string, std::string>>& parts) {
  for (const auto& [name, value] : parts) {
    const std::string placeholder = "{" + name + "}";
    for (size_t at = text.find(placeholder); at != std::string::npos;
         at = text.find(placeholder, at + value.size())) {
      text.replace(at, placeholder.size(), value);
    }
  }
  return text;
}

std::string type_name(const ValueField& field) {
  switch (field.type) {
    case ValueType::kDecimal:
      return "decimal(" + std::to_string(field.precision) + "," + std::to_string(field.scale) + ")";
    case ValueType::kDouble:
      return "double";
    case ValueType::kText:
      return "text";
  }
  return "value";
}

}  // namespace

EventWriter::EventWriter(const StreamSchema& schema, const SourceConfig& source,
                         const RecordLayout& layout)
    : schema_(schema), layout_(layout), max_ahead_(source.max_ahead), accept_(source.accept) {
  const EventMapping& event = source.event;
  const auto part = [&](const FieldRef& ref, PartType type, const char* role) {
    return Part{layout_.cell_of(ref), type, role};
  };
  for (size_t i = 0; i < event.key.size(); ++i)
    key_.push_back(part(event.key[i], schema.key[i], "key"));
  if (schema.identity == IdentityKind::kFields) {
    for (size_t i = 0; i < event.id.size(); ++i)
      id_.push_back(part(event.id[i], schema.id[i], "id"));
  }
  for (size_t i = 0; i < event.values.size(); ++i)
    values_.push_back({layout_.cell_of(event.values[i]), schema.values[i]});
  if (event.order) order_ = part(*event.order, PartType::kInt, "order");
  if (event.revision) revision_ = part(*event.revision, PartType::kInt, "revision");
  if (event.op) op_ = part(*event.op, PartType::kText, "op");
  time_cell_ = layout_.cell_of(event.time.field);
  has_day_ = event.time.day.has_value();
  if (has_day_) day_cell_ = layout_.cell_of(*event.time.day);
  if (auto parser = TimeParser::create(event.time)) {
    time_ = std::move(*parser);
  } else {
    time_error_ = parser.error().message;
  }
  cells_.resize(layout_.cells());
  fixed_texts_.resize(layout_.fixed().size());
  row_values_.resize(schema.values.size());
  row_texts_.resize(schema.values.size());
  row_id_.resize(schema.id.size());
  row_id_texts_.resize(schema.id.size());
}

void EventWriter::begin(const Delivery& delivery) {
  delivery_ = delivery;
  for (size_t i = 0; i < layout_.fixed().size(); ++i) {
    const FieldRef& ref = layout_.fixed()[i];
    std::string& text = fixed_texts_[i];
    CellKind kind = CellKind::kText;
    if (ref.kind == FieldRef::Kind::kConstant) {
      text = ref.text;
    } else if (ref.kind == FieldRef::Kind::kPathPart) {
      text = fill_template(ref.text, delivery.path_parts);
    } else if (ref.text == "$file") {
      text = delivery.name;
    } else if (ref.text == "$arrival") {
      text = std::to_string(unix_ns(delivery.arrival));
      kind = CellKind::kNumber;
    } else {
      row_cell_ = layout_.fields().size() + i;
      kind = CellKind::kNumber;
    }
    cells_[layout_.fields().size() + i] = {text, kind};
  }
  start_batch();
}

void EventWriter::clear_cells() {
  for (size_t i = 0; i < layout_.fields().size(); ++i) cells_[i] = {};
}

void EventWriter::start_batch() { object_index_.reset(); }

bool EventWriter::write(uint64_t row, EventBatch& batch, Problem& problem) {
  if (row_cell_ != SIZE_MAX) {
    const auto end = std::to_chars(row_text_, row_text_ + sizeof row_text_, row).ptr;
    cells_[row_cell_].text = {row_text_, static_cast<size_t>(end - row_text_)};
  }
  if (!write_times(problem) || !write_key(problem) || !write_numbers(problem) ||
      !read_id(problem) || !write_values(problem)) {
    return false;
  }
  append(row, batch);
  return true;
}

bool EventWriter::write_times(Problem& problem) {
  const Cell& cell = cells_[time_cell_];
  if (!time_) return fail(problem, "bad-time", time_cell_, "time", time_error_);
  if (cell.kind == CellKind::kMissing || cell.kind == CellKind::kNull)
    return fail_absent(problem, time_cell_, "time");
  if (cell.kind == CellKind::kNested || cell.kind == CellKind::kBool) {
    return fail(problem, "wrong-type", time_cell_, "time",
                "is no time; expected " + time_->expected());
  }
  std::string_view day;
  if (has_day_) {
    const Cell& day_cell = cells_[day_cell_];
    if (day_cell.kind == CellKind::kMissing || day_cell.kind == CellKind::kNull)
      return fail_absent(problem, day_cell_, "day");
    day = day_cell.text;
  }
  switch (time_->parse(cell, day, row_time_)) {
    case TimeStatus::kOk:
      break;
    case TimeStatus::kMalformed:
      return fail(problem, "bad-time", time_cell_, "time",
                  shown(cell.text) + " is not " + time_->expected());
    case TimeStatus::kBadDay:
      return fail(problem, "bad-time", day_cell_, "day",
                  shown(day) + " is not a day like 20131007 or 2013-10-07");
    case TimeStatus::kOutOfRange:
      return fail(problem, "bad-time", time_cell_, "time",
                  shown(cell.text) +
                      " lies outside the years 1678 to 2261; is time_unit right? expected " +
                      time_->expected());
  }
  if (accept_ && !accept_->contains(event_time_ns(row_time_))) {
    return fail(problem, "outside-accept", time_cell_, "time",
                to_rfc3339(event_time_ns(row_time_)) + " is outside watermark.accept (" +
                    to_rfc3339(accept_->start) + " to " + to_rfc3339(accept_->end) + ")");
  }
  // lag() is negative for the future; compared as 128 bits because the two may be 500 years apart.
  if (max_ahead_ &&
      static_cast<int128>(row_time_) - unix_ns(delivery_.arrival) > max_ahead_->count()) {
    return fail(problem, "too-far-ahead", time_cell_, "time",
                to_rfc3339(event_time_ns(row_time_)) + " is more than watermark.max_ahead (" +
                    to_string(*max_ahead_) + ") ahead of its arrival at " +
                    to_rfc3339(delivery_.arrival));
  }
  return true;
}

bool EventWriter::write_key(Problem& problem) {
  std::string_view text;
  if (key_.size() == 1 &&
      key_[0].type == PartType::kText) {  // the bytes of a lone text key are the text
    if (!read_text(key_[0], kKeyMax, text, problem)) return false;
    row_key_ = text;
    return true;
  }
  key_scratch_.clear();
  for (size_t i = 0; i < key_.size(); ++i) {
    if (key_[i].type == PartType::kText) {
      if (!read_text(key_[i], kKeyMax, text, problem)) return false;
      append_key_part(key_scratch_, text, i + 1 == key_.size());
    } else {
      int64_t number = 0;
      if (!read_integer(key_[i], number, problem)) return false;
      append_key_part(key_scratch_, number);
    }
  }
  if (key_scratch_.size() > kKeyMax) {
    return fail(problem, "too-long", key_[0].cell, "key",
                "the key has more than " + std::to_string(kKeyMax) + " bytes");
  }
  row_key_ = key_scratch_;
  return true;
}

bool EventWriter::write_numbers(Problem& problem) {
  row_order_ = row_revision_ = 0;
  deleted_ = false;
  if (order_ && !read_integer(*order_, row_order_, problem)) return false;
  if (revision_ && !read_integer(*revision_, row_revision_, problem)) return false;
  return !op_ || is_delete(deleted_, problem);
}

bool EventWriter::is_delete(bool& out, Problem& problem) {
  const Cell& cell = cells_[op_->cell];
  if (cell.kind == CellKind::kMissing || cell.kind == CellKind::kNull)
    return fail_absent(problem, op_->cell, "op");
  for (const std::string_view word :
       {"upsert", "u", "insert", "i", "update", "create", "c", "r", "false", "0"}) {
    if (cell.text == word) return true;
  }
  for (const std::string_view word : {"delete", "d", "true", "1"}) {
    if (cell.text == word) return out = true;
  }
  return fail(problem, "wrong-type", op_->cell, "op",
              shown(cell.text) + " is no operation; expected \"upsert\" or \"delete\"");
}

bool EventWriter::read_id(Problem& problem) {
  for (size_t i = 0; i < id_.size(); ++i) {
    const bool ok = id_[i].type == PartType::kText
                        ? read_text(id_[i], kKeyMax, row_id_texts_[i], problem)
                        : read_integer(id_[i], row_id_[i], problem);
    if (!ok) return false;
  }
  return true;
}

bool EventWriter::write_values(Problem& problem) {
  row_nulls_ = 0;
  for (size_t i = 0; i < values_.size(); ++i) {
    const Cell& cell = cells_[values_[i].cell];
    const ValueField& field = values_[i].field;
    row_values_[i] = 0;
    // A tombstone carries no values, whatever came with it: two deletes of one event must be equal.
    if (deleted_) {
      row_nulls_ |= uint64_t{1} << i;
      continue;
    }
    if (cell.kind == CellKind::kMissing || cell.kind == CellKind::kNull) {
      if (!field.optional) return fail_absent(problem, values_[i].cell, "value");
      row_nulls_ |= uint64_t{1} << i;
      continue;
    }
    if (field.type == ValueType::kText) {
      if (!read_text({values_[i].cell, PartType::kText, "value"}, kTextMax, row_texts_[i], problem))
        return false;
      continue;
    }
    if (cell.kind == CellKind::kNested || cell.kind == CellKind::kBool) {
      return fail(problem, "wrong-type", values_[i].cell, "value",
                  "is no number; expected " + type_name(field));
    }
    ParseStatus status = ParseStatus::kOk;
    if (field.type == ValueType::kDecimal) {
      status = parse_decimal(cell, field.precision, field.scale, row_values_[i]);
    } else {
      double number = 0;
      status = parse_double(cell.text, number);
      row_values_[i] = std::bit_cast<int64_t>(number);
    }
    if (status != ParseStatus::kOk) {
      return fail_number(problem, values_[i].cell, "value", status, type_name(field));
    }
  }
  return true;
}

void EventWriter::append(uint64_t row, EventBatch& batch) {
  // Optional columns become real with the first row that needs them.
  if (order_ || schema_.identity == IdentityKind::kPosition) batch.widen(batch.order);
  if (revision_) batch.widen(batch.revision);
  if (deleted_) batch.widen(batch.op);
  if (row_nulls_ != 0) batch.widen(batch.nulls);
  const bool empty = batch.empty();
  const bool orders = order_ || schema_.identity == IdentityKind::kPosition;
  const int64_t order = order_ ? row_order_ : static_cast<int64_t>(row);

  for (size_t i = 0; i < values_.size(); ++i) {
    int64_t cell = row_values_[i];
    if (values_[i].field.type == ValueType::kText && (row_nulls_ >> i & 1) == 0)
      cell = batch.texts.intern(row_texts_[i]);
    batch.values[i].push_back(cell);
  }
  append_id(row, batch, row_key_);
  batch.key.push_back(batch.keys.intern(row_key_));
  if (orders) batch.order.push_back(order);
  if (revision_) batch.revision.push_back(row_revision_);
  if (!batch.op.empty() || (deleted_ && empty))
    batch.op.push_back(static_cast<uint8_t>(deleted_ ? Op::kDelete : Op::kUpsert));
  if (!batch.nulls.empty() || (row_nulls_ != 0 && empty)) batch.nulls.push_back(row_nulls_);
  batch.time.push_back(row_time_);
}

void EventWriter::append_id(uint64_t row, EventBatch& batch, BytesView key) {
  switch (schema_.identity) {
    case IdentityKind::kFields:
      for (size_t i = 0; i < id_.size(); ++i) {
        const bool text = id_[i].type == PartType::kText;
        batch.id[i].push_back(text ? batch.texts.add(row_id_texts_[i]) : row_id_[i]);
      }
      return;
    case IdentityKind::kPosition:
      if (!object_index_) object_index_ = batch.texts.intern(delivery_.object);
      batch.id[0].push_back(*object_index_);
      batch.id[1].push_back(static_cast<int64_t>(row));
      return;
    case IdentityKind::kContent: {
      const Hash128 hash = content_hash(key);
      batch.id[0].push_back(static_cast<int64_t>(hash.hi));
      batch.id[1].push_back(static_cast<int64_t>(hash.lo));
      return;
    }
  }
}

Hash128 EventWriter::content_hash(BytesView key) {
  Bytes& out = content_scratch_;
  out.clear();
  put_string(out, key);
  put_u64(out, static_cast<uint64_t>(row_time_));
  put_u64(out, row_nulls_);
  for (size_t i = 0; i < values_.size(); ++i) {
    if (values_[i].field.type == ValueType::kText) {
      put_string(out, (row_nulls_ >> i & 1) != 0 ? BytesView() : row_texts_[i]);
    } else {
      put_u64(out, static_cast<uint64_t>(row_values_[i]));
    }
  }
  return hash128(out);
}

bool EventWriter::read_text(const Part& part, size_t size_max, std::string_view& out,
                            Problem& problem) {
  const Cell& cell = cells_[part.cell];
  if (cell.kind == CellKind::kMissing || cell.kind == CellKind::kNull)
    return fail_absent(problem, part.cell, part.role);
  if (cell.kind == CellKind::kNested) {
    return fail(problem, "wrong-type", part.cell, part.role,
                "is an object or array; expected a text or number");
  }
  if (cell.text.size() > size_max) {
    return fail(problem, "too-long", part.cell, part.role,
                "has " + std::to_string(cell.text.size()) + " bytes; at most " +
                    std::to_string(size_max) + " are kept");
  }
  if (!cell.utf8 && !is_utf8(cell.text)) {
    return fail(problem, "bad-utf8", part.cell, part.role,
                shown(cell.text) + " is not UTF-8; convert the input, or leave this field out");
  }
  out = cell.text;
  return true;
}

bool EventWriter::read_integer(const Part& part, int64_t& out, Problem& problem) {
  const Cell& cell = cells_[part.cell];
  if (cell.kind == CellKind::kMissing || cell.kind == CellKind::kNull)
    return fail_absent(problem, part.cell, part.role);
  if (cell.kind == CellKind::kNested || cell.kind == CellKind::kBool) {
    return fail(problem, "wrong-type", part.cell, part.role, "is no integer");
  }
  const ParseStatus status = parse_integer(cell, out);
  return status == ParseStatus::kOk || fail_number(problem, part.cell, part.role, status, "int");
}

std::string EventWriter::name_of(size_t cell) const {
  return cell < layout_.fields().size() ? layout_.fields()[cell]
                                        : layout_.fixed()[cell - layout_.fields().size()].text;
}

bool EventWriter::fail(Problem& problem, std::string_view reason, size_t cell, const char* role,
                       const std::string& what) {
  problem.reason = reason;
  problem.detail = "field '" + name_of(cell) + "' (" + role + "): " + what;
  return false;
}

bool EventWriter::fail_absent(Problem& problem, size_t cell, const char* role) {
  const bool null = cells_[cell].kind == CellKind::kNull;
  const bool value = std::string_view(role) == "value";
  return fail(problem, "missing-field", cell, role,
              std::string(null ? "is empty or null" : "is missing") +
                  (value ? "; give the value `optional = true` if that is normal"
                         : "; every event needs it"));
}

bool EventWriter::fail_number(Problem& problem, size_t cell, const char* role, ParseStatus status,
                              const std::string& type) {
  const std::string text = shown(cells_[cell].text);
  switch (status) {
    case ParseStatus::kNotFinite:
      return fail(problem, "not-a-number", cell, role,
                  text + " is no finite number; send null for an absent " + type);
    case ParseStatus::kTooManyDigits:
      if (type == "int")
        return fail(problem, "wrong-type", cell, role, text + " is not a whole number");
      return fail(problem, "overflow", cell, role,
                  text + " has too many fraction digits for " + type +
                      "; give it a larger scale, or use double");
    case ParseStatus::kOverflow:
      return fail(problem, "overflow", cell, role, text + " is too large for " + type);
    case ParseStatus::kOk:
    case ParseStatus::kNotANumber:
      break;
  }
  return fail(problem, "wrong-type", cell, role,
              text + " is not a " + (type == "int" ? "whole number" : type) +
                  "; expected digits with '.' as the decimal point");
}

}  // namespace hindcast
