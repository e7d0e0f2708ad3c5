#include "lane/read_page.h"

#include <algorithm>

#include "model/join.h"

namespace hindcast {

Result<EventBatch> read_page(const StreamSchema& schema, const PageParts& page,
                             const std::function<bool(BytesView)>& wanted) {
  std::vector<EventBatch> parts;
  parts.reserve(page.parts.size());
  for (const Bytes& bytes : page.parts) {
    HC_TRY_ASSIGN(const PartView view, PartView::open(bytes));
    HC_TRY(view.read(schema, wanted, parts.emplace_back(schema)));
  }
  if (parts.empty()) return EventBatch(schema);
  if (parts.size() == 1) return std::move(parts.front());
  std::vector<const EventBatch*> views;
  views.reserve(parts.size());
  for (const EventBatch& part : parts) views.push_back(&part);
  return join(schema, views);
}

Result<std::vector<KeyChange>> key_totals(const PageParts& page) {
  std::vector<KeyChange> all;
  for (const Bytes& bytes : page.parts) {
    HC_TRY_ASSIGN(const PartView view, PartView::open(bytes));
    all.insert(all.end(), view.directory().begin(), view.directory().end());
  }
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

}  // namespace hindcast
