#include "format/heartbeat_reader.h"

#include <gtest/gtest.h>

namespace hindcast {
namespace {

using Found = HeartbeatReader::Found;

TimeMapping milliseconds(const std::string& field) {
  TimeMapping time;
  time.field.text = field;
  time.unit = TimeUnit::kMilliseconds;
  return time;
}

TEST(HeartbeatReaderTest, OnlyMessagesThatMatchArePromises) {
  auto reader =
      HeartbeatReader::create({{"e", "heartbeat"}, {"of.n", "1"}}, milliseconds("of.time")).value();
  EventTime time{};
  EXPECT_EQ(reader.read(R"({"e":"heartbeat","of":{"n":1,"time":1500}})", time), Found::kHeartbeat);
  EXPECT_EQ(time, event_time_ns(1'500'000'000));
  EXPECT_EQ(reader.read(R"({"e":"trade","of":{"n":1,"time":1500}})", time), Found::kOther);
  EXPECT_EQ(reader.read(R"({"e":"heartbeat","of":{"n":2,"time":1500}})", time), Found::kOther);
  EXPECT_EQ(reader.read(R"({"e":"heartbeat"})", time), Found::kOther);
  EXPECT_EQ(reader.read("pong", time), Found::kOther);
  EXPECT_EQ(reader.read("", time), Found::kOther);
}

// A promise that cannot be read must be seen by people: without it the watermark stands still.
TEST(HeartbeatReaderTest, AHeartbeatWithoutAReadableTimeIsSaid) {
  auto reader = HeartbeatReader::create({{"e", "heartbeat"}}, milliseconds("time")).value();
  EventTime time{};
  EXPECT_EQ(reader.read(R"({"e":"heartbeat","time":"soon"})", time), Found::kBadTime);
  EXPECT_EQ(reader.read(R"({"e":"heartbeat","time":null})", time), Found::kBadTime);
  EXPECT_EQ(reader.read(R"({"e":"heartbeat"})", time), Found::kBadTime);
  EXPECT_EQ(reader.read(R"({"e":"heartbeat","time":"7"})", time), Found::kHeartbeat);
  EXPECT_EQ(time, event_time_ns(7'000'000));
}

TEST(HeartbeatReaderTest, AZoneThatIsNotThereIsAnError) {
  TimeMapping time;
  time.unit = TimeUnit::kPattern;
  time.pattern = "%Y-%m-%d";
  time.zone = "Nowhere/Land";
  EXPECT_FALSE(HeartbeatReader::create({{"e", "heartbeat"}}, time));
}

}  // namespace
}  // namespace hindcast
