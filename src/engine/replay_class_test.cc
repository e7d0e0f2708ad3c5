#include "engine/replay_class.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <semaphore>
#include <thread>
#include <vector>

#include "base/thread_class.h"
#include "base/thread_runtime.h"

namespace hindcast {
namespace {

/// A worker on two threads, whose steps say on which of them they ran.
class Worker {
 public:
  explicit Worker(ThreadClass own_class) {
    own_ = std::jthread([this, own_class](const std::stop_token& stop) {
      // Begun while it is normal: what an idle thread starts is idle.
      std::jthread helper([this](const std::stop_token& s) { class_.serve(s, step(by_helper_)); });
      started_.count_down();
      enter(own_class);
      while (class_.step(stop, step(by_own_))) {
      }
    });
    started_.wait();
  }
  ReplayClass& policy() { return class_; }
  void wait_for_own() { by_own_.acquire(); }
  void forget_own() {
    while (by_own_.try_acquire()) {
    }
  }
  void wait_for_helper() { by_helper_.acquire(); }
  bool overlapped() const { return overlapped_; }
  Scheduling of_helper() const { return of_helper_; }

 private:
  using Count = std::counting_semaphore<>;
  ReplayClass::Step step(Count& count) {
    return [this, &count](MonoTime now) {
      if (stepping_.exchange(true)) overlapped_ = true;
      if (&count == &by_helper_) of_helper_ = scheduling();
      plain_ += 1;  // what a step changes is seen by the next one, on whichever thread
      stepping_ = false;
      count.release();
      return now;
    };
  }
  ReplayClass class_{steady_now, 50ms};
  Count by_own_{0}, by_helper_{0};
  std::atomic<bool> stepping_{false}, overlapped_{false};
  std::atomic<Scheduling> of_helper_{Scheduling::kIdle};
  uint64_t plain_ = 0;
  std::latch started_{1};
  std::jthread own_;
};

// Below its floor for want of a CPU alone, replay is served by a thread that gets one.
TEST(ReplayClassTest, WhileItStarvesTheHelperStepsAndThenTheWorkerAgain) {
  Worker worker(ThreadClass::kNormal);
  worker.wait_for_own();
  worker.policy().set_starved(true);
  worker.wait_for_helper();
  worker.wait_for_helper();
  worker.forget_own();  // what it stepped before; now it waits
  worker.policy().set_starved(false);
  worker.wait_for_own();
  EXPECT_FALSE(worker.overlapped());
  EXPECT_EQ(worker.of_helper(), Scheduling::kNormal);
}

// Nobody has to say so: all CPUs are busy with others, and they are freed only when it was served.
TEST(ReplayClassTest, AWorkerThatGetsNoCpuIsServed) {
  std::atomic<bool> served{false};
  std::vector<std::jthread> busy;
  for (unsigned i = 0; i < std::thread::hardware_concurrency(); ++i) {
    busy.emplace_back([&] {
      while (!served) {
      }
    });
  }
  Worker worker(ThreadClass::kIdle);
  worker.wait_for_helper();
  worker.wait_for_helper();
  served = true;
}

TEST(ReplayClassTest, ItStopsInEitherState) {
  for (const bool starved : {false, true}) {
    Worker worker(ThreadClass::kNormal);
    worker.policy().set_starved(starved);
    starved ? worker.wait_for_helper() : worker.wait_for_own();
  }
}

// Three hours of pause after a step of one do not hold up the end.
TEST(ReplayClassTest, TheHelperStopsInTheMiddleOfItsPause) {
  MonoTime now{};
  ReplayClass policy([&] { return now; });
  policy.set_starved(true);
  std::stop_source stop;
  int steps = 0;
  policy.serve(stop.get_token(), [&](MonoTime at) {
    ++steps;
    now = at + 1h;  // so the pause would be three hours
    stop.request_stop();
    return now;
  });
  EXPECT_EQ(steps, 1);
}

}  // namespace
}  // namespace hindcast
