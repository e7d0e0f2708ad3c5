#!/usr/bin/env python3
"""A daemon on a live feed with everything that goes wrong with one, alone and together: what is final holds all that had come
before it closed, what was lost comes back from history, and in the end every row is what the data say, or says that it is not.

HINDCAST_ROUNDS: rounds of the random combinations, default 20; 200 is the long run. HINDCAST_SEED: of the first one."""
import collections
import decimal
import os
import random
import shutil
import time

import harness

KEYS = {"source": 'delivery = "lossy"', "event": 'sequence = "seq"', "history": "limit = 100", "aggregate": 'rollups = ["1m"]'}
BEGIN = 1_709_287_200_000
SECONDS = 180
STEP_MS = 250
END = BEGIN + SECONDS * 1000
ROUNDS = int(os.environ.get("HINDCAST_ROUNDS", "20"))
SEED = int(os.environ.get("HINDCAST_SEED", "1"))
KINDS = ("drop", "duplicate", "reorder", "late", "disconnect", "stall", "http-429", "slow-pages", "history-lacks",
         "history-contradicts")
# A count of numbers begins with the first one seen, and what is lost behind the last one leaves no trace in it.
FROM, TO = BEGIN + 20_000, END - 20_000


def fault(kind, rng):
    """One fault of the kind, somewhere between FROM and TO."""
    begin = rng.randrange(FROM, TO - 30_000)
    window = {"from": begin, "to": begin + rng.randrange(5_000, 30_000)}
    chance = {"probability": rng.choice((0.02, 0.1, 0.5)), "seed": rng.randrange(1000)}
    everywhere = {"from": FROM, "to": TO}
    return {"kind": kind} | {
        "drop": everywhere | chance,
        "duplicate": everywhere | chance | {"after": rng.choice((0, 5, 40))},
        "reorder": everywhere | chance | {"window": rng.choice((1, 5, 30))},
        "late": everywhere | chance | {"by": rng.choice((2, 20, 60))},
        "disconnect": window | {"abrupt": rng.random() < 0.3},
        "stall": window,
        "http-429": {"count": rng.randrange(1, 4), "retry_after": 0},
        "slow-pages": {"count": rng.randrange(1, 4), "delay": 0.1},
        "history-lacks": everywhere | chance,
        "history-contradicts": everywhere | chance | {"field": "p"},
    }[kind]


class FeedFaultsTest(harness.SystemTest):
    def round(self, kinds, seed):
        rng = random.Random(seed)
        events = harness.feed_trades(rng, BEGIN, STEP_MS, SECONDS * 1000 // STEP_MS)
        path = self.folder / f"trades-{seed}.ndjson"
        path.write_bytes(harness.ndjson(events))
        feed = self.feed(path, "--key", "s", "--time", "T", "--time-unit", "ms", "--speed", 0)
        hindcast = self.install(harness.feed_config(feed, **KEYS)).start_ready()
        feed.until(lambda state: len(state["connections"]) == 1, "connected to")
        faults = [fault(kind, rng) for kind in kinds]
        for one in faults:
            feed.fault(**one)
        self.seen = {}  # rows that were final: (version, n, total), as first and as last seen
        self.first = {}
        at = BEGIN
        while at < END + 60_000:
            at += rng.randrange(5_000, 20_000)
            feed.clock(advance_to=at)
            self.read(hindcast)
            # Feed time does not run away from a daemon that is connecting: an outage ends with the first event after it.
            if not any(one["kind"] == "disconnect" and one["from"] <= at < one["to"] for one in faults):
                feed.until(lambda state: len(state["connections"]) == 1, "connected to")
        feed.clock(advance_to=END + 600_000)
        self.until_recovered(hindcast, feed)
        self.check(hindcast, feed, events, kinds)
        self.assertEqual(hindcast.stop(), 0)
        feed.stop()
        shutil.rmtree(hindcast.folder)  # two hundred logs fill a disk

    def read(self, hindcast):
        """A reader's view, at any moment. What is final stays, unless its version says otherwise."""
        rows = hindcast.get("/v1/aggregates/bars/buckets").json["buckets"]
        for row in rows:
            if row["state"] != "final":
                continue
            key = row["key"], harness.milliseconds(row["start"])
            now = row["version"], row["values"]["n"], row["values"]["total"]
            before = self.seen.get(key)
            if before is None:
                self.first[key] = now
            elif now != before:
                self.assertGreater(now[0], before[0], f"{key}: {before} became {now}")
                self.assertIn(row["cause"].split()[0], ("late", "replay"), row)
            self.seen[key] = now
        return rows

    def until_recovered(self, hindcast, feed):
        def recovered():
            rows = self.read(hindcast)
            state = feed.get("/state")
            replays = hindcast.get("/v1/replays").json["replays"]
            return (state["finished"] and state["all_sent"] and len(state["connections"]) == 1
                    and hindcast.tallies("trades")["pending"] == 0 and rows
                    and all(row["state"] == "final" for row in rows)
                    and all(job["state"] in ("done", "failed") for job in replays)
                    and not hindcast.get("/v1/gaps", open="true").json["gaps"])
        hindcast.until(recovered, "recovered")
        for job in hindcast.get("/v1/replays").json["replays"]:
            self.assertEqual(job["state"], "done", job)

    def check(self, hindcast, feed, events, kinds):
        numbered, numbers = {}, collections.Counter()
        for event in sorted(events, key=lambda event: event["T"]):
            numbers[event["s"]] += 1
            numbered[event["s"], numbers[event["s"]]] = event
        wire = [(sent["key"], sent["seq"]) for sent in feed.sent()]
        sent = set(wire)
        for one in feed.get("/faults")["faults"]:
            if one["kind"] in ("http-429", "slow-pages"):
                feed.request("DELETE", f"/faults?id={one['id']}")
        history = {key: set() for key in "ABC"}
        prices = {}
        for key in "ABC":
            after = 0
            while True:
                page = feed.get(f"/history?key={key}&after_seq={after}")["data"]
                if not page:
                    break
                history[key] |= {event["seq"] for event in page}
                prices |= {(key, event["seq"]): decimal.Decimal(event["p"]) for event in page}
                after = page[-1]["seq"]
        lacking = {(key, seq) for key, seq in numbered if seq not in history[key]}
        self.check_first_final(wire, numbered)

        # All that was on the wire or is in history, once.
        least, most = {}, {}
        for at, event in numbered.items():
            if at not in sent and at in lacking:
                continue
            bucket = event["s"], event["T"] // 10_000 * 10_000
            values = sorted({decimal.Decimal(event["p"]), prices.get(at, decimal.Decimal(event["p"]))})
            for rows, value in ((least, values[0]), (most, values[-1])):
                row = rows.setdefault(bucket, {"n": decimal.Decimal(0), "total": decimal.Decimal(0)})
                row["n"] += 1
                row["total"] += value
        found = hindcast.table("bars")
        if "history-contradicts" in kinds:
            self.assertEqual({at: row["n"] for at, row in found.items()}, {at: row["n"] for at, row in least.items()})
            for at, row in found.items():
                self.assertTrue(least[at]["total"] <= row["total"] <= most[at]["total"], at)
        else:
            self.assert_same_rows(found, least)

        # Incomplete is nothing but what history lacks; and what neither came nor is there is said.
        places = collections.defaultdict(set)
        for at in lacking:
            event = numbered[at]
            places[event["s"], event["T"] // 60_000 * 60_000].add(at)
        lost = {(key, numbered[key, seq]["T"] // 10_000 * 10_000) for key, seq in lacking - sent}
        for row in hindcast.rows("bars"):
            lacks = places[row["key"], row["start_ms"] // 60_000 * 60_000]
            if not row["complete"]:
                self.assertTrue(lacks, f"incomplete without a reason: {row}")
            if (row["key"], row["start_ms"]) in lost:
                self.assertFalse(row["complete"], f"complete without {sorted(lacks - sent)}: {row}")
        tallies = self.assert_balanced(hindcast, "trades")
        self.assertEqual(tallies["dead_lettered"], 0)

    def check_first_final(self, wire, numbered):
        """What was on the wire before anything that could have closed a bucket is in it when it is first seen final."""
        for (key, start), (_, n, _) in self.first.items():
            # A heartbeat cannot have closed it before an event near its end went out: there are some every second.
            before, place = set(), start + 10_000 - 2_000
            for at in wire:
                if numbered[at]["T"] >= place:
                    break
                if at[0] == key and numbered[at]["T"] // 10_000 * 10_000 == start:
                    before.add(at)
            self.assertGreaterEqual(n, len(before), f"{key} {start} was final without what had come")

    def test_each_fault_alone(self):
        for number, kind in enumerate(KINDS):
            with self.subTest(kind=kind):
                # Faults of the history need something that was lost.
                alone = number < KINDS.index("http-429")
                self.round((kind,) if alone else ("disconnect", kind), 1000 + number)

    def test_faults_together(self):
        for number in range(ROUNDS):
            seed = SEED + number
            kinds = random.Random(seed).sample(KINDS, random.Random(-seed).randrange(2, 6))
            begin = time.monotonic()
            with self.subTest(seed=seed, kinds=kinds):
                self.round(kinds, seed)
            print(f"  seed {seed}: {' '.join(kinds)}: {time.monotonic() - begin:.1f} s", flush=True)


if __name__ == "__main__":
    harness.main()
