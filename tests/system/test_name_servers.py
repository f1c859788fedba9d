"""A name server that fails for one family of a host's addresses: what it does not tell is never denied, by the module with a
daemon and without, and by DNS."""

import re
import socket
import threading

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from daemon import daemon, wait_until    # noqa: F401 (a fixture)
from test_input import libcs_own_threads

NAME = "web.default.nomad"
SERVFAIL = dns.rcode.SERVFAIL


class NameServer:
    """Answers for hosts: {(name, type): addresses, or an rcode}; what it does not have is NXDOMAIN."""

    def __init__(self, address, hosts):
        self.hosts = hosts
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 53))       # the network is this process's own
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while True:
            octets, client = self.socket.recvfrom(4096)
            if not octets:
                return
            query = dns.message.from_wire(octets)
            answer = dns.message.make_response(query)
            answer.flags |= dns.flags.RA
            name, rdtype = query.question[0].name, query.question[0].rdtype
            found = self.hosts.get((name.to_text(True), dns.rdatatype.to_text(rdtype)), dns.rcode.NXDOMAIN)
            if isinstance(found, dns.rcode.Rcode):
                answer.set_rcode(found)
            elif found:
                answer.answer.append(dns.rrset.from_text(name, 5, "IN", rdtype, *found))
            self.socket.sendto(answer.to_wire(), client)

    def stop(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self.socket.getsockname())
        self.thread.join()
        self.socket.close()


@pytest.fixture
def name_server(host):
    """One that has six.example with an IPv6 address alone, which it does not tell now."""
    server = NameServer("127.0.0.55", {("six.example", "A"): [], ("six.example", "AAAA"): SERVFAIL})
    host.write("/etc/resolv.conf", "nameserver 127.0.0.55\noptions timeout:1 attempts:1\n")
    yield server
    server.stop()


def register(agent):
    agent.register("web", address="192.0.2.1", port=80, tags=["v4"])
    agent.register("web", address="six.example", port=80, tags=["v6"])


def check_module(host):
    """What is there is found; what may be at the other host is a temporary failure; what cannot be there is denied."""
    assert host.resolve(NAME, "inet") == ["OK", "192.0.2.1"]
    assert host.resolve(NAME, "unspec")[0] == "OK"
    assert host.resolve(NAME, "inet6")[0] == "EAI_AGAIN"
    assert host.code(f"2001-db8--6.{NAME}") == "EAI_AGAIN"
    assert host.code(f"v6.{NAME}") == "EAI_AGAIN"
    assert host.code(f"192-0-2-9.{NAME}") == "EAI_NONAME"
    assert host.code(f"v5.{NAME}") == "EAI_NONAME"
    assert host.resolve(f"v4.{NAME}", "inet6")[0] == "EAI_NODATA"


@pytest.mark.root
@libcs_own_threads
def test_without_a_daemon(agent, host, name_server):
    register(agent)
    check_module(host)
    said = host.run(["nomad-lookup", "--explain", NAME]).out
    assert "six.example, could not be resolved to IPv6 addresses" in said
    assert "whether it has an IPv6 address nobody can tell now" in said
    name_server.hosts["six.example", "AAAA"] = ["2001:db8::6"]
    wait_until(lambda: host.addresses(NAME) == {"192.0.2.1", "2001:db8::6"})
    assert host.addresses(f"2001-db8--6.{NAME}") == {"2001:db8::6"}


def ask(daemon, name, rdtype):    # noqa: F811
    """The rcode of the daemon's answer over DNS, and how many records are in it."""
    port = int(re.findall(r"serves DNS on 127.0.0.1:(\d+)", daemon.log)[-1])
    answer = dns.query.udp(dns.message.make_query(name, rdtype), "127.0.0.1", port=port, timeout=30)
    return dns.rcode.to_text(answer.rcode()), sum(map(len, answer.answer))


@pytest.mark.root
def test_with_a_daemon_and_over_dns(agent, host, daemon, name_server):    # noqa: F811
    register(agent)
    daemon.options = ["--listen", "127.0.0.1:0"]
    daemon.start().wait("current")
    check_module(host)
    for name, rdtype, wanted in (
            (NAME, "A", ("NOERROR", 1)), (NAME, "AAAA", ("SERVFAIL", 0)), (NAME, "SRV", ("NOERROR", 2)),
            (f"2001-db8--6.{NAME}", "AAAA", ("SERVFAIL", 0)), (f"192-0-2-9.{NAME}", "A", ("NXDOMAIN", 0)),
            (f"v4.{NAME}", "AAAA", ("NOERROR", 0)), (f"v6.{NAME}", "AAAA", ("SERVFAIL", 0)),
            (f"v6.{NAME}", "SRV", ("NOERROR", 1)), (f"v5.{NAME}", "A", ("NXDOMAIN", 0))):
        assert ask(daemon, name, rdtype) == wanted, (name, rdtype)
