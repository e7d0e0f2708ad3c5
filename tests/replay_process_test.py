#!/usr/bin/env python3
"""Replays that are worked at in processes of their own (isolation = "process"): the same content as with threads, and whoever is
killed with kill -9 at random, such a process or the daemon, nothing is lost and nothing counts twice.

HINDCAST_ROUNDS: kills, default 12; 200 is the long run. HINDCAST_SEED."""
import os
import random
import signal
import time

import harness
import replay_kill_test as world

ISOLATED = world.CONFIG.replace("[replay]\n", '[replay]\nisolation = "process"\n')
KILLS = int(os.environ.get("HINDCAST_ROUNDS", "12"))


class ReplayProcessTest(world.ReplayWorld):
    def pids(self, hindcast):
        return hindcast.get("/v1/status").json["isolation"]["replay_pids"]

    def content(self, hindcast):
        return {resolution: hindcast.table("clicks", resolution=resolution, limit=1_000_000) for resolution in ("10s", "1m", "1h")}

    def test_content_is_the_same_as_with_threads(self):
        contents, counts = [], []
        for config in (world.CONFIG, ISOLATED, ISOLATED.replace("direct", "separate")):
            random_ = random.Random(world.SEED)
            hindcast = self.install(config.replace("RATE", "1000000"))
            past, came = self.begin(hindcast, random_, hours=8)
            self.finish(hindcast, past, [], hours=8)
            contents.append(self.content(hindcast))
            counts.append({name: value for name, value in self.job(hindcast)["counts"].items() if name != "bytes_written"})
            isolation = hindcast.get("/v1/status").json["isolation"]
            self.assertEqual(isolation["kind"], "process" if "process" in config else "threads")
            self.assertEqual(isolation["replay_restarts"], 0)
            self.assertEqual(bool(isolation["replay_pids"]), "process" in config)
            pids = isolation["replay_pids"]
            self.assertEqual(hindcast.stop(), 0)
            self.assertEqual([pid for pid in pids if os.path.exists(f"/proc/{pid}")], [], "outlived the daemon")
        self.assertEqual(contents[0], contents[1])
        self.assertEqual(contents[0], contents[2])
        self.assertEqual(counts[0], counts[1])

    def test_kills_of_processes_and_of_the_daemon_lose_nothing(self):
        print(f"seed {world.SEED}, {KILLS} kills", flush=True)
        random_ = random.Random(world.SEED)
        hours = 5 + KILLS * 3 // 2
        hindcast = self.install(ISOLATED.replace("RATE", str(world.RATE)))
        past, _ = self.begin(hindcast, random_, hours)
        source, sent = self.live(random_, hours), []
        children = daemons = 0
        held_at = 0.0  # how much was done when one was last killed at work
        while children + daemons < KILLS:
            batch = next(source)
            hindcast.push("clicks", batch)
            sent.append(batch)
            time.sleep(random_.random() * 0.5)
            victims = self.pids(hindcast)
            if daemons < (children + daemons) // 3 or not victims:
                hindcast.kill()
                daemons += 1
                for pid in victims:  # they go with it, however busy they were
                    hindcast.until(lambda p=pid: not os.path.exists(f"/proc/{p}"), "rid of its processes")
                hindcast.start_ready()
                continue
            victim = random_.choice(victims)
            # Now and then at work for certain: held until a call waits for it. Not thrice on one piece, or that is set aside.
            share = float(self.job(hindcast)["share_done"])
            if share - held_at > 3 / hours:
                os.kill(victim, signal.SIGSTOP)
                time.sleep(1 + random_.random())
                held_at = share
            os.kill(victim, signal.SIGKILL)
            children += 1
            hindcast.until(lambda: victim not in self.pids(hindcast), "aware of the death")
        self.assertGreater(children, KILLS // 3, "too few processes were there to be killed")
        self.finish(hindcast, past, sent, hours)
        at_work = hindcast.log().count("at_work=true")
        print(f"  {children} processes ({at_work} at work) and {daemons} daemons killed", flush=True)
        self.assertEqual(hindcast.stop(), 0)


if __name__ == "__main__":
    harness.main()
