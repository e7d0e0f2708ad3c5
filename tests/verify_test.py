#!/usr/bin/env python3
"""What is stored is proved right, and made right where it is not: a flipped byte, and a history that was corrected."""
import json
import unittest

import harness

CONFIG = """
[[source]]
name = "trades"
kind = "http"
format = "ndjson"
watermark = { delay = "1s" }

[source.event]
key = "symbol"
id = { field = "id", type = "int" }
time = "t"
time_unit = "ms"

[source.values]
price = { field = "p", type = "decimal(18,2)" }

[source.history]
kind = "files"
path = "history.ndjson"
format = "ndjson"
settle = "0s"

[[aggregate]]
name = "bars"
sources = ["trades"]
bucket = "1m"
rollups = ["5m"]

[aggregate.values]
total = "sum(price)"
trades = "count()"

[replay]
rate = "1000000/s"
"""
START_MS = 1_709_290_800_000  # 2024-03-01T11:00:00Z
AFTER = "2024-03-01T11:11:00Z"


# What the file holds; of the time behind its last event a history can say nothing.
SPAN = ("--to", "2024-03-01T11:10:00Z")


class VerifyTest(harness.SystemTest):
    def events(self):
        return [{"symbol": f"S{i % 3}", "id": i, "t": START_MS + i * 1000, "p": f"{i}.25"} for i in range(600)]

    def write_history(self, hindcast, events):
        (hindcast.folder / "history.ndjson").write_text("".join(json.dumps(e) + "\n" for e in events))

    def installed(self):
        hindcast = self.install(CONFIG)
        self.write_history(hindcast, self.events())
        hindcast.start_ready()
        hindcast.push("trades", self.events())
        hindcast.close("trades", "bars", AFTER)
        return hindcast

    def verify(self, hindcast, *arguments, code):
        return json.loads(hindcast.command("verify", "--json", *arguments, code=code))

    def until_refilled(self, hindcast, report):
        job = report["refill"][0]["replay"]
        self.assertIsNotNone(job, report)
        hindcast.until(lambda: hindcast.get(f"/v1/replays/{job}").json["state"] in ("done", "failed"), "replayed")
        self.assertEqual(hindcast.get(f"/v1/replays/{job}").json["state"], "done")
        hindcast.until(lambda: not hindcast.get("/v1/gaps", open="true").json["gaps"], "filled")
        hindcast.until(lambda: all(row["state"] == "final" for resolution in ("1m", "5m")
                                   for row in hindcast.rows("bars", resolution=resolution)), "final")

    def test_a_flipped_byte_is_found_and_mended_from_history(self):
        hindcast = self.installed()
        before = hindcast.table("bars")
        self.assertEqual(hindcast.stop(), 0)
        part = max((p for p in (hindcast.folder / "data").rglob("parts/*") if p.is_file()), key=lambda p: p.stat().st_size)
        content = bytearray(part.read_bytes())
        content[len(content) // 2] ^= 0x10
        part.write_bytes(content)
        hindcast.start_ready()
        found = self.verify(hindcast, code=1)
        self.assertEqual(found["by_kind"], {"damage": 1}, found)
        self.assertIn("byte", found["differences"][0]["what"])
        mended = self.verify(hindcast, "--repair", code=1)
        self.assertEqual(mended["repair"]["pages_remade"], 1, mended)
        if mended["refill"]:  # else the byte was of nothing that is needed
            self.until_refilled(hindcast, mended)
        self.assertEqual(hindcast.table("bars"), before)
        hindcast.command("verify")
        hindcast.command("verify", "--against", "history", *SPAN)

    def test_what_history_says_otherwise_is_located_and_taken_over(self):
        hindcast = self.installed()
        hindcast.command("verify", "--against", "history", *SPAN)
        events = self.events()
        events[130]["p"] = "1000.00"  # in the third minute
        self.write_history(hindcast, events)
        found = self.verify(hindcast, "--against", "history", *SPAN, code=1)
        self.assertEqual(found["by_kind"], {"differs": 1}, found)
        self.assertEqual((found["differences"][0]["key"], found["differences"][0]["start"]), ("S1", "2024-03-01T11:02:00Z"))
        before = hindcast.table("bars")
        self.until_refilled(hindcast, self.verify(hindcast, "--against", "history", *SPAN, "--repair", code=1))
        after = hindcast.table("bars")
        changed = [at for at in after if after[at] != before[at]]
        self.assertEqual(changed, [("S1", START_MS + 120_000)])
        self.assertEqual(float(after[changed[0]]["total"] - before[changed[0]]["total"]), 1000 - 130.25)
        hindcast.command("verify", "--against", "history", *SPAN)
        hindcast.command("verify")
        # The same of a stopped directory; mending needs a daemon.
        self.assertEqual(hindcast.stop(), 0)
        hindcast.command("verify", "--against", "history")
        self.write_history(hindcast, self.events())
        found = self.verify(hindcast, "--against", "history", code=1)
        self.assertEqual(found["by_kind"], {"differs": 1}, found)
        hindcast.command("verify", "--against", "history", "--repair", code=3)


if __name__ == "__main__":
    harness.main()
