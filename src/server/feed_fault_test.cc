#include "server/feed_fault.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/feed_test_util.h"

namespace hindcast {
namespace {

using testing::HasSubstr;

class FeedFaultTest : public testing::Test {
 protected:
  FeedFault fault(const std::string& json) const {
    auto out = parse_fault(json, data_, second(100));
    EXPECT_TRUE(out) << json << ": " << (out ? "" : out.error().message);
    return out.value_or(FeedFault{});
  }
  std::string error(const std::string& json) const {
    const auto out = parse_fault(json, data_, second(100));
    EXPECT_FALSE(out) << json;
    return out ? "" : out.error().message;
  }
  std::string rendered(const std::string& json) const {
    Bytes out;
    JsonWriter writer(out);
    render_fault(fault(json), data_, writer);
    return out;
  }
  FeedData data_ = feed_of(1000);
};

TEST_F(FeedFaultTest, ItActsFromNowOnUnlessToldOtherwise) {
  EXPECT_EQ(fault(R"({"kind":"drop"})").when, (Window{second(100), kMaxEventTime}));
  EXPECT_EQ(fault(R"({"kind":"drop","feed_seconds":60.5})").when.end,
            second(160) + Duration(500ms));
  EXPECT_EQ(fault(R"({"kind":"stall","from":"1970-01-01T00:00:10Z","feed_seconds":5})").when,
            (Window{second(10), second(15)}));
  EXPECT_EQ(
      fault(R"({"kind":"drop","from":"1970-01-01T00:00:10Z","to":"1970-01-01T00:00:20Z"})").when,
      (Window{second(10), second(20)}));
  EXPECT_EQ(fault(R"({"kind":"http-500","seconds":2})").real, Duration(2s));
  // What the history lacks it lacks everywhere.
  EXPECT_EQ(fault(R"({"kind":"history-lacks"})").when, (Window{kMinEventTime, kMaxEventTime}));
  EXPECT_EQ(fault(R"({"kind":"history-lacks","feed_seconds":10})").when,
            (Window{second(100), second(110)}));
  // A disconnect without an end keeps nobody out.
  EXPECT_EQ(fault(R"({"kind":"disconnect"})").when, (Window{second(100), second(100)}));
  EXPECT_EQ(fault(R"({"kind":"disconnect","seconds":1})").when,
            (Window{second(100), kMaxEventTime}));
}

TEST_F(FeedFaultTest, WhatWasUnderstoodIsShown) {
  EXPECT_EQ(
      rendered(R"({"kind":"late","channel":"Y","by":7200,"probability":0.25,"seed":7,"count":3})"),
      R"({"id":0,"kind":"late","channels":["Y"],"from":"1970-01-01T00:01:40Z","count":3,)"
      R"("probability":0.25,"seed":7,"by":7200})");
  EXPECT_EQ(rendered(R"({"kind":"disconnect","channels":["Y","X"],"seconds":2,"abrupt":true})"),
            R"({"id":0,"kind":"disconnect","channels":["X","Y"],"from":"1970-01-01T00:01:40Z",)"
            R"("seconds":2,"abrupt":true})");
  EXPECT_EQ(rendered(R"({"kind":"history-contradicts","field":"price"})"),
            R"({"id":0,"kind":"history-contradicts","field":"price"})");
}

TEST_F(FeedFaultTest, WhatIsWrongIsNamedWithTheNearestWord) {
  EXPECT_THAT(error("{"), HasSubstr("not JSON"));
  EXPECT_THAT(error("{}"), HasSubstr("there are drop, duplicate, reorder"));
  EXPECT_THAT(error(R"({"kind":"dorp"})"), HasSubstr("did you mean 'drop'?"));
  EXPECT_THAT(error(R"({"kind":"drop","chanel":"X"})"), HasSubstr("did you mean 'channel'?"));
  EXPECT_THAT(error(R"({"kind":"drop","by":5})"), HasSubstr("a fault of kind drop has no 'by'"));
  EXPECT_THAT(error(R"({"kind":"drop","channel":"Z"})"), HasSubstr("there is no channel 'Z'"));
  EXPECT_THAT(error(R"({"kind":"drop","probability":1.5})"), HasSubstr("from 0 to 1"));
  EXPECT_THAT(error(R"({"kind":"drop","count":-1})"), HasSubstr("a whole number"));
  EXPECT_THAT(error(R"({"kind":"late","by":"1h"})"), HasSubstr("'by' must be a number"));
  EXPECT_THAT(error(R"({"kind":"drop","from":"soon"})"), HasSubstr("soon"));
  EXPECT_THAT(error(R"({"kind":"drop","to":"1970-01-01T00:00:01Z"})"), HasSubstr("ends before"));
  EXPECT_THAT(error(R"({"kind":"history-contradicts"})"), HasSubstr("needs a 'field'"));
}

// The same seed hits the same events, whenever and in whichever order it is asked.
TEST_F(FeedFaultTest, ProbabilityIsDecidedBySeedAndEventAlone) {
  const FeedFault some = fault(R"({"kind":"history-lacks","probability":0.3,"seed":1})");
  const FeedFault other = fault(R"({"kind":"history-lacks","probability":0.3,"seed":2})");
  size_t hits = 0, same = 0;
  for (size_t i = 0; i < data_.records.size(); ++i) {
    hits += some.hits(data_, i) ? 1 : 0;
    same += some.hits(data_, i) == other.hits(data_, i) ? 1 : 0;
    EXPECT_EQ(some.hits(data_, i), some.hits(data_, i));
  }
  EXPECT_GT(hits, 230u);
  EXPECT_LT(hits, 370u);
  EXPECT_LT(same, 800u);
}

TEST_F(FeedFaultTest, ItHitsEventsOfItsTimeAndChannels) {
  const FeedFault drop = fault(R"({"kind":"drop","channel":"Y","feed_seconds":3})");
  std::vector<size_t> hit;
  for (size_t i = 0; i < data_.records.size(); ++i) {
    if (drop.hits(data_, i)) hit.push_back(i);
  }
  EXPECT_EQ(hit, std::vector<size_t>{100});  // second 101, the only Y of 100, 101 and 102
}

TEST(ContradictTest, TheValueIsAnotherOneOfTheSameKind) {
  EXPECT_EQ(contradict(R"({"a":1,"p":12.39,"q":2})", "p"), R"({"a":1,"p":12.30,"q":2})");
  EXPECT_EQ(contradict(R"({"p":"1.5"})", "p"), R"({"p":"1.6"})");
  EXPECT_EQ(contradict(R"({"d":{"p":7}})", "d.p"), R"({"d":{"p":8}})");
  EXPECT_EQ(contradict(R"({"p":null})", "p"), R"({"p":1})");
  EXPECT_EQ(contradict(R"({"p":1})", "none"), R"({"p":1})");
}

}  // namespace
}  // namespace hindcast
