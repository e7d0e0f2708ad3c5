// Makes right what verify found against pages, beside live lanes: a page is made anew of its events
// (lane/remake.h), with its head and with the rows that come out otherwise, as new versions of
// cause "repair"; rollups are marked, and their roller folds them again. What a damaged page lost
// is a gap then, and only history can bring it back: the report says which windows.
//
// Thread safety: any thread that may block on disk; not the store's own.
#pragma once
#include <functional>
#include <vector>

#include "lane/live_lane.h"
#include "proof/verify.h"

namespace hindcast {

struct RepairOptions {
  const StreamSchema& schema;
  const std::vector<LaneAggregate>& aggregates;
  StreamId stream;
  std::function<Result<GapId>()> next_gap;
  std::function<ProcessingTime()> now;  // stamps
};

/// Gives the commit and waits for its answer.
Result<CommitResult> commit_and_wait(Store& store, Commit commit);

/// Carries out the plan, and adds what was done to `report`: pages_remade, parents_marked,
/// pages_contended (changed by others three times meanwhile: left as they are), and windows to
/// refill (without a source; at most one entry). Errors: of the store.
Status repair_pages(const RepairOptions& options, const RepairPlan& plan, Store& store,
                    VerifyReport& report);

}  // namespace hindcast
