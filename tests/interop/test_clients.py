"""Programs that ask us themselves: each makes the same of an answer."""

import re
import select

import dns.resolver
import pytest

from dnsserve import ALLOCATION
from programs import OURS, HaProxy

SERVICES = {("6379", "192-0-2-1.redis.default.nomad."), ("6380", "192-0-2-2.redis.default.nomad."),
            ("6381", "2001-db8--1.redis.default.nomad.")}


@pytest.mark.parametrize("words", [(), ("tcp",)])
@pytest.mark.parametrize("program", ["dig", "kdig", "drill"])
def test_programs_that_ask(ours, program, words):
    """Each makes the same of an answer: ports with their targets, addresses, and what is not there."""
    ask = getattr(ours, program)
    words = ["-t"] if words and program == "drill" else [f"+{word}" for word in words]

    def sections(name, rdtype):
        return ask(*words, name, rdtype) if program != "drill" else ask(name, rdtype, *words)

    def data(rdtype, name="redis.default.nomad"):
        return re.findall(rf"^{name}\.\s+\d+\s+IN\s+{rdtype}\s+(.+)$", sections(name, rdtype), re.M)

    assert {tuple(row.split()[2:]) for row in data("SRV")} == SERVICES
    assert set(data("A")) == {"192.0.2.1", "192.0.2.2"}
    assert data("AAAA") == ["2001:db8::1"]
    assert data("A", "2001-db8--1.redis.default.nomad") == []
    assert "NXDOMAIN" in sections("nothing.default.nomad", "A")


@pytest.mark.parametrize("tcp", [False, True])
def test_dnspython(ours, tcp):
    """As programs use it: a resolver that has us for its server."""
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], OURS
    found = resolver.resolve("redis.default.nomad", "SRV", tcp=tcp)
    assert {(str(one.port), str(one.target)) for one in found} == SERVICES
    assert {one.address for one in resolver.resolve("redis.default.nomad", "A", tcp=tcp)} == {"192.0.2.1", "192.0.2.2"}
    with pytest.raises(dns.resolver.NoAnswer):
        resolver.resolve("v4only.default.nomad", "AAAA", tcp=tcp)
    with pytest.raises(dns.resolver.NXDOMAIN):
        resolver.resolve("nothing.default.nomad", "A", tcp=tcp)


def test_adig(ours):
    """c-ares, by pycares: SRV and addresses, over its own sockets."""
    import pycares
    found = {}
    channel = pycares.Channel(servers=["127.0.0.1"], udp_port=OURS, tcp_port=OURS, timeout=5)
    for rdtype in ("SRV", "A", "AAAA"):
        channel.query("redis.default.nomad", getattr(pycares, f"QUERY_TYPE_{rdtype}"),
                      lambda result, error, rdtype=rdtype: found.update({rdtype: result}))
    while len(found) < 3 and (waiting := channel.timeout()) is not None:
        readable, writable = channel.getsock()
        readable, writable, _ = select.select(readable, writable, [], waiting)
        channel.process_fd(readable[0] if readable else pycares.ARES_SOCKET_BAD,
                           writable[0] if writable else pycares.ARES_SOCKET_BAD)
    assert {(one.host, one.port, one.weight) for one in found["SRV"]} == {
        ("192-0-2-1.redis.default.nomad", 6379, 10), ("192-0-2-2.redis.default.nomad", 6380, 10),
        ("2001-db8--1.redis.default.nomad", 6381, 10)}
    assert {one.host for one in found["A"]} == {"192.0.2.1", "192.0.2.2"}
    assert {one.host for one in found["AAAA"]} == {"2001:db8::1"}


def test_haproxy(serve, tmp_path):
    """A server-template comes up with the right ports, and follows a change."""
    server = serve("".join(f"default web {ALLOCATION.format(i)} 127.0.1.{i} {8000 + i} -\n" for i in (1, 2, 3)),
                   listen=f"127.0.0.1:{OURS}", ttl="2s", negative_ttl="1s")
    proxy = HaProxy(tmp_path)
    try:
        proxy.wait_for({("127.0.1.1", 8001), ("127.0.1.2", 8002), ("127.0.1.3", 8003)}, 20)
        server.load("".join(f"default web {ALLOCATION.format(i)} 127.0.1.{i} {8000 + i} -\n" for i in (1, 2, 3, 4, 5)))
        proxy.wait_for({(f"127.0.1.{i}", 8000 + i) for i in range(1, 6)}, 4)    # two TTLs
    finally:
        proxy.stop()
