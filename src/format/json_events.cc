#include "format/json_events.h"

#include <algorithm>

namespace hindcast {

JsonEvents::JsonEvents(const FormatConfig& format, const RecordLayout& layout)
    : paths_(layout.fields()), numeric_(layout.numeric()), each_(format.each) {
  if (each_.empty() || format.match.empty()) return;
  std::vector<std::string> names;
  for (const auto& [path, text] : format.match) {
    names.push_back(path);
    match_texts_.push_back(text);
  }
  match_paths_.emplace(names);
  match_cells_.resize(names.size());
}

PaddedText JsonEvents::pad(BytesView text, const char* buffer_end) {
  if (static_cast<size_t>(buffer_end - text.data()) >= text.size() + PaddedText::kPadding)
    return {text.data(), text.size()};
  scratch_.assign(text);
  scratch_.append(PaddedText::kPadding, '\0');
  return {scratch_.data(), text.size()};
}

bool JsonEvents::read(PaddedText text, Cell* cells, Problem& problem) {
  for (size_t i = 0; i < shapes_.size(); ++i) {
    const size_t at = (last_ + i) % shapes_.size();
    if (!shapes_[at]) continue;
    if (shapes_[at]->read(text, cells)) {
      last_ = at;
      return true;
    }
    std::fill_n(cells, numeric_.size(), Cell{});
  }
  if (!record_.read(text, paths_, cells, problem)) return false;
  if (paused_ > 0) {
    --paused_;
    return true;
  }
  if (auto shape = JsonShape::learn(text.view(), paths_, numeric_)) {
    shapes_[next_] = std::move(shape);
    last_ = next_;
    next_ = (next_ + 1) % shapes_.size();
    pause_ = 1;
  } else {
    pause_ = std::min<uint32_t>(pause_ * 2, 1024);
    paused_ = pause_;
  }
  return true;
}

JsonEvents::Message JsonEvents::open_message(PaddedText text, Problem& problem) {
  static const JsonPaths kNothing{std::vector<std::string>{}};
  std::fill(match_cells_.begin(), match_cells_.end(), Cell{});
  if (!record_.read(text, match_paths_ ? *match_paths_ : kNothing, match_cells_.data(), problem))
    return Message::kBad;
  for (size_t i = 0; i < match_cells_.size(); ++i) {
    const Cell& cell = match_cells_[i];
    if (cell.kind == CellKind::kMissing || cell.kind == CellKind::kNested ||
        cell.text != match_texts_[i])
      return Message::kIgnored;
  }
  rest_ = record_.raw_at(text, each_);
  if (rest_.empty()) {
    problem = {"missing-field",
               "field '" + each_ +
                   "' (each): is missing, or no array of events; name other messages with `match`"};
    return Message::kBad;
  }
  if (rest_ == "null") rest_ = {};  // how many languages write an array without elements
  elements_.reset();
  return Message::kEvents;
}

std::optional<PaddedText> JsonEvents::next_element() {
  // The whole message was read before, so its brackets are sound and nothing can be missing or too
  // long.
  const auto found = elements_.next(rest_, true, SIZE_MAX);
  if (found.kind == JsonSplitter::Kind::kMore) return std::nullopt;
  return PaddedText{found.text.data(), found.text.size()};
}

}  // namespace hindcast
