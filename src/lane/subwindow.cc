#include "lane/subwindow.h"

#include <algorithm>
#include <set>

#include "base/assert.h"
#include "base/give_way.h"
#include "lane/page_replay.h"
#include "model/key.h"

namespace hindcast {
namespace {

// What a step reads at once. Parts are read whole, so this is memory; and a guess of what the
// events of history become, so that a step is about one commit.
constexpr size_t kReadBytesMax = size_t{4} << 20;
constexpr size_t kBytesPerEvent = 12;
// Pages whose events are in batches of their own: each costs some hundred bytes besides.
constexpr size_t kPagesDealt = 1'024;

/// A page that history and the store do not agree about.
struct Page {
  PageKey key;
  bool whole = false;
  uint64_t events = 0;                 // of history
  size_t stored_bytes = 0;             // of its parts
  std::unique_ptr<PageReplay> replay;  // from the deal until it is settled
};

/// Sorted, neither touching nor overlapping.
std::vector<Window> coalesced(std::vector<Window> windows) {
  std::ranges::sort(windows);
  std::vector<Window> out;
  for (const Window& window : windows) {
    if (window.start >= window.end) continue;
    if (!out.empty() && window.start <= out.back().end) {
      out.back().end = std::max(out.back().end, window.end);
    } else {
      out.push_back(window);
    }
  }
  return out;
}

}  // namespace

struct Subwindow::Impl {
  Impl(SubwindowOptions given, std::vector<EventBatch> batches, std::vector<Window> windows);

  bool is_whole(EventTime window) const;
  std::vector<PageRange> heads() const;
  void compare(std::vector<PageHead> found);
  void collect();
  void deal();
  void go_on();
  void settle(Page& page);
  void finish();
  MergeContext context() const {
    return {.schema = options.schema,
            .aggregates = options.aggregates,
            .cause = options.cause,
            .now = now,
            .decision = options.decision,
            .stream = options.stream,
            .next_gap = options.next_gap};
  }

  const SubwindowOptions options;
  const EventScope scope;
  PageGroups groups;
  std::vector<EventBatch> events;  // until all pages are dealt
  std::vector<Window> whole;

  Need need = Need::kHeads;
  std::vector<Page> pages;              // to be brought in, in page order
  std::vector<uint32_t> page_of_group;  // kNoTarget: equal
  size_t dealt = 0;                     // pages below it have been
  size_t step_begin = 0, step_end = 0;  // read together; those before are settled
  std::vector<size_t> committing;
  ProcessingTime now{};
  std::optional<Error> failure;
  ReplayCounts counts;
  std::vector<HistoryShort> shorts;
  std::vector<std::pair<PartitionId, EventBatch>> differing;
};

Subwindow::Impl::Impl(SubwindowOptions given, std::vector<EventBatch> batches,
                      std::vector<Window> windows)
    : options(std::move(given)),
      scope{options.schema, options.partitions, options.frontiers, options.range, options.keys},
      groups(scope),
      events(std::move(batches)) {
  for (Window& window : windows) {
    window.start = std::max(window.start, options.range.start);
    window.end = std::min(window.end, options.range.end);
  }
  whole = coalesced(std::move(windows));
  for (const EventBatch& batch : events) {
    groups.add(batch);
    give_way(batch.size());
    counts.read += batch.size();
  }
  counts.outside = groups.outside();
  if (heads().empty()) finish();
}

bool Subwindow::Impl::is_whole(EventTime window) const {
  const Window page = window_of(window, options.schema.page_window);
  const auto after = std::ranges::upper_bound(whole, page.start, {}, &Window::start);
  return after != whole.begin() && page.end <= std::prev(after)->end;
}

std::vector<PageRange> Subwindow::Impl::heads() const {
  std::vector<Window> windows = whole;
  for (const PageGroups::Group& group : groups.groups())
    windows.push_back(window_of(group.page.window, options.schema.page_window));
  std::vector<PageRange> out;
  for (const Window& range : coalesced(std::move(windows))) {
    for (const PartitionId partition : options.partitions) {
      if (options.frontiers.contains(partition)) out.push_back({partition, range});
    }
  }
  return out;
}

/// Groups against heads, both in page order: what remains is the pages that differ.
void Subwindow::Impl::compare(std::vector<PageHead> found) {
  std::ranges::sort(found, {}, &PageHead::key);
  std::vector<uint32_t> order(groups.groups().size());
  for (uint32_t g = 0; g < order.size(); ++g) order[g] = g;
  std::ranges::sort(order, {}, [&](uint32_t g) { return groups.groups()[g].page; });
  page_of_group.assign(order.size(), kNoTarget);

  std::set<std::pair<PartitionId, uint16_t>> wanted;  // where `keys` live
  for (size_t k = 0; options.keys != nullptr && k < options.keys->size(); ++k) {
    const uint64_t hash = hash64((*options.keys)[k]);
    wanted.insert({options.partitions[partition_of_hash(hash, options.schema.partitions)],
                   slot_of_hash(hash, options.schema.slots)});
  }
  auto head = found.begin();
  // History has nothing of this page. It is read only to tell what history should have.
  const auto only_here = [&] {
    const PageKey& key = head->key;
    const bool may_be_short = head->live_events > 0 && scope.behind(key) && is_whole(key.window) &&
                              (!options.keys || wanted.contains({key.partition, key.slot}));
    if (may_be_short) pages.push_back({.key = key, .whole = true});
    ++head;
  };
  for (const uint32_t g : order) {
    const PageGroups::Group& group = groups.groups()[g];
    Page page{.key = group.page, .whole = is_whole(group.page.window), .events = group.events};
    while (head != found.end() && head->key < group.page) only_here();
    if (head != found.end() && head->key == group.page) {
      const PageHead& stored = *head++;
      if (!group.deletes && stored.damage.empty() && stored.digest == group.digest &&
          stored.live_events == static_cast<int64_t>(group.events)) {
        counts.duplicate += group.events;
        counts.skipped_keys += stored.keys;
        continue;
      }
      for (const PartRef& part : stored.parts) page.stored_bytes += part.size;
    }
    page_of_group[g] = static_cast<uint32_t>(pages.size());
    pages.push_back(std::move(page));
  }
  while (head != found.end()) only_here();
  if (options.survey) return collect();
  go_on();
}

/// A survey ends here: what differs is somebody else's to bring in.
void Subwindow::Impl::collect() {
  std::map<PartitionId, uint32_t> index;
  for (const PartitionId partition : options.partitions) {
    index.emplace(partition, static_cast<uint32_t>(differing.size()));
    differing.emplace_back(partition, EventBatch(options.schema));
  }
  std::vector<EventBatch*> targets;
  for (auto& [partition, rows] : differing) targets.push_back(&rows);
  std::vector<uint32_t> target_of_row;
  for (size_t b = 0; b < events.size(); ++b) {
    target_of_row.clear();
    for (const uint32_t group : groups.group_of(b)) {
      const uint32_t page = group == kNoTarget ? kNoTarget : page_of_group[group];
      target_of_row.push_back(page == kNoTarget ? kNoTarget : index.at(pages[page].key.partition));
    }
    scatter_rows(options.schema, events[b], target_of_row, targets);
  }
  std::erase_if(differing, [](const auto& rows) { return rows.second.size() == 0; });
  events.clear();
  need = Need::kDone;
}

/// The events of the next pages go into batches of their own.
void Subwindow::Impl::deal() {
  const size_t begin = dealt, end = std::min(pages.size(), dealt + kPagesDealt);
  std::vector<EventBatch*> targets;
  for (size_t i = begin; i < end; ++i) {
    pages[i].replay = std::make_unique<PageReplay>(PageReplay{
        .key = pages[i].key, .whole = pages[i].whole, .events = EventBatch(options.schema)});
    targets.push_back(&pages[i].replay->events);
  }
  dealt = end;
  const bool last = dealt == pages.size();
  std::vector<uint32_t> target_of_row;
  for (size_t b = 0; b < events.size(); ++b) {
    target_of_row.clear();
    for (const uint32_t group : groups.group_of(b)) {
      const uint32_t page = group == kNoTarget ? kNoTarget : page_of_group[group];
      const bool now_dealt = page != kNoTarget && page >= begin && page < end;
      target_of_row.push_back(now_dealt ? page - static_cast<uint32_t>(begin) : kNoTarget);
    }
    scatter_rows(options.schema, events[b], target_of_row, targets);
    give_way(events[b].size());
    if (last) events[b] = {};
  }
}

/// Settles what adds nothing, then says what is needed next.
void Subwindow::Impl::go_on() {
  bool reads = false, commits = false;
  for (size_t i = step_begin; i < step_end; ++i) {
    Page& page = pages[i];
    if (!page.replay) continue;
    if (!page.replay->prepared) {
      reads = true;
    } else if (page.replay->merge.add) {
      commits = true;
    } else {
      settle(page);
    }
  }
  if (reads || commits) {
    need = reads ? Need::kParts : Need::kCommit;
    return;
  }
  step_begin = step_end;
  if (step_begin == pages.size()) return finish();
  if (step_begin == dealt) deal();
  size_t read = 0, made = 0;
  do {
    read += pages[step_end].stored_bytes;
    made += pages[step_end].events * kBytesPerEvent;
    ++step_end;
  } while (step_end < dealt && read + pages[step_end].stored_bytes <= kReadBytesMax &&
           made + pages[step_end].events * kBytesPerEvent <= options.commit_bytes_max);
  need = Need::kParts;
}

void Subwindow::Impl::settle(Page& page) {
  counts += outcomes_of(*page.replay);
  std::ranges::move(page.replay->shorts, std::back_inserter(shorts));
  page.replay.reset();
}

void Subwindow::Impl::finish() {
  ++counts.subwindows;
  HC_ASSERT(counts.read == counts.added + counts.duplicate + counts.superseded + counts.outside);
  need = Need::kDone;
}

Subwindow::Subwindow(SubwindowOptions options, std::vector<EventBatch> events,
                     std::vector<Window> whole)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(events), std::move(whole))) {}
Subwindow::~Subwindow() = default;
Subwindow::Subwindow(Subwindow&&) noexcept = default;
Subwindow& Subwindow::operator=(Subwindow&&) noexcept = default;

Subwindow::Need Subwindow::need() const { return impl_->need; }

std::vector<PageRange> Subwindow::heads() const {
  HC_ASSERT(need() == Need::kHeads);
  return impl_->heads();
}

void Subwindow::give_heads(std::vector<PageHead> heads) {
  HC_ASSERT(need() == Need::kHeads);
  impl_->compare(std::move(heads));
}

std::vector<PageRead> Subwindow::parts() const {
  HC_ASSERT(need() == Need::kParts);
  std::vector<PageRead> out;
  for (size_t i = impl_->step_begin; i < impl_->step_end; ++i) {
    const Page& page = impl_->pages[i];
    if (page.replay && !page.replay->prepared) out.push_back({page.key, {}});
  }
  return out;
}

void Subwindow::give_parts(std::vector<PageParts> pages, ProcessingTime now) {
  HC_ASSERT(need() == Need::kParts);
  Impl& self = *impl_;
  self.now = now;
  auto stored = pages.begin();
  for (size_t i = self.step_begin; i < self.step_end; ++i) {
    PageReplay* const replay = self.pages[i].replay.get();
    if (replay == nullptr || replay->prepared) continue;
    HC_ASSERT(stored != pages.end() && stored->head.key == replay->key);
    Status prepared = prepare(self.context(), self.scope, *stored++, *replay);
    if (prepared) continue;
    self.failure = std::move(prepared).error().with("page " + to_rfc3339(replay->key.window) +
                                                    " slot " + std::to_string(replay->key.slot));
    self.need = Need::kFailed;
    return;
  }
  self.go_on();
}

Commit Subwindow::take_commit() {
  HC_ASSERT(need() == Need::kCommit);
  Impl& self = *impl_;
  Commit commit{.lane = Lane::kReplay, .cause = self.options.cause, .published_at = self.now};
  MarkSet marks;
  self.committing.clear();
  size_t bytes = 0;
  for (size_t i = self.step_begin; i < self.step_end; ++i) {
    const PageReplay* const replay = self.pages[i].replay.get();
    if (replay == nullptr) continue;
    bytes += bytes_of(replay->merge);
    if (!self.committing.empty() && bytes > self.options.commit_bytes_max) break;
    self.committing.push_back(i);
    // A copy: should the commit meet a conflict, pages that did not change are not merged again.
    put_behind(self.context(), replay->key, replay->merge, marks, commit);
  }
  commit.marks = marks.take();
  for (Row& row : commit.rows) row.published_at = self.now;
  return commit;
}

void Subwindow::committed(const CommitResult& result) {
  HC_ASSERT(need() == Need::kCommit && !impl_->committing.empty());
  Impl& self = *impl_;
  switch (result.state) {
    case CommitState::kUnknown:
      return;
    case CommitState::kFenced:
      self.failure = {ErrorCode::kFenced, "a newer owner writes this stream"};
      self.need = Need::kFailed;
      return;
    case CommitState::kConflict:
      for (const size_t i : self.committing) {
        if (std::ranges::count(result.conflicts, self.pages[i].key) > 0)
          self.pages[i].replay->prepared = false;
      }
      break;
    case CommitState::kCommitted:
      for (const size_t i : self.committing) {
        const PageMerge& merge = self.pages[i].replay->merge;
        ++self.counts.pages_changed;
        self.counts.rows_changed += merge.rows.size();
        self.counts.bytes_written += bytes_of(merge);
        self.settle(self.pages[i]);
      }
      break;
  }
  self.committing.clear();
  self.go_on();
}

Status Subwindow::failure() const { return impl_->failure ? Status(*impl_->failure) : Status(); }
const ReplayCounts& Subwindow::counts() const { return impl_->counts; }
const std::vector<HistoryShort>& Subwindow::shorts() const { return impl_->shorts; }

std::vector<EventBatch> Subwindow::take_events() {
  HC_ASSERT(need() == Need::kDone);
  return std::exchange(impl_->events, {});
}

std::vector<std::pair<PartitionId, EventBatch>> Subwindow::take_differing() {
  HC_ASSERT(impl_->options.survey && need() == Need::kDone);
  return std::exchange(impl_->differing, {});
}

ByteCount Subwindow::memory() const {
  size_t bytes = impl_->groups.memory() + impl_->pages.capacity() * sizeof(Page);
  for (const EventBatch& batch : impl_->events) bytes += batch.memory();
  for (const Page& page : impl_->pages) {
    if (page.replay)
      bytes += sizeof(PageReplay) + page.replay->events.memory() + bytes_of(page.replay->merge);
  }
  return ByteCount{bytes};
}

}  // namespace hindcast
