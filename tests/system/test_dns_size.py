"""Answers that are too large: section F of the checklist."""

import dns.edns
import dns.flags
import dns.message
import dns.query
import pytest

from dnsserve import ALLOCATION, built, far, many, names, records, serve  # noqa: F401


@pytest.mark.parametrize("query, limit", [
    ({}, 512),
    ({"use_edns": 0, "payload": 512}, 512),
    ({"use_edns": 0, "payload": 100}, 512),
    ({"use_edns": 0, "payload": 1232}, 1232),
    ({"use_edns": 0, "payload": 4096}, 1232),
])
@pytest.mark.parametrize("rdtype, largest", [("A", 16), ("SRV", 60)])
def test_as_many_whole_records_as_fit(serve, query, limit, rdtype, largest):  # noqa: F811
    """F: 1,000 instances: TC, whole records, as many as there is room for; dnspython takes no half ones."""
    server = serve(many(1000))
    message = server.ask("many.default.nomad", rdtype, **query)
    size = len(octets(server, rdtype, query))
    assert message.flags & dns.flags.TC
    assert not message.additional
    assert limit - largest < size <= limit
    assert records(message.answer) >= (limit - 60) // largest - 1


def octets(server, rdtype, query):
    message = dns.message.make_query("many.default.nomad", rdtype, **query)
    return server.raw(message.to_wire())


def test_udp_size_is_a_setting(serve):  # noqa: F811
    """F: udp-size, for networks that carry more."""
    server = serve(many(1000), udp_size="4096")
    assert 4000 < len(octets(server, "SRV", {"use_edns": 0, "payload": 8192})) <= 4096
    assert server.ask("many.default.nomad", "A", use_edns=0).payload == 4096


def shows_all(server, name, rdtype, count):
    """Whether cut answers show all of so many records in the end; each begins somewhere else."""
    seen = set()
    for _ in range(50 * count):
        message = server.ask(name, rdtype)
        assert message.flags & dns.flags.TC
        seen |= {str(record) for record in message.answer[0]}
        if len(seen) == count:
            return True
    return False


def test_truncated_answers_are_rotated(serve):  # noqa: F811
    """F: clients that do not ask again over TCP see others each time; in the end all."""
    assert shows_all(serve(many(200)), "many.default.nomad", "SRV", 200)


def test_truncated_texts_and_names_are_rotated(serve):  # noqa: F811
    """F: so are TXT and PTR, of which there are two for each instance at a tag and some in common, and one for each service
    at an address."""
    lines = [f"default s{i} {ALLOCATION.format(i)} 192.0.2.1 80 x" for i in range(100)]
    lines += [f"default many {ALLOCATION.format(i)} 10.0.0.{i} 80 x" for i in range(20)]
    server = serve("\n".join(lines) + "\n", reverse="192.0.2.0/24")
    for name, rdtype, count in (("x.many.default.nomad", "TXT", 44), ("1.2.0.192.in-addr.arpa", "PTR", 100)):
        assert shows_all(server, name, rdtype, count), rdtype


@pytest.mark.parametrize("rdtype", ["A", "SRV"])
@pytest.mark.parametrize("query", [{}, {"use_edns": 0, "payload": 512}, {"use_edns": 0, "payload": 65535}])
def test_over_tcp_all_of_them(serve, rdtype, query):  # noqa: F811
    """F, A13: 1,000 instances over TCP, whatever size the client takes over UDP."""
    server = serve(many(1000))
    message = server.ask("many.default.nomad", rdtype, tcp=True, **query)
    assert records(message.answer) == 1000
    assert not message.flags & dns.flags.TC
    if rdtype == "SRV":
        targets = {str(record.target): record.port for record in message.answer[0]}
        additional = {str(rrset.name): str(rrset[0]) for rrset in message.additional}
        assert len(additional) > 500 or (query.get("payload") == 512 and not additional)    # what there is room for
        for i in range(1000):
            target = f"10-0-{i >> 8}-{i & 255}.many.default.nomad."
            assert targets[target] == 1 + i
            assert additional.get(target, f"10.0.{i >> 8}.{i & 255}") == f"10.0.{i >> 8}.{i & 255}"


@pytest.mark.parametrize("name", ["many.default.nomad", "many.default.service.nomad", "x.many.default.nomad"])
def test_additional_records_over_tcp_keep_to_the_size_that_the_client_said(serve, name):  # noqa: F811
    """E8: HAProxy drops what is longer than its own buffer, over TCP too: so nothing that need not be there makes it so."""
    shown = set()
    for count in range(10, 40):
        server = serve(many(count).replace(" -\n", " x\n"))
        query = dns.message.make_query(name, "SRV", use_edns=0, payload=1232)
        message = dns.query.tcp(query, server.address[0], port=server.address[1], timeout=10)
        assert records(message.answer) == count and not message.flags & dns.flags.TC
        more = records(message.additional)
        whole = server.ask(name, "SRV", tcp=True)
        assert records(whole.additional) == count
        with server.stream() as stream:
            stream.send_message(query.to_wire())
            size = len(stream.receive())
        if more:
            assert size <= 1232
        if more < count:
            assert size + 28 > 1232     # the next one would not fit: 16 octets, or with AAAA 28
        shown.add("all" if more == count else "some" if more else "none")
    assert shown == {"all", "some", "none"}


def test_more_than_a_message_holds(serve):  # noqa: F811
    """F: even 65,535 octets end; then TC says so over TCP as well."""
    server = serve(many(6000))
    message = server.ask("many.default.nomad", "A", tcp=True)
    assert message.flags & dns.flags.TC
    assert records(message.answer) == (65535 - 12 - len("_many_default_nomad_") - 4) // 16


def test_additional_records_go_first(serve):  # noqa: F811
    """E8, F: additional records that do not fit are left out without TC (RFC 2181 section 9)."""
    seen = set()
    for count in range(1, 12):
        server = serve(many(count))
        message = server.ask("many.default.nomad", "SRV")
        cut = bool(message.flags & dns.flags.TC)
        assert cut == (records(message.answer) < count)
        assert records(message.additional) <= records(message.answer)
        seen.add((cut, records(message.additional) < count))
    assert (False, True) in seen and (True, True) in seen and (False, False) in seen


@pytest.mark.root
def test_room_for_the_opt_record_is_kept(far):  # noqa: F811
    """F: a truncated answer still has its OPT record, with a cookie and the reason that there is one."""
    server = far(catalogue=many(1000), state="stale 1")
    message = server.ask("many.default.nomad", "SRV", use_edns=0, payload=512,
                         options=[dns.edns.GenericOption(10, b"12345678")])
    assert message.flags & dns.flags.TC
    assert sorted(option.otype for option in message.options) == [10, 15]


def test_additional_records_beyond_the_reach_of_a_pointer(serve):  # noqa: F811
    """E5: from 16,384 octets on no pointer leads to a target; the names are written out."""
    server = serve(many(400, service="s" * 63))
    message = server.ask("s" * 63 + ".default.nomad", "SRV", tcp=True)
    assert records(message.answer) == 400
    assert len(names(message.additional)) == records(message.additional) > 100
    assert {str(rrset.name) for rrset in message.additional} <= {str(record.target) for record in message.answer[0]}


def test_dig_follows_truncation(serve):  # noqa: F811
    """BIND's reader takes the cut answer and the whole one."""
    server = serve(many(1000))
    out = server.dig("+ignore", "many.default.nomad", "SRV")
    assert "flags: qr aa tc rd;" in out
    assert server.dig("many.default.nomad", "SRV").count("IN\tSRV\t10") == 1000
    assert "Flags: qr aa rd; QUERY: 1; ANSWER: 1000; AUTHORITY: 0;" in server.kdig("+tcp", "many.default.nomad", "SRV")
