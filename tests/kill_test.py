#!/usr/bin/env python3
"""kill -9 fifty times at random during ingest over HTTP: every acknowledged event is in the final state once."""
import collections
import http.client
import os
import random
import threading

import harness

CONFIG = """
[[source]]
name = "clicks"
kind = "http"
format = "ndjson"
watermark = { delay = "30s" }
late_as_replay = "10m"

[source.event]
key = "page"
id = { field = "n", type = "int" }
time = "at"
time_unit = "ms"

[source.values]
weight = { field = "weight", type = "decimal(12,2)" }

[[aggregate]]
name = "clicks"
sources = ["clicks"]
bucket = "10s"
rollups = ["1m", "1h"]

[aggregate.values]
clicks = "count()"
weight = "sum(weight)"

# Small, so that kills fall into spills, segment changes and trims as well.
[log]
segment = "1MiB"
reread = "4MiB"

[limits]
open_memory = "4MiB"
"""
KILLS = 50
BATCH = 400
BEGIN = 1_700_000_000_000


class KillTest(harness.SystemTest):
    def batches(self, random_):
        """Endless. Time moves on a second per batch; some events are late, some very late (the replay log)."""
        number = 0
        while True:
            now = BEGIN + number // BATCH * 1000
            batch = []
            for _ in range(BATCH):
                draw = random_.random()
                back = random_.randrange(20_000) if draw < 0.95 else random_.randrange(
                    200_000) if draw < 0.99 else random_.randrange(2_000_000)
                batch.append({"page": f"p{random_.randrange(40)}", "n": number, "at": now - back,
                              "weight": f"{random_.randrange(10_000) / 100:.2f}"})
                number += 1
            yield batch

    def test_every_acknowledged_event_is_there_once(self):
        seed = int(os.environ.get("HINDCAST_SEED", "1"))
        print(f"seed {seed}", flush=True)
        random_ = random.Random(seed)
        hindcast = self.install(CONFIG)
        source = self.batches(random_)
        sent, again, unanswered = [], None, 0
        for _ in range(KILLS):
            hindcast.start()
            killer = threading.Timer(random_.random() ** 2 * 0.6, hindcast.process.kill)
            killer.start()
            try:
                while True:
                    batch = again or next(source)
                    again = batch  # until it is answered
                    hindcast.push("clicks", batch)
                    again = None
                    sent.append(batch)
            except (OSError, http.client.HTTPException):
                unanswered += 1  # a producer that retries: sent again after the restart
            finally:
                killer.cancel()
                killer.join()
            hindcast.kill()
        hindcast.start()
        if again:
            hindcast.push("clicks", again)
            sent.append(again)
        hindcast.close("clicks", "clicks", "2023-11-20T00:00:00Z")

        events = [event for batch in sent for event in batch]
        self.assertGreater(len(sent), KILLS, "too few acknowledged batches for the kills to mean anything")
        for resolution, length in (("10s", 10_000), ("1m", 60_000), ("1h", 3_600_000)):
            expected = collections.defaultdict(lambda: {"clicks": 0, "weight": 0})
            for event in events:
                row = expected[event["page"], event["at"] // length * length]
                row["clicks"] += 1
                row["weight"] += harness.decimal.Decimal(event["weight"])
            self.assert_same_rows(hindcast.table("clicks", resolution=resolution), dict(expected))

        tallies = self.assert_balanced(hindcast, "clicks")
        self.assertEqual(tallies["aggregated"], len(events), tallies)
        # What was written but not answered before a kill came twice, and was counted as that.
        self.assertLessEqual(tallies["duplicate"], unanswered * BATCH)
        self.assertEqual(tallies["dead_lettered"], 0)
        print(f"{KILLS} kills, {len(events):,} events acknowledged, {tallies['duplicate']:,} sent twice", flush=True)
        hindcast.command("verify")
        self.assertEqual(hindcast.stop(), 0)
        self.assertEqual(self.assert_balanced(hindcast, "clicks"), tallies)


if __name__ == "__main__":
    harness.main()
