"""Fixtures of the system tests: a stage with the build, hosts of their own for the tests, the stand-in agent.

As root, no test is skipped. Without, what needs other users is, and what can be done in a user namespace is done there.
"""

import ctypes
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parent.parent)]

import pytest       # noqa: E402

import build        # noqa: E402
import confine      # noqa: E402
import host as hosts  # noqa: E402
import real         # noqa: E402
from standin import client  # noqa: E402

CLONE_NEWNET = 0x40000000
NETWORK = """
ip link set lo up
ip address add 198.51.100.1/32 dev lo
ip address add 2001:db8:ffff::1/128 dev lo nodad
"""
MACHINE = ["/etc/nsswitch.conf", "/etc/nss-nomad.conf", "/etc/hosts", "/run/nomad-dns-srv", "/var/cache/nss-nomad"]


def pytest_configure(config):
    config.addinivalue_line("markers", "root: needs root, for users or mounts of its own")
    config.addinivalue_line("markers", "unconfined(reason): what the daemon's sandbox forbids; not with CONFINE=1")
    config.addinivalue_line("markers", "plain: asserts what sanitizers change: memory, stacks, files, system calls")


def pytest_collection_modifyitems(items):
    for item in items:
        if os.geteuid() != 0 and item.get_closest_marker("root"):
            item.add_marker(pytest.mark.skip(reason="needs root"))
        if confine.CONFINED and (unconfined := item.get_closest_marker("unconfined")):
            item.add_marker(pytest.mark.skip(reason=f"in the sandbox: {unconfined.args[0]}"))
        if build.SAN and item.get_closest_marker("plain"):
            item.add_marker(pytest.mark.skip(reason="sanitizers change what it asserts"))


@pytest.fixture(scope="session", autouse=True)
def network():
    """As root, this process and all it starts live in a network of their own: a loopback with an address of each
    family, so that AI_ADDRCONFIG takes both, and nothing else. No port is anybody else's."""
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWNET)")
    subprocess.run(["sh", "-ec", NETWORK], check=True)


def neighbours():
    """The processes in our network but this one, as command lines; without one of our own, none."""
    def network_of(pid):
        try:
            return os.readlink(f"/proc/{pid}/ns/net")
        except OSError:
            return None
    if os.geteuid() != 0:
        return []
    others = [pid for pid in os.listdir("/proc") if pid.isdigit() and int(pid) != os.getpid()
              and network_of(pid) == network_of("thread-self")]
    return [pathlib.Path(f"/proc/{pid}/cmdline").read_text() for pid in others]


@pytest.fixture(scope="session", autouse=True)
def nothing_left(network):
    """What every session ends with: the machine's own files as they were, no mount, no process and no file of ours."""
    with build.unchanged(MACHINE), tempfile.TemporaryDirectory(prefix="nss-nomad-tests-") as name:
        yield pathlib.Path(name)
    assert name not in pathlib.Path("/proc/self/mountinfo").read_text()
    assert not os.path.exists(name)
    assert neighbours() == []


@pytest.fixture(scope="session")
def session_folder(nothing_left):
    """A folder that is gone after the session."""
    return nothing_left


@pytest.fixture(scope="session")
def stage(session_folder):
    """The build under test, installed below a folder."""
    folder = session_folder / "stage"
    build.install(folder)
    return folder


@pytest.fixture
def host(stage, network):
    """A host of its own; see host.Host."""
    try:
        one = hosts.Host(stage)
    except RuntimeError as reason:
        if os.geteuid() == 0:
            raise
        pytest.skip(str(reason))
    yield one
    one.close()


@pytest.fixture(scope="session")
def session_agent(nothing_left):
    with real.Agent() if os.environ.get("NOMAD") == "real" else client.Agent() as agent:
        yield agent


@pytest.fixture
def agent(session_agent, host):
    """A stand-in agent, as just started, and the one that the host asks."""
    session_agent.reset()
    host.configure(nomad={"address": session_agent.url})
    yield session_agent
    session_agent.resume()


@pytest.fixture
def folder(session_folder):
    """A folder of the test's own, gone after it."""
    with tempfile.TemporaryDirectory(dir=session_folder) as name:
        yield pathlib.Path(name)


class NameServer:
    """What a host's resolv.conf leads to: knows no name, and notes who was asked for."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        self.asked = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            query, client_address = self.socket.recvfrom(4096)
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1:at + 1 + query[at]].decode())
                at += 1 + query[at]
            self.asked.append(".".join(labels))
            self.socket.sendto(query[:2] + b"\x81\x83" + query[4:6] + bytes(6) + query[12:at + 5], client_address)


@pytest.fixture(scope="session")
def session_name_server(nothing_left):
    return NameServer()


@pytest.fixture
def name_server(session_name_server):
    """The next on the hosts line: `asked` are the names that went on to it. In the private network alone (root)."""
    session_name_server.asked.clear()
    return session_name_server
