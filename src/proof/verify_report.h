// What a verification found, whatever it compared with: differences down to key and bucket, what
// could not be compared, and what a repair has to do, or did.
//
// Values. Lists are bounded; the counts beside them are not.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "base/units.h"
#include "progress/replay_job.h"

namespace hindcast {

struct VerifyReport {
  struct Difference {
    enum class Kind : uint8_t {
      kDamage,   // a stored page does not come back as it was written
      kHead,     // a page's head says otherwise than its parts
      kRow,      // a row says otherwise than its page
      kRollup,   // a row says otherwise than its children
      kMissing,  // history has events that we do not have
      kDiffers,  // history says otherwise of events that we have
      kExtra,    // we have events that history does not have: history-short (law L9)
    } kind = Kind::kRow;
    std::string stream;
    std::string aggregate;  // "" = of events, not of rows
    std::string key;        // "" = of the whole page
    std::string what;       // for people
    Window window;          // the bucket; of a whole page, its window
    uint64_t events = 0;    // kMissing, kDiffers, kExtra: how many
  };
  /// A stretch of history that could not be compared.
  struct Unread {
    std::string source;
    Window window;
    std::string reason;
  };
  /// Windows that only history can make right.
  struct Refill {
    std::string stream, source;   // source "": the stream's sources have no history
    std::vector<Window> windows;  // sorted, neither touching nor overlapping
    JobId job = 0;                // the replay that does it; 0 = none was started
    std::string why_no_job;       // where one was to be started
  };
  /// Against history: what it took.
  struct History {
    bool compared = false;
    uint64_t events = 0;      // read, duplicates among them
    uint64_t pages_read = 0;  // stored pages that were opened, because their digests differ
    uint64_t keys_read = 0;   // keys of them whose events were read, because their digests differ
    uint64_t stored_events = 0;  // events read of these
    uint64_t requests = 0, bytes = 0;
  };

  uint64_t pages = 0, events = 0, rows = 0;  // compared
  std::vector<Difference> differences;
  uint64_t differences_total = 0;
  std::array<uint64_t, 7> by_kind{};  // of differences_total; kMissing and later: buckets
  std::vector<Unread> unread;
  uint64_t unread_total = 0;
  History history;

  std::vector<Refill> refill;
  bool repaired = false;         // a repair was asked for; what follows is what it did
  uint64_t pages_remade = 0;     // with the rows that stand on them
  uint64_t parents_marked = 0;   // rollups that the roller folds again
  uint64_t pages_contended = 0;  // others changed them meanwhile: verify again

  /// Everything was compared, and nothing differs.
  bool ok() const { return differences_total == 0 && unread_total == 0; }
  void add(Difference difference);
  void add(Unread stretch);
  /// Adds what another part of the same verification found.
  void add(const VerifyReport& part);
};

std::string_view to_string(VerifyReport::Difference::Kind kind);

}  // namespace hindcast
