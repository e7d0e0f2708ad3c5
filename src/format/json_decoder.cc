// JSON bodies and files: an array of events of any length, events one after another, or messages
// that hold an array of events.
#include "format/decoder_base.h"
#include "format/json_events.h"

namespace hindcast {
namespace {

class JsonDecoder final : public DecoderBase {
 public:
  JsonDecoder(const StreamSchema& schema, const SourceConfig& source)
      : DecoderBase(schema, source, source.format.each.empty()),
        events_(source.format, layout_),
        limit_(events_.has_each() ? std::max(source.format.line_max, source.max_body)
                                  : source.format.line_max) {}

 private:
  void reset() override { splitter_.reset(); }
  void save(Bytes& out) const override { splitter_.save(out); }
  void restore(ByteReader& in) override { splitter_.restore(in); }

  size_t decode_records(BytesView bytes, bool final) override {
    BytesView rest = bytes;
    while (true) {
      const auto found = splitter_.next(rest, final, limit_.value);
      if (found.kind == JsonSplitter::Kind::kMore) break;
      ++row_;
      ++line_;
      switch (found.kind) {
        case JsonSplitter::Kind::kElement:
          element(found.text, bytes.data() + bytes.size());
          break;
        case JsonSplitter::Kind::kTooLong:
          refuse_too_long(found.text, line_, limit_);
          break;
        case JsonSplitter::Kind::kStray:
          stray(found.text);
          break;
        case JsonSplitter::Kind::kMore:
          break;
      }
    }
    if (final && splitter_.unclosed()) {
      ++row_;
      ++line_;
      refuse("malformed", "the array is not closed; was the delivery cut off?", {}, line_);
    }
    return final ? bytes.size() : bytes.size() - rest.size();
  }

  void stray(BytesView text) {
    refuse("malformed",
           "not valid JSON: expected an object or an array here (elements are separated by ',')",
           text, line_);
  }

  void element(BytesView text, const char* buffer_end) {
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
    switch (events_.open_message(padded, problem)) {
      case JsonEvents::Message::kIgnored:
        return ignore();
      case JsonEvents::Message::kBad:
        return refuse(problem.reason, std::move(problem.detail), text, line_);
      case JsonEvents::Message::kEvents:
        break;
    }
    --row_;  // elements are the rows, not the message
    while (const auto event = events_.next_element()) {
      ++row_;
      writer_.clear_cells();
      if (events_.read(*event, writer_.cells(), problem)) {
        write_event(event->view(), row_);
      } else {
        refuse(problem.reason, std::move(problem.detail), event->view(), row_);
      }
    }
  }

  JsonEvents events_;
  JsonSplitter splitter_;
  const ByteCount limit_;
};

}  // namespace

std::unique_ptr<Decoder> make_json_decoder(const StreamSchema& schema, const SourceConfig& source) {
  return std::make_unique<JsonDecoder>(schema, source);
}

}  // namespace hindcast
