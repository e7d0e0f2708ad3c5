// Trades of ten minutes, sealed into a store in memory, without an engine around it.
#pragma once
#include <gmock/gmock.h>

#include "engine/catalog.h"
#include "engine/engine_test_util.h"
#include "format/decoder.h"
#include "lane/page_merge.h"
#include "lane/parent_marks.h"
#include "lane/roller.h"
#include "store/forwarding_store_test_util.h"
#include "store/memory_store.h"

namespace hindcast {

/// Remembers the gaps that were opened.
class GapStore final : public test::ForwardingStore {
 public:
  GapStore() : ForwardingStore(inner) {}
  void commit(Commit commit, Done<CommitResult> done) override {
    gaps.insert(gaps.end(), commit.gaps.begin(), commit.gaps.end());
    inner.commit(std::move(commit), std::move(done));
  }

  MemoryStore inner;
  std::vector<Gap> gaps;
};

class SealedTrades : public ::testing::Test {
 protected:
  explicit SealedTrades(int minutes = 10)
      : config_([] {
          Config config = config_of(source_toml() + candles_toml(), "/nowhere");
          config.sources[0].history = HistoryConfig{.keys = {}};
          return config;
        }()),
        catalog_(Catalog::open(config_, store_, false).value()),
        stream_(catalog_.streams().at("trades")) {
    for (int i = 0; i < minutes; ++i) trades_ += trade(i + 1, kNoon + i * kMinute, "10", "1");
    seal(decoded(trades_), minutes);
  }
  EventBatch decoded(const std::string& body) {
    EventBatch rows(stream_.schema);
    auto decoder = make_decoder(stream_.schema, config_.sources[0]);
    decoder->begin({.name = "test", .object = "test", .path_parts = {}, .arrival = {}});
    std::vector<DeadLetter> dead;
    Decoder::Counts counts;
    decoder->decode(body, true, rows, dead, counts);
    rows.source.assign(rows.size(), 1);
    return rows;
  }
  /// Everything before the minute is behind the frontier then.
  void seal(const EventBatch& events, int minute) {
    const std::vector<LaneAggregate> aggregates = catalog_.lane_aggregates("trades");
    const MergeContext context{.schema = stream_.schema, .aggregates = aggregates, .cause = {}};
    Commit commit{.id = 1};
    MarkSet marks;
    std::map<EventTime, EventBatch> pages;
    for (uint32_t row = 0; row < events.size(); ++row) {
      const EventTime window =
          align_down(event_time_ns(events.time[row]), stream_.schema.page_window);
      EventBatch& page = pages.try_emplace(window, stream_.schema).first->second;
      const uint32_t rows[] = {row};
      append_rows(stream_.schema, events, rows, page);
      page.source.assign(page.size(), 1);
    }
    for (const auto& [window, page] : pages) {
      const PageKey key{stream_.partitions[0], window, slot_of("BTC", stream_.schema.slots)};
      PageMerge merge = merge_page(context, key, page, nullptr, RowsOf::kAll).value();
      for (size_t i = 0; i < aggregates.size(); ++i)
        marks.add(aggregates[i], key, merge.changed_keys[i], {});
      commit.pages.push_back(*merge.add);
      std::ranges::move(merge.rows, std::back_inserter(commit.rows));
    }
    commit.marks = marks.take();
    commit.checkpoint = Checkpoint{.partition = stream_.partitions[0],
                                   .epoch = Epoch{1},
                                   .frontier = {at_ms(kNoon + minute * kMinute), 0}};
    store_.commit(std::move(commit), [](Result<CommitResult> result) {
      EXPECT_EQ(result.value().state, CommitState::kCommitted);
    });
    roll_up();
  }
  void roll_up() {
    RollerOptions options{.partition = stream_.partitions[0], .schema = stream_.schema};
    for (const auto& [name, entry] : catalog_.aggregates())
      options.aggregates.push_back({entry.id, entry.config.rule, entry.levels});
    Roller roller(std::move(options));
    while (auto step = roller.step(*store_.snapshot().value(), {}).value()) {
      const CommitId id = step->id;
      store_.commit(*std::move(step),
                    [&](Result<CommitResult> result) { roller.committed(id, result.value()); });
    }
  }

  PageKey page(int minute) const {
    return {stream_.partitions[0], at_ms(kNoon + minute * kMinute),
            slot_of("BTC", stream_.schema.slots)};
  }

  const Config config_;
  GapStore store_;
  const Catalog catalog_;
  const StreamInfo& stream_;
  std::string trades_;
};

}  // namespace hindcast
