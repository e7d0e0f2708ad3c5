// Answers from one snapshot plus what the lanes hold open: buckets in any resolution with their
// state, keys, events. State is derived here, at read time; nothing of it is stored.
//
// How open and stored fit together: the lanes' view is taken first and every commit that was under
// way then is waited for; the snapshot is taken after that. So a page is in the view, in the
// snapshot, or in both, and where the snapshot's frontier has passed it the snapshot is right.
//
// Thread safety: any thread; every call takes its own snapshot.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/catalog.h"
#include "engine/service.h"

namespace hindcast {

/// One page that a lane holds open: what is buffered of it (page order, visible).
struct OpenPage {
  PageKey key;
  EventBatch events;
};
/// The lanes' part of an answer. Pages of the given partitions whose windows intersect `range`;
/// `slot` = all when absent.
using OpenPagesFn = std::function<std::vector<OpenPage>(
    const std::vector<PartitionId>& partitions, const Window& range, std::optional<uint16_t> slot)>;

class Reader {
 public:
  Reader(const Catalog& catalog, const Store& store, OpenPagesFn open_pages);

  Result<BucketAnswer> buckets(const BucketQuery& query) const;
  Result<std::vector<std::string>> keys(const std::string& aggregate, const std::string& after,
                                        uint64_t limit) const;
  Result<EventAnswer> events(const EventQuery& query) const;
  std::vector<AggregateInfo> aggregates() const;

 private:
  const Catalog& catalog_;
  const Store& store_;
  OpenPagesFn open_pages_;
};

/// The stream of that name, or of the source of that name. Errors: kNotFound, with the nearest.
Result<const StreamInfo*> stream_named(const Catalog& catalog, const std::string& name);

/// "no aggregate 'candels'; did you mean 'candles'?"
Error unknown_name(std::string_view kind, const std::string& name,
                   const std::vector<std::string>& known);

}  // namespace hindcast
