"""Drives the real binary from outside, as a user would: a configuration file, HTTP, the command line.

Nothing here knows Hindcast's insides. HINDCAST_BIN names the binary, HINDCAST_DATA the folder of real data sets.
"""
import contextlib
import decimal
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = pathlib.Path(os.environ.get("HINDCAST_BIN", ROOT / "build/release/bin/hindcast"))
DATA = pathlib.Path(os.environ.get("HINDCAST_DATA", ROOT.parent / "shared/data"))
PATIENCE = 120.0  # seconds before a wait is called a failure; only a hang ever takes that long
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def data_set(name):
    """The folder of a real data set; skips the test where it is absent."""
    folder = DATA / name
    if not folder.is_dir():
        raise unittest.SkipTest(f"no data set {folder} (set HINDCAST_DATA)")
    return folder


def unzstd(path):
    return subprocess.run(["zstd", "-dcq", path], check=True, stdout=subprocess.PIPE).stdout


def ndjson(events):
    return "".join(json.dumps(event) + "\n" for event in events).encode()


# What `hindcast feed` serves of feed_trades(), live and as a history; feed_config() fills it in.
FEED_CONFIG = """
[[source]]
name = "trades"
kind = "websocket"
url = "{stream}"
reconnect = {{ min = "10ms", max = "50ms" }}
match = {{ e = "event" }}
each = "data"
{source}

[source.watermark]
delay = "1s"
heartbeat = {{ match = {{ e = "heartbeat" }}, time = "ms" }}

[source.event]
key = "s"
id = {{ field = "seq", type = "int" }}
{event}
time = "T"
time_unit = "ms"

[source.values]
price = {{ field = "p", type = "decimal(18,2)" }}

[source.history]
kind = "http"
url = "{url}/history?key={{key}}&from={{from}}&to={{to}}&cursor={{cursor}}&limit={{limit}}"
keys = ["A", "B", "C"]
paging = "cursor"
cursor = "next"
{history}
requests = "1000/s"
retries = 50
settle = "0s"
each = "data"

[[aggregate]]
name = "bars"
bucket = "10s"
{aggregate}
values = {{ n = "count()", total = "sum(price)" }}

[replay]
stagger = "0s"
"""


def feed_config(feed, source="", event="", history="", aggregate=""):
    """The configuration of a daemon on a feed of trades, with further keys of its tables."""
    return FEED_CONFIG.format(stream=feed.stream, url=feed.url, source=source, event=event, history=history, aggregate=aggregate)


def feed_trades(rng, begin, step_ms, count):
    """Prices of A, B and C, one at some moment of each step."""
    return [{"s": rng.choice("ABC"), "T": begin + step_ms * i + rng.randrange(step_ms),
             "p": f"{rng.randrange(1, 10000) / 100:.2f}"} for i in range(count)]


def sums(trades, bucket_ms):
    """Rows as of Hindcast.table(), of the number and the sum of prices of each key."""
    rows = {}
    for trade in trades:
        row = rows.setdefault((trade["s"], trade["T"] // bucket_ms * bucket_ms),
                              {"n": decimal.Decimal(0), "total": decimal.Decimal(0)})
        row["n"] += 1
        row["total"] += decimal.Decimal(trade["p"])
    return rows


def milliseconds(rfc3339):
    """Of a time as Hindcast prints it, e.g. 2019-10-11T00:00:00Z or …00.250Z."""
    import datetime
    moment = datetime.datetime.fromisoformat(rfc3339.replace("Z", "+00:00"))
    return round(moment.timestamp() * 1000)


class Refused(Exception):
    """The daemon ended instead of starting to listen."""


class Answer:
    def __init__(self, status, body, headers):
        self.status, self.body, self.headers = status, body, headers

    @property
    def json(self):
        return json.loads(self.body, parse_float=decimal.Decimal)

    def __repr__(self):
        return f"HTTP {self.status}: {self.body[:500]!r}"


class Hindcast:
    """One installation: a folder with a configuration, and the daemon over it while it runs."""

    def __init__(self, folder, config):
        self.folder = pathlib.Path(folder)
        self.config = self.folder / "hindcast.toml"
        self.write_config(config)
        self.process = None
        self.url = None

    def write_config(self, text):
        """The given text, with the data directory and a port of the system's choice put before it."""
        head = "" if "data_dir" in text else 'data_dir = "data"\n'
        server = "" if "[server]" in text else '\n[server]\nlisten = "127.0.0.1:0"\n'
        self.config.write_text(head + text + server)

    # --- the daemon

    def start(self):
        assert self.process is None
        self.errors = open(self.folder / "stderr.txt", "ab")
        self.process = subprocess.Popen(
            [BINARY, "run", "-c", self.config], cwd=self.folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=self.errors)
        for line in self.process.stdout:
            text = line.decode(errors="replace")
            if "listening on http://" in text:
                self.url = text.split("listening on ", 1)[1].split()[0]
                return self
        raise Refused(f"exit {self._gone()}: {self.log()}")

    def start_ready(self):
        self.start()
        self.until(lambda: self.get("/readyz").status == 200, "ready")
        return self

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self._gone()

    def stop(self):
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self._gone()

    def _gone(self):
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.process.stdout.close()
            self.errors.close()
            self.process = None
        return code

    def running(self):
        return self.process is not None and self.process.poll() is None

    def drain(self):
        """Runs to the end of all input and of all work on it."""
        done = subprocess.run([BINARY, "run", "-c", self.config, "--until-drained"], cwd=self.folder,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)
        assert done.returncode == 0, f"exit {done.returncode}: {done.stdout.decode()}{done.stderr.decode()}"

    def log(self):
        return (self.folder / "stderr.txt").read_text(errors="replace")

    # --- HTTP

    def request(self, method, path, body=None, headers=None):
        request = urllib.request.Request(self.url + path, data=body, method=method, headers=headers or {})
        try:
            with OPENER.open(request, timeout=PATIENCE) as answer:
                return Answer(answer.status, answer.read(), answer.headers)
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read(), error.headers)

    def get(self, path, **parameters):
        query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
        return self.request("GET", path + query)

    def post(self, source, body, content_type="application/x-ndjson", encoding=None):
        headers = {"Content-Type": content_type}
        if encoding:
            headers["Content-Encoding"] = encoding
        return self.request("POST", f"/v1/sources/{source}/events", body, headers)

    def push(self, source, events):
        """Events as NDJSON; all of them must be acknowledged. Tries again when the daemon says "not now", as a producer
        would: 429 when the log is full, 503 while it is starting."""
        while True:
            answer = self.post(source, ndjson(events))
            if answer.status not in (429, 503):
                break
            time.sleep(float(answer.headers.get("Retry-After", 0.01)))
        assert answer.status == 200 and answer.json["accepted"] == len(events), answer
        return answer

    def heartbeat(self, source, rfc3339):
        answer = self.request("POST", f"/v1/sources/{source}/heartbeat",
                              json.dumps({"time": rfc3339}).encode(), {"Content-Type": "application/json"})
        assert answer.status == 200, answer

    def status(self):
        """Of the daemon while it runs, of its data directory otherwise."""
        if self.running():
            return self.get("/v1/status").json
        return json.loads(self.command("status", "--json"), parse_float=decimal.Decimal)

    def source(self, name):
        return next(s for s in self.status()["sources"] if s["name"] == name)

    def tallies(self, name):
        return self.source(name)["tallies"]

    def until(self, condition, what):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if self.process is not None and self.process.poll() is not None:
                raise AssertionError(f"the daemon ended ({self.process.returncode}) before it was {what}: {self.log()}")
            if time.monotonic() > deadline:
                status = json.dumps(self.status(), indent=1, default=str)
                raise AssertionError(f"not {what} after {PATIENCE} s:\n{status}")
            time.sleep(0.01)

    def settle(self, source):
        """Waits until every received event of the source has its outcome (its bucket must be closed for that)."""
        self.until(lambda: self.tallies(source)["pending"] == 0, f"settled ({source})")

    def close(self, source, aggregate, rfc3339):
        """Promises that nothing before the time will follow, and waits until all rows are final."""
        self.heartbeat(source, rfc3339)
        self.settle(source)
        self.until(lambda: all(row["state"] == "final" for row in self.rows(aggregate)), "final")

    # --- the command line

    def command(self, verb, *arguments, code=0):
        """Standard output of a command, against the daemon or, when it is stopped, against its data directory."""
        where = ["--url", self.url] if self.running() else ["-c", str(self.config), "--data-dir", str(self.folder / "data")]
        done = subprocess.run([BINARY, verb, *arguments, *where], cwd=self.folder, capture_output=True, timeout=PATIENCE)
        assert done.returncode == code, f"{verb}: exit {done.returncode}: {done.stdout.decode()}{done.stderr.decode()}"
        return done.stdout.decode()

    def rows(self, aggregate, **options):
        """Rows as `hindcast query` prints them; exact numbers."""
        arguments = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        text = self.command("query", aggregate, "--format", "ndjson", *arguments)
        rows = [json.loads(line, parse_float=decimal.Decimal) for line in text.splitlines()]
        for row in rows:
            row["start_ms"] = milliseconds(row["start"])
        return rows

    def table(self, aggregate, **options):
        """{(key, start in ms): {name: Decimal or None}}"""
        return {
            (tuple(row["key"]) if isinstance(row["key"], list) else row["key"], row["start_ms"]):
            {name: None if value is None else decimal.Decimal(value) for name, value in row["values"].items()}
            for row in self.rows(aggregate, **options)}

    def content(self, aggregate, **options):
        """What must not change when nothing new arrives: the rows without their state and stamps."""
        return [{name: row.get(name) for name in ("key", "start", "resolution", "version", "events", "digest", "values")}
                for row in self.rows(aggregate, **options)]


class Feed:
    """A recorded data set served as a live exchange by `hindcast feed`."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([BINARY, "feed", *map(str, arguments)], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        line = self.process.stdout.readline().decode()
        if "listening on http://" not in line:
            raise Refused(f"the feed ended: {self.process.wait()}")
        self.url = line.split("listening on ", 1)[1].split()[0]
        self.stream = self.url.replace("http://", "ws://") + "/stream"

    def request(self, method, path, body=None):
        request = urllib.request.Request(self.url + path, data=None if body is None else json.dumps(body).encode(),
                                         method=method)
        with OPENER.open(request, timeout=PATIENCE) as answer:
            return json.loads(answer.read(), parse_float=decimal.Decimal)

    def get(self, path):
        return self.request("GET", path)

    def fault(self, **fault):
        return self.request("POST", "/faults", fault)

    def clock(self, **change):
        return self.request("POST", "/clock", change)

    def sent(self, channel=None):
        """All that was put on the wire, in order."""
        out, after = [], 0
        while after is not None:
            page = self.get(f"/sent?after={after}" + (f"&channel={channel}" if channel else ""))
            out += page["data"]
            after = page["next"]
        return out

    def until(self, condition, what):
        deadline = time.monotonic() + PATIENCE
        while not condition(self.get("/state")):
            assert time.monotonic() < deadline, f"the feed is not {what}: {self.get('/state')}"
            time.sleep(0.01)

    def until_all_sent(self):
        self.until(lambda state: state["finished"] and state["all_sent"], "finished")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE)
        self.process.stdout.close()
        return code


class SystemTest(unittest.TestCase):
    maxDiff = 4000

    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)
        self.folder = pathlib.Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="hindcast-")))

    def install(self, config, folder=None):
        """An installation in a fresh folder; its daemon never outlives the test."""
        place = pathlib.Path(folder) if folder else pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        hindcast = Hindcast(place, config)
        self.stack.callback(lambda: hindcast.process and hindcast.kill())
        return hindcast

    def feed(self, *arguments):
        """A feed that ends with the test."""
        feed = Feed(*arguments)
        self.stack.callback(lambda: feed.process.poll() is None and feed.stop())
        return feed

    def assert_balanced(self, hindcast, source):
        """Law L3: nothing that came in is unaccounted for."""
        tallies = hindcast.tallies(source)
        outcomes = ("pending", "aggregated", "duplicate", "superseded", "dead_lettered")
        self.assertEqual(tallies["received"], sum(tallies[name] for name in outcomes), tallies)
        return tallies

    def assert_same_rows(self, found, expected):
        """Tables as of Hindcast.table(), with the first differences shown instead of all."""
        missing, extra = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
        self.assertFalse(missing or extra, f"{len(missing)} missing {missing[:3]}, {len(extra)} extra {extra[:3]}")
        wrong = [(at, found[at], expected[at]) for at in sorted(expected) if found[at] != expected[at]]
        self.assertFalse(wrong, f"{len(wrong)} of {len(expected)} rows differ; (at, found, expected): {wrong[:3]}")


def main():
    """Exit code 77 when every test was skipped: ctest then says so, instead of passing."""
    result = unittest.main(exit=False, verbosity=2).result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(77 if result.testsRun and len(result.skipped) == result.testsRun else 0)
