// A decoder for tests of sources: each line is an event whose key is "<name>:<row>:<line>"; the
// first line of a delivery is its header; the line "bad" is a dead letter. So a test sees where
// every event came from, and whether a resume gave back what it was given.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "format/decoder.h"

namespace hindcast {

inline StreamSchema line_schema() {
  StreamSchema schema;
  schema.name = "lines";
  schema.key = {PartType::kText};
  schema.id = {PartType::kInt};
  return schema;
}

class LineDecoder final : public Decoder {
 public:
  void begin(Delivery delivery) override { resume(std::move(delivery), 0, ""); }
  void resume(Delivery delivery, uint64_t row, std::string header) override {
    delivery_ = std::move(delivery);
    row_ = row;
    header_ = std::move(header);
  }
  uint64_t row() const override { return row_; }
  std::string header() const override { return header_; }

  size_t decode(BytesView bytes, bool final, EventBatch& events, std::vector<DeadLetter>& dead,
                Counts& counts) override {
    size_t consumed = 0;
    while (consumed < bytes.size()) {
      size_t end = bytes.find('\n', consumed);
      if (end == BytesView::npos && !final) break;
      end = std::min(end, bytes.size());
      line(std::string(bytes.substr(consumed, end - consumed)), events, dead, counts);
      consumed = std::min(end + 1, bytes.size());
    }
    return consumed;
  }

 private:
  void line(const std::string& text, EventBatch& events, std::vector<DeadLetter>& dead,
            Counts& counts) {
    if (header_.empty()) {
      header_ = text;
      return;
    }
    ++row_;
    if (text == "bad") {
      dead.push_back({"malformed", "", delivery_.name, text, delivery_.arrival});
      ++counts.dead;
      return;
    }
    events.key.push_back(
        events.keys.intern(delivery_.object + ":" + std::to_string(row_) + ":" + text));
    events.time.push_back(static_cast<int64_t>(row_));
    events.id[0].push_back(static_cast<int64_t>(row_));
    ++counts.events;
  }

  Delivery delivery_;
  uint64_t row_ = 0;
  std::string header_;
};

/// What the events of a batch are called.
inline std::vector<std::string> names(const EventBatch& events) {
  std::vector<std::string> out;
  for (const uint32_t key : events.key) out.emplace_back(events.keys[key]);
  return out;
}

}  // namespace hindcast
