"""Random changes and random faults from a seed; at the end the files, the daemon's count and the agent's truth agree.

SOAK_SECONDS (default 20) and SOAK_SEED (default: drawn, and printed) set it; `make soak` runs it for long."""

import os
import random
import time

import build
from daemon import daemon, truth, wait_until    # noqa: F401 (a fixture)

SECONDS = float(os.environ.get("SOAK_SECONDS", 20))


def resources(process):
    """Resident kB of its own, and open descriptors."""
    with open(f"/proc/{process.pid}/status") as lines:
        anonymous = next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))
    return anonymous, len(os.listdir(f"/proc/{process.pid}/fd"))


class Chaos:
    def __init__(self, agent, daemon, chance):
        self.agent, self.daemon, self.random = agent, daemon, chance
        self.seed = 0

    def change(self):
        self.seed += 1
        self.agent.churn(self.random.randrange(1, 300), seed=self.seed)

    def silent(self):
        ids = [(space, each["ID"]) for (space, _), instances in self.agent.services().items() for each in instances]
        if ids:
            namespace, id = self.random.choice(ids)
            self.agent.deregister(id, namespace=namespace, silent=True)

    def namespace(self):
        self.agent.register(f"s{self.random.randrange(5)}", address="10.8.0.1", namespace=f"n{self.random.randrange(30)}")

    def stream(self):
        self.agent.stream(self.random.choice(["stall", "silence", "close", "reset", "cut", "bytes"]))

    def replay(self):
        self.agent.stream("replay", count=self.random.randrange(50))

    def fault(self):
        kind = self.random.choice(["hang", "eof", "reset", "403", "429", "500", "html", "junk", "cut", "no-leader",
                                   "index-0", "stream-silent", "stream-eof", "stream-stall", "stream-cut"])
        times = self.random.randrange(1, 20)
        self.agent.fault(kind, **({} if kind.startswith("stream") else {"path": "/v1/service"}), times=times)

    def drop(self):
        self.agent.drop()

    def look(self):
        """Reads the files for a while: whatever happens, every one is whole."""
        limit = time.monotonic() + self.random.random()
        while time.monotonic() < limit:
            self.daemon.published()

    def refuse(self):
        self.agent.stop_listening()
        self.look()
        self.agent.listen_again()

    def pause(self):
        self.agent.pause()
        self.look()
        self.agent.resume()

    def rebuild(self):
        self.agent.rebuild(index=self.random.randrange(1, 1000), keep=self.random.random() < 0.8,
                           streams=self.random.choice(["silent", "close"]))

    def reload(self):
        self.daemon.reload()

    def kill(self):
        self.daemon.kill()
        self.daemon.start()
        # Until it has set up its handlers a signal ends it.
        wait_until(lambda: self.daemon.status().get("pid") == self.daemon.process.pid)

    def step(self):
        what = self.random.choices(
            [self.change, self.silent, self.namespace, self.stream, self.replay, self.fault, self.drop, self.refuse,
             self.pause, self.rebuild, self.reload, self.kill], [20, 3, 2, 3, 3, 3, 1, 1, 1, 1, 1, 1])[0]
        what()


def test_soak(agent, daemon):
    seed = int(os.environ.get("SOAK_SEED") or random.randrange(1 << 32))
    print(f"SOAK_SEED={seed} SOAK_SECONDS={SECONDS}")
    agent.populate(100, 3)
    daemon.start().wait("current")
    chaos = Chaos(agent, daemon, random.Random(seed))
    end = time.monotonic() + SECONDS
    half = None
    while time.monotonic() < end:
        chaos.step()
        if half is None and time.monotonic() > end - SECONDS / 2:
            half = resources(daemon.process)
    agent.clear_faults()
    daemon.wait_equal(agent, within=60)
    daemon.wait("current", within=60)
    agent.register("last", address="10.9.9.9")
    daemon.wait_equal(agent, within=60)
    wait_until(lambda: daemon.status()["instances"] == sum(len(each) for each in truth(agent).values()))
    memory, descriptors = resources(daemon.process)
    assert descriptors <= half[1] + 4
    if not build.SAN:   # the address sanitizer keeps for a while what was freed
        assert memory <= 2 * half[0] + 8192
