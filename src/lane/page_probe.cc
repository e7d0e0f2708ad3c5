#include "lane/page_probe.h"

#include <algorithm>

#include "base/assert.h"
#include "lane/page_merge_internal.h"
#include "lane/read_page.h"
#include "model/join.h"
#include "model/part.h"
#include "model/part_index.h"
#include "store/commit_rules.h"

namespace hindcast {
namespace {

// More parts make each probe slower, fewer are folded more often.
constexpr size_t kTailParts = 12;
// Read at once of a part: small parts whole, of large ones most directories.
constexpr uint64_t kFirstRead = 64 * 1024;

const Withdrawn kNothingWithdrawn;

/// What the parts' directories say of the keys, and the records with their times.
class Prober {
 public:
  Prober(const PageReader& snapshot, const PageHead& head, const StreamSchema& schema,
         const EventBatch& events)
      : snapshot_(snapshot), head_(head), schema_(schema), same_(schema) {
    for (const KeyRun& run : key_runs(events)) {
      wanted_.push_back(
          {events.keys[run.key], std::span(events.time).subspan(run.begin, run.end - run.begin)});
    }
    totals_.resize(wanted_.size());
  }

  Status probe() {
    for (const PartRef& part : head_.parts) HC_TRY(probe_part(part));
    if (head_.parts.size() > 1) same_ = sort_unique(schema_, same_);
    return {};
  }
  EventBatch take_same() { return std::move(same_); }
  const std::vector<PartIndex::Wanted>& wanted() const { return wanted_; }
  /// Sums over the parts, one for each wanted key.
  const std::vector<PartIndex::Key>& totals() const { return totals_; }

 private:
  Status probe_part(const PartRef& part) {
    HC_TRY_ASSIGN(Bytes bytes, snapshot_.part_bytes(head_.key, part, 0,
                                                    std::min<uint64_t>(part.size, kFirstRead)));
    HC_TRY_ASSIGN(const uint64_t head_bytes, PartIndex::head_bytes(bytes));
    if (head_bytes > part.size) return corruption("part: truncated directory");
    if (head_bytes > bytes.size()) {
      HC_TRY_ASSIGN(const Bytes rest,
                    snapshot_.part_bytes(head_.key, part, bytes.size(), head_bytes - bytes.size()));
      bytes += rest;
    }
    HC_TRY_ASSIGN(const PartIndex index,
                  PartIndex::open(BytesView(bytes).substr(0, head_bytes), part.size, wanted_));
    for (size_t k = 0; k < totals_.size(); ++k) {
      totals_[k].named |= index.keys()[k].named;
      totals_[k].count += index.keys()[k].count;
      totals_[k].digest += index.keys()[k].digest;
    }
    for (const PartIndex::Chunk& chunk : index.chunks()) {
      if (chunk.offset + chunk.size <= bytes.size()) {
        HC_TRY(
            index.read(schema_, chunk, BytesView(bytes).substr(chunk.offset, chunk.size), same_));
        continue;
      }
      HC_TRY_ASSIGN(const Bytes read,
                    snapshot_.part_bytes(head_.key, part, chunk.offset, chunk.size));
      HC_TRY(index.read(schema_, chunk, read, same_));
    }
    return {};
  }

  const PageReader& snapshot_;
  const PageHead& head_;
  const StreamSchema& schema_;
  std::vector<PartIndex::Wanted> wanted_;
  std::vector<PartIndex::Key> totals_;
  EventBatch same_;
};

/// Every page-window row is one that new events may be folded into.
bool folds_forward(const StreamSchema& schema, const std::vector<LaneAggregate>& aggregates) {
  return std::ranges::all_of(aggregates, [&](const LaneAggregate& aggregate) {
    return aggregate.resolutions == std::vector{schema.page_window} &&
           folds_in_pieces(schema, aggregate.rule);
  });
}

/// Whether each record that is added makes one more live event of its key, or is a tombstone of
/// nothing that is there.
bool only_new(const Addition& addition) {
  const std::vector<KeyRun> runs = key_runs(addition.rows);
  for (const KeyRun& run : runs) {
    int64_t live = 0;
    for (size_t row = run.begin; row < run.end; ++row)
      live += addition.rows.op_at(row) == Op::kUpsert;
    if (addition.changes[run.key].count != live) return false;
  }
  return true;
}

RowKey row_key(const StreamSchema& schema, const LaneAggregate& aggregate, const PageKey& page,
               BytesView key) {
  return {aggregate.id, schema.page_window, page.window, page.partition, page.slot, Bytes(key)};
}

Result<std::optional<PageParts>> whole() { return std::optional<PageParts>(); }

/// Reads the youngest parts, to be folded. False when one is damaged.
Result<bool> read_tail(const PageReader& snapshot, const PageHead& head, PageProbe& probe) {
  for (size_t i = probe.folds_from; probe.folds_from > 0 && i < head.parts.size(); ++i) {
    Result<Bytes> part = snapshot.part_bytes(head.key, head.parts[i], 0, head.parts[i].size);
    if (!part && part.error().code == ErrorCode::kCorruption) return false;
    HC_TRY(part);
    if (!PartView::open(*part)) return false;
    probe.tail.push_back(*std::move(part));
  }
  return true;
}

}  // namespace

uint32_t fold_tail_from(const std::vector<uint64_t>& sizes) {
  if (sizes.size() < kTailParts) return 0;
  const auto large = static_cast<size_t>(std::ranges::max_element(sizes) - sizes.begin());
  size_t from = sizes.size();
  uint64_t folded = 0;
  while (from > large + 1 &&
         (sizes.size() - from < kTailParts / 2 || sizes[from - 1] <= 2 * folded)) {
    folded += sizes[--from];
  }
  return from == sizes.size() ? 0 : static_cast<uint32_t>(from);
}

Result<std::optional<PageParts>> probe_page(const PageReader& snapshot, const PageKey& key,
                                            const EventBatch& events, Lane lane,
                                            const StreamSchema& schema,
                                            const std::vector<LaneAggregate>& aggregates) {
  if (!folds_forward(schema, aggregates)) return whole();
  PageParts out;
  HC_TRY_ASSIGN(out.head, snapshot.head(key, lane));
  out.head.key = key;
  if (!out.head.damage.empty() || out.head.parts.empty()) return whole();
  std::vector<uint64_t> sizes;
  for (const PartRef& part : out.head.parts) sizes.push_back(part.size);
  if (wants_folding(sizes)) return whole();

  const EventBatch sorted = sort_unique(schema, events);
  Prober prober(snapshot, out.head, schema, sorted);
  if (const Status probed = prober.probe(); !probed) {
    if (probed.error().code == ErrorCode::kCorruption) return whole();
    return probed.error();
  }
  auto probe = std::make_shared<PageProbe>();
  probe->same = prober.take_same();
  if (!only_new(add(schema, probe->same, sorted, kNothingWithdrawn))) return whole();
  for (size_t k = 0; k < prober.wanted().size(); ++k) {
    const PartIndex::Key& total = prober.totals()[k];
    PageProbe::Key& known = probe->keys.emplace_back();
    known.known = total.named;
    for (const LaneAggregate& aggregate : aggregates) {
      Result<std::optional<Row>> row =
          snapshot.row(row_key(schema, aggregate, key, prober.wanted()[k].key));
      if (!row && row.error().code == ErrorCode::kCorruption) return whole();
      HC_TRY(row);
      const uint64_t count = *row ? (*row)->events : 0;
      const Digest digest = *row ? (*row)->digest : Digest{};
      if (count != static_cast<uint64_t>(total.count) || digest != total.digest) return whole();
      known.rows.push_back(*std::move(row));
    }
  }
  probe->folds_from = fold_tail_from(sizes);
  HC_TRY_ASSIGN(const bool readable, read_tail(snapshot, out.head, *probe));
  if (!readable) return whole();
  out.probe = std::move(probe);
  return std::optional(std::move(out));
}

namespace {

/// The row of one aggregate and key with the new events (`delta`) in it.
Result<Row> carried_forward(const MergeContext& context, const LaneAggregate& aggregate,
                            const std::optional<Row>& standing, Row delta) {
  if (!standing || standing->events == 0) return delta;
  State state(context.schema, aggregate.rule);
  HC_TRY(state.combine(standing->state));
  HC_TRY(state.combine(delta.state));
  delta.state.clear();
  state.encode(delta.state);
  delta.events += standing->events;
  delta.digest += standing->digest;
  return delta;
}

Status put_rows_forward(const MergeContext& context, const PageKey& key, Version version,
                        const EventBatch& added, const EventBatch& sorted, const PageProbe& probe,
                        PageMerge& out) {
  const EventBatch seen = visible(context.schema, added, kNothingWithdrawn);
  const std::vector<KeyRun> runs = key_runs(seen), all = key_runs(sorted);
  HC_ASSERT(all.size() == probe.keys.size());
  for (size_t i = 0; i < context.aggregates.size(); ++i) {
    const LaneAggregate& aggregate = context.aggregates[i];
    std::vector<Row> deltas;
    fold_rows(context.schema, aggregate.rule, aggregate.id, context.schema.page_window,
              key.partition, key.slot, seen, runs, deltas);
    size_t at = 0;
    for (Row& delta : deltas) {
      while (BytesView(sorted.keys[all[at].key]) != delta.at.key) ++at;
      HC_TRY_ASSIGN(Row row,
                    carried_forward(context, aggregate, probe.keys[at].rows[i], std::move(delta)));
      row.version = version;
      row.cause = context.cause;
      row.published_at = context.now;
      out.changed_keys[i].push_back(row.at.key);
      out.rows.push_back(std::move(row));
    }
  }
  return {};
}

/// One part of the youngest ones and the addition.
Status fold_tail(const StreamSchema& schema, const PageProbe& probe, const Addition& addition,
                 PageAdd& add) {
  EventBatch rows(schema);
  std::vector<KeyChange> changes = addition.changes;
  for (const Bytes& bytes : probe.tail) {
    HC_TRY_ASSIGN(const PartView part, PartView::open(bytes));
    HC_TRY(part.read(schema, nullptr, rows));
    changes.insert(changes.end(), part.directory().begin(), part.directory().end());
    add.rows_gone += part.rows();
  }
  append_rows(schema, addition.rows, 0, addition.rows.size(), rows);
  const EventBatch joined = sort_unique(schema, rows);
  add.part = encode_part(schema, joined, sums_by_key(std::move(changes)));
  add.folds_from = probe.folds_from;
  add.rows = joined.size();
  return {};
}

}  // namespace

Result<PageMerge> merge_probed(const MergeContext& context, const PageKey& key,
                               const EventBatch& incoming, const PageParts& page) {
  HC_ASSERT(page.probe != nullptr && context.decision == 0 && !context.find_unmatched &&
            !context.remake);
  const PageProbe& probe = *page.probe;
  const StreamSchema& schema = context.schema;
  std::vector<Outcome> among_themselves;
  const EventBatch sorted = sort_unique(schema, incoming, &among_themselves);
  const Addition addition = add(schema, probe.same, sorted, kNothingWithdrawn);

  PageMerge out;
  out.changed_keys.resize(context.aggregates.size());
  count_outcomes(incoming, among_themselves, sorted, addition.outcomes, out.tallies);
  if (addition.rows.empty()) return out;
  out.add = PageAdd{.key = key,
                    .expected = page.head.version,
                    .live_change = addition.live_change,
                    .digest_change = addition.digest_change,
                    .rows = addition.rows.size()};
  size_t known = 0;  // keys of the addition are among those of the events, in the same order
  const std::vector<KeyRun> all = key_runs(sorted);
  for (const KeyRun& run : key_runs(addition.rows)) {
    while (sorted.keys[all[known].key] != addition.rows.keys[run.key]) ++known;
    out.add->new_keys += probe.keys[known].known ? 0 : 1;
  }
  if (probe.folds_from > 0) {
    HC_TRY(fold_tail(schema, probe, addition, *out.add));
  } else {
    out.add->part = encode_part(schema, addition.rows, addition.changes);
  }
  HC_TRY(
      put_rows_forward(context, key, version_after(*out.add), addition.rows, sorted, probe, out));
  return out;
}

}  // namespace hindcast
