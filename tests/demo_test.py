#!/usr/bin/env python3
"""The demo ends by itself, leaves nothing behind, and says when something is not as it should be."""
import datetime
import json
import os
import pathlib
import random
import subprocess
import tempfile
import unittest

import harness

CARRIERS = ("UA", "B6", "EV", "DL", "AA", "MQ", "US", "9E", "WN")


def flights(days):
    """Of days from 4 February 2013, by time, as scripts/flights writes them; one carrier is none of the demo's."""
    rng = random.Random(11)
    begin = datetime.datetime(2013, 2, 4)
    events = []
    for number in range(600 * days):
        left = begin + datetime.timedelta(minutes=rng.randrange(days * 24 * 60))
        time = left.strftime("%Y-%m-%dT%H:%M:%SZ")
        events.append({"time": time, "scheduled": time, "origin": rng.choice(("EWR", "JFK", "LGA")),
                       "carrier": rng.choice(CARRIERS), "flight": number, "delay": rng.choice((None, 0, 7, -3)),
                       "distance": rng.randrange(100, 3000), "air_time": rng.choice((None, 60, 125))})
    return sorted(events, key=lambda event: event["time"])


def flight_files(events):
    return {"flights.ndjson": "".join(json.dumps(event, separators=(",", ":")) + "\n" for event in events).encode()}


class DemoTestCase(unittest.TestCase):
    def demo(self, files):
        """On a folder with these files, by name: exit code, output, and what is left in the folder for temporary files."""
        with tempfile.TemporaryDirectory(prefix="hindcast-") as folder:
            data, temporary = pathlib.Path(folder) / "data", pathlib.Path(folder) / "tmp"
            data.mkdir()
            temporary.mkdir()
            for name, content in files.items():
                (data / name).write_bytes(content)
            done = subprocess.run([harness.BINARY, "demo", "--once", "--data", data], capture_output=True, text=True,
                                  timeout=600, env={**os.environ, "TMPDIR": str(temporary)})
            return done.returncode, done.stdout + done.stderr, os.listdir(temporary)


class FlightsTest(DemoTestCase):
    def test_every_check_holds_and_nothing_is_left(self):
        code, text, left = self.demo(flight_files(flights(11)))
        self.assertEqual((code, left), (0, []), text)
        for words in ("disconnected", "kill -9", "all final, complete, and equal", "0 differ, 0 missing",
                      "0 bytes written"):
            self.assertIn(words, text)

    def test_flights_of_an_earlier_version_are_refused(self):
        events = flights(1)
        for event in events:
            del event["scheduled"]
        code, text, _ = self.demo(flight_files(events))
        self.assertEqual(code, 1)
        self.assertIn("scripts/flights", text)


class TradesTest(DemoTestCase):
    def test_recorded_trades_are_proved_against_the_exchanges_own_candles(self):
        folder = harness.data_set("binance-xrpeth")
        code, text, left = self.demo({path.name: path.read_bytes() for path in folder.iterdir()})
        self.assertEqual((code, left), (0, []), text)
        for words in ("12,477 recorded trades of XRPETH", "disconnected", "kill -9", "all final, complete, and equal",
                      "0 differ, 0 missing; the exchange's own candles: 2,469 of 1m, 706 of 5m equal", "0 bytes written"):
            self.assertIn(words, text)

    def test_a_folder_without_data_is_refused_with_what_was_looked_for(self):
        for files, words in (({"notes.txt": b"none"}, ("flights.ndjson", "*trades*.json", "docs/demo.md")),
                             ({"X-trades.json": b'[[1,2]]'}, ("X-trades.json: record 1 is no trade", "docs/demo.md")),
                             ({"X-trades.csv": b"id,price,qty,time\n1,0.5,2,1570752011\nx,0.5,2,1570752011\n"}, ("record 2",)),
                             ({"X-trades.csv": b"1,0.5,2,1,1570752011620,true\n"}, ("less than ten minutes",))):
            code, text, left = self.demo(files)
            self.assertEqual((code, left), (1, []), text)
            for word in words:
                self.assertIn(word, text)


if __name__ == "__main__":
    harness.main()
