// An engine in this process, over real files in a fresh folder; and the trades that its tests push.
#pragma once
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/posix_files.h"
#include "base/temp_folder_test_util.h"
#include "engine/engine.h"

namespace hindcast {

constexpr int64_t kMinute = 60'000;
constexpr int64_t kNoon =
    1'700'000'100'000 / (60 * kMinute) * (60 * kMinute);  // an hour boundary, in ms

inline std::string trade(int64_t id, int64_t ms, const std::string& price, const std::string& qty,
                         const std::string& symbol = "BTC") {
  return R"({"id":)" + std::to_string(id) + R"(,"sym":")" + symbol + R"(","ts":)" +
         std::to_string(ms) + R"(,"price":)" + price + R"(,"qty":)" + qty + "}\n";
}

inline EventTime at_ms(int64_t ms) { return event_time_ns(ms * 1'000'000); }

/// A source of trades; `keys` are further lines of its table.
inline std::string source_toml(
    const std::string& keys = "kind = \"http\"\nwatermark = { delay = \"5s\" }\n") {
  return "[[source]]\nname = \"trades\"\n" + keys + R"toml(
[source.event]
key = "sym"
id = { field = "id", type = "int" }
time = "ts"
time_unit = "ms"
[source.values]
price = { field = "price", type = "decimal(18,2)" }
qty = { field = "qty", type = "decimal(18,4)" }
)toml";
}
/// Candles of one minute, rolled up to five.
inline std::string candles_toml(const std::string& last = "volume = \"sum(qty)\"\n") {
  return R"toml(
[[aggregate]]
name = "candles"
bucket = "1m"
rollups = ["5m"]
[aggregate.values]
open = "first(price)"
close = "last(price)"
trades = "count()"
)toml" + last;
}

inline Config config_of(const std::string& toml, const std::string& folder) {
  ConfigOutcome outcome = parse_config(toml, "test.toml", folder);
  EXPECT_TRUE(outcome.config) << to_string(outcome.problems, "test.toml");
  outcome.config->data_dir = folder + "/data";
  outcome.config->log.dir = folder + "/data/log";
  outcome.config->log.segment = 1_MiB;  // made ready faster than the default
  return *std::move(outcome.config);
}

class EngineFixture : public ::testing::Test {
 protected:
  void open(const std::string& toml = source_toml() + candles_toml()) {
    Config config = config_of(toml, folder_.path());
    // Off unless a test wants it: a stop waits for its thread, which only runs when a CPU is idle.
    config.limits.verify_rate = ByteCount{};
    if (adjust) adjust(config);
    auto opened = Engine::open(std::move(config), files_);
    ASSERT_TRUE(opened) << opened.error().message;
    engine_ = *std::move(opened);
    engine_->start();
    while (!engine_->ready()) std::this_thread::yield();
  }
  void close() {
    engine_->stop();
    engine_.reset();
  }

  PushResult push(const std::string& body, const std::string& source = "trades") {
    std::promise<Result<PushResult>> answer;
    engine_->push(source, body, std::nullopt,
                  [&](Result<PushResult> result) { answer.set_value(std::move(result)); });
    return answer.get_future().get().value();
  }
  /// Returns once everything that it makes ready is sealed, rolled up and merged.
  void heartbeat(int64_t ms, const std::string& source = "trades") {
    std::promise<Result<bool>> answer;
    engine_->heartbeat(source, at_ms(ms),
                       [&](Result<bool> result) { answer.set_value(std::move(result)); });
    ASSERT_TRUE(answer.get_future().get());
    engine_->wait_drained();
  }

  std::vector<Bucket> buckets(Duration resolution, const std::string& key = "BTC") {
    return engine_->buckets({.aggregate = "candles", .key = key, .resolution = resolution})
        .value()
        .buckets;
  }
  /// "open close trades volume"
  static std::string values(const Bucket& bucket) {
    std::string out;
    for (const Value& value : bucket.values) out += (out.empty() ? "" : " ") + value.to_string();
    return out;
  }
  SourceStatus source(const std::string& name = "trades") {
    for (const SourceStatus& status : engine_->status().sources) {
      if (status.name == name) return status;
    }
    return {};
  }
  uint64_t differences() { return engine_->verify({}).value().differences_total; }

  TempFolder folder_;
  PosixFileSystem files_;
  std::function<void(Config&)> adjust;  // of what the configuration file cannot say
  std::unique_ptr<Engine> engine_;
};

}  // namespace hindcast
