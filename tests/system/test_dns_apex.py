"""The zones' own names: SOA, NS, the server's name, and what belongs to the zone above. Row D of the checklist."""

import dns.rcode
import pytest

from dnsserve import ALLOCATION, CATALOGUE, Serve, built, flags, names, serve  # noqa: F401

SOA = "nomad. SOA ns.nomad. hostmaster.nomad. 1 60 10 3600 3"


@pytest.fixture(scope="module")
def server(built, network):  # noqa: F811
    one = Serve()
    yield one
    one.close()


def test_apex(server):
    """D6: SOA and NS at the top, the server's addresses in the additional section, and under its name."""
    assert names(server.ask("nomad", "SOA").answer) == {SOA}
    message = server.ask("nomad", "NS")
    assert names(message.answer) == {"nomad. NS ns.nomad."}
    assert names(message.additional) == {"ns.nomad. A 127.0.0.1", "ns.nomad. AAAA ::1"}
    assert names(server.ask("ns.nomad", "A").answer) == {"ns.nomad. A 127.0.0.1"}
    assert names(server.ask("ns.nomad", "AAAA").answer) == {"ns.nomad. AAAA ::1"}
    for rdtype in ("TXT", "SRV", "MX"):
        message = server.ask("ns.nomad", rdtype)
        assert message.rcode() == dns.rcode.NOERROR and names(message.authority) == {SOA}


def test_apex_of_the_alias(server):
    """The zone service.nomad has its own top: a resolver that forwards only that gets an SOA that it believes."""
    soa = SOA.replace("nomad. SOA ns.nomad. hostmaster.nomad", "service.nomad. SOA ns.service.nomad. hostmaster.service.nomad")
    assert names(server.ask("service.nomad", "SOA").answer) == {soa}
    assert names(server.ask("ns.service.nomad", "A").answer) == {"ns.service.nomad. A 127.0.0.1"}
    assert names(server.ask("nothing.default.service.nomad", "A").authority) == {soa}
    assert names(server.ask("default.service.nomad", "A").authority) == {soa}


def test_a_zone_within_a_zone_of_ours_names_no_servers(serve):  # noqa: F811
    """NS: a resolver that was told where we are for the zone above would take them for a delegation, and ask port 53 from
    then on; unbound with a stub-zone does."""
    server = serve(CATALOGUE, reverse="10.0.0.0/8 10.1.0.0/16")
    for name in ("service.nomad", "1.10.in-addr.arpa"):
        message = server.ask(name, "NS")
        assert message.rcode() == dns.rcode.NOERROR and not message.answer and not message.additional
        assert str(message.authority[0].name) == f"{name}."
        assert len(server.ask(name, "SOA").answer) == 1
    assert names(server.ask("10.in-addr.arpa", "NS").answer) == {"10.in-addr.arpa. NS ns.nomad."}


def test_ds_is_the_parent_s_to_answer(serve):  # noqa: F811
    """D11, RFC 4035 section 3.1.4.1: of a zone below another one of ours the upper one says that there is no DS; of a zone
    whose parent is somebody else's, that itself. The name is a zone's own, so it exists in either."""
    server = serve(CATALOGUE, reverse="192.0.2.0/24 192.0.0.0/8 192.0.2.7/32 2001:db8::/32")
    for name, parent in (("service.nomad", "nomad."), ("SERVICE.Nomad", "nomad."), ("nomad", "nomad."),
                         ("2.0.192.in-addr.arpa", "192.in-addr.arpa."), ("192.in-addr.arpa", "192.in-addr.arpa."),
                         ("7.2.0.192.in-addr.arpa", "2.0.192.in-addr.arpa."),
                         ("8.b.d.0.1.0.0.2.ip6.arpa", "8.b.d.0.1.0.0.2.ip6.arpa."),
                         ("redis.default.service.nomad", "service.nomad."), ("redis.default.nomad", "nomad.")):
        message = server.ask(name, "DS")
        assert message.rcode() == dns.rcode.NOERROR and flags(message) == "QR AA RD" and not message.answer, name
        (soa,) = message.authority
        assert str(soa.name).lower() == parent, name
        label = "ns.nomad." if "arpa" in parent else f"ns.{parent}"
        assert str(soa[0].mname).lower() == label, name
    assert serve(service_label="no").ask("service.nomad", "DS").authority[0].name.to_text() == "nomad."


def test_a_service_called_ns(serve):  # noqa: F811
    """D6: a service of that name goes before the server's own, as for every program that asks the NSS module; then the
    server has a name that no service can have, and a resolver that looks for it finds it, in the additional section and by
    its name."""
    server = serve(CATALOGUE + f"default NS {ALLOCATION.format(1)} 192.0.2.53 53 -\n", reverse="192.0.2.0/24")
    assert names(server.ask("ns.nomad", "A").answer) == {"ns.nomad. A 192.0.2.53"}
    for zone, suffix in (("nomad.", "nomad."), ("service.nomad.", "service.nomad."), ("2.0.192.in-addr.arpa.", "nomad.")):
        message = server.ask(zone, "NS")
        assert names(message.answer) == ({f"{zone} NS _ns.{suffix}"} if zone != "service.nomad." else set())
        assert str(server.ask(zone, "SOA").answer[0][0].mname) == f"_ns.{suffix}"
        wanted = {f"_ns.{suffix} A 127.0.0.1", f"_ns.{suffix} AAAA ::1"}
        assert names(message.additional) == (wanted if zone == "nomad." else set())
        assert names(server.ask(f"_ns.{suffix}", "A").answer) | names(server.ask(f"_ns.{suffix}", "AAAA").answer) == wanted
        assert names(server.ask(f"_ns.{suffix}", "TXT").authority) == names(server.ask(suffix, "TXT").authority)
    server.command("put default ns")
    assert names(server.ask("nomad", "NS").answer) == {"nomad. NS ns.nomad."}
    for rdtype in ("A", "AAAA"):
        message = server.ask("_ns.nomad", rdtype)
        assert message.rcode() == dns.rcode.NOERROR and not message.answer
