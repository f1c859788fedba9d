"""nomad-dns-srv follows the catalogue: every program of the host sees each change, and never a gap."""

import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from daemon import Daemon, daemon, decode, truth, wait_until, wait_until_all_is_asked    # noqa: F401 (a fixture)

DIR = "/run/nomad-dns-srv"


def test_every_program_sees_the_catalogue(agent, host, daemon):
    agent.register("web", address="10.1.0.1", tags=["blue"])
    agent.register("db", address="2001:db8::5", namespace="prod")
    agent.register("Mixed", address="10.1.0.3")
    daemon.start().wait("current")
    daemon.wait_equal(agent)
    agent.reset_counters()
    assert host.addresses("web.default.nomad") == {"10.1.0.1"}
    assert host.addresses("web.nomad") == {"10.1.0.1"}
    assert host.addresses("blue.web.default.service.nomad") == {"10.1.0.1"}
    assert host.addresses("db.prod.nomad") == {"2001:db8::5"}
    assert host.addresses("mixed.default.nomad") == {"10.1.0.3"}
    assert host.code("nobody.default.nomad") == "EAI_NONAME"
    assert not [path for path in agent.counters()["requests"] if "nobody" in path]


def test_a_change_is_seen_and_a_service_without_instances_is_gone(agent, host, daemon):
    daemon.start().wait("current")
    id = agent.register("web", address="10.1.0.1")
    wait_until(lambda: host.addresses("web.default.nomad") == {"10.1.0.1"})
    agent.register("web", address="10.1.0.2", id=id)
    wait_until(lambda: host.addresses("web.default.nomad") == {"10.1.0.2"})
    agent.deregister(id)
    wait_until(lambda: host.code("web.default.nomad") == "EAI_NONAME")


def test_a_host_name_is_resolved(agent, host, daemon):
    agent.register("web", address="fixed.example")
    agent.register("loop", address="loop.default.nomad")
    daemon.start().wait("current")
    assert host.addresses("web.default.nomad") == {"192.0.2.99"}     # at once: current means resolved, too
    assert "loop" in daemon.log


def dns_status(host, daemon, name):
    """The status that dig reads in the daemon's answer."""
    port = re.findall(r"serves DNS on 127.0.0.1:(\d+)", daemon.log)[-1]
    out = host.run(["dig", "@127.0.0.1", "-p", port, "+tries=1", "+timeout=5", name, "A"]).out
    return re.search(r"status: (\w+)", out).group(1)


def test_a_host_name_that_cannot_be_resolved_is_no_empty_answer(agent, host, daemon):
    agent.register("web", address="fixed.example")
    agent.register("lost", address="lost.example")
    agent.register("part", address="lost.example", tags=["lost"])
    agent.register("part", address="192.0.2.98")
    daemon.options = ["--listen", "127.0.0.1:0"]
    daemon.start().wait("current")
    assert host.addresses("web.default.nomad") == {"192.0.2.99"}
    assert host.code("lost.default.nomad") == "EAI_AGAIN"
    assert dns_status(host, daemon, "lost.default.nomad") == "SERVFAIL"
    assert host.addresses("part.default.nomad") == {"192.0.2.98"}
    assert host.code("lost.part.default.nomad") == "EAI_AGAIN"
    assert dns_status(host, daemon, "lost.part.default.nomad") == "SERVFAIL"
    # Restarted while nobody can resolve the other one either, it goes on with where that led last.
    daemon.stop()
    host.write("/etc/hosts", "127.0.0.1 localhost\n")
    daemon.start()
    wait_until(lambda: daemon.log.count("follows Nomad at") == 2)
    assert host.addresses("web.default.nomad") == {"192.0.2.99"}
    assert dns_status(host, daemon, "web.default.nomad") == "NOERROR"
    assert host.code("lost.default.nomad") == "EAI_AGAIN"
    host.write("/etc/hosts", "127.0.0.1 localhost\n192.0.2.99 fixed.example\n")


def test_it_takes_few_connections_and_rests(agent, daemon):
    agent.populate(500, 3)
    daemon.check = 3600000
    daemon.start().wait("current")
    daemon.wait_equal(agent)
    wait_until_all_is_asked(agent)
    assert agent.counters()["most_open"] <= 5
    agent.reset_counters()
    agent.others(50)
    agent.register("one", address="10.9.9.9")
    wait_until(lambda: ("default", "one") in daemon.published())
    assert agent.counters()["total"] == 0 and agent.counters()["streams"] == 1 and agent.counters()["open"] <= 5


def test_nothing_but_the_index_is_asked_of_a_stale_server(agent, daemon):
    """A server without leader, or that has just started, answers `stale` reads with an empty list."""
    agent.register("web", address="10.1.0.1")
    agent.fault("stale-empty", stale_only=True)
    daemon.start().wait("current")
    agent.stream("close")
    agent.register("db", address="10.1.0.2")
    daemon.wait_equal(agent)
    assert not [request for request in agent.log() if "stale" in request["params"] and request["path"] != "/v1/service/-"]


def test_only_configured_namespaces_are_followed(agent, host, daemon):
    for namespace in ("prod", "dev", "default"):
        agent.register("web", address="10.1.0.1", namespace=namespace)
    host.configure(nomad={"address": agent.url, "namespace": "prod dev"})
    daemon.start().wait("current")
    daemon.wait_equal(agent, namespaces={"prod", "dev"})
    assert host.addresses("web.nomad") == {"10.1.0.1"}
    assert host.addresses("web.default.nomad") == {"10.1.0.1"}    # not followed, so not denied: Nomad is asked
    agent.register("db", address="10.1.0.9", namespace="dev")
    daemon.wait_equal(agent, namespaces={"prod", "dev"})


def test_case_junk_and_odd_names(agent, host, daemon):
    agent.register("web", address="10.1.0.1")
    agent.register("WEB", address="10.1.0.2")
    agent.register("bad", address="nonsense here")
    agent.register("good", address="10.1.0.3")
    agent.register("good", address="")
    agent.register("x-a.b_c/d é", address="10.1.0.4")
    agent.register("long", address="10.1.0.5", namespace="n" * 100)
    daemon.start().wait("current")
    assert host.addresses("web.default.nomad") == {"10.1.0.1"}
    assert host.addresses("Web.default.nomad") == {"10.1.0.1", "10.1.0.2"}
    assert host.addresses("good.default.nomad") == {"10.1.0.3"}
    assert host.code("bad.default.nomad") == "EAI_NODATA"
    assert daemon.log.count("is left out") == 4


def test_a_restarted_allocation_is_never_away(agent, host, daemon):
    """A reader that polls throughout never sees the service without its instances."""
    first = agent.register("web", address="10.1.0.1", tags=["primary"])
    agent.register("web", address="10.1.0.2")
    alone = agent.register("alone", address="10.1.0.3")
    daemon.start().wait("current")
    reader = FastReader(host, {"web": {"10.1.0.1", "10.1.0.2"}, "alone": {"10.1.0.3"}})
    for _ in range(100):
        agent.restart_allocation(first)
        agent.restart_allocation(alone)
        assert host.addresses("primary.web.default.nomad") == {"10.1.0.1"}
    agent.restart_allocation(alone, gap=0.05)
    daemon.wait_equal(agent)
    assert reader.end() > 100
    assert not reader.wrong


class FastReader:
    """Looks names up as fast as it can, all the time, in one process; what it found wrong."""

    def __init__(self, host, wanted):
        self.wanted, self.wrong, self.count, self.ending = wanted, [], 0, False
        self.folder = host.path(DIR) / "services/default"
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        while not self.ending:
            for name, wanted in self.wanted.items():
                try:
                    _, instances = decode((self.folder / name).read_bytes())
                    found = {address for each in instances for address in each[3]}
                except (OSError, AssertionError) as reason:
                    found = repr(reason)
                if not (found in wanted if isinstance(wanted, list) else found == wanted):
                    self.wrong.append((name, found))
                self.count += 1

    def end(self):
        self.ending = True
        self.thread.join()
        return self.count


@pytest.mark.plain
def test_a_tight_loop_of_lookups_never_sees_anything_wrong(agent, host, daemon):
    """1,000 changes a second around services that exist throughout: through the module, and straight from the files."""
    agent.register("steady", address="10.2.0.1")
    moving = agent.register("moving", address="10.2.0.2")
    busy = agent.register_many([{"name": f"busy-{number}", "address": "10.3.0.1", "namespace": "busy"} for number in range(50)])
    daemon.start().wait("current")
    reader = FastReader(host, {"steady": {"10.2.0.1"}, "moving": [{"10.2.0.2"}, {"10.2.0.3"}]})
    begun, changes = time.monotonic(), 0
    while changes < 3000:
        agent.batch(*({"do": "register", "services": [{
            "name": f"busy-{(changes + each) % 50}", "id": busy[(changes + each) % 50], "namespace": "busy",
            "address": f"10.3.{(changes + each) >> 8 & 255}.{(changes + each) & 255}"}]} for each in range(100)),
            {"do": "register", "services": [{"name": "moving", "id": moving,
                                             "address": f"10.2.0.{2 + changes // 100 % 2}"}]})
        changes += 100
        while time.monotonic() < begun + changes / 1000:
            assert host.addresses("steady.default.nomad") == {"10.2.0.1"}
            assert host.addresses("moving.default.nomad") in ({"10.2.0.2"}, {"10.2.0.3"})
    daemon.wait_equal(agent)
    reader.end()
    assert not reader.wrong


def test_status_is_for_people(agent, host, daemon):
    agent.register("web", address="10.1.0.1")
    daemon.start().wait("current")
    shown = host.run(["/usr/sbin/nomad-dns-srv", "--status"])
    assert shown.code == 0
    assert re.search(r"catalogue: +current, since \d+ s ago\n +1 service, 1 instance, index \d+", shown.out)
    assert f"agent:      {agent.url}" in shown.out
    daemon.stop()
    shown = host.run(["/usr/sbin/nomad-dns-srv", "--status"])
    assert shown.code == 1
    assert "do without the files" in shown.out


def test_sigterm_takes_the_heartbeat_away_and_the_files_stay(agent, host, daemon):
    agent.register("web", address="10.1.0.1")
    daemon.start().wait("current")
    assert daemon.stop() == 0
    assert not (daemon.folder / "alive").exists()
    assert daemon.published() == truth(agent)
    agent.reset_counters()
    assert host.addresses("web.default.nomad") == {"10.1.0.1"}      # the module asks Nomad by itself
    assert agent.counters()["total"] >= 1


def test_sighup_reads_configuration_and_token_without_a_gap(agent, host, daemon):
    agent.register("web", address="10.1.0.1")
    agent.register("web", address="10.1.0.1", namespace="prod")
    agent.tokens({"old": {"namespaces": ["default", "prod"]}, "new": {"namespaces": ["default", "prod"]}})
    daemon.write_token(agent.secret("old"))
    host.configure(nomad={"address": agent.url, "token-file": "/etc/token", "namespace": "default prod"})
    daemon.start().wait("current")
    reader = FastReader(host, {"web": {"10.1.0.1"}})
    daemon.write_token(agent.secret("new"))
    host.configure(nomad={"address": agent.url, "token-file": "/etc/token", "namespace": "default prod"},
                   answers={"ttl": "77s", "service-label": "no"})
    daemon.reload()
    wait_until(lambda: "configuration was read again" in daemon.log)
    agent.tokens({"new": {"namespaces": ["default", "prod"]}})
    agent.register("db", address="10.1.0.2")
    daemon.wait_equal(agent)
    wait_until(lambda: b"\0\0\0\x4d\0\0\x0e\x10" in (daemon.folder / "services/default/web").read_bytes(), "77 s, 3600 s")
    assert not (daemon.folder / "services/service").is_symlink()
    assert daemon.status()["state"] == "current"
    assert reader.end() and not reader.wrong


def test_sighup_with_a_wrong_configuration_changes_nothing(agent, host, daemon):
    agent.register("web", address="10.1.0.1")
    daemon.start().wait("current")
    host.write("/etc/nss-nomad.conf", "[nomad]\nadress = typo\n")
    daemon.reload()
    wait_until(lambda: "the previous configuration is kept" in daemon.log)
    assert "adress" in daemon.log
    agent.register("db", address="10.1.0.2")
    daemon.wait_equal(agent)


def test_a_renewed_token_in_its_file_is_used_by_itself(agent, host, daemon):
    agent.register("web", address="10.1.0.1")
    agent.tokens({"old": {"namespaces": ["default"]}, "new": {"namespaces": ["default"]}})
    daemon.write_token(agent.secret("old"))
    host.configure(nomad={"address": agent.url, "token-file": "/etc/token"})
    daemon.start().wait("current")
    daemon.write_token(agent.secret("new"))
    wait_until(lambda: agent.log()[-1]["headers"].get("x-nomad-token") == "new")
    agent.tokens({"new": {"namespaces": ["default"]}})
    agent.register("db", address="10.1.0.2")
    daemon.wait_equal(agent)


@pytest.mark.parametrize("lock", ["there", "deleted"])
def test_two_daemons_do_not_share_a_folder(agent, host, daemon, lock):
    daemon.start().wait("current")
    if lock == "deleted":
        (daemon.folder / "lock").unlink()
        wait_until((daemon.folder / "lock").exists)
    second = Daemon(host).start()
    assert second.process.wait(timeout=20) == 1
    assert "another nomad-dns-srv runs" in daemon.log
    assert daemon.alive()


@pytest.mark.parametrize("options, code, words", [
    (["--check-config"], 0, "is right"),
    (["--help"], 0, "usage"),
    (["--nonsense"], 64, "--help"),
    (["surplus"], 64, "surplus"),
    (["--check-interval", "x"], 64, "milliseconds"),
    (["--nomad", "ftp://x", "--check-config"], 1, "ftp://x"),
    (["--config", "/nowhere", "--check-config"], 1, "/nowhere"),
    (["--status"], 1, "does the daemon run"),
])
def test_the_command_line(host, options, code, words):
    done = host.run(["/usr/sbin/nomad-dns-srv", *options])
    assert done.code == code
    assert words in done.out + done.err


@pytest.fixture
def notified(host):
    """next(): what the daemon tells systemd next; all(until): its messages up to that one."""
    class Notified:
        def __init__(self):
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.socket.bind(str(host.path("/run/notify")))
            self.socket.settimeout(20)

        def next(self):
            return self.socket.recv(4096).decode()

        def all(self, until):
            messages = [self.next()]
            while not messages[-1].startswith(until):
                messages.append(self.next())
            return messages
    made = Notified()
    yield made
    made.socket.close()


def test_readiness_is_told_once_the_catalogue_is_complete(agent, host, notified):
    agent.fault("no-leader", path="/v1/service")
    process = host.start(["/usr/sbin/nomad-dns-srv", "--listen", ""], env={"NOTIFY_SOCKET": "/run/notify"})
    try:
        assert "READY" not in notified.next()
        agent.register("web", address="10.1.0.1")
        agent.clear_faults()
        notified.all("READY=1")
        assert (host.path(DIR) / "services/default/web").exists()
        notified.all("STATUS=current: 1 service,")
        process.terminate()
        notified.all("STOPPING=1")
    finally:
        process.kill()
        process.wait()


def test_a_reload_is_told_and_makes_nothing_ready(agent, host, notified):
    agent.fault("no-leader", path="/v1/service")
    process = host.start(["/usr/sbin/nomad-dns-srv", "--listen", ""], env={"NOTIFY_SOCKET": "/run/notify"},
                         stderr=subprocess.PIPE, text=True)
    try:
        notified.next()
        process.send_signal(signal.SIGHUP)
        while "was read again" not in process.stderr.readline():
            pass
        assert not [text for text in notified.all("STATUS=loading") if "READY" in text or "RELOADING" in text]
        agent.clear_faults()
        notified.all("READY=1")
        process.send_signal(signal.SIGHUP)
        notified.all("RELOADING=1")
        notified.all("READY=1")
    finally:
        process.kill()
        process.communicate()
