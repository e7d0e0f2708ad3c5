// A history under way: the seed picks who steps next.
#pragma once
#include <deque>
#include <iosfwd>
#include <memory>
#include <optional>

#include "sim/checkers.h"
#include "sim/content.h"
#include "sim/gap_checker.h"
#include "sim/recovery_checker.h"
#include "sim/simulator.h"

namespace hindcast::sim {

inline constexpr Duration kEndOfTime = 100 * 24h;  // all sources close here

class History {
 public:
  History(const Scenario& scenario, uint64_t seed, std::ostream* trace);
  Report execute();

 private:
  struct Answer {
    size_t client;
    uint64_t life;
    bool acknowledged;
  };

  std::unique_ptr<Past> make_past();

  // phases
  void run_with_faults();
  void heal();
  void settle(const char* phase);
  void close_sources();
  void check_end();
  /// What must be there at the end: what was sent, and what was lost if the past has it.
  std::vector<Event> expected() const;
  void check_jobs();
  /// Law L10: reading everything again.
  void replay_again();
  /// Expects that nothing is added.
  void replay_for_nothing();
  void replay_all(const char* phase);
  /// The same events, each once, in order of time, on a node that nothing happens to.
  Content without_faults(Hash128& hash);

  // steps
  void strike(const Fault& fault);
  void step();
  bool step_client(size_t client);
  void send(size_t client, const Batch& batch);
  bool step_log(Channel channel);
  bool step_store();
  void step_lane(uint32_t lane, LaneDriver::Step step);
  void step_recovery();
  bool settle_recovery();
  void rewrite_page();
  void restart(bool power_loss);
  /// After any step that may have ended the node.
  void mind_the_node();
  void after(const std::string& what);
  void look(bool at_everything);

  const Scenario& scenario_;
  Rng rng_;
  std::ostream* trace_;
  Report report_;
  Failures failures_;
  Workload workload_;
  WorldOptions options_;
  CoverageFacts gaps_;          // to compare readings of, not in the store
  std::unique_ptr<Past> past_;  // null: nothing is ever read again
  World world_;
  Journal journal_;
  StoreWatch watch_;
  RecoveryWatch recovery_watch_;
  std::vector<Client> clients_;
  std::deque<Answer> answers_;  // on their way to clients
  uint64_t life_ = 0;           // counts deaths; answers of an earlier life never arrive
  uint64_t store_stalls_until_ = 0, log_stalls_until_ = 0, disk_full_until_ = 0;
  std::optional<uint64_t> cut_recovery_;
};

}  // namespace hindcast::sim
