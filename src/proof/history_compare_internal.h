// One stretch of page windows, as history has it and as we have it (verify_history.h).
//
// Confined to one thread.
#pragma once
#include <map>
#include <set>
#include <vector>

#include "progress/watermark.h"
#include "proof/verify_history.h"

namespace hindcast {

class HistoryCompare {
 public:
  /// All outlive it. `frontiers`: by partition; only what is behind them is compared.
  HistoryCompare(const HistorySubject& subject, const Snapshot& snapshot,
                 const std::map<PartitionId, Frontier>& frontiers,
                 const std::vector<HistoryChunk::Missing>& missing, VerifyReport& report,
                 std::vector<Window>& refill);

  /// `windows`: everything that history has of them lies in `held`, by page window; of slots
  /// [slot_begin, slot_end) only. Takes these windows out of `held`.
  Status compare(Window windows, uint16_t slot_begin, uint16_t slot_end,
                 std::map<EventTime, EventBatch>& held);

 private:
  using Kind = VerifyReport::Difference::Kind;
  struct KeySum {
    BytesView key;  // of `events`
    const EventBatch* events = nullptr;
    size_t begin = 0, end = 0;  // rows of it
    int64_t count = 0;
    Digest digest;
  };
  using Pages = std::map<PageKey, std::vector<KeySum>>;

  void add_pages(EventTime window, const EventBatch& visible, Pages& pages) const;
  Status compare_page(const PageKey& key, const PageHead* head, const std::vector<KeySum>& history);
  void compare_key(const PageKey& page, BytesView key, const EventBatch& ours, size_t begin,
                   size_t end, const KeySum& history);
  /// "price: history 10.5, stored 10.4; …"; empty = none.
  std::string fields_that_differ(const EventBatch& history, size_t i, const EventBatch& ours,
                                 size_t j) const;
  void found(const PageKey& page, Kind kind, BytesView key, EventTime time, std::string what);
  void tell_found(const PageKey& page);
  bool excluded(const Window& window, BytesView key) const;

  const HistorySubject& subject_;
  const StreamSchema& schema_;
  const Snapshot& snapshot_;
  const std::map<PartitionId, Frontier>& frontiers_;
  const std::vector<HistoryChunk::Missing>& missing_;
  const Duration finest_;
  VerifyReport& report_;
  std::vector<Window>& refill_;
  struct Place {
    EventTime bucket;
    Bytes key;
    Kind kind;
    auto operator<=>(const Place&) const = default;
  };
  struct Found {
    uint64_t events = 0;
    std::string first;  // of them, for people
  };
  std::map<Place, Found> found_;  // in the page at hand
};

}  // namespace hindcast
