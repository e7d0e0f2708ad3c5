#!/usr/bin/env python3
"""Gaps as an operator meets them: opened, seen by every reader, accepted, kept over a kill; and the stream of changes."""
import json
import socket
import subprocess
import threading
import urllib.parse

import harness

CONFIG = """
[[source]]
name = "meters"
kind = "http"
watermark = { delay = "10s" }

[source.event]
key = "meter"
id = { field = "n", type = "int" }
time = "at"
time_unit = "rfc3339"

[source.values]
power = { field = "power", type = "decimal(9,3)" }

[[aggregate]]
name = "power"
bucket = "1m"
rollups = ["1h"]
values = { readings = "count()" }
"""


def readings(minutes):
    return [{"meter": meter, "n": n, "at": f"2024-03-01T10:{n:02d}:00Z", "power": "1.5"}
            for n in range(minutes) for meter in ("m1", "m2")]


class Events:
    """Server-sent events of a daemon, read until the stream ends."""

    def __init__(self, url, target, last=None):
        place = urllib.parse.urlsplit(url)
        self.socket = socket.create_connection((place.hostname, place.port), timeout=harness.PATIENCE)
        header = f"Last-Event-ID: {last}\r\n" if last is not None else ""
        self.socket.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n{header}\r\n".encode())
        self.text = b""
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self):
        with self.socket:
            while piece := self.socket.recv(65536):
                self.text += piece

    def events(self):
        """(id, event, data) of those that are whole; chunk sizes stand on lines of their own."""
        out = []
        for block in self.text.decode().replace("\r\n", "\n").split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
            if "data" in fields:
                out.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
        return out


class GapsTest(harness.SystemTest):
    def states(self, **options):
        return "".join(row["state"][0] + ("" if row["complete"] else "-") for row in self.hindcast.rows("power", **options))

    def test_a_gap_from_opening_to_acceptance_over_a_kill(self):
        self.hindcast = self.install(CONFIG).start_ready()
        self.hindcast.push("meters", readings(5))
        self.hindcast.close("meters", "power", "2024-03-01T11:00:00Z")
        opened = json.loads(self.hindcast.command(
            "gaps", "open", "--source", "meters", "--from", "2024-03-01T10:01:00Z", "--to", "2024-03-01T10:03:00Z",
            "--key", "m1", "--reason", "maintenance", "--json"))
        self.assertEqual((opened["state"], opened["keys"], opened["cause"]), ("open", ["m1"], "operator"))
        self.assertEqual(self.states(key="m1"), "fs-s-ff")
        self.assertEqual(self.states(key="m2"), "fffff")
        self.assertEqual(self.states(key="m1", resolution="1h"), "s-")
        self.assertEqual(len(self.hindcast.rows("power", state="sealed")), 2)

        self.hindcast.kill()
        self.assertEqual(self.states(key="m1"), "fs-s-ff")
        self.assertIn("maintenance", self.hindcast.command("gaps"))
        self.assertIn("needs a running daemon", self.refused("gaps", "accept", str(opened["id"]), "--reason", "x", code=3))
        self.hindcast.start_ready()

        self.hindcast.command("gaps", "accept", str(opened["id"]), "--reason", "nobody has it")
        self.assertEqual(self.states(key="m1"), "ff-f-ff")
        self.assertEqual(self.hindcast.command("gaps", "--open-only"), "no open gaps\n")
        spans = json.loads(self.hindcast.command("coverage", "--source", "meters", "--json"))["streams"][0]["spans"]
        self.assertEqual([(span["state"], span["start"][11:16]) for span in spans],
                         [("covered", "10:00"), ("accepted", "10:01"), ("covered", "10:03")])
        self.assertIn("accepted: nobody has it", self.hindcast.command("coverage"))
        self.hindcast.command("gaps", "accept", "99", "--reason", "x", code=1)

    def refused(self, *arguments, code):
        done = subprocess.run([harness.BINARY, *arguments, "-c", self.hindcast.config, "--data-dir",
                               self.hindcast.folder / "data"], capture_output=True)
        self.assertEqual(done.returncode, code)
        return done.stderr.decode()

    def test_the_stream_of_changes_misses_nothing_and_ends_with_the_daemon(self):
        self.hindcast = self.install(CONFIG).start_ready()
        self.hindcast.push("meters", readings(3))
        stream = Events(self.hindcast.url, "/v1/changes/stream?after=0")
        self.hindcast.close("meters", "power", "2024-03-01T11:00:00Z")
        self.hindcast.command("gaps", "open", "--source", "meters", "--from", "2024-03-01T10:01:00Z", "--to",
                              "2024-03-01T10:02:00Z")
        asked = self.hindcast.get("/v1/changes", after=0).json["changes"]
        self.assertEqual(asked[-1]["kind"], "gap-opened")
        self.hindcast.until(lambda: len(stream.events()) == len(asked), "told")
        told = stream.events()
        self.assertEqual([number for number, _, _ in told], list(range(1, len(asked) + 1)))
        self.assertEqual([(data["kind"], data["number"]) for _, _, data in told],
                         [(change["kind"], change["number"]) for change in asked])
        self.assertTrue(all(event == data["kind"] for _, event, data in told))
        back = Events(self.hindcast.url, "/v1/changes/stream?after=0", last=len(asked) - 1)
        self.hindcast.until(lambda: len(back.events()) == 1, "gone on")
        self.assertEqual(self.hindcast.stop(), 0)
        for reader in (stream, back):
            reader.thread.join(harness.PATIENCE)
            self.assertTrue(reader.text.endswith(b"0\r\n\r\n"), "the last chunk: the answer is whole")


if __name__ == "__main__":
    harness.main()
