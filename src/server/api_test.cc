#include "server/api.h"

#include <gtest/gtest.h>

#include "net/json_reader.h"
#include "server/canned_service_test_util.h"
#include "server/render.h"

namespace hindcast {
namespace {

class ApiTest : public testing::Test {
 protected:
  Bytes get(std::string_view target, int status = 200) {
    auto response = api_.handle(ApiRequest::get(target));
    EXPECT_EQ(response.http.status, status) << target << ": " << response.http.body;
    type_ = response.http.content_type;
    headers_ = response.http.headers;
    return take_body(std::move(response));
  }
  JsonValue get_json(std::string_view target, int status = 200) {
    return parse_json(get(target, status)).value();
  }

  JsonValue post(const std::string& path, Bytes body, int status, std::string content_type = "") {
    ApiRequest request;
    request.method = "POST";
    request.path = path;
    request.body = std::move(body);
    request.content_type = std::move(content_type);
    Bytes text;
    api_.submit(std::move(request), [&](ApiResponse response) {
      EXPECT_EQ(response.http.status, status) << response.http.body;
      type_ = response.http.content_type;
      headers_ = response.http.headers;
      text = take_body(std::move(response));
    });
    return parse_json(text).value();
  }
  JsonValue send(const std::string& method, const std::string& path, Bytes body, int status) {
    ApiRequest request = ApiRequest::get(path);
    request.method = method;
    request.body = std::move(body);
    auto response = api_.handle(request);
    EXPECT_EQ(response.http.status, status) << response.http.body;
    return parse_json(take_body(std::move(response))).value();
  }
  std::string header(std::string_view name) const {
    for (const auto& [key, value] : headers_) {
      if (key == name) return value;
    }
    return "";
  }

  CannedService service_;
  Api api_{service_};
  std::string type_;
  HttpHeaders headers_;
};

TEST_F(ApiTest, ABucketLooksAsTheContractSays) {
  EXPECT_EQ(
      get("/v1/aggregates/candles/buckets"),
      R"({"aggregate":"candles","buckets":[{"key":["BTC",5],"start":"2024-03-01T10:00:00Z",)"
      R"("end":"2024-03-01T10:01:00Z","resolution":"1m","state":"final","complete":true,"version":2,"events":124,)"
      R"("digest":"0000000000001234000000000000abcd","cause":"live","published_at":"2024-03-01T10:01:06.500Z",)"
      R"("values":{"open":"61234.5","trades":124}}],"truncated":false})"
      "\n");
  EXPECT_EQ(type_, "application/json");
}

TEST_F(ApiTest, BucketParametersReachTheQuery) {
  get("/v1/aggregates/candles/"
      "buckets?key=EWR%2FUA&from=2024-03-01T00:00:00Z&to=1709337600&resolution=1h"
      "&as_of=1709337600000&state=sealed&fill=previous&limit=5");
  const BucketQuery& query = service_.bucket_query;
  EXPECT_EQ(query.key, "EWR/UA");
  EXPECT_EQ(query.from, at("2024-03-01T00:00:00Z"));
  EXPECT_EQ(query.to, at("2024-03-02T00:00:00Z"));
  EXPECT_EQ(query.as_of, at("2024-03-02T00:00:00Z"));
  EXPECT_EQ(query.resolution, Duration(1h));
  EXPECT_EQ(query.state, BucketState::kSealed);
  EXPECT_EQ(query.fill, Fill::kPrevious);
  EXPECT_EQ(query.limit, 5u);
}

// A silently ignored `form=` would answer from the beginning of time.
TEST_F(ApiTest, UnknownParameterIsRefusedWithTheNearest) {
  const auto problem = get_json("/v1/aggregates/candles/buckets?form=0", 400);
  EXPECT_EQ(problem["detail"].text, "unknown parameter 'form' (did you mean 'from'?)");
  EXPECT_EQ(problem["type"].text, "urn:hindcast:invalid-argument");
  EXPECT_EQ(type_, "application/problem+json");
}

TEST_F(ApiTest, BadParameterValuesAreNamed) {
  const auto refused = [&](std::string_view query) {
    return get_json("/v1/aggregates/candles/buckets?" + std::string(query), 400)["detail"].text;
  };
  EXPECT_NE(refused("from=noon").find("parameter 'from'"), std::string::npos);
  EXPECT_NE(refused("resolution=1x").find("parameter 'resolution'"), std::string::npos);
  EXPECT_EQ(refused("state=closed"), "parameter 'state': 'closed' is none of open, sealed, final");
  EXPECT_EQ(refused("limit=-1"), "parameter 'limit': '-1' is not a number from 0 to 1000000");
  EXPECT_EQ(refused("limit=1&limit=2"), "parameter 'limit' is given twice");
}

TEST_F(ApiTest, LargeAnswersComeInPiecesThatMakeOneDocument) {
  service_.bucket_count = 5000;
  auto response = api_.handle(ApiRequest::get("/v1/aggregates/candles/buckets"));
  ASSERT_TRUE(response.more);
  EXPECT_LT(response.http.body.size(), 300u << 10);
  EXPECT_EQ(parse_json(take_body(std::move(response))).value()["buckets"].items.size(), 5000u);
}

TEST_F(ApiTest, UnknownAggregateIs404) {
  EXPECT_EQ(get_json("/v1/aggregates/candels/buckets", 404)["detail"].text,
            "no aggregate 'candels'; did you mean 'candles'?");
}

TEST_F(ApiTest, EventsShowKeyIdTimeAndValues) {
  const auto answer = get("/v1/sources/trades/events?key=BTC%2F5&limit=10");
  EXPECT_EQ(
      answer,
      R"({"source":"trades","events":[{"key":["BTC",5],"id":17,"time":"2024-03-01T10:00:00.250Z",)"
      R"("values":{"price":"1.5","note":null}}],"truncated":false})"
      "\n");
  EXPECT_EQ(service_.event_query.key, "BTC/5");
  EXPECT_EQ(service_.event_query.from, kMinEventTime);
}

TEST_F(ApiTest, StatusHasEverySourceWithItsTallies) {
  const auto status = get_json("/v1/status");
  const auto& source = status["sources"].items.at(0);
  EXPECT_EQ(source["name"].text, "trades");
  EXPECT_EQ(source["watermark"].text, "2024-03-01T10:00:55Z");
  EXPECT_TRUE(source["frontier"].is_null());
  EXPECT_TRUE(source["balanced"].boolean);
  const auto tally = [&](const char* name) {
    return source["tallies"][name].unsigned_number().value();
  };
  EXPECT_EQ(tally("received"), 130u);
  EXPECT_EQ(tally("received"), tally("pending") + tally("aggregated") + tally("duplicate") +
                                   tally("superseded") + tally("dead_lettered"));
  EXPECT_EQ(tally("behind"), 3u);
  EXPECT_EQ(tally("late"), 2u);
  EXPECT_EQ(source["reason"].text, "");
  EXPECT_EQ(source["silences"].unsigned_number(), 2u);
  EXPECT_EQ(status["partitions"].items.at(0)["open_bytes"].text, "1024");
}

TEST_F(ApiTest, ChangesNameTheirRowsAndWhereToGoOn) {
  const auto answer = get_json("/v1/changes?after=6");
  EXPECT_EQ(answer["changes"].items.at(0)["aggregate"].text, "candles");
  EXPECT_EQ(answer["changes"].items.at(0)["rows"].to_string(),
            R"([{"key":["BTC",5],"start":"2024-03-01T10:00:00Z"}])");
  EXPECT_EQ(answer["changes"].items.at(1)["frontier"].text, "2024-03-01T10:01:00Z");
  EXPECT_EQ(answer["last"].text, "8");
  EXPECT_EQ(get_json("/v1/changes?after=8")["last"].text, "8");
}

TEST_F(ApiTest, ChangesOfCoverageHaveTheFactThatIsNew) {
  const ChangeNames names{service_.aggregates(), service_.streams()};
  const auto text = [&](const Change& change) {
    Bytes out;
    JsonWriter json(out);
    render(json, change, names);
    return out;
  };
  Change change;
  change.number = ChangeNumber{9};
  change.kind = Change::Kind::kGapOpened;
  change.gap = service_.gaps({}).value()[0].gap;
  const std::string head = R"({"number":9,"kind":"gap-opened","cause":"live","published_at":)"
                           R"("1970-01-01T00:00:00Z",)";
  EXPECT_EQ(text(change),
            head +
                R"("gap":{"id":7,"stream":"trades","start":"2024-03-01T10:00:00Z","end":null,)"
                R"("scope":"keys","keys":[["BTC",5]],"cause":"disconnect","detail":"peer closed",)"
                R"("opened_at":"2024-03-01T10:00:05Z"}})");
  change.gap->stream = StreamId{99};  // of a configuration that is past
  EXPECT_NE(text(change).find(R"("stream":null)"), Bytes::npos);
  EXPECT_NE(text(change).find(R"("keys":[])"), Bytes::npos);
  change.kind = Change::Kind::kGapBound;
  change.bound = GapBound{7, at("2024-03-01T10:02:00Z")};
  EXPECT_NE(text(change).find(R"("kind":"gap-bound")"), Bytes::npos);
  EXPECT_NE(text(change).find(R"("bound":{"gap":7,"end":"2024-03-01T10:02:00Z"})"), Bytes::npos);
  change.kind = Change::Kind::kGapClosed;
  change.outcome = service_.gaps({}).value()[0].outcomes[0];
  change.outcome->leaned_on = {1, 2};
  EXPECT_NE(text(change).find(R"("outcome":{"id":2,"stream":"trades","kind":"filled","gaps":[7],)"
                              R"("start":"2024-03-01T10:00:00Z","end":"2024-03-01T10:01:00Z",)"
                              R"("scope":"all","job":4,"leaned_on":[1,2],"detail":""})"),
            Bytes::npos)
      << text(change);
}

TEST_F(ApiTest, AStreamHasOneEventPerChangeAndStartsWhereTheClientWas) {
  const Bytes events = get("/v1/changes/stream?after=6");
  EXPECT_EQ(type_, "text/event-stream");
  EXPECT_EQ(events.find("retry: 1000\n\nid: 7\nevent: rows\ndata: {\"number\":7,"), 0u) << events;
  EXPECT_NE(events.find("\n\nid: 8\nevent: frontier\ndata: {\"number\":8,"), Bytes::npos);
  ApiRequest again = ApiRequest::get("/v1/changes/stream?after=6");
  again.last_event_id = "8";
  EXPECT_EQ(take_body(api_.handle(again)), "retry: 1000\n\n");
  again.last_event_id = "eight";
  EXPECT_EQ(api_.handle(again).http.status, 400);
  ApiRequest head = ApiRequest::get("/v1/changes/stream");
  head.method = "HEAD";
  EXPECT_FALSE(api_.handle(head).live) << "would never end";
}

// ── gaps and coverage ───────────────────────────────────────────────────────────────────────────

TEST_F(ApiTest, AGapLooksAsTheContractSays) {
  const std::string gap =
      R"({"id":7,"stream":"trades","start":"2024-03-01T10:00:00Z","end":"2024-03-01T10:02:00Z",)"
      R"("scope":"keys","keys":[["BTC",5]],"cause":"disconnect","detail":"peer closed",)"
      R"("opened_at":"2024-03-01T10:00:05Z","state":"open","holes":[{"start":"2024-03-01T10:01:00Z",)"
      R"("end":"2024-03-01T10:02:00Z","state":"open","partition":0,"keys":[["BTC",5]]}],)"
      R"("outcomes":[{"id":2,"stream":"trades","kind":"filled","gaps":[7],)"
      R"("start":"2024-03-01T10:00:00Z","end":"2024-03-01T10:01:00Z","scope":"all","job":4,)"
      R"("detail":""}]})";
  EXPECT_EQ(get("/v1/gaps?source=trades&open=true&limit=5"),
            "{\"gaps\":[" + gap + "],\"truncated\":false}\n");
  EXPECT_EQ(service_.gap_query.source, "trades");
  EXPECT_TRUE(service_.gap_query.open_only);
  EXPECT_EQ(get("/v1/gaps/7"), gap + "\n");
  get("/v1/gaps?open=false");
  EXPECT_FALSE(service_.gap_query.open_only);
  service_.gap_count = 3;
  EXPECT_TRUE(get_json("/v1/gaps?limit=2")["truncated"].boolean);
  EXPECT_EQ(get_json("/v1/gaps?limit=3")["gaps"].items.size(), 3u);
}

TEST_F(ApiTest, AGapThatIsNotThereIs404) {
  EXPECT_EQ(get_json("/v1/gaps/8", 404)["detail"].text, "no gap 8");
  EXPECT_EQ(get_json("/v1/gaps/seven", 404)["detail"].text, "no gap 'seven'; gaps have numbers");
  EXPECT_EQ(get_json("/v1/gaps?open=yes", 400)["type"].text, "urn:hindcast:invalid-argument");
}

TEST_F(ApiTest, AGapIsOpenedAndAccepted) {
  EXPECT_EQ(send("POST", "/v1/gaps",
                 R"({"source":"trades","from":"2024-03-01T10:00:00Z","to":1709287260,)"
                 R"("keys":["EWR/UA",["BTC",5],17],"detail":"maintenance"})",
                 200)["id"]
                .text,
            "7");
  ASSERT_TRUE(service_.gap_request);
  EXPECT_EQ(service_.gap_request->from, at("2024-03-01T10:00:00Z"));
  EXPECT_EQ(service_.gap_request->to, at("2024-03-01T10:01:00Z"));
  EXPECT_EQ(service_.gap_request->keys, (std::vector<std::string>{"EWR/UA", R"(["BTC",5])", "17"}));
  EXPECT_EQ(service_.gap_request->detail, "maintenance");
  EXPECT_EQ(send("PATCH", "/v1/gaps/7", R"({"accept":"lost for good"})", 200)["id"].text, "7");
  EXPECT_EQ(service_.accepted, "lost for good");
  send("PATCH", "/v1/gaps/8", R"({"accept":"x"})", 404);
}

TEST_F(ApiTest, AReplayLooksAsTheContractSays) {
  const JsonValue job = get_json("/v1/replays/4");
  EXPECT_EQ(job["state"].text, "running");
  EXPECT_EQ(job["cause"].text, "reconnect");
  EXPECT_EQ(job["from"].text, "2024-03-01T10:00:00Z");
  EXPECT_EQ(job["share_done"].text, "0.5");
  EXPECT_EQ(job["waits_for"].text, "rate");
  EXPECT_TRUE(job["rate"].is_null());
  EXPECT_TRUE(job["finished_at"].is_null());
  EXPECT_EQ(job["gaps"].items.at(0).text, "7");
  EXPECT_EQ(job["set_aside"].items.at(0)["reason"].text, "truncated: a.gz");
  EXPECT_EQ(job["counts"]["added"].text, "6");
  EXPECT_EQ(job["counts"]["bytes_written"].text, "99");
  EXPECT_EQ(get_json("/v1/replays")["replays"].items.size(), 1u);
  EXPECT_EQ(get_json("/v1/replays/9", 404)["detail"].text, "no replay 9");
  EXPECT_EQ(get_json("/v1/replays/x", 404)["detail"].text, "no replay 'x'; replays have numbers");
}

TEST_F(ApiTest, AReplaySaysWhyItIsNoFasterAndForecastsOnlyWhatIsHonest) {
  JsonValue job = get_json("/v1/replays/4");
  EXPECT_EQ(job["ceiling"].text, "5000");
  EXPECT_EQ(job["windows_left"].text, "40");
  EXPECT_EQ(job["reasons"].members.size(), kReasons);
  EXPECT_EQ(job["reasons"]["rate"].text, "2");
  EXPECT_EQ(job["reasons"]["live-latency"].text, "0");
  EXPECT_EQ(job["reasons_lately"]["reader"].text, "1");
  EXPECT_EQ(job["live_p99"]["during"].text, "0.002");
  EXPECT_TRUE(job["live_p99"]["after"].is_null());
  EXPECT_TRUE(job["eta_seconds"].is_null());
  service_.replay_entry = CannedService::canned_replay(4);
  service_.replay_entry->eta = Eta{90s, 60s, 120s};
  job = get_json("/v1/replays/4");
  EXPECT_EQ(job["eta_seconds"].text, "90");
  EXPECT_EQ(job["eta_earliest_seconds"].text, "60");
  EXPECT_EQ(job["eta_latest_seconds"].text, "120");
}

TEST_F(ApiTest, AGapAndAReplayAndASourceSayWhatHistoryForgets) {
  EXPECT_TRUE(get_json("/v1/gaps/7")["lost_at"].is_null()) << "it forgets nothing";
  EXPECT_TRUE(get_json("/v1/replays/4")["warnings"].is_null());
  EXPECT_TRUE(get_json("/v1/status")["sources"].items.at(0)["replayable_from"].is_null());
  EXPECT_EQ(get("/metrics").find("replayable_from_timestamp_seconds{"), Bytes::npos);
  const ProcessingTime lost_at(at("2024-03-08T10:01:00Z").time_since_epoch());
  service_.replayable_from = at("2024-03-01T10:00:30Z");
  service_.refillable = Refillable{*service_.replayable_from, lost_at, 30s};
  const JsonValue gap = get_json("/v1/gaps/7");
  EXPECT_EQ(gap["lost_at"].text, "2024-03-08T10:01:00Z");
  EXPECT_EQ(gap["replayable_from"].text, "2024-03-01T10:00:30Z");
  EXPECT_EQ(get_json("/v1/status")["sources"].items.at(0)["replayable_from"].text,
            "2024-03-01T10:00:30Z");

  service_.replay_entry = CannedService::canned_replay(4);
  ReplayHorizon horizon{.replayable_from = *service_.replayable_from, .lost_at = lost_at};
  service_.replay_entry->horizon = horizon;
  JsonValue job = get_json("/v1/replays/4");
  EXPECT_EQ(job["lost_at"].text, "2024-03-08T10:01:00Z");
  EXPECT_TRUE(job["in_time"].is_null()) << "nobody can say";
  EXPECT_TRUE(job["unreadable"].is_null());
  EXPECT_TRUE(job["warnings"].items.empty());
  horizon.in_time = false;
  horizon.unreadable = Window{at("2024-03-01T10:00:00Z"), *service_.replayable_from};
  horizon.too_late = {at("2024-03-01T10:30:00Z"), lost_at, lost_at + 1h};
  service_.replay_entry->horizon = horizon;
  for (const char* path : {"/v1/replays/4", "/v1/replays/4/report"}) {
    job = get_json(path);
    EXPECT_EQ(job["lost_at"].text, "2024-03-08T10:01:00Z") << path;
    EXPECT_EQ(job["in_time"].to_string(), "false");
    EXPECT_EQ(job["unreadable"]["to"].text, "2024-03-01T10:00:30Z");
    EXPECT_EQ(job["too_late"]["time"].text, "2024-03-01T10:30:00Z");
    EXPECT_EQ(job["too_late"]["read_at"].text, "2024-03-08T11:01:00Z");
    EXPECT_EQ(job["warnings"].items.size(), 2u);
  }
}

TEST_F(ApiTest, AReportHasEverySecondUnderAReasonAndSharesThatAddUp) {
  service_.replay_entry = CannedService::canned_replay(4);
  service_.replay_entry->job.done = {{at("2024-03-01T10:00:00Z"), at("2024-03-01T10:10:00Z")}};
  const JsonValue report = get_json("/v1/replays/4/report");
  EXPECT_EQ(report["id"].text, "4");
  EXPECT_EQ(report["duration_seconds"].text, "3");
  EXPECT_EQ(report["reasons"].members.size(), kReasons);
  EXPECT_EQ(report["reasons"]["rate"]["seconds"].text, "2");
  EXPECT_EQ(report["reasons"]["rate"]["percent"].text, "66.7");
  EXPECT_EQ(report["reasons"]["reader"]["percent"].text, "33.3");
  EXPECT_EQ(report["reasons"]["compute"]["percent"].text, "0.0");
  EXPECT_EQ(report["counts"]["duplicate"].text, "4");
  EXPECT_EQ(report["windows_done"].text, "1") << "a page window is an hour here";
  EXPECT_EQ(report["set_aside"].items.at(0)["reason"].text, "truncated: a.gz");
  EXPECT_EQ(report["live_p99"]["before"].text, "0.001");
  EXPECT_TRUE(report["waits_for"].is_null()) << "a report is not about now";
  EXPECT_EQ(get_json("/v1/replays/9/report", 404)["detail"].text, "no replay 9");
}

TEST_F(ApiTest, LimitsAreShownAndChangedAsPeopleWriteThem) {
  EXPECT_EQ(get_json("/v1/limits")["rate"].text, "25%");
  EXPECT_EQ(get_json("/v1/limits")["bytes_rate"].text, "");
  const JsonValue changed =
      send("PATCH", "/v1/limits", R"({"rate":"10%","subwindows_at_once":4,"floor":null})", 200);
  EXPECT_EQ(changed["rate"].text, "10%");
  EXPECT_EQ(changed["subwindows_at_once"].text, "4");
  EXPECT_EQ(service_.limits_asked.at("floor"), "") << "null takes a change back";
  EXPECT_EQ(get_json("/v1/limits").members.size(), changed.members.size());
}

TEST_F(ApiTest, LimitsThatMakeNoSenseAreRefusedAndNamed) {
  for (const char* body : {"[]", "7", "{", R"({"rate":["10%"]})", R"({"rate":"fast"})"})
    EXPECT_NE(send("PATCH", "/v1/limits", body, 400)["detail"].text, "") << body;
  const JsonValue unknown = send("PATCH", "/v1/limits", R"({"rat":"10%"})", 404);
  EXPECT_NE(unknown["detail"].text.find("did you mean 'rate'"), std::string::npos);
  EXPECT_TRUE(service_.limits_asked.empty());
  service_.governor.reset();  // recovering, or a stopped directory
  EXPECT_NE(get_json("/v1/limits", 503)["detail"].text, "");
}

TEST_F(ApiTest, TheGovernorSaysHowFastAndWhyNoFaster) {
  JsonValue governor = get_json("/v1/status")["governor"];
  EXPECT_EQ(governor["allowed"].text, "120000");
  EXPECT_EQ(governor["ceiling"].text, "250000");
  EXPECT_EQ(governor["reason"].text, "live-latency");
  EXPECT_EQ(governor["pressure"]["value"].text, "1.3");
  EXPECT_EQ(governor["live"]["apply_p99_seconds"].text, "0.026");
  EXPECT_TRUE(governor["commit_p99_seconds"].is_null()) << "of no commits there is none";
  EXPECT_TRUE(governor["storm"].is_null());
  EXPECT_EQ(governor["route"]["name"].text, "direct");
  EXPECT_NE(governor["route"]["couples"].text, "");
  EXPECT_EQ(governor["late"]["waiting_events"].text, "700");
  EXPECT_EQ(governor["late"]["merged_events"].text, "300");
  EXPECT_EQ(governor["late"]["waits_for"].text, "live-latency");
  EXPECT_EQ(governor["links"].items.at(0)["name"].text, "history");
  EXPECT_EQ(governor["links"].items.at(0)["blocked_seconds"].text, "1.5");
  service_.governor->storm = Storm{.missing_speed = 1.5, .missing_events = 9'000};
  governor = get_json("/v1/status")["governor"];
  EXPECT_EQ(governor["storm"]["missing_events_per_second"].text, "9000");
  EXPECT_EQ(governor["storm"]["missing_speed"].text, "1.5");
  service_.governor.reset();
  EXPECT_TRUE(get_json("/v1/status")["governor"].is_null());
}

TEST_F(ApiTest, AReplayIsStartedAndSteered) {
  send("POST", "/v1/replays",
       R"({"source":"trades","from":"2024-03-01T10:00:00Z","to":1709287260,"keys":["BTC"],)"
       R"("order":"newest","rate":500})",
       200);
  EXPECT_EQ(service_.replay_request.source, "trades");
  EXPECT_EQ(service_.replay_request.to, at("2024-03-01T10:01:00Z"));
  EXPECT_EQ(service_.replay_request.order, ReplayOrder::kNewestFirst);
  EXPECT_EQ(service_.replay_request.rate, 500u);
  send("PATCH", "/v1/replays/4", R"({"state":"paused","rate":null})", 200);
  EXPECT_EQ(service_.replay_change.paused, true);
  ASSERT_TRUE(service_.replay_change.rate);
  EXPECT_FALSE(*service_.replay_change.rate);
  EXPECT_FALSE(service_.replay_change.order);
  EXPECT_EQ(send("DELETE", "/v1/replays/4", "", 409)["detail"].text, "replay 4 is done already");
}

TEST_F(ApiTest, AReplayThatMakesNoSenseIsRefused) {
  for (const char* body :
       {R"({"source":"trades","from":1,"to":2,"order":"sideways"})",
        R"({"source":"trades","from":1,"to":2,"rate":0})", R"({"source":"trades","from":1})"}) {
    EXPECT_NE(send("POST", "/v1/replays", body, 400)["detail"].text, "") << body;
  }
  EXPECT_EQ(send("PATCH", "/v1/replays/4", R"({"state":"done"})", 400)["detail"].text,
            "\"state\" is \"paused\" or \"running\"; DELETE cancels");
}

TEST_F(ApiTest, ABodyThatIsNotUnderstoodChangesNothing) {
  for (const char* body :
       {"", "[]", "{}", R"({"source":"trades"})", R"({"source":"","from":1,"to":2})",
        R"({"source":"trades","from":1709287200})",
        R"({"source":"trades","from":1709287200,"to":"noon"})",
        R"({"source":"trades","from":1709287200,"to":1709287260,"keys":"BTC"})",
        R"({"source":"trades","from":1709287200,"to":1709287260,"keys":[]})"}) {
    EXPECT_NE(send("POST", "/v1/gaps", body, 400)["detail"].text, "") << body;
  }
  EXPECT_EQ(send("POST", "/v1/gaps", R"({"source":"trades","form":1})", 400)["detail"].text,
            "unknown member 'form' (did you mean 'from'?)");
  EXPECT_FALSE(service_.gap_request);
  for (const char* body : {"{}", R"({"accept":""})", R"({"accept":true})", R"({"close":"x"})"})
    send("PATCH", "/v1/gaps/7", body, 400);
  EXPECT_EQ(service_.accepted, "");
}

TEST_F(ApiTest, CoverageTilesTheTimeOfEachStream) {
  const std::string body =
      R"({"streams":[{"stream":"trades","sources":["trades"],"first":"2024-03-01T10:00:00Z",)"
      R"("frontier":"2024-03-01T10:02:00Z","watermark":null,"spans":[)"
      R"({"start":"2024-03-01T10:00:00Z","end":"2024-03-01T10:01:00Z","state":"covered"},)"
      R"({"start":"2024-03-01T10:01:00Z","end":"2024-03-01T10:02:00Z","state":"gap","gaps":[7]}]}]})"
      "\n";
  EXPECT_EQ(get("/v1/coverage"), body) << "all of them";
  EXPECT_EQ(get("/v1/coverage?source=trades&from=2024-03-01T10:00:00Z"), body);
  EXPECT_EQ(service_.coverage_from, at("2024-03-01T10:00:00Z"));
  get("/v1/coverage?source=tradse", 404);
}

TEST_F(ApiTest, KeysComeInPages) {
  EXPECT_EQ(get("/v1/aggregates/candles/keys?limit=2"),
            "{\"keys\":[\"A/1\",\"B/2\"],\"next\":\"B/2\"}\n");
  EXPECT_EQ(get("/v1/aggregates/candles/keys?limit=2&after=B%2F2"),
            "{\"keys\":[\"C/3\"],\"next\":null}\n");
}

TEST_F(ApiTest, DeadLettersAreValidJsonWhateverTheRecordWas) {
  const auto letter =
      get_json("/v1/dead-letters?source=trades&limit=5")["dead_letters"].items.at(0);
  EXPECT_EQ(letter["reason"].text, "bad-utf8");
  EXPECT_EQ(letter["raw"].text, "a\xEF\xBF\xBD");
}

TEST_F(ApiTest, VerifyTakesARange) {
  ApiRequest request = ApiRequest::get("/v1/verify?from=2024-03-01T00:00:00Z");
  request.method = "POST";
  EXPECT_TRUE(parse_json(take_body(api_.handle(request))).value()["ok"].boolean);
  EXPECT_EQ(service_.verify_query.from, at("2024-03-01T00:00:00Z"));
}

TEST_F(ApiTest, VerifyIsAskedAgainstWhatAndWhetherToRepair) {
  const auto ask = [&](const std::string& target) {
    ApiRequest request = ApiRequest::get(target);
    request.method = "POST";
    return api_.handle(request);
  };
  EXPECT_EQ(ask("/v1/verify").http.status, 200);
  EXPECT_EQ(service_.verify_query.against, VerifyQuery::Against::kPages);
  EXPECT_FALSE(service_.verify_query.repair);
  EXPECT_EQ(ask("/v1/verify?against=history&source=trades&repair=true").http.status, 200);
  EXPECT_EQ(service_.verify_query.against, VerifyQuery::Against::kHistory);
  EXPECT_EQ(service_.verify_query.source, "trades");
  EXPECT_TRUE(service_.verify_query.repair);
  EXPECT_EQ(ask("/v1/verify?against=histroy").http.status, 400);
  EXPECT_EQ(ask("/v1/verify?repair=please").http.status, 400);
}

TEST_F(ApiTest, AVerificationTellsWhatDiffersWhatIsUnreadAndWhatIsToBeDone) {
  VerifyReport& report = service_.verify_report;
  const Window minute{at("2024-03-01T10:00:00Z"), at("2024-03-01T10:01:00Z")};
  report.pages = 3;
  report.add({.kind = VerifyReport::Difference::Kind::kMissing,
              .stream = "trades",
              .aggregate = "",
              .key = "BTC/5",
              .what = "only history has event 7",
              .window = minute,
              .events = 2});
  report.add(VerifyReport::Unread{"trades", minute, "http-404: no file"});
  report.history = {.compared = true, .events = 10, .pages_read = 1, .keys_read = 1};
  report.refill = {{"trades", "trades", {minute}, 4, ""},
                   {"trades", "", {minute}, 0, "no history"}};
  report.repaired = true;
  report.pages_remade = 5;
  ApiRequest request = ApiRequest::get("/v1/verify");
  request.method = "POST";
  EXPECT_EQ(
      take_body(api_.handle(request)),
      R"({"ok":false,"pages":3,"events":0,"rows":0,"differences_total":1,"by_kind":{"missing":1},"differences":[)"
      R"({"kind":"missing","stream":"trades","aggregate":"","key":"BTC/5","what":"only history has event 7",)"
      R"("start":"2024-03-01T10:00:00Z","end":"2024-03-01T10:01:00Z","events":2}],"unread_total":1,"unread":[)"
      R"({"source":"trades","start":"2024-03-01T10:00:00Z","end":"2024-03-01T10:01:00Z","reason":"http-404: no file"}],)"
      R"("history":{"events":10,"pages_read":1,"keys_read":1,"stored_events":0,"requests":0,"bytes":0},"refill":[)"
      R"({"stream":"trades","source":"trades","windows":[{"start":"2024-03-01T10:00:00Z","end":"2024-03-01T10:01:00Z"}],"replay":4},)"
      R"({"stream":"trades","source":"","windows":[{"start":"2024-03-01T10:00:00Z","end":"2024-03-01T10:01:00Z"}],"replay":null,"why_no_replay":"no history"}],)"
      R"("repair":{"pages_remade":5,"parents_marked":0,"pages_contended":0}})"
      "\n");
}

// ── pushes ──────────────────────────────────────────────────────────────────────────────────────

TEST_F(ApiTest, PushIsAnsweredWithWhatWasAcceptedAndRejected) {
  const auto answer = post("/v1/sources/trades/events", "{}\n{}\n", 200, "application/x-ndjson");
  EXPECT_EQ(answer["accepted"].text, "2");
  EXPECT_EQ(answer["rejected"].to_string(),
            R"([{"line":3,"reason":"malformed","detail":"line 3: no JSON"}])");
  EXPECT_EQ(answer["rejected_total"].text, "1");
  EXPECT_EQ(service_.pushed_body, "{}\n{}\n");
  EXPECT_EQ(service_.pushed_format, FormatKind::kNdjson);
}

TEST_F(ApiTest, ContentTypeDecidesTheFormat) {
  post("/v1/sources/trades/events", "[]", 200, "application/json");
  EXPECT_EQ(service_.pushed_format, FormatKind::kJson);
  post("/v1/sources/trades/events", "a,b\n", 200, "text/csv");
  EXPECT_EQ(service_.pushed_format, FormatKind::kCsv);
  for (const char* own : {"", "text/plain", "application/x-www-form-urlencoded"}) {
    post("/v1/sources/trades/events", "x\n", 200, own);
    EXPECT_EQ(service_.pushed_format, std::nullopt) << own;
  }
}

TEST_F(ApiTest, UnknownContentTypeIs415) {
  const auto problem = post("/v1/sources/trades/events", "x", 415, "image/png");
  EXPECT_EQ(problem["type"].text, "urn:hindcast:unknown-content-type");
  EXPECT_NE(problem["detail"].text.find("image/png"), std::string::npos);
  EXPECT_TRUE(service_.pushed_source.empty());
}

TEST_F(ApiTest, UnknownSourceIs404WithTheNearest) {
  const auto problem = post("/v1/sources/trade/events", "x", 404);
  EXPECT_EQ(problem["detail"].text, "no source 'trade' (did you mean 'trades'?)");
  EXPECT_EQ(problem["type"].text, "urn:hindcast:no-such-source");
}

TEST_F(ApiTest, PushToASourceThatReadsItsOwnInputIs400) {
  EXPECT_EQ(post("/v1/sources/files/events", "x", 400)["type"].text,
            "urn:hindcast:not-an-http-source");
}

TEST_F(ApiTest, BodyBeyondTheSourcesBoundIs413) {
  post("/v1/sources/trades/events", Bytes(2000, 'x'), 200);
  EXPECT_EQ(post("/v1/sources/trades/events", Bytes(2001, 'x'), 413)["type"].text,
            "urn:hindcast:body-too-large");
}

TEST_F(ApiTest, FullLogIs429WithRetryAfter) {
  service_.push_error = overloaded("the log is at its bound of 4 GiB");
  EXPECT_EQ(post("/v1/sources/trades/events", "{}\n", 429)["title"].text, "Slow down");
  EXPECT_EQ(header("Retry-After"), "1");
}

TEST_F(ApiTest, HeartbeatTakesTextSecondsAndMilliseconds) {
  for (const char* body : {R"({"time":"2024-03-02T00:00:00Z"})", R"({"time":1709337600})",
                           R"({"time":1709337600000})"}) {
    service_.beat.reset();
    EXPECT_EQ(post("/v1/sources/trades/heartbeat", body, 200)["time"].text, "2024-03-02T00:00:00Z");
    EXPECT_EQ(service_.beat, at("2024-03-02T00:00:00Z")) << body;
  }
  for (const char* body :
       {"", "{}", "[]", R"({"time":null})", R"({"time":"noon"})", R"({"time":1.5})"}) {
    EXPECT_NE(post("/v1/sources/trades/heartbeat", body, 400)["detail"].text, "") << body;
  }
}

// ── the rest ────────────────────────────────────────────────────────────────────────────────────

TEST_F(ApiTest, UnknownPathIs404AndWrongMethodIs405) {
  EXPECT_EQ(get_json("/v1/nothing", 404)["type"].text, "urn:hindcast:no-such-path");
  ApiRequest request = ApiRequest::get("/v1/status");
  request.method = "DELETE";
  const auto response = api_.handle(request);
  EXPECT_EQ(response.http.status, 405);
  EXPECT_EQ(response.http.headers.at(0).second, "GET");
}

TEST_F(ApiTest, ReadyzIs503UntilReady) {
  service_.is_ready = false;
  get("/readyz", 503);
  EXPECT_EQ(header("Retry-After"), "1");
  get("/healthz", 200);
  service_.is_ready = true;
  get("/readyz", 200);
}

TEST_F(ApiTest, TokensGuardEverythingButHealthAndThePage) {
  service_.config_.server.tokens = {"secret-1", "secret-2"};
  const auto status_of = [&](std::string_view target, std::string authorization) {
    ApiRequest request = ApiRequest::get(target);
    request.trusted = false;
    request.authorization = std::move(authorization);
    return api_.handle(request).http.status;
  };
  EXPECT_EQ(status_of("/v1/status", ""), 401);
  EXPECT_EQ(status_of("/v1/status", "Bearer secret-3"), 401);
  EXPECT_EQ(status_of("/v1/status", "Bearer secret-"), 401);
  EXPECT_EQ(status_of("/v1/status", "secret-1"), 401);
  EXPECT_EQ(status_of("/v1/status", "Bearer secret-2"), 200);
  EXPECT_EQ(status_of("/metrics", ""), 401);
  EXPECT_EQ(status_of("/v1/nothing", ""), 401);
  EXPECT_EQ(status_of("/healthz", ""), 200);
  EXPECT_EQ(status_of("/", ""), 200);
  ApiRequest push;
  push.method = "POST";
  push.path = "/v1/sources/trades/events";
  api_.submit(push, [](const ApiResponse& response) { EXPECT_EQ(response.http.status, 401); });
  EXPECT_TRUE(service_.pushed_source.empty());
}

TEST_F(ApiTest, MetricsAreOneSampleALine) {
  const Bytes text = get("/metrics");
  EXPECT_NE(text.find("hindcast_source_silences_total{source=\"trades\"} 2\n"), std::string::npos);
  EXPECT_NE(text.find("hindcast_source_received_events_total{source=\"trades\"} 130\n"),
            std::string::npos);
  EXPECT_NE(
      text.find(
          "hindcast_source_settled_events_total{source=\"trades\",outcome=\"aggregated\"} 120\n"),
      std::string::npos);
  EXPECT_NE(
      text.find(
          "# TYPE hindcast_log_used_bytes gauge\nhindcast_log_used_bytes{channel=\"live\"} 0\n"),
      std::string::npos);
  EXPECT_NE(text.find("hindcast_live_thread_class{class=\"fifo\"} 0\n"), std::string::npos);
  EXPECT_NE(text.find("hindcast_live_thread_class{class=\"normal\"} 1\n"), std::string::npos);
  EXPECT_EQ(text.find("frontier_timestamp_seconds{"),
            std::string::npos);  // unknown is no sample, not zero
}

TEST_F(ApiTest, MetricsSayHowFastReplayMayGoAndWhatItIsFor) {
  Bytes text = get("/metrics");
  for (const char* line :
       {"hindcast_replay_allowed_events_per_second 120000", "hindcast_replay_storm 0",
        "hindcast_replay_ceiling_events_per_second 250000", "hindcast_replay_starved 0",
        "hindcast_replay_link_bytes{link=\"history\"} 1000",
        "hindcast_live_apply_p99_seconds 0.026",
        "hindcast_replay_link_blocked_seconds_total{link=\"history\"} 1.5",
        "hindcast_replay_pressure{reason=\"live-latency\"} 1.3",
        "hindcast_gaps{stream=\"trades\",state=\"open\"} 1",
        "hindcast_gaps{stream=\"trades\",state=\"filled\"} 0",
        "hindcast_replays{state=\"running\"} 1", "hindcast_replays{state=\"failed\"} 0",
        "hindcast_replay_events_total{outcome=\"duplicate\"} 4",
        "hindcast_replay_seconds_total{reason=\"rate\"} 2",
        "hindcast_replay_seconds_total{reason=\"budget\"} 0",
        "hindcast_replay_set_aside_windows 1"}) {
    EXPECT_NE(text.find("\n" + std::string(line) + "\n"), std::string::npos) << line;
  }
  EXPECT_EQ(text.find("\nhindcast_replay_commit_p99_seconds"), std::string::npos);
  service_.gaps_error = corruption("a damaged fact");
  service_.governor.reset();
  text = get("/metrics");  // the rest is told
  EXPECT_EQ(text.find("hindcast_gaps"), std::string::npos);
  EXPECT_EQ(text.find("hindcast_replay_storm"), std::string::npos);
  EXPECT_NE(text.find("hindcast_replays{state=\"running\"} 1\n"), std::string::npos);
}

// Of several gaps the one that presses most.
TEST_F(ApiTest, MetricsSayHowLongOpenGapsCanBeRefilled) {
  EXPECT_EQ(get("/metrics").find("hindcast_gap_refillable_seconds{"), Bytes::npos);
  service_.gap_count = 3;
  service_.refillable = Refillable{.left = 50s};
  service_.replayable_from = at("2024-03-01T10:00:30Z");
  const Bytes text = get("/metrics");
  for (const char* line :
       {"hindcast_gap_refillable_seconds{stream=\"trades\"} -10",
        "hindcast_source_replayable_from_timestamp_seconds{source=\"trades\"} 1709287230"}) {
    EXPECT_NE(text.find("\n" + std::string(line) + "\n"), std::string::npos) << line;
  }
}

TEST_F(ApiTest, OpenapiNamesEveryPath) {
  const auto paths = get_json("/openapi.json")["paths"];
  for (const char* path :
       {"/v1/sources/{source}/events", "/v1/sources/{source}/heartbeat", "/v1/aggregates",
        "/v1/aggregates/{aggregate}/keys", "/v1/aggregates/{aggregate}/buckets", "/v1/changes",
        "/v1/changes/stream", "/v1/gaps", "/v1/gaps/{id}", "/v1/coverage", "/v1/dead-letters",
        "/v1/status", "/v1/verify", "/v1/limits", "/v1/replays/{id}/report"}) {
    EXPECT_FALSE(paths[path].is_null()) << path;
  }
  EXPECT_NE(get("/").find("<!doctype html>"), Bytes::npos);
}

}  // namespace
}  // namespace hindcast
