#include "server/feed_history.h"

#include <algorithm>

#include "server/params.h"

namespace hindcast {
namespace {

using Kind = FeedFault::Kind;

struct Query {
  std::vector<uint32_t> channels;               // that it asks for, by channel or by key
  const std::vector<uint32_t>* only = nullptr;  // their records; null: all there are
  bool nothing = false;                         // an unknown channel or key
  EventTime from = kMinEventTime, to = kMaxEventTime;
  uint64_t limit = 0, after_seq = 0, from_id = 0, cursor = 0, page = 1;
};

Result<Query> parse(const FeedData& data, const QueryPairs& pairs, uint64_t limit) {
  constexpr std::string_view kKnown[] = {"channel",   "key",     "from",   "to",  "limit",
                                         "after_seq", "from_id", "cursor", "page"};
  HC_TRY_ASSIGN(const Params params, Params::create(pairs, kKnown));
  Query out;
  if (const auto channel = params.text("channel")) {
    const size_t found = data.find_channel(*channel);
    out.nothing = found == SIZE_MAX;
    if (!out.nothing) {
      out.channels = {static_cast<uint32_t>(found)};
      out.only = &data.of_channel[found];
    }
  }
  if (const auto key = params.text("key")) {
    const size_t found = data.find_key(*key);
    if (found == SIZE_MAX) {
      out.nothing = true;
    } else {
      out.only = &data.of_key[found];
      if (out.channels.empty()) {
        for (const uint32_t record : *out.only)
          out.channels.push_back(data.records[record].channel);
        std::sort(out.channels.begin(), out.channels.end());
        out.channels.erase(std::unique(out.channels.begin(), out.channels.end()),
                           out.channels.end());
      }
    }
  }
  HC_TRY_ASSIGN(const auto from, params.time("from"));
  HC_TRY_ASSIGN(const auto to, params.time("to"));
  out.from = from.value_or(out.from);
  out.to = to.value_or(out.to);
  HC_TRY_ASSIGN(out.limit, params.number("limit", limit, UINT64_MAX));
  out.limit = std::clamp<uint64_t>(out.limit, 1, limit);
  HC_TRY_ASSIGN(out.after_seq, params.number("after_seq", 0, UINT64_MAX));
  HC_TRY_ASSIGN(out.from_id, params.number("from_id", 0, UINT64_MAX));
  HC_TRY_ASSIGN(out.cursor, params.number("cursor", 0, UINT64_MAX));
  HC_TRY_ASSIGN(out.page, params.number("page", 1, 1'000'000'000));
  return out;
}

/// One page of records, and where the next one begins.
struct Selection {
  std::vector<uint32_t> records;
  std::optional<uint32_t> next;
};

Selection select(const FeedData& data, const FeedPlan& plan, const Query& query) {
  Selection out;
  if (query.nothing) return out;
  const auto first_from =
      std::partition_point(data.records.begin(), data.records.end(),
                           [&](const FeedRecord& record) { return record.time < query.from; });
  const uint64_t begin =
      std::max<uint64_t>(query.cursor, static_cast<uint64_t>(first_from - data.records.begin()));
  const uint64_t end = plan.passed();
  uint64_t to_skip = query.page <= 1 ? 0 : (query.page - 1) * query.limit;
  // False: the page is full, and this one begins the next.
  const auto take = [&](uint32_t number) {
    const FeedRecord& record = data.records[number];
    if (record.seq <= query.after_seq || record.id < query.from_id) return true;
    // A key may be asked for in one channel of several.
    if (!query.channels.empty() &&
        !std::binary_search(query.channels.begin(), query.channels.end(), record.channel))
      return true;
    if (plan.hitting(Kind::kHistoryLacks, number) != nullptr) return true;
    if (to_skip > 0) {
      --to_skip;
      return true;
    }
    if (out.records.size() == query.limit) {
      out.next = number;
      return false;
    }
    out.records.push_back(number);
    return true;
  };
  const auto outside = [&](uint64_t number) {
    return number >= end || data.records[number].time >= query.to;
  };
  if (query.only == nullptr) {
    for (uint64_t i = begin; !outside(i) && take(static_cast<uint32_t>(i)); ++i) {
    }
  } else {
    for (auto at = std::lower_bound(query.only->begin(), query.only->end(), begin);
         at != query.only->end() && !outside(*at) && take(*at); ++at) {
    }
  }
  return out;
}

Bytes render(const FeedData& data, const FeedPlan& plan, const Selection& selection) {
  Bytes out = "{\"data\":[";
  for (const uint32_t record : selection.records) {
    if (out.back() != '[') out += ",\n";
    if (const FeedFault* fault = plan.hitting(Kind::kHistoryContradicts, record)) {
      data.append(contradict(data.object(record), fault->field), record, out);
    } else {
      data.append(record, out);
    }
  }
  out += "],\"next\":";
  out += selection.next ? '"' + std::to_string(*selection.next) + '"' : "null";
  out += "}\n";
  return out;
}

std::string next_link(const std::string& host, const QueryPairs& pairs, uint32_t next) {
  std::string out = "<http://" + host + "/history?";
  for (const auto& [name, value] : pairs) {
    if (name != "cursor" && name != "page")
      out += percent_encode(name) + '=' + percent_encode(value) + '&';
  }
  return out + "cursor=" + std::to_string(next) + ">; rel=\"next\"";
}

}  // namespace

FeedPage feed_history(const FeedData& data, FeedPlan& plan, const std::string& target,
                      const std::string& host, uint64_t limit) {
  FeedPage out;
  const size_t question = std::min(target.find('?'), target.size());
  const QueryPairs pairs =
      parse_query(std::string_view(target).substr(std::min(question + 1, target.size())));
  const auto query = parse(data, pairs, limit);
  if (!query) {
    out.response =
        problem(400, "urn:hindcast:invalid-argument", "Invalid request", query.error().message);
    return out;
  }
  if (const auto slow = plan.use(Kind::kSlowPages, query->channels)) out.delay = slow->by;
  if (const auto refused = plan.use(Kind::kHttp429, query->channels)) {
    out.response = problem(429, "urn:hindcast:overloaded", "Too many requests", "");
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(refused->by).count();
    out.response.headers.emplace_back("Retry-After", std::to_string(seconds));
    return out;
  }
  if (plan.use(Kind::kHttp500, query->channels)) {
    out.response = problem(500, "urn:hindcast:internal", "Internal error", "as it was asked to");
    return out;
  }
  const Selection selection = select(data, plan, *query);
  out.response.body = render(data, plan, selection);
  if (selection.next)
    out.response.headers.emplace_back("Link", next_link(host, pairs, *selection.next));
  if (plan.use(Kind::kTruncatePage, query->channels))
    out.response.body.resize(out.response.body.size() / 2);
  return out;
}

}  // namespace hindcast
