#!/usr/bin/env python3
"""12,477 trades of an exchange, and the exchange's own candles as the oracle: every candle must be equal,
however the trades arrive."""
import decimal
import gzip
import json
import random
import threading
import unittest

import harness

CONFIG = """
[[source]]
name = "trades"
kind = "http"
format = "ndjson"
watermark = { delay = "10m" }

[source.event]
key = { value = "XRPETH" }
id = { field = "info.a", type = "int" }
time = "info.T"
time_unit = "ms"

[source.values]
price = { field = "info.p", type = "decimal(18,8)" }
qty = { field = "info.q", type = "decimal(18,8)" }

[[aggregate]]
name = "candles"
sources = ["trades"]
bucket = "1m"
rollups = ["5m"]

[aggregate.values]
open = "first(price)"
high = "max(price)"
low = "min(price)"
close = "last(price)"
volume = "sum(qty)"
trades = "count()"
"""
FILE_CONFIG = CONFIG.replace('kind = "http"\nformat = "ndjson"', 'kind = "file"\nformat = "json"\npath = "{path}"')
AFTER = "2019-10-14T00:00:00Z"
DELAY_MS = 600_000


def trades():
    with gzip.open(harness.data_set("binance-xrpeth") / "XRP_OLD-trades.json.gz") as file:
        return json.load(file)


def candles(interval):
    """[(start ms, open, high, low, close, volume)]; numbers as the exchange's file spells them."""
    text = harness.unzstd(harness.data_set("binance-xrpeth") / f"XRP_ETH-{interval}.json.zst")
    return json.loads(text, parse_float=decimal.Decimal, parse_int=decimal.Decimal)


class BinanceTest(harness.SystemTest):
    def check(self, hindcast, interval, non_empty):
        expected = candles(interval)
        traded = {int(c[0]): c for c in expected if c[5] != 0}
        self.assertEqual(len(traded), non_empty)

        rows = hindcast.rows("candles", resolution=interval)
        self.assertEqual({row["state"] for row in rows}, {"final"})
        self.compare({row["start_ms"]: row["values"] for row in rows}, traded)

        # As an exchange prints them: a minute without a trade repeats the last price, with no volume.
        first, last = rows[0]["start"], rows[-1]["end"]
        filled = hindcast.rows("candles", resolution=interval, fill="previous", **{"from": first, "to": last})
        span = {int(c[0]): c for c in expected
                if harness.milliseconds(first) <= c[0] < harness.milliseconds(last)}
        self.compare({row["start_ms"]: row["values"] for row in filled}, span)

    def compare(self, found, expected):
        self.assertEqual(sorted(found), sorted(expected))
        for start, (_, opening, high, low, close, volume) in expected.items():
            values = {name: decimal.Decimal(value) for name, value in found[start].items()}
            self.assertEqual((values["open"], values["high"], values["low"], values["close"]),
                             (opening, high, low, close), start)
            # The exchange's volumes went through a float.
            self.assertLess(abs(values["volume"] - volume), decimal.Decimal("1e-6"), start)

    def check_both(self, hindcast):
        self.check(hindcast, "1m", 2469)
        self.check(hindcast, "5m", 706)

    def feed(self, hindcast, events, size=500):
        for begin in range(0, len(events), size):
            hindcast.push("trades", events[begin:begin + size])

    def test_a_file_gives_the_exchanges_candles(self):
        path = harness.data_set("binance-xrpeth") / "XRP_OLD-trades.json.gz"
        hindcast = self.install(FILE_CONFIG.replace("{path}", str(path)))
        hindcast.drain()
        self.check_both(hindcast)
        self.assertEqual(self.assert_balanced(hindcast, "trades")["aggregated"], 12_477)

    def test_in_time_order(self):
        hindcast = self.install(CONFIG).start()
        self.feed(hindcast, trades())
        hindcast.close("trades", "candles", AFTER)
        self.check_both(hindcast)
        self.assertEqual(hindcast.stop(), 0)
        self.check_both(hindcast)  # the same from the stopped data directory

    def test_shuffled_within_the_delay(self):
        random_ = random.Random(1)
        events = sorted(trades(), key=lambda t: t["info"]["T"] + random_.randrange(DELAY_MS))
        hindcast = self.install(CONFIG).start()
        self.feed(hindcast, events)
        hindcast.close("trades", "candles", AFTER)
        self.check_both(hindcast)
        self.assertEqual(self.assert_balanced(hindcast, "trades")["behind"], 0)

    def test_fed_twice_changes_nothing(self):
        hindcast = self.install(CONFIG).start()
        self.feed(hindcast, trades())
        hindcast.close("trades", "candles", AFTER)
        before = hindcast.content("candles") + hindcast.content("candles", resolution="5m")
        self.feed(hindcast, trades())
        hindcast.settle("trades")
        self.assertEqual(hindcast.content("candles") + hindcast.content("candles", resolution="5m"), before)
        tallies = self.assert_balanced(hindcast, "trades")
        self.assertEqual((tallies["received"], tallies["aggregated"], tallies["duplicate"]), (24_954, 12_477, 12_477))

    def test_killed_in_between(self):
        random_ = random.Random(2)
        events = trades()
        hindcast = self.install(CONFIG).start()
        for number, begin in enumerate(range(0, len(events), 500)):
            batch = events[begin:begin + 500]
            killer = None
            if number % 4 == 3:
                killer = threading.Timer(random_.random() * 0.02, hindcast.process.kill)
                killer.start()
            try:
                hindcast.push("trades", batch)
            except OSError:
                pass  # no answer: sent again below, as a producer would
            else:
                batch = None
            if killer:
                killer.join()
                hindcast.kill()
                hindcast.start()
            if batch:
                hindcast.push("trades", batch)
        hindcast.close("trades", "candles", AFTER)
        self.check_both(hindcast)
        self.assertEqual(self.assert_balanced(hindcast, "trades")["aggregated"], 12_477)


if __name__ == "__main__":
    harness.main()
