// The chain of backpressure between the reader of history and the store: how many bytes may be on
// their way on each link, for all workers together. A store that slows down keeps commits on their
// link; whoever has no room there stops, holds its place on the links before, and so the reader of
// history really stops reading.
//
//   history ──► [ history: asked for ] ──► [ merge: pieces in work ] ──► [ commit ] ──► store
//
// A worker takes the room of a whole piece on `merge` before it opens one, as what it may come to
// hold: so no two workers ever wait for each other in the middle of theirs. Live has links of its
// own (its log, its open buckets, its commits): nothing here can hold it up.
//
// Thread safety: any thread; one mutex, held for a few instructions. Time: handed in.
#pragma once
#include <array>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "replay/credits.h"

namespace hindcast {

enum class Link : uint8_t { kHistory, kMerge, kCommit };
inline constexpr size_t kLinks = 3;
std::string_view to_string(Link link);  // "history"

class Chain {
 public:
  using Room = std::array<ByteCount, kLinks>;  // by Link
  explicit Chain(Room room);

  /// False: come again; the worker keeps its place in the line.
  [[nodiscard]] bool try_take(Link link, Credits::Taker worker, ByteCount bytes, MonoTime now);
  void give_back(Link link, ByteCount bytes);
  /// The worker waits no longer.
  void leave(Credits::Taker worker, MonoTime now);

  struct State {
    Link link;
    ByteCount used, max;
    Duration blocked{};                     // how long somebody waited, all in all
    std::optional<MonoTime> blocked_since;  // without a break until now
  };
  std::vector<State> states(MonoTime now) const;

 private:
  mutable std::mutex mutex_;
  std::vector<Credits> links_;  // guarded by mutex_; by Link
};

}  // namespace hindcast
