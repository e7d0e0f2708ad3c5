#include "engine/engine.h"

#include <gtest/gtest.h>

#include <future>

#include "base/posix_files.h"
#include "base/temp_folder_test_util.h"

namespace hindcast {
namespace {

constexpr std::string_view kToml = R"toml(
[[source]]
name = "trades"
kind = "http"
watermark = { delay = "5s" }

[source.event]
key = "sym"
id = { field = "id", type = "int" }
time = "ts"
time_unit = "ms"

[source.values]
price = { field = "price", type = "decimal(18,2)" }
qty = { field = "qty", type = "decimal(18,4)" }

[[aggregate]]
name = "candles"
sources = ["trades"]
bucket = "1m"
rollups = ["5m"]

[aggregate.values]
open = "first(price)"
close = "last(price)"
volume = "sum(qty)"
trades = "count()"
)toml";

constexpr int64_t kMinute = 60'000;
constexpr int64_t kNoon =
    1'700'000'100'000 / (5 * kMinute) * (5 * kMinute);  // a 5-minute boundary, in ms

std::string trade(int64_t id, int64_t ms, const std::string& price, const std::string& qty) {
  return R"({"id":)" + std::to_string(id) + R"(,"sym":"BTC","ts":)" + std::to_string(ms) +
         R"(,"price":)" + price + R"(,"qty":)" + qty + "}\n";
}

EventTime at_ms(int64_t ms) { return event_time_ns(ms * 1'000'000); }

class EngineTest : public ::testing::Test {
 protected:
  void open() {
    ConfigOutcome outcome = parse_config(kToml, "test.toml", folder_.path());
    ASSERT_TRUE(outcome.config) << to_string(outcome.problems, "test.toml");
    outcome.config->data_dir = folder_.path() + "/data";
    outcome.config->log.dir = folder_.path() + "/data/log";
    auto opened = Engine::open(*outcome.config, files_);
    ASSERT_TRUE(opened) << opened.error().message;
    engine_ = *std::move(opened);
    engine_->start();
    while (!engine_->ready()) std::this_thread::yield();
  }

  PushResult push(const std::string& body) {
    std::promise<Result<PushResult>> answer;
    engine_->push("trades", body, std::nullopt,
                  [&](Result<PushResult> result) { answer.set_value(std::move(result)); });
    return answer.get_future().get().value();
  }
  void heartbeat(int64_t ms) {
    std::promise<Result<bool>> answer;
    engine_->heartbeat("trades", at_ms(ms),
                       [&](Result<bool> result) { answer.set_value(std::move(result)); });
    ASSERT_TRUE(answer.get_future().get());
    engine_->wait_drained();
  }
  std::vector<Bucket> buckets(Duration resolution) {
    return engine_->buckets({.aggregate = "candles", .key = "BTC", .resolution = resolution})
        .value()
        .buckets;
  }
  static std::vector<std::string> values(const Bucket& bucket) {
    std::vector<std::string> out;
    for (const Value& value : bucket.values) out.push_back(value.to_string());
    return out;
  }

  TempFolder folder_;
  PosixFileSystem files_;
  std::unique_ptr<Engine> engine_;
};

// What was pushed is visible before any watermark passes, as open, in every resolution.
TEST_F(EngineTest, OpenBucketsShowProvisionalValues) {
  open();
  EXPECT_EQ(push(trade(1, kNoon, "10.00", "1") + trade(2, kNoon + 1, "11.50", "2")).accepted, 2U);
  engine_->wait_drained();
  for (const Duration resolution : {Duration(1min), Duration(5min)}) {
    const auto open_buckets = buckets(resolution);
    ASSERT_EQ(open_buckets.size(), 1U);
    EXPECT_EQ(open_buckets[0].state, BucketState::kOpen);
    EXPECT_EQ(values(open_buckets[0]), (std::vector<std::string>{"10", "11.5", "3", "2"}));
  }
}

// The heartbeat closes minute and rollup; a redelivery counts as duplicate and changes nothing.
TEST_F(EngineTest, HeartbeatFinalizesAndRedeliveryChangesNothing) {
  open();
  const std::string body = trade(1, kNoon, "10", "1") + trade(2, kNoon + kMinute, "12", "2");
  push(body);
  push(body);
  heartbeat(kNoon + 5 * kMinute);
  const auto minutes = buckets(1min);
  ASSERT_EQ(minutes.size(), 2U);
  EXPECT_EQ(minutes[0].state, BucketState::kFinal);
  EXPECT_EQ(values(minutes[1]), (std::vector<std::string>{"12", "12", "2", "1"}));
  const auto rolled = buckets(5min);
  ASSERT_EQ(rolled.size(), 1U);
  EXPECT_EQ(rolled[0].state, BucketState::kFinal);
  EXPECT_EQ(values(rolled[0]), (std::vector<std::string>{"10", "12", "3", "2"}));
  EXPECT_EQ(rolled[0].digest, minutes[0].digest + minutes[1].digest);
  const SystemStatus status = engine_->status();
  EXPECT_EQ(status.sources[0].tallies, (Tallies{.aggregated = 2, .duplicate = 2}));
  EXPECT_TRUE(status.sources[0].balanced());
}

// A late event is a new version of a final bucket, and its rollup follows.
TEST_F(EngineTest, LateEventMakesANewVersionOfBucketAndRollup) {
  open();
  push(trade(1, kNoon, "10", "1"));
  heartbeat(kNoon + 5 * kMinute);
  const Version before = buckets(1min)[0].version;
  push(trade(2, kNoon + 10, "9", "1"));
  engine_->wait_drained();
  const auto after = buckets(1min);
  EXPECT_GT(after[0].version, before);
  EXPECT_EQ(after[0].cause.kind, Cause::Kind::kLate);
  EXPECT_EQ(values(after[0]), (std::vector<std::string>{"10", "9", "2", "2"}));
  EXPECT_EQ(values(buckets(5min)[0]), values(after[0]));
  EXPECT_EQ(engine_->status().sources[0].late, 1U);
}

// An orderly stop and a new start show the same buckets and tallies, open ones too.
TEST_F(EngineTest, RestartChangesNothing) {
  open();
  push(trade(1, kNoon, "10", "1") + "not json\n" + trade(2, kNoon + 3 * kMinute, "12", "2"));
  heartbeat(kNoon + 2 * kMinute);
  const auto before = buckets(1min);
  const Tallies tallies = engine_->status().sources[0].tallies;
  engine_->stop();
  engine_.reset();
  open();
  const auto after = buckets(1min);
  ASSERT_EQ(after.size(), before.size());
  for (size_t i = 0; i < after.size(); ++i) {
    EXPECT_EQ(after[i].state, before[i].state);
    EXPECT_EQ(after[i].digest, before[i].digest);
    EXPECT_EQ(values(after[i]), values(before[i]));
  }
  const SourceStatus source = engine_->status().sources[0];
  EXPECT_EQ(source.tallies, tallies);
  EXPECT_EQ(source.received, 3U);
  EXPECT_TRUE(source.balanced());
  EXPECT_EQ(engine_->verify({}).value().differences_total, 0U);
}

TEST_F(EngineTest, RejectedLinesAreNamedAndKeptAsDeadLetters) {
  open();
  const PushResult result = push(trade(1, kNoon, "10", "1") + trade(2, kNoon, "\"ten\"", "1"));
  EXPECT_EQ(result.accepted, 1U);
  ASSERT_EQ(result.rejected.size(), 1U);
  EXPECT_EQ(result.rejected[0].line, 2U);
  engine_->wait_drained();
  const auto letters = engine_->dead_letters({}).value();
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(letters[0].source, "trades");
  EXPECT_EQ(engine_->status().sources[0].tallies.dead_lettered, 1U);
}

TEST_F(EngineTest, UnknownNamesAreAnsweredWithTheNearest) {
  open();
  const auto answer = engine_->buckets({.aggregate = "candels"});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kNotFound);
  EXPECT_NE(answer.error().message.find("candles"), std::string::npos);
}

}  // namespace
}  // namespace hindcast
