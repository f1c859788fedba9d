"""What names and types hold, over DNS: rows D and E of the checklist, read by dnspython, dig, kdig and drill."""

import collections
import random

import dns.rcode
import dns.rdata
import dns.reversename
import pytest

from dnsserve import ALLOCATION, CATALOGUE, Serve, built, flags, names, records, serve  # noqa: F401

SOA = "nomad. SOA ns.nomad. hostmaster.nomad. 1 60 10 3600 3"
REDIS = {"192.0.2.1", "192.0.2.2"}


@pytest.fixture(scope="module")
def server(built, network):  # noqa: F811
    one = Serve()
    yield one
    one.close()


def data(message):
    return {str(record) for rrset in message.answer for record in rrset}


@pytest.mark.parametrize("name, v4, v6", [
    ("redis.default.nomad", REDIS, {"2001:db8::1"}),
    ("REDIS.Default.Nomad", REDIS, {"2001:db8::1"}),
    ("redis.nomad", REDIS, {"2001:db8::1"}),
    ("redis.default.service.nomad", REDIS, {"2001:db8::1"}),
    ("redis.service.nomad", REDIS, {"2001:db8::1"}),
    ("_redis._tcp.default.nomad", REDIS, {"2001:db8::1"}),
    ("_redis._udp.default.nomad", REDIS, {"2001:db8::1"}),
    ("_redis._tcp.nomad", REDIS, {"2001:db8::1"}),
    ("_redis._primary.default.nomad", {"192.0.2.1"}, set()),
    ("_http._tcp.redis.default.nomad", REDIS, {"2001:db8::1"}),
    ("_http._replica.redis.default.nomad", {"192.0.2.2"}, {"2001:db8::1"}),
    ("_http._tcp.redis.nomad", REDIS, {"2001:db8::1"}),
    ("_http._replica.redis.nomad", {"192.0.2.2"}, {"2001:db8::1"}),
    ("_http._tcp.redis.service.nomad", REDIS, {"2001:db8::1"}),
    ("_web._tcp.prod.nomad", {"198.51.100.7"}, set()),
    ("192-0-2-1.redis.default.nomad", {"192.0.2.1"}, set()),
    ("2001-db8--1.redis.default.nomad", set(), {"2001:db8::1"}),
    ("2001-DB8-0-0--1.redis.default.nomad", set(), {"2001:db8::1"}),
    ("aaaaaaaa.redis.default.nomad", {"192.0.2.1"}, set()),
    ("bbbbbbbb-1111-2222-3333-444444444444.redis.default.nomad", {"192.0.2.2"}, set()),
    ("replica.redis.default.nomad", {"192.0.2.2"}, {"2001:db8::1"}),
    ("v4only.default.nomad", {"192.0.2.4"}, set()),
    ("two.default.nomad", {"192.0.2.5"}, set()),
    ("db.default.nomad", {"192.0.2.7"}, set()),
    ("portless.default.nomad", {"192.0.2.8"}, set()),
    ("web.prod.nomad", {"198.51.100.7"}, set()),
])
def test_addresses(server, name, v4, v6):
    """A and AAAA, under every form of a name: each address once (E1), NODATA with SOA where there is none (D3)."""
    for rdtype, wanted in (("A", v4), ("AAAA", v6)):
        message = server.ask(name, rdtype)
        assert message.rcode() == dns.rcode.NOERROR
        assert flags(message) == "QR AA RD"
        assert data(message) == wanted
        assert bool(message.authority) == (not wanted)


@pytest.mark.parametrize("name", [
    "nothing.default.nomad", "redis.nowhere.nomad", "redis.prod.nomad", "web.nomad", "x.redis.default.nomad",
    "192-0-2-9.redis.default.nomad", "x.192-0-2-1.redis.default.nomad", "x.y.redis.default.nomad",
    "_redis._tcp.prod.nomad", "_http._tcp.nothing.nomad", "_http._nosuchtag.redis.nomad",
    "_redis._nosuchtag.default.nomad", "_tcp.nothing.default.nomad", "dddddddd.redis.default.nomad",
])
def test_no_such_name(server, name):
    """D2, D5: NXDOMAIN with the zone's SOA in the authority section, whatever the type."""
    for rdtype in ("A", "SRV", "TXT", "HTTPS"):
        message = server.ask(name, rdtype)
        assert message.rcode() == dns.rcode.NXDOMAIN
        assert flags(message) == "QR AA RD"
        assert names(message.authority) == {SOA}
        assert message.authority[0].ttl == 3
        assert not message.answer and not message.additional


@pytest.mark.parametrize("name", [
    "nomad", "default.nomad", "prod.nomad", "_tcp.nomad", "_tcp.default.nomad", "_tcp.redis.default.nomad",
    "_udp.redis.nomad", "_primary.redis.default.nomad", "_tcp.db.default.nomad",
])
def test_names_above_others_are_empty(server, name):
    """D4, RFC 8020: they exist, for a resolver that asks label by label would stop there otherwise."""
    for rdtype in ("A", "AAAA", "SRV", "TXT", "NSEC"):
        message = server.ask(name, rdtype)
        assert message.rcode() == dns.rcode.NOERROR
        assert not message.answer
        assert names(message.authority) == {SOA}


@pytest.mark.parametrize("rdtype", ["AAAA", "HTTPS", "SVCB", "TXT", "MX", "CAA", "DNSKEY", "DS", "TYPE666"])
def test_other_types_of_a_v4_service(server, rdtype):
    """D3: NOERROR with SOA; NXDOMAIN or NOTIMP would end the client's search for the address too."""
    message = server.ask("v4only.default.nomad", rdtype)
    assert message.rcode() == dns.rcode.NOERROR
    assert not message.answer
    assert names(message.authority) == {SOA}


def test_every_label_of_a_name_is_there(server):
    """D4: what a minimising resolver asks on its way (RFC 9156): no NXDOMAIN above a name that exists."""
    for name in ("192-0-2-1.redis.default.nomad", "_redis._tcp.default.nomad", "_x._tcp.redis.default.nomad",
                 "_redis._tcp.nomad", "redis.default.service.nomad", "_x._tcp.redis.default.service.nomad"):
        labels = name.split(".")
        for i in range(len(labels)):
            assert server.ask(".".join(labels[i:]), "A").rcode() == dns.rcode.NOERROR, labels[i:]


def test_service_label_off(serve):  # noqa: F811
    """With service-label = no, `service` is a namespace like others."""
    server = serve(CATALOGUE + f"service web {ALLOCATION.format(1)} 192.0.2.60 80 -\n", service_label="no")
    assert names(server.ask("web.service.nomad", "A").answer) == {"web.service.nomad. A 192.0.2.60"}
    assert server.ask("redis.default.service.nomad", "A").rcode() == dns.rcode.NXDOMAIN
    assert names(server.ask("service.nomad", "A").authority) == {SOA}


def test_default_namespace(serve):  # noqa: F811
    """A name without a namespace is looked for in the first one configured."""
    server = serve(namespace="prod")
    assert names(server.ask("web.nomad", "A").answer) == {"web.nomad. A 198.51.100.7"}
    assert server.ask("redis.nomad", "A").rcode() == dns.rcode.NXDOMAIN
    assert server.ask("default.nomad", "A").rcode() == dns.rcode.NOERROR


def test_spellings(serve):  # noqa: F811
    """D12: services that differ in case only: the exact spelling, else all of them; targets lead to the right one."""
    server = serve(f"default Web {ALLOCATION.format(1)} 192.0.2.1 80 -\ndefault web {ALLOCATION.format(2)} 192.0.2.2 80 -\n")
    assert data(server.ask("Web.default.nomad")) == {"192.0.2.1"}
    assert data(server.ask("web.default.nomad")) == {"192.0.2.2"}
    assert data(server.ask("WEB.default.nomad")) == {"192.0.2.1", "192.0.2.2"}
    assert data(server.ask("WEB.default.nomad", "SRV")) == {
        "10 10 80 192-0-2-1.Web.default.nomad.", "10 10 80 192-0-2-2.web.default.nomad."}


# Services, RFC 2782.

def test_ports_keep_their_addresses(server):
    """E4, E6: a target for each address, in the service's own domain, and the address with it; never weight 0."""
    message = server.ask("redis.default.nomad", "SRV")
    assert names(message.answer) == {
        "redis.default.nomad. SRV 10 10 6379 192-0-2-1.redis.default.nomad.",
        "redis.default.nomad. SRV 10 10 6380 192-0-2-2.redis.default.nomad.",
        "redis.default.nomad. SRV 10 10 6381 2001-db8--1.redis.default.nomad."}
    assert names(message.additional) == {
        "192-0-2-1.redis.default.nomad. A 192.0.2.1", "192-0-2-2.redis.default.nomad. A 192.0.2.2",
        "2001-db8--1.redis.default.nomad. AAAA 2001:db8::1"}
    assert not message.authority


@pytest.mark.parametrize("name", [
    "redis.default.nomad", "redis.nomad", "_redis._tcp.default.nomad", "_redis._tcp.nomad", "_any._tcp.redis.default.nomad",
    "_mongodb._tcp.redis.default.nomad",
])
def test_srv_under_every_form(server, name):
    """E7: the plain name and RFC 2782's two forms; etcd and LDAP, nginx and MongoDB."""
    assert data(server.ask(name, "SRV")) == {
        "10 10 6379 192-0-2-1.redis.default.nomad.", "10 10 6380 192-0-2-2.redis.default.nomad.",
        "10 10 6381 2001-db8--1.redis.default.nomad."}


def test_srv_of_the_alias_stays_in_it(server):
    """Who asks under service.nomad gets targets there: MongoDB wants the same parent domain, and a resolver that
    forwards only service.nomad could not find others."""
    message = server.ask("redis.default.service.nomad", "SRV")
    assert {str(record.target) for record in message.answer[0]} == {
        f"{label}.redis.default.service.nomad." for label in ("192-0-2-1", "192-0-2-2", "2001-db8--1")}


def test_every_target_resolves_to_its_address(serve):  # noqa: F811
    """E4: over UDP and TCP, for addresses of every shape; nothing is left out, nothing is mixed up."""
    addresses = ["192.0.2.1", "10.0.0.255", "2001:db8::1", "2001:db8:0:1::", "::1", "fe80::1", "2001:db8::192.0.2.1",
                 "::ffff:192.0.2.9", "1::", "::2:3:4:5:6:7:8", "1:2:3:4:5:6:7::"]
    lines = [f"default web {ALLOCATION.format(i)} {address} {1000 + i} -" for i, address in enumerate(addresses)]
    server = serve("\n".join(lines) + "\n")
    for tcp in (False, True):
        message = server.ask("web.default.nomad", "SRV", tcp=tcp, use_edns=0, payload=1232)
        assert records(message.answer) == len(addresses)
        additional = {str(rrset.name): rrset for rrset in message.additional}
        for record in message.answer[0]:
            wanted = addresses[record.port - 1000]
            rdtype = "AAAA" if ":" in wanted else "A"
            answer = server.ask(record.target, rdtype, tcp=tcp)
            assert records(answer.answer) == 1
            assert answer.answer[0] == additional[str(record.target)]
            found = dns.rdata.from_text("IN", rdtype, wanted)
            assert answer.answer[0][0] == found


def test_same_address_and_port_once(server):
    """E1: one host with three ports: three SRV, one additional record, one A."""
    message = server.ask("two.default.nomad", "SRV")
    assert data(message) == {f"10 10 {port} 192-0-2-5.two.default.nomad." for port in (80, 443, 8080)}
    assert records(message.additional) == 1


def test_doubles_are_one(serve):  # noqa: F811
    """E1: registrations of the same address and port, of other allocations or by a host's name, are one record."""
    server = serve("".join(f"default web {ALLOCATION.format(i)} {address} 80 -\n" for i, address in enumerate(
        ["192.0.2.1", "192.0.2.1", "h.example.com", "H.Example.com", "192.0.2.1"])))
    assert records(server.ask("web.default.nomad", "SRV").answer) == 2
    assert records(server.ask("web.default.nomad", "A").answer) == 1


def test_host_names(server):
    """A registration by a host's name: that is the target, and its address is somebody else's to say."""
    message = server.ask("db.default.nomad", "SRV")
    assert names(message.answer) == {"db.default.nomad. SRV 10 10 5432 db.example.com."}
    assert not message.additional


def test_no_port_no_srv(server):
    """Port 0: has an address, but nothing to connect to by SRV."""
    message = server.ask("portless.default.nomad", "SRV")
    assert not message.answer and names(message.authority) == {SOA}


def test_targets_are_not_compressed(server):
    """E5, RFC 2782: some resolvers cannot read a pointer there (Go before 1.16)."""
    from odd_messages import query, SRV
    answer = server.raw(query(rdtype=SRV))
    for label in (b"\x09192-0-2-1", b"\x0b2001-db8--1"):
        at = answer.index(label)
        assert answer[at:at + len(label) + 21] == label + b"\5redis\7default\5nomad\0"


@pytest.mark.parametrize("name, rdtype", [
    ("redis.default.nomad", "A"), ("2001-db8--1.redis.default.nomad", "AAAA"), ("nomad", "SOA"), ("ns.nomad", "A")])
def test_any_is_one_set(server, name, rdtype):
    """D8, RFC 8482: one RRset, not all of them."""
    message = server.ask(name, "ANY")
    assert [dns.rdatatype.to_text(rrset.rdtype) for rrset in message.answer] == [rdtype]


def test_any_at_an_empty_name(server):
    message = server.ask("default.nomad", "ANY")
    assert not message.answer and names(message.authority) == {SOA}


def test_rotation(server):
    """E9: every record is the first as often as others, A and AAAA asked in turn too."""
    first = collections.Counter()
    for _ in range(300):
        first[str(server.ask("redis.default.nomad", "A").answer[0][0])] += 1
        server.ask("redis.default.nomad", "AAAA")
    assert set(first) == REDIS
    assert min(first.values()) > 75      # of 300; a fair coin is below that once in 10^17


def test_one_ttl(server):
    """E2: one TTL in a set, the configured one."""
    for rdtype in ("A", "SRV", "AAAA"):
        message = server.ask("redis.default.nomad", rdtype)
        assert {rrset.ttl for rrset in message.answer + message.additional} == {10}


def test_ttls(serve):  # noqa: F811
    """E2, E3: as configured; what there is not is never kept longer than what there is."""
    server = serve(ttl="7s", negative_ttl="60s")
    assert server.ask("redis.default.nomad").answer[0].ttl == 7
    authority = server.ask("nothing.default.nomad").authority[0]
    assert (authority.ttl, authority[0].minimum) == (7, 7)


# Reverse zones.

def test_reverse(serve):  # noqa: F811
    """E11, D13: PTR in the prefixes configured, each a zone of its own; REFUSED elsewhere."""
    server = serve(CATALOGUE + f"prod cache {ALLOCATION.format(1)} 192.0.2.1 80 -\n",
                   reverse="192.0.2.0/24 172.16.0.0/12 2001:db8::/32")
    assert data(server.ask(dns.reversename.from_address("192.0.2.1"), "PTR")) == {
        "redis.default.nomad.", "cache.prod.nomad."}
    assert data(server.ask(dns.reversename.from_address("2001:db8::1"), "PTR")) == {"redis.default.nomad."}
    for name, origin in (("99.2.0.192.in-addr.arpa", "2.0.192.in-addr.arpa."), ("1.0.20.172.in-addr.arpa", "20.172.in-addr.arpa."),
                         (dns.reversename.from_address("2001:db8::9"), "8.b.d.0.1.0.0.2.ip6.arpa.")):
        message = server.ask(name, "PTR")
        assert message.rcode() == dns.rcode.NXDOMAIN
        assert str(message.authority[0].name) == origin
    for name in ("2.0.192.in-addr.arpa", "0.0.8.b.d.0.1.0.0.2.ip6.arpa", "9.16.172.in-addr.arpa"):
        message = server.ask(name, "PTR")
        assert message.rcode() == dns.rcode.NOERROR and message.authority
    assert names(server.ask("2.0.192.in-addr.arpa", "NS").answer) == {"2.0.192.in-addr.arpa. NS ns.nomad."}
    assert server.ask("2.0.192.in-addr.arpa", "SOA").answer[0][0].serial == 1
    for name in ("1.2.0.10.in-addr.arpa", "in-addr.arpa", "192.in-addr.arpa", "172.in-addr.arpa", "1.32.172.in-addr.arpa",
                 "arpa", "ip6.arpa"):
        assert server.ask(name, "PTR").rcode() == dns.rcode.REFUSED
    for name in ("x.2.0.192.in-addr.arpa", "256.2.0.192.in-addr.arpa", "01.2.0.192.in-addr.arpa", "1.1.2.0.192.in-addr.arpa"):
        assert server.ask(name, "PTR").rcode() == dns.rcode.NXDOMAIN


def test_no_reverse_unless_configured(server):
    assert server.ask(dns.reversename.from_address("192.0.2.1"), "PTR").rcode() == dns.rcode.REFUSED


# Other programs' opinion.

def test_dig(server):
    """BIND's reader."""
    out = server.dig("redis.default.nomad", "SRV")
    assert "status: NOERROR" in out and "flags: qr aa rd;" in out
    assert "ANSWER: 3, AUTHORITY: 0, ADDITIONAL: 4" in out
    assert "malformed" not in out.lower() and "warning: message" not in out.lower()
    assert "status: NXDOMAIN" in server.dig("+tcp", "nothing.default.nomad")


def test_kdig(server):
    """Knot's reader."""
    out = server.kdig("redis.default.nomad", "SRV", "+cookie")
    assert "status: NOERROR" in out and "ANSWER: 3; AUTHORITY: 0; ADDITIONAL: 4" in out
    assert "WARNING" not in out
    assert "status: NXDOMAIN" in server.kdig("+tcp", "nothing.default.nomad")


def test_drill(server):
    """ldns' reader."""
    out = server.drill("redis.default.nomad", "SRV")
    assert "rcode: NOERROR" in out and "ANSWER: 3, AUTHORITY: 0, ADDITIONAL: 3" in out


def test_random_catalogues(serve):  # noqa: F811
    """Random catalogues, asked for everything in them: what was put in comes out, over UDP or TCP, and nothing else."""
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    server = serve("")
    for _ in range(10):
        wanted, lines = collections.defaultdict(set), []
        for service in rng.sample([f"s{i}" for i in range(30)], 8):
            for i in range(rng.randrange(1, 12)):
                address = f"10.0.0.{rng.randrange(1, 9)}" if rng.random() < .7 else f"2001:db8::{rng.randrange(1, 9):x}"
                port = rng.choice([0, 80, 443, 8080])
                lines.append(f"default {service} {ALLOCATION.format(i)} {address} {port} -")
                wanted[service].add((address, port))
        server.load("\n".join(lines) + "\n")
        for service, instances in wanted.items():
            v4 = {address for address, _ in instances if ":" not in address}
            v6 = {address for address, _ in instances if ":" in address}
            tcp = rng.random() < .5
            assert data(server.ask(f"{service}.default.nomad", "A", tcp)) == v4, seed
            assert data(server.ask(f"{service}.default.nomad", "AAAA", tcp)) == v6, seed
            message = server.ask(f"{service}.default.nomad", "SRV", tcp, use_edns=0, payload=1232)
            additional = {str(rrset.name): str(rrset[0]) for rrset in message.additional}
            assert {(additional[str(record.target)], record.port) for rrset in message.answer for record in rrset} == {
                instance for instance in instances if instance[1]}, seed
        assert server.ask("s99.default.nomad").rcode() == dns.rcode.NXDOMAIN
