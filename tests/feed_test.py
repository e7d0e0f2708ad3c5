#!/usr/bin/env python3
"""A daemon on the WebSocket of `hindcast feed`: what was put on the wire is what is aggregated, once, whatever the feed does
to its order; and what was never sent is not."""
import collections
import gzip
import random

import harness

CONFIG = """
[[source]]
name = "trades"
kind = "websocket"
url = "{url}"
reconnect = {{ min = "10ms", max = "100ms" }}
match = {{ e = "event" }}
each = "data"

[source.watermark]
delay = "2s"
heartbeat = {{ match = {{ e = "heartbeat" }}, time = "ms" }}

[source.event]
key = "s"
id = {{ field = "seq", type = "int" }}
time = "T"
time_unit = "ms"

[source.values]
price = {{ field = "p", type = "decimal(18,2)" }}

[[aggregate]]
name = "minutes"
bucket = "1m"
rollups = ["1h"]
values = {{ n = "count()", total = "sum(price)" }}
"""
BEGIN = 1_709_287_200_000
OPTIONS = ("--key", "s", "--time", "T", "--time-unit", "ms", "--channel-by", "venue")


def trades(count):
    rng = random.Random(7)
    return [{"s": rng.choice("ABCD"), "venue": rng.choice("XY"), "T": BEGIN + 250 * i + rng.randrange(250),
             "p": f"{rng.randrange(1, 10000) / 100:.2f}"} for i in range(count)]


class FeedTest(harness.SystemTest):
    def serve(self, events, *options):
        path = self.folder / "trades.ndjson.gz"
        path.write_bytes(gzip.compress(harness.ndjson(events)))
        return self.feed(path, *OPTIONS, *options)

    def connect(self, feed):
        hindcast = self.install(CONFIG.format(url=feed.stream)).start_ready()
        feed.until(lambda state: len(state["connections"]) == 1, "connected to")
        return hindcast

    def rows_of_sent(self, feed, events):
        """What the minutes must be: every event that was sent, once."""
        by_key = collections.defaultdict(list)
        for event in sorted(events, key=lambda event: event["T"]):
            by_key[event["s"]].append(event)
        sent = {(one["key"], one["seq"]) for one in feed.sent()}
        return harness.sums((by_key[key][seq - 1] for key, seq in sent), 60_000)

    def check(self, hindcast, feed, events):
        feed.until_all_sent()
        hindcast.until(lambda: hindcast.tallies("trades")["received"] == len(feed.sent()), "reading all that was sent")
        hindcast.settle("trades")
        self.assert_same_rows(hindcast.table("minutes", resolution="1m"), self.rows_of_sent(feed, events))
        tallies = self.assert_balanced(hindcast, "trades")
        self.assertEqual(tallies["dead_lettered"], 0)
        return tallies

    def test_what_is_sent_is_aggregated_once_in_whatever_order_it_comes(self):
        events = trades(30_000)
        feed = self.serve(events, "--as-fast-as-possible")
        for fault in ({"kind": "drop", "probability": 0.05}, {"kind": "duplicate", "after": 90, "probability": 0.1},
                      {"kind": "late", "by": 600, "probability": 0.05}, {"kind": "reorder", "window": 20, "probability": 0.3}):
            feed.fault(seed=1, **fault)
        hindcast = self.connect(feed)
        tallies = self.check(hindcast, feed, events)
        self.assertGreater(tallies["duplicate"], 1000)
        self.assertGreater(tallies["behind"], 1000)
        self.assertTrue(all(row["state"] == "final" for row in hindcast.rows("minutes")))
        self.assertEqual(hindcast.stop(), 0)

    def test_a_daemon_comes_back_after_an_outage_by_itself(self):
        events = trades(4_000)
        feed = self.serve(events, "--speed", "0")
        hindcast = self.connect(feed)
        feed.clock(advance_to=BEGIN + 300_000)
        feed.fault(kind="disconnect", feed_seconds=200)
        hindcast.until(lambda: hindcast.source("trades")["state"] == "disconnected", "disconnected")
        feed.clock(advance_to=BEGIN + 500_000)
        feed.until(lambda state: len(state["connections"]) == 1, "connected to again")
        feed.clock(advance_to=BEGIN + 2_000_000)
        self.check(hindcast, feed, events)
        missed = len(events) - len(feed.sent())
        self.assertEqual(missed, sum(300_000 < event["T"] - BEGIN <= 500_000 for event in events))
        self.assertEqual(hindcast.source("trades")["state"], "connected")


if __name__ == "__main__":
    harness.main()
