#!/usr/bin/env python3
"""What an operator sees of a replay's speed, and does about it: rate, pause, order, cancel, limits, reports, `top`, metrics.

Asserts states, the order of things and sums, never how long something takes."""
import decimal
import json
import os
import pty
import re
import signal
import subprocess

import bad_history_test as outage
import harness
import replay_commands_test as commands

REASONS = {"rate", "floor", "live-latency", "store", "stream", "memory", "concurrency", "budget", "schedule", "reader",
           "compute"}
GONE = decimal.Decimal("0.000001")  # what a sum of eleven printed doubles may lose


class OperateTest(commands.ReplayCommandsTest):
    def report(self, number):
        return json.loads(self.hindcast.command("replay", "report", number, "--json"), parse_float=decimal.Decimal)

    def limits(self, *arguments):
        return json.loads(self.hindcast.command("limits", "--json", *arguments))

    def metrics(self):
        found = {}
        for line in self.hindcast.get("/metrics").body.decode().splitlines():
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                found[name] = float(value)
        return found

    def check_report(self, number):
        report = self.report(number)
        self.assertEqual(set(report["reasons"]), REASONS)
        self.assertEqual(sum(reason["percent"] for reason in report["reasons"].values()), 100)
        seconds = sum(reason["seconds"] for reason in report["reasons"].values())
        self.assertLess(abs(seconds - report["duration_seconds"]), GONE)
        counts = report["counts"]
        self.assertEqual(counts["read"], sum(counts[outcome] for outcome in (
            "added", "duplicate", "superseded", "outside", "dead_lettered")))
        return report

    def test_a_replay_is_steered_from_its_start_to_its_report(self):
        number = self.begin("--rate", "50/s")
        job = self.until(number, lambda job: job["waits_for"] == "rate" and job["reasons"]["rate"] > 0, "held by the rate")
        self.assertEqual(set(job["reasons"]), REASONS)
        self.assertLess(abs(sum(job["reasons"].values()) - job["elapsed_seconds"]), float(GONE))
        self.assertGreater(job["windows_left"], 0)
        self.assertLessEqual(job["ceiling"], 50)
        text = self.hindcast.command("replay", "show", number)
        self.assertIn("waits for rate", text)
        self.assertRegex(text, r"lately +.*rate \d+%")
        self.assertRegex(self.hindcast.command("replay", "list"), r"/s  rate ")

        self.assertEqual(self.replay("rate", number, "80/s")["rate"], 80)
        self.until(number, lambda job: 50 < job["ceiling"] <= 80, "allowed more")
        self.assertEqual(self.replay("pause", number)["state"], "paused")
        paused = self.until_state(number, "paused")
        self.assertNotIn("eta_seconds", paused)
        self.assertIn("paused", self.hindcast.command("top", "--once"))
        self.assertEqual(self.replay("order", number, "newest")["order"], "newest")
        self.assertIn(self.replay("resume", number)["state"], ("queued", "running"))
        self.hindcast.command("replay", "rate", number, "none")
        done = self.until_state(number, "done")
        self.check_all()

        self.assertEqual((done["windows_left"], done["waits_for"], done["set_aside"]), (0, "", []))
        report = self.check_report(number)
        # What a worker had in its hand at the pause is read again; if its commit was on the way, it is known by then.
        counts = report["counts"]
        self.assertEqual((counts["added"] + counts["duplicate"], counts["read"], report["windows_left"]), (commands.ROWS, commands.ROWS, 0))
        self.assertGreater(counts["added"], 0)
        self.assertGreater(report["windows_done"], 0)
        self.assertGreater(report["reasons"]["rate"]["seconds"], 0)
        page = self.hindcast.command("replay", "report", number)
        self.assertRegex(page, r"in all +\S+ +100\.0 %")
        self.assertIn(f"{counts['added']:,} added + {counts['duplicate']:,} duplicate", page)
        self.hindcast.kill()  # what was noted is kept, and told by a stopped directory too
        self.assertEqual(self.report(number)["reasons"]["rate"], report["reasons"]["rate"])
        self.assertIn("done", self.hindcast.command("top", "--once"))

    def test_a_cancelled_replay_has_a_report_and_is_counted(self):
        number = self.begin("--rate", "50/s")
        self.until(number, lambda job: job["counts"]["read"] > 0, "reading")
        self.assertEqual(self.metrics()['hindcast_replays{state="running"}'], 1)
        self.assertEqual(self.replay("cancel", number)["state"], "cancelled")
        report = self.check_report(number)
        self.assertGreater(report["windows_left"], 0)
        metrics = self.metrics()
        self.assertEqual(metrics['hindcast_replays{state="cancelled"}'], 1)
        self.assertEqual(metrics['hindcast_replays{state="running"}'], 0)
        self.assertEqual(metrics['hindcast_replay_events_total{outcome="added"}'], report["counts"]["added"])
        self.assertAlmostEqual(metrics['hindcast_replay_seconds_total{reason="rate"}'],
                               float(report["reasons"]["rate"]["seconds"]))
        self.until_state(self.begin(), "done")
        self.check_all()
        second = self.check_report("2")
        self.assertGreaterEqual(second["counts"]["duplicate"], report["counts"]["added"])  # more: see above

    def test_limits_hold_at_once_and_over_a_kill_until_they_are_taken_back(self):
        configured = self.limits()
        self.assertEqual(self.hindcast.get("/v1/limits").json, configured)
        changed = self.limits("--set", "rate=60/s", "--set", "live_p99=35ms")
        self.assertEqual((changed["rate"], changed["live_p99"]), ("60/s", "35ms"))
        self.assertEqual({**changed, "rate": configured["rate"], "live_p99": configured["live_p99"]}, configured)
        governor = lambda: self.hindcast.status()["governor"]
        self.hindcast.until(lambda: governor()["ceiling"] == 60, "held to the new rate")
        number = self.begin()
        self.until(number, lambda job: job["waits_for"] == "rate", "held by the limit of all")
        self.assertLessEqual(governor()["allowed"], 60)
        self.assertIn("of 60/s: rate", self.hindcast.command("top", "--once"))

        self.hindcast.kill()
        self.hindcast.start_ready()
        self.assertEqual(self.limits(), changed)
        self.assertEqual(self.limits("--set", "rate=")["rate"], configured["rate"])
        self.assertRegex(self.hindcast.command("limits", "--set", "subwindows_at_once=3"), r"subwindows_at_once +3 ")
        self.until_state(number, "done")
        self.check_all()
        patch = self.hindcast.request("PATCH", "/v1/limits", b'{"live_p99": null, "subwindows_at_once": null}')
        self.assertEqual(patch.json, configured)

    def test_limits_that_make_no_sense_change_nothing(self):
        configured = self.limits()
        for change, code, said in (("rat=10%", 1, "did you mean 'rate'?"), ("rate=fast", 2, "rate"),
                                   ("subwindows_at_once=0", 2, "subwindows_at_once"), ("rate", 2, "NAME=VALUE")):
            done = subprocess.run([harness.BINARY, "limits", "--set", "floor=1%", "--set", change, "--url",
                                   self.hindcast.url], capture_output=True)
            self.assertEqual(done.returncode, code, done)
            self.assertIn(said, done.stderr.decode())
        self.assertEqual(self.limits(), configured)
        self.hindcast.stop()
        self.hindcast.command("limits", code=3)

    def test_top_shows_streams_live_governor_chain_and_replays(self):
        number = self.begin("--rate", "50/s")
        self.until(number, lambda job: job["waits_for"] == "rate" and job["counts"]["read"] > 0, "held by the rate")
        text = self.hindcast.command("top", "--once")
        order = [text.index(part) for part in ("running", "live    apply p99", "replay  ", "meters", "progress", "history")]
        self.assertEqual(order, sorted(order), text)
        self.assertRegex(text, rf"{number}  meters +running +\[#*\.*\] +\d+ %  \S+/s +50/s  rate ")
        self.assertNotIn("\x1b", text)
        done = subprocess.run([harness.BINARY, "top", "--url", "http://127.0.0.1:1"], capture_output=True)
        self.assertEqual(done.returncode, 3)

    def test_top_keeps_a_terminal_until_it_is_told_to_leave_and_gives_it_back(self):
        for leave in (b"q", signal.SIGINT):
            with self.subTest(leave=leave):
                keyboard, terminal = pty.openpty()
                top = subprocess.Popen([harness.BINARY, "top", "--url", self.hindcast.url], stdin=terminal, stdout=terminal,
                                       stderr=terminal)
                os.close(terminal)
                self.assertTrue(self.seen(keyboard, b"meters").startswith(b"\x1b[?1049h"))
                self.hindcast.kill()
                self.seen(keyboard, b"trying again")
                self.hindcast.start_ready()  # elsewhere: it has another port
                top.send_signal(leave) if isinstance(leave, int) else os.write(keyboard, leave)
                self.assertTrue(self.seen(keyboard, None).endswith(b"\x1b[?1049l"))
                self.assertEqual(top.wait(harness.PATIENCE), 0)
                os.close(keyboard)

    def seen(self, terminal, what):
        """All that is shown until `what` is, or until the end."""
        shown = b""
        while what is None or what not in shown:
            try:
                piece = os.read(terminal, 65536)
            except OSError:  # nobody holds the other end any more
                piece = b""
            if not piece:
                self.assertIsNone(what, shown)
                break
            shown += piece
        return shown

    def test_where_nobody_watches_progress_is_plain_lines(self):
        done = subprocess.run(
            [harness.BINARY, "replay", "start", "--source", "meters", "--from", outage.day(0), "--to",
             outage.day(commands.DAYS), "--follow", "--url", self.hindcast.url], capture_output=True)
        self.assertEqual(done.returncode, 0, done)
        self.assertIn("replay 1 of meters: done", done.stdout.decode())
        lines = done.stderr.decode().splitlines()
        self.assertTrue(lines)
        for line in lines:
            self.assertRegex(line, r"^replay 1: +(\d+ %|-)  \S+/s.*  eta \S+  windows: \S+ done, \S+ left, 0 set aside$")

    def test_metrics_that_alerts_and_dashboard_use_are_told(self):
        told = set(re.findall(r"^# TYPE (\w+)", self.hindcast.get("/metrics").body.decode(), re.M))
        for name in ("alerts.yml", "grafana.json"):
            used = set(re.findall(r"hindcast_\w+", (harness.ROOT / "deploy" / name).read_text()))
            self.assertEqual(used - told, set(), name)
        metrics = self.metrics()
        self.assertEqual(metrics["hindcast_replay_storm"], 0)
        self.assertEqual(metrics['hindcast_gaps{stream="meters",state="open"}'], 0)
        self.assertGreater(metrics['hindcast_replay_link_max_bytes{link="history"}'], 0)
        self.hindcast.command("gaps", "open", "--source", "meters", "--from", outage.day(0), "--to", outage.day(1))
        self.assertEqual(self.metrics()['hindcast_gaps{stream="meters",state="open"}'], 1)


# What is inherited was tested where it stands.
for name in [name for name in dir(commands.ReplayCommandsTest) if name.startswith("test_")]:
    if name not in vars(OperateTest):
        setattr(OperateTest, name, None)


if __name__ == "__main__":
    harness.main()
