// Reads a channel of the log behind damage: what is lost is a known gap; what comes after it still
// counts, and live goes on.
#pragma once
#include <functional>

#include "log/log.h"

namespace hindcast {

/// As Log::read, but never kCorruption where damage() says how to go on; `next` is then behind it,
/// and `passed` was called for each place in between: what is lost there lies before the chunk.
/// Errors: kUnavailable; `passed` may have been called, and is again when the read is repeated.
Result<LogChunk> read_past_damage(Log& log, PartitionId partition, Channel channel, Position after,
                                  ByteCount max,
                                  const std::function<void(const LogDamage&)>& passed = {});

}  // namespace hindcast
