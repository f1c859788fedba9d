"""`make bench`: what a lookup costs, beside what glibc's own sources cost, in one run, as a table with the targets.

Runs itself in mounts and a network of its own, where the build is installed; the machine stays as it was. Every figure
is the median of ROUNDS rounds, each of many calls, in which all rows take turns, so that a busy machine is busy for all.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ROUNDS = int(os.environ.get("BENCH_ROUNDS", 7))
CALLS = 2000
PROCESSES = 40          # fresh ones, in each round
NAMES = 30              # missed by a process that has touched SMALL mebibytes, and by one with LARGE, after the clock's
SMALL, LARGE = 4, 4096  # calls to warm up: whoever writes 4 GiB finds nothing in the processor's caches
HANGS = 5               # lookups that an agent leaves without an answer
SERVICES = pathlib.Path("/run/nomad-dns-srv/services/default")
ALIVE = pathlib.Path("/run/nomad-dns-srv/alive")
CACHE = pathlib.Path("/var/cache/nss-nomad/root")

# $1 the build, $2 an empty folder, $3 the multiarch name
MOUNTS = """
set -e
mount -t tmpfs -o mode=755 tmpfs "$2"
mkdir -p "$2/lib" "$2/bin" "$2/etc" "$2/work"
cp "$1/libnss_nomad.so.2" "$1/tests/bench/libnss_nothing.so.2" "$2/lib"
cp "$1/nomad-lookup" "$2/bin"
mount -t overlay -o "lowerdir=$2/lib:/usr/lib/$3" overlay "/usr/lib/$3"
mount -t overlay -o "lowerdir=$2/bin:/usr/bin" overlay /usr/bin
mount -t overlay -o "lowerdir=/etc,upperdir=$2/etc,workdir=$2/work" overlay /etc
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=755 tmpfs /var/cache
mkdir -p -m 755 /var/cache/nss-nomad
mkdir -m 700 /var/cache/nss-nomad/root
ip link set lo up
"""
HOSTS = """127.0.0.1 localhost
::1 localhost ip6-localhost ip6-loopback
ff02::1 ip6-allnodes
ff02::2 ip6-allrouters
192.0.2.77 some.example
192.0.2.78 other.example
192.0.2.1 one.default.nomad
192.0.2.1 three.default.nomad
192.0.2.2 three.default.nomad
192.0.2.3 three.default.nomad
"""
ZONE = """$TTL 60
@ SOA ns.nomad. root.nomad. 1 60 60 60 60
@ NS ns
ns A 127.0.0.1
one.default A 192.0.2.1
three.default A 192.0.2.1
three.default A 192.0.2.2
three.default A 192.0.2.3
"""
NSD = """server:
    ip-address: 127.0.0.1@53
    username: root
    zonesdir: "{0}"
    database: ""
    zonelistfile: "{0}/zone.list"
    xfrdfile: "{0}/xfrd.state"
    pidfile: "{0}/nsd.pid"
    server-count: 1
    rrl-ratelimit: 0
zone:
    name: nomad
    zonefile: nomad.zone
"""


class Bench:
    def __init__(self, build, folder):
        self.build, self.folder, self.figures = pathlib.Path(build), pathlib.Path(folder), {}

    # The host.

    def set_hosts_line(self, sources):
        pathlib.Path("/etc/nsswitch.conf").write_text(f"hosts: {sources}\n")

    def write_record(self, options, name, instances):
        subprocess.run([self.build / "tests/tools/publish", *options, "default", name, "-"], check=True, text=True,
                       input="".join(f"{one}\n" for one in instances))

    def publish(self, name, instances):
        self.write_record([], name, instances)

    def beat(self):
        if ALIVE.exists():
            os.utime(ALIVE)

    # The clock.

    def clock(self, kind, count, *arguments, addresses=None):
        """Nanoseconds of the first call, and of the median one."""
        self.beat()
        done = subprocess.run([self.build / "tests/bench/nss", kind, str(count), *arguments], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"bench: {done.stderr}")
        first, median, _, found = map(int, done.stdout.split())
        if addresses and found != addresses:
            sys.exit(f"bench: {arguments[0]}: {found} addresses instead of {addresses}")
        return first, median

    def note(self, row, nanoseconds):
        self.figures.setdefault(row, []).append(nanoseconds)

    def look(self, row, sources, name, addresses):
        self.set_hosts_line(sources)
        self.note(row, self.clock("look", CALLS, name, addresses=addresses)[1])

    def first_look(self, row, sources, name):
        self.set_hosts_line(sources)
        self.note(row, statistics.median(self.clock("look", 1, name)[0] for _ in range(PROCESSES)))

    def microseconds(self, row):
        return statistics.median(self.figures[row]) / 1000

    # What is measured.

    def hits(self):
        """Published files, /etc/hosts and NSD; then the cache, while no daemon lives."""
        for name, count in (("one", 1), ("three", 3)):
            instances = [f"192.0.2.{number} 80" for number in range(1, count + 1)]
            self.publish(name, instances)
            kept = CACHE / str(os.stat("/proc/self/ns/net").st_ino)
            kept.mkdir(0o700, exist_ok=True)
            (kept / "default").mkdir(0o700, exist_ok=True)
            self.write_record(["-f", str(kept / "default" / name), "-t", "3600"], name, instances)
        for _ in range(ROUNDS):
            for name, count in (("one", 1), ("three", 3)):
                full = f"{name}.default.nomad"
                self.look(f"files {name}", "files", full, count)
                self.look(f"published {name}", "nomad", full, count)
                self.look(f"dns {name}", "dns", full, count)
            self.look("nothing", "nothing", "one.default.nomad", 1)
            self.first_look("first published", "nomad", "one.default.nomad")
            self.first_look("first nothing", "nothing", "one.default.nomad")
            ALIVE.rename(ALIVE.with_name("dead"))
            for name, count in (("one", 1), ("three", 3)):
                self.look(f"cache {name}", "nomad", f"{name}.default.nomad", count)
            ALIVE.with_name("dead").rename(ALIVE)

    def sizes(self):
        """The same hit among more and more services, and of a service with more and more instances."""
        done = 0
        for services in (10, 1000, 100000):
            for number in range(done, services):
                os.link(SERVICES / "one", SERVICES / f"service-{number}")    # one file of many names: they are not read
            done = services
            for _ in range(ROUNDS):
                self.look(f"services {services}", "nomad", "one.default.nomad", 1)
        for instances in (1, 10, 100, 1000):
            self.publish(f"many-{instances}", [f"192.0.2.1 {1024 + number} tag-{number}" for number in range(instances)])
        for _ in range(ROUNDS):
            for instances in (1, 10, 100, 1000):
                self.look(f"instances {instances}", "nomad", f"many-{instances}.default.nomad", 1)

    def misses(self):
        """No daemon, nothing in the cache: what the helper adds to the agent's answer, and where it goes."""
        ALIVE.unlink()
        agent = subprocess.Popen([sys.executable, "-B", ROOT / "tests/standin", "--port", "4646"], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True)
        agent.stdout.readline()
        tell(agent, do="register", services=[{"name": name, "address": "192.0.2.1", "port": 6379}
                                             for name in ("redis", *(f"redis-{number}" for number in range(2 * NAMES)))])
        self.set_hosts_line("nomad")
        for _ in range(ROUNDS):
            self.note("agent", self.clock("get", PROCESSES, "4646", "/v1/service/redis?namespace=default")[1])
            for program, row in ((["/bin/true"], "spawn"), (["/usr/bin/nomad-lookup", "--version"], "load")):
                self.note(row, self.clock("spawn", PROCESSES, *program)[1])
            for _ in range(PROCESSES):
                self.forget()
                self.note("miss", self.clock("look", 1, "redis.default.nomad", addresses=1)[0])
            for row, mebibytes in (("miss small", SMALL), ("miss large", large())):
                self.forget()
                self.note(row, self.clock("miss", NAMES, "redis-%d.default.nomad", str(mebibytes), addresses=1)[1])
        tell(agent, do="fault", kind="hang")
        for _ in range(HANGS):
            self.forget()
            self.note("hang", self.clock("fail", 1, "redis.default.nomad")[0])
            self.note("after", self.clock("fail", 1, "redis.default.nomad")[0])
        agent.stdin.close()
        agent.wait()

    def forget(self):
        for kept in (*CACHE.rglob("redis*"), *CACHE.rglob("*.failed")):
            kept.unlink()

    # The table.

    def compare(self, what, mine, other, target, least=False):
        ratio = self.microseconds(other) / self.microseconds(mine) if least else self.ratio(mine, other)
        met = ratio >= target if least else ratio <= target
        print(f"{what:<52}{self.microseconds(mine):10.1f}{self.microseconds(other):10.1f}{ratio:8.2f}  "
              f"{'>=' if least else '<='} {target:<5} {'met' if met else 'MISSED'}")

    def ratio(self, mine, other):
        return self.microseconds(mine) / self.microseconds(other)

    def report(self):
        print(f"{'getaddrinfo, medians in microseconds':<52}{'ours':>10}{'other':>10}{'ratio':>8}  target")
        for name, count in (("one", "1 address"), ("three", "3 addresses")):
            self.compare(f"published, {count}: /etc/hosts", f"published {name}", f"files {name}", 1.0)
            self.compare(f"published, {count}: nss_dns and NSD (times faster)", f"published {name}", f"dns {name}", 20, True)
            self.compare(f"cache, {count}: /etc/hosts", f"cache {name}", f"files {name}", 1.3)
        self.compare("first in a process: a module that does nothing", "first published", "first nothing", 1.1)
        print(f"{'  what glibc takes around it, and NSD beside that':<52}{self.microseconds('nothing'):10.1f}"
              f"{self.microseconds('dns one'):10.1f}{self.ratio('dns one', 'nothing'):8.2f}  the most there can be")
        for services in (1000, 100000):
            self.compare(f"published among {services} services: among 10", f"services {services}", "services 10", 1.1)
        for instances in (10, 100, 1000):
            self.compare(f"published, {instances} instances: 1", f"instances {instances}", "instances 1", 1.1)

        self.compare(f"a miss, {large()} MiB of touched memory: {SMALL} MiB", "miss large", "miss small", 1.2)
        self.report_miss()

    def report_miss(self):
        miss, agent, spawn, load = (self.microseconds(row) / 1000 for row in ("miss", "agent", "spawn", "load"))
        extra = miss - agent
        print(f"\n{'A miss, medians in milliseconds':<52}{'':>10}{'':>10}{'':>8}  target")
        print(f"{'the whole lookup':<52}{miss:10.2f}\n{'  the agent, asked over a plain socket':<52}{agent:10.2f}")
        print(f"{'  on top of it':<52}{extra:10.2f}{'':18}  <= 15    {'met' if extra <= 15 else 'MISSED'}")
        print(f"{'    starting any program':<52}{spawn:10.2f}")
        print(f"{'    loading the libraries of nomad-lookup':<52}{load - spawn:10.2f}")
        print(f"{'    libcurl, configuration, lock and cache':<52}{extra - load:10.2f}")

        hang, after = max(self.figures["hang"]) / 1e6, self.microseconds("after") / 1000
        print(f"{'of an agent that hangs, the longest of ' + str(HANGS):<52}{hang:10.2f}{'':18}  <= 2200  "
              f"{'met' if hang <= 2200 else 'MISSED'}")
        print(f"{'  the next one within a second':<52}{after:10.2f}")


def tell(agent, **command):
    """A command for the stand-in agent."""
    agent.stdin.write(json.dumps(command) + "\n")
    agent.stdin.flush()
    agent.stdout.readline()


def large():
    """LARGE, or a quarter of what the machine has, where that is less."""
    lines = pathlib.Path("/proc/meminfo").read_text().splitlines()
    total = next(int(line.split()[1]) // 1024 for line in lines if line.startswith("MemTotal"))
    return min(LARGE, total // 4)


def start_name_server(folder):
    (folder / "nomad.zone").write_text(ZONE)
    (folder / "nsd.conf").write_text(NSD.format(folder))
    server = subprocess.Popen(["nsd", "-d", "-c", folder / "nsd.conf"], stderr=subprocess.PIPE, text=True)
    for line in server.stderr:
        if "nsd started" in line:
            return server
    sys.exit("bench: NSD did not start")


def inside(build, folder):
    """In the namespaces: sets up, measures, prints."""
    multiarch = subprocess.run(["gcc", "-print-multiarch"], check=True, capture_output=True, text=True).stdout.strip()
    subprocess.run(["sh", "-c", MOUNTS, "sh", build, folder, multiarch], check=True)
    pathlib.Path("/etc/hosts").write_text(HOSTS)
    pathlib.Path("/etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
    name_server = start_name_server(pathlib.Path(folder))
    bench = Bench(build, folder)
    try:
        bench.hits()
        bench.sizes()
        bench.misses()
    finally:
        name_server.terminate()
        name_server.wait()
    bench.report()


def main():
    if sys.argv[1] == "--inside":
        inside(*sys.argv[2:])
        return 0
    if os.geteuid() != 0:
        sys.exit("bench: only root can have mounts of its own: sudo make bench")
    for name in [name for name in os.environ if name.startswith("NOMAD_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="nss-nomad-bench-") as folder:
        return subprocess.run(["unshare", "--mount", "--propagation", "private", "--net", "--pid", "--fork", "--kill-child",
                               "--mount-proc", sys.executable, "-B", __file__, "--inside",
                               str(pathlib.Path(sys.argv[1]).resolve()), folder]).returncode


sys.exit(main())
