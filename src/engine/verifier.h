// The background verifier: a thread of its own at idle priority that drives VerifyCycle, no faster
// than so many bytes of pages per second.
//
// Thread safety: start and stop from one thread, status from any.
#pragma once
#include <thread>

#include "base/runtime.h"
#include "engine/verify_cycle.h"

namespace hindcast {

class Verifier {
 public:
  /// `bytes_per_second`: 0 = it never runs. Catalog, store and runtime
  /// outlive it.
  Verifier(const Catalog& catalog, Store& store, const Runtime& runtime,
           ByteCount bytes_per_second);

  void start();
  void stop();
  std::map<std::string, VerifiedStatus> status() const { return cycle_.status(); }

 private:
  void run(const std::stop_token& stop);

  const Runtime& runtime_;  // its clock
  const ByteCount rate_;
  VerifyCycle cycle_;
  std::jthread thread_;
};

}  // namespace hindcast
