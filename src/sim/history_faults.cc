// What breaks, and how the node comes back.
#include <algorithm>

#include "lane/page_merge.h"
#include "sim/history.h"

namespace hindcast::sim {
void History::strike(const Fault& fault) {
  after(to_string(fault));
  switch (fault.kind) {
    case Fault::Kind::kKill:
      return restart(false);
    case Fault::Kind::kPowerLoss:
      return restart(true);
    case Fault::Kind::kPowerCut:
      return world_.cut_power_after(fault.amount - 1);
    case Fault::Kind::kRecoveryCut:
      cut_recovery_ = fault.amount - 1;
      return;
    case Fault::Kind::kFailSync:
      return world_.fail_next_sync();
    case Fault::Kind::kDiskFull:
      world_.fill_disk();
      disk_full_until_ = report_.steps + fault.amount;
      return;
    case Fault::Kind::kStoreStall:
      store_stalls_until_ = report_.steps + fault.amount;
      return;
    case Fault::Kind::kLogStall:
      log_stalls_until_ = report_.steps + fault.amount;
      return;
    case Fault::Kind::kRewrite:
      return rewrite_page();
  }
}

void History::rewrite_page() {
  const auto snapshot = world_.store().snapshot().value();
  std::vector<PageKey> pages;
  for (uint32_t p = 0; p < options_.partitions; ++p) {
    const auto checkpoint = snapshot->checkpoint(partition_at(p)).value();
    if (!checkpoint) continue;
    snapshot
        ->heads({partition_at(p), {kMinEventTime, kMaxEventTime}},
                [&](const PageHead& head) {
                  if (checkpoint->frontier.behind(head.key.window, head.key.slot)) {
                    pages.push_back(head.key);
                  }
                  return true;
                })
        .value();
  }
  if (pages.empty()) return;
  // Somebody else rewrites a recent one: those are where late events go. Who had read it before
  // meets a conflict.
  const PageKey& page = pages[pages.size() - 1 - rng_.below(std::min<size_t>(pages.size(), 8))];
  Commit commit{.id = 1, .lane = Lane::kReplay};
  commit.pages.push_back(
      hindcast::rewrite_page(options_.lane.lane.schema, snapshot->page(page, Lane::kReplay).value())
          .value());
  world_.store().commit(std::move(commit), [](const Result<CommitResult>&) {});
}

void History::mind_the_node() {
  if (world_.dying()) restart(rng_.chance(0.5));
}

void History::restart(bool power_loss) {
  for (;;) {
    ++report_.crashes;
    ++life_;
    world_.die(power_loss);
    answers_.clear();
    for (Client& client : clients_) client.failed();
    if (cut_recovery_) {
      world_.cut_power_after(*cut_recovery_);
      cut_recovery_.reset();
    }
    const Status started = world_.start();
    if (started && !world_.dying()) break;
    if (started.has_value() || world_.dying() || started.error().code != ErrorCode::kCorruption) {
      power_loss = rng_.chance(0.5);
      after("recovery fails");
      continue;
    }
    failures_.add("L2", "the node does not start: " + started.error().message);
    return;
  }
  world_.spare_power();  // or the checkers would run into it
  const auto snapshot = world_.store().snapshot().value();
  journal_.recovered(world_.log(), *snapshot, failures_);
  after("restart");
  look(true);
}

}  // namespace hindcast::sim
