"""How fast nomad-dns-srv follows: `make bench`, or `python3 tests/bench/follow.py build`; as root, in mounts of its own.

Everything that is compared is measured in the same run, against the stand-in agent, which is Python and takes its own
share: that share is measured too, by a subscriber and by curl, and shown beside.
"""

import ctypes
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from standin import client      # noqa: E402

RUN = pathlib.Path("/run/nomad-dns-srv")
SIZES = [(10, 3), (1000, 3), (10000, 10)]
CHANGES = 300


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def until(true, within=120, rest=0):
    """When true() was; `rest` seconds between two looks, for what takes long and needs the processor itself."""
    limit = time.monotonic() + within
    while not true():
        if time.monotonic() > limit:
            raise TimeoutError
        if rest:
            time.sleep(rest)
    return time.monotonic()


def pause(seconds):
    """What is measured is what goes on while nothing happens."""
    limit = time.monotonic() + seconds
    until(lambda: time.monotonic() > limit, rest=0.5)


class Module:
    """The module itself, called as glibc calls it."""

    def __init__(self, build):
        self.call = ctypes.CDLL(str(build / "libnss_nomad.so.2"))._nss_nomad_gethostbyname4_r
        self.buffer = ctypes.create_string_buffer(65536)
        self.tuples, self.error, self.h_error = ctypes.c_void_p(), ctypes.c_int(), ctypes.c_int()

    def finds(self, name):
        self.tuples.value = None
        return self.call(name, ctypes.byref(self.tuples), self.buffer, len(self.buffer), ctypes.byref(self.error),
                         ctypes.byref(self.h_error), None) == 1


class Daemon:
    def __init__(self, build, agent, config):
        self.begun = time.monotonic()
        self.process = subprocess.Popen([build / "nomad-dns-srv", "--config", config, "--nomad", agent.url, "--listen", ""],
                                        stderr=subprocess.DEVNULL)
        until((RUN / "alive").exists, rest=0.002)
        self.complete = time.monotonic() - self.begun

    def memory(self):
        """VmRSS, RssAnon and Pss in MiB."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        rollup = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        values = {line.split()[0]: int(line.split()[1]) / 1024 for line in (status + rollup).splitlines()
                  if line.startswith(("VmRSS:", "RssAnon:", "Pss:"))}
        return values["VmRSS:"], values["RssAnon:"], values["Pss:"]

    def processor(self):
        """Seconds of processor time so far."""
        with open(f"/proc/{self.process.pid}/schedstat") as stat:
            return int(stat.read().split()[0]) / 1e9

    def end(self):
        self.process.terminate()
        self.process.wait()
        subprocess.run(["rm", "-rf", RUN], check=True)


class Subscriber:
    """Reads the stream and nothing else: the agent's own share."""

    def __init__(self, agent):
        self.socket = socket.create_connection(("127.0.0.1", agent.port))
        self.socket.sendall(b"GET /v1/event/stream?topic=Service&index=9223372036854775807&namespace=* HTTP/1.1\r\n"
                            b"Host: x\r\n\r\n")
        self.read_until(b"{}\n")

    def read_until(self, mark):
        data = b""
        while mark not in data:
            data = data[-4096:] + self.socket.recv(1 << 20)
        return time.monotonic()


def latency(agent, module):
    """Milliseconds from the command to the agent until the file is there, the module finds it, a subscriber hears it."""
    files, lookups, events = [], [], []
    listener = Subscriber(agent)
    for number in range(CHANGES):
        name = f"fresh-{number}"
        path = RUN / "services/default" / name
        begun = time.monotonic()
        agent.register(name, address="10.99.0.1")
        files.append((until(path.exists) - begun) * 1000)
        assert module.finds(f"{name}.default.nomad".encode())
        begun = time.monotonic()
        agent.register(name + "-b", address="10.99.0.1")
        lookups.append((until(lambda: module.finds(f"{name}-b.default.nomad".encode())) - begun) * 1000)
        begun = time.monotonic()
        agent.register(name + "-c", address="10.99.0.1")
        events.append((listener.read_until(f'"{name}-c"'.encode()) - begun) * 1000)
    return files, lookups, events


def curl_reads(agent, services, folder):
    """Seconds that curl needs for the list and every service, with four connections."""
    urls = folder / "urls"
    urls.write_text("".join(f'url = "{agent.url}/v1/service/service-{number}"\noutput = /dev/null\n'
                            for number in range(services)))
    begun = time.monotonic()
    subprocess.run(["curl", "-s", "-o", "/dev/null", f"{agent.url}/v1/services?namespace=*"], check=True)
    subprocess.run(["curl", "-s", "--compressed", "-Z", "--parallel-max", "4", "-K", urls], check=True,
                   stderr=subprocess.DEVNULL)
    return time.monotonic() - begun


def burst(agent, daemon):
    """Seconds for 10,000 events that come at once: the daemon's, and those of somebody who only reads them."""
    times = []
    for listener in (None, Subscriber(agent)):
        agent.set(buffer=20001)
        agent.stream("stall")
        for part in range(100):
            agent.batch(*({"do": "register", "services": [{"name": f"service-{each % 10}", "address": "10.98.0.1",
                                                           "id": f"burst-{each}"}]} for each in range(100)))
            agent.deregister([f"burst-{each}" for each in range(100)])
        last = agent.register(f"last-{len(times)}", address="10.97.0.1")
        begun = time.monotonic()
        agent.stream("resume")
        if listener:
            times.append(listener.read_until(last.encode()) - begun)
        else:
            times.append(until((RUN / "services/default" / f"last-{len(times)}").exists) - begun)
    return times


def one_size(build, services, instances, folder):
    config = folder / "conf"
    config.write_text("[nomad]\n")
    with client.Agent() as agent:
        agent.populate(services, instances, silent=True)
        curl, first = [], []
        for _ in range(3 if services <= 1000 else 1):
            curl.append(curl_reads(agent, services, folder))
            daemon = Daemon(build, agent, config)
            first.append(daemon.complete)
            daemon.end()
        daemon = Daemon(build, agent, config)
        files = int(subprocess.run(["du", "-sk", RUN], check=True, capture_output=True, text=True).stdout.split()[0]) / 1024
        pause(5)    # the start has left something to do
        before = daemon.processor()
        pause(10)
        idle = (daemon.processor() - before) / 10 * 100
        memory = daemon.memory()
        shown, found, heard = latency(agent, Module(build))
        print(f"\n{services} services x {instances}")
        print(f"  first catalogue     {min(first):7.3f} s, curl -Z {min(curl):7.3f} s, ratio {min(first) / min(curl):.2f}"
              "   (at most 1.5)")
        for what, values in (("event to file", shown), ("event to lookup", found), ("(a subscriber)", heard)):
            print(f"  {what:<18}  median {statistics.median(values):6.2f} ms, 99th {percentile(values, 0.99):6.2f} ms"
                  + ("   (at most 3 and 20)" if "to" in what else ""))
        print(f"  resident            {memory[0]:7.1f} MiB, of its own {memory[1]:.1f}, shared fairly {memory[2]:.1f}; "
              f"files {files:.1f} MiB on tmpfs")
        print(f"  idle                {idle:7.3f} % of a core   (at most 0.1)")
        if services == 1000:
            ours, theirs = burst(agent, daemon)
            print(f"  burst of 20,000     {ours:7.3f} s, a subscriber that only reads {theirs:.3f} s   (at most 1 for 10,000)")
        daemon.end()
        return statistics.median(shown)


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    if os.environ.get("BENCH_INSIDE") is None:
        os.execvpe("unshare", ["unshare", "--mount", "--propagation", "private", "sh", "-ec",
                               'mount -t tmpfs -o mode=755 tmpfs /run; exec "$@"', "sh", sys.executable, "-B", *sys.argv],
                   {**os.environ, "BENCH_INSIDE": "1"})
    with tempfile.TemporaryDirectory() as name:
        medians = [one_size(build, services, instances, pathlib.Path(name)) for services, instances in SIZES]
    print("\nmedian event to file, of that with 1,000 services: "
          + json.dumps({f"{size[0]}x{size[1]}": round(median / medians[1], 2) for size, median in zip(SIZES, medians)})
          + "   (0.75 to 1.25)")


main()
