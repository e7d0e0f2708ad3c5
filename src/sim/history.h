// A history under way: the seed picks who steps next.
#pragma once
#include <deque>
#include <iosfwd>
#include <memory>
#include <optional>

#include "sim/checkers.h"
#include "sim/content.h"
#include "sim/gap_checker.h"
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

  // phases
  void run_with_faults();
  void heal();
  void settle(const char* phase);
  void close_sources();
  void check_end();
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
  CoverageFacts gaps_;
  World world_;
  Journal journal_;
  StoreWatch watch_;
  std::vector<Client> clients_;
  std::deque<Answer> answers_;  // on their way to clients
  uint64_t life_ = 0;           // counts deaths; answers of an earlier life never arrive
  uint64_t store_stalls_until_ = 0, log_stalls_until_ = 0, disk_full_until_ = 0;
  std::optional<uint64_t> cut_recovery_;
};

}  // namespace hindcast::sim
