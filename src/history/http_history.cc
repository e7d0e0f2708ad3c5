#include "history/http_history.h"

#include <algorithm>

#include "base/assert.h"
#include "history/http_cursor.h"

namespace hindcast {
namespace {

constexpr size_t kPiecesMax = 256;
constexpr Duration kPieceMin = 1h;  // shorter ones would cost requests and bring nothing

class HttpHistory final : public History {
 public:
  HttpHistory(const StreamSchema& schema, const SourceConfig& source, const Runtime& runtime)
      : setup_(schema, source, runtime) {}

  Result<std::vector<Window>> pieces(Window range) override {
    if (range.start >= range.end) return std::vector<Window>{};
    if (!setup_.cuttable()) return std::vector<Window>{range};
    const int64_t window = setup_.schema.page_window.count();
    // The ends of time are further apart than a Duration can say.
    const uint64_t length =
        static_cast<uint64_t>(unix_ns(range.end)) - static_cast<uint64_t>(unix_ns(range.start));
    const uint64_t least = std::max<uint64_t>(length / (kPiecesMax - 1) + 1,
                                              static_cast<uint64_t>(Duration(kPieceMin).count()));
    const uint64_t windows = (least - 1) / static_cast<uint64_t>(window) + 1;
    const Duration piece(static_cast<int64_t>(windows) * window);
    std::vector<Window> out;
    for (EventTime from = range.start; from < range.end;) {
      const EventTime end = std::min(window_of(from, piece).end, range.end);
      out.push_back({from, end});
      from = end;
    }
    return out;
  }

  Result<HistoryEstimate> estimate(const HistoryQuery& query) override {
    uint64_t keys = 0;
    for (const AskedKey& key : setup_.keys) {
      if (query.keys.empty() || key.text.empty() ||
          std::find(query.keys.begin(), query.keys.end(), key.canonical) != query.keys.end())
        ++keys;
    }
    HistoryEstimate out;  // how many pages there are, only the pages tell
    out.requests = keys * setup_.history().weight;
    return out;
  }

  Result<std::unique_ptr<Cursor>> open(HistoryQuery query) override {
    return make_http_cursor(setup_, std::move(query));
  }

  Duration settle() const override { return setup_.history().settle; }
  std::string describe() const override { return "http " + setup_.url.text(); }

 private:
  HttpSetup setup_;
};

}  // namespace

std::unique_ptr<History> make_http_history(const StreamSchema& schema, const SourceConfig& source,
                                           const Runtime& runtime) {
  HC_ASSERT(source.history && source.history->kind == HistoryConfig::Kind::kHttp);
  return std::make_unique<HttpHistory>(schema, source, runtime);
}

}  // namespace hindcast
