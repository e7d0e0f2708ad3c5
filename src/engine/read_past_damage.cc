#include "engine/read_past_damage.h"

#include <algorithm>

#include "base/log.h"

namespace hindcast {

Result<LogChunk> read_past_damage(Log& log, PartitionId partition, Channel channel, Position after,
                                  ByteCount max,
                                  const std::function<void(const LogDamage&)>& passed) {
  for (;;) {
    Result<LogChunk> chunk = log.read(partition, channel, after, max);
    if (chunk || chunk.error().code != ErrorCode::kCorruption) return chunk;
    const std::vector<LogDamage> known = log.damage(channel);  // by position, of all partitions
    const auto next =
        std::ranges::find_if(known, [&](const LogDamage& damage) { return damage.resume > after; });
    if (next == known.end()) return chunk;
    log_error("events lost with a damaged log; going on behind it",
              {{"partition", partition}, {"place", next->place}});
    if (passed) passed(*next);
    after = next->resume;
  }
}

}  // namespace hindcast
