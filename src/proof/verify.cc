#include "proof/verify.h"

#include <algorithm>
#include <map>

#include "lane/read_page.h"
#include "lane/remake.h"
#include "model/join.h"
#include "model/key.h"
#include "model/row.h"

namespace hindcast {
namespace {

using Kind = VerifyReport::Difference::Kind;
using RowFn = std::function<Status(const Row&)>;

constexpr size_t kKeysTold = 5;

class PartitionVerifier {
 public:
  PartitionVerifier(const VerifySubject& subject, PartitionId partition, const Snapshot& snapshot,
                    VerifyReport& report, RepairPlan* plan)
      : subject_(subject),
        schema_(subject.schema),
        partition_(partition),
        snapshot_(snapshot),
        report_(report),
        plan_(plan) {}

  Status run() {
    HC_TRY_ASSIGN(const auto checkpoint, snapshot_.checkpoint(partition_));
    if (checkpoint) frontier_ = checkpoint->frontier;
    HC_TRY(check_pages());
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

  void differ(Kind kind, const VerifyAggregate* aggregate, BytesView key, Window window,
              std::string what) {
    report_.add({.kind = kind,
                 .stream = schema_.name,
                 .aggregate = aggregate ? aggregate->name : "",
                 .key = key.empty() ? "" : key_to_string(schema_.key, key),
                 .what = std::move(what),
                 .window = window});
  }
  void to_remake(const PageKey& page) {
    if (plan_ != nullptr) plan_->pages.insert(page);
  }
  void to_refold(const VerifyAggregate& aggregate, Duration resolution, EventTime bucket,
                 uint16_t slot) {
    if (plan_ != nullptr)
      plan_->parents.insert({aggregate.id, resolution, bucket, partition_, slot});
  }

  /// Rows of a query; those that cannot be read are a difference, and the rest of the query is.
  Status each_row(const VerifyAggregate& aggregate, size_t level, Window buckets,
                  std::optional<uint16_t> slot, const RowFn& each, bool* readable = nullptr) {
    Status status;
    const Status read =
        snapshot_.rows({aggregate.id, aggregate.levels[level], buckets, partition_, slot, {}},
                       [&](const Row& row) {
                         status = each(row);
                         return status.has_value();
                       });
    HC_TRY(status);
    if (read || read.error().code != ErrorCode::kCorruption) return read;
    differ(level < aggregate.page_levels ? Kind::kRow : Kind::kRollup, &aggregate, {}, buckets,
           "rows of " + to_string(aggregate.levels[level]) + ": " + read.error().message);
    if (readable != nullptr) *readable = false;
    return {};
  }

  Status check_pages() {
    Status status;
    PageKey last{partition_, subject_.range.start, 0};
    const Status read = snapshot_.heads({partition_, subject_.range}, [&](const PageHead& head) {
      last = head.key;
      status = check_page(head.key);
      return status.has_value();
    });
    HC_TRY(status);
    if (read || read.error().code != ErrorCode::kCorruption) return read;
    // A block of heads is gone. Rows say which pages there are behind it; they are asked one by
    // one.
    std::set<PageKey> implied;
    for (const VerifyAggregate& aggregate : subject_.aggregates) {
      for (size_t level = 0; level < aggregate.page_levels; ++level) {
        HC_TRY(each_row(
            aggregate, level, {last.window, subject_.range.end}, {}, [&](const Row& row) -> Status {
              const PageKey page{partition_, align_down(row.at.bucket, schema_.page_window),
                                 row.at.slot};
              if (!pages_.contains({page.window, page.slot})) implied.insert(page);
              return {};
            }));
      }
    }
    for (const PageKey& page : implied) HC_TRY(check_page(page));
    return {};
  }

  Status check_page(const PageKey& key) {
    pages_.insert({key.window, key.slot});
    if (!frontier_.behind(key.window, key.slot)) return {};
    ++report_.pages;
    HC_TRY_ASSIGN(const PageParts page, snapshot_.page(key, Lane::kReplay));
    size_t bytes = 0;
    for (const Bytes& part : page.parts) bytes += part.size();
    if (subject_.go_on && !subject_.go_on(ByteCount{bytes}))
      return Error{ErrorCode::kCancelled, "stopped"};

    Remains remains = remains_of(schema_, page);
    if (!remains.damage.empty()) report_damage(key, remains);
    const EventBatch content = visible(schema_, std::move(remains.rows), {});
    report_.events += content.size();
    const std::vector<KeyRun> runs = key_runs(content);
    if (!remains.lost_events()) check_head(page.head, content);
    if (remains.more_lost) return {};  // nothing can be said of its rows
    for (const VerifyAggregate& aggregate : subject_.aggregates) {
      for (size_t level = 0; level < aggregate.page_levels; ++level) {
        std::vector<Row> folded;
        fold_rows(schema_, aggregate.rule, aggregate.id, aggregate.levels[level], partition_,
                  key.slot, content, runs, folded);
        HC_TRY(compare(aggregate, level, window_of_page(key), key.slot, folded, remains.lost_keys));
      }
    }
    return {};
  }

  Window window_of_page(const PageKey& key) const {
    return {key.window, key.window + schema_.page_window};
  }

  void report_damage(const PageKey& key, const Remains& remains) {
    std::string lost = "nothing is lost";
    if (remains.more_lost) {
      lost = "events of any key may be lost";
    } else if (!remains.lost_keys.empty()) {
      lost = "events are lost of ";
      for (size_t i = 0; i < std::min(remains.lost_keys.size(), kKeysTold); ++i)
        lost += (i == 0 ? "" : ", ") + key_to_string(schema_.key, remains.lost_keys[i]);
      if (remains.lost_keys.size() > kKeysTold)
        lost += " and " + std::to_string(remains.lost_keys.size() - kKeysTold) + " keys more";
    }
    const std::string_view only =
        remains.lost_keys.size() == 1 ? BytesView(remains.lost_keys[0]) : BytesView();
    for (const std::string& place : remains.damage) {
      differ(Kind::kDamage, nullptr, only, window_of_page(key),
             "page of slot " + std::to_string(key.slot) + ": " + place + "; " + lost);
    }
    to_remake(key);
  }

  void check_head(const PageHead& head, const EventBatch& content) {
    const PageChanges whole = page_changes(schema_, content, {});
    if (whole.digest_change == head.digest && whole.live_change == head.live_events) return;
    differ(Kind::kHead, nullptr, {}, window_of_page(head.key),
           "page of slot " + std::to_string(head.key.slot) + ": its head says " +
               std::to_string(head.live_events) + " events, digest " + to_hex(head.digest) +
               "; its parts hold " + std::to_string(whole.live_change) + ", digest " +
               to_hex(whole.digest_change));
    to_remake(head.key);
  }

  /// Stored rows of one (level, slot) in `buckets` against recomputed ones, but for `lost` keys:
  /// what their rows were made of is not there any more.
  Status compare(const VerifyAggregate& aggregate, size_t level, Window buckets, uint16_t slot,
                 const std::vector<Row>& computed, const std::vector<Bytes>& lost) {
    const bool of_page = level < aggregate.page_levels;
    const Duration resolution = aggregate.levels[level];
    const auto found = [&](BytesView key, EventTime bucket, std::string what) {
      differ(of_page ? Kind::kRow : Kind::kRollup, &aggregate, key, window_of(bucket, resolution),
             std::move(what));
      if (of_page) {
        to_remake({partition_, align_down(bucket, schema_.page_window), slot});
      } else {
        to_refold(aggregate, resolution, bucket, slot);
      }
    };
    const auto is_lost = [&](const Bytes& key) { return std::ranges::binary_search(lost, key); };
    std::map<Place, const Row*> expected;
    for (const Row& row : computed) {
      if (!is_lost(row.at.key)) expected.emplace(Place{row.at.bucket, row.at.key}, &row);
    }
    bool readable = true;
    HC_TRY(each_row(
        aggregate, level, buckets, slot,
        [&](const Row& row) -> Status {
          if (row.events == 0 || is_lost(row.at.key)) return {};
          ++report_.rows;
          const auto at = expected.find({row.at.bucket, row.at.key});
          if (at == expected.end()) {
            found(row.at.key, row.at.bucket,
                  "row has " + std::to_string(row.events) + " events; there are none beneath it");
            return {};
          }
          const Row& right = *at->second;
          if (row.events != right.events || row.digest != right.digest) {
            found(row.at.key, row.at.bucket,
                  "row says " + std::to_string(row.events) + " events, digest " +
                      to_hex(row.digest) + "; recomputed " + std::to_string(right.events) +
                      ", digest " + to_hex(right.digest));
          } else if (row.state != right.state) {
            found(row.at.key, row.at.bucket, "values differ from recomputed ones");
          }
          expected.erase(at);
          return {};
        },
        &readable));
    if (!readable) {
      if (of_page) to_remake({partition_, align_down(buckets.start, schema_.page_window), slot});
      return {};
    }
    for (const auto& [at, row] : expected) {
      found(at.second, at.first,
            "row is missing; recomputed " + std::to_string(row->events) + " events");
    }
    return {};
  }

  /// Rows folded from pages whose page is not there.
  Status check_orphans(const VerifyAggregate& aggregate) {
    for (size_t level = 0; level < aggregate.page_levels; ++level) {
      const Duration resolution = aggregate.levels[level];
      HC_TRY(each_row(aggregate, level, subject_.range, {}, [&](const Row& row) -> Status {
        const EventTime window = align_down(row.at.bucket, schema_.page_window);
        if (row.events > 0 && !pages_.contains({window, row.at.slot})) {
          differ(Kind::kRow, &aggregate, row.at.key, window_of(row.at.bucket, resolution),
                 "row without a page");
          to_remake({partition_, window, row.at.slot});
        }
        return {};
      }));
    }
    return {};
  }

  Status check_rollup(const VerifyAggregate& aggregate, size_t level) {
    const Duration resolution = aggregate.levels[level];
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
        Result<Row> row =
            roll_up(schema_, aggregate.rule,
                    {aggregate.id, resolution, *bucket, partition_, at.first, at.second}, children);
        if (row) {
          computed[at.first].push_back(*std::move(row));
        } else {
          differ(Kind::kRollup, &aggregate, at.second, window_of(*bucket, resolution),
                 row.error().message);
        }
      }
      for (uint16_t slot = 0; slot < schema_.slots; ++slot) {
        if (waiting.contains({*bucket, slot})) continue;
        HC_TRY(
            compare(aggregate, level, {*bucket, *bucket + resolution}, slot, computed[slot], {}));
      }
      return {};
    };
    const auto child = [&](const Row& row) -> Status {
      const EventTime parent = align_down(row.at.bucket, resolution);
      if (bucket != parent) {
        HC_TRY(finish());
        group.clear();
        bucket = parent;
      }
      if (row.events > 0) group[{row.at.slot, row.at.key}].push_back(row);
      return {};
    };
    HC_TRY(each_row(aggregate, level - 1, subject_.range, {}, child));
    HC_TRY(finish());
    return each_row(aggregate, level, subject_.range, {}, [&](const Row& row) -> Status {
      if (row.events > 0 && within(row.at.bucket) && !with_children.contains(row.at.bucket) &&
          !waiting.contains({row.at.bucket, row.at.slot})) {
        differ(Kind::kRollup, &aggregate, row.at.key, window_of(row.at.bucket, resolution),
               "row has " + std::to_string(row.events) + " events; there are none beneath it");
        to_refold(aggregate, resolution, row.at.bucket, row.at.slot);
      }
      return {};
    });
  }

  const VerifySubject& subject_;
  const StreamSchema& schema_;
  PartitionId partition_;
  const Snapshot& snapshot_;
  VerifyReport& report_;
  RepairPlan* plan_;
  Frontier frontier_;
  std::set<std::pair<EventTime, uint16_t>> pages_;
};

}  // namespace

Status verify_pages(const VerifySubject& subject, const Snapshot& snapshot, VerifyReport& report,
                    RepairPlan* plan) {
  for (const PartitionId partition : subject.partitions) {
    HC_TRY(PartitionVerifier(subject, partition, snapshot, report, plan).run());
  }
  return {};
}

}  // namespace hindcast
