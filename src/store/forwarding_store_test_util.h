// A store that hands everything on: tests override what they watch or change.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "store/store.h"

namespace hindcast::test {

class ForwardingStore : public Store {
 public:
  explicit ForwardingStore(Store& store) : store_(store) {}
  void commit(Commit commit, Done<CommitResult> done) override {
    store_.commit(std::move(commit), std::move(done));
  }
  Result<std::shared_ptr<const Snapshot>> snapshot() const override { return store_.snapshot(); }
  StoreHealth health() const override { return store_.health(); }
  Result<std::optional<Bytes>> get_meta(const std::string& name) const override {
    return store_.get_meta(name);
  }
  Status put_meta(const std::string& name, BytesView value) override {
    return store_.put_meta(name, value);
  }
  Status close() override { return store_.close(); }

 private:
  Store& store_;
};

}  // namespace hindcast::test
