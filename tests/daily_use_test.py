#!/usr/bin/env python3
"""What people do every day: push in each format, follow a file, pipe into stdin, ask, correct, overload."""
import csv
import gzip
import io
import json
import os
import re
import subprocess

import harness

SOURCE = """
[[source]]
name = "meters"
kind = "http"
format = "ndjson"
watermark = { delay = "10s" }
"""
EVENT = """
[source.event]
key = "meter"
id = { field = "n", type = "int" }
time = "at"
time_unit = "rfc3339"
revision = "revision"

[source.values]
power = { field = "power", type = "decimal(9,3)" }

[[aggregate]]
name = "power"
sources = ["meters"]
bucket = "1m"
rollups = ["1h"]

[aggregate.values]
readings = "count()"
total = "sum(power)"
newest = "last(power)"
"""
CONFIG = SOURCE + EVENT


def reading(n, **changes):
    event = {"meter": "m1", "n": n, "at": f"2024-03-01T10:{n // 60:02d}:{n % 60:02d}Z", "power": "1.5", "revision": 0}
    event.update(changes)
    return event


READINGS = [reading(n) for n in range(180)]
MINUTES = [(60, "90"), (60, "90"), (60, "90")]


class FormatsTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.hindcast = self.install(CONFIG).start_ready()

    def accepted(self, body, content_type, encoding=None):
        answer = self.hindcast.post("meters", body, content_type, encoding)
        self.assertEqual((answer.status, answer.json["accepted"]), (200, 180), answer)
        self.hindcast.close("meters", "power", "2024-03-01T12:00:00Z")
        rows = self.hindcast.rows("power")
        self.assertEqual([(row["events"], row["values"]["total"]) for row in rows], MINUTES)

    def test_ndjson(self):
        self.accepted(harness.ndjson(READINGS), "application/x-ndjson")

    def test_ndjson_with_other_line_ends_and_empty_lines(self):
        self.accepted(b"\r\n\n" + harness.ndjson(READINGS).replace(b"\n", b"\r\n\r\n")[:-4], "application/x-ndjson")

    def test_a_json_array(self):
        self.accepted(json.dumps(READINGS, indent=1).encode(), "application/json")

    def test_csv_with_columns_in_another_order(self):
        text = io.StringIO()
        table = csv.DictWriter(text, ["revision", "power", "at", "n", "meter"])
        table.writeheader()
        table.writerows(READINGS)
        self.accepted(text.getvalue().encode(), "text/csv")

    def test_gzip(self):
        self.accepted(gzip.compress(harness.ndjson(READINGS)), "application/x-ndjson", "gzip")

    def test_zstd(self):
        packed = subprocess.run(["zstd", "-qc"], input=harness.ndjson(READINGS), stdout=subprocess.PIPE, check=True)
        self.accepted(packed.stdout, "application/x-ndjson", "zstd")

    # What curl sends when nobody says anything: the source's own format.
    def test_no_content_type_to_speak_of(self):
        self.accepted(harness.ndjson(READINGS), "application/x-www-form-urlencoded")


class FilesTest(harness.SystemTest):
    def config(self, path, more=""):
        return CONFIG.replace('kind = "http"', f'kind = "file"\npath = "{path}"{more}')

    def test_a_followed_file_is_read_as_it_grows_and_not_again_after_a_restart(self):
        hindcast = self.install(self.config("in/*.ndjson", "\nfollow = true"))
        (hindcast.folder / "in").mkdir()
        path = hindcast.folder / "in/a.ndjson"
        lines = harness.ndjson(READINGS).splitlines(keepends=True)
        path.write_bytes(b"".join(lines[:60]) + lines[60][:10])
        hindcast.start_ready()
        hindcast.until(lambda: hindcast.tallies("meters")["received"] == 60, "at the last whole line")
        with path.open("ab") as file:
            file.write(lines[60][10:] + b"".join(lines[61:100]))
        hindcast.until(lambda: hindcast.tallies("meters")["received"] == 100, "behind what was added")
        hindcast.kill()
        with path.open("ab") as file:
            file.write(b"".join(lines[100:]))
        (hindcast.folder / "in/b.ndjson").write_bytes(harness.ndjson([reading(1, meter="m2")]))
        hindcast.start_ready()
        hindcast.until(lambda: hindcast.tallies("meters")["received"] == 181, "behind the second file")
        hindcast.close("meters", "power", "2024-03-01T12:00:00Z")
        rows = [row for row in hindcast.rows("power") if row["key"] == "m1"]
        self.assertEqual([(row["events"], row["values"]["total"]) for row in rows], MINUTES)
        self.assertEqual(self.assert_balanced(hindcast, "meters")["duplicate"], 0)

    # zstd, gzip and plain files of one folder, in natural order of their names: 2 comes before 10.
    def test_packed_files(self):
        hindcast = self.install(self.config("in/{part}.*"))
        (hindcast.folder / "in").mkdir()
        thirds = [harness.ndjson(READINGS[begin:begin + 60]) for begin in (0, 60, 120)]
        (hindcast.folder / "in/1.ndjson.gz").write_bytes(gzip.compress(thirds[0]))
        (hindcast.folder / "in/2.ndjson").write_bytes(thirds[1])
        subprocess.run(["zstd", "-qo", hindcast.folder / "in/10.ndjson.zst"], input=thirds[2], check=True)
        hindcast.drain()
        self.assertEqual([(row["events"], row["values"]["total"]) for row in hindcast.rows("power")], MINUTES)
        self.assertEqual(self.assert_balanced(hindcast, "meters")["behind"], 0)

    def test_stdin(self):
        hindcast = self.install(CONFIG.replace('kind = "http"', 'kind = "stdin"'))
        done = subprocess.run([harness.BINARY, "run", "-c", hindcast.config, "--until-drained"], cwd=hindcast.folder,
                              input=harness.ndjson(READINGS), capture_output=True, timeout=harness.PATIENCE)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([(row["events"], row["values"]["total"]) for row in hindcast.rows("power")], MINUTES)


class CorrectionsTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.hindcast = self.install(CONFIG).start_ready()
        self.hindcast.push("meters", READINGS)
        self.hindcast.close("meters", "power", "2024-03-01T12:00:00Z")

    def rows(self, **options):
        return [(row["version"], row["cause"], row["events"], row["values"]["total"])
                for row in self.hindcast.rows("power", **options)]

    # The hour follows its minute, and what was published before is still readable.
    def test_a_late_event_makes_a_new_version_with_a_cause(self):
        before = self.rows()
        self.assertEqual([row[1:] for row in before], [("live", 60, "90")] * 3)
        (published,) = [row["published_at"] for row in self.hindcast.rows("power", resolution="1h")]
        self.hindcast.push("meters", [reading(1000, at="2024-03-01T10:01:30Z", power="10")])
        self.hindcast.until(lambda: self.rows(resolution="1h")[0][2] == 181, "corrected")
        self.hindcast.settle("meters")
        after = self.rows()
        self.assertEqual((after[0], after[2]), (before[0], before[2]))
        self.assertGreater(after[1][0], before[1][0])
        self.assertEqual(after[1][1:], ("late", 61, "100"))
        self.assertEqual({row["state"] for row in self.hindcast.rows("power", resolution="1h")}, {"final"})
        self.assertEqual([row[2:] for row in self.rows(resolution="1h", as_of=published)], [(180, "270")])

    def test_a_higher_revision_replaces_and_a_lower_one_changes_nothing(self):
        self.hindcast.push("meters", [reading(5, power="4.5", revision=2)])
        self.hindcast.until(lambda: self.rows()[0][3] == "93", "corrected")
        self.hindcast.push("meters", [reading(5, power="7", revision=1)])
        self.hindcast.settle("meters")
        self.assertEqual([row[2:] for row in self.rows()], [(60, "93"), (60, "90"), (60, "90")])
        tallies = self.assert_balanced(self.hindcast, "meters")
        self.assertEqual((tallies["aggregated"], tallies["superseded"]), (181, 1))

    def test_verify_agrees_with_the_pages(self):
        self.assertIn("0", self.hindcast.command("verify"))
        report = json.loads(self.hindcast.command("verify", "--json"))
        self.assertTrue(report["ok"])
        self.assertEqual(report["events"], 180)

    def test_the_events_behind_a_bucket(self):
        text = self.hindcast.command("events", "--source", "meters", "--key", "m1", "--from", "2024-03-01T10:01:00Z",
                                     "--to", "2024-03-01T10:02:00Z", "--format", "ndjson")
        self.assertEqual([json.loads(line)["id"] for line in text.splitlines()], list(range(60, 120)))


class CommandsTest(harness.SystemTest):
    def run_command(self, *arguments):
        done = subprocess.run([harness.BINARY, *arguments], cwd=self.folder, capture_output=True, timeout=harness.PATIENCE)
        return done.returncode, (done.stdout + done.stderr).decode()

    def test_exit_codes(self):
        hindcast = self.install(CONFIG).start_ready()
        url = hindcast.url
        self.assertEqual(self.run_command("status", "--url", url)[0], 0)
        self.assertEqual(self.run_command("query", "powre", "--url", url)[0], 1)
        self.assertEqual(self.run_command("query", "--url", url)[0], 2)
        self.assertEqual(self.run_command("quarry")[0], 2)
        hindcast.stop()
        code, text = self.run_command("status", "--url", url)
        self.assertEqual(code, 3)
        self.assertIn(url, text)

    def test_a_data_directory_in_use_is_not_read_behind_the_daemons_back(self):
        hindcast = self.install(CONFIG).start_ready()
        code, text = self.run_command("status", "-c", hindcast.config, "--data-dir", hindcast.folder / "data")
        self.assertEqual(code, 3, text)
        with self.assertRaises(harness.Refused):
            harness.Hindcast.start(self.second(hindcast))

    def second(self, first):
        other = harness.Hindcast(first.folder, CONFIG)
        self.stack.callback(lambda: other.process and other.kill())
        return other

    def test_init_guesses_a_configuration_that_reads_the_sample(self):
        (self.folder / "sample.ndjson").write_bytes(harness.ndjson(READINGS))
        code, text = self.run_command("init", "sample.ndjson")
        self.assertEqual(code, 0, text)
        code, text = self.run_command("check", "--sample", "sample.ndjson")
        self.assertEqual(code, 0, text)
        self.assertIn("2024-03-01 10:00:04", text)
        before = (self.folder / "hindcast.toml").read_bytes()
        self.assertNotEqual(self.run_command("init", "sample.ndjson")[0], 0)  # not over what is there
        self.assertEqual((self.folder / "hindcast.toml").read_bytes(), before)

    def test_metrics_and_health(self):
        hindcast = self.install(CONFIG).start_ready()
        hindcast.push("meters", READINGS)
        self.assertEqual(hindcast.get("/healthz").status, 200)
        text = hindcast.get("/metrics").body.decode()
        self.assertRegex(text, r'hindcast_source_received_events_total\{source="meters"\} 180\b')
        for line in text.splitlines():
            self.assertTrue(line.startswith("#") or re.fullmatch(r"[a-z_][a-z0-9_]*(\{.*\})? \S+", line), line)

    def test_a_stop_loses_nothing_and_asks_for_no_second_start(self):
        hindcast = self.install(CONFIG).start_ready()
        hindcast.push("meters", READINGS[:100])  # the second minute is open
        self.assertEqual(hindcast.stop(), 0)
        hindcast.start_ready()
        hindcast.push("meters", READINGS[100:])
        hindcast.close("meters", "power", "2024-03-01T12:00:00Z")
        self.assertEqual([(row["events"], row["values"]["total"]) for row in hindcast.rows("power")], MINUTES)


class OverloadTest(harness.SystemTest):
    # Everything is a year late, and the replay lane is told to take its time: the replay log fills, then the live log,
    # and then the producer is told when to come back. Nothing that was acknowledged is lost.
    CONFIG = SOURCE + """
late_as_replay = "1h"
""" + EVENT.replace("[source.values]", '[source.values]\nnote = { field = "note", type = "text" }') + """
[log]
segment = "1MiB"
retention = "16MiB"
reread = "4MiB"

[replay]
rate = "RATE"
"""

    def test_a_full_log_pushes_back_to_the_producer_and_drains_later(self):
        hindcast = self.install(self.CONFIG.replace("RATE", "100/s")).start_ready()
        hindcast.push("meters", [reading(0, at="2025-03-01T10:00:00Z", note="")])
        sent = 0
        while True:
            batch = [reading(n, note=os.urandom(100).hex()) for n in range(sent, sent + 1000)]
            answer = hindcast.post("meters", harness.ndjson(
                [dict(event, at=f"2024-03-01T{event['n'] // 3600 % 24:02d}:00:00Z") for event in batch]))
            if answer.status != 200:
                break
            sent += 1000
            self.assertLess(sent, 1_000_000, "200 MB went into two logs of 16 MiB")
        self.assertEqual(answer.status, 429, answer)
        self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)
        tallies = self.assert_balanced(hindcast, "meters")
        self.assertEqual(tallies["received"], sent + 1)
        self.assertEqual(hindcast.stop(), 0)

        hindcast.write_config(self.CONFIG.replace("RATE", "1000000/s"))
        hindcast.start_ready()
        hindcast.close("meters", "power", "2025-03-02T00:00:00Z")
        tallies = self.assert_balanced(hindcast, "meters")
        self.assertEqual((tallies["received"], tallies["aggregated"]), (sent + 1, sent + 1))
        self.assertEqual(sum(row["events"] for row in hindcast.rows("power", resolution="1h")), sent + 1)


if __name__ == "__main__":
    harness.main()
