#include "base/assert.h"
#include "lane/live_lane_internal.h"

namespace hindcast {

bool LiveLane::Impl::can_seal() const {
  // Commits wait in memory: beyond half the bound the store is the bottleneck, and more of them
  // would not help.
  return quiet() && frontier < Frontier{sealable(), 0} && in_flight_bytes <= memory_max.value / 2;
}

Effects LiveLane::Impl::seal_slice(ByteCount budget, ProcessingTime now) {
  if (!can_seal()) return {};
  const MergeContext merge_context = context(Cause::Kind::kLive, now);
  Commit commit = start_commit(merge_context.cause, now);
  MarkSet mark_set;
  TallySheet outcomes;
  const EventTime target = sealable();
  for (size_t produced = 0; produced == 0 || produced < budget.value;) {
    const std::optional<PageAt> page = open.next(frontier);
    if (!page || page->first >= target) {
      frontier = std::max(frontier, Frontier{target, 0});
      break;
    }
    if (open.spilled().contains(*page)) {
      if (produced > 0) break;
      // The pages before it are empty and stay so: what comes for them while this one is read is
      // late. Else the frontier would pass events that nobody has sealed.
      frontier = std::max(frontier, Frontier{page->first, page->second});
      Operation sealing{.kind = Operation::Kind::kSeal};
      sealing.reads.push_back({key(*page), {}});
      sealing.pages.push_back(*page);
      return begin(std::move(sealing));
    }
    OpenPages::Taken taken = open.take(*page);
    Result<PageMerge> merge =
        merge_page(merge_context, key(*page), taken.rows, nullptr, RowsOf::kAll);
    HC_ASSERT(merge.has_value());  // nothing was read
    outcomes += taken.judged;
    outcomes += merge->tallies;
    open.recycle(std::move(taken.rows));
    passed(*page);
    marks.changed(key(*page), merge->changed_keys, frontier.window, merge_context.cause, mark_set);
    produced += std::max<size_t>(bytes_of(*merge), 1);
    if (merge->add) commit.pages.push_back(std::move(*merge->add));
    std::ranges::move(merge->rows, std::back_inserter(commit.rows));
  }
  Effects effects;
  effects.commits.push_back(std::move(finish(commit, mark_set, outcomes)));
  return effects;
}

/// The frontier moves past a page whose content is in a commit.
void LiveLane::Impl::passed(PageAt page) {
  const auto [window, slot] = page;
  HC_ASSERT(!frontier.behind(window, slot));
  frontier = slot + 1 < options.schema.slots
                 ? Frontier{window, static_cast<uint16_t>(slot + 1)}
                 : Frontier{window_of(window, options.schema.page_window).end, 0};
  open.sealed(page);
}

/// A page that was spilled: its earlier parts are here now.
Effects LiveLane::Impl::seal_read(std::vector<PageParts> pages, ProcessingTime now) {
  HC_ASSERT(pages.size() == 1 && operation->pages.size() == 1);
  const PageAt page = operation->pages.front();
  operation.reset();
  OpenPages::Taken taken = open.take(page);
  const MergeContext merge_context = context(Cause::Kind::kLive, now);
  Result<PageMerge> merge =
      merge_page(merge_context, key(page), taken.rows, &pages.front(), RowsOf::kAll);
  if (!merge) return fail(std::move(merge).error());
  Commit commit = start_commit(merge_context.cause, now);
  MarkSet mark_set;
  TallySheet outcomes = std::move(taken.judged);
  outcomes += merge->tallies;
  passed(page);
  marks.changed(key(page), merge->changed_keys, frontier.window, merge_context.cause, mark_set);
  if (merge->add) commit.pages.push_back(std::move(*merge->add));
  commit.rows = std::move(merge->rows);
  if (merge->gap) commit.gaps.push_back(std::move(*merge->gap));
  open.recycle(std::move(taken.rows));
  Effects effects;
  effects.commits.push_back(std::move(finish(commit, mark_set, outcomes)));
  return effects;
}

}  // namespace hindcast
