// Reads a channel of the log behind damage: what is lost is a known hole that the log has named;
// what comes after it still counts, and live goes on.
#pragma once
#include "log/log.h"

namespace hindcast {

/// As Log::read, but never kCorruption where damage() says how to go on; `next` is then behind it.
/// Errors: kUnavailable.
Result<LogChunk> read_past_damage(Log& log, PartitionId partition, Channel channel, Position after,
                                  ByteCount max);

}  // namespace hindcast
