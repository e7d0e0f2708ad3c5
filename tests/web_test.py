#!/usr/bin/env python3
"""Edits of Wikipedia with someone else's bad clocks, and web requests with bytes that are no UTF-8."""
import collections
import gzip
import json

import harness

EDITS = """
[[source]]
name = "edits"
kind = "file"
path = "PATH"
format = "ndjson"
watermark = { delay = "5m", accept = ["2015-09-12T00:00:00Z", "2015-09-13T00:00:00Z"] }

[source.event]
key = "channel"
id = ["page", "user"]
time = "time"
time_unit = "rfc3339"

[source.values]
added = { field = "added", type = "decimal(18,0)" }
page = { field = "page", type = "text" }

[[aggregate]]
name = "edits"
sources = ["edits"]
bucket = "1h"
rollups = ["1d"]

[aggregate.values]
edits = "count()"
added = "sum(added)"
"""

REQUESTS = """
[[source]]
name = "requests"
kind = "file"
path = "PATH"
format = "csv"
delimiter = "\\t"
quote = ""

[source.event]
key = { value = "ksc" }
id = { derive = "position" }
time = "time"
time_unit = "s"

[source.values]
host = { field = "host", type = "text" }
bytes = { field = "bytes", type = "decimal(18,0)", optional = true }

[[aggregate]]
name = "requests"
sources = ["requests"]
bucket = "1m"
rollups = ["1h"]

[aggregate.values]
requests = "count()"
bytes = "sum(bytes)"
hosts = "distinct(host)"
"""


class WikipediaTest(harness.SystemTest):
    def test_events_outside_the_day_are_dead_letters_and_move_no_watermark(self):
        path = harness.data_set("wikipedia-edits") / "wikiticker-2015-09-12-sampled.json.gz"
        with gzip.open(path, "rt", encoding="utf-8") as file:
            edits = [json.loads(line) for line in file]
        inside = [edit for edit in edits if edit["time"].startswith("2015-09-12T")]
        self.assertEqual((len(edits), len(inside)), (39_244, 39_199))

        hindcast = self.install(EDITS.replace("PATH", str(path)))
        hindcast.drain()
        tallies = self.assert_balanced(hindcast, "edits")
        self.assertEqual((tallies["received"], tallies["aggregated"], tallies["dead_lettered"]), (39_244, 39_199, 45))
        # Had the event of seven weeks later moved the watermark, the rest of the day would be behind.
        self.assertEqual((tallies["behind"], tallies["late"]), (0, 0))

        expected = collections.defaultdict(lambda: {"edits": 0, "added": 0})
        for edit in inside:
            at = (edit["channel"], harness.milliseconds(edit["time"][:13] + ":00:00Z"))
            expected[at]["edits"] += 1
            expected[at]["added"] += edit["added"]
        self.assert_same_rows(hindcast.table("edits"), dict(expected))
        self.assertEqual(len({key for key, _ in hindcast.table("edits", resolution="1d")}), 51)

        letters = hindcast.command("dead-letters", "--source", "edits", "--json", "--limit", "100")
        self.assertEqual(letters.count("outside-accept"), 45, letters[:500])


class NasaTest(harness.SystemTest):
    def test_requests_and_distinct_hosts_equal_a_naive_count(self):
        path = harness.data_set("nasa-http-1995-08-01") / "nasa_19950801.tsv.zst"
        lines = harness.unzstd(path).split(b"\n")
        names = lines[0].split(b"\t")
        rows = [dict(zip(names, line.split(b"\t"))) for line in lines[1:] if line]
        self.assertEqual(len(rows), 30_969)
        exact, hosts = {}, {}
        for length in (60, 3600):
            groups = collections.defaultdict(list)
            for row in rows:
                groups["ksc", int(row[b"time"]) // length * length * 1000].append(row)
            exact[length] = {at: {"requests": len(group), "bytes": sum(int(row[b"bytes"]) for row in group)}
                             for at, group in groups.items()}
            hosts[length] = {at: len({row[b"host"] for row in group}) for at, group in groups.items()}

        hindcast = self.install(REQUESTS.replace("PATH", str(path)))
        hindcast.drain()
        self.assertEqual(self.assert_balanced(hindcast, "requests")["aggregated"], 30_969)
        for resolution, length in (("1m", 60), ("1h", 3600)):
            found = hindcast.table("requests", resolution=resolution)
            estimates = {at: int(values.pop("hosts")) for at, values in found.items()}
            self.assert_same_rows(found, exact[length])
            # The stated standard error is 1.6 %: three of them, and at least one host for rounding.
            far = {at: (estimates[at], count) for at, count in hosts[length].items()
                   if abs(estimates[at] - count) > max(1, 0.048 * count)}
            self.assertFalse(far, "(estimate, exact) by bucket")


if __name__ == "__main__":
    harness.main()
