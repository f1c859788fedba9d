"""Whatever holds the daemon's event loop: DNS says so, and never serves the old catalogue as a current one."""

import contextlib
import ctypes
import os
import re
import select
import socket

import dns.edns
import dns.message
import dns.query
import dns.rcode
import pytest

from daemon import daemon, wait_until    # noqa: F401 (a fixture)

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WALL = 0x40000000
STALE, STALE_NXDOMAIN, NO_AUTHORITY = 3, 19, 22
DAEMON = pytest.mark.unconfined("no other process may trace it")


def ptrace(request, thread):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if libc.ptrace(request, thread, None, None) < 0:
        raise OSError(ctypes.get_errno(), "ptrace")


@contextlib.contextmanager
def held(thread):
    """One thread of a process stands still; the others go on."""
    ptrace(PTRACE_SEIZE, thread)
    ptrace(PTRACE_INTERRUPT, thread)
    os.waitpid(thread, WALL)
    try:
        yield
    finally:
        ptrace(PTRACE_DETACH, thread)


def asked(address, name):
    """The rcode and the extended errors of an answer."""
    message = dns.message.make_query(name, "A", use_edns=0)
    answer = dns.query.udp(message, address[0], port=address[1], timeout=10)
    return dns.rcode.to_text(answer.rcode()), [option.code for option in answer.options if option.otype == dns.edns.EDE]


@DAEMON
def test_loop_is_held(agent, host, daemon):    # noqa: F811
    """Its beat is 5 s old: stale answers. Older than max-stale: none. It goes on: current again."""
    host.configure(nomad={"address": agent.url}, answers={"max-stale": "9s"})
    agent.register("web", address="192.0.2.1", port=80)
    daemon.start("--listen", "127.0.0.1:0").wait("current")
    host_port = daemon.status()["dns"].split(":")
    address = host_port[0], int(host_port[1])
    name, other = "web.default.nomad", "other.default.nomad"
    assert (asked(address, name), asked(address, other)) == (("NOERROR", []), ("NXDOMAIN", []))
    with held(daemon.process.pid):
        agent.register("other", address="192.0.2.2", port=80)
        wait_until(lambda: asked(address, name) == ("NOERROR", [STALE]))
        assert asked(address, other)[0] != "NXDOMAIN" or asked(address, other)[1] == [STALE_NXDOMAIN]
        wait_until(lambda: asked(address, name) == ("SERVFAIL", [NO_AUTHORITY]))
        assert asked(address, other) == ("SERVFAIL", [NO_AUTHORITY])
    wait_until(lambda: asked(address, name) == asked(address, other) == ("NOERROR", []))


def full_pipe():
    """An end to read and one to write, which takes nothing any more."""
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    with contextlib.suppress(BlockingIOError):
        while os.write(writes, b"x" * 4096):
            pass
    os.set_blocking(writes, True)
    return reads, writes


def full_socket():
    """The same as a pair of sockets, as the journal's."""
    reads, writes = socket.socketpair()
    writes.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while writes.send(b"x" * 512):
            pass
    writes.setblocking(True)
    return reads.detach(), writes.detach()


def read_until(descriptor, wanted):
    """Reads until that was read, and all of it."""
    text = b""
    while wanted not in text:
        assert select.select([descriptor], [], [], 20)[0], f"not read: {wanted}; the end: {text[-300:]}"
        text += os.read(descriptor, 65536)
    return text


@pytest.mark.parametrize("full", [full_pipe, full_socket])
def test_full_standard_error(agent, host, daemon, full):    # noqa: F811
    """Standard error takes nothing: questions are answered, changes are taken over and it ends all the same. Lines are
    dropped, and counted once there is room again; none is cut."""
    host.configure(nomad={"address": agent.url}, daemon={"log-level": "debug", "query-log": "yes"})
    agent.register("web", address="192.0.2.1", port=80)
    reads, writes = full()
    daemon.process = host.start(["nomad-dns-srv", "--listen", "127.0.0.1:0", "--check-interval", "300"], stderr=writes)
    os.close(writes)
    daemon.wait("current")
    address, port = daemon.status()["dns"].split(":")
    for number in range(1500):
        assert asked((address, int(port)), f"web-{number}.default.nomad")[0] == "NXDOMAIN"
    agent.register("new", address="192.0.2.2", port=80)
    daemon.wait_equal(agent)
    assert asked((address, int(port)), "new.default.nomad") == ("NOERROR", [])
    text = read_until(reads, b"were dropped")
    lines = text.lstrip(b"x").decode().splitlines()
    assert all(line.startswith("nomad-dns-srv: ") for line in lines)
    kept, dropped = sum("query: " in line for line in lines), int(re.search(rb"(\d+) lines of", text)[1])
    assert 0 < kept < 1501 <= kept + dropped
    asked((address, int(port)), "last.default.nomad")
    read_until(reads, b"query: 127.0.0.1 udp last.default.nomad. A NXDOMAIN 0\n")
    os.close(reads)
    assert daemon.stop() == 0


def test_full_standard_error_and_the_end(agent, host, daemon):    # noqa: F811
    """SIGTERM ends it while standard error takes nothing; the last lines have a second."""
    host.configure(nomad={"address": agent.url}, daemon={"log-level": "debug"})
    reads, writes = full_pipe()
    daemon.process = host.start(["nomad-dns-srv", "--listen", ""], stderr=writes)
    os.close(writes)
    daemon.wait("current")
    assert daemon.stop() == 0
    os.close(reads)


@pytest.mark.parametrize("family, address", [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_port_is_taken(agent, host, daemon, family, address):    # noqa: F811
    """Who has the port keeps nothing but DNS from working: files are published, --status says what is wrong, and once the
    port is free it is answered, with what came meanwhile."""
    host.configure(nomad={"address": agent.url})
    agent.register("web", address="192.0.2.1", port=80)
    with socket.socket(family) as taker:
        taker.bind((address, 0))
        taker.listen()
        port = taker.getsockname()[1]
        endpoint = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        daemon.start("--listen", f"127.0.0.1:0 {endpoint}").wait("current")
        daemon.wait_equal(agent)
        wait_until(daemon.alive)
        assert f"cannot listen on {endpoint}" in daemon.log
        said = host.run(["nomad-dns-srv", "--status"])
        assert f"cannot listen on {endpoint}" in said.out and "tried again" in said.out, said
        agent.register("later", address="192.0.2.2", port=80)
        daemon.wait_equal(agent)
    wait_until(lambda: endpoint in daemon.status()["dns"], lambda: daemon.log)
    assert asked((address, port), "later.default.nomad") == ("NOERROR", [])
