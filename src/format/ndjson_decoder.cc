// NDJSON: one JSON record a line.
#include "format/json_events.h"
#include "format/line_decoder.h"

namespace hindcast {
namespace {

class NdjsonDecoder final : public LineDecoder {
 public:
  NdjsonDecoder(const StreamSchema& schema, const SourceConfig& source)
      : LineDecoder(schema, source, source.format.each.empty()), events_(source.format, layout_) {}

 private:
  void record(BytesView text, const char* buffer_end) override {
    const PaddedText padded = events_.pad(text, buffer_end);
    Problem problem;
    if (!events_.has_each()) {
      writer_.clear_cells();
      if (!events_.read(padded, writer_.cells(), problem)) {
        refuse(problem.reason, std::move(problem.detail), text, line_);
      } else if (!matches()) {
        ignore();
      } else {
        write_event(text, line_);
      }
      return;
    }
    --row_;  // elements are the rows, not the message
    switch (events_.open_message(padded, problem)) {
      case JsonEvents::Message::kIgnored:
        ++row_;
        return ignore();
      case JsonEvents::Message::kBad:
        ++row_;
        return refuse(problem.reason, std::move(problem.detail), text, line_);
      case JsonEvents::Message::kEvents:
        break;
    }
    while (const auto element = events_.next_element()) {
      ++row_;
      writer_.clear_cells();
      if (events_.read(*element, writer_.cells(), problem)) {
        write_event(element->view(), line_);
      } else {
        refuse(problem.reason, std::move(problem.detail), element->view(), line_);
      }
    }
  }
  void broken(BytesView line) override { refuse("malformed", "not a line of JSON", line, line_); }

  JsonEvents events_;
};

}  // namespace

std::unique_ptr<Decoder> make_ndjson_decoder(const StreamSchema& schema,
                                             const SourceConfig& source) {
  return std::make_unique<NdjsonDecoder>(schema, source);
}

}  // namespace hindcast
