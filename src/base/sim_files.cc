#include "base/sim_files.h"

#include <algorithm>

namespace hindcast {
namespace {

std::string parent_of(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

void copy_sector(const Bytes& from, Bytes& to, uint64_t sector) {
  const size_t begin = sector * SimFileSystem::kSector;
  const size_t end = std::min({begin + SimFileSystem::kSector, from.size(), to.size()});
  if (begin < end) to.replace(begin, end - begin, from, begin, end - begin);
}

}  // namespace

std::string_view to_string(SimOp op) {
  switch (op) {
    case SimOp::kOpen:
      return "open";
    case SimOp::kRead:
      return "read";
    case SimOp::kWrite:
      return "write";
    case SimOp::kSync:
      return "sync";
    case SimOp::kTruncate:
      return "truncate";
    case SimOp::kList:
      return "list";
    case SimOp::kRemove:
      return "remove";
    case SimOp::kRename:
      return "rename";
    case SimOp::kSyncFolder:
      return "sync-folder";
  }
  return "unknown";
}

class SimFileSystem::SimFile final : public File {
 public:
  SimFile(SimFileSystem& fs, std::string path, std::shared_ptr<Inode> inode)
      : fs_(fs), path_(std::move(path)), inode_(std::move(inode)), life_(fs.life_) {}

  Result<size_t> read_into(uint64_t offset, char* out, size_t size) override {
    const std::lock_guard lock(fs_.mutex_);
    HC_TRY(before(SimOp::kRead));
    if (offset >= inode_->now.size()) return size_t{0};
    return inode_->now.copy(out, size, offset);
  }

  Status write(uint64_t offset, BytesView data) override {
    const std::lock_guard lock(fs_.mutex_);
    HC_TRY(before(SimOp::kWrite));
    if (data.empty()) return {};
    const uint64_t end = offset + data.size();
    if (end > inode_->now.size()) {
      const uint64_t growth = end - inode_->now.size();
      if (fs_.capacity_ && fs_.used() + growth > *fs_.capacity_) {
        return overloaded(path_ + ": write: no space left on the simulated disk");
      }
      inode_->now.resize(end, '\0');
      inode_->resized = true;
    }
    inode_->now.replace(offset, data.size(), data);
    for (uint64_t s = offset / kSector; s * kSector < end; ++s) inode_->dirty.insert(s);
    return {};
  }

  Status sync() override {
    const std::lock_guard lock(fs_.mutex_);
    HC_TRY(before(SimOp::kSync));
    if (std::exchange(fs_.fail_sync_, false)) {
      fs_.settle(*inode_);
      return unavailable(path_ + ": sync: simulated failure");
    }
    inode_->disk.resize(inode_->now.size(), '\0');
    for (const uint64_t s : inode_->dirty) copy_sector(inode_->now, inode_->disk, s);
    inode_->dirty.clear();
    inode_->resized = false;
    return {};
  }

  Result<uint64_t> size() override {
    const std::lock_guard lock(fs_.mutex_);
    HC_TRY(before(SimOp::kRead));
    return uint64_t{inode_->now.size()};
  }

  Status truncate(uint64_t size) override {
    const std::lock_guard lock(fs_.mutex_);
    HC_TRY(before(SimOp::kTruncate));
    // Growing by truncate writes nothing, but the bytes between must read as zero even where the
    // disk still holds what an un-synced shrink cut off.
    const size_t from = std::min<size_t>(size, inode_->now.size());
    inode_->now.resize(size, '\0');
    for (uint64_t s = from / kSector; s * kSector < size; ++s) inode_->dirty.insert(s);
    inode_->resized = true;
    return {};
  }

 private:
  Status before(SimOp op) {
    if (life_ != fs_.life_) return unavailable(path_ + ": opened before the crash");
    return fs_.before(op, path_);
  }
  SimFileSystem& fs_;
  const std::string path_;
  const std::shared_ptr<Inode> inode_;
  const uint64_t life_;
};

SimFileSystem::SimFileSystem(uint64_t seed) : rng_(seed) {}
SimFileSystem::~SimFileSystem() = default;

void SimFileSystem::set_hook(Hook hook) {
  const std::lock_guard lock(mutex_);
  hook_ = std::move(hook);
}

void SimFileSystem::set_capacity(ByteCount capacity) {
  const std::lock_guard lock(mutex_);
  capacity_ = capacity.value;
}

void SimFileSystem::fail_next_sync() {
  const std::lock_guard lock(mutex_);
  fail_sync_ = true;
}

Status SimFileSystem::before(SimOp op, const std::string& path) {
  if (power_ && hook_ && !hook_(op, path)) power_ = false;
  if (!power_) return unavailable(path + ": " + std::string(to_string(op)) + ": power is off");
  return {};
}

uint64_t SimFileSystem::used() const {
  uint64_t sum = 0;
  for (const auto& [path, inode] : names_) sum += inode->now.size();
  return sum;
}

void SimFileSystem::settle(Inode& inode) {
  // The size first: a sector beyond the size that survived is gone whatever happened to it.
  if (inode.resized && rng_.chance(0.5)) inode.disk.resize(inode.now.size(), '\0');
  for (const uint64_t s : inode.dirty) {
    if (rng_.chance(0.5)) copy_sector(inode.now, inode.disk, s);
  }
  inode.dirty.clear();
  inode.resized = false;
}

void SimFileSystem::apply(const FolderOp& op) {
  if (!op.renamed_from.empty()) durable_names_.erase(op.renamed_from);
  if (op.inode) {
    durable_names_[op.path] = op.inode;
  } else {
    durable_names_.erase(op.path);
  }
}

void SimFileSystem::crash() {
  const std::lock_guard lock(mutex_);
  const uint64_t survived = rng_.below(pending_.size() + 1);
  for (uint64_t i = 0; i < survived; ++i) apply(pending_[i]);
  pending_.clear();
  names_ = durable_names_;
  for (auto& [path, inode] : names_) {
    settle(*inode);
    inode->now = inode->disk;
  }
  hook_ = nullptr;
  fail_sync_ = false;
  power_ = true;
  ++life_;
}

Status SimFileSystem::flip(const std::string& path, uint64_t offset, uint8_t mask) {
  const std::lock_guard lock(mutex_);
  const auto it = names_.find(path);
  if (it == names_.end() || offset >= it->second->now.size()) return not_found(path);
  Inode& inode = *it->second;
  inode.now[offset] = static_cast<char>(inode.now[offset] ^ mask);
  if (offset < inode.disk.size()) inode.disk[offset] = inode.now[offset];
  return {};
}

Result<std::unique_ptr<File>> SimFileSystem::open(const std::string& path, OpenMode mode) {
  const std::lock_guard lock(mutex_);
  HC_TRY(before(SimOp::kOpen, path));
  auto it = names_.find(path);
  if (it == names_.end()) {
    if (mode != OpenMode::kCreate) return not_found(path + ": open: no such file");
    if (!folders_.contains(parent_of(path))) return not_found(path + ": open: no such folder");
    it = names_.emplace(path, std::make_shared<Inode>()).first;
    pending_.push_back({path, it->second, ""});
  }
  return std::unique_ptr<File>(std::make_unique<SimFile>(*this, path, it->second));
}

bool SimFileSystem::exists(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return names_.contains(path) || folders_.contains(path);
}

Result<std::vector<std::string>> SimFileSystem::list(const std::string& folder) {
  const std::lock_guard lock(mutex_);
  HC_TRY(before(SimOp::kList, folder));
  if (!folders_.contains(folder)) return not_found(folder + ": list: no such folder");
  std::vector<std::string> out;
  const auto add = [&](const std::string& path) {
    if (path != folder && parent_of(path) == folder) {
      out.push_back(path.substr(path.find_last_of('/') + 1));
    }
  };
  for (const auto& [path, inode] : names_) add(path);
  for (const std::string& path : folders_) add(path);
  std::sort(out.begin(), out.end());
  return out;
}

Status SimFileSystem::make_folder(const std::string& path) {
  const std::lock_guard lock(mutex_);
  std::string at = path;
  for (; at != "/" && at != "." && folders_.insert(at).second;) at = parent_of(at);
  folders_.insert(at);
  return {};
}

Status SimFileSystem::remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  HC_TRY(before(SimOp::kRemove, path));
  if (names_.erase(path) == 0) return not_found(path + ": remove: no such file");
  pending_.push_back({path, nullptr, ""});
  return {};
}

Status SimFileSystem::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  HC_TRY(before(SimOp::kRename, from));
  const auto it = names_.find(from);
  if (it == names_.end()) return not_found(from + ": rename: no such file");
  if (from == to) return {};
  const std::shared_ptr<Inode> inode = it->second;
  names_.erase(it);
  names_[to] = inode;
  pending_.push_back({to, inode, from});
  return {};
}

Status SimFileSystem::sync_folder(const std::string& folder) {
  const std::lock_guard lock(mutex_);
  HC_TRY(before(SimOp::kSyncFolder, folder));
  if (!folders_.contains(folder)) return not_found(folder + ": sync: no such folder");
  std::vector<FolderOp> rest;
  for (FolderOp& op : pending_) {
    if (parent_of(op.path) == folder) {
      apply(op);
    } else {
      rest.push_back(std::move(op));
    }
  }
  pending_ = std::move(rest);
  return {};
}

Result<ByteCount> SimFileSystem::free_space(const std::string&) {
  const std::lock_guard lock(mutex_);
  constexpr uint64_t kUnlimited = uint64_t{1} << 50;
  if (!capacity_) return ByteCount{kUnlimited};
  const uint64_t in_use = used();
  return ByteCount{in_use < *capacity_ ? *capacity_ - in_use : 0};
}

}  // namespace hindcast
