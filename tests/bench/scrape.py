"""Whether a scrape costs answers: nomad-dns-srv under a load of RATE questions a second, with /metrics read ten times a
second and without, in turn. Both are to lose none.

    scrape.py BUILD [ROUNDS [SECONDS]]      called by `make bench-dns`

SPDX-License-Identifier: MIT
"""

import contextlib
import http.client
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import dns                          # noqa: E402 (dns.py beside this file)
from standin import client          # noqa: E402

RATE = 100_000
EVERY = .1      # seconds from one scrape to the next
SERVICES = 1000


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Daemon(dns.Server):
    """nomad-dns-srv itself, which follows the stand-in agent."""
    name = "nomad-dns-srv"

    def run(self, agent):
        port, self.metrics = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM)
        config = self.folder / "nss-nomad.conf"
        config.write_text(f"[nomad]\naddress = {agent.url}\n[dns]\nlisten = 127.0.0.1:{port}\nworkers = 1\n"
                          f"[daemon]\nmetrics = 127.0.0.1:{self.metrics}\n")
        ready = self.folder / "ready"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
            notified.bind(str(ready))
            notified.settimeout(60)
            self.start([self.build / "nomad-dns-srv", "--config", config, "--publish", self.folder / "run"],
                       env={**os.environ, "NOTIFY_SOCKET": str(ready)})
            while b"READY=1" not in notified.recv(4096):
                pass
        ready.unlink()
        return port

    def scrape(self):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.metrics, timeout=10)) as connection:
            connection.request("GET", "/metrics")
            answer = connection.getresponse()
            text = answer.read()
        assert answer.status == 200 and b"nomad_dns_queries_total" in text


@contextlib.contextmanager
def scraped(daemon, count):
    """Meanwhile the daemon is scraped; `count` becomes how often."""
    end = threading.Event()

    def scrape():
        while not end.wait(EVERY):
            daemon.scrape()
            count[0] += 1
    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 5
    lost = 0
    with tempfile.TemporaryDirectory(prefix="nss-nomad-bench-") as name, client.Agent() as agent:
        folder = pathlib.Path(name)
        dns.write_inputs(folder, SERVICES)
        agent.register_many([{"name": service, "address": address, "port": port}
                             for service, instances in dns.services(SERVICES) for address, port in instances])
        daemon = Daemon(folder, build)
        port = daemon.run(agent)
        print(f"\nScrapes under a load of {RATE:,} questions a second, {rounds} rounds of {seconds:g} s\n")
        print("| scrapes | asked | answers/s | lost | p50 us | p99 us |\n|---|---|---|---|---|---|")
        try:
            for number in range(2 * rounds):
                count = [0]
                with scraped(daemon, count) if number % 2 else contextlib.nullcontext():
                    row = dns.blast(build, port, folder / "mixed", seconds, RATE)
                lost += row["lost"]
                print(f"| {count[0]} | {row['asked']:,.0f} | {row['qps']:,.0f} | {row['lost']:.0f} | {row['p50']:.0f} | "
                      f"{row['p99']:.0f} |")
        finally:
            daemon.stop()
    sys.exit(0 if lost == 0 else f"{lost:.0f} questions were not answered")


if __name__ == "__main__":
    main()
