#include "lane/page_merge.h"

#include <algorithm>
#include <set>

#include "base/assert.h"
#include "base/give_way.h"
#include "lane/page_merge_internal.h"
#include "lane/page_probe.h"
#include "lane/read_page.h"
#include "lane/remake.h"
#include "model/match.h"
#include "model/part.h"
#include "store/commit_rules.h"

namespace hindcast {
namespace {

const Withdrawn kNothingWithdrawn;
constexpr size_t kRowsOfBucket = 16;  // to make and compare a bucket's row, in rows of a page

std::set<BytesView> keys_of(const EventBatch& batch) {
  std::set<BytesView> keys;
  for (uint32_t i = 0; i < batch.keys.size(); ++i) keys.insert(batch.keys[i]);
  return keys;
}

/// What readers see of a page. Copied only where something is hidden.
const EventBatch& visible_of(const StreamSchema& schema, const EventBatch& page,
                             EventBatch& scratch) {
  if (page.op.empty() && page.origin.empty()) return page;
  scratch = visible(schema, page, kNothingWithdrawn);
  return scratch;
}

std::vector<Row> fold(const MergeContext& context, const LaneAggregate& aggregate,
                      Duration resolution, const PageKey& key, const EventBatch& page,
                      const std::vector<KeyRun>& runs) {
  std::vector<Row> rows;
  fold_rows(context.schema, aggregate.rule, aggregate.id, resolution, key.partition, key.slot, page,
            runs, rows);
  return rows;
}

void stamp(const MergeContext& context, Version version, Row& row) {
  row.version = version;
  row.cause = context.cause;
  row.published_at = context.now;
}

void put_all_rows(const MergeContext& context, const PageKey& key, Version version,
                  const EventBatch& page, PageMerge& out) {
  EventBatch scratch;
  const EventBatch& seen = visible_of(context.schema, page, scratch);
  const std::vector<KeyRun> runs = key_runs(seen);
  for (const LaneAggregate& aggregate : context.aggregates) {
    for (const Duration resolution : aggregate.resolutions) {
      for (Row& row : fold(context, aggregate, resolution, key, seen, runs)) {
        stamp(context, version, row);
        out.rows.push_back(std::move(row));
        give_way(kRowsOfBucket);
      }
    }
  }
  for (size_t i = 0; i < context.aggregates.size(); ++i) {
    for (const KeyRun& run : runs) out.changed_keys[i].emplace_back(seen.keys[run.key]);
  }
}

/// Rows of `after` that differ from those of `before`, and empty rows for buckets that `after` no
/// longer has.
std::vector<Row> changed_rows(const StreamSchema& schema, const Rule& rule, std::vector<Row> before,
                              std::vector<Row> after) {
  std::ranges::sort(before, {}, &Row::at);
  std::ranges::sort(after, {}, &Row::at);
  std::vector<Row> out;
  auto old = before.begin();
  const auto empty_old = [&] {
    Row row{.at = old->at};
    State(schema, rule).encode(row.state);
    out.push_back(std::move(row));
    ++old;
  };
  for (Row& row : after) {
    while (old != before.end() && old->at < row.at) empty_old();
    const bool same_bucket = old != before.end() && old->at == row.at;
    if (!same_bucket || old->state != row.state || old->events != row.events ||
        old->digest != row.digest) {
      out.push_back(std::move(row));
    }
    if (same_bucket) ++old;
    give_way(kRowsOfBucket);
  }
  while (old != before.end()) empty_old();
  return out;
}

void put_changed_rows(const MergeContext& context, const PageKey& key, Version version,
                      const EventBatch& before, const EventBatch& after,
                      const std::set<BytesView>& changed, PageMerge& out) {
  EventBatch scratch_before, scratch_after;
  const EventBatch& seen_before = visible_of(context.schema, before, scratch_before);
  const EventBatch& seen_after = visible_of(context.schema, after, scratch_after);
  const auto runs_of = [&](const EventBatch& page) {
    std::vector<KeyRun> runs = key_runs(page);
    std::erase_if(runs, [&](const KeyRun& run) { return !changed.contains(page.keys[run.key]); });
    return runs;
  };
  const std::vector<KeyRun> runs_before = runs_of(seen_before), runs_after = runs_of(seen_after);
  for (size_t i = 0; i < context.aggregates.size(); ++i) {
    const LaneAggregate& aggregate = context.aggregates[i];
    std::set<Bytes> keys;
    for (const Duration resolution : aggregate.resolutions) {
      for (Row& row :
           changed_rows(context.schema, aggregate.rule,
                        fold(context, aggregate, resolution, key, seen_before, runs_before),
                        fold(context, aggregate, resolution, key, seen_after, runs_after))) {
        stamp(context, version, row);
        keys.insert(row.at.key);
        out.rows.push_back(std::move(row));
      }
    }
    out.changed_keys[i].assign(keys.begin(), keys.end());
  }
}

/// The page's whole content as one part that replaces the earlier ones: its changes are absolute.
PageAdd folded(const StreamSchema& schema, const PageKey& key, Version expected,
               const EventBatch& page) {
  const PageChanges whole = page_changes(schema, page, kNothingWithdrawn);
  return {.key = key,
          .expected = expected,
          .part = encode_part(schema, page, whole.changes),
          .folds_parts = true,
          .live_change = whole.live_change,
          .digest_change = whole.digest_change,
          .new_keys = static_cast<uint32_t>(whole.changes.size()),
          .rows = page.size()};
}

/// Of a page that is made anew: its rows as they come out now, where that is not what is stored.
/// What was lost cannot be asked of the page, so the stored rows are the yardstick.
void put_rows_anew(const MergeContext& context, const PageKey& key, Version version,
                   const std::vector<Row>& stored, const EventBatch& after, PageMerge& out) {
  EventBatch scratch;
  const EventBatch& seen = visible_of(context.schema, after, scratch);
  const std::vector<KeyRun> runs = key_runs(seen);
  for (size_t i = 0; i < context.aggregates.size(); ++i) {
    const LaneAggregate& aggregate = context.aggregates[i];
    std::set<Bytes> keys;
    for (const Duration resolution : aggregate.resolutions) {
      std::vector<Row> before;
      std::ranges::copy_if(stored, std::back_inserter(before), [&](const Row& row) {
        return row.at.aggregate == aggregate.id && row.at.resolution == resolution &&
               row.events > 0;
      });
      for (Row& row : changed_rows(context.schema, aggregate.rule, std::move(before),
                                   fold(context, aggregate, resolution, key, seen, runs))) {
        stamp(context, version, row);
        keys.insert(row.at.key);
        out.rows.push_back(std::move(row));
      }
    }
    out.changed_keys[i].assign(keys.begin(), keys.end());
  }
}

/// Keys of `rows` that `existing` (all there is of these keys) has no record of.
uint32_t new_keys(const EventBatch& rows, const EventBatch& existing) {
  std::set<BytesView> known;
  for (const KeyRun& run : key_runs(existing)) known.insert(existing.keys[run.key]);
  const std::vector<KeyRun> runs = key_runs(rows);
  return static_cast<uint32_t>(std::ranges::count_if(
      runs, [&](const KeyRun& run) { return !known.contains(rows.keys[run.key]); }));
}

/// Repairs: what history says otherwise than we do, at the same revision, is decided.
void decide(const StreamSchema& schema, const EventBatch& existing, uint64_t decision,
            EventBatch& incoming) {
  for (const auto [row, there] : match_rows(schema, incoming, existing)) {
    if (incoming.revision_at(row) != existing.revision_at(there)) continue;
    if (equal_records(schema, incoming, row, existing, there)) continue;
    incoming.widen(incoming.decision);
    incoming.decision[row] = static_cast<int64_t>(decision);
  }
}

/// Live events of `existing` whose id `incoming` does not name, by key.
std::vector<std::pair<Bytes, uint64_t>> unmatched(const StreamSchema& schema,
                                                  const EventBatch& existing,
                                                  const EventBatch& incoming) {
  EventBatch scratch;
  const EventBatch& seen = visible_of(schema, existing, scratch);
  const std::vector<RowMatch> matches = match_rows(schema, seen, incoming);
  auto match = matches.begin();
  std::vector<std::pair<Bytes, uint64_t>> out;
  for (const KeyRun& run : key_runs(seen)) {
    uint64_t alone = 0;
    for (size_t row = run.begin; row < run.end; ++row) {
      const bool matched = match != matches.end() && match->a == row;
      alone += !matched;
      match += matched;
    }
    if (alone > 0) out.emplace_back(seen.keys[run.key], alone);
  }
  return out;
}

/// The page's first part: nothing to compare with, and every bucket is new.
PageMerge first_merge(const MergeContext& context, const PageKey& key, Version before,
                      const EventBatch& rows, RowsOf rows_of) {
  PageMerge out;
  out.changed_keys.resize(context.aggregates.size());
  if (rows.empty()) return out;
  const PageChanges changes = page_changes(context.schema, rows, kNothingWithdrawn);
  out.add = PageAdd{.key = key,
                    .expected = before,
                    .part = encode_part(context.schema, rows, changes.changes),
                    .live_change = changes.live_change,
                    .digest_change = changes.digest_change,
                    .new_keys = static_cast<uint32_t>(changes.changes.size()),
                    .rows = rows.size()};
  if (rows_of != RowsOf::kNone) put_all_rows(context, key, Version{before.value + 1}, rows, out);
  return out;
}

/// What a page that is made anew says beside its content: what was not readable, rows as they come
/// out now, and what is lost. Errors: of the giver of gap numbers.
Status finish_anew(const MergeContext& context, const PageKey& key, const PageParts& page,
                   const EventBatch& after, Remains remains, RowsOf rows_of, PageMerge& out) {
  out.add->head_lost = !page.head.damage.empty();
  for (const Row& row : page.rows) out.add->above = std::max(out.add->above, row.version);
  if (rows_of != RowsOf::kNone)
    put_rows_anew(context, key, version_after(*out.add), page.rows, after, out);
  if (remains.lost_events()) {
    out.gap = gap_of(remains, context.schema, context.stream, key);
    HC_TRY_ASSIGN(out.gap->id, context.next_gap());
    out.gap->opened_at = context.now;
  }
  out.add->unread_parts = std::move(remains.unread_parts);
  return {};
}

}  // namespace

bool wants_folding(const std::vector<uint64_t>& sizes) {
  if (sizes.size() + 1 >= kPartsMax) return true;
  uint64_t total = 0, largest = 0;
  for (const uint64_t size : sizes) {
    total += size;
    largest = std::max(largest, size);
  }
  return sizes.size() >= 2 && (total - largest) * 4 > total;
}

bool wants_folding(const PageParts& page) {
  std::vector<uint64_t> sizes;
  for (const Bytes& part : page.parts) sizes.push_back(part.size());
  return wants_folding(sizes);
}

void count_outcomes(const EventBatch& incoming, const std::vector<Outcome>& among_themselves,
                    const EventBatch& sorted, const std::vector<Outcome>& against_page,
                    TallySheet& tallies) {
  HC_ASSERT(among_themselves.size() == incoming.size() && against_page.size() == sorted.size());
  size_t survivors = 0;
  for (size_t i = 0; i < incoming.size(); ++i) {
    if (among_themselves[i] == Outcome::kAdded) {
      ++survivors;
    } else {
      tallies.count(source_at(incoming, i), among_themselves[i]);
    }
  }
  HC_ASSERT(survivors == sorted.size());
  for (size_t i = 0; i < sorted.size(); ++i) tallies.count(source_at(sorted, i), against_page[i]);
}

Result<PageMerge> merge_page(const MergeContext& context, const PageKey& key,
                             const EventBatch& incoming, const PageParts* page, RowsOf rows_of) {
  if (page != nullptr && page->probe) {
    HC_ASSERT(rows_of == RowsOf::kChanged);
    return merge_probed(context, key, incoming, *page);
  }
  const StreamSchema& schema = context.schema;
  std::vector<Outcome> among_themselves;
  EventBatch sorted = sort_unique(schema, incoming, &among_themselves);
  const Version before = page == nullptr ? Version{} : page->head.version;
  bool anew = page != nullptr && (context.remake || !page->whole());
  if (page == nullptr || (page->parts.empty() && !anew)) {
    PageMerge out = first_merge(context, key, before, sorted, rows_of);
    count_outcomes(incoming, among_themselves, sorted,
                   std::vector<Outcome>(sorted.size(), Outcome::kAdded), out.tallies);
    return out;
  }

  // A merge that touches few keys decodes their chunks only.
  const std::set<BytesView> named = keys_of(sorted);
  EventBatch existing(schema);
  if (!anew) {
    const bool all = rows_of == RowsOf::kAll || wants_folding(*page);
    const auto is_named = [&](BytesView k) { return named.contains(k); };
    Result<EventBatch> read =
        read_page(schema, *page, all ? nullptr : std::function<bool(BytesView)>(is_named));
    anew = !read;
    if (read) existing = *std::move(read);
  }
  Remains remains;
  if (anew) {
    remains = remains_of(schema, *page);
    if (remains.lost_events() && !context.next_gap) return corruption(remains.damage.front());
    existing = std::move(remains.rows);
  }
  if (context.decision != 0) decide(schema, existing, context.decision, sorted);
  const Addition addition = add(schema, existing, sorted, kNothingWithdrawn);

  PageMerge out;
  out.changed_keys.resize(context.aggregates.size());
  count_outcomes(incoming, among_themselves, sorted, addition.outcomes, out.tallies);
  if (context.find_unmatched) {
    out.unmatched = unmatched(schema, existing, sorted);
    std::erase_if(out.unmatched, [&](const auto& entry) { return !named.contains(entry.first); });
  }
  const bool adds = !addition.rows.empty();
  const Version version{before.value + (adds ? 1 : 0)};

  EventBatch joined;
  const EventBatch* after = &existing;
  if (adds) {
    const EventBatch* both[] = {&existing, &addition.rows};
    joined = join(schema, both);
    after = &joined;
  }
  if (anew || (adds && wants_folding(*page))) {
    out.add = folded(schema, key, before, *after);
  } else if (adds) {
    out.add = PageAdd{.key = key,
                      .expected = before,
                      .part = encode_part(schema, addition.rows, addition.changes),
                      .live_change = addition.live_change,
                      .digest_change = addition.digest_change,
                      .new_keys = new_keys(addition.rows, existing),
                      .rows = addition.rows.size()};
  }
  if (anew) {
    HC_TRY(finish_anew(context, key, *page, *after, std::move(remains), rows_of, out));
    return out;
  }

  if (rows_of == RowsOf::kAll) put_all_rows(context, key, version, *after, out);
  if (rows_of == RowsOf::kChanged && adds) {
    std::set<BytesView> changed;
    for (const uint32_t k : addition.changed) changed.insert(addition.rows.keys[k]);
    put_changed_rows(context, key, version, existing, *after, changed, out);
  }
  return out;
}

Result<PageAdd> rewrite_page(const StreamSchema& schema, const PageParts& page) {
  HC_TRY_ASSIGN(const EventBatch content, read_page(schema, page));
  return folded(schema, page.head.key, page.head.version, content);
}

void put_behind(const MergeContext& context, const PageKey& key, PageMerge merge, MarkSet& marks,
                Commit& commit) {
  for (size_t i = 0; i < context.aggregates.size(); ++i) {
    if (context.aggregates[i].parent && !merge.changed_keys[i].empty())
      marks.add(context.aggregates[i], key, merge.changed_keys[i], context.cause);
  }
  if (merge.add) commit.pages.push_back(std::move(*merge.add));
  std::ranges::move(merge.rows, std::back_inserter(commit.rows));
  if (merge.gap) commit.gaps.push_back(std::move(*merge.gap));
}

size_t bytes_of(const PageMerge& merge) {
  size_t bytes = merge.add ? merge.add->part.size() : 0;
  for (const Row& row : merge.rows) bytes += sizeof(Row) + row.at.key.size() + row.state.size();
  return bytes;
}

}  // namespace hindcast
