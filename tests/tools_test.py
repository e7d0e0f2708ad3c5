#!/usr/bin/env python3
"""The checks that guard the project can fail: what they are there to find, they find."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent


def run(*command):
    done = subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


class IncludeArrowsTest(unittest.TestCase):
    def check(self, path, include):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "cmake").mkdir()
            shutil.copy(ROOT / "cmake/hc_module.cmake", root / "cmake")
            (root / "src" / path).parent.mkdir(parents=True)
            (root / "src" / path).write_text(f"#pragma once\n#include {include}\n")
            code, text = run(ROOT / "tests/include_arrows.py", root)
        if code:
            self.assertIn(f"src/{path}:2:", text)
        return code

    def test_down_is_allowed(self):
        self.assertEqual(self.check("lane/a.h", '"store/store.h"'), 0)

    def test_up_is_refused(self):
        self.assertEqual(self.check("store/a.h", '"lane/live_lane.h"'), 1)

    def test_sideways_is_refused(self):
        self.assertEqual(self.check("store/a.cc", '"log/log.h"'), 1)

    def test_a_name_without_its_folder_is_refused(self):
        self.assertEqual(self.check("store/a.cc", '"store.h"'), 1)

    def test_internal_headers_stay_at_home(self):
        self.assertEqual(self.check("store/a.cc", '"base/x_internal.h"'), 1)
        self.assertEqual(self.check("store/a.cc", '"store/x_internal.h"'), 0)

    def test_heavy_headers_have_one_home(self):
        self.assertEqual(self.check("net/a.cc", "<boost/beast/http.hpp>"), 0)
        self.assertEqual(self.check("net/a.h", "<boost/beast/http.hpp>"), 1)
        self.assertEqual(self.check("lane/a.cc", "<boost/beast/http.hpp>"), 1)

    def test_only_tests_use_gtest(self):
        self.assertEqual(self.check("lane/a_test.cc", "<gtest/gtest.h>"), 0)
        self.assertEqual(self.check("lane/a.cc", "<gtest/gtest.h>"), 1)


class RecomputeTest(unittest.TestCase):
    """Four flights: two in one hour, one of them cancelled; the others in hours of their own, in no order."""

    FLIGHTS = [("2013-01-01T10:05:00Z", 4, 100, 60), ("2013-01-01T10:00:00Z", None, 101, None),
               ("2013-01-01T20:00:00Z", -2, 50, 20), ("2013-01-01T11:00:00Z", 7, 30, 15)]

    def row(self, resolution, start, flights):
        values = {"flights": len(flights)}
        for at, field in ((1, "delay"), (2, "distance"), (3, "air_time")):
            known = [flight[at] for flight in flights if flight[at] is not None]
            values[field + "_known"] = len(known)
            values[field + "_sum"] = str(sum(known)) if known else None
            values[field + "_min"] = str(min(known)) if known else None
            values[field + "_max"] = str(max(known)) if known else None
            values[field + "_mean"] = str(sum(known) / len(known)) if known else None
        return {"key": ["EWR", "UA"], "start": start, "resolution": resolution, "state": "final", "complete": True,
                "events": len(flights), "values": values}

    def setUp(self):
        f = self.FLIGHTS
        # The day has flights 4, -2, 7 and 100, 101, 50, 30 and 60, 20, 15: means with and without a repeating fraction.
        day = self.row("1d", "2013-01-01T00:00:00Z", f)
        day["values"].update(distance_mean="70.25", delay_mean="3", air_time_mean="31.666666666667")
        self.rows = [self.row("1h", "2013-01-01T10:00:00Z", f[:2]), self.row("1h", "2013-01-01T20:00:00Z", f[2:3]),
                     self.row("1h", "2013-01-01T11:00:00Z", f[3:]), day]

    def recompute(self):
        with tempfile.TemporaryDirectory() as folder:
            events, rows = pathlib.Path(folder) / "events", pathlib.Path(folder) / "rows"
            events.write_text("".join(json.dumps(
                {"time": time, "origin": "EWR", "carrier": "UA", "flight": n, "delay": delay, "distance": distance,
                 "air_time": air}) + "\n" for n, (time, delay, distance, air) in enumerate(self.FLIGHTS)))
            rows.write_text("".join(json.dumps(row) + "\n" for row in self.rows))
            return run(ROOT / "scripts/recompute", events, rows)

    def test_equal_rows_pass(self):
        self.assertEqual(self.recompute(), (0, "4 rows, 0 differ, 0 missing\n"))

    def test_any_wrong_value_is_found(self):
        for number, row in enumerate(self.rows):
            for name, value in row["values"].items():
                row["values"][name] = "17"
                self.assertEqual(self.recompute()[0], 1, (number, name))
                row["values"][name] = value

    def test_a_row_that_is_not_final_is_found(self):
        self.rows[0]["state"] = "sealed"
        self.assertEqual(self.recompute()[0], 1)

    def test_a_missing_row_is_found(self):
        del self.rows[1]
        self.assertEqual(self.recompute()[0], 1)

    def test_a_row_too_many_is_found(self):
        self.rows.append(self.row("1h", "2013-01-01T12:00:00Z", self.FLIGHTS[:1]))
        self.assertEqual(self.recompute()[0], 1)
        self.rows[-1] = dict(self.rows[0])
        self.assertEqual(self.recompute()[0], 1)

    def test_a_row_that_is_not_complete_is_found(self):
        self.rows[0]["complete"] = False
        self.assertEqual(self.recompute()[0], 1)


class RecomputeTradesTest(unittest.TestCase):
    """The proof of the demo on recorded trades can fail."""
    TRADES = (("XRPETH", 1, 60_000, "0.5", "2"), ("XRPETH", 2, 61_000, "0.7", "1"), ("XRPETH", 3, 119_999, "0.6", "4"))
    VALUES = {"open": "0.5", "high": "0.7", "low": "0.5", "close": "0.6", "volume": "7", "trades": "3"}

    def setUp(self):
        self.rows = [{"key": "XRPETH", "start": start, "resolution": level, "state": "final", "complete": True, "values": dict(self.VALUES)}
                     for level, start in (("1m", "1970-01-01T00:01:00Z"), ("5m", "1970-01-01T00:00:00Z"),
                                          ("1h", "1970-01-01T00:00:00Z"), ("1d", "1970-01-01T00:00:00Z"))]
        self.candle = [60_000, 0.5, 0.7, 0.5, 0.6, 7.0]

    def recompute(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "trades").write_text("".join(json.dumps(
                {"symbol": symbol, "id": n, "time": time, "price": price, "qty": qty}) + "\n"
                for symbol, n, time, price, qty in self.TRADES))
            (folder / "rows").write_text("".join(json.dumps(row) + "\n" for row in self.rows))
            (folder / "XRP_ETH-1m.json").write_text(json.dumps([self.candle, [120_000, 0.6, 0.6, 0.6, 0.6, 0.0]]))
            return run(ROOT / "scripts/recompute_trades", folder / "trades", "--candles", folder / "XRP_ETH-1m.json", folder / "rows")

    def test_equal_rows_and_candles_pass(self):
        self.assertEqual(self.recompute(), (0, "4 rows, 0 differ, 0 missing; the exchange's own candles: 1 of 1m equal\n"))

    def test_any_wrong_value_is_found(self):
        for row in self.rows:
            for name, value in self.VALUES.items():
                row["values"][name] = "17"
                self.assertEqual(self.recompute()[0], 1, (row, name))
                row["values"][name] = value

    def test_a_row_that_is_missing_double_or_not_final_is_found(self):
        rows = self.rows
        for wrong in (rows[1:], rows + rows[:1], [{**rows[0], "complete": False}] + rows[1:], [{**rows[0], "state": "sealed"}] + rows[1:]):
            self.rows = wrong
            self.assertEqual(self.recompute()[0], 1)

    def test_a_candle_of_the_exchange_that_differs_is_found(self):
        for column in range(1, 6):
            kept, self.candle[column] = self.candle[column], 9.0
            self.assertEqual(self.recompute()[0], 1, column)
            self.candle[column] = kept


if __name__ == "__main__":
    unittest.main()
