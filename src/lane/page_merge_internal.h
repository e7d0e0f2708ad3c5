// What the merge of a page that was read (page_merge.cc) and of one that was probed (page_probe.cc)
// share.
#pragma once
#include <cstdint>
#include <vector>

#include "lane/tally_sheet.h"
#include "model/join.h"
#include "store/store.h"

namespace hindcast {

/// Late merges append small parts. Beyond kPartsMax of them, or when all but the largest together
/// pass a quarter of the page, reading costs more than rewriting. `sizes`: of the parts.
bool wants_folding(const std::vector<uint64_t>& sizes);

bool wants_folding(const PageParts& page);

/// The outcome of every buffered event: those that lost among themselves are judged already, the
/// survivors (`sorted`) by what is stored.
void count_outcomes(const EventBatch& incoming, const std::vector<Outcome>& among_themselves,
                    const EventBatch& sorted, const std::vector<Outcome>& against_page,
                    TallySheet& tallies);

}  // namespace hindcast
