// Numbers of streams, sources and aggregates: given once per name, kept in the store, never reused.
// Everything stored refers to numbers, so a name may not silently come to mean another shape: a
// stream's schema is fixed at creation, and a changed aggregate definition gets a new number.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "format/config.h"
#include "lane/live_lane.h"
#include "store/store.h"

namespace hindcast {

struct StreamInfo {
  StreamId id;
  StreamSchema schema;
  std::vector<PartitionId> partitions;  // by index; unique over the installation
  std::vector<SourceId> sources;
  std::vector<std::string> aggregates;
  Duration coarsest{};  // longest bucket of its aggregates: where an ended source's watermark goes
};

struct AggregateEntry {
  AggregateConfig config;
  AggregateId id;
  std::string stream;
  /// Finest first, beginning with those folded from pages (the page window itself where the bucket
  /// is longer), then rollups.
  std::vector<Duration> levels;
  size_t page_levels = 0;  // how many of them are folded from pages
};

class Catalog {
 public:
  /// Reads what is known from the store and adds what the configuration names anew. With
  /// `read_only`, unknown names are an error instead. Errors: kInvalidArgument when a stream's
  /// shape differs from the stored one: says what and what to do.
  static Result<Catalog> open(const Config& config, Store& store, bool read_only);

  /// As it was opened before with the same configuration, by its numbers(): without a store.
  static Result<Catalog> open(const Config& config, std::map<std::string, Bytes> numbers);
  const std::map<std::string, Bytes>& numbers() const { return numbers_; }

  const std::map<std::string, StreamInfo>& streams() const { return streams_; }
  const std::map<std::string, AggregateEntry>& aggregates() const { return aggregates_; }
  const std::map<std::string, SourceId>& sources() const { return sources_; }
  const StreamInfo& stream_of(const SourceConfig& source) const {
    return streams_.at(source.stream);
  }
  const std::string* source_name(SourceId id) const;
  std::vector<LaneAggregate> lane_aggregates(const std::string& stream) const;

 private:
  class Numbers;
  static Result<Catalog> open(const Config& config, Numbers numbers,
                              const std::map<std::string, Bytes>& known);
  std::map<std::string, Bytes> numbers_;
  std::map<std::string, StreamInfo> streams_;
  std::map<std::string, AggregateEntry> aggregates_;
  std::map<std::string, SourceId> sources_;
};

}  // namespace hindcast
