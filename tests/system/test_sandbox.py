"""The daemon under the restrictions of its unit: their system calls alone, no capability, a read-only file system but
for its two folders, a user of its own. `make check-sandbox` runs the other tests of the daemon so."""

import signal
import socket

import pytest

import confine
from test_metrics import DNS, Daemon

pytestmark = [pytest.mark.root, pytest.mark.plain]


@pytest.fixture
def sandbox(host):
    """What a command has to stand behind."""
    return confine.in_host(host)


@pytest.fixture
def confined(host, agent, folder, sandbox):
    """The daemon in the sandbox, following."""
    agent.register("web", address="192.0.2.1", port=80)
    one = Daemon(host, agent, folder, behind=sandbox, daemon={"state": "/run/nomad-state"})
    one.wait_for(one.follows)
    yield one
    one.stop()


REFUSED = """
import ctypes, errno, mmap, os, socket
libc = ctypes.CDLL(None, use_errno=True)
def fails(what, *errors):
    try:
        what()
    except OSError as reason:
        assert reason.errno in errors, (what, reason)
    else:
        raise SystemExit(f"{what} is allowed")
def call(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "")
fails(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW), errno.EAFNOSUPPORT)
for folder in ("/", "/etc", "/run", "/usr/bin", "/tmp", "/var/cache"):
    assert os.statvfs(folder).f_flag & os.ST_RDONLY, folder
open("/run/nomad-dns-srv/x", "w").close()
fails(lambda: os.chroot("/"), errno.EPERM)
fails(lambda: os.nice(-5), errno.EPERM)
fails(lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC), errno.EPERM)
fails(lambda: call(272, 0x10000000), errno.EPERM)   # unshare(CLONE_NEWUSER)
fails(lambda: call(101, 0, 0, 0, 0), errno.EPERM)   # ptrace
socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
assert open("/proc/self/status").read().count("Cap") and not int(
    [line for line in open("/proc/self/status") if line.startswith("CapBnd")][0].split()[1], 16)
print("as the unit has it")
"""


def test_the_sandbox_is_one(host, sandbox):
    """What the unit forbids is refused there, and what it allows is not."""
    done = host.run([*sandbox, "/usr/bin/python3", "-c", REFUSED])
    assert (done.code, done.out) == (0, "as the unit has it\n"), done


def test_it_follows_and_answers(confined, agent):
    """It publishes, answers over UDP and TCP, follows changes, and serves metrics."""
    host = confined.host
    assert host.addresses("web.default.nomad") == {"192.0.2.1"}
    assert host.path("/run/nomad-dns-srv/alive").stat().st_uid == int(confine.USER)
    assert confined.ask("web.default.nomad").answer and confined.ask("web.default.nomad", "SRV", tcp=True).answer
    agent.register("new", address="192.0.2.2", port=80)
    confined.wait_for(lambda: host.addresses("new.default.nomad") == {"192.0.2.2"})
    assert confined.metrics()["nomad_dns_catalogue_services"] == 2


def test_it_survives_an_outage(confined, agent):
    """It goes on while Nomad is away, and comes back."""
    agent.stop_listening()
    confined.wait_for(lambda: not confined.follows())
    assert confined.host.addresses("web.default.nomad") == {"192.0.2.1"}
    assert confined.ask("web.default.nomad").answer
    agent.listen_again()
    confined.wait_for(confined.follows)


def test_host_names(confined, agent):
    """It resolves host names in the catalogue, with all that glibc does for that."""
    agent.register("named", address="fixed.example", port=80)
    confined.wait_for(lambda: confined.host.addresses("named.default.nomad") == {"192.0.2.99"})


def test_reload_and_state(confined):
    """It reads its configuration again, and keeps the catalogue in the state folder."""
    confined.signal(signal.SIGHUP)
    confined.wait_for(lambda: "was read again" in confined.log.read_text())
    confined.wait_for(confined.follows)
    assert confined.host.path("/run/nomad-state/services/default/web").exists()


def test_many_tcp_clients(confined):
    """Many connections at once are served."""
    clients = [socket.create_connection((DNS, confined.dns)) for _ in range(200)]
    try:
        confined.wait_for(lambda: confined.metrics()["nomad_dns_tcp_connections"] == 200)
    finally:
        for client in clients:
            client.close()
