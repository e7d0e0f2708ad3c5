#include "lane/late_buffer.h"

#include <numeric>

namespace hindcast {

void LateBuffer::add(const EventBatch& from, uint32_t row, PageAt page, EventPosition at,
                     LogMark since) {
  append_rows(*schema_, from, row, row + 1, rows_);
  page_.push_back(page);
  at_.push_back(at);
  since_.push_back(since);
}

LateBuffer LateBuffer::pick(const std::vector<uint32_t>& rows) const {
  LateBuffer out(*schema_);
  append_rows(*schema_, rows_, rows, out.rows_);
  for (const uint32_t row : rows) {
    out.page_.push_back(page_[row]);
    out.at_.push_back(at_[row]);
    out.since_.push_back(since_[row]);
  }
  return out;
}

std::map<PageAt, LateBuffer> LateBuffer::take_pages(PageAt from, size_t pages_max) {
  std::map<PageAt, std::vector<uint32_t>> by_page;
  for (uint32_t row = 0; row < size(); ++row) by_page[page_[row]].push_back(row);
  std::map<PageAt, LateBuffer> taken;
  auto page = by_page.lower_bound(from);
  while (taken.size() < pages_max && !by_page.empty()) {
    if (page == by_page.end()) page = by_page.begin();
    taken.emplace(page->first, pick(page->second));
    page = by_page.erase(page);
  }
  std::vector<uint32_t> rest;
  for (const auto& [key, rows] : by_page) rest.insert(rest.end(), rows.begin(), rows.end());
  std::ranges::sort(rest);
  *this = pick(rest);
  return taken;
}

LateBuffer LateBuffer::take_rows(size_t rows_max) {
  std::vector<uint32_t> first(std::min(rows_max, size())), rest(size() - first.size());
  std::iota(first.begin(), first.end(), 0U);
  std::iota(rest.begin(), rest.end(), static_cast<uint32_t>(first.size()));
  LateBuffer taken = pick(first);
  *this = pick(rest);
  return taken;
}

void LateBuffer::put_back(LateBuffer&& taken) {
  append_rows(*schema_, taken.rows_, 0, taken.size(), rows_);
  page_.insert(page_.end(), taken.page_.begin(), taken.page_.end());
  at_.insert(at_.end(), taken.at_.begin(), taken.at_.end());
  since_.insert(since_.end(), taken.since_.begin(), taken.since_.end());
}

std::optional<LogMark> LateBuffer::oldest() const {
  const auto oldest = std::ranges::min_element(since_, {}, &LogMark::before);
  return oldest == since_.end() ? std::nullopt : std::optional(*oldest);
}

size_t LateBuffer::memory() const {
  return rows_.memory() + page_.capacity() * sizeof(PageAt) +
         at_.capacity() * sizeof(EventPosition) + since_.capacity() * sizeof(LogMark);
}

}  // namespace hindcast
