// The embedded log against a list of vectors, under crashes at any operation and damage at any
// byte.
#include <map>
#include <set>

#include "base/log.h"
#include "base/rng.h"
#include "log/embedded_log_test_util.h"

namespace hindcast {

// Only the helpers of the contract suite are used here.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(LogContractTest);

namespace {

enum class Fate { kWaiting, kAcknowledged, kRefused, kUnknown };
struct Vector {
  std::vector<LogAppend> records;
  Fate fate = Fate::kWaiting;
  std::vector<Position> positions;  // once acknowledged
};

constexpr uint32_t kPartitions = 3;

EmbeddedLogOptions small_options() {
  EmbeddedLogOptions options = contract_options(kLogFolder);
  options.segment = 16_KiB;
  options.retention = 128_KiB;
  options.group = 6_KiB;
  options.on_fatal = [](const Error&) {};  // the power is off, or is about to be
  return options;
}

// A random life of one log: the model is the list of what was appended and what was answered.
class Life {
 public:
  explicit Life(uint64_t seed) : rng_(seed), disk_(rng_.next()) { open(); }

  void run(int crashes) {
    for (int i = 0; i < crashes && !testing::Test::HasFailure(); ++i) {
      live_a_while();
      log_.reset();
      disk_.crash();
      open();
      check();
    }
  }

 private:
  void open() {
    // Power may fail while the log is being read back, too.
    while (true) {
      if (rng_.chance(0.2)) cut_power_after(rng_.below(30));
      auto opened = EmbeddedLog::open(disk_, small_options());
      if (opened) {
        log_ = std::move(opened).value();
        break;
      }
      ASSERT_EQ(opened.error().code, ErrorCode::kUnavailable) << opened.error().message;
      disk_.crash();
    }
    disk_.set_hook(nullptr);
    for (Vector& v : vectors_) {
      if (v.fate == Fate::kWaiting) v.fate = Fate::kUnknown;
    }
  }

  void cut_power_after(uint64_t operations) {
    disk_.set_hook([left = operations](SimOp, const std::string&) mutable {
      return left != 0 && left-- != 0;
    });
  }

  void live_a_while() {
    const uint64_t steps = 20 + rng_.below(60);
    cut_power_after(rng_.below(4 * steps));
    for (uint64_t i = 0; i < steps; ++i) {
      switch (rng_.below(8)) {
        case 0:
        case 1:
        case 2:
          append();
          break;
        case 3:
        case 4:
          log_->write_pending(Channel::kLive);
          break;
        case 5:
          log_->maintain(Channel::kLive);
          break;
        case 6:
          trim();
          break;
        default:
          read_somewhere();
          break;
      }
    }
    if (rng_.chance(0.2)) static_cast<void>(log_->close().has_value());
  }

  void append() {
    const size_t number = vectors_.size();
    Vector v;
    const uint64_t count = 1 + rng_.below(4);
    for (uint64_t i = 0; i < count; ++i) {
      const PartitionId partition{static_cast<uint32_t>(rng_.below(kPartitions))};
      const size_t filler = rng_.chance(0.2) ? rng_.below(5000) : rng_.below(100);
      Bytes payload = std::to_string(number) + "." + std::to_string(i) + ":";
      payload.append(filler, static_cast<char>('a' + number % 26));
      v.records.push_back(rng_.chance(0.2)
                              ? control(partition, RecordKind::kAdvance, std::move(payload))
                              : events(partition, std::move(payload)));
    }
    vectors_.push_back(v);
    log_->append(Channel::kLive, v.records, [this, number](Result<std::vector<Position>> p) {
      Vector& answered = vectors_[number];
      ASSERT_EQ(answered.fate, Fate::kWaiting) << "answered twice";
      if (p) {
        answered.fate = Fate::kAcknowledged;
        answered.positions = *p;
        ASSERT_EQ(p->size(), answered.records.size());
      } else {
        answered.fate =
            p.error().code == ErrorCode::kUnknownOutcome ? Fate::kUnknown : Fate::kRefused;
      }
    });
  }

  void trim() {
    const PartitionId partition{static_cast<uint32_t>(rng_.below(kPartitions))};
    const LogStats stats = log_->stats(Channel::kLive);
    if (stats.newest == Position{}) return;
    const Position below{0, stats.oldest.lo + rng_.below(stats.newest.lo - stats.oldest.lo + 1)};
    ASSERT_TRUE(log_->trim(partition, Channel::kLive, below));
    Position& trimmed = trimmed_[partition];
    trimmed = std::max(trimmed, below);
  }

  void read_somewhere() {
    const PartitionId partition{static_cast<uint32_t>(rng_.below(kPartitions))};
    const auto chunk = log_->read(partition, Channel::kLive, Position{0, rng_.below(1 << 20)},
                                  ByteCount{rng_.below(10'000)});
    if (!chunk) {
      ASSERT_EQ(chunk.error().code, ErrorCode::kUnavailable) << chunk.error().message;
    }
  }

  // Everything that was acknowledged and not trimmed is there once and in order; a vector without
  // an answer is wholly there or wholly absent; nothing else is there.
  void check() {
    ASSERT_TRUE(log_->damage(Channel::kLive).empty()) << log_->damage(Channel::kLive)[0].place;
    std::map<std::pair<size_t, size_t>, LogRecord> found;
    for (uint32_t p = 0; p < kPartitions; ++p) {
      std::pair<size_t, size_t> last;
      bool first = true;
      for (LogRecord& r : read_all(*log_, PartitionId{p}, Channel::kLive, ByteCount{3000})) {
        const size_t dot = r.payload.find('.');
        const std::pair at{std::stoul(r.payload), std::stoul(r.payload.substr(dot + 1))};
        ASSERT_TRUE(first || last < at) << "out of order or twice: " << at.first;
        ASSERT_LT(at.first, vectors_.size());
        ASSERT_EQ(r.header.partition, PartitionId{p});
        last = at;
        first = false;
        found.emplace(at, std::move(r));
      }
    }
    for (size_t v = 0; v < vectors_.size(); ++v) check_vector(v, found);
  }

  void check_vector(size_t number, const std::map<std::pair<size_t, size_t>, LogRecord>& found) {
    Vector& v = vectors_[number];
    size_t there = 0, needed = 0;
    for (size_t i = 0; i < v.records.size(); ++i) {
      const LogAppend& expected = v.records[i];
      const auto it = found.find({number, i});
      if (it != found.end()) {
        ++there;
        ASSERT_EQ(it->second.payload, expected.payload);
        ASSERT_EQ(it->second.header.kind, expected.header.kind);
        if (!v.positions.empty()) {
          ASSERT_EQ(it->second.position, v.positions[i]);
        }
      }
      if (v.fate == Fate::kAcknowledged && v.positions[i] >= trimmed_[expected.header.partition]) {
        ++needed;
        ASSERT_TRUE(it != found.end()) << "lost record " << i << " of vector " << number;
      }
    }
    if (v.fate == Fate::kRefused) {
      ASSERT_EQ(there, 0U) << "refused but kept: " << number;
    }
    if (v.fate == Fate::kUnknown) {
      // From now on the log has decided.
      ASSERT_TRUE(there == 0 || there == v.records.size()) << "half of vector " << number;
      v.fate = there == 0 ? Fate::kRefused : Fate::kAcknowledged;
      for (size_t i = 0; i < there; ++i) v.positions.push_back(found.at({number, i}).position);
    }
  }

  Rng rng_;
  SimFileSystem disk_;
  std::unique_ptr<EmbeddedLog> log_;
  std::vector<Vector> vectors_;
  std::map<PartitionId, Position> trimmed_;
};

class EmbeddedLogProperty : public testing::Test {
 protected:
  void SetUp() override { set_log_level(LogLevel::kError); }
  void TearDown() override { set_log_level(LogLevel::kInfo); }
};

TEST_F(EmbeddedLogProperty, AcknowledgedAppendsSurviveCrashesAtAnyStepExactlyOnceAndInOrder) {
  for (uint64_t seed = 1; seed <= 1000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Life life(seed);
    life.run(8);
    ASSERT_FALSE(HasFailure());
  }
}

// One flipped byte anywhere below the durable mark: every other record is still read, and the
// damage is reported with a place that covers the byte. (A byte of padding harms nobody.)
TEST_F(EmbeddedLogProperty, AnyFlippedDurableByteIsReportedWithItsPlaceAndCostsOnlyItsFrame) {
  set_log_level(LogLevel::kError);
  int reported = 0;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed);
    SimFileSystem disk(rng.next());
    const EmbeddedLogOptions options = small_options();
    std::vector<std::pair<Position, Bytes>> written;
    {
      auto log = EmbeddedLog::open(disk, options).value();
      for (int i = 0; i < 12; ++i) {
        Bytes payload = std::to_string(i) + ":" + Bytes(rng.below(4000), 'x');
        log->append(Channel::kLive, {events(kOne, payload)},
                    [&](auto p) { written.emplace_back(p.value()[0], payload); });
        log->write_pending(Channel::kLive);
      }
      ASSERT_TRUE(log->close());
    }
    const uint64_t segment = options.segment.value;
    const uint64_t at = rng.below(written.back().first.lo + written.back().second.size());
    const std::string name = "live-000000000000000" + std::to_string(at / segment) + ".seg";
    ASSERT_TRUE(disk.flip(kLogFolder + "/" + name, at % segment, 0x40));

    auto log = EmbeddedLog::open(disk, options).value();
    std::set<Bytes> seen;
    Position after;
    int errors = 0;
    while (true) {
      const auto chunk = log->read(kOne, Channel::kLive, after, kPlenty);
      if (!chunk) {
        ASSERT_EQ(chunk.error().code, ErrorCode::kCorruption);
        ASSERT_LT(errors++, 2);
        bool found = false;
        for (const LogDamage& d : log->damage(Channel::kLive)) {
          ASSERT_LE(d.begin.lo, at);
          ASSERT_GE(d.resume.lo, at);
          ASSERT_EQ(chunk.error().message, d.place);
          after = d.resume;
          found = true;
        }
        ASSERT_TRUE(found);
        continue;
      }
      if (chunk->records.empty()) break;
      for (const LogRecord& r : chunk->records) ASSERT_TRUE(seen.insert(r.payload).second);
      after = chunk->next;
    }
    reported += errors;
    ASSERT_EQ(seen.size(), written.size() - static_cast<size_t>(errors));
    for (const Bytes& payload : seen) {
      ASSERT_TRUE(std::any_of(written.begin(), written.end(),
                              [&](const auto& w) { return w.second == payload; }));
    }
    // Only padding, or the rest of a segment, may be damaged without a report.
    if (errors == 0) {
      for (const auto& [position, payload] : written) {
        const uint64_t frame = position.lo / 4096 * 4096;
        ASSERT_FALSE(at >= frame && at < position.lo + 16 + payload.size());
      }
    }
  }
  EXPECT_GT(reported, 100);
}

}  // namespace
}  // namespace hindcast
