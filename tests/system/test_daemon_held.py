"""Whatever holds the daemon's event loop: DNS says so, and never serves the old catalogue as a current one."""

import contextlib
import ctypes
import os

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
