// Small strong types for quantities and identities, so that an index, a count and a size cannot be
// swapped. All are values with <=>.
#pragma once
#include <compare>
#include <cstdint>
#include <functional>

namespace hindcast {

template <class Tag, class Rep = uint64_t>
struct Strong {
  Rep value{};
  constexpr Strong() = default;
  constexpr explicit Strong(Rep v) : value(v) {}
  auto operator<=>(const Strong&) const = default;
};

struct ByteCount : Strong<ByteCount> {
  using Strong::Strong;
  constexpr ByteCount& operator+=(ByteCount o) {
    value += o.value;
    return *this;
  }
  constexpr ByteCount& operator-=(ByteCount o) {
    value -= o.value;
    return *this;
  }
  friend constexpr ByteCount operator+(ByteCount a, ByteCount b) {
    return ByteCount{a.value + b.value};
  }
  friend constexpr ByteCount operator-(ByteCount a, ByteCount b) {
    return ByteCount{a.value - b.value};
  }
};
constexpr ByteCount operator""_KiB(unsigned long long n) { return ByteCount{n << 10}; }
constexpr ByteCount operator""_MiB(unsigned long long n) { return ByteCount{n << 20}; }
constexpr ByteCount operator""_GiB(unsigned long long n) { return ByteCount{n << 30}; }

/// Hash of any Strong, for unordered containers.
struct StrongHash {
  template <class T>
  size_t operator()(const T& t) const noexcept {
    return std::hash<decltype(t.value)>()(t.value);
  }
};

/// Assigned once per name in the store's catalog and never reused.
struct StreamId : Strong<StreamId, uint32_t> {
  using Strong::Strong;
};
struct SourceId : Strong<SourceId, uint32_t> {
  using Strong::Strong;
};
/// One (aggregate, rule): a changed definition gets a new id.
struct AggregateId : Strong<AggregateId, uint32_t> {
  using Strong::Strong;
};
/// Partition of a stream; unique over the installation: streams do not share partition numbers.
struct PartitionId : Strong<PartitionId, uint32_t> {
  using Strong::Strong;
};
struct ShardId : Strong<ShardId, uint32_t> {
  using Strong::Strong;
};
/// Counts commits that changed a page or row; 0 = does not exist.
struct Version : Strong<Version> {
  using Strong::Strong;
};
/// Fences a former owner of a partition.
struct Epoch : Strong<Epoch> {
  using Strong::Strong;
};
/// Dense number of an entry in the feed of changes; 0 = before the first.
struct ChangeNumber : Strong<ChangeNumber> {
  using Strong::Strong;
};

/// Where a record stands in a partition's log: opaque, ordered. Zero = before the first record.
struct Position {
  uint64_t hi = 0, lo = 0;
  auto operator<=>(const Position&) const = default;
};

}  // namespace hindcast
