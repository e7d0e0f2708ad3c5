// NDJSON, JSON arrays and messages: no input crashes a decoder, and cuts, restarts and the fast
// path change nothing. The first byte chooses the format, the second the size of reads.
#include "format/json_record.h"
#include "format/json_shape.h"
#include "fuzz_decode.h"

using namespace hindcast;

namespace {

/// The first line teaches a shape; where it takes another line, the general path must agree.
void check_shapes(BytesView body) {
  const JsonPaths paths({"s", "t", "i", "p", "n.a.1"});
  const std::vector<bool> numeric(5, true);
  JsonRecord general;
  std::optional<JsonShape> shape;
  for (size_t at = 0; at < body.size();) {
    const size_t end = std::min(body.find('\n', at), body.size());
    std::string padded(body.substr(at, end - at));
    const size_t size = padded.size();
    padded.append(PaddedText::kPadding, '1');
    const PaddedText text{padded.data(), size};
    Cell fast[5], slow[5];
    Problem problem;
    const bool taken = shape && shape->read(text, fast);
    const bool valid = general.read(text, paths, slow, problem);
    HC_ASSERT(valid || !taken);
    for (size_t i = 0; taken && i < 5; ++i)
      HC_ASSERT(fast[i].kind == slow[i].kind && fast[i].text == slow[i].text);
    if (valid) shape = JsonShape::learn(text.view(), paths, numeric);
    at = end + 1;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const BytesView body(reinterpret_cast<const char*>(data + 2), size - 2);
  DecodeSetup setup = trades((data[0] & 1) != 0 ? FormatKind::kJson : FormatKind::kNdjson);
  setup.source.format.line_max = ByteCount{(data[0] & 2) != 0 ? 64u : 4096u};
  setup.source.max_body = ByteCount{4096};
  if ((data[0] & 4) != 0) setup.source.format.each = "n.a";
  if ((data[0] & 8) != 0) setup.source.format.match = {{"s", "A"}};
  setup.source.last_row_repeated = (data[0] & 17) == 16;
  check_decoding(setup, body, 1 + data[1]);
  check_shapes(body);
  return 0;
}
