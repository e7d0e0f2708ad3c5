// History's events of one page, compared with the page as it is stored, and merged where they
// differ.
//
// Pure: values in, values out.
#pragma once
#include <vector>

#include "lane/page_groups.h"
#include "lane/page_merge.h"
#include "lane/subwindow.h"

namespace hindcast {

struct PageReplay {
  PageKey key;
  bool whole = false;  // `events` are all that history has of the page window
  EventBatch events;   // of history, as they came

  // By prepare(), against the page as it was read last:
  bool prepared = false;
  PageMerge merge;     // of keys that differ; adds nothing when all is there
  ReplayCounts equal;  // keys that ended at the compare
  std::vector<HistoryShort> shorts;
};

/// `context.find_unmatched` is set here. A damaged page is made anew. Errors: as merge_page().
Status prepare(MergeContext context, const EventScope& scope, const PageParts& stored,
               PageReplay& page);

/// What became of the page's events. Requires: prepared.
ReplayCounts outcomes_of(const PageReplay& page);

}  // namespace hindcast
