// One verification as it is asked for (engine/service.h): every stream it concerns, against pages
// or against histories, and what a repair does about it.
//
//   against pages    differences ─ repair ─► pages made anew, rollups marked; what was lost is a
//                                            gap, and a replay that fills it
//   against history  differences ─ repair ─► a gap per stretch, a replay of mode repair that fills
//   it
//
// Thread safety: any thread that may block; one at a time per store.
#pragma once
#include <functional>
#include <stop_token>

#include "engine/catalog.h"
#include "engine/service.h"
#include "history/history.h"

namespace hindcast {

struct VerifyTools {
  std::function<Result<History*>(const SourceConfig&)> history_of;
  std::function<ProcessingTime()> now;
  std::stop_token stop;
  // A repair needs a running daemon; these are absent without one.
  std::function<Result<GapId>()> next_gap;
  std::function<Result<ReplayEntry>(const ReplayRequest&)> start_replay;
  std::function<void()> repaired;  // marks were committed: the rollers have work
};

/// Errors: kNotFound (no such source), kInvalidArgument (it has no history, an empty range),
/// kUnavailable (a repair without a daemon), kCancelled (stopped).
Result<VerifyReport> run_verify(const VerifyQuery& query, const Config& config,
                                const Catalog& catalog, Store& store, const VerifyTools& tools);

}  // namespace hindcast
