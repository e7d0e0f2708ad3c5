#!/usr/bin/env python3
"""`hindcast replay`: what an operator says takes effect, is kept over a kill, and is answered with words that help."""
import json
import subprocess
import time

import bad_history_test as outage
import harness

DAYS = 6
ROWS = DAYS * 288 * 2


class ReplayCommandsTest(outage.BadHistoryTest):
    """A few days in an archive and a source that was never live, but for a heartbeat behind them."""

    def setUp(self):
        super().setUp()
        self.start(outage.FILES)
        for number in range(DAYS):
            rows = [(r["meter"], r["n"], r["at"], r["power"]) for r in outage.readings(number)]
            folder = self.hindcast.folder / "archive" / outage.day(number)[:10].replace("-", "")
            folder.mkdir(parents=True)
            (folder / "meters.csv.gz").write_bytes(self.csv(rows))
        self.hindcast.start_ready().heartbeat("meters", outage.day(DAYS + 1))

    def replay(self, *arguments):
        return json.loads(self.hindcast.command("replay", *arguments, "--json"))

    def begin(self, *arguments):
        """A replay of all days. Returns its number, as an argument."""
        return str(self.replay("start", "--source", "meters", "--from", outage.day(0), "--to", outage.day(DAYS),
                               *arguments)["id"])

    def until(self, number, condition, what):
        self.hindcast.until(lambda: condition(self.replay("show", number)), what)
        return self.replay("show", number)

    def until_state(self, number, state):
        return self.until(number, lambda job: job["state"] == state, state)

    def refused(self, *arguments, code):
        done = subprocess.run([harness.BINARY, "replay", *arguments, "--url", self.hindcast.url], capture_output=True)
        self.assertEqual(done.returncode, code, done)
        return done.stderr.decode()

    def check_all(self):
        self.assert_same_rows(self.hindcast.table("power"), outage.expected(range(DAYS)))

    def test_a_replay_follows_to_its_end_and_is_reported(self):
        self.assertIn("no replays", self.hindcast.command("replay", "list"))
        text = self.hindcast.command("replay", "start", "--source", "meters", "--from", outage.day(0), "--to",
                                     outage.day(DAYS), "--follow")
        self.assertIn("replay 1 of meters: done", text)
        self.assertIn(f"{ROWS:,} = {ROWS:,} added + 0 duplicate", text)
        self.check_all()
        for verb in ("show", "report"):
            self.assertIn("done        100 %", self.hindcast.command("replay", verb, "1"))
        self.assertIn("100 %", self.hindcast.command("replay", "list"))
        again = self.replay("start", "--source", "meters", "--from", outage.day(0), "--to", outage.day(DAYS), "--key", "m2")
        job = self.until_state(str(again["id"]), "done")
        self.assertEqual((job["keys"], job["counts"]["added"], job["counts"]["duplicate"]), (["m2"], 0, ROWS // 2))

    def test_a_paused_replay_stands_still_also_over_a_kill_and_goes_on(self):
        number = self.begin("--rate", "200/s")
        self.until(number, lambda job: job["counts"]["read"] > 0, "reading")
        self.hindcast.command("replay", "pause", number)
        self.hindcast.kill()
        self.hindcast.start_ready()
        job = self.replay("show", number)
        self.assertEqual((job["state"], job["reason"], job["rate"]), ("paused", "paused by an operator", 200))
        read = job["counts"]["read"]
        self.hindcast.command("replay", "rate", number, "none")
        self.assertEqual(self.replay("show", number)["counts"]["read"], read)
        self.assertEqual(self.replay("pause", number)["state"], "paused")  # said twice
        self.hindcast.command("replay", "resume", number)
        self.until_state(number, "done")
        self.check_all()

    def test_a_rate_holds_and_can_be_changed_while_it_runs(self):
        number = self.begin("--rate", "100/s")
        before = time.monotonic()
        self.until(number, lambda job: job["waits_for"] == "rate", "held by the rate")
        job = self.replay("show", number)
        # At once: a quarter of a second's worth and what was taken on credit, a subwindow a worker.
        self.assertLess(job["counts"]["read"], 100 * (time.monotonic() - before) + ROWS * 0.75)
        self.assertEqual(self.replay("rate", number, "1000000/s")["rate"], 1_000_000)
        self.until_state(number, "done")
        self.check_all()

    def test_newest_first_is_read_from_the_end(self):
        number = self.begin("--order", "newest", "--rate", "200/s")
        job = self.until(number, lambda job: job["share_done"] > 0.1, "under way")
        self.assertEqual(job["order"], "newest")
        # Several are under way at once: the newest need not be the first that is done.
        self.hindcast.until(lambda: DAYS - 1 in self.days(), "the newest day")
        self.hindcast.command("replay", "pause", number)
        days = self.days()
        self.assertIn(DAYS - 1, days)
        self.assertNotIn(0, days)
        self.assertEqual(self.replay("order", number, "oldest")["order"], "oldest")
        self.hindcast.command("replay", "resume", number)
        self.hindcast.command("replay", "rate", number, "none")
        self.until_state(number, "done")
        self.check_all()

    def days(self):
        return {(row["start_ms"] - outage.BEGIN) // outage.DAY_MS for row in self.hindcast.rows("power")}

    def test_a_cancelled_replay_leaves_whole_buckets_and_another_one_completes_it(self):
        number = self.begin("--rate", "200/s")
        self.until(number, lambda job: job["share_done"] > 0.1, "under way")
        job = self.replay("cancel", number)
        self.assertEqual((job["state"], job["reason"]), ("cancelled", "cancelled by an operator"))
        time.sleep(0.3)  # time to do what it must not do any more
        after = self.replay("show", number)
        self.assertEqual((after["counts"], after["share_done"]), (job["counts"], job["share_done"]))
        found = self.hindcast.table("power")
        self.assertLess(len(found), len(outage.expected(range(DAYS))))
        for at, row in found.items():
            self.assertEqual(row, outage.expected([(at[1] - outage.BEGIN) // outage.DAY_MS])[at], "half a bucket")
        self.hindcast.kill()
        self.hindcast.start_ready()
        self.assertEqual(self.replay("show", number)["state"], "cancelled")
        self.assertEqual(self.hindcast.table("power"), found)
        for verb in (("pause", number), ("resume", number), ("rate", number, "5/s"), ("order", number, "newest"),
                     ("cancel", number)):
            self.assertIn(f"replay {number} is cancelled already", self.refused(*verb, code=1))
        self.until_state(self.begin(), "done")
        self.check_all()

    def test_what_cannot_be_is_refused_with_what_would_be_right(self):
        window = ("--from", outage.day(0), "--to", outage.day(1))
        self.assertIn("did you mean 'meters'?", self.refused("start", "--source", "meter", *window, code=1))
        self.assertIn("'from' must be before 'to'", self.refused(
            "start", "--source", "meters", "--from", outage.day(1), "--to", outage.day(0), code=2))
        self.assertIn("--source, --from and --to", self.refused("start", "--source", "meters", code=2))
        self.assertIn("5000/s", self.refused("start", "--source", "meters", *window, "--rate", "fast", code=2))
        self.assertIn("oldest", self.refused("start", "--source", "meters", *window, "--order", "random", code=2))
        for verb in ("show", "report", "pause", "resume", "cancel"):
            self.assertIn("no replay 77", self.refused(verb, "77", code=1))
            self.assertIn("hindcast replay list", self.refused(verb, code=2))
        self.assertIn("replays have numbers", self.refused("show", "x", code=1))
        self.assertIn("5000/s", self.refused("rate", "1", "fast", code=2))
        self.assertIn("oldest or newest", self.refused("order", "1", "up", code=2))
        self.refused("stat", code=2)
        url, self.hindcast.url = self.hindcast.url, "http://127.0.0.1:1"
        self.refused("list", code=3)
        self.hindcast.url = url
        self.hindcast.stop()
        bare = self.install(outage.CONFIG.replace('[source.history]\nsettle = "0s"\nHISTORY', "")).start_ready()
        self.hindcast = bare
        self.assertIn("[source.history]", self.refused("start", "--source", "meters", *window, code=2))


# What is inherited was tested where it stands.
for name in [name for name in dir(outage.BadHistoryTest) if name.startswith("test_")]:
    setattr(ReplayCommandsTest, name, None)


if __name__ == "__main__":
    harness.main()
