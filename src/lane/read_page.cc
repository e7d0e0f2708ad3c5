#include "lane/read_page.h"

#include <algorithm>

#include "model/join.h"

namespace hindcast {

std::string place_of(const PageParts& page, size_t i, const Error& why) {
  const auto known = std::ranges::find(page.damaged, i, &PageParts::Damage::part);
  if (known != page.damaged.end()) return known->what;
  if (i >= page.head.parts.size()) return why.message;
  const PartRef& at = page.head.parts[i];
  return "part file " + std::to_string(at.file) + ", part at byte " + std::to_string(at.offset) +
         ": " + why.message;
}

Result<PartView> open_part(const PageParts& page, size_t i) {
  Result<PartView> part = PartView::open(page.parts[i]);
  if (!part) return corruption(place_of(page, i, part.error()));
  return part;
}

Result<EventBatch> read_page(const StreamSchema& schema, const PageParts& page,
                             const std::function<bool(BytesView)>& wanted) {
  if (!page.head.damage.empty()) return corruption(page.head.damage);
  std::vector<EventBatch> parts;
  parts.reserve(page.parts.size());
  for (size_t i = 0; i < page.parts.size(); ++i) {
    HC_TRY_ASSIGN(const PartView view, open_part(page, i));
    if (const Status read = view.read(schema, wanted, parts.emplace_back(schema)); !read)
      return corruption(place_of(page, i, read.error()));
  }
  if (parts.empty()) return EventBatch(schema);
  if (parts.size() == 1) return std::move(parts.front());
  std::vector<const EventBatch*> views;
  views.reserve(parts.size());
  for (const EventBatch& part : parts) views.push_back(&part);
  return join(schema, views);
}

std::vector<KeyChange> sums_by_key(std::vector<KeyChange> all) {
  std::ranges::sort(all, {}, &KeyChange::key);
  size_t kept = 0;
  for (const KeyChange& change : all) {
    if (kept == 0 || all[kept - 1].key != change.key) {
      all[kept++] = change;
    } else {
      all[kept - 1].count += change.count;
      all[kept - 1].digest += change.digest;
    }
  }
  all.resize(kept);
  return all;
}

Result<std::vector<KeyChange>> key_totals(const PageParts& page) {
  if (!page.head.damage.empty()) return corruption(page.head.damage);
  std::vector<KeyChange> all;
  for (size_t i = 0; i < page.parts.size(); ++i) {
    HC_TRY_ASSIGN(const PartView view, open_part(page, i));
    all.insert(all.end(), view.directory().begin(), view.directory().end());
  }
  return sums_by_key(std::move(all));
}

}  // namespace hindcast
