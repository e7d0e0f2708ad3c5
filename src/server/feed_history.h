// The feed's history as an exchange's paged HTTP API: GET /history. Only what feed time has passed
// is there.
//
// A pure function; no clock, no I/O.
#pragma once
#include <optional>
#include <string>

#include "net/http_server.h"
#include "server/feed_plan.h"

namespace hindcast {

struct FeedPage {
  HttpResponse response;
  Duration delay{};  // to answer after (slow-pages)
};

/// `target`: "/history?…". `host`: for the Link header. `limit`: the most events of a page, and the
/// default. Uses up faults that count.
FeedPage feed_history(const FeedData& data, FeedPlan& plan, const std::string& target,
                      const std::string& host, uint64_t limit);

}  // namespace hindcast
