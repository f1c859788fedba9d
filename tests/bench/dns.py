"""DNS servers side by side: the same names, the same load, server on one core and load on another.

    dns.py BUILD [ROUNDS [SECONDS]]

Each round asks every server in turn; the table has the medians, and each server's share of what the machine could do in
the same rounds: that of a responder that does no DNS work (ceiling.c). Absolute numbers vary by a tenth and more, shares
do not. Called by `make bench-dns`.

SPDX-License-Identifier: MIT
"""

import os
import pathlib
import random
import re
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
INSTANCES, TTL = 3, 5
QUERIES, MISSING = 200_000, .20
WINDOW, SOCKETS = 256, 4


def services(count):
    """(name, [(address, port), ...]) of so many services."""
    for number in range(count):
        yield f"svc-{number:04d}", [
            (f"10.{at >> 16 & 255}.{at >> 8 & 255}.{at & 255}", 20000 + at % 12000)
            for at in range(number * INSTANCES + 1, (number + 1) * INSTANCES + 1)]


def write_inputs(folder, count):
    """The same data as a catalogue and as a zone, and the questions: A and SRV half and half, some of no such name."""
    rng = random.Random(20260807)
    with open(folder / "catalogue", "w") as catalogue, open(folder / "zone", "w") as zone:
        zone.write(f"$ORIGIN nomad.\n$TTL {TTL}\n@ SOA ns hostmaster 1 3600 600 86400 {TTL}\n@ NS ns\nns A 127.0.0.1\n")
        for name, instances in services(count):
            for address, port in instances:
                target = f"{address.replace('.', '-')}.{name}.default"
                catalogue.write(f"default {name} 00000000-0000-0000-0000-000000000000 {address} {port} -\n")
                zone.write(f"{name}.default A {address}\n{name}.default SRV 10 10 {port} {target}\n{target} A {address}\n")
    for path, types in (("mixed", ("A", "SRV")), ("srv", ("SRV",))):
        with open(folder / path, "w") as queries:
            for _ in range(QUERIES):
                missing = path == "mixed" and rng.random() < MISSING
                name = f"nx-{rng.getrandbits(32):08x}" if missing else f"svc-{rng.randrange(count):04d}"
                queries.write(f"{name}.default.nomad {rng.choice(types)}\n")


class Server:
    """A server that runs on the first core."""
    name = ""
    cores = None    # the first

    def __init__(self, folder, build):
        self.folder, self.build = folder, build
        self.process = None

    def start(self, command, **popen):
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL, text=True,
                                        preexec_fn=lambda: os.sched_setaffinity(0, self.cores or {CORES[0]}), **popen)

    def wait_for(self, port):
        """Until it answers."""
        query = b"\0\1\0\0\0\1\0\0\0\0\0\0\5nomad\0\0\6\0\1"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(.2)
            for _ in range(100):
                try:
                    sock.sendto(query, ("127.0.0.1", port))
                    sock.recv(512)
                    return port
                except OSError:
                    pass
        raise RuntimeError(f"{self.name} does not answer")

    def pids(self):
        """The process and its children."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [self.process.pid, *map(int, children)]

    def user_time(self):
        """Seconds of processor time outside the kernel, of all its processes."""
        total = 0
        for pid in self.pids():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
            total += int(fields[11]) / os.sysconf("SC_CLK_TCK")
        return total

    def resident(self):
        """MiB."""
        total = 0
        for pid in self.pids():
            total += int(re.search(r"Pss:\s+(\d+)", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text())[1])
        return total / 1024

    def stop(self):
        if self.process.stdin:
            self.process.stdin.close()
        else:
            self.process.terminate()
        self.process.wait(timeout=30)
        if self.process.stdout:
            self.process.stdout.close()


class Ceiling(Server):
    name = "ceiling"

    def run(self):
        self.start([self.build / "tests/bench/dns/ceiling", "186"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return int(self.process.stdout.readline())


class Ours(Server):
    name = "nomad-dns-srv"
    workers = 1

    def run(self):
        port = self.start_loaded()
        self.complete()
        self.finish()
        return self.wait_for(port)

    def start_loaded(self):
        """It has the catalogue, and does not know yet that that is all."""
        self.start([self.build / "tests/tools/dns-serve", "listen=127.0.0.1:0", f"workers={self.workers}"],
                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        port = int(self.process.stdout.readline().rsplit(":", 1)[1])
        self.finish()
        self.say(f"load {self.folder / 'catalogue'}")
        self.finish()
        return port

    def complete(self):
        self.say("state current 1")

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def finish(self):
        assert self.process.stdout.readline() == "ok\n"


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Nsd(Server):
    name = "NSD"

    def run(self):
        port = free_port()
        (self.folder / "nsd.conf").write_text(f"""
server:
    ip-address: 127.0.0.1@{port}
    server-count: 1
    username: ""
    chroot: ""
    zonesdir: "{self.folder}"
    database: ""
    pidfile: "{self.folder}/nsd.pid"
    xfrdfile: "{self.folder}/xfrd.state"
    zonelistfile: "{self.folder}/zone.list"
    logfile: "{self.folder}/nsd.log"
    rrl-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: "nomad."
    zonefile: "zone"
""")
        self.start(["nsd", "-d", "-c", str(self.folder / "nsd.conf")])
        return self.wait_for(port)

    def pids(self):
        """The process that serves is a grandchild."""
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            todo += map(int, pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        return found


class Knot(Server):
    name = "Knot"

    def run(self):
        port = free_port()
        (self.folder / "knot").mkdir(exist_ok=True)
        (self.folder / "knot.conf").write_text(f"""
server:
    listen: 127.0.0.1@{port}
    rundir: {self.folder}/knot
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    tcp-max-clients: 15000
    tcp-idle-timeout: 60
    tcp-io-timeout: 0
database:
    storage: {self.folder}/knot
zone:
  - domain: nomad.
    file: {self.folder}/zone
    zonefile-sync: -1
    journal-content: none
""")
        self.start(["knotd", "-c", str(self.folder / "knot.conf")], stdout=subprocess.DEVNULL)
        return self.wait_for(port)


def blast(build, port, queries, seconds, rate=0):
    """What the load says, as a dictionary."""
    out = subprocess.run([build / "tests/bench/dns/blast", str(port), queries, str(seconds), str(WINDOW), str(SOCKETS),
                          str(rate)],
                         preexec_fn=lambda: os.sched_setaffinity(0, {CORES[1]}), check=True, capture_output=True,
                         text=True).stdout.split()
    return {key: float(value) for key, value in zip(out[::2], out[1::2])}


def compare(folder, build, queries, rounds, seconds):
    """Medians of each server: {name: {"qps": ..., "share": ..., "user": ..., ...}}."""
    kinds = [Ceiling, Ours] + [kind for kind, program in ((Nsd, "nsd"), (Knot, "knotd")) if shutil.which(program)]
    servers = [kind(folder, build) for kind in kinds]
    ports = [server.run() for server in servers]
    results = {server.name: [] for server in servers}
    try:
        for _ in range(rounds):
            ceiling = None
            for server, port in zip(servers, ports):
                before = server.user_time()
                result = blast(build, port, folder / queries, seconds)
                result["user"] = (server.user_time() - before) / (result["qps"] * seconds) * 1e6
                ceiling = ceiling or result["qps"]
                result["share"] = result["qps"] / ceiling * 100
                result["resident"] = server.resident()
                results[server.name].append(result)
    finally:
        for server in servers:
            server.stop()
    return {name: {key: statistics.median(result[key] for result in rows) for key in rows[0]}
            for name, rows in results.items()}


def two_workers(folder, build, rounds, seconds):
    """How many times the answers of one worker two give, on two cores, with the load on a third; None without one."""
    if len(CORES) < 3:
        return None
    times = []
    for _ in range(rounds):
        rates = []
        for workers in (1, 2):
            server = Ours(folder, build)
            server.workers, server.cores = workers, set(CORES[:1] + CORES[2:3] if workers == 2 else CORES[:1])
            port = server.run()
            try:
                rates.append(blast(build, port, folder / "mixed", seconds)["qps"])
            finally:
                server.stop()
        times.append(rates[1] / rates[0])
    return statistics.median(times)


def first_answer(folder, build, rounds):
    """Milliseconds from a catalogue's completion to the first answer from it; the median of so many starts."""
    query = b"\0\1\0\0\0\1\0\0\0\0\0\0\x08svc-0000\7default\5nomad\0\0\1\0\1"
    times = []
    for _ in range(rounds):
        server = Ours(folder, build)
        port = server.start_loaded()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(5)
            sock.connect(("127.0.0.1", port))
            begun = time.perf_counter()
            server.complete()
            answer = b""
            while len(answer) < 8 or answer[3] & 15 or not answer[7]:   # SERVFAIL until then
                sock.send(query)
                answer = sock.recv(512)
            times.append((time.perf_counter() - begun) * 1000)
        server.finish()
        server.stop()
    return statistics.median(times)


def show(title, results):
    print(f"\n{title}\n")
    print("| server | answers/s | of the ceiling | user us/answer | p50 us | p99 us | lost | octets | PSS MiB |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, row in results.items():
        print(f"| {name} | {row['qps']:,.0f} | {row['share']:.0f} % | {row['user']:.2f} | {row['p50']:.0f} | "
              f"{row['p99']:.0f} | {row['lost']:.0f} | {row['octets']:.0f} | {row['resident']:.1f} |")


def instructions(build):
    """Of one SRV answer with three instances: what callgrind counts for 10,000 of them more than for none."""
    if not shutil.which("valgrind"):
        return None
    counted = []
    for count in ("0", "10000"):
        error = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                                build / "tests/bench/dns/cost", "1000", count], check=True, capture_output=True,
                               text=True).stderr
        counted.append(int(re.search(r"Collected : (\d+)", error)[1]))
    return (counted[1] - counted[0]) / 10000


def tcp(folder, build, connections, seconds):
    """Answers a second over so many connections that stay, each with one question at a time: ours and Knot's."""
    rates = {}
    for kind, program in ((Ours, "true"), (Knot, "knotd")):
        if not shutil.which(program):
            continue
        server = kind(folder, build)
        port = server.run()
        try:
            out = subprocess.run([build / "tests/bench/dns/tcp", str(port), folder / "mixed", str(seconds), str(connections)],
                                 preexec_fn=lambda: os.sched_setaffinity(0, {CORES[1]}), capture_output=True,
                                 text=True).stdout.split()
            rates[kind.name] = f"{float(out[1]):,.0f}" if out else "closes connections"
        finally:
            server.stop()
    return rates


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 2
    if len(CORES) < 2:
        sys.exit("one core: the load would take from the server what is measured")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print(f"{rounds} rounds of {seconds:g} s, {len(CORES)} cores, {time.strftime('%Y-%m-%d')}")
    with tempfile.TemporaryDirectory(prefix="nss-nomad-bench-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        shares = {}
        for count in (1000, 33333):
            write_inputs(folder, count)
            results = compare(folder, build, "mixed", rounds, seconds)
            show(f"UDP, {count} services with {INSTANCES} instances each; A and SRV, a fifth of no such name", results)
            shares[count] = results["nomad-dns-srv"]["share"]
            if count == 1000:
                show("UDP, SRV alone", compare(folder, build, "srv", rounds, seconds))
                print("\nTCP, answers a second:", ", ".join(
                    f"{connections} connections: " + " ".join(f"{name} {rate}" for name, rate in tcp(
                        folder, build, connections, seconds).items()) for connections in (50, 1000, 10000)))
        print(f"\nFrom 3,000 to 100,000 instances the share goes from {shares[1000]:.0f} % to {shares[33333]:.0f} %.")
        write_inputs(folder, 1000)
        gain = two_workers(folder, build, rounds, seconds)
        print("Two workers against one:", f"{gain:.2f} times" if gain else
              f"not measured: {len(CORES)} cores, and the load takes one of them")
        print(f"From the catalogue's completion to the first answer: {first_answer(folder, build, rounds):.2f} ms")
    print(f"Instructions for an SRV answer with 3 instances: {instructions(build) or 'no valgrind'}")


CORES = sorted(os.sched_getaffinity(0))
if __name__ == "__main__":
    main()
