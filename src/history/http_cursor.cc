#include "history/http_cursor.h"

#include <algorithm>

#include "history/answer_reader.h"
#include "history/http_answer.h"
#include "history/pagination.h"
#include "model/key.h"

namespace hindcast {
namespace {

using Paging = HistoryConfig::Paging;

constexpr uint64_t kEventsOfSpan = 65'536;
// Seconds taken for milliseconds, and the like, lie before this.
constexpr EventTime kYear1971 = event_time_ns(31'536'000'000'000'000);

/// The ends of time are further apart than a Duration can say.
Duration length_of(const Window& window) {
  const uint64_t length =
      static_cast<uint64_t>(unix_ns(window.end)) - static_cast<uint64_t>(unix_ns(window.start));
  return Duration(static_cast<int64_t>(std::min<uint64_t>(length, INT64_MAX / 2)));
}

class HttpCursor final : public Cursor {
 public:
  HttpCursor(HttpSetup& setup, HistoryQuery query)
      : setup_(setup),
        history_(setup.history()),
        query_(std::move(query)),
        client_({.connect_timeout = std::min<Duration>(5s, history_.timeout),
                 .timeout = history_.timeout,
                 .body_max = kHistoryDocumentMax,
                 .compressed = true}),
        reader_(setup.schema, setup.source),
        complete_to_(query_.range.start) {
    std::sort(query_.keys.begin(), query_.keys.end());
    choose_keys();
    // What the URL cannot ask for comes all the same; it is nobody's mistake.
    known_.start = setup.url.has_from() ? query_.range.start : kMinEventTime;
    known_.end = setup.url.has_to() ? query_.range.end : kMaxEventTime;
    const Duration range = length_of(query_.range);
    span_length_ = setup.cuttable() || setup.continues() ? whole_windows(range / 16) : range;
  }

  void next(ByteCount, Done<HistoryChunk> done) override {
    retry_after_.reset();
    auto chunk = next_chunk();
    if (!chunk && chunk.error().code != ErrorCode::kUnavailable &&
        chunk.error().code != ErrorCode::kOverloaded)
      failure_ = chunk.error();
    done(std::move(chunk));
  }

  std::optional<Duration> retry_after() const override { return retry_after_; }

 private:
  void choose_keys() {
    const bool all = query_.keys.empty() || !setup_.url.has("key");
    for (const AskedKey& key : setup_.keys) {
      if (all || std::binary_search(query_.keys.begin(), query_.keys.end(), key.canonical))
        keys_.push_back(key);
    }
    if (all) return;
    HistoryChunk::Missing missing{
        query_.range, {}, "key-not-listed: [source.history] does not have it in `keys`"};
    for (const Bytes& key : query_.keys) {
      if (std::none_of(keys_.begin(), keys_.end(),
                       [&](const AskedKey& k) { return k.canonical == key; }))
        missing.keys.push_back(key);
    }
    if (!missing.keys.empty()) missing_.push_back(std::move(missing));
  }

  Result<HistoryChunk> next_chunk() {
    if (failure_) return *failure_;
    HistoryChunk chunk;
    chunk.events.reset(setup_.schema);
    while (!ended()) {
      if (!span_) begin_span();
      skip_keys_that_are_there();
      if (key_ == keys_.size()) {
        finish_span();
        continue;
      }
      if (const auto wait = setup_.budget.take(setup_.runtime.mono_now())) {
        chunk.retry_after = wait;
        return finished(std::move(chunk));
      }
      HC_TRY(ask_for_page(chunk));
      skip_keys_that_are_there();
      if (key_ == keys_.size()) finish_span();
      break;
    }
    return finished(std::move(chunk));
  }

  bool ended() const { return complete_to_ >= query_.range.end; }

  // ── spans ─────────────────────────────────────────────────────────────────────────────────────

  /// Rounded up to whole page windows, at least one.
  Duration whole_windows(Duration length) const {
    const Duration window = setup_.schema.page_window;
    return window * std::max<int64_t>(1, (length - Duration(1)) / window + 1);
  }

  void begin_span() {
    // The end of a page window, so that what is complete ends where pages do.
    EventTime end = query_.range.end;
    if (length_of({complete_to_, query_.range.end}) > span_length_)
      end = std::max(align_down(complete_to_ + span_length_, setup_.schema.page_window),
                     window_of(complete_to_, setup_.schema.page_window).end);
    span_ = Window{complete_to_, std::min(end, query_.range.end)};
    events_in_span_ = 0;
    key_ = 0;
    if (walks_.empty() || !setup_.continues()) {
      walks_.clear();
      for (const AskedKey& key : keys_) walks_.push_back(walk_for(key));
    }
  }

  Pagination walk_for(const AskedKey& key) const {
    int64_t next_id = 0;
    if (history_.paging == Paging::kId && query_.id_before) {
      if (const auto before = query_.id_before(key.canonical)) next_id = *before + 1;
    }
    // A walk that goes on over all spans is asked for the whole range.
    const Window window = setup_.continues() ? query_.range : *span_;
    return {history_, window, next_id, setup_.url.has_to()};
  }

  void skip_keys_that_are_there() {
    while (key_ < keys_.size() && there(walks_[key_])) ++key_;
  }
  bool there(const Pagination& walk) const {
    return setup_.continues() ? walk.passed(span_->end) : walk.done();
  }

  void finish_span() {
    complete_to_ = span_->end;
    span_.reset();
    if (setup_.cuttable() || setup_.continues()) {
      // Towards the wanted number of events, by steps that a quiet hour before a busy one survives.
      const double factor = static_cast<double>(kEventsOfSpan) /
                            static_cast<double>(std::max<uint64_t>(events_in_span_, 1));
      const double length =
          static_cast<double>(span_length_.count()) * std::clamp(factor, 1.0 / 16, 4.0);
      const auto longest = static_cast<double>(length_of(query_.range).count());
      span_length_ = whole_windows(Duration(static_cast<int64_t>(std::min(length, longest))));
    }
  }

  // ── requests ──────────────────────────────────────────────────────────────────────────────────

  std::string next_url(const Pagination& walk, const AskedKey& key) const {
    if (history_.paging == Paging::kLink && !walk.next().empty()) return walk.next();
    const EventTime end = setup_.continues() ? query_.range.end : span_->end;
    return setup_.url.fill({.key = key.text,
                            .window = {walk.from(), end},
                            .next_id = walk.next_id(),
                            .cursor = walk.next(),
                            .limit = history_.limit});
  }

  Status ask_for_page(HistoryChunk& chunk) {
    const AskedKey& key = keys_[key_];
    Pagination& walk = walks_[key_];
    const std::string url = next_url(walk, key);
    const ProcessingTime now = setup_.runtime.wall_now();
    HttpAnswer answer = ask(client_, url, setup_.headers, now);
    spent_.requests += history_.weight;
    spent_.bytes += answer.received;
    if (!answer.reply) {
      retry_after_ = answer.retry_after;
      if (retry_after_) setup_.budget.pause_until(setup_.runtime.mono_now() + *retry_after_);
      return std::move(answer.reply).error();
    }
    HC_TRY_ASSIGN(const AnswerFacts facts,
                  reader_.read(*answer.reply, url, key.text, key.canonical, now, chunk));
    bool limit_kept = setup_.limit_kept;
    if (auto turned = walk.turn(facts, limit_kept); !turned) {
      // The word stays in front: "pagination-loop: https://…: …".
      Error error = std::move(turned).error();
      const size_t word = error.message.find(": ");
      error.message.insert(word + 2, url + ": ");
      return error;
    }
    if (limit_kept) setup_.limit_kept = true;
    events_in_span_ += chunk.events.size();
    if (setup_.windowless()) find_beginning(facts, walk.done(), key);
    if (!setup_.cuttable()) {
      if (facts.any_event && facts.highest < kYear1971 && query_.range.start > kYear1971)
        return outside_window(query_.range, facts, url);
      keep_asked(setup_.schema, known_, query_.range, query_.keys, chunk.events);
      return {};
    }
    HC_TRY(check_window(facts, url));
    // What rounding to the unit of the URL brought was handed over before, or will be.
    keep_asked(setup_.schema, query_.range, *span_, query_.keys, chunk.events);
    return {};
  }

  /// The server was asked for a window: events, but none in it, are a misunderstanding.
  Status check_window(const AnswerFacts& facts, const std::string& url) const {
    const bool near =
        facts.highest >= earlier(span_->start, 1s) && earlier(facts.lowest, 1s) <= span_->end;
    if (!facts.any_event || near) return {};
    return outside_window(*span_, facts, url);
  }

  static Error outside_window(const Window& asked, const AnswerFacts& facts,
                              const std::string& url) {
    return invalid_argument(
        "outside-window: " + url + ": asked for " + to_rfc3339(asked.start) + " to " +
        to_rfc3339(asked.end) + ", the answer has " + to_rfc3339(facts.lowest) + " to " +
        to_rfc3339(facts.highest) +
        "; are unit and time zone right, and does the API know these parameters?");
  }

  /// A server that hands over its latest events says nothing of the time before them.
  void find_beginning(const AnswerFacts& facts, bool last_page, const AskedKey& key) {
    if (facts.any_event) beginning_ = std::min(beginning_, facts.lowest);
    if (!last_page) return;
    const Window& range = query_.range;
    const EventTime begin = std::min(align_down(beginning_, setup_.schema.page_window), range.end);
    if (range.start < begin) {
      HistoryChunk::Missing missing{{range.start, begin}, {}, "no-events: history has none"};
      if (beginning_ != kMaxEventTime)
        missing.reason = "outside-answer: history begins with " + to_rfc3339(beginning_);
      if (!key.text.empty()) missing.keys.push_back(key.canonical);
      missing_.push_back(std::move(missing));
    }
    beginning_ = kMaxEventTime;
  }

  HistoryChunk finished(HistoryChunk chunk) {
    chunk.missing = std::move(missing_);
    missing_.clear();
    chunk.spent = spent_;
    spent_ = {};
    chunk.complete_to = chunk.covered_to = complete_to_;
    // One key that is walked in order is known further than the spans that are done.
    if (span_ && keys_.size() == 1)
      chunk.covered_to = std::max(complete_to_, std::min(walks_[0].covered_to(), span_->end));
    chunk.end = ended();
    return chunk;
  }

  HttpSetup& setup_;
  const HistoryConfig& history_;
  HistoryQuery query_;
  HttpClient client_;
  AnswerReader reader_;
  std::vector<AskedKey> keys_;
  std::vector<HistoryChunk::Missing> missing_;  // not handed over yet
  Window known_{};                              // what is outside of it is somebody's mistake
  EventTime complete_to_;

  std::optional<Window> span_;
  Duration span_length_{};
  uint64_t events_in_span_ = 0;
  size_t key_ = 0;                       // whose turn it is in the span
  std::vector<Pagination> walks_;        // by key
  EventTime beginning_ = kMaxEventTime;  // the lowest of a windowless walk

  HistoryCost spent_;  // not handed over yet: requests that failed cost as well
  std::optional<Duration> retry_after_;
  std::optional<Error> failure_;
};

}  // namespace

HttpSetup::HttpSetup(const StreamSchema& stream, const SourceConfig& of, const Runtime& clock)
    : schema(stream),
      source(of),
      runtime(clock),
      url(source.history->url),
      budget(source.history->requests_per_second, source.history->weight) {
  for (const std::string& key : source.history->keys) {
    // The configuration was checked; a key that is none would be one that nobody asks for.
    if (auto canonical = key_from_string(schema.key, key)) keys.push_back({key, *canonical});
  }
  if (!url.has("key")) keys.push_back({});
  headers.assign(source.history->headers.begin(), source.history->headers.end());
}

std::unique_ptr<Cursor> make_http_cursor(HttpSetup& setup, HistoryQuery query) {
  return std::make_unique<HttpCursor>(setup, std::move(query));
}

}  // namespace hindcast
