#!/usr/bin/env python3
"""What goes wrong outside: each bad line is refused by name and kept, the rest of its batch is accepted, and the
process goes on."""
import ctypes
import gzip
import json
import os
import pathlib
import subprocess
import unittest

import harness

CONFIG = """
[[source]]
name = "meters"
kind = "http"
format = "ndjson"
watermark = { delay = "1h", max_ahead = "1d" }

[source.event]
key = "meter"
id = { field = "n", type = "int" }
time = "at"
time_unit = "rfc3339"

[source.values]
power = { field = "power", type = "decimal(9,3)" }
volts = { field = "volts", type = "double", optional = true }

[[aggregate]]
name = "power"
sources = ["meters"]
bucket = "1m"

[aggregate.values]
readings = "count()"
total = "sum(power)"
"""


def reading(n, **changes):
    event = {"meter": "m1", "n": n, "at": f"2024-03-01T10:00:{n % 60:02d}Z", "power": "1.5"}
    event.update(changes)
    return event


class BadLinesTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.hindcast = self.install(CONFIG).start_ready()

    def tearDown(self):
        self.assertTrue(self.hindcast.running())
        self.assert_balanced(self.hindcast, "meters")
        self.assertEqual(self.hindcast.stop(), 0)

    def refuse(self, line, reason, *words):
        """The line stands between two good ones; it alone is refused, by reason, line number and the words given."""
        body = harness.ndjson([reading(1)]) + line + b"\n" + harness.ndjson([reading(2)])
        answer = self.hindcast.post("meters", body)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.json["accepted"], 2, answer)
        self.assertEqual([(r["line"], r["reason"]) for r in answer.json["rejected"]], [(2, reason)], answer)
        self.hindcast.heartbeat("meters", "2024-03-01T12:00:00Z")
        self.hindcast.settle("meters")
        tallies = self.assert_balanced(self.hindcast, "meters")
        self.assertEqual((tallies["received"], tallies["aggregated"], tallies["dead_lettered"]), (3, 2, 1))

        letters = self.hindcast.command("dead-letters", "--source", "meters", "--json")
        self.assertIn(reason, letters)
        for word in words:
            self.assertIn(word, letters)

    def refuse_event(self, reason, *words, **changes):
        self.refuse(json.dumps(reading(7, **changes)).encode(), reason, *words)

    def test_a_malformed_line(self):
        self.refuse(b'{"meter": "m1", "n": 7, ', "malformed")

    def test_a_line_that_is_no_object(self):
        self.refuse(b"17", "malformed")

    def test_a_wrong_type(self):
        self.refuse_event("wrong-type", "power", power="much")

    def test_an_overflowing_decimal(self):
        self.refuse_event("overflow", "power", power="1234567.0")

    def test_a_decimal_beyond_64_bit(self):
        self.refuse_event("overflow", "power", power="9" * 40)

    def test_more_digits_than_the_scale_are_not_rounded_away(self):
        self.refuse_event("overflow", "power", power="1.2345")

    def test_not_a_number(self):
        self.refuse(b'{"meter":"m1","n":7,"at":"2024-03-01T10:00:07Z","power":"1","volts":"NaN"}', "not-a-number", "volts")

    def test_a_double_out_of_range(self):
        self.refuse(b'{"meter":"m1","n":7,"at":"2024-03-01T10:00:07Z","power":"1","volts":1e999}', "overflow", "volts")

    def test_a_missing_field(self):
        line = reading(7)
        del line["power"]
        self.refuse(json.dumps(line).encode(), "missing-field", "power")

    def test_a_missing_key(self):
        self.refuse_event("missing-field", "meter", meter=None)

    def test_a_time_that_is_none(self):
        self.refuse_event("bad-time", "at", at="yesterday")

    def test_a_time_before_all_calendars(self):
        self.refuse_event("bad-time", "at", at="0000-00-00T00:00:00Z")

    # Representable, but seven thousand years ahead: it must not drag the watermark along.
    def test_an_absurd_timestamp(self):
        before = self.hindcast.source("meters")["watermark"]
        self.assertIsNone(before)
        line = reading(7, at="2261-12-31T23:59:59Z")
        self.refuse(json.dumps(line).encode(), "too-far-ahead")
        self.assertLess(self.hindcast.source("meters")["watermark"], "2024-03-02")

    def test_a_line_of_ten_megabytes(self):
        self.refuse(json.dumps(reading(7, comment="x" * 10_000_000)).encode(), "too-long")

    def test_invalid_utf8(self):
        self.refuse(b'{"meter":"m\xff\xfe","n":7,"at":"2024-03-01T10:00:07Z","power":"1"}', "bad-utf8")

    def test_a_deeply_nested_line(self):
        self.refuse(b"[" * 100_000, "malformed")


class BadRequestsTest(harness.SystemTest):
    """The request as a whole is wrong: nothing of it is accepted, and the error says why."""

    def setUp(self):
        super().setUp()
        self.hindcast = self.install(CONFIG).start_ready()

    def refused(self, answer, status, *words):
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.headers.get_content_type(), "application/problem+json")
        problem = answer.json
        self.assertEqual(problem["status"], status)
        self.assertTrue(problem["type"] and problem["title"])
        for word in words:
            self.assertIn(word, json.dumps(problem))
        self.assertTrue(self.hindcast.running())
        self.assertEqual(self.hindcast.tallies("meters")["received"], 0)
        self.hindcast.push("meters", [reading(1)])

    def test_an_unknown_source(self):
        self.refused(self.hindcast.post("metres", harness.ndjson([reading(1)])), 404, "metres")

    def test_a_wrong_content_type(self):
        self.refused(self.hindcast.post("meters", harness.ndjson([reading(1)]), "image/png"), 415, "image/png")

    def test_an_unknown_content_encoding(self):
        self.refused(self.hindcast.post("meters", b"x", encoding="br"), 415, "br")

    def test_a_truncated_gzip_body(self):
        body = gzip.compress(harness.ndjson([reading(n) for n in range(1000)]))
        self.refused(self.hindcast.post("meters", body[:len(body) // 2], encoding="gzip"), 400, "gzip")

    def test_a_gzip_body_that_is_none(self):
        self.refused(self.hindcast.post("meters", b"hello", encoding="gzip"), 400, "gzip")

    def test_a_body_over_the_limit(self):
        body = harness.ndjson([reading(1)]) * 300_000
        self.assertGreater(len(body), 16 << 20)
        try:
            answer = self.hindcast.post("meters", body)
        except OSError:
            answer = None  # the daemon may close while the rest is still being sent
        if answer:
            self.refused(answer, 413)
        else:
            self.hindcast.push("meters", [reading(1)])

    # A bomb: a few KiB that would become gigabytes.
    def test_a_compressed_body_that_would_grow_over_the_limit(self):
        self.refused(self.hindcast.post("meters", gzip.compress(b"\n" * (256 << 20)), encoding="gzip"), 413)

    def test_a_heartbeat_without_a_time(self):
        answer = self.hindcast.request("POST", "/v1/sources/meters/heartbeat", b"{}", {"Content-Type": "application/json"})
        self.refused(answer, 400, "time")

    def test_an_unknown_aggregate(self):
        self.refused(self.hindcast.get("/v1/aggregates/powre/buckets"), 404, "powre")

    def test_an_impossible_query(self):
        self.refused(self.hindcast.get("/v1/aggregates/power/buckets", **{"from": "noon"}), 400, "from")


class BadFileTest(harness.SystemTest):
    CONFIG = CONFIG.replace('kind = "http"', 'kind = "file"\npath = "in/*"').replace(', max_ahead = "1d"', "")

    def test_bad_lines_of_a_file_are_named_with_file_and_line(self):
        hindcast = self.install(self.CONFIG)
        (hindcast.folder / "in").mkdir()
        (hindcast.folder / "in/a.ndjson").write_bytes(
            harness.ndjson([reading(1), reading(2)]) + b"oops\n" + harness.ndjson([reading(4, power="much"), reading(5)]))
        hindcast.drain()
        tallies = self.assert_balanced(hindcast, "meters")
        self.assertEqual((tallies["aggregated"], tallies["dead_lettered"]), (3, 2))
        letters = hindcast.command("dead-letters", "--source", "meters", "--json")
        self.assertIn("a.ndjson:3", letters)
        self.assertIn("a.ndjson:4", letters)

    # What could be read of it counts; the rest is a dead letter that names the file. The next file goes on.
    def test_a_truncated_gzip_file(self):
        hindcast = self.install(self.CONFIG)
        (hindcast.folder / "in").mkdir()
        whole = gzip.compress(harness.ndjson([reading(n, pad=os.urandom(40).hex()) for n in range(5000)]))
        (hindcast.folder / "in/a.ndjson.gz").write_bytes(whole[:len(whole) // 2])
        (hindcast.folder / "in/b.ndjson").write_bytes(harness.ndjson([reading(n, meter="m2") for n in range(10)]))
        hindcast.drain()
        tallies = self.assert_balanced(hindcast, "meters")
        self.assertGreaterEqual(tallies["dead_lettered"], 1)
        self.assertIn("a.ndjson.gz", hindcast.command("dead-letters", "--source", "meters", "--json"))
        readings = {}
        for (key, _), values in hindcast.table("power").items():
            readings[key] = readings.get(key, 0) + int(values["readings"])
        self.assertEqual(readings["m2"], 10)
        self.assertGreater(readings["m1"], 0)
        self.assertLess(readings["m1"], 5000)


class BadConfigTest(harness.SystemTest):
    def refuse(self, config, line, *words):
        """Neither `check` nor `run` takes it, and the error names file, line and what to do."""
        hindcast = self.install(config)
        text = hindcast.config.read_text()
        number = next(n for n, l in enumerate(text.splitlines(), 1) if l.strip() == line) if line else None
        for command in (["check"], ["run"]):
            done = subprocess.run([harness.BINARY, *command, "-c", hindcast.config], cwd=hindcast.folder,
                                  capture_output=True, timeout=harness.PATIENCE)
            self.assertNotEqual(done.returncode, 0)
            said = (done.stdout + done.stderr).decode()
            if number:
                self.assertIn(f"hindcast.toml:{number}:", said)
            for word in words:
                self.assertIn(word, said)
        self.assertFalse((hindcast.folder / "data").exists(), "a refused configuration leaves nothing behind")

    def test_the_good_one_passes(self):
        hindcast = self.install(CONFIG)
        subprocess.run([harness.BINARY, "check", "-c", hindcast.config], cwd=hindcast.folder, check=True,
                       capture_output=True, timeout=harness.PATIENCE)

    def test_an_unknown_key_is_named_with_the_nearest(self):
        self.refuse(CONFIG.replace("bucket =", "buket ="), 'buket = "1m"', "buket", "bucket")

    def test_an_impossible_duration(self):
        self.refuse(CONFIG.replace('"1m"', '"-1m"'), 'bucket = "-1m"', "bucket")

    def test_a_value_of_the_wrong_type(self):
        self.refuse(CONFIG.replace('bucket = "1m"', "bucket = 60"), "bucket = 60", "bucket")

    def test_an_impossible_decimal(self):
        line = 'power = { field = "power", type = "decimal(19,3)" }'
        self.refuse(CONFIG.replace('"decimal(9,3)"', '"decimal(19,3)"'), line, "decimal")

    def test_an_aggregate_over_a_field_that_is_not_there(self):
        self.refuse(CONFIG.replace("sum(power)", "sum(powr)"), 'total = "sum(powr)"', "powr", "power")

    def test_an_aggregate_over_a_source_that_is_not_there(self):
        self.refuse(CONFIG.replace('sources = ["meters"]', 'sources = ["metres"]'), 'sources = ["metres"]', "metres")

    def test_rollups_that_the_buckets_do_not_tile(self):
        text = CONFIG.replace('bucket = "1m"', 'bucket = "7m"\nrollups = ["10m"]')
        self.refuse(text, 'rollups = ["10m"]', "10m")

    def test_no_toml_at_all(self):
        self.refuse(CONFIG + "\n[[source\n", "[[source")

    def test_what_a_later_version_will_do_is_refused_by_name(self):
        self.refuse(CONFIG.replace('kind = "http"', 'kind = "kafka"'), 'kind = "kafka"', "kafka", "not supported")

    def test_every_problem_is_reported_at_once(self):
        text = CONFIG.replace("bucket =", "buket =").replace("sum(power)", "sum(powr)")
        self.refuse(text, None, "buket", "powr")


class SmallDisk:
    """A file system of a few MiB in memory; needs the right to mount."""

    def __init__(self, folder, mebibytes):
        self.folder = pathlib.Path(folder)
        self.libc = ctypes.CDLL(None, use_errno=True)
        options = f"size={mebibytes}m".encode()
        if self.libc.mount(b"tmpfs", str(folder).encode(), b"tmpfs", 0, options) != 0:
            raise unittest.SkipTest(f"mounting a small disk: {os.strerror(ctypes.get_errno())}")

    def fill(self):
        """Takes all that is left."""
        with open(self.folder / "ballast", "wb", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(b"\0" * 65536)
            except OSError:
                pass

    def free(self):
        (self.folder / "ballast").unlink()

    def close(self):
        self.libc.umount2(str(self.folder).encode(), 2)  # MNT_DETACH


class DiskFullTest(harness.SystemTest):
    # A text of random bytes makes every event weigh something, so that a batch is a quarter of a segment.
    CONFIG = CONFIG.replace("volts = {", 'note = { field = "note", type = "text" }\nvolts = {') + """
[log]
segment = "1MiB"
"""

    def start_on_small_disk(self):
        place = self.folder / "disk"
        place.mkdir()
        disk = SmallDisk(place, 96)
        self.stack.callback(disk.close)
        return disk, self.install(self.CONFIG, place).start_ready()

    def batches(self, count):
        return [[reading(n, meter=f"m{n % 50}", note=os.urandom(100).hex()) for n in range(b * 1000, b * 1000 + 1000)]
                for b in range(count)]

    # Every push is either acknowledged, and then in the result, or refused with an error that says so.
    def test_a_full_disk_refuses_loses_nothing_and_goes_on_when_there_is_room(self):
        disk, hindcast = self.start_on_small_disk()
        acknowledged, refused = [], None
        for number, batch in enumerate(self.batches(100)):
            if number == 20:
                disk.fill()
            answer = hindcast.post("meters", harness.ndjson(batch))
            if answer.status != 200:
                refused = answer
                break
            acknowledged.append(batch)
        self.assertIsNotNone(refused, "20 MB of events fitted a full disk")
        self.assertIn(refused.status, (429, 503, 507), refused)
        self.assertIn("space", refused.json["detail"], refused)
        self.assertTrue(hindcast.running(), hindcast.log())
        self.assertEqual(hindcast.get("/healthz").status, 200)

        disk.free()
        hindcast.until(lambda: hindcast.post("meters", harness.ndjson(batch)).status == 200, "accepting")
        acknowledged.append(batch)
        hindcast.close("meters", "power", "2024-03-02T00:00:00Z")
        self.check(hindcast, acknowledged)
        hindcast.kill()
        hindcast.start_ready()
        self.check(hindcast, acknowledged)

    # The log has room in its segment, the store has none: what is acknowledged waits until there is room.
    def test_sealing_waits_for_room(self):
        disk, hindcast = self.start_on_small_disk()
        acknowledged = self.batches(20)
        for batch in acknowledged:
            hindcast.push("meters", batch)
        disk.fill()
        hindcast.request("POST", "/v1/sources/meters/heartbeat", b'{"time":"2024-03-02T00:00:00Z"}')
        hindcast.until(lambda: "space" in hindcast.log(), "complaining")
        disk.free()
        hindcast.close("meters", "power", "2024-03-02T00:00:00Z")
        self.check(hindcast, acknowledged)

    def check(self, hindcast, acknowledged):
        expected = {}
        for event in (event for batch in acknowledged for event in batch):
            expected[event["meter"]] = expected.get(event["meter"], 0) + 1
        found = {}
        for (key, _), values in hindcast.table("power").items():
            found[key] = found.get(key, 0) + int(values["readings"])
        self.assertEqual(found, expected)
        self.assert_balanced(hindcast, "meters")


if __name__ == "__main__":
    harness.main()
