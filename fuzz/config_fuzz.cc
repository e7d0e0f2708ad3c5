// Configurations, and what `init` makes of any file: nothing crashes; a refused configuration says
// why; an accepted one can be decoded with, and a guessed one is accepted.
#include "base/assert.h"
#include "format/config.h"
#include "format/decoder.h"
#include "format/sample.h"

using namespace hindcast;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const BytesView text(reinterpret_cast<const char*>(data + 1), size - 1);
  if (data[0] % 2 == 0) {
    const auto guess = guess_config({"in/sample.csv", text, true});
    HC_ASSERT(!guess || parse_config(*guess, "guess.toml", "").config);
    return 0;
  }
  // Secrets would read files of this machine.
  if (text.find("file:") != BytesView::npos) return 0;
  const auto outcome = parse_config(text, "fuzz.toml", "");
  HC_ASSERT(outcome.config.has_value() == outcome.problems.empty());
  if (!outcome.config) return 0;
  for (const SourceConfig& source : outcome.config->sources) {
    const StreamSchema& schema = outcome.config->stream(source.stream)->schema;
    const auto decoder = make_decoder(schema, source);
    EventBatch events(schema);
    std::vector<DeadLetter> dead;
    Decoder::Counts counts;
    decoder->begin({"fuzz", "fuzz", {}, {}});
    decoder->decode("{\"a\":1,\"b\":\"x\"}\n1,2,3\n", true, events, dead, counts);
  }
  return 0;
}
