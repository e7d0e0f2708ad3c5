// Any bytes are an error or rows that encode and decode to themselves.
#include "base/assert.h"
#include "model/event_batch.h"

using namespace hindcast;  // NOLINT: a program of one function

static StreamSchema schema_of(uint8_t shape) {
  StreamSchema schema;
  schema.key = {PartType::kText};
  schema.id = {shape & 1 ? PartType::kText : PartType::kInt, PartType::kInt};
  schema.values = {{.name = "price", .type = ValueType::kDecimal, .scale = 2},
                   {.name = "quantity", .type = ValueType::kDouble},
                   {.name = "side", .type = ValueType::kText, .optional = true}};
  return schema;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const StreamSchema schema = schema_of(data[0]);
  EventBatch batch(schema);
  const BytesView bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (!decode_rows(schema, bytes, true, batch)) {
    HC_ASSERT(batch.empty());
    return 0;
  }
  Bytes again, and_again;
  encode_rows(schema, batch, 0, batch.size(), true, again);
  EventBatch back(schema);
  HC_ASSERT(decode_rows(schema, again, true, back));
  HC_ASSERT(back.time == batch.time && back.id[1] == batch.id[1] &&
            back.values[1] == batch.values[1]);
  encode_rows(schema, back, 0, back.size(), true, and_again);
  HC_ASSERT(again == and_again);
  return 0;
}
