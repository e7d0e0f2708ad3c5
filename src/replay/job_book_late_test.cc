// Late events beside jobs, on virtual time: both ask as their drivers do, whenever they are told
// to.
#include <gtest/gtest.h>

#include "replay/job_book.h"

namespace hindcast {
namespace {

constexpr PartitionId kPartition{1};
constexpr ProcessingTime kWall{Duration(1h)};
constexpr Window kRange{EventTime(Duration(0)), EventTime(Duration(10min))};

class JobBookLateTest : public ::testing::Test {
 protected:
  void govern(uint64_t events, bool late_first = false) {
    Allowance allowance;
    allowance.per_second = {events, kNoLimit, kNoLimit, kNoLimit};
    allowance.subwindows = 2;
    allowance.limit = Reason::kRate;
    allowance.late_first = late_first;
    book_.govern(allowance, {}, now_, kWall);
  }
  void begin_job() {
    ReplayJob job;
    job.id = 1;
    job.stream = StreamId{1};
    job.source = SourceId{1};
    job.range = kRange;
    book_.add(std::move(job), false, now_);
    now_ += 10s;  // its stagger
    for (int i = 0; i < 2; ++i) {
      assignment_ = book_.take([](StreamId) { return kMaxEventTime; },
                               [](StreamId, SourceId) { return kMaxEventTime; }, now_, kWall);
      ASSERT_TRUE(assignment_);
      if (i == 0) book_.prepared(1, {kRange}, {}, {kPartition}, kWall);
    }
  }
  /// What each got, of steps of this many events.
  struct Got {
    uint64_t jobs = 0, late = 0;
  };
  Got run(Duration span, uint64_t job_step, uint64_t late_step) {
    Got got;
    MonoTime job_asks = now_, late_asks = now_;
    const MonoTime end = now_ + span;
    for (; now_ < end; now_ += 1ms) {
      if (job_step > 0 && job_asks <= now_) {
        const auto wait = book_.allow(*assignment_, job_step, now_);
        got.jobs += wait ? 0 : job_step;
        job_asks = wait ? wait->until : now_ + 1ms;
      }
      if (late_step > 0 && late_asks <= now_) {
        const auto wait = book_.allow_late(kPartition, late_step, now_);
        got.late += wait ? 0 : late_step;
        late_asks = wait ? wait->until : now_ + 1ms;
      }
    }
    return got;
  }

  MonoTime now_{1h};
  std::optional<Assignment> assignment_;
  JobBook book_{{}, [](const Commit&) {}, [](StreamId, BytesView) { return kPartition; }, now_};
};

TEST_F(JobBookLateTest, BothTogetherKeepTheCeiling) {
  govern(1'000);
  begin_job();
  const Got got = run(60s, 500, 64);
  EXPECT_LE(got.jobs + got.late, 60'000 + 250 + 500U);
  EXPECT_GE(got.jobs + got.late, 57'000U);
}

// However large a step of each is: a job asks for sixty-five thousand at once, the drain for less.
TEST_F(JobBookLateTest, EachGetsAHalfWhileBothWait) {
  govern(1'000);
  begin_job();
  const Got got = run(100s, 3'000, 64);
  EXPECT_NEAR(static_cast<double>(got.late), 50'000, 5'000);
  EXPECT_NEAR(static_cast<double>(got.jobs), 50'000, 5'000);
}

// A deep replay log is made shallower by them alone. Jobs go on, at a tenth.
TEST_F(JobBookLateTest, ADeepReplayLogGivesLateEventsNineTenths) {
  govern(1'000, true);
  begin_job();
  const Got got = run(100s, 500, 64);
  EXPECT_NEAR(static_cast<double>(got.late), 90'000, 5'000);
  EXPECT_NEAR(static_cast<double>(got.jobs), 10'000, 2'000);
}

TEST_F(JobBookLateTest, WhoIsAloneGetsAll) {
  govern(1'000);
  EXPECT_NEAR(static_cast<double>(run(100s, 0, 64).late), 100'000, 5'000);
  begin_job();
  EXPECT_NEAR(static_cast<double>(run(100s, 500, 0).jobs), 100'000, 5'000);
}

}  // namespace
}  // namespace hindcast
