"""What questions and registrations that are made to hurt cost others: nomad-dns-srv and the stand-in agent, each attack on
a daemon of its own.

    attack.py BUILD [ATTACK...]     as root, in mounts and a network of its own; called by `make bench-dns`

While an attack runs, another client asks over UDP and over a TCP connection, and the heartbeat is watched. A table has the
longest time for which the event loop was away, by three witnesses: what its heartbeat was late by, the longest wait of the
other client's TCP question, which the loop answers, and the daemon's own measure, where it has one. Before all of them come
the costs of single questions, asked one at a time over UDP and TCP.

SPDX-License-Identifier: MIT
"""

import contextlib
import http.client
import os
import pathlib
import re
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

from standin import client          # noqa: E402

DNS, METRICS = 1053, 9153           # the network is our own
TYPES = {"A": 1, "TXT": 16, "AAAA": 28, "SRV": 33, "ANY": 255}
HOST_NAMES, DEAD_NAMES, EVENTS, LEAVING = 20_000, 12, 100_000, 20_000    # frames that are taken as they are, not read anew
TAG, NO_TAG = "traefik-http-routers-{:04d}-{}", "traefik-http-routers-0000-x"   # as long, and the same to the last letter


def query(name, rdtype="A", number=1, opt=True):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!6H", number & 0xffff, 0x100, 1, 0, 0, opt) + labels + struct.pack("!x2H", TYPES[rdtype], 1) \
        + b"\0\0\x29\x04\xd0\0\0\0\0\0\0" * opt


def framed(octets):
    return struct.pack("!H", len(octets)) + octets


def receive(stream):
    head = stream.read(2)
    if not head:
        raise ConnectionResetError
    return stream.read(struct.unpack("!H", head)[0])


def udp(timeout=1.0):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(timeout)
    sock.connect(("127.0.0.1", DNS))
    return sock


class Daemon:
    """nomad-dns-srv, from its start until it is told to end."""

    def __init__(self, build, folder, agent):
        config = folder / "nss-nomad.conf"
        config.write_text(f"[nomad]\naddress = {agent.url}\nnamespace = *\n[dns]\nlisten = 127.0.0.1:{DNS}\n[daemon]\n"
                          f"metrics = 127.0.0.1:{METRICS}\n")
        self.run, self.log = folder / "run", open(folder / "log", "w")
        self.begun = time.monotonic()
        self.process = subprocess.Popen([build / "nomad-dns-srv", "--config", config, "--publish", self.run], stderr=self.log)

    def wait(self):
        until((self.run / "alive").exists)
        return time.monotonic() - self.begun

    def absences(self):
        """How often the loop was away for at most so many milliseconds, by its own clock; {} where it does not measure that."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", METRICS, timeout=120)) as connection:
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        return {float(limit) * 1000: int(count)
                for limit, count in re.findall(r'^nomad_dns_loop_seconds_bucket{le="(\S+)"} (\d+)', text, re.M)}

    def end(self):
        self.process.kill()
        self.process.wait()
        self.log.close()
        subprocess.run(["rm", "-rf", self.run], check=True)


class Others:
    """Another client and a look at the heartbeat, until the block is left."""

    def __init__(self, daemon):
        self.daemon, self.over = daemon, threading.Event()
        self.before = daemon.absences()
        self.late, self.tcp, self.asked, self.answered = 0.0, [], 0, 0
        self.threads = [threading.Thread(target=target) for target in (self.watch, self.ask_tcp, self.ask_udp)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()
        more = {limit: count - self.before[limit] for limit, count in self.daemon.absences().items()}
        self.longest = min((limit for limit, count in more.items() if count == max(more.values())), default=None)

    def watch(self):
        """The heartbeat comes every second."""
        alive, last = self.daemon.run / "alive", None
        while not self.over.wait(.01):
            with contextlib.suppress(FileNotFoundError):
                now = alive.stat().st_mtime
                self.late = max(self.late, time.time() - (last or now) - 1, now - (last or now) - 1)
                last = now

    def ask_tcp(self):
        """Over a new connection where the loop was away for so long that it took the one that is open for idle."""
        while not self.over.is_set():
            begun = time.monotonic()
            with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", DNS)) as sock, \
                    sock.makefile("rb") as stream:
                while not self.over.wait(.005):
                    begun = time.monotonic()
                    sock.sendall(framed(query("other.default.nomad")))
                    receive(stream)
                    self.tcp.append(time.monotonic() - begun)
            self.tcp.append(time.monotonic() - begun)

    def ask_udp(self):
        """Each answer has a second."""
        with udp() as sock:
            while not self.over.wait(.05):
                self.asked += 1
                sock.send(query("other.default.nomad", number=self.asked))
                limit = time.monotonic() + 1
                with contextlib.suppress(TimeoutError):
                    while struct.unpack("!H", sock.recv(4096)[:2])[0] != self.asked & 0xffff:
                        if time.monotonic() > limit:
                            raise TimeoutError
                    self.answered += 1

    def row(self):
        return (f"{self.late * 1000:,.0f}", f"{max(self.tcp) * 1000:,.0f}",
                "-" if self.longest is None else f"at most {self.longest:,.0f}",
                f"{self.answered} of {self.asked}")


def large(agent, instances, tags):
    """A service with so many instances of so many tags each; and another one, for the other client."""
    agent.register("other", address="192.0.2.1")
    agent.register_many([{"name": "big", "address": f"10.1.{number >> 8}.{number & 255}", "port": 20000 + number,
                          "tags": [TAG.format(tag, number % 7) for tag in range(tags)]} for number in range(instances)])


def pipelined(octets, count):
    """So many questions over one connection at once; read to the end, or until the server takes us for idle."""
    with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", DNS)) as sock, \
            sock.makefile("rb") as stream:
        sender = threading.Thread(target=sock.sendall, args=(framed(octets) * count,))
        sender.start()
        for _ in range(count):
            receive(stream)
        sender.join()


def flood(octets, rate, seconds):
    """So many questions a second over UDP, spread over sockets and so over the workers."""
    socks = [udp() for _ in range(8)]
    begun = time.monotonic()
    for number in range(int(rate * seconds)):
        time.sleep(max(0, begun + number / rate - time.monotonic()))    # not a wait: the rate
        socks[number % len(socks)].send(octets)
    for sock in socks:
        sock.close()


def attack_tcp(build, folder, instances, tags):
    """429 KB of questions that select nothing."""
    octets = query(f"{NO_TAG}.big.default.nomad", opt=False)
    with client.Agent() as agent:
        large(agent, instances, tags)
        with started(build, folder, agent) as daemon, Others(daemon) as others:
            begun = time.monotonic()
            pipelined(octets, 429_000 // len(framed(octets)))
            seconds = time.monotonic() - begun
            time.sleep(1.5)     # not a wait: the heartbeat after it
    return others, f"{seconds:.1f} s for all answers"


def attack_udp(build, folder, instances, tags):
    """500 questions a second."""
    with client.Agent() as agent:
        large(agent, instances, tags)
        with started(build, folder, agent) as daemon, Others(daemon) as others:
            flood(query(f"{NO_TAG}.big.default.nomad"), 500, 10)
    return others, ""


def attack_answers(build, folder, rdtype):
    """Long answers over TCP, from several connections at once."""
    with client.Agent() as agent:
        large(agent, 10_000, 10)
        with started(build, folder, agent) as daemon, Others(daemon) as others:
            begun = time.monotonic()
            threads = [threading.Thread(target=pipelined, args=(query("big.default.nomad" if rdtype != "TXT" else
                                                                      f"{TAG.format(1, 1)}.big.default.nomad", rdtype), 200))
                       for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            seconds = time.monotonic() - begun
    return others, f"{seconds:.1f} s for 800 answers"


def attack_events(build, folder, leave):
    """Registrations of one job, in one frame; or the deregistrations of all but one."""
    with client.Agent() as agent:
        agent.register("other", address="192.0.2.1")
        with started(build, folder, agent) as daemon:
            path = daemon.run / "services/default/many"
            if leave:
                ids = many(agent, LEAVING + 1)
                until(path.exists)
                time.sleep(2)       # not a wait: the registrations are not what is measured
                size = path.stat().st_size
            with Others(daemon) as others:
                agent.deregister(ids[1:]) if leave else many(agent, EVENTS)
                last = until(lambda: path.stat().st_size < size / 1000 if leave else path.exists())
                time.sleep(1.5)     # not a wait: the heartbeat after it
    return others, f"{last:.1f} s until it is published"


def many(agent, count):
    return agent.register_many([{"name": "many", "address": f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}",
                                 "id": f"_nomad-task-{number}"} for number in range(count)])


def until(is_so):
    begun = time.monotonic()
    while not is_so():
        assert time.monotonic() < begun + 300
        time.sleep(.005)
    return time.monotonic() - begun


class NameServer:
    """Knows every name but those of dead.example, of which it says nothing; on port 53 of our own network."""

    def __enter__(self):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.sock.bind(("127.0.0.1", 53))
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.sock.close()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                octets, source = self.sock.recvfrom(4096)
                if b"\4dead\7example" in octets:
                    continue
                end = octets.index(b"\0", 12) + 5
                is_a = octets[end - 4:end - 2] == b"\0\1"
                answer = b"\xc0\x0c\0\1\0\1\0\0\0\x0a\0\4\x0a\1\2\3" if is_a else b""
                self.sock.sendto(octets[:2] + b"\x81\x80\0\1" + struct.pack("!H", is_a) + b"\0\0\0\0" + octets[12:end] + answer,
                                 source)


def attack_host_names(build, folder):
    """A service of 20,000 instances, each at a host name of its own, is there from the start."""
    with client.Agent() as agent, NameServer():
        agent.register("other", address="192.0.2.1")
        for number in range(0, HOST_NAMES, 1000):
            agent.register_many([{"name": f"named-{number}", "address": f"h{at}.live.example"}
                                 for at in range(number, number + 1000)])
        with started(build, folder, agent, wait=False) as daemon:
            ready = daemon.wait()
            with Others(daemon) as others:
                seconds = all_resolved(daemon)
    return others, f"ready after {ready:.1f} s, all have addresses after {seconds:.1f} s"


def all_resolved(daemon, within=300):
    """Seconds since the start until every name led somewhere."""
    files = [daemon.run / f"services/default/named-{number}" for number in range(0, HOST_NAMES, 1000)]
    limit = time.monotonic() + within
    while time.monotonic() < limit:
        if all(path.exists() and path.read_bytes().count(b"\4\x0a\1\2\3") >= 1000 for path in files):
            return time.monotonic() - daemon.begun
        time.sleep(.05)
    return float("inf")


def attack_dead_names(build, folder):
    """12 names of one tenant's, of which the name servers say nothing; then one name of another's."""
    with client.Agent() as agent, NameServer():
        agent.register("other", address="192.0.2.1")
        with started(build, folder, agent) as daemon, Others(daemon) as others:
            for number in range(DEAD_NAMES):
                agent.register(f"dead-{number}", namespace="bad", address=f"h{number}.dead.example")
            time.sleep(.5)      # not a wait: the dead names come first
            agent.register("named", namespace="good", address="h1.live.example")
            path = daemon.run / "services/good/named"
            seconds = until(lambda: path.exists() and b"\4\x0a\1\2\3" in path.read_bytes())
    return others, f"the other's name after {seconds:.2f} s"


@contextlib.contextmanager
def started(build, folder, agent, wait=True):
    """A daemon; what its start took of the loop is not counted."""
    daemon = Daemon(build, folder, agent)
    try:
        if wait:
            daemon.wait()
            time.sleep(2)       # not a wait: the start has left something to do
        yield daemon
    finally:
        daemon.end()


ATTACKS = {
    "tcp-tags": ("429 KB of TAG.big, which nobody has, over one TCP connection, 100 x 1,000 tags", attack_tcp, 100, 1000),
    "tcp-instances": ("429 KB of TAG.big, which nobody has, over one TCP connection, 10,000 x 10 tags", attack_tcp, 10_000, 10),
    "udp-tags": ("500 a second of TAG.big, which nobody has, over UDP, 100 x 1,000 tags", attack_udp, 100, 1000),
    "udp-instances": ("500 a second of TAG.big, which nobody has, over UDP, 10,000 x 10 tags", attack_udp, 10_000, 10),
    "tcp-srv": ("800 SRV answers of 64 KiB, 4 TCP connections", attack_answers, "SRV"),
    "tcp-txt": ("800 TXT answers of 64 KiB, 4 TCP connections", attack_answers, "TXT"),
    "events": ("100,000 registrations in one frame", attack_events, False),
    "deregistrations": ("20,000 deregistrations in one frame", attack_events, True),
    "host-names": ("20,000 host names", attack_host_names),
    "dead-names": ("12 dead names of another tenant's", attack_dead_names),
}


def ask_all(ask, octets, least=.3):
    """Microseconds of a question and its answer, one at a time: the median, so that what else runs does not count."""
    times, limit = [], time.monotonic() + least
    while time.monotonic() < limit or len(times) < 5:
        begun = time.perf_counter()
        ask(octets)
        times.append((time.perf_counter() - begun) * 1e6)
    return statistics.median(times)


def costs(build, folder):
    """Single questions at the two large services, less what a name that is not there costs the same client."""
    names = {"all": "big.default.nomad",
             "address": "10-1-0-1.big.default.nomad",
             "tag": f"{TAG.format(1, 1)}.big.default.nomad",
             "none": f"{NO_TAG}.big.default.nomad"}
    print("\nMicroseconds that a question costs more than one for a service that is not there, by a client that waits\n")
    print("| service | asked for | " + " | ".join(f"{rdtype} {how}" for rdtype in TYPES for how in ("UDP", "TCP")) + " |")
    print("|---|---|" + "---|" * 2 * len(TYPES))
    for instances, tags in ((100, 1000), (10_000, 10)):
        with client.Agent() as agent:
            large(agent, instances, tags)
            with started(build, folder, agent) as daemon, udp(10) as sock, \
                    socket.create_connection(("127.0.0.1", DNS)) as connection, connection.makefile("rb") as stream:
                asks = (lambda octets: (sock.send(octets), sock.recv(65536)),
                        lambda octets: (connection.sendall(framed(octets)), receive(stream)))
                floors = [ask_all(ask, query("nothing.default.nomad")) for ask in asks]
                for what, name in names.items():
                    row = [f"{max(0, ask_all(ask, query(name, rdtype)) - floor):,.0f}"
                           for rdtype in TYPES for ask, floor in zip(asks, floors)]
                    print(f"| {instances:,} x {tags:,} tags | {what} | " + " | ".join(row) + " |", flush=True)


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    if os.environ.get("BENCH_INSIDE") is None:
        os.execvpe("unshare", ["unshare", "--mount", "--net", "--propagation", "private", "sh", "-ec",
                               'ip link set lo up; mount -t tmpfs -o mode=755 tmpfs /run; '
                               'printf "nameserver 127.0.0.1\\n" >/run/resolv; mount --bind /run/resolv /etc/resolv.conf; '
                               'exec "$@"', "sh", sys.executable, "-B", *sys.argv], {**os.environ, "BENCH_INSIDE": "1"})
    wanted = sys.argv[2:] or ["costs", *ATTACKS]
    with tempfile.TemporaryDirectory(prefix="nss-nomad-bench-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        if "costs" in wanted:
            costs(build, folder)
        print("\n| attack | heartbeat late, ms | TCP waits, ms | by its own clock, ms | others over UDP | |")
        print("|---|---|---|---|---|---|")
        for attack in filter(ATTACKS.get, wanted):
            title, run, *arguments = ATTACKS[attack]
            others, note = run(build, folder, *arguments)
            print(f"| {title} | " + " | ".join(others.row()) + f" | {note} |", flush=True)


main()
