"""Metrics and health over HTTP: exact after a scripted load, bounded whatever is asked, and never in DNS's way."""

import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import subprocess

import dns.message
import dns.query
import pytest

import build
import confine
from daemon import wait_until

WITHIN = 20     # seconds for the daemon to end
DNS = "127.0.0.1"


def free_ports():
    """Two ports that nobody has in this network, which is the test's own."""
    with socket.socket() as one, socket.socket() as other:
        one.bind((DNS, 0))
        other.bind((DNS, 0))
        return one.getsockname()[1], other.getsockname()[1]


class Daemon:
    def __init__(self, host, agent, folder, behind=(), **sections):
        """behind: a command that stands before the daemon's, and becomes it."""
        self.host, self.log = host, folder / "log"
        self.dns, self.http = free_ports()
        behind = behind or (confine.in_host(host) if confine.CONFINED else ())
        sections.setdefault("daemon", {}).setdefault("metrics", f"{DNS}:{self.http}")
        host.configure(nomad={"address": agent.url}, dns={"listen": f"{DNS}:{self.dns}", "workers": 2}, **sections)
        with open(self.log, "wb") as out:
            self.process = host.start([*behind, "nomad-dns-srv", "--check-interval", "1500"], stderr=out,
                                      stdout=subprocess.DEVNULL)

    def wait_for(self, condition):
        wait_until(lambda: self.process.poll() is not None or condition(), self.log.read_text)
        assert self.process.poll() is None, self.log.read_text()

    def follows(self):
        return self.host.run(["nomad-dns-srv", "--status"]).code == 0

    def get(self, path, method="GET", timeout=10):
        """Status, headers and text of an answer."""
        connection = http.client.HTTPConnection(DNS, self.http, timeout=timeout)
        with contextlib.closing(connection):
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()

    def metrics(self):
        """{name with labels: value}."""
        status, headers, text = self.get("/metrics")
        assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return {key: float(value) for key, value in
                (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))}

    def ask(self, name, kind="A", tcp=False, **query):
        message = dns.message.make_query(name, kind, **query)
        send = dns.query.tcp if tcp else dns.query.udp
        return send(message, DNS, port=self.dns, timeout=10)

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        assert self.process.wait(timeout=WITHIN) == 0, self.log.read_text()


@pytest.fixture
def daemon(host, agent, folder):
    agent.register_many([{"name": "web", "address": f"192.0.2.{n}", "port": 80} for n in range(1, 4)])
    agent.register("web", address="no address", port=80)
    agent.register_many([{"name": "many", "address": f"198.51.{n // 250}.{n % 250}", "port": 80} for n in range(300)])
    one = Daemon(host, agent, folder)
    one.wait_for(one.follows)
    yield one
    one.stop()


LOAD = [
    # how often, the question, and what is counted besides the query's type
    (7, ("web.default.nomad", "A"), {'responses_total{rcode="NOERROR"}': 1}),
    (5, ("web.default.nomad", "SRV"), {'responses_total{rcode="NOERROR"}': 1}),
    (4, ("web.default.nomad", "AAAA"), {'responses_total{rcode="NOERROR"}': 1}),
    (3, ("none.default.nomad", "A"), {'responses_total{rcode="NXDOMAIN"}': 1}),
    (6, ("www.example.com", "A"), {'responses_total{rcode="REFUSED"}': 1}),
    (2, ("web.default.nomad", "MX"), {'responses_total{rcode="NOERROR"}': 1}),
    (2, ("many.default.nomad", "A"), {'responses_total{rcode="NOERROR"}': 1, "truncated_total": 1}),
]
TYPES = {"A", "AAAA", "SRV"}


def test_exact_counts(daemon):
    """After a scripted load over UDP and TCP every counter is exactly right."""
    before = daemon.metrics()
    wanted = dict.fromkeys((key for key in before if re.match(r"nomad_dns_(queries|responses|truncated|dropped|tcp_q)",
                                                             key)), 0)
    for times, (name, kind), counts in LOAD:
        for _ in range(times):
            daemon.ask(name, kind)
        wanted[f'nomad_dns_queries_total{{type="{kind if kind in TYPES else "other"}"}}'] += times
        for key, count in counts.items():
            wanted[f"nomad_dns_{key}"] += times * count
    for _ in range(3):
        daemon.ask("web.default.nomad", "TXT", tcp=True)
    wanted['nomad_dns_queries_total{type="TXT"}'] += 3
    wanted['nomad_dns_responses_total{rcode="NOERROR"}'] += 3
    wanted["nomad_dns_tcp_queries_total"] += 3
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"too short", (DNS, daemon.dns))
    wanted['nomad_dns_queries_total{type="other"}'] += 1
    wanted["nomad_dns_dropped_total"] += 1
    daemon.wait_for(lambda: daemon.metrics()["nomad_dns_dropped_total"] > before["nomad_dns_dropped_total"])
    after = daemon.metrics()
    assert {key: after[key] - before[key] for key in wanted} == wanted
    total = sum(value for key, value in wanted.items() if "queries_total{" in key)
    daemon.wait_for(lambda: daemon.metrics()["nomad_dns_latency_seconds_count"]
                    - before["nomad_dns_latency_seconds_count"] == total)


def test_histogram(daemon):
    """The buckets grow to the count, and the sum is a time."""
    daemon.ask("web.default.nomad")
    daemon.wait_for(lambda: daemon.metrics()["nomad_dns_latency_seconds_count"] == 1)
    found = daemon.metrics()
    buckets = [value for key, value in found.items() if key.startswith("nomad_dns_latency_seconds_bucket")]
    assert buckets == sorted(buckets) and buckets[-1] == 1
    assert 0 < found["nomad_dns_latency_seconds_sum"] < WITHIN


def test_catalogue(daemon, agent):
    """The catalogue's size and index are Nomad's, what was left out is counted, and a change is."""
    found = daemon.metrics()
    assert (found["nomad_dns_catalogue_services"], found["nomad_dns_catalogue_instances"]) == (2, 303)
    assert found["nomad_dns_catalogue_index"] == agent.index()
    assert found["nomad_dns_skipped_records_total"] >= 1
    assert found["nomad_dns_publishes_total"] == 2 and found["nomad_dns_resyncs_total"] == 1
    assert found["nomad_dns_reconnects_total"] == 0 and found["nomad_dns_missed_events_total"] == 0
    assert found["nomad_dns_ready"] == 1 and found["nomad_dns_catalogue_stale"] == 0
    agent.register("other", address="192.0.2.9", port=80)
    daemon.wait_for(lambda: daemon.metrics()["nomad_dns_catalogue_services"] == 3)
    assert daemon.metrics()["nomad_dns_publishes_total"] == 3


def test_missed_event(daemon, agent):
    """A change of which no event tells is found, and counted."""
    agent.register_many([{"name": "silent", "address": "192.0.2.9", "port": 80}], silent=True)
    daemon.wait_for(lambda: daemon.metrics()["nomad_dns_missed_events_total"] == 1)
    daemon.wait_for(lambda: daemon.metrics()["nomad_dns_resyncs_total"] == 2)    # counted when the last service was read
    assert daemon.metrics()["nomad_dns_catalogue_services"] == 3


def test_outage(daemon, agent):
    """While Nomad is away: stale, its age grows, failed requests and new connections are counted; still ready."""
    agent.stop_listening()
    daemon.wait_for(lambda: daemon.metrics()["nomad_dns_catalogue_stale"] == 1)
    daemon.wait_for(lambda: daemon.metrics()['nomad_dns_nomad_requests_total{result="unreachable"}'] > 0)
    daemon.wait_for(lambda: daemon.metrics()["nomad_dns_catalogue_age_seconds"] > 0.2)
    assert daemon.get("/ready")[0] == 200
    agent.listen_again()
    daemon.wait_for(lambda: daemon.metrics()["nomad_dns_catalogue_stale"] == 0)
    assert daemon.metrics()["nomad_dns_reconnects_total"] >= 1


def test_not_ready(host, agent, folder):
    """Before there is a catalogue: healthy, not ready; the counters are there."""
    agent.stop_listening()
    one = Daemon(host, agent, folder)

    def answers():
        with contextlib.suppress(OSError):
            return one.get("/health")[0] == 200
    one.wait_for(answers)
    assert one.get("/ready")[0] == 503
    found = one.metrics()
    assert found["nomad_dns_ready"] == 0 and "nomad_dns_catalogue_age_seconds" not in found
    agent.listen_again()
    one.wait_for(lambda: one.get("/ready")[0] == 200)
    one.stop()


def test_no_label_from_queries(daemon):
    """1,000 names, and every type and class of question, make no new series."""
    before = set(daemon.metrics())
    for number in range(1000):
        daemon.ask(f"x{number}.y{number}.nomad", number % 250 + 1)
    assert set(daemon.metrics()) == before


def test_other_requests(daemon):
    """What is not there is 404, what is no GET is 405, HEAD has no body."""
    assert daemon.get("/")[0] == daemon.get("/metrics/x")[0] == 404
    assert daemon.get("/metrics", "POST")[0] == daemon.get("/metrics", "DELETE")[0] == 405
    status, _, text = daemon.get("/metrics", "HEAD")
    assert (status, text) == (200, "")


def test_slow_clients(daemon):
    """Clients that never finish a request, more than there are places, take nothing from DNS, and nothing from the next
    scrape or health check: it does not wait for the 10 seconds that such a client has."""
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            one = stack.enter_context(socket.create_connection((DNS, daemon.http)))
            one.sendall(b"GET /metrics HT")
        assert daemon.ask("web.default.nomad").answer
        assert daemon.get("/health", timeout=5)[0] == daemon.get("/metrics", timeout=5)[0] == 200
    daemon.wait_for(lambda: daemon.get("/health")[0] == 200)


def test_dripping_clients(daemon):
    """Clients that send an octet now and then are closed too: they do not keep the next one out for ever."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection((DNS, daemon.http))) for _ in range(16)]

        def are_closed():
            for client in [*clients]:
                try:
                    client.send(b"G")
                    client.recv(1, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    continue
                except OSError:
                    clients.remove(client)
            return not clients
        daemon.wait_for(are_closed)
        assert daemon.get("/health")[0] == 200


def test_requests_to_nomad(daemon, agent):
    """Each request that Nomad had is counted, with what became of it; the event stream and the read that waits
    for another namespace have not ended."""
    def counted(metrics):
        return sum(value for key, value in metrics.items() if "nomad_requests_total{" in key)
    daemon.wait_for(lambda: counted(daemon.metrics()) == agent.counters()["total"] - 2)
    found = daemon.metrics()
    assert found['nomad_dns_nomad_requests_total{result="believed"}'] == counted(found)


def test_scrapes_cost_no_answer(daemon):
    """Scraped all the time, every query of a stream of them has its answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        client.settimeout(10)
        client.connect((DNS, daemon.dns))
        query = dns.message.make_query("web.default.nomad", "SRV").to_wire()
        for _ in range(30):
            for _ in range(64):
                client.send(query)
            daemon.metrics()
            for _ in range(64):
                assert dns.message.from_wire(client.recv(4096)).answer


def test_dashboard(daemon):
    """The dashboard asks for metrics that there are, by labels that they have, and for all of them."""
    text = daemon.get("/metrics")[2]
    there = set(re.findall(r"^(nomad_dns_\w+)", text, re.M))
    dashboard = json.loads((build.ROOT / "docs/grafana.json").read_text())
    asked = {name for panel in dashboard["panels"] for target in panel["targets"]
             for name in re.findall(r"nomad_dns_\w+", target["expr"])}
    assert asked <= there
    assert there <= asked
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            for label in re.findall(r"by \((\w+)\)", target["expr"]):
                name = re.search(r"nomad_dns_\w+", target["expr"])[0]
                assert re.search(rf'^{name}\{{{label}="', text, re.M), target["expr"]


def test_described_and_typed(daemon):
    """Each metric has one HELP and one TYPE before its samples; counters end in _total."""
    text = daemon.get("/metrics")[2]
    types = dict(re.findall(r"^# TYPE (\S+) (\w+)$", text, re.M))
    assert list(types) == re.findall(r"^# HELP (\S+) \S", text, re.M)
    for name, kind in types.items():
        assert name.endswith("_total") == (kind == "counter")
    samples = {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"^(nomad_dns_\w+)", text, re.M)}
    assert samples == set(types)


PROMTOOL = shutil.which("promtool", path=f"{os.environ['PATH']}:{build.ROOT / 'build/unpacked'}")


@pytest.mark.skipif(not PROMTOOL, reason="promtool is not here; make check-sandbox gets it")
def test_promtool(daemon):
    """promtool check metrics has nothing to say."""
    done = subprocess.run([PROMTOOL, "check", "metrics"], input=daemon.get("/metrics")[2], capture_output=True,
                          text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(not PROMTOOL, reason="promtool is not here; make check-sandbox gets it")
def test_alerts(daemon):
    """docs/alerts.yml is what promtool takes, and asks for no metric that the daemon has not."""
    path = build.ROOT / "docs/alerts.yml"
    done = subprocess.run([PROMTOOL, "check", "rules", str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    names = set(re.findall(r"nomad_dns_[a-z_]+", path.read_text()))
    text = daemon.get("/metrics")[2]
    assert names and not [name for name in names if not re.search(rf"^{name}\b", text, re.M)]


def test_address_taken(host, agent, folder):
    """An address that somebody has: said once, with the setting; the daemon works without, and serves there once it is free."""
    agent.register("web", address="192.0.2.1", port=80)
    with socket.socket() as other:
        other.bind((DNS, 0))
        other.listen()
        address = other.getsockname()
        one = Daemon(host, agent, folder, daemon={"metrics": f"{DNS}:{address[1]}"})
        one.wait_for(one.follows)
        assert [str(record) for record in one.ask("web.default.nomad").answer[0]] == ["192.0.2.1"]
        one.wait_for(lambda: "cannot serve metrics" in one.log.read_text())
    one.wait_for(lambda: "serves metrics and health" in one.log.read_text())
    one.http = address[1]
    assert one.get("/ready")[0] == 200
    assert one.log.read_text().count("cannot serve metrics") == 1 and "setting metrics" in one.log.read_text()
    one.stop()


def test_query_log(host, agent, folder):
    """The query log has a line for each query, whatever log-level says, and nothing in a name can break it."""
    agent.register("web", address="192.0.2.1", port=80)
    one = Daemon(host, agent, folder, daemon={"query-log": "yes", "log-level": "error"})
    one.wait_for(one.follows)
    one.ask("web.default.nomad", "SRV")
    one.ask("web.default.nomad", tcp=True)
    one.ask(r"a\010b\.c.none.nomad", "TYPE999")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"\0" * 5, (DNS, one.dns))
        client.sendto(b"\1\2\0\0\0\1\0\0\0\0\0\0\77x", (DNS, one.dns))
    one.wait_for(lambda: one.log.read_text().count("\n") >= 5)
    one.stop()
    said = [line.removeprefix("nomad-dns-srv: ") for line in one.log.read_text().splitlines()]
    assert [line for line in said if not line.startswith(f"query: {DNS} ")] == []
    assert f"query: {DNS} udp web.default.nomad. SRV NOERROR 1" in said
    assert f"query: {DNS} tcp web.default.nomad. A NOERROR 1" in said
    assert f"query: {DNS} udp a\\010b\\046c.none.nomad. TYPE999 NXDOMAIN 0" in said
    assert f"query: {DNS} udp - - dropped 0" in said and f"query: {DNS} udp - - FORMERR 0" in said


@pytest.mark.parametrize("level, wanted", [("error", False), ("notice", True)])
def test_log_level(host, agent, folder, level, wanted):
    """log-level leaves out what is less urgent."""
    one = Daemon(host, agent, folder, daemon={"log-level": level})
    one.wait_for(one.follows)
    one.stop()
    assert ("follows Nomad" in one.log.read_text()) is wanted
