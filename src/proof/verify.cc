#include "proof/verify.h"

#include <algorithm>
#include <map>
#include <set>

#include "lane/read_page.h"
#include "model/join.h"
#include "model/key.h"
#include "model/row.h"

namespace hindcast {
namespace {

constexpr size_t kListed = 1000;

class PartitionVerifier {
 public:
  PartitionVerifier(const VerifySubject& subject, PartitionId partition, const Snapshot& snapshot,
                    VerifyReport& report)
      : subject_(subject),
        schema_(subject.schema),
        partition_(partition),
        snapshot_(snapshot),
        report_(report) {}

  Status run() {
    HC_TRY_ASSIGN(const auto checkpoint, snapshot_.checkpoint(partition_));
    if (checkpoint) frontier_ = checkpoint->frontier;
    Status status;
    HC_TRY(snapshot_.heads({partition_, subject_.range}, [&](const PageHead& head) {
      pages_.insert({head.key.window, head.key.slot});
      if (frontier_.behind(head.key.window, head.key.slot)) status = check_page(head);
      return status.has_value();
    }));
    HC_TRY(status);
    for (const VerifyAggregate& aggregate : subject_.aggregates) {
      HC_TRY(check_orphans(aggregate));
      for (size_t level = aggregate.page_levels; level < aggregate.levels.size(); ++level) {
        HC_TRY(check_rollup(aggregate, level));
      }
    }
    return {};
  }

 private:
  using Place = std::pair<EventTime, Bytes>;  // bucket, key

  void differ(const VerifyAggregate* aggregate, BytesView key, Window window, std::string what) {
    report_.add({aggregate ? aggregate->name : "",
                 key.empty() ? "" : key_to_string(schema_.key, key), std::move(what), window});
  }

  Status check_page(const PageHead& head) {
    const Window window{head.key.window, head.key.window + schema_.page_window};
    ++report_.pages;
    const Result<PageParts> page = snapshot_.page(head.key, Lane::kReplay);
    Result<EventBatch> content = page ? events_of(*page) : Result<EventBatch>(page.error());
    if (!content) {
      if (content.error().code != ErrorCode::kCorruption) return content.error();
      differ(nullptr, {}, window,
             "page of slot " + std::to_string(head.key.slot) + ": " + content.error().message);
      return {};
    }
    report_.events += content->size();
    const std::vector<KeyRun> runs = key_runs(*content);
    Digest digest;
    for (const KeyRun& run : runs) {
      const uint64_t key_hash = hash64(content->keys[run.key]);
      for (size_t row = run.begin; row < run.end; ++row)
        digest += event_hash(schema_, *content, row, key_hash);
    }
    if (digest != head.digest || static_cast<int64_t>(content->size()) != head.live_events) {
      differ(nullptr, {}, window,
             "page of slot " + std::to_string(head.key.slot) + ": its head says " +
                 std::to_string(head.live_events) + " events, digest " + to_hex(head.digest) +
                 "; its parts hold " + std::to_string(content->size()) + ", digest " +
                 to_hex(digest));
    }
    for (const VerifyAggregate& aggregate : subject_.aggregates) {
      for (size_t level = 0; level < aggregate.page_levels; ++level) {
        std::vector<Row> folded;
        fold_rows(schema_, aggregate.rule, aggregate.id, aggregate.levels[level], partition_,
                  head.key.slot, *content, runs, folded);
        HC_TRY(compare(aggregate, level, {window.start, window.end}, head.key.slot, folded));
      }
    }
    return {};
  }

  Result<EventBatch> events_of(const PageParts& page) const {
    HC_TRY_ASSIGN(EventBatch all, read_page(schema_, page));
    return visible(schema_, std::move(all), {});
  }

  /// Stored rows of one (level, slot) in `buckets` against recomputed ones.
  Status compare(const VerifyAggregate& aggregate, size_t level, Window buckets, uint16_t slot,
                 const std::vector<Row>& computed) {
    std::map<Place, const Row*> expected;
    for (const Row& row : computed) expected.emplace(Place{row.at.bucket, row.at.key}, &row);
    const Duration resolution = aggregate.levels[level];
    HC_TRY(snapshot_.rows(
        {aggregate.id, resolution, buckets, partition_, slot, {}}, [&](const Row& row) {
          if (row.events == 0) return true;
          ++report_.rows;
          const Window window = window_of(row.at.bucket, resolution);
          const auto found = expected.find({row.at.bucket, row.at.key});
          if (found == expected.end()) {
            differ(&aggregate, row.at.key, window,
                   "row has " + std::to_string(row.events) + " events; there are none beneath it");
            return true;
          }
          const Row& right = *found->second;
          if (row.events != right.events || row.digest != right.digest) {
            differ(&aggregate, row.at.key, window,
                   "row says " + std::to_string(row.events) + " events, digest " +
                       to_hex(row.digest) + "; recomputed " + std::to_string(right.events) +
                       ", digest " + to_hex(right.digest));
          } else if (row.state != right.state) {
            differ(&aggregate, row.at.key, window, "values differ from recomputed ones");
          }
          expected.erase(found);
          return true;
        }));
    for (const auto& [at, row] : expected) {
      differ(&aggregate, at.second, window_of(at.first, resolution),
             "row is missing; recomputed " + std::to_string(row->events) + " events");
    }
    return {};
  }

  /// Rows folded from pages whose page is not there.
  Status check_orphans(const VerifyAggregate& aggregate) {
    for (size_t level = 0; level < aggregate.page_levels; ++level) {
      const Duration resolution = aggregate.levels[level];
      HC_TRY(snapshot_.rows(
          {aggregate.id, resolution, subject_.range, partition_, {}, {}}, [&](const Row& row) {
            if (row.events > 0 &&
                !pages_.contains({align_down(row.at.bucket, schema_.page_window), row.at.slot})) {
              differ(&aggregate, row.at.key, window_of(row.at.bucket, resolution),
                     "row without a page");
            }
            return true;
          }));
    }
    return {};
  }

  Status check_rollup(const VerifyAggregate& aggregate, size_t level) {
    const Duration resolution = aggregate.levels[level], child = aggregate.levels[level - 1];
    std::set<std::pair<EventTime, uint16_t>> waiting;
    HC_TRY(snapshot_.marks(partition_, [&](const Mark& mark) {
      if (mark.aggregate == aggregate.id && mark.resolution <= resolution) {
        waiting.insert({align_down(mark.bucket, resolution), mark.slot});
      }
      return true;
    }));
    // One parent bucket at a time: children come in time order, so a bucket's are contiguous.
    std::map<std::pair<uint16_t, Bytes>, std::vector<Row>> group;
    std::optional<EventTime> bucket;
    std::set<EventTime> with_children;
    // Of aggregates with different buckets the range is whole for some only: a part of a parent is
    // not compared.
    const auto within = [&](EventTime at) {
      return at >= subject_.range.start && at + resolution <= subject_.range.end &&
             at + resolution <= frontier_.window;
    };
    const auto finish = [&]() -> Status {
      if (!bucket || !within(*bucket)) return {};
      with_children.insert(*bucket);
      std::map<uint16_t, std::vector<Row>> computed;
      for (const auto& [at, rows] : group) {
        std::vector<const Row*> children;
        for (const Row& row : rows) children.push_back(&row);
        HC_TRY_ASSIGN(Row row,
                      roll_up(schema_, aggregate.rule,
                              {aggregate.id, resolution, *bucket, partition_, at.first, at.second},
                              children));
        computed[at.first].push_back(std::move(row));
      }
      for (uint16_t slot = 0; slot < schema_.slots; ++slot) {
        if (waiting.contains({*bucket, slot})) continue;
        HC_TRY(compare(aggregate, level, {*bucket, *bucket + resolution}, slot, computed[slot]));
      }
      return {};
    };
    Status status;
    HC_TRY(snapshot_.rows({aggregate.id, child, subject_.range, partition_, {}, {}},
                          [&](const Row& row) {
                            const EventTime parent = align_down(row.at.bucket, resolution);
                            if (bucket != parent) {
                              status = finish();
                              group.clear();
                              bucket = parent;
                            }
                            if (row.events > 0) group[{row.at.slot, row.at.key}].push_back(row);
                            return status.has_value();
                          }));
    HC_TRY(status);
    HC_TRY(finish());
    HC_TRY(snapshot_.rows(
        {aggregate.id, resolution, subject_.range, partition_, {}, {}}, [&](const Row& row) {
          if (row.events > 0 && within(row.at.bucket) && !with_children.contains(row.at.bucket) &&
              !waiting.contains({row.at.bucket, row.at.slot})) {
            differ(&aggregate, row.at.key, window_of(row.at.bucket, resolution),
                   "row has " + std::to_string(row.events) + " events; there are none beneath it");
          }
          return true;
        }));
    return {};
  }

  const VerifySubject& subject_;
  const StreamSchema& schema_;
  PartitionId partition_;
  const Snapshot& snapshot_;
  VerifyReport& report_;
  Frontier frontier_;
  std::set<std::pair<EventTime, uint16_t>> pages_;
};

}  // namespace

void VerifyReport::add(Difference difference) {
  ++differences_total;
  if (differences.size() < kListed) differences.push_back(std::move(difference));
}

Status verify_pages(const VerifySubject& subject, const Snapshot& snapshot, VerifyReport& report) {
  for (const PartitionId partition : subject.partitions) {
    HC_TRY(PartitionVerifier(subject, partition, snapshot, report).run());
  }
  return {};
}

}  // namespace hindcast
