// The store that is obviously right: ordered maps under a mutex. For tests and for the simulator,
// and the yardstick of the others.
//
// A commit takes effect, whole, when its task runs in `post`; until then it is only given. So
// whoever owns the executor decides when commits complete, in which order relative to everything
// else, and which of them a crash loses.
//
// Thread safety: as the interface says. `done` runs in the commit's task.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/runtime.h"
#include "store/store.h"

namespace hindcast {

struct MemoryStoreOptions {
  /// Where commits run, one task each; absent = at once, on the caller's thread.
  std::function<void(Task)> post;
};

class MemoryStore final : public Store {
 public:
  explicit MemoryStore(MemoryStoreOptions options = {});
  ~MemoryStore() override;

  void commit(Commit commit, Done<CommitResult> done) override;
  Result<std::shared_ptr<const Snapshot>> snapshot() const override;
  StoreHealth health() const override;
  Result<std::optional<Bytes>> get_meta(const std::string& name) const override;
  Status put_meta(const std::string& name, BytesView value) override;
  Status close() override;

  /// The process dies and comes back: what is committed stays; commits that were given but not
  /// completed are gone, and their `done` never runs. Tasks still in `post` do nothing.
  void crash();
  /// Damages a byte of a page's part, or the page's head, as a decaying medium would. Requires:
  /// they are there; at most one byte of a part.
  void flip(const PageKey& key, uint32_t part, size_t byte);
  void lose_head(const PageKey& key);

  struct Shared;  // the content, and what its snapshots share with the store

 private:
  struct Pending {
    Commit commit;
    Done<CommitResult> done;
  };
  void run_next(uint64_t life);
  CommitResult apply(const Commit& commit);

  const MemoryStoreOptions options_;
  const std::shared_ptr<Shared> shared_;  // owned with the snapshots, which may outlive the store
  // Guarded by the mutex of shared_:
  std::deque<Pending> queues_[2];  // by lane
  std::map<PartitionId, CommitId> last_;
  uint64_t life_ = 0;  // counts crashes, so that tasks of a former life do nothing
  bool closed_ = false;
};

}  // namespace hindcast
