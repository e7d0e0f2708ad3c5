#!/usr/bin/env python3
"""Lost time comes back from history while live goes on, and the oracles of real exchanges agree with the result."""
import csv
import decimal
import gzip
import io
import json
import random
import time
import unittest
import zipfile

import binance_test
import harness

HOUR_MS = 3_600_000

BINANCE = binance_test.CONFIG.replace("\n[[aggregate]]", """
[source.history]
kind = "files"
path = "PATH"
format = "json"
settle = "0s"

[[aggregate]]""", 1) + """
[replay]
automatic = false
rate = "1000000/s"
"""

EQUITIES = """
[[source]]
name = "ticks"
kind = "file"
path = "live/{date}/{symbol}.csv"
format = "csv"
header = false
watermark = { delay = "1s" }

[source.event]
key = "{symbol}"
id = { derive = "position" }
time = { day = "{date}", field = "0", unit = "ms", zone = "America/New_York" }

[source.values]
price = { field = "1", type = "decimal(18,0)" }
size = { field = "2", type = "decimal(18,0)" }

[source.history]
kind = "files"
path = "archive/{date}/{symbol}.csv.gz"
settle = "0s"

[[aggregate]]
name = "bars"
sources = ["ticks"]
bucket = "1s"
rollups = ["1m"]

[aggregate.values]
volume = "sum(size)"
trades = "count()"

[replay]
rate = "2000000/s"
"""
SYMBOLS = ("aig", "bac", "ibm", "spy")


def rfc3339(milliseconds):
    seconds, rest = divmod(milliseconds, 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:03d}Z"


class BinanceReplayTest(binance_test.BinanceTest):
    """A third of the time never arrives live. Inherits the comparison with the exchange's candles."""

    def setUp(self):
        super().setUp()
        path = harness.data_set("binance-xrpeth") / "XRP_OLD-trades.json.gz"
        self.config = BINANCE.replace("PATH", str(path))

    def install_with_holes(self):
        """Feeds what is not lost, and declares each lost stretch a gap. Returns the daemon and the stretches."""
        events = binance_test.trades()
        first = events[0]["info"]["T"] // HOUR_MS
        last = events[-1]["info"]["T"] // HOUR_MS
        hours = random.Random(3).sample(range(first, last + 1), (last + 1 - first) // 3)
        lost = [(hour * HOUR_MS, (hour + 1) * HOUR_MS) for hour in hours]
        hindcast = self.install(self.config).start_ready()
        for begin, end in lost:
            self.replay_gap(hindcast, begin, end)
        kept = [e for e in events if e["info"]["T"] // HOUR_MS not in hours]
        self.assertLess(len(kept), len(events) * 0.8)
        self.feed(hindcast, kept)
        hindcast.heartbeat("trades", binance_test.AFTER)
        hindcast.settle("trades")
        return hindcast, lost

    def replay_gap(self, hindcast, begin, end):
        answer = hindcast.request("POST", "/v1/gaps", json.dumps(
            {"source": "trades", "from": rfc3339(begin), "to": rfc3339(end), "detail": "lost"}).encode(),
            {"Content-Type": "application/json"})
        self.assertEqual(answer.status, 200, answer)

    def start_replay(self, hindcast, begin, end):
        answer = hindcast.request("POST", "/v1/replays", json.dumps(
            {"source": "trades", "from": rfc3339(begin), "to": rfc3339(end)}).encode(),
            {"Content-Type": "application/json"})
        self.assertEqual(answer.status, 200, answer)
        return answer.json["id"]

    def replays(self, hindcast):
        return hindcast.get("/v1/replays").json["replays"]

    def until_replayed(self, hindcast):
        hindcast.until(lambda: all(job["state"] in ("done", "failed") for job in self.replays(hindcast)), "replayed")
        for job in self.replays(hindcast):
            self.assertEqual(job["state"], "done", job)

    def until_final(self, hindcast):
        hindcast.until(lambda: all(row["state"] == "final" for resolution in ("1m", "5m")
                                   for row in hindcast.rows("candles", resolution=resolution)), "final")

    def test_a_third_of_the_time_comes_back_by_replay_in_any_order_through_crashes(self):
        hindcast, lost = self.install_with_holes()
        # What a gap touches is not final, whatever else is known of it (L5).
        states = {row["start_ms"] // HOUR_MS * HOUR_MS: row["state"]
                  for row in hindcast.rows("candles", resolution="5m")}
        self.assertFalse([begin for begin, _ in lost if states.get(begin) == "final"])
        random_ = random.Random(4)
        random_.shuffle(lost)
        for number, (begin, end) in enumerate(lost):
            self.start_replay(hindcast, begin, end)
            if number % 3 == 0:
                time.sleep(random_.random() * 0.03)
                hindcast.kill()
                hindcast.start_ready()
        self.until_replayed(hindcast)
        self.until_final(hindcast)
        self.check_both(hindcast)
        self.assertFalse(hindcast.get("/v1/gaps", open="true").json["gaps"])
        self.assertTrue(all(row["complete"] for row in hindcast.rows("candles")))
        self.assert_balanced(hindcast, "trades")

    def test_the_same_replay_again_writes_nothing(self):
        hindcast, lost = self.install_with_holes()
        begin, end = min(lost)[0], max(lost)[1]
        self.start_replay(hindcast, begin, end)
        self.until_replayed(hindcast)
        self.until_final(hindcast)
        before = hindcast.content("candles"), hindcast.get("/v1/changes", limit=1).json["last"]
        self.start_replay(hindcast, begin, end)
        self.until_replayed(hindcast)
        again = self.replays(hindcast)[-1]["counts"]
        self.assertEqual((again["added"], again["superseded"], again["pages_changed"], again["bytes_written"]),
                         (0, 0, 0, 0), again)
        self.assertGreater(again["duplicate"], 0)
        self.assertEqual((hindcast.content("candles"), hindcast.get("/v1/changes", limit=1).json["last"]), before)


# What is inherited was tested where it stands.
for name in [name for name in dir(binance_test.BinanceTest) if name.startswith("test_")]:
    setattr(BinanceReplayTest, name, None)


class EquitiesTest(harness.SystemTest):
    """A day live, the day before by replay at the same time."""
    LIVE, REPLAYED = "20131008", "20131007"

    def unzip(self, kind, symbol, day):
        archive = harness.data_set("lean-us-equities") / kind / symbol / f"{day}_trade.zip"
        with zipfile.ZipFile(archive) as zipped:
            return zipped.read(zipped.namelist()[0])

    def midnight(self, day):
        return harness.milliseconds(f"{day[:4]}-{day[4:6]}-{day[6:]}T00:00:00-04:00")

    def expected(self):
        """{(symbol, second): volume}, recomputed from the ticks."""
        volumes = {}
        for day in (self.LIVE, self.REPLAYED):
            for symbol in SYMBOLS:
                for row in csv.reader(io.TextIOWrapper(io.BytesIO(self.unzip("tick", symbol, day)))):
                    second = (self.midnight(day) + int(row[0])) // 1000 * 1000
                    volumes[symbol, second] = volumes.get((symbol, second), 0) + int(row[2])
        return volumes

    def check_against(self, kind, table, share):
        """The vendor's bars, but for the minutes that its README excludes; it names few others that differ."""
        width = {"minute": 60_000, "second": 1_000}[kind]
        for day in (self.LIVE, self.REPLAYED):
            for symbol in SYMBOLS:
                compared = equal = 0
                for row in csv.reader(io.TextIOWrapper(io.BytesIO(self.unzip(kind, symbol, day)))):
                    minute = int(row[0]) // 60_000
                    if 9 * 60 + 30 <= minute <= 9 * 60 + 31 or 15 * 60 + 59 <= minute <= 16 * 60 + 17:
                        continue
                    at = symbol, self.midnight(day) + int(row[0]) // width * width
                    compared += 1
                    equal += table[at]["volume"] == decimal.Decimal(row[5])
                self.assertGreater(compared, 350)
                self.assertGreaterEqual(equal / compared, share, (day, symbol, kind, compared - equal))

    def test_a_day_live_and_the_day_before_by_replay(self):
        hindcast = self.install(EQUITIES)
        for symbol in SYMBOLS:
            live = hindcast.folder / "live" / self.LIVE / f"{symbol}.csv"
            live.parent.mkdir(parents=True, exist_ok=True)
            live.write_bytes(self.unzip("tick", symbol, self.LIVE))
            past = hindcast.folder / "archive" / self.REPLAYED / f"{symbol}.csv.gz"
            past.parent.mkdir(parents=True, exist_ok=True)
            past.write_bytes(gzip.compress(self.unzip("tick", symbol, self.REPLAYED), 1))
        hindcast.start_ready()
        answer = hindcast.request("POST", "/v1/replays", json.dumps(
            {"source": "ticks", "from": "2013-10-07T00:00:00-04:00", "to": "2013-10-08T00:00:00-04:00"}).encode(),
            {"Content-Type": "application/json"})
        self.assertEqual(answer.status, 200, answer)
        hindcast.until(lambda: hindcast.get(f"/v1/replays/{answer.json['id']}").json["state"] in ("done", "failed"),
                       "replayed")
        job = hindcast.get(f"/v1/replays/{answer.json['id']}").json
        self.assertEqual(job["state"], "done", job)
        hindcast.settle("ticks")
        volumes = self.expected()
        hindcast.until(lambda: len(hindcast.table("bars")) == len(volumes), "complete")
        self.assertEqual({at: values["volume"] for at, values in hindcast.table("bars").items()}, volumes)
        hindcast.until(lambda: all(r["state"] == "final" for r in hindcast.rows("bars", resolution="1m")), "final")
        self.check_against("minute", hindcast.table("bars", resolution="1m"), 0.989)
        # The vendor leaves trades out of its seconds (its README: 70 to 95 % of rolled up volumes agree).
        self.check_against("second", hindcast.table("bars"), 0.8)


if __name__ == "__main__":
    harness.main()
