// Decoders for pushed bodies, kept between requests: a decoder learns the shape of its lines.
//
// Thread safety: any thread; a decoder is lent to one caller at a time.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/catalog.h"
#include "engine/service.h"
#include "format/decoder.h"
#include "source/source.h"

namespace hindcast {

class PushDecoders {
 public:
  PushDecoders(const Config& config, const Catalog& catalog) : config_(config), catalog_(catalog) {}

  struct Decoded {
    SourceBatch batch;
    PushResult result;
  };
  /// Decodes a whole body. Errors: kNotFound (no such source, with the nearest name),
  /// kInvalidArgument (not an HTTP source).
  Result<Decoded> decode(const std::string& source, BytesView body,
                         std::optional<FormatKind> format, ProcessingTime arrival);

 private:
  using Shape = std::pair<std::string, FormatKind>;
  std::unique_ptr<Decoder> borrow(const Shape& shape, const SourceConfig& source);
  void give_back(const Shape& shape, std::unique_ptr<Decoder> decoder);

  const Config& config_;
  const Catalog& catalog_;
  std::mutex mutex_;
  std::map<Shape, std::vector<std::unique_ptr<Decoder>>> idle_;  // guarded by mutex_
};

}  // namespace hindcast
