// Any bytes are an error or a part whose rows can be read. Checksums are made right first: a fuzzer
// would never get past them.
#include <cstring>

#include "base/assert.h"
#include "base/hash.h"
#include "model/join.h"
#include "model/part.h"

using namespace hindcast;  // NOLINT: a program of one function

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes bytes(reinterpret_cast<const char*>(data), size);
  if (size < 13) return 0;
  uint32_t head_size;
  std::memcpy(&head_size, bytes.data() + 5, 4);
  if (head_size > size - 13) return 0;
  const uint32_t crc = crc32c(BytesView(bytes).substr(0, 9 + head_size));
  std::memcpy(bytes.data() + 9 + head_size, &crc, 4);
  if (size >= 13 + head_size + 4) {  // as if there were one chunk
    const size_t chunk = 13 + head_size;
    const uint32_t chunk_crc = crc32c(BytesView(bytes).substr(chunk, size - chunk - 4));
    std::memcpy(bytes.data() + size - 4, &chunk_crc, 4);
  }

  StreamSchema schema;
  schema.key = {PartType::kText};
  schema.id = {PartType::kInt};
  schema.values = {{.name = "price", .type = ValueType::kDecimal, .scale = 2},
                   {.name = "side", .type = ValueType::kText, .optional = true}};
  const Result<PartView> part = PartView::open(bytes);
  if (!part) return 0;
  EventBatch rows(schema);
  if (!part->read(schema, nullptr, rows)) return 0;
  HC_ASSERT(rows.size() == part->rows() && rows.key.size() == rows.size());
  const EventBatch page = sort_unique(schema, rows);
  HC_ASSERT(page.size() <= rows.size());
  const Bytes again = encode_part(schema, page, page_changes(schema, page, {}).changes);
  HC_ASSERT(PartView::open(again).has_value());
  return 0;
}
