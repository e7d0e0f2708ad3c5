#include "log/embedded_log.h"

#include <cstdlib>

#include "base/log.h"
#include "log/channel_log_internal.h"

namespace hindcast {
namespace {

Status check(const EmbeddedLogOptions& options) {
  const uint64_t segment = options.segment.value;
  if (segment < 2 * log::kBlock || segment > (1_GiB).value || segment % log::kBlock != 0) {
    return invalid_argument("log segment: expected a multiple of 4 KiB from 8 KiB to 1 GiB, not " +
                            std::to_string(segment));
  }
  if (options.retention.value < 2 * segment) {
    return invalid_argument("log retention: expected at least two segments, that is " +
                            std::to_string(2 * segment) + " bytes, not " +
                            std::to_string(options.retention.value));
  }
  if (options.age > Duration(0) && !options.now)
    return invalid_argument("log age: needs a clock to be judged by");
  return {};
}

[[noreturn]] void die(const Error& error) {
  log_error("the log cannot be written; ending the process, because nothing more can be promised",
            {{"error", error.message}});
  std::abort();
}

}  // namespace

EmbeddedLog::EmbeddedLog(EmbeddedLogOptions options) : options_(std::move(options)) {}
EmbeddedLog::~EmbeddedLog() = default;

Result<std::unique_ptr<EmbeddedLog>> EmbeddedLog::open(FileSystem& files,
                                                       EmbeddedLogOptions options) {
  HC_TRY(check(options));
  if (!options.on_fatal) options.on_fatal = die;
  HC_TRY(files.make_folder(options.folder));
  std::unique_ptr<EmbeddedLog> log(new EmbeddedLog(std::move(options)));
  for (const Channel c : {Channel::kLive, Channel::kReplay}) {
    HC_TRY_ASSIGN(log->channels_[static_cast<size_t>(c)],
                  log::ChannelLog::open(files, log->options_, c));
  }
  return log;
}

void EmbeddedLog::append(Channel c, std::vector<LogAppend> records,
                         Done<std::vector<Position>> done) {
  if (channel(c).append(std::move(records), std::move(done)) && on_work_) {
    on_work_(c, LogWork::kWrite);
  }
}

Result<LogChunk> EmbeddedLog::read(PartitionId partition, Channel c, Position after,
                                   ByteCount max) {
  return channel(c).read(partition, after, max);
}

void EmbeddedLog::on_readable(std::function<void(Channel)> hook) { on_readable_ = std::move(hook); }
void EmbeddedLog::on_work(std::function<void(Channel, LogWork)> hook) {
  on_work_ = std::move(hook);
}

// The lowest bit of a lease says which channel it is of.
Result<LeaseId> EmbeddedLog::lease(PartitionId partition, Channel c, Position from,
                                   std::string owner) {
  HC_TRY_ASSIGN(const LeaseId lease, channel(c).lease(partition, from, std::move(owner)));
  return lease << 1 | static_cast<LeaseId>(c);
}

bool EmbeddedLog::holds(LeaseId lease) const {
  return channel(static_cast<Channel>(lease & 1)).holds(lease >> 1);
}

Position EmbeddedLog::kept_from(PartitionId partition, Channel c) const {
  return channel(c).kept_from(partition);
}

void EmbeddedLog::release(LeaseId lease) {
  const auto c = static_cast<Channel>(lease & 1);
  channel(c).release(lease >> 1);
  if (on_work_) on_work_(c, LogWork::kMaintain);
}

Status EmbeddedLog::trim(PartitionId partition, Channel c, Position below) {
  channel(c).trim(partition, below);
  if (on_work_) on_work_(c, LogWork::kMaintain);
  return {};
}

LogStats EmbeddedLog::stats(Channel c) const { return channel(c).stats(); }
std::vector<LogDamage> EmbeddedLog::damage(Channel c) const { return channel(c).damage(); }
ByteCount EmbeddedLog::between(Channel c, Position older, Position newer) const {
  return channel(c).between(older, newer);
}

Status EmbeddedLog::close() {
  for (const Channel c : {Channel::kLive, Channel::kReplay}) {
    while (write_pending(c)) {
    }
    HC_TRY(channel(c).close());
  }
  return {};
}

bool EmbeddedLog::write_pending(Channel c) {
  const auto written = channel(c).write_pending();
  if (written.readable && on_readable_) on_readable_(c);
  if (written.switched && on_work_) on_work_(c, LogWork::kMaintain);
  return channel(c).has_pending();
}

bool EmbeddedLog::maintain(Channel c) { return channel(c).maintain(); }

}  // namespace hindcast
