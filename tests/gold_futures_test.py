#!/usr/bin/env python3
"""Two days of gold futures without event ids, and the vendor's own minute bars as the oracle."""
import csv
import decimal
import io
import pathlib
import zipfile

import harness

CONFIG = """
[[source]]
name = "gold"
kind = "file"
path = "ticks/{date}_gc_tick_trade_{contract}.csv"
format = "csv"
header = false
last_row = "repeated"
watermark = { delay = "DELAY" }
late_as_replay = "LATE"

[source.event]
key = "{contract}"
id = { derive = "position" }
time = { day = "{date}", field = "0", unit = "ms", zone = "UTC" }

[source.values]
price = { field = "1", type = "decimal(18,4)" }
size = { field = "2", type = "decimal(18,0)" }

[[aggregate]]
name = "bars"
sources = ["gold"]
bucket = "1m"

[aggregate.values]
open = "first(price)"
high = "max(price)"
low = "min(price)"
close = "last(price)"
volume = "sum(size)"
"""
DAY_MS = 86_400_000


class GoldFuturesTest(harness.SystemTest):
    def unpack(self, kind, target):
        for archive in sorted((harness.data_set("lean-gc-futures") / kind).glob("*.zip")):
            with zipfile.ZipFile(archive) as zipped:
                zipped.extractall(target)

    def expected(self):
        """{(contract, start ms): the vendor's bar}"""
        folder = self.folder / "bars"
        self.unpack("minute", folder)
        bars = {}
        for path in sorted(folder.glob("*.csv")):
            date, contract = path.stem.split("_")[0], path.stem.split("_")[-1]
            midnight = harness.milliseconds(f"{date[:4]}-{date[4:6]}-{date[6:]}T00:00:00Z")
            for row in csv.reader(path.read_text().splitlines()):
                names = ("open", "high", "low", "close", "volume")
                values = dict(zip(names, (decimal.Decimal(cell) for cell in row[1:6])))
                bars[contract, midnight + int(row[0])] = values
        self.assertEqual(len(bars), 3037)
        return bars

    def run_with(self, delay, late_as_replay):
        expected = self.expected()
        hindcast = self.install(CONFIG.replace("DELAY", delay).replace("LATE", late_as_replay))
        self.unpack("tick", hindcast.folder / "ticks")
        hindcast.drain()
        self.assert_same_rows(hindcast.table("bars"), expected)
        tallies = self.assert_balanced(hindcast, "gold")
        # 18 files, each with its last row written twice: the second one is not an event.
        self.assertEqual((tallies["aggregated"], tallies["duplicate"]), (92_514 - 18, 0))
        return tallies

    def test_every_vendor_bar_is_equal(self):
        tallies = self.run_with("2d", "7d")
        self.assertEqual(tallies["behind"], 0)

    # Contract after contract, each from its first minute: most files lie far behind the newest event.
    def test_every_bar_is_equal_when_most_files_are_late(self):
        tallies = self.run_with("0s", "7d")
        self.assertGreater(tallies["late"], 0)

    # The same through the replay log.
    def test_every_bar_is_equal_when_late_files_are_replayed(self):
        self.run_with("0s", "5m")

    def test_a_second_start_reads_no_row_again(self):
        hindcast = self.install(CONFIG.replace("DELAY", "2d").replace("LATE", "7d"))
        self.unpack("tick", hindcast.folder / "ticks")
        hindcast.drain()
        before = hindcast.content("bars")
        hindcast.drain()  # resumes at the end: nothing to read
        self.assertEqual(hindcast.content("bars"), before)
        self.assertEqual(self.assert_balanced(hindcast, "gold")["duplicate"], 0)


if __name__ == "__main__":
    harness.main()
