// Decoding for the fuzzers: the same bytes at once and in pieces must give the same, whatever they
// are.
#pragma once
#include <cstdlib>
#include <string>

#include "base/assert.h"
#include "format/decode_test_util.h"

namespace hindcast {

/// `step` bytes a read; every read by a decoder that was resumed.
inline void check_decoding(const DecodeSetup& setup, BytesView body, size_t step) {
  if (body.empty()) return;
  HC_ASSERT(decode(setup, body).to_string() ==
            decode_in_steps(setup, body, step, true).to_string());
}

}  // namespace hindcast
