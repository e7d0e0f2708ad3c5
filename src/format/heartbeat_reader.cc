#include "format/heartbeat_reader.h"

#include <algorithm>

namespace hindcast {

Result<HeartbeatReader> HeartbeatReader::create(const std::map<std::string, std::string>& match,
                                                const TimeMapping& time) {
  std::vector<std::string> paths, texts;
  for (const auto& [path, text] : match) {
    paths.push_back(path);
    texts.push_back(text);
  }
  paths.push_back(time.field.text);
  HC_TRY_ASSIGN(TimeParser parser, TimeParser::create(time));
  return HeartbeatReader(paths, std::move(texts), std::move(parser));
}

HeartbeatReader::HeartbeatReader(const std::vector<std::string>& paths,
                                 std::vector<std::string> texts, TimeParser time)
    : paths_(paths), texts_(std::move(texts)), time_(std::move(time)), cells_(paths.size()) {}

HeartbeatReader::Found HeartbeatReader::read(BytesView message, EventTime& time) {
  padded_.assign(message);
  padded_.append(PaddedText::kPadding, '\0');
  std::fill(cells_.begin(), cells_.end(), Cell{});
  if (!record_.read({padded_.data(), message.size()}, paths_, cells_.data(), problem_))
    return Found::kOther;
  const auto is_scalar = [](const Cell& cell) {
    return cell.kind == CellKind::kText || cell.kind == CellKind::kNumber ||
           cell.kind == CellKind::kBool;
  };
  for (size_t i = 0; i < texts_.size(); ++i) {
    if (!is_scalar(cells_[i]) || cells_[i].text != texts_[i]) return Found::kOther;
  }
  int64_t ns = 0;
  if (!is_scalar(cells_.back()) || time_.parse(cells_.back(), "", ns) != TimeStatus::kOk)
    return Found::kBadTime;
  time = event_time_ns(ns);
  return Found::kHeartbeat;
}

}  // namespace hindcast
