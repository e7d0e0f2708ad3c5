#include "sim/world.h"

#include "base/assert.h"
#include "sim/stream.h"

namespace hindcast::sim {
namespace {

constexpr ByteCount kDisk = 1_GiB;

void add(LaneDriver::Counts& sum, const LaneDriver::Counts& of_lane) {
  sum.steps += of_lane.steps;
  sum.commits += of_lane.commits;
  sum.conflicts += of_lane.conflicts;
  sum.spills += of_lane.spills;
  sum.drained += of_lane.drained;
}

}  // namespace

World::World(WorldOptions options, uint64_t seed)
    : options_(std::move(options)),
      files_(seed),
      runtime_(seed ^ 0x9e3779b97f4a7c15, ProcessingTime(Duration(1'700'000'000'000'000'000))),
      store_({.post = [this](Task task) {
        const Duration latency = Duration(1'000'000) * (1 + runtime_.rng().below(20));
        runtime_.at(ShardId{0}, runtime_.mono_now() + latency, std::move(task));
      }}) {
  free_disk();
}

World::~World() = default;

Status World::start() {
  HC_ASSERT(!dying_ && !log_);
  EmbeddedLogOptions log;
  log.folder = "/data/log";
  log.segment = options_.log_segment;
  log.retention = options_.log_retention;
  log.age = options_.log_age;
  log.now = [this] { return mono_now(); };
  log.on_fatal = [this](const Error&) { dying_ = true; };
  HC_TRY_ASSIGN(log_, EmbeddedLog::open(files_, std::move(log)));
  log_->on_work([this](Channel c, LogWork work) {
    (work == LogWork::kWrite ? to_write_ : to_maintain_)[index(c)] = true;
  });
  for (uint32_t p = 0; p < options_.partitions; ++p) {
    LaneDriverOptions lane = options_.lane;
    lane.lane.partition = partition_at(p);
    lanes_.push_back(std::make_unique<LaneDriver>(std::move(lane), *log_, store_));
    HC_TRY(lanes_.back()->start());
  }
  if (!options_.recovery) return {};
  ReplayStream stream{kStream, options_.lane.lane.schema, options_.lane.lane.aggregates, {}};
  for (uint32_t p = 0; p < options_.partitions; ++p) stream.partitions.push_back(partition_at(p));
  recovery_ = std::make_unique<Recovery>(
      *options_.recovery, std::move(stream), store_, last_job_,
      [this] {
        for (const auto& lane : lanes_) lane->look_for_marks();
      },
      runtime_.rng().next());
  recovery_->restore(mono_now(), now());
  return {};
}

void World::die(bool power_loss) {
  for (const auto& lane : lanes_) add(former_, lane->counts());
  lanes_.clear();
  recovery_.reset();
  log_.reset();
  runtime_.drop_all();
  store_.crash();
  if (power_loss || power_cut_) files_.crash();
  to_write_ = to_maintain_ = {};
  dying_ = power_cut_ = false;
}

void World::cut_power_after(uint64_t operations) {
  files_.set_hook([this, left = operations](SimOp, const std::string&) mutable {
    if (left > 0) {
      --left;
      return true;
    }
    dying_ = power_cut_ = true;
    return false;
  });
}

void World::fill_disk() {
  capacity_ = disk_used();
  files_.set_capacity(capacity_);
}

void World::free_disk() {
  capacity_ = kDisk;
  files_.set_capacity(capacity_);
}

ByteCount World::disk_used() const { return capacity_ - files_.free_space("/data").value(); }

void World::write_log(Channel channel) {
  to_write_[index(channel)] = false;
  if (log_->write_pending(channel)) to_write_[index(channel)] = true;
}

void World::maintain_log(Channel channel) {
  to_maintain_[index(channel)] = false;
  if (log_->maintain(channel)) to_maintain_[index(channel)] = true;
}

LaneDriver::Counts World::lane_counts() const {
  LaneDriver::Counts sum = former_;
  for (const auto& lane : lanes_) add(sum, lane->counts());
  return sum;
}

}  // namespace hindcast::sim
