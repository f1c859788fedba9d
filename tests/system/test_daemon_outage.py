"""While Nomad is away nomad-dns-srv serves what it knew, as stale; when it is back all is current within a second,
with no restart. Never does an outage become "no such name"."""

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import time

import pytest

from daemon import daemon, wait_until    # noqa: F401 (a fixture)
from standin import client

BACK_WITHIN = 1.0   # seconds from an agent's return to a current catalogue at the most. By a clock that nothing delays
                    # tests/unit/test_outage.c asserts it to the millisecond, at every moment of the tries; here ...
SLACK = 2.0         # ... two processes of a machine that runs other tests wait for their turns meanwhile
TTL = 1             # seconds that every answer holds in these tests
LONGER = 1.5        # seconds that every outage lasts, when it has been noticed
SHORT = {"ttl": f"{TTL}s", "negative-ttl": f"{TTL}s"}


def back_in_time(daemon, returned):
    """Since when the catalogue is current, by the daemon's own word, is no more than the promise after that moment."""
    daemon.wait("current")
    assert daemon.status()["since"] / 1000 - returned < BACK_WITHIN + SLACK


def killed(agent):
    agent.stop_listening()
    return agent.listen_again


def hanging(agent):
    agent.pause()
    return agent.resume


def mute(agent):
    """Accepts, and answers nothing; streams say nothing more."""
    agent.fault("hang")
    agent.stream("stall")

    def back():
        agent.clear_faults()
        agent.stream("close")
    return back


def denying(agent):
    agent.tokens({"nobody": {"namespaces": []}})
    return lambda: agent.tokens(None)


def forgetting(agent):
    """The token sees no namespace any more: `*` is 200 [] with index 0."""
    agent.tokens({"": {"namespaces": ["other"]}, "x": {"namespaces": ["default"]}})
    agent.fault("index-0", path="/v1/services", known_leader=True)
    agent.stream("close")

    def back():
        agent.clear_faults()
        agent.tokens(None)
    return back


def leaderless(agent):
    agent.fault("500", path="/v1/service", text="rpc error: No cluster leader")
    agent.stream("close")
    return agent.clear_faults


def unknown_leader(agent):
    agent.fault("no-leader", path="/v1/service")
    agent.stream("close")
    return agent.clear_faults


def stopping(agent):
    """A client agent that shuts down: 200 [] with index 0 for a moment, then nothing."""
    agent.fault("index-0", path="/v1/service")
    agent.stream("close")
    return agent.clear_faults


def overloaded(agent):
    agent.fault("429")
    agent.drop()
    return agent.clear_faults


def resetting(agent):
    agent.fault("reset", at="accept")
    agent.drop()
    return agent.clear_faults


def portal(agent):
    agent.fault("html")
    agent.drop()
    return agent.clear_faults


OUTAGES = [killed, hanging, mute, denying, forgetting, leaderless, unknown_leader, stopping, overloaded, resetting, portal]


def outlast(daemon, host, before):
    """For longer than every TTL all is as it was: what was known goes on, stale, and what there is not is not."""
    limit = time.monotonic() + LONGER
    while time.monotonic() < limit:
        assert daemon.alive()
        assert daemon.published() == before
        assert host.addresses("web.default.nomad") == {"10.1.0.1"}
        assert host.code("nobody.default.nomad") == "EAI_AGAIN"
    assert daemon.status()["state"] == "stale"


@pytest.mark.parametrize("outage", OUTAGES)
def test_an_outage(agent, host, daemon, outage):
    def change():
        agent.register("new", address="10.1.0.3")
        agent.deregister(web)

    host.configure(nomad={"address": agent.url}, answers=SHORT)
    web = agent.register("web", address="10.1.0.1")
    agent.register("db", address="10.1.0.2", namespace="prod")
    daemon.start().wait("current")
    before = daemon.published()
    back = outage(agent)
    daemon.wait("stale", within=60)
    outlast(daemon, host, before)
    shown = host.run(["/usr/sbin/nomad-dns-srv", "--status"]).out
    assert "catalogue:  stale" in shown and "last error:" in shown
    told = agent.obeys()
    if told:
        change()
    back()
    back_in_time(daemon, time.time())
    if not told:
        change()
    daemon.wait_equal(agent)
    assert daemon.log.count("Nomad cannot be followed") <= 3
    assert daemon.log.count("follows Nomad at") == 2


def test_after_max_stale_the_heartbeat_stops_and_comes_back(agent, host, daemon):
    agent.register("web", address="10.1.0.1")
    host.configure(nomad={"address": agent.url}, answers={**SHORT, "max-stale": "2s"})
    daemon.start().wait("current")
    agent.stop_listening()
    daemon.wait("stale")
    daemon.wait("expired")
    assert not (daemon.folder / "alive").exists()
    assert host.code("web.default.nomad") == "EAI_AGAIN"
    agent.listen_again()
    back_in_time(daemon, time.time())
    assert host.addresses("web.default.nomad") == {"10.1.0.1"}


def test_an_agent_rebuilt_with_a_lower_index(agent, host, daemon):
    for number in range(20):
        agent.register("web", address=f"10.1.0.{number + 1}")
    daemon.start().wait("current")
    agent.rebuild(index=1, keep=False, streams="close")
    agent.register("other", address="10.1.0.99")
    daemon.wait_equal(agent)
    assert "index went back" in daemon.log
    agent.register("web", address="10.1.0.1")
    daemon.wait_equal(agent)


@pytest.mark.parametrize("streams", ["silent", "live"])
def test_a_restored_snapshot_behind_open_streams(agent, daemon, streams):
    agent.populate(10, 2)
    daemon.start().wait("current")
    agent.rebuild(index=5, streams=streams)
    agent.register("new", address="10.1.0.99")
    daemon.wait_equal(agent)


def test_the_next_agent_takes_over_and_is_kept(agent, host, daemon):
    with client.Agent() as second:
        for each in (agent, second):
            each.register("web", address="10.1.0.1")
        host.configure(nomad={"address": f"{agent.url} {second.url}"})
        daemon.start().wait("current")
        assert daemon.status()["agent"] == agent.url
        agent.stop_listening()
        wait_until(lambda: daemon.status().get("agent") == second.url and daemon.status()["state"] == "current")
        agent.listen_again()
        second.register("db", address="10.1.0.2")
        daemon.wait_equal(second)
        assert daemon.status()["agent"] == second.url


def test_a_restart_while_nomad_is_down(agent, host, daemon):
    agent.register("web", address="10.1.0.1")
    daemon.start().wait("current")
    daemon.stop()
    agent.stop_listening()
    daemon.start().wait("stale")
    assert host.addresses("web.default.nomad") == {"10.1.0.1"}
    assert daemon.alive()
    agent.listen_again()
    agent.register("web", address="10.1.0.2")
    daemon.wait_equal(agent)


def test_a_clock_that_was_set_back_makes_nothing_younger(agent, host, daemon):
    agent.register("web", address="10.1.0.1")
    host.configure(nomad={"address": agent.url}, answers={"max-stale": "2s"})
    daemon.start().wait("current")
    daemon.stop()
    agent.stop_listening()
    file = daemon.folder / "status.json"
    status = json.loads(file.read_text())
    file.write_text(json.dumps({**status, "current_at": status["current_at"] + 3600 * 1000}))
    daemon.start().wait("expired")
    assert not daemon.alive()


def test_a_reboot_while_nomad_is_down(agent, host, daemon):
    agent.register("web", address="10.1.0.1")
    agent.register("gone", address="10.1.0.7")
    host.configure(nomad={"address": agent.url}, daemon={"state": "/run/nomad-state"})
    daemon.start().wait("current")
    gone = agent.register("gone-too", address="10.1.0.8")
    daemon.wait_equal(agent)
    agent.deregister(gone)
    daemon.wait_equal(agent)
    before = daemon.published()
    daemon.stop()
    agent.stop_listening()
    assert host.run(["rm", "-r", "/run/nomad-dns-srv"]).code == 0
    daemon.start().wait("stale")
    assert daemon.published() == before
    assert host.addresses("web.default.nomad") == {"10.1.0.1"}


def test_killed_at_any_moment_the_files_serve_and_the_next_start_repairs(agent, host, daemon):
    agent.populate(100, 3)
    daemon.start().wait("current")
    for round in range(6):
        agent.churn(2000, seed=round, wait=False)
        time.sleep(0.02 * round)    # another moment each time, not to wait for anything
        daemon.kill()
        assert daemon.published().keys()     # every record is whole
        agent.churn_wait()
        (daemon.folder / "services/default/.new").write_bytes(b"half")
        daemon.start()
        daemon.wait_equal(agent)
        daemon.wait("current")
        assert not (daemon.folder / "services/default/.new").exists()


def test_without_a_daemon_the_module_helps_itself(agent, host, daemon):
    agent.register("web", address="10.1.0.1")
    daemon.start().wait("current")
    daemon.kill()
    assert host.addresses("web.default.nomad") == {"10.1.0.1"}
    then = time.time() - 6
    os.utime(daemon.folder / "alive", (then, then))
    agent.register("web", address="10.1.0.2")
    agent.reset_counters()
    assert host.addresses("web.default.nomad") == {"10.1.0.1", "10.1.0.2"}
    assert agent.counters()["total"] >= 1


def test_a_daemon_that_sleeps_is_not_believed_and_catches_up(agent, host, daemon):
    agent.register("web", address="10.1.0.1")
    daemon.start().wait("current")
    daemon.process.send_signal(signal.SIGSTOP)
    then = time.time() - 6
    os.utime(daemon.folder / "alive", (then, then))
    agent.register("web", address="10.1.0.2")
    assert host.addresses("web.default.nomad") == {"10.1.0.1", "10.1.0.2"}
    daemon.process.send_signal(signal.SIGCONT)
    daemon.wait_equal(agent)
    wait_until(daemon.alive)


@pytest.mark.root
def test_the_network_goes_and_comes(host, daemon):
    """The agent lives behind a link of its own, which is taken down: nothing is refused, packets just vanish."""
    with apart() as (agent, link):
        agent.register("web", address="10.1.0.1")
        host.configure(nomad={"address": agent.url}, answers=SHORT)
        daemon.start().wait("current")
        link("down")
        before = daemon.published()
        agent.register("db", address="10.1.0.2")
        daemon.wait("stale", within=60)
        outlast(daemon, host, before)
        link("up")
        # The kernel looks for a neighbour once a second, for everybody: the network is there when it lets anybody in.
        wait_until(lambda: can_connect(agent))
        back_in_time(daemon, time.time())
        daemon.wait_equal(agent)


def can_connect(agent):
    try:
        socket.create_connection((agent.url.removeprefix("http://").split(":")[0], agent.port), timeout=0.1).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def apart():
    """An agent in a network of its own at 10.77.N.2, and what takes the link there down and up."""
    name = f"nd{os.getpid() % 100000}"
    subnet = f"10.77.{os.getpid() % 250}"
    holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo ready; exec cat"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "ready\n"
        subprocess.run(["sh", "-ec", f"""
            ip link add {name}a type veth peer name {name}b
            ip link set {name}b netns {holder.pid}
            ip address add {subnet}.1/24 dev {name}a
            ip link set {name}a up
            nsenter --net --target {holder.pid} ip address add {subnet}.2/24 dev {name}b
            nsenter --net --target {holder.pid} ip link set {name}b up
            nsenter --net --target {holder.pid} ip link set lo up"""], check=True)
        with in_network(holder.pid):
            agent = client.Agent(listen=f"{subnet}.2")
        with agent:
            yield agent, lambda state: subprocess.run(
                ["nsenter", "--net", "--target", str(holder.pid), "ip", "link", "set", f"{name}b", state], check=True)
    finally:
        holder.stdin.close()
        holder.wait()
        subprocess.run(["ip", "link", "delete", f"{name}a"], stderr=subprocess.DEVNULL, check=False)


@contextlib.contextmanager
def in_network(pid):
    """This thread, and what it starts, in another process's network."""
    libc = ctypes.CDLL(None, use_errno=True)
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    other = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    try:
        assert libc.setns(other, 0) == 0
        yield
    finally:
        assert libc.setns(own, 0) == 0
        os.close(own)
        os.close(other)


def test_over_a_unix_socket(host, daemon):
    """A task's own API socket, which wants a token always."""
    with client.Agent(tcp=False, unix=host.path("/run/api.sock")) as task:
        task.tokens({"secret": {"namespaces": ["default"]}})
        task.register("web", address="10.1.0.1")
        daemon.write_token("secret")
        host.configure(nomad={"address": "unix:///run/api.sock", "token-file": "/etc/token"})
        daemon.start().wait("current")
        task.register("db", address="10.1.0.2")
        daemon.wait_equal(task)
