// Trades, archives and an API over them, for tests of this module.
#pragma once
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "format/decode_test_util.h"
#include "history/open_history.h"
#include "model/key.h"
#include "net/http_server.h"

namespace hindcast {

struct Trade {
  std::string symbol;
  int64_t id = 0;
  int64_t ms = 0;  // Unix milliseconds
};

constexpr int64_t kDayMs = 86'400'000;
constexpr int64_t kFirstMs = 1'381'104'000'000;  // 2013-10-07T00:00:00Z
inline EventTime at_ms(int64_t ms) { return event_time_ns(ms * 1'000'000); }
inline Window ms_window(int64_t from, int64_t to) { return {at_ms(from), at_ms(to)}; }

/// `count` trades of three symbols over `days` days from 2013-10-07 on, in order of time; some
/// share an instant. Ids count up by symbol.
inline std::vector<Trade> make_trades(int count, int days) {
  const char* const symbols[] = {"BTC", "ETH", "XRP"};
  std::vector<Trade> out;
  std::map<std::string, int64_t> ids;
  for (int i = 0; i < count; ++i) {
    const std::string symbol = symbols[(i * 7 / 3) % 3];
    const int64_t ms = kFirstMs + (i / 2 * 2) * (days * kDayMs / count);
    out.push_back({symbol, ++ids[symbol], ms});
  }
  return out;
}

inline std::string json_of(const Trade& t) {
  return fmt::format(R"({{"s":"{}","i":{},"t":{},"p":"{}.5"}})", t.symbol, t.id, t.ms, t.id);
}
inline Bytes ndjson_of(const std::vector<Trade>& trades) {
  Bytes out;
  for (const Trade& t : trades) out += json_of(t) + "\n";
  return out;
}
inline Bytes array_of(const std::vector<Trade>& trades) {
  Bytes out = "[";
  for (const Trade& t : trades) out += (out.size() > 1 ? "," : "") + json_of(t);
  return out + "]";
}
inline Bytes csv_of(const std::vector<Trade>& trades) {
  Bytes out = "i,p,s,t\n";
  for (const Trade& t : trades) out += fmt::format("{},{}.5,{},{}\n", t.id, t.id, t.symbol, t.ms);
  return out;
}

/// A stream of trades (format/decode_test_util.h) whose history `change` sets up.
struct HistorySetup {
  StreamSchema schema;
  SourceConfig source;

  explicit HistorySetup(const std::function<void(HistoryConfig&)>& change) {
    DecodeSetup setup = trades(FormatKind::kNdjson);
    schema = setup.schema;
    schema.page_window = 1h;
    source = setup.source;
    source.event.id[0].type = PartType::kInt;
    HistoryConfig history;
    history.event = source.event;
    history.requests_per_second = 1'000'000;
    change(history);
    source.history = std::move(history);
  }
  Bytes key(const std::string& symbol) const {
    return encode_key(schema.key, std::vector<KeyPart>{symbol});
  }
};

inline Result<HistoryChunk> next_chunk(Cursor& cursor, ByteCount max = 1_MiB) {
  std::optional<Result<HistoryChunk>> out;
  cursor.next(max, [&](Result<HistoryChunk> chunk) { out.emplace(std::move(chunk)); });
  EXPECT_TRUE(out.has_value());
  return std::move(*out);
}

/// "BTC 17", in the order of delivery.
inline std::vector<std::string> names_of(const StreamSchema& schema, const EventBatch& events) {
  std::vector<std::string> out;
  for (size_t i = 0; i < events.size(); ++i)
    out.push_back(key_to_string(schema.key, events.keys[events.key[i]]) + " " +
                  std::to_string(events.id[0][i]));
  return out;
}

struct ReadAll {
  std::vector<std::string> names;
  std::vector<HistoryChunk::Missing> missing;
  std::vector<DeadLetter> dead;
  HistoryCost spent;
  std::optional<Error> error;
  EventTime complete_to = kMinEventTime;
  size_t chunks = 0;
};
/// Reads to the end or to an error.
inline ReadAll read_all(const StreamSchema& schema, History& history, HistoryQuery query,
                        ByteCount max = 1_MiB) {
  ReadAll out;
  const auto cursor = history.open(std::move(query)).value();
  for (bool end = false; !end && out.chunks < 1'000'000; ++out.chunks) {
    const auto chunk = next_chunk(*cursor, max);
    if (!chunk) {
      out.error = chunk.error();
      break;
    }
    for (auto& name : names_of(schema, chunk->events)) out.names.push_back(std::move(name));
    out.missing.insert(out.missing.end(), chunk->missing.begin(), chunk->missing.end());
    out.dead.insert(out.dead.end(), chunk->dead.begin(), chunk->dead.end());
    out.spent.requests += chunk->spent.requests;
    out.spent.bytes += chunk->spent.bytes;
    out.complete_to = chunk->complete_to;
    end = chunk->end;
  }
  return out;
}

/// An API over trades: GET /trades with symbol, from, to (ms, end exclusive), fromId, cursor, page
/// and limit, as far as they are given. Answers are arrays; with `envelope`
/// {"data": […], "meta": {"next": "…"}}; with `links` a Link header.
class TradesApi {
 public:
  using Intercept = std::function<std::optional<HttpResponse>(const HttpRequest&, int number)>;

  explicit TradesApi(std::vector<Trade> trades) : trades_(std::move(trades)) {
    server_ = HttpServer::start({}, [this](HttpRequest request, HttpResponder responder) {
                responder.send(answer(request));
              }).value();
  }

  std::string url(const std::string& rest = "") const {
    return "http://127.0.0.1:" + std::to_string(server_->port()) + "/trades" + rest;
  }
  std::vector<std::string> targets() const {
    const std::lock_guard lock(mutex_);
    return targets_;
  }
  /// Before the first request.
  bool envelope = false, links = false, csv = false;
  size_t limit_max = SIZE_MAX;  // whatever the request says
  Intercept intercept;          // an answer instead of the API's; numbers count from 0

 private:
  HttpResponse answer(const HttpRequest& request) {
    const std::lock_guard lock(mutex_);
    const int number = static_cast<int>(targets_.size());
    targets_.push_back(request.target);
    if (intercept) {
      if (auto instead = intercept(request, number)) return *std::move(instead);
    }
    const auto query = params(request.target);
    const auto get = [&](const char* name, int64_t otherwise) {
      const auto at = query.find(name);
      int64_t out = otherwise;
      if (at != query.end())
        std::from_chars(at->second.data(), at->second.data() + at->second.size(), out);
      return out;
    };
    std::vector<Trade> found;
    for (const Trade& t : trades_) {
      const auto symbol = query.find("symbol");
      if ((symbol == query.end() || t.symbol == symbol->second) && t.ms >= get("from", INT64_MIN) &&
          t.ms < get("to", INT64_MAX) && t.id >= get("fromId", INT64_MIN))
        found.push_back(t);
    }
    const auto limit = std::min(limit_max, static_cast<size_t>(get("limit", 1'000'000)));
    const auto first =
        static_cast<size_t>(query.count("page") > 0 ? get("page", 0) : get("cursor", 0));
    const size_t last = std::min(found.size(), first + limit);
    std::vector<Trade> page;
    for (size_t i = first; i < last; ++i) page.push_back(found[i]);
    const bool more = last < found.size();

    HttpResponse response;
    response.body = csv ? csv_of(page) : array_of(page);
    if (envelope) {
      response.body = fmt::format(R"({{"data":{},"meta":{{"next":{}}}}})", response.body,
                                  more ? "\"" + std::to_string(last) + "\"" : "null");
    }
    if (links && more) {
      const std::string rest = request.target.substr(0, request.target.find("&page="));
      response.headers.emplace_back("Link", fmt::format("<{}&page={}>; rel=\"next\"", rest, last));
    }
    return response;
  }

  static std::map<std::string, std::string> params(const std::string& target) {
    std::map<std::string, std::string> out;
    std::string_view rest(target);
    rest.remove_prefix(std::min(rest.find('?'), rest.size() - 1) + 1);
    while (!rest.empty()) {
      const size_t end = std::min(rest.find('&'), rest.size());
      const std::string_view pair = rest.substr(0, end);
      const size_t equals = std::min(pair.find('='), pair.size() - 1);
      out[std::string(pair.substr(0, equals))] = percent_decode(pair.substr(equals + 1), true);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return out;
  }

  const std::vector<Trade> trades_;  // in order of time
  mutable std::mutex mutex_;
  std::vector<std::string> targets_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace hindcast
