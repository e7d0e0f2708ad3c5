#!/usr/bin/env python3
"""Histories that are broken in the middle of what was lost: the replay says why and goes on without that piece, everything else
of it comes back, the gap stays open exactly there, and live notices nothing."""
import collections
import datetime
import decimal
import gzip
import http.server
import json
import threading
import urllib.parse

import harness

CONFIG = """
[[source]]
name = "meters"
kind = "http"
watermark = { delay = "1m" }
page_window = "10m"

[source.event]
key = "meter"
id = { field = "n", type = "int" }
time = "at"
time_unit = "ms"

[source.values]
power = { field = "power", type = "decimal(9,3)" }

[source.history]
settle = "0s"
HISTORY

[[aggregate]]
name = "power"
bucket = "10m"
rollups = ["1h"]
values = { readings = "count()", total = "sum(power)" }

[replay]
stagger = "0s"
"""
RETRIES = 1
HTTP = """
kind = "http"
url = "{url}/readings?from={{from_ms}}&to={{to_ms}}{more}"
requests = "1000/s"
retries = {retries}
{keys}
"""
FILES = """
kind = "files"
path = "archive/{day}/meters.csv.gz"
format = "csv"
"""
DAY_MS = 86_400_000
BEGIN = 1_709_251_200_000  # 2024-03-01T00:00:00Z
STEP_MS = 300_000
LOST = range(1, 4)  # days; the second of them is the one that cannot be read
BAD = 2
DAYS = 8


def readings(day):
    out = []
    for i in range(DAY_MS // STEP_MS):
        for meter in ("m1", "m2"):
            n = (day * DAY_MS // STEP_MS + i) * 2 + (meter == "m2")
            out.append({"meter": meter, "n": n, "at": BEGIN + day * DAY_MS + i * STEP_MS,
                        "power": f"{n * 7919 % 100000 / 1000:.3f}"})
    return out


def rfc3339(milliseconds):
    return datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def day(number):
    return rfc3339(BEGIN + number * DAY_MS)


def expected(days):
    rows = collections.defaultdict(lambda: {"readings": 0, "total": decimal.Decimal(0)})
    for number in days:
        for reading in readings(number):
            row = rows[reading["meter"], reading["at"] // 600_000 * 600_000]
            row["readings"] += 1
            row["total"] += decimal.Decimal(reading["power"])
    return dict(rows)


class Api:
    """A history over HTTP that answers as it should, but for what touches the bad day: there `bad` answers."""

    def __init__(self, bad):
        api = self
        self.bad, self.bad_requests, self.requests = bad, 0, 0

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                query = {name: values[0] for name, values in
                         urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query).items()}
                begin, end = int(query["from"]), int(query["to"])
                api.requests += 1
                found = [r for number in LOST for r in readings(number) if begin <= r["at"] < end]
                if begin < BEGIN + (BAD + 1) * DAY_MS and end > BEGIN + BAD * DAY_MS:
                    api.bad_requests += 1
                    api.bad(self, query, found)
                else:
                    self.answer({"data": found})

            def answer(self, document, status=200, headers=None, cut=0):
                body = document if isinstance(document, bytes) else json.dumps(document).encode()
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[:len(body) - cut])
                self.close_connection = cut > 0

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class BadHistoryTest(harness.SystemTest):
    def start(self, history):
        self.hindcast = self.install(CONFIG.replace("HISTORY", history))
        return self.hindcast

    def api(self, bad, more="", keys='each = "data"'):
        api = Api(bad)
        self.addCleanup(api.stop)
        self.start(HTTP.format(url=api.url, more=more, keys=keys, retries=RETRIES))
        return api

    def archive(self, bad):
        """A file a day; that of the bad day is what `bad` makes of its rows (None: there is none)."""
        self.start(FILES)
        for number in LOST:
            rows = [(r["meter"], r["n"], r["at"], r["power"]) for r in readings(number)]
            data = self.csv(rows) if number != BAD else bad(rows)
            folder = self.hindcast.folder / "archive" / day(number)[:10].replace("-", "")
            folder.mkdir(parents=True)
            if data is not None:
                (folder / "meters.csv.gz").write_bytes(data)

    def csv(self, rows, header="meter,n,at,power"):
        return gzip.compress((header + "\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)).encode(), 1)

    def recover(self):
        """Lives through the outage, and goes on with live meanwhile. Returns the job when it has ended."""
        hindcast = self.hindcast.start_ready()
        for number in (0, LOST.stop):
            hindcast.push("meters", readings(number))
        hindcast.heartbeat("meters", day(LOST.stop + 1))
        hindcast.settle("meters")
        opened = hindcast.request("POST", "/v1/gaps", json.dumps(
            {"source": "meters", "from": day(LOST.start), "to": day(LOST.stop)}).encode(),
            {"Content-Type": "application/json"})
        self.assertEqual(opened.status, 200, opened)
        self.gap = opened.json["id"]
        for number in range(LOST.stop + 1, DAYS):
            hindcast.push("meters", readings(number))
            hindcast.heartbeat("meters", day(number + 1))
        hindcast.settle("meters")
        hindcast.until(lambda: hindcast.get("/v1/replays").json["replays"], "recovering")
        hindcast.until(lambda: self.job()["state"] in ("done", "failed", "cancelled"), "done with the replay")
        return self.job()

    def job(self):
        jobs = self.hindcast.get("/v1/replays").json["replays"]
        self.assertEqual(len(jobs), 1, jobs)
        return jobs[0]

    def check_rest(self, lost_days=(BAD,)):
        """All but the bad day is there, complete and final; nothing is final that the gap touches."""
        hindcast = self.hindcast
        self.assertEqual(hindcast.get("/healthz").status, 200)
        self.assertEqual(hindcast.get("/readyz").status, 200)
        def bad(row):
            return (row["start_ms"] - BEGIN) // DAY_MS in lost_days
        hindcast.until(lambda: all(row["state"] == "final" for row in hindcast.rows("power") if not bad(row)), "final")
        rows = hindcast.rows("power")
        self.assertTrue(all(row["complete"] != bad(row) for row in rows))
        table = {at: values for at, values in hindcast.table("power").items() if (at[1] - BEGIN) // DAY_MS not in lost_days}
        self.assert_same_rows(table, expected([d for d in range(DAYS) if d not in lost_days]))
        self.assert_balanced(hindcast, "meters")

    def holes(self):
        return [(hole["state"], hole["start"], hole["end"])
                for hole in self.hindcast.get(f"/v1/gaps/{self.gap}").json["holes"]]

    def check_failed(self, word, *says, first=BAD):
        """The job failed with a reason that begins with the word and names the place; the gap is open there alone.
        Returns the windows that were set aside."""
        job = self.recover()
        self.assertEqual(job["state"], "failed", job)
        self.assertRegex(job["reason"], r"^\d+ windows? (was|were) set aside: " + word + ": ")
        aside = job["set_aside"]
        self.assertEqual((aside[0]["from"], aside[-1]["to"]), (day(first), day(BAD + 1)))
        for window in aside:
            self.assertTrue(window["reason"].startswith(word + ": "), window)
            for text in says:
                self.assertIn(text, window["reason"])
        print(f"  {aside[0]['reason']}", flush=True)
        self.assertEqual(self.holes(), [("open", day(first), day(BAD + 1))])
        self.check_rest(range(first, BAD + 1))
        self.assertFalse([row for row in self.hindcast.rows("power", state="final")
                          if (row["start_ms"] - BEGIN) // DAY_MS in range(first, BAD + 1)])
        self.assertIn(word, self.hindcast.command("replay", "report", str(job["id"])))
        self.assertEqual(self.hindcast.stop(), 0)
        return aside

    def check_bounded(self, api, aside, requests=1 + RETRIES):
        self.assertLessEqual(api.bad_requests, requests * len(aside))

    # --- over HTTP

    def test_404(self):
        api = self.api(lambda http, query, found: http.answer(b"no such table", 404))
        self.check_bounded(api, self.check_failed("http-404", api.url, "no such table"), 1)

    def test_500_for_ever(self):
        api = self.api(lambda http, query, found: http.answer(b"database is down", 500))
        self.check_bounded(api, self.check_failed("http-500", api.url, "database is down", "given up after 1 retry"))

    def test_429_for_ever(self):
        api = self.api(lambda http, query, found: http.answer(b"slow down", 429, {"Retry-After": "0"}))
        self.check_bounded(api, self.check_failed("http-429", api.url, "slow down", "given up after 1 retry"))

    def test_connections_that_break(self):
        def hang_up(http, query, found):
            http.close_connection = True
        api = self.api(hang_up)
        self.check_bounded(api, self.check_failed("unreachable", "127.0.0.1", "given up after 1 retry"))

    def test_answers_that_are_cut_off(self):
        api = self.api(lambda http, query, found: http.answer({"data": found}, cut=30))
        self.check_bounded(api, self.check_failed("truncated", "127.0.0.1", "given up after 1 retry"))

    def test_an_answer_that_is_something_else(self):
        api = self.api(lambda http, query, found: http.answer(b"<html>Please log in</html>"))
        self.check_bounded(api, self.check_failed("malformed", api.url), 1)

    def test_a_cursor_that_never_goes_on(self):
        api = self.api(lambda http, query, found: http.answer({"data": found[:50], "next": "again"}),
                       more="&cursor={cursor}", keys='each = "data"\npaging = "cursor"\ncursor = "next"')
        self.check_bounded(api, self.check_failed("pagination-loop", api.url, "again"), 3)

    def test_cursors_that_go_round_under_new_names(self):
        api = self.api(lambda http, query, found: http.answer(
            {"data": found[:50], "next": str(int(query.get("cursor", "0")) + 1)}),
            more="&cursor={cursor}", keys='each = "data"\npaging = "cursor"\ncursor = "next"')
        self.check_bounded(api, self.check_failed("pagination-loop", api.url), 20)

    def test_columns_of_another_name(self):
        api = self.api(lambda http, query, found: http.answer(
            {"data": [{"meter": r["meter"], "n": r["n"], "at": r["at"], "watts": r["power"]} for r in found]}))
        self.check_bounded(api, self.check_failed("wrong-columns", "power"), 1)

    def test_another_time_zone(self):
        api = self.api(lambda http, query, found: http.answer(
            {"data": [dict(r, at=r["at"] - 5 * DAY_MS) for r in found]}))
        self.check_bounded(api, self.check_failed("outside-window", "time zone"), 1)

    # --- files: that of a day may begin with late events of the day before, which therefore cannot be read without it

    def test_a_file_that_is_cut_off(self):
        self.archive(lambda rows: self.csv(rows)[:-2000])
        self.check_failed("truncated", "20240303/meters.csv.gz")

    def test_a_file_that_is_damaged(self):
        def damage(rows):
            data = bytearray(self.csv(rows))
            data[-6] ^= 0xFF  # of the checksum: the rows are whole, but nothing says so
            return bytes(data)
        self.archive(damage)
        self.check_failed("corrupt", "20240303/meters.csv.gz")

    def test_rows_that_are_less_sorted_than_promised(self):
        # More than a subwindow holds, within which the order is nobody's business.
        self.archive(lambda rows: self.csv([(m, 1_000_000 + 150 * n + i, at, p)
                                            for m, n, at, p in rows[len(rows) // 2:] + rows[:len(rows) // 2]
                                            for i in range(150)]))
        self.check_failed("unsorted", "disorder")

    def test_days_of_another_zone(self):
        self.archive(lambda rows: self.csv([(m, n, at - 5 * 3_600_000, p) for m, n, at, p in rows]))
        self.check_failed("outside-day", "20240303/meters.csv.gz", "zone", first=BAD - 1)

    def test_a_header_of_other_names(self):
        self.archive(lambda rows: self.csv(rows, "meter,n,at,watts"))
        self.check_failed("wrong-columns", "20240303/meters.csv.gz", "power", first=BAD - 1)

    def test_a_day_without_a_file_cannot_be_filled_and_that_is_no_failure(self):
        self.archive(lambda rows: None)
        job = self.recover()
        self.assertEqual(job["state"], "done", job)
        self.assertEqual(self.holes(), [("unfillable", day(BAD), day(BAD + 1))])
        self.check_rest()
        hours = [row["state"] for row in self.hindcast.rows("power", resolution="1h")]
        self.assertEqual(set(hours), {"final"})
        outcome = next(o for o in self.hindcast.get(f"/v1/gaps/{self.gap}").json["outcomes"] if o["kind"] == "unfillable")
        self.assertTrue(outcome["detail"].startswith("no-file: "), outcome)
        self.assertIn("2024-03-03", outcome["detail"])

    # --- afterwards

    def test_a_later_replay_fills_what_could_not_be_read(self):
        whole = []
        self.archive(lambda rows: whole.append(self.csv(rows)) or whole[0][:-2000])
        self.assertEqual(self.recover()["state"], "failed")
        (self.hindcast.folder / "archive" / "20240303" / "meters.csv.gz").write_bytes(whole[0])
        self.hindcast.command("replay", "start", "--source", "meters", "--from", day(BAD), "--to", day(BAD + 1), "--follow")
        self.assertEqual(self.holes(), [])
        self.hindcast.until(lambda: all(row["state"] == "final" for row in self.hindcast.rows("power")), "final")
        self.check_rest(lost_days=())


if __name__ == "__main__":
    harness.main()
