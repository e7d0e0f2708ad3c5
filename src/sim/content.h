// Canonical content: what a store holds, free of how it came there (parts, versions, stamps,
// positions). Law L1 says that equal events give equal content. And the naive model, which says
// what the content must be: a map of winners, and plain integers folded from it.
#pragma once
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "base/hash.h"
#include "sim/failures.h"
#include "sim/stream.h"
#include "store/store.h"

namespace hindcast::sim {

/// What readers see of one row.
struct Seen {
  uint64_t count = 0;
  int64_t sum = 0, first = 0, last = 0;
  bool operator==(const Seen&) const = default;
};
/// Aggregate, resolution, bucket, key. A key lives in one partition.
using SeenAt = std::tuple<AggregateId, Duration, EventTime, std::string>;

struct Content {
  std::vector<Event> events;    // winners of their identities, tombstones too, in order
  std::map<SeenAt, Seen> rows;  // with events
};

/// Winners of their identities, in order: Content::events.
std::vector<Event> read_events(const Snapshot& snapshot, const StreamSchema& schema,
                               Failures& failures);
/// Decoded from the pages and rows of all partitions. Once everything is closed, the digests of
/// every resolution's rows add up to those of the pages (law L1).
Content read_content(const Snapshot& snapshot, const StreamSchema& schema, Failures& failures);
/// Over all of it, and over the digests and states of the rows, which the model does not have.
Hash128 canonical_hash(const Snapshot& snapshot, const StreamSchema& schema,
                       const Content& content);

/// Differences, one line each; nothing when equal.
void compare(const Content& actual, const Content& expected, std::string_view law,
             Failures& failures);

/// Which of two events of one identity wins: the higher.
std::pair<int64_t, bool> rank(const Event& event);
/// Key, time and id.
using Identity = std::tuple<std::string, Duration, int64_t>;
Identity identity_of(const Event& event);

class NaiveModel {
 public:
  void add(const Event& event);
  size_t identities() const { return winners_.size(); }
  Content content(const StreamSchema& schema) const;

 private:
  std::map<Identity, Event> winners_;
};

}  // namespace hindcast::sim
