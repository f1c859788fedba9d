"""The snippets in docs/dns.md, each with the program it is for: it resolves what we serve, as a client asks it."""

import subprocess

import dns.edns
import dns.flags
import dns.rcode
import pytest

from daemon import wait_until
from dnsserve import ALLOCATION, CATALOGUE, many
from programs import DNSDIST_PORT, OURS, RESOLVED_PORT, RESOLVERS, ask, records, running, snippet


@pytest.fixture(params=RESOLVERS)
def resolver(request, ours, tmp_path):
    """The port of a resolver that forwards to us."""
    command, port = RESOLVERS[request.param](tmp_path)
    with running(command, port, tmp_path):
        yield port


def test_addresses(resolver):
    """A and AAAA, directly and under the alias."""
    for name in ("redis.default.nomad", "redis.nomad", "redis.default.service.nomad", "ReDis.default.nomad"):
        assert records(ask(resolver, name)) == {"192.0.2.1", "192.0.2.2"}
        assert records(ask(resolver, name, "AAAA")) == {"2001:db8::1"}


def test_services(resolver):
    """SRV, in every form, and every target resolves."""
    for name in ("redis.default.nomad", "_redis._tcp.default.nomad", "_any._tcp.redis.default.nomad"):
        message = ask(resolver, name, "SRV", use_edns=0)
        assert records(message) == {"10 10 6379 192-0-2-1.redis.default.nomad.", "10 10 6380 192-0-2-2.redis.default.nomad.",
                                    "10 10 6381 2001-db8--1.redis.default.nomad."}
    assert records(ask(resolver, "192-0-2-1.redis.default.nomad")) == {"192.0.2.1"}
    assert records(ask(resolver, "2001-db8--1.redis.default.nomad", "AAAA")) == {"2001:db8::1"}


def test_what_is_not_there(resolver):
    """NODATA and NXDOMAIN come through as what they are."""
    assert ask(resolver, "nothing.default.nomad").rcode() == dns.rcode.NXDOMAIN
    for name, rdtype in (("v4only.default.nomad", "AAAA"), ("v4only.default.nomad", "HTTPS"), ("default.nomad", "A"),
                         ("nomad", "A"), ("_tcp.redis.default.nomad", "A")):
        if resolver == RESOLVED_PORT and "." not in name:   # which it asks of nobody
            continue
        message = ask(resolver, name, rdtype)
        assert message.rcode() == dns.rcode.NOERROR and not message.answer, name


def test_the_apex(resolver):
    assert ask(resolver, "nomad", "SOA").answer
    assert records(ask(resolver, "nomad", "NS")) == {"ns.nomad."}


def test_ds_where_a_zone_of_ours_begins(resolver):
    """A resolver that validates asks for it on its way, and is told by the zone above that there is none."""
    for name in ("service.nomad", "redis.default.service.nomad"):
        message = ask(resolver, name, "DS", use_edns=0, ednsflags=dns.flags.DO)
        assert message.rcode() == dns.rcode.NOERROR and not message.answer, name


def test_whoever_asks_for_servers_leads_nobody_astray(resolver):
    """NS records name servers on port 53; a resolver that was told of another port keeps to it."""
    for zone in ("nomad", "service.nomad"):
        ask(resolver, zone, "NS", use_edns=0, ednsflags=dns.flags.DO)
        assert records(ask(resolver, f"redis.default.{zone}")) == {"192.0.2.1", "192.0.2.2"}
        assert records(ask(resolver, f"replica.redis.default.{zone}")) == {"192.0.2.2"}


def test_a_service_called_ns(resolver, ours):
    """The zone's own records go on to be found."""
    ours.load(CATALOGUE + f"default ns {ALLOCATION.format(1)} 192.0.2.53 53 -\n")
    assert records(ask(resolver, "ns.nomad")) == {"192.0.2.53"}
    wait_until(lambda: records(ask(resolver, "nomad", "NS")) == {"_ns.nomad."}, within=10)
    assert records(ask(resolver, "_ns.nomad")) == {"127.0.0.1"}
    assert records(ask(resolver, "redis.default.nomad")) == {"192.0.2.1", "192.0.2.2"}


def test_no_cookie_of_ours_reaches_a_client(resolver):
    """A client that gets one would expect one in every other answer of its server (c-ares from 1.31 on, RFC 7873 section
    5.3). One that the resolver makes itself, as BIND does, is in all of them."""
    for tcp in (False, True):
        answers = [ask(resolver, name, tcp=tcp, use_edns=0, options=[dns.edns.GenericOption(10, b"clientpt")])
                   for name in ("redis.default.nomad", "v4only.default.nomad", "nothing.default.nomad", "localhost")
                   if name != "localhost" or resolver != DNSDIST_PORT]      # which knows ours alone here
        given = {any(option.otype == 10 and len(option.data) > 8 for option in answer.options) for answer in answers}
        assert len(given) == 1


def test_large_answers(resolver, ours):
    """A cut answer makes the resolver ask over TCP; over TCP the client gets all of it."""
    ours.load(many(300))
    assert len(records(ask(resolver, "many.default.nomad", "SRV", tcp=True))) == 300


def test_a_change_is_seen_within_two_ttls(resolver, ours):
    assert records(ask(resolver, "v4only.default.nomad")) == {"192.0.2.4"}
    ours.command(f"put default v4only {ALLOCATION.format(1)} 192.0.2.44 80 -")
    wait_until(lambda: records(ask(resolver, "v4only.default.nomad")) == {"192.0.2.44"}, within=4)


def test_names_deep_below_and_minimised_questions(resolver):
    """What a resolver that asks label by label meets on its way is never NXDOMAIN (RFC 8020, RFC 9156)."""
    assert records(ask(resolver, "_x._tcp.redis.default.service.nomad", "SRV"))
    assert records(ask(resolver, "aaaaaaaa.redis.default.nomad")) == {"192.0.2.1"}


def test_container(ours):
    """The snippet's settings are ours: a server that is also asked at a bridge's address."""
    subprocess.run(["ip", "address", "add", "172.17.0.1/32", "dev", "lo"], check=True)
    settings = dict(line.split(" = ") for line in snippet("container").splitlines()[1:])
    assert settings["listen"].split() == [f"127.0.0.1:{OURS}", "172.17.0.1:53"]
    from dnsserve import Serve
    server = Serve(listen="172.17.0.1:53", allow=settings["allow"])
    try:
        assert records(server.ask("redis.default.nomad", source="172.17.0.1")) == {"192.0.2.1", "192.0.2.2"}
        assert server.ask("example.com").rcode() == dns.rcode.REFUSED
    finally:
        server.close()
