"""Name servers that do not know, or are silent, while nomad-dns-srv asks them for its agent or for an instance's host: what was
known goes on, and nothing waits for them."""

import socket
import time

import pytest

from daemon import daemon, wait_until    # noqa: F401 (a fixture)
from test_daemon_outage import SHORT, back_in_time, outlast

KNOWN = "127.0.0.1 localhost nomad.example\n::1 localhost\n"


def follow_by_name(agent, host, daemon):    # noqa: F811
    """The daemon follows an agent that it has by name; what it published."""
    agent.register("web", address="10.1.0.1")
    host.write("/etc/hosts", KNOWN)
    host.configure(nomad={"address": f"http://nomad.example:{agent.port}"}, answers=SHORT)
    daemon.start().wait("current")
    return daemon.published()


def outlast_and_return(agent, host, daemon, before):    # noqa: F811
    """What was published serves for longer than every TTL; when the name is there again, all is current in time."""
    outlast(daemon, host, before)
    agent.register("db", address="10.1.0.2")
    returned = time.time()
    host.write("/etc/hosts", KNOWN)
    back_in_time(daemon, returned)
    daemon.wait_equal(agent)


def test_the_agents_name_cannot_be_resolved(agent, host, daemon):
    before = follow_by_name(agent, host, daemon)
    host.write("/etc/hosts", "127.0.0.1 localhost\n")
    agent.stop_listening()
    daemon.wait("stale")
    agent.listen_again()
    wait_until(lambda: "nomad.example" in daemon.status().get("error", "") and daemon.alive())
    outlast_and_return(agent, host, daemon, before)


@pytest.mark.root
def test_the_agents_name_is_asked_of_a_silent_name_server(agent, host, daemon):
    before = follow_by_name(agent, host, daemon)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.54", 53))       # the network is this process's own
        host.write("/etc/resolv.conf", "nameserver 127.0.0.54\noptions timeout:30 attempts:1\n")
        host.write("/etc/hosts", "127.0.0.1 localhost\n")
        agent.drop()
        daemon.wait("stale")
        wait_until(lambda: "check DNS" in daemon.log, lambda: daemon.log)
        assert "firewall" not in daemon.log
        outlast_and_return(agent, host, daemon, before)


@pytest.mark.root
def test_it_ends_at_once_while_a_name_cannot_be_resolved(agent, host, daemon):
    """A name server that is silent keeps whoever asks waiting for long."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.53", 53))       # the network is this process's own
        host.write("/etc/resolv.conf", "nameserver 127.0.0.53\noptions timeout:30 attempts:1\n")
        agent.register("web", address="lost.example")
        agent.register("db", address="10.1.0.1")
        daemon.start().wait("current")
        mute.settimeout(20)
        mute.recv(512)
        assert daemon.stop() == 0
        assert not (daemon.folder / "alive").exists()
