#include "lane/roller.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <unordered_map>

#include "base/assert.h"
#include "lane/parent_marks.h"
#include "model/function.h"

namespace hindcast {
namespace {

/// The parents that one step may refold together: all marks of one (aggregate, resolution, bucket,
/// slot).
struct Group {
  Duration resolution{};  // first: children are rolled before their parents
  AggregateId aggregate;
  EventTime bucket{};
  uint16_t slot = 0;
  auto operator<=>(const Group&) const = default;
};

struct Marked {
  std::vector<uint64_t> ids;
  std::set<Bytes> keys;
  bool whole_slot = false;
  Cause cause;
};

/// Partial states of one group's keys, folded as their children come by.
class Refold {
 public:
  Refold(const StreamSchema& schema, const Rule& rule) : schema_(schema), rule_(rule) {}

  Status child(const Row& row) {
    if (row.events == 0) return {};  // hidden: nothing is left of it
    Entry& entry = this->entry(row.at.key);
    entry.events += row.events;
    entry.digest += row.digest;
    return entry.state.combine(row.state);
  }
  /// A stored parent: what the new one is compared with.
  void previous(const Row& row) { entry(row.at.key).before = row; }

  /// Rows that differ from what is stored, in key order.
  std::vector<Row> changed(const RowKey& at, Cause cause, ProcessingTime now) {
    std::vector<Row> out;
    for (Entry& entry : entries_) {
      Row row{.at = at,
              .events = entry.events,
              .digest = entry.digest,
              .cause = cause,
              .published_at = now};
      row.at.key = entry.key;
      entry.state.encode(row.state);
      if (!entry.before && entry.events == 0) continue;
      if (entry.before && entry.before->events == row.events &&
          entry.before->digest == row.digest && entry.before->state == row.state) {
        continue;
      }
      row.version = Version{entry.before ? entry.before->version.value + 1 : 1};
      out.push_back(std::move(row));
    }
    std::ranges::sort(out, {}, [](const Row& row) -> const Bytes& { return row.at.key; });
    return out;
  }

 private:
  struct Entry {
    Bytes key;
    State state;
    uint64_t events = 0;
    Digest digest;
    std::optional<Row> before;
  };
  Entry& entry(const Bytes& key) {
    const auto [at, added] = index_.try_emplace(key, entries_.size());
    if (added) entries_.push_back(Entry{.key = key, .state = State(schema_, rule_)});
    return entries_[at->second];
  }
  const StreamSchema& schema_;
  const Rule& rule_;
  std::deque<Entry> entries_;
  std::unordered_map<Bytes, size_t> index_;
};

}  // namespace

struct Roller::Impl {
  explicit Impl(RollerOptions given) : options(std::move(given)) {}

  const RollerAggregate* find(AggregateId id) const {
    const auto found = std::ranges::find(options.aggregates, id, &RollerAggregate::id);
    return found == options.aggregates.end() ? nullptr : &*found;
  }
  Result<std::map<Group, Marked>> marked(const Snapshot& snapshot) const;
  bool waits(const std::map<Group, Marked>& all, const Group& group,
             const RollerAggregate& aggregate) const;
  Result<std::vector<Row>> refold(const Snapshot& snapshot, const Group& group, const Marked& marks,
                                  const RollerAggregate& aggregate, ProcessingTime now) const;

  const RollerOptions options;
  CommitId last_id = 0;
  bool busy = false;
};

Result<std::map<Group, Marked>> Roller::Impl::marked(const Snapshot& snapshot) const {
  std::map<Group, Marked> out;
  HC_TRY(snapshot.marks(options.partition, [&](const Mark& mark) {
    Marked& marks = out[{mark.resolution, mark.aggregate, mark.bucket, mark.slot}];
    marks.ids.push_back(mark.id);
    marks.keys.insert(mark.keys.begin(), mark.keys.end());
    marks.whole_slot |= mark.keys.empty();
    marks.cause = std::max(marks.cause, mark.cause);
    return true;
  }));
  return out;
}

/// Children that are marked themselves come first: else the parent would be folded twice and get a
/// version for nothing.
bool Roller::Impl::waits(const std::map<Group, Marked>& all, const Group& group,
                         const RollerAggregate& aggregate) const {
  const EventTime end = window_of(group.bucket, group.resolution).end;
  for (const Duration lower : aggregate.resolutions) {
    if (lower >= group.resolution) break;
    for (auto at = all.lower_bound({lower, group.aggregate, group.bucket, 0}); at != all.end();
         ++at) {
      const Group& child = at->first;
      if (child.resolution != lower || child.aggregate != group.aggregate || child.bucket >= end)
        break;
      if (child.slot == group.slot) return true;
    }
  }
  return false;
}

Result<std::vector<Row>> Roller::Impl::refold(const Snapshot& snapshot, const Group& group,
                                              const Marked& marks, const RollerAggregate& aggregate,
                                              ProcessingTime now) const {
  const auto own = std::ranges::find(aggregate.resolutions, group.resolution);
  HC_ASSERT(own != aggregate.resolutions.end() && own != aggregate.resolutions.begin());
  const Window bucket = window_of(group.bucket, group.resolution);
  RowQuery children{.aggregate = group.aggregate,
                    .resolution = *std::prev(own),
                    .range = bucket,
                    .partition = options.partition,
                    .slot = group.slot};
  RowQuery parents = children;
  parents.resolution = group.resolution;

  Refold refold(options.schema, aggregate.rule);
  Status folded;
  const auto read = [&]() -> Status {
    HC_TRY(snapshot.rows(children, [&](const Row& row) {
      folded = refold.child(row);
      return folded.has_value();
    }));
    HC_TRY(folded);
    return snapshot.rows(parents, [&](const Row& row) {
      refold.previous(row);
      return true;
    });
  };
  if (marks.whole_slot || marks.keys.size() > kMarkKeysMax) {
    HC_TRY(read());
  } else {
    for (const Bytes& key : marks.keys) {
      children.key = parents.key = key;
      HC_TRY(read());
    }
  }
  return refold.changed({.aggregate = group.aggregate,
                         .resolution = group.resolution,
                         .bucket = group.bucket,
                         .partition = options.partition,
                         .slot = group.slot},
                        marks.cause, now);
}

Roller::Roller(RollerOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Roller::~Roller() = default;

Result<std::optional<Commit>> Roller::step(const Snapshot& snapshot, ProcessingTime now) {
  Impl& roller = *impl_;
  HC_ASSERT(!roller.busy);
  HC_TRY_ASSIGN(const std::optional<Checkpoint> checkpoint,
                snapshot.checkpoint(roller.options.partition));
  if (!checkpoint) return std::optional<Commit>();
  const EventTime frontier = checkpoint->frontier.window;
  HC_TRY_ASSIGN(const auto all, roller.marked(snapshot));

  Commit commit{.lane = Lane::kLive, .published_at = now};
  std::set<Group> marked_now;  // open parents whose whole slot this commit marks
  for (const auto& [group, marks] : all) {
    const RollerAggregate* aggregate = roller.find(group.aggregate);
    const bool known =
        aggregate != nullptr && std::ranges::count(aggregate->resolutions, group.resolution) > 0;
    if (!known) {
      // The definition is gone from the configuration, and with it the rows that the mark speaks
      // of.
      commit.marks_done.insert(commit.marks_done.end(), marks.ids.begin(), marks.ids.end());
      continue;
    }
    if (window_of(group.bucket, group.resolution).end > frontier ||
        roller.waits(all, group, *aggregate))
      continue;
    HC_TRY_ASSIGN(std::vector<Row> rows, roller.refold(snapshot, group, marks, *aggregate, now));
    commit.marks_done.insert(commit.marks_done.end(), marks.ids.begin(), marks.ids.end());
    commit.cause = std::max(commit.cause, marks.cause);
    const auto next = std::next(std::ranges::find(aggregate->resolutions, group.resolution));
    if (next != aggregate->resolutions.end() && !rows.empty()) {
      Mark up{.aggregate = group.aggregate,
              .resolution = *next,
              .bucket = align_down(group.bucket, *next),
              .partition = roller.options.partition,
              .slot = group.slot,
              .cause = marks.cause};
      const auto whole = all.find({*next, group.aggregate, up.bucket, group.slot});
      const bool open = window_of(up.bucket, *next).end > frontier;
      if (!open && rows.size() <= kMarkKeysMax) {
        for (const Row& row : rows) up.keys.push_back(row.at.key);
      }
      // An open parent whose whole slot is marked already will be folded from all its children,
      // this one among them.
      const bool marked =
          open && ((whole != all.end() && whole->second.whole_slot) ||
                   !marked_now.insert({*next, group.aggregate, up.bucket, group.slot}).second);
      if (!marked) commit.marks.push_back(std::move(up));
    }
    std::ranges::move(rows, std::back_inserter(commit.rows));
    if (commit.rows.size() >= roller.options.rows_max) break;
  }
  if (commit.marks_done.empty()) return std::optional<Commit>();
  commit.id = ++roller.last_id;
  roller.busy = true;
  return std::optional<Commit>(std::move(commit));
}

bool Roller::busy() const { return impl_->busy; }

void Roller::committed(CommitId id, const CommitResult& result) {
  HC_ASSERT(impl_->busy && id == impl_->last_id);
  if (result.state != CommitState::kUnknown) impl_->busy = false;
}

}  // namespace hindcast
