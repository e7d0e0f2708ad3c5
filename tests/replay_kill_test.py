#!/usr/bin/env python3
"""kill -9 at random while a replay from files and live over HTTP go on: nothing is lost, nothing counts twice, and a replay goes
on where it was.

HINDCAST_ROUNDS: kills, default 15; 100 is the long run. HINDCAST_SEED."""
import collections
import decimal
import gzip
import http.client
import json
import os
import random
import threading
import time

import harness

CONFIG = """
[[source]]
name = "clicks"
kind = "http"
watermark = { delay = "30s" }
page_window = "10m"

[source.event]
key = "page"
id = { field = "n", type = "int" }
time = "at"
time_unit = "ms"

[source.values]
weight = { field = "weight", type = "decimal(12,2)" }

[source.history]
kind = "files"
path = "archive/{day}/{hour}.ndjson.gz"
settle = "0s"
disorder = "1s"

[[aggregate]]
name = "clicks"
bucket = "10s"
rollups = ["1m", "1h"]
values = { clicks = "count()", weight = "sum(weight)" }

# Small, so that kills fall into spills, segment changes and trims as well.
[log]
segment = "1MiB"
reread = "4MiB"

[limits]
open_memory = "4MiB"

[replay]
rate = "RATE/s"
subwindows_at_once = 2
route = "direct"
"""
KILLS = int(os.environ.get("HINDCAST_ROUNDS", "15"))
SEED = int(os.environ.get("HINDCAST_SEED", "1"))
BEGIN = 1_700_006_400_000  # 2023-11-15T00:00:00Z
HOUR_MS = 3_600_000
# Of the past; live begins behind them. Each life reads an hour on credit at least, so that kills run out before the hours do.
HOURS = 5 + KILLS * 3 // 2
PER_HOUR = 900
RATE = PER_HOUR  # events a second: an hour of the past
BATCH = 200


def event(number, at, random_):
    return {"page": f"p{random_.randrange(20)}", "n": number, "at": at, "weight": f"{random_.randrange(10_000) / 100:.2f}"}


class ReplayWorld(harness.SystemTest):
    """A past in files, of which a part came live as well, and a live stream behind it."""

    def archive(self, hindcast, random_, hours):
        """The past, a file an hour. A part of it came live as well. Returns all, and that part."""
        past, came = [], []
        for hour in range(hours):
            events = [event(hour * 1_000_000 + i, BEGIN + hour * HOUR_MS + i * HOUR_MS // PER_HOUR, random_)
                      for i in range(PER_HOUR)]
            path = time.strftime("archive/%Y%m%d/%H.ndjson.gz", time.gmtime((BEGIN + hour * HOUR_MS) // 1000))
            (hindcast.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (hindcast.folder / path).write_bytes(gzip.compress(harness.ndjson(events), 1))
            past += events
            came += [e for e in events if random_.random() < 0.1]
        return past, came

    def live(self, random_, hours):
        """Endless batches behind the past."""
        number = 0
        while True:
            now = BEGIN + (hours + 1) * HOUR_MS + number * 20
            yield [event(hours * 1_000_000 + number + i, now + i * 20 - random_.randrange(20_000), random_)
                   for i in range(BATCH)]
            number += BATCH

    def job(self, hindcast):
        return hindcast.get("/v1/replays/1").json

    def begin(self, hindcast, random_, hours):
        """Starts with the part that came, and a gap over all of the past that is being refilled."""
        past, came = self.archive(hindcast, random_, hours)
        hindcast.start_ready()
        for i in range(0, len(came), 5000):
            hindcast.push("clicks", came[i:i + 5000])
        hindcast.heartbeat("clicks", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime((BEGIN + hours * HOUR_MS) // 1000 + 60)))
        hindcast.settle("clicks")
        gap = hindcast.request("POST", "/v1/gaps", json.dumps(
            {"source": "clicks", "from": BEGIN, "to": BEGIN + hours * HOUR_MS}).encode(),
            {"Content-Type": "application/json"})
        self.assertEqual(gap.status, 200, gap)
        hindcast.until(lambda: hindcast.get("/v1/replays").json["replays"], "recovering")
        return past, came

    def finish(self, hindcast, past, sent, hours):
        """The replay ends, and all that there ever was is there, once."""
        hindcast.command("limits", "--set", "rate=1000000/s")  # what is left of the past is only waited for
        hindcast.until(lambda: self.job(hindcast)["state"] in ("done", "failed"), "replayed")
        job = self.job(hindcast)
        self.assertEqual(job["state"], "done", job)
        counts = job["counts"]
        self.assertEqual(counts["read"], sum(counts[name] for name in (
            "added", "duplicate", "superseded", "outside", "dead_lettered")), counts)
        hindcast.heartbeat("clicks", "2023-12-31T00:00:00Z")
        hindcast.settle("clicks")
        hindcast.until(lambda: all(row["state"] == "final" for row in hindcast.rows("clicks", resolution="1h")), "final")
        self.assertEqual(hindcast.get("/v1/gaps", open="true").json["gaps"], [])

        events = past + [e for batch in sent for e in batch]
        for resolution, length in (("10s", 10_000), ("1m", 60_000), ("1h", HOUR_MS)):
            expected = collections.defaultdict(lambda: {"clicks": 0, "weight": decimal.Decimal(0)})
            for e in events:
                row = expected[e["page"], e["at"] // length * length]
                row["clicks"] += 1
                row["weight"] += decimal.Decimal(e["weight"])
            self.assert_same_rows(hindcast.table("clicks", resolution=resolution, limit=1_000_000), dict(expected))
        self.assertTrue(all(row["complete"] for row in hindcast.rows("clicks", resolution="1h")))
        tallies = self.assert_balanced(hindcast, "clicks")
        self.assertEqual(tallies["dead_lettered"], 0)
        hindcast.command("verify")
        print(f"  {len(events):,} events, {counts['read']:,} read for {len(past):,} of the past", flush=True)


class ReplayKillTest(ReplayWorld):
    def done_ms(self, job):
        return round(float(job["share_done"]) * HOURS * HOUR_MS)

    def test_a_replay_beside_live_loses_nothing_through_kills(self):
        self.kill_and_compare("direct")

    def test_nor_does_one_through_the_replay_log(self):
        self.kill_and_compare("separate")

    def kill_and_compare(self, route):
        print(f"seed {SEED}, {KILLS} kills, route {route}", flush=True)
        random_ = random.Random(SEED)
        hindcast = self.install(CONFIG.replace("RATE", str(RATE)).replace("direct", route))
        past, _ = self.begin(hindcast, random_, HOURS)
        source, sent, again, observed = self.live(random_, HOURS), [], None, self.job(hindcast)
        progress = []
        for _ in range(KILLS):
            if hindcast.process is None:
                hindcast.start_ready()
                job = self.job(hindcast)
                # What a worker has in its hand may be read again: here an hour is one subwindow.
                self.assertGreaterEqual(self.done_ms(job), self.done_ms(observed) - 2 * HOUR_MS, (observed, job))
                if observed["state"] == "done":
                    self.assertEqual(job["state"], "done")
            # Mostly soon after something was done, so that kills fall into work also on a machine that is slow; else at any time.
            behind_work, begun, give_up = random_.random() < 2 / 3, observed["share_done"], time.monotonic() + 20
            killer = threading.Timer(random_.random() * (1 if behind_work else 2), hindcast.process.kill)
            if not behind_work:
                killer.start()
            try:
                while True:
                    if not killer.ident and (observed["share_done"] != begun or time.monotonic() > give_up):
                        killer.start()
                    again = again or next(source)
                    hindcast.push("clicks", again)
                    sent.append(again)
                    again = None
                    observed = self.job(hindcast)
            except (OSError, http.client.HTTPException):
                pass
            finally:
                killer.cancel()
                if killer.ident:
                    killer.join()
            progress.append(float(observed["share_done"]))
            hindcast.kill()
        hindcast.start_ready()
        if again:
            hindcast.push("clicks", again)
            sent.append(again)
        self.assertGreaterEqual(sum(share < 1 for share in progress), KILLS * 2 // 3, f"too few hit the replay: {progress}")
        self.assertGreaterEqual(len(set(progress)), KILLS // 3, f"too little went on between kills: {progress}")
        self.finish(hindcast, past, sent, HOURS)
        self.assertEqual(self.job(hindcast)["route"]["name"], route)
        print(f"  progress at kills {' '.join(f'{share:.2f}' for share in progress)}", flush=True)
        self.assertEqual(hindcast.stop(), 0)


if __name__ == "__main__":
    harness.main()
