#include "format/record_layout.h"

#include <algorithm>

#include "base/assert.h"

namespace hindcast {
namespace {

bool same_input(const FieldRef& a, const FieldRef& b) {
  return a.kind == b.kind && a.text == b.text;
}

}  // namespace

std::vector<FieldRef> all_refs(const EventMapping& event) {
  std::vector<FieldRef> refs = event.key;
  refs.insert(refs.end(), event.id.begin(), event.id.end());
  refs.push_back(event.time.field);
  for (const auto* ref :
       {&event.time.day, &event.order, &event.revision, &event.op, &event.sequence}) {
    if (ref->has_value()) refs.push_back(**ref);
  }
  refs.insert(refs.end(), event.values.begin(), event.values.end());
  return refs;
}

RecordLayout::RecordLayout(const StreamSchema& schema, const SourceConfig& source,
                           bool with_match) {
  const EventMapping& event = source.event;
  for (const FieldRef& ref : all_refs(event)) add(ref);
  if (with_match) {
    for (const auto& [path, text] : source.format.match)
      add({FieldRef::Kind::kField, path, std::nullopt});
  }
  numeric_.resize(fields_.size());
  const auto number = [&](const FieldRef& ref) {
    if (ref.kind == FieldRef::Kind::kField) numeric_[cell_of(ref)] = true;
  };
  number(event.time.field);
  for (const auto* ref : {&event.order, &event.revision}) {
    if (ref->has_value()) number(**ref);
  }
  for (size_t i = 0; i < event.key.size(); ++i) {
    if (schema.key[i] == PartType::kInt) number(event.key[i]);
  }
  for (size_t i = 0; i < event.id.size(); ++i) {
    if (schema.id[i] == PartType::kInt) number(event.id[i]);
  }
  for (size_t i = 0; i < event.values.size(); ++i) {
    if (schema.values[i].type == ValueType::kDecimal) number(event.values[i]);
  }
}

void RecordLayout::add(const FieldRef& ref) {
  if (ref.kind == FieldRef::Kind::kField) {
    if (std::find(fields_.begin(), fields_.end(), ref.text) == fields_.end())
      fields_.push_back(ref.text);
  } else if (std::none_of(fixed_.begin(), fixed_.end(),
                          [&](const FieldRef& f) { return same_input(f, ref); })) {
    fixed_.push_back(ref);
  }
}

size_t RecordLayout::cell_of(const FieldRef& ref) const {
  if (ref.kind == FieldRef::Kind::kField) {
    const auto at = std::find(fields_.begin(), fields_.end(), ref.text);
    HC_ASSERT(at != fields_.end());
    return static_cast<size_t>(at - fields_.begin());
  }
  const auto at = std::find_if(fixed_.begin(), fixed_.end(),
                               [&](const FieldRef& f) { return same_input(f, ref); });
  HC_ASSERT(at != fixed_.end());
  return fields_.size() + static_cast<size_t>(at - fixed_.begin());
}

}  // namespace hindcast
