#!/usr/bin/env python3
"""Real disorder: phones on a mobile network, radio sensors with repeats and overlapping exports."""
import collections
import csv
import decimal
import gzip
import io
import json

import harness

NETWORK = """
[[source]]
name = "phones"
kind = "file"
path = "PATH"
format = "csv"
delimiter = ";"
watermark = { delay = "0s" }

[source.event]
key = "S.Device.ID"
id = { field = "S.Message.ID", type = "int" }
time = "S.Client.Detection.Time"
time_unit = "ms"

[source.values]
round_trip = { field = "A.Duration.round.trip", type = "decimal(18,3)", optional = true }

[[aggregate]]
name = "messages"
sources = ["phones"]
bucket = "10s"

[aggregate.values]
messages = "count()"
slowest = "max(round_trip)"
total = "sum(round_trip)"
"""

LORAWAN = """
[[stream]]
name = "sensors"

[[source]]
name = "first"
stream = "sensors"
kind = "file"
path = "FIRST"
format = "ndjson"
watermark = { delay = "0s" }
late_as_replay = "30d"
EVENT
SECOND

[[aggregate]]
name = "temperature"
sources = ["SOURCES"]
bucket = "1h"
rollups = ["1d"]

[aggregate.values]
frames = "count()"
warmest = "max(temperature)"
coldest = "min(temperature)"
"""
EVENT = """
[source.event]
key = "dev_eui"
id = ["devaddr", "fcnt"]
time = "reported_at"
time_unit = "ms"

[source.values]
temperature = { field = "decoded.payload.temperature", type = "double", optional = true }
"""
SECOND = """
[[source]]
name = "second"
stream = "sensors"
kind = "file"
path = "PATH"
format = "ndjson"
watermark = { delay = "0s" }
late_as_replay = "30d"
""" + EVENT


def lorawan_config(first, second=None):
    text = LORAWAN.replace("FIRST", str(first)).replace("EVENT", EVENT)
    text = text.replace("SECOND", SECOND.replace("PATH", str(second)) if second else "")
    return text.replace('"SOURCES"', '"first", "second"' if second else '"first"')


def frames(path):
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def behind(times):
    """How many are below the highest before them: the origin's own definition of out of order."""
    count, highest = 0, None
    for time in times:
        count += highest is not None and time < highest
        highest = time if highest is None else max(highest, time)
    return count


class NetworkTest(harness.SystemTest):
    def test_the_published_number_of_events_is_behind(self):
        path = harness.data_set("ooo-network") / "d-1.csv.zst"
        rows = list(csv.DictReader(io.StringIO(harness.unzstd(path).decode()), delimiter=";"))
        groups = collections.defaultdict(list)
        for row in rows:
            start = int(row["S.Client.Detection.Time"]) // 10_000 * 10_000
            trip = row["A.Duration.round.trip"]
            groups[row["S.Device.ID"], start].append(decimal.Decimal(trip) if trip not in ("", "NA") else None)
        expected = {}
        for at, trips in groups.items():
            known = [trip for trip in trips if trip is not None]
            expected[at] = {"messages": len(trips), "slowest": max(known, default=None), "total": sum(known) if known else None}

        hindcast = self.install(NETWORK.replace("PATH", str(path)))
        hindcast.drain()
        tallies = self.assert_balanced(hindcast, "phones")
        self.assertEqual((tallies["aggregated"], tallies["behind"], tallies["duplicate"]), (9600, 1544, 0))
        self.assert_same_rows(hindcast.table("messages"), expected)


class LorawanTest(harness.SystemTest):
    def expected(self, events):
        """{(device, hour): values} of the union by identity: one frame of one time, however often it was exported."""
        groups = collections.defaultdict(dict)
        for event in events:
            hour = int(event["reported_at"]) // 3_600_000 * 3_600_000
            payload = (event.get("decoded") or {}).get("payload") or {}
            identity = (event["reported_at"], event["devaddr"], event["fcnt"])
            groups[event["dev_eui"], hour].setdefault(identity, payload.get("temperature"))
        return {at: len(group) for at, group in groups.items()}

    def counts(self, hindcast):
        return {at: int(values["frames"]) for at, values in hindcast.table("temperature").items()}

    def test_moving_devices_are_behind_27_times(self):
        path = harness.data_set("lorawan-campusiot") / "Helium_FTD_0018B20000020.ndjson.gz"
        events = frames(path)
        self.assertEqual(behind(event["reported_at"] for event in events), 27)
        hindcast = self.install(lorawan_config(path))
        hindcast.drain()
        self.assertEqual(self.assert_balanced(hindcast, "first")["behind"], 27)
        self.assertEqual(self.counts(hindcast), self.expected(events))

    def test_an_overlapping_export_changes_nothing(self):
        folder = harness.data_set("lorawan-campusiot")
        whole = folder / "TourPerret_ems-tourperret-A81758FFFE04B1C1.ndjson.gz"
        part = folder / "Helium_EMS_A81758FFFE04B1C1.ndjson.gz"
        hindcast = self.install(lorawan_config(whole))
        hindcast.drain()
        before = hindcast.content("temperature") + hindcast.content("temperature", resolution="1d")
        self.assertEqual(self.counts(hindcast), self.expected(frames(whole)))

        hindcast.write_config(lorawan_config(whole, part))
        hindcast.drain()
        self.assertEqual(hindcast.content("temperature") + hindcast.content("temperature", resolution="1d"), before)
        tallies = self.assert_balanced(hindcast, "second")
        self.assertEqual((tallies["received"], tallies["aggregated"], tallies["duplicate"]), (8110, 0, 8110))

    def test_the_part_first_and_then_the_whole_equals_the_whole(self):
        folder = harness.data_set("lorawan-campusiot")
        whole = folder / "TourPerret_ems-tourperret-A81758FFFE04B1C1.ndjson.gz"
        part = folder / "Helium_EMS_A81758FFFE04B1C1.ndjson.gz"
        alone = self.install(lorawan_config(whole))
        alone.drain()
        both = self.install(lorawan_config(part))
        both.drain()
        both.write_config(lorawan_config(part, whole))
        both.drain()
        self.assert_balanced(both, "first")
        self.assert_balanced(both, "second")
        without_version = lambda rows: [{name: v for name, v in row.items() if name != "version"} for row in rows]
        for resolution in ("1h", "1d"):
            self.assertEqual(without_version(both.content("temperature", resolution=resolution)),
                             without_version(alone.content("temperature", resolution=resolution)))


if __name__ == "__main__":
    harness.main()
