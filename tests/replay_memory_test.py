#!/usr/bin/env python3
"""A long history replayed in one go: what the daemon holds in memory does not depend on how long it is (law L8).

HINDCAST_DAYS: length of the history, a minute being an event of each of 1,000 keys; default 4. 730 is the long run: a thousand
million events, ten minutes and some 12 GB of disk."""
import calendar
import json
import os
import re
import time

import harness

CONFIG = """
[[source]]
name = "meters"
kind = "http"
watermark = { delay = "1s" }
page_window = "1h"

[source.event]
key = "m"
id = { field = "n", type = "int" }
time = "t"
time_unit = "ms"

[source.values]
kwh = { field = "kwh", type = "decimal(12,3)" }

[source.history]
kind = "files"
path = "archive/{day}.ndjson"
settle = "0s"
disorder = "0s"

# The day in a file's name makes other events of the same bytes.
[source.history.event]
time = { day = "{day}", field = "t", unit = "ms" }

[[aggregate]]
name = "load"
bucket = "1h"
rollups = ["1d"]
values = { kwh = "sum(kwh)", peak = "max(kwh)", readings = "count()" }

# Threads of normal class: this test shall end also where others leave no CPU idle.
[replay]
rate = "100%"
isolation = "off"
"""
DAYS = int(os.environ.get("HINDCAST_DAYS", "4"))
KEYS = 1_000
MINUTES = 1_440
FIRST = calendar.timegm((2022, 1, 1, 0, 0, 0))
BOUND_MIB = 512
FLAT_MIB = 64  # how much more the second half may hold than the first: noise of allocator and caches


def resident_mib(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) / 1024


class ReplayMemoryTest(harness.SystemTest):
    def archive(self, folder):
        """One real file; every day is a hard link to it."""
        (folder / "archive").mkdir()
        first = folder / "day.ndjson"
        with open(first, "w") as out:
            for minute in range(MINUTES):
                out.write("".join(f'{{"m":"m{key:03}","n":{minute},"t":{minute * 60_000 + key * 40},"kwh":"{(key * 7 + minute) % 997}.{key:03}"}}\n'
                                  for key in range(KEYS)))
        for day in range(DAYS):
            os.link(first, folder / time.strftime("archive/%Y%m%d.ndjson", time.gmtime(FIRST + day * 86_400)))

    def test_memory_does_not_grow_with_the_length_of_a_replay(self):
        hindcast = self.install(CONFIG)
        self.archive(hindcast.folder)
        hindcast.start_ready()
        begun = time.monotonic()
        answer = hindcast.request("POST", "/v1/replays", json.dumps(
            {"source": "meters", "from": FIRST * 1000, "to": (FIRST + DAYS * 86_400) * 1000}).encode(),
            {"Content-Type": "application/json"})
        self.assertEqual(answer.status, 200, answer)
        resident, progress, job = [], [], hindcast.get("/v1/replays/1").json
        while job["state"] not in ("done", "failed"):
            time.sleep(0.1)
            self.assertTrue(hindcast.running(), hindcast.log())
            job = hindcast.get("/v1/replays/1").json
            resident.append(resident_mib(hindcast.process.pid))
            progress.append(float(job["share_done"]))
            if DAYS > 100 and len(resident) % 600 == 0:
                print(f"  {progress[-1]:.1%}, {resident[-1]:.0f} MiB", flush=True)
        seconds = time.monotonic() - begun
        self.assertEqual(job["state"], "done", job)
        self.assertEqual(job["counts"]["added"], DAYS * MINUTES * KEYS, job)
        first = max(mib for mib, done in zip(resident, progress) if done < 0.5)
        second = max(mib for mib, done in zip(resident, progress) if done >= 0.5)
        print(f"  {DAYS * MINUTES * KEYS:,} events in {seconds:.0f} s; resident at most {first:.0f} MiB in the first half, "
              f"{second:.0f} MiB in the second", flush=True)
        self.assertLess(max(first, second), BOUND_MIB)
        self.assertLess(second, first + FLAT_MIB)
        rows = hindcast.table("load", key="m007", resolution="1d", limit=1_000_000)
        self.assertEqual(len(rows), DAYS)
        self.assertEqual({row["readings"] for row in rows.values()}, {MINUTES})


if __name__ == "__main__":
    harness.main()
