#!/usr/bin/env python3
"""A feed that keeps its connections and stops delivering: the daemon notices, hangs up and dials anew, knows what it may have missed
as one gap however long that lasts, and reads it again when the feed is back."""
import random

import harness

BEGIN = 1_709_287_200_000
BUCKET_MS = 10_000
STEP_MS = 250
SPEED = 20  # 80 events and 20 heartbeats a second
SECONDS = int(harness.PATIENCE) * SPEED * 4  # the feed outlasts the test


class SilenceTest(harness.SystemTest):
    def start(self, bound):
        rng = random.Random(1)
        self.events = harness.feed_trades(rng, BEGIN, STEP_MS, SECONDS * 1000 // STEP_MS)
        path = self.folder / "trades.ndjson"
        path.write_bytes(harness.ndjson(self.events))
        self.live = self.feed(path, "--key", "s", "--time", "T", "--time-unit", "ms", "--speed", SPEED)
        self.hindcast = self.install(harness.feed_config(self.live, source=bound)).start_ready()
        self.until_received(200)

    def until_received(self, more):
        before = self.hindcast.tallies("trades")["received"]
        self.hindcast.until(lambda: self.hindcast.tallies("trades")["received"] >= before + more, "receiving")

    def until_silences(self, count):
        self.hindcast.until(lambda: self.hindcast.source("trades")["silences"] >= count, "silent")

    def open_ended(self):
        """The one gap without a right edge; its cause is the silence."""
        gaps = [gap for gap in self.hindcast.get("/v1/gaps", open="true").json["gaps"] if gap["end"] is None]
        self.assertEqual([gap["cause"] for gap in gaps], ["silence"], gaps)
        self.assertIn("source 'trades': silent: ", gaps[0]["detail"])
        return gaps[0]

    def until_open_ended(self):
        """A silence is counted a moment before the lane has put its gap into the store."""
        self.hindcast.until(lambda: any(gap["end"] is None for gap in self.hindcast.get("/v1/gaps", open="true").json["gaps"]),
                            "knowing of the gap")
        return self.open_ended()

    def check_recovered(self, gap):
        """All that there was when the feed came back is there: as if nothing had happened."""
        end = harness.milliseconds(self.live.get("/state")["time"]) // BUCKET_MS * BUCKET_MS

        def recovered():
            rows = [row for row in self.hindcast.get("/v1/aggregates/bars/buckets", limit=1_000_000).json["buckets"]]
            states = {row["state"] for row in rows if harness.milliseconds(row["start"]) < end}
            beyond = any(row["state"] == "final" for row in rows if harness.milliseconds(row["start"]) >= end)
            return states == {"final"} and beyond
        self.hindcast.until(recovered, "recovered")
        expected = harness.sums((event for event in self.events if event["T"] < end), BUCKET_MS)
        found = {at: row for at, row in self.hindcast.table("bars", limit=1_000_000).items() if at[1] < end}
        self.assert_same_rows(found, expected)
        filled = next(one for one in self.hindcast.get("/v1/gaps").json["gaps"] if one["id"] == gap["id"])
        self.assertEqual((filled["state"], filled["cause"]), ("filled", "silence"))
        replays = self.hindcast.get("/v1/replays").json["replays"]
        self.assertEqual({job["cause"] for job in replays}, {"reconnect"})
        self.assertGreater(sum(job["counts"]["added"] for job in replays), 0)
        self.assert_balanced(self.hindcast, "trades")

    # The connection stands and its pongs are missing too; `ping` would take twice 20 s to notice.
    def test_a_stalled_feed_is_one_gap_over_redials_and_a_kill(self):
        self.start('silence_after = "1s"')
        fault = self.live.fault(kind="stall")
        self.until_silences(1)
        gap = self.until_open_ended()
        self.until_silences(3)
        self.assertEqual(self.open_ended()["id"], gap["id"])
        self.assertIn('hindcast_source_silences_total{source="trades"}', self.hindcast.get("/metrics").body.decode())
        self.assertIn("silent: no message for 1s", self.hindcast.log())
        self.hindcast.kill()
        self.hindcast.start_ready()
        self.until_silences(1)
        self.assertEqual(self.open_ended()["id"], gap["id"])
        self.live.request("DELETE", f"/faults?id={fault['id']}")
        self.until_received(200)
        self.check_recovered(gap)
        self.assertEqual(self.hindcast.stop(), 0)

    # What sends heartbeats may live on while what sends events is stuck.
    def test_too_few_events_among_heartbeats_are_one_gap_from_before_they_became_few(self):
        self.start('expected_rate = { at_least = "10/s", over = "2s" }')
        fault = self.live.fault(kind="drop", probability=0.97, seed=1)
        begin = harness.milliseconds(self.live.get("/state")["time"])
        self.until_silences(1)
        gap = self.until_open_ended()
        self.assertLess(harness.milliseconds(gap["start"]), begin)
        self.until_silences(3)
        self.assertEqual(self.open_ended()["id"], gap["id"])
        self.live.request("DELETE", f"/faults?id={fault['id']}")
        self.until_received(200)
        self.check_recovered(gap)
        self.assertEqual(self.hindcast.stop(), 0)


if __name__ == "__main__":
    harness.main()
