#include "lane/open_pages.h"

#include <algorithm>

#include "base/assert.h"
#include "model/join.h"

namespace hindcast {
namespace {

constexpr size_t kSparesMax = 64;
constexpr size_t kSpareBytesMax = size_t{32} << 20;  // of all spares together

size_t memory_of(const PageBuffer& page) {
  size_t bytes = sizeof(PageBuffer) + page.rows.memory();
  for (const PageBuffer::Run& run : page.runs) {
    bytes += sizeof run + run.rows.capacity() + run.sources.capacity() * sizeof(uint32_t);
  }
  return bytes;
}

}  // namespace

OpenPages::OpenPages(const StreamSchema& schema, uint32_t part_rows_max)
    : schema_(schema), part_rows_max_(part_rows_max) {
  HC_ASSERT(part_rows_max_ > 0);
}

OpenPages::Slots& OpenPages::window(EventTime start) {
  Slots& window = windows_[start];
  if (window.empty()) window.resize(schema_.slots);
  return window;
}

PageBuffer& OpenPages::page(Slots& window, uint16_t slot) {
  std::unique_ptr<PageBuffer>& page = window[slot];
  if (!page) {
    page = std::make_unique<PageBuffer>();
    if (spares_.empty()) {
      page->rows.reset(schema_);
    } else {
      page->rows = std::move(spares_.back());
      spares_.pop_back();
      const size_t bytes = page->rows.memory();
      spare_memory_ -= std::min(bytes, spare_memory_);
    }
  }
  return *page;
}

void OpenPages::added(PageBuffer& page) {
  if (page.rows.size() >= part_rows_max_) encode_run(page);
  const size_t now = memory_of(page);
  memory_ += now - page.memory;
  page.memory = now;
}

void OpenPages::encode_run(PageBuffer& page) {
  std::vector<Outcome> outcomes;
  const EventBatch sorted = sort_unique(schema_, page.rows, &outcomes);
  for (size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i] != Outcome::kAdded) page.judged.count(source_at(page.rows, i), outcomes[i]);
  }
  PageBuffer::Run run{.count = sorted.size()};
  encode_rows(schema_, sorted, 0, sorted.size(), /*with_keys=*/true, run.rows);
  run.rows.shrink_to_fit();
  run.sources = sorted.source;
  if (run.sources.empty() ||
      std::ranges::adjacent_find(run.sources, std::not_equal_to{}) == run.sources.end()) {
    run.sources = {source_at(sorted, 0).value};
  }
  page.runs.push_back(std::move(run));
  page.rows.reset(schema_);
}

void OpenPages::decode_runs(const PageBuffer& page, EventBatch& out) const {
  for (const PageBuffer::Run& run : page.runs) {
    const Status decoded = decode_rows(schema_, run.rows, /*with_keys=*/true, out);
    HC_ASSERT(decoded.has_value());  // never left this process
    if (run.sources.size() == 1) {
      out.source.resize(out.size(), run.sources.front());
    } else {
      out.source.insert(out.source.end(), run.sources.begin(), run.sources.end());
    }
    HC_ASSERT(out.source.size() == out.size());
  }
}

std::optional<PageAt> OpenPages::next(Frontier from) const {
  std::optional<PageAt> found;
  for (auto window = windows_.lower_bound(from.window); window != windows_.end() && !found;
       ++window) {
    const size_t begin = window->first == from.window ? from.slot : 0;
    for (size_t slot = begin; slot < window->second.size() && !found; ++slot) {
      const auto& page = window->second[slot];
      if (page && !page->empty()) found = PageAt{window->first, static_cast<uint16_t>(slot)};
    }
  }
  const auto spill = spilled_.lower_bound({from.window, from.slot});
  if (spill != spilled_.end() && (!found || spill->first < *found)) found = spill->first;
  return found;
}

const PageBuffer* OpenPages::find(PageAt at) const {
  const auto window = windows_.find(at.first);
  if (window == windows_.end() || !window->second[at.second] || window->second[at.second]->empty())
    return nullptr;
  return window->second[at.second].get();
}

OpenPages::Taken OpenPages::take(PageAt at) {
  Taken taken;
  const auto window = windows_.find(at.first);
  if (window == windows_.end() || !window->second[at.second]) {
    taken.rows.reset(schema_);
    return taken;
  }
  const std::unique_ptr<PageBuffer> page = std::move(window->second[at.second]);
  memory_ -= page->memory;
  taken.judged = std::move(page->judged);
  if (page->runs.empty()) {
    taken.rows = std::move(page->rows);
  } else {
    taken.rows.reset(schema_);
    decode_runs(*page, taken.rows);
    append_rows(schema_, page->rows, 0, page->rows.size(), taken.rows);
  }
  if (std::ranges::none_of(window->second, [](const auto& slot) { return slot != nullptr; }))
    windows_.erase(window);
  return taken;
}

EventBatch OpenPages::copy(PageAt at) const {
  EventBatch out(schema_);
  if (const PageBuffer* page = find(at)) {
    decode_runs(*page, out);
    append_rows(schema_, page->rows, 0, page->rows.size(), out);
  }
  return out;
}

void OpenPages::recycle(EventBatch batch) {
  const size_t bytes = batch.memory();
  if (spares_.size() >= kSparesMax || spare_memory_ + bytes > kSpareBytesMax) return;
  batch.reset(schema_);
  spare_memory_ += batch.memory();
  spares_.push_back(std::move(batch));
}

std::optional<LogMark> OpenPages::oldest() const {
  std::optional<LogMark> oldest;
  each([&](PageAt, const PageBuffer& page) {
    if (!oldest || page.since.before < oldest->before) oldest = page.since;
  });
  return oldest;
}

}  // namespace hindcast
