// CSV: no input crashes the decoder, and cuts and restarts change nothing. The first byte chooses
// the dialect, the second the size of reads.
#include "fuzz_decode.h"

using namespace hindcast;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  DecodeSetup setup = trades(FormatKind::kCsv);
  FormatConfig& format = setup.source.format;
  format.header = (data[0] & 1) != 0;
  format.quote = (data[0] & 2) != 0 ? '\0' : '"';
  format.delimiter = (data[0] & 4) != 0 ? ';' : ',';
  format.line_max = ByteCount{(data[0] & 8) != 0 ? 32u : 4096u};
  setup.source.last_row_repeated = (data[0] & 16) != 0;
  if (!format.header) {
    setup.source.event.key = {field("0")};
    setup.source.event.time.field = field("1");
    setup.source.event.id = {field("2")};
    setup.source.event.values = {field("3")};
  }
  check_decoding(setup, {reinterpret_cast<const char*>(data + 2), size - 2}, 1 + data[1]);
  return 0;
}
