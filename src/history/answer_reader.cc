#include "history/answer_reader.h"

#include <algorithm>

#include "base/hash.h"
#include "history/link_header.h"
#include "model/key.h"

namespace hindcast {
namespace {

BytesView bytes_of(const std::vector<int64_t>& column) {
  return {reinterpret_cast<const char*>(column.data()), column.size() * sizeof(int64_t)};
}

}  // namespace

AnswerReader::AnswerReader(const StreamSchema& schema, const SourceConfig& source)
    : schema_(schema),
      history_(*source.history),
      decoder_(make_decoder(schema, as_source(source))) {}

Result<AnswerFacts> AnswerReader::read(const HttpReply& reply, const std::string& url,
                                       const std::string& key, BytesView canonical,
                                       ProcessingTime now, HistoryChunk& chunk) {
  AnswerFacts facts;
  chunk.events.reset(schema_);
  if (reply.status == 204) return facts;
  const bool json = history_.format.kind == FormatKind::kJson;
  if (json && reply.body.empty()) return corruption("malformed: " + url + ": the answer is empty");

  decoder_->begin({url, "", {{"key", key}}, now});
  Decoder::Counts counts;
  decoder_->decode(reply.body, true, chunk.events, chunk.dead, counts);
  chunk.ignored += counts.ignored;
  HC_TRY(check(url, chunk));
  ObjectCheck object(url);
  object.add(counts, chunk.dead, 0);
  HC_TRY(object.judge(*decoder_, true));
  for (uint32_t i = 0; !key.empty() && i < chunk.events.keys.size(); ++i) {
    if (chunk.events.keys[i] == canonical) continue;
    return invalid_argument(
        "wrong-key: " + url + ": asked for '" + key + "', the answer has '" +
        key_to_string(schema_.key, chunk.events.keys[i]) +
        "'; key = \"{key}\" in [source.history.event] takes what was asked for");
  }
  facts.records = decoder_->row();
  look_at_events(chunk.events, facts);
  if (history_.paging == HistoryConfig::Paging::kCursor) {
    HC_TRY_ASSIGN(facts.next, cursor(reply.body, url));
  } else if (history_.paging == HistoryConfig::Paging::kLink) {
    HC_TRY_ASSIGN(const auto next, next_link(reply.headers, url));
    facts.next = next.value_or("");
  }
  return facts;
}

/// A JSON document that is no JSON in some place was cut off, or is another page altogether: what
/// it does not have cannot be told.
Status AnswerReader::check(const std::string& url, const HistoryChunk& chunk) const {
  if (history_.format.kind != FormatKind::kJson) return {};
  const auto bad = std::find_if(chunk.dead.begin(), chunk.dead.end(), [](const DeadLetter& letter) {
    return letter.reason == "malformed";
  });
  if (bad == chunk.dead.end()) return {};
  return corruption("malformed: " + url + ": " + bad->detail);
}

Result<std::string> AnswerReader::cursor(BytesView body, const std::string& url) {
  const JsonPaths paths({history_.cursor});
  padded_.assign(body);
  padded_.append(PaddedText::kPadding, '\0');
  Cell cell;
  Problem problem;
  if (!document_.read({padded_.data(), body.size()}, paths, &cell, problem))
    return corruption("malformed: " + url + ": " + problem.detail);
  if (cell.kind == CellKind::kNested)
    return invalid_argument("wrong-cursor: " + url + ": '" + history_.cursor +
                            "' is no text or number");
  if (cell.kind == CellKind::kMissing || cell.kind == CellKind::kNull || cell.text == "false")
    return std::string();
  return std::string(cell.text);
}

void AnswerReader::look_at_events(const EventBatch& events, AnswerFacts& facts) const {
  if (events.empty()) return;
  facts.any_event = true;
  const auto [low, high] = std::minmax_element(events.time.begin(), events.time.end());
  facts.lowest = event_time_ns(*low);
  facts.highest = event_time_ns(*high);
  facts.sorted_by_time = std::is_sorted(events.time.begin(), events.time.end());
  facts.digest = hash64(bytes_of(events.time));
  for (const auto& column : events.id) facts.digest = facts.digest * 31 + hash64(bytes_of(column));
  if (history_.paging == HistoryConfig::Paging::kId) {
    facts.first_id = events.id[0].front();
    facts.last_id = events.id[0].back();
    facts.highest_id = *std::max_element(events.id[0].begin(), events.id[0].end());
  }
}

}  // namespace hindcast
