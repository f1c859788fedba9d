"""Answers while the catalogue is not there yet, grows old, is gone, or changes: section H of the checklist."""

import random
import threading

import dns.edns
import dns.message
import dns.rcode
import pytest

from dnsserve import ALLOCATION, CATALOGUE, built, flags, many, names, serve  # noqa: F401


def reasons(message):
    return [int(option.code) for option in message.options if option.otype == dns.edns.EDE]


@pytest.mark.parametrize("name", ["redis.default.nomad", "nothing.default.nomad", "default.nomad", "nomad", "x.y.z.w.nomad"])
@pytest.mark.parametrize("state, reason", [("loading 0", 14), ("expired 5", 22)])
def test_who_cannot_tell_does_not_say_no(serve, name, state, reason):  # noqa: F811
    """H: before the first catalogue, and when the last one is too old: SERVFAIL, which nobody keeps, and why."""
    server = serve(None if state.startswith("loading") else CATALOGUE, state=state)
    for tcp in (False, True):
        message = server.ask(name, "A", tcp=tcp, use_edns=0)
        assert message.rcode() == dns.rcode.SERVFAIL
        assert reasons(message) == [reason]
        assert flags(message) == "QR RD"
        assert not message.answer and not message.authority
        assert server.ask(name, "A", tcp=tcp).opt is None


def test_other_names_are_refused_all_the_same(serve):  # noqa: F811
    message = serve(None, state=None).ask("example.com", use_edns=0)
    assert message.rcode() == dns.rcode.REFUSED and reasons(message) == [20]


def test_stale(serve):  # noqa: F811
    """H: while Nomad cannot be reached: the last catalogue, with a short TTL, and a word that it is old (RFC 8914)."""
    server = serve(state="stale 5", ttl="100s")
    message = server.ask("redis.default.nomad", "A", use_edns=0)
    assert message.rcode() == dns.rcode.NOERROR and flags(message) == "QR AA RD"
    assert message.answer[0].ttl == 30
    assert reasons(message) == [3]
    assert reasons(server.ask("default.nomad", "A", use_edns=0)) == [3]
    message = server.ask("nothing.default.nomad", "A", use_edns=0)
    assert message.rcode() == dns.rcode.NXDOMAIN and reasons(message) == [19]
    assert server.ask("redis.default.nomad", "A").opt is None


@pytest.mark.parametrize("age, rcode, reason", [(0, dns.rcode.NXDOMAIN, 19), (59000, dns.rcode.NXDOMAIN, 19),
                                                (61000, dns.rcode.SERVFAIL, 22), (3600000, dns.rcode.SERVFAIL, 22)])
@pytest.mark.parametrize("name", ["nothing.default.nomad", "x.redis.default.nomad", "_redis._none.default.nomad", "nothing.nomad",
                                  "_tcp.nothing.default.nomad", "nothing.default.service.nomad", "nothing.nowhere.nomad",
                                  "77.2.0.192.in-addr.arpa"])
def test_what_is_not_there_may_have_come_since(serve, name, age, rcode, reason):  # noqa: F811
    """H: for `negative-ttl` after Nomad was heard the last time it is not there; then nobody knows."""
    server = serve(state=f"stale 5 {age}", ttl="100s", negative_ttl="60s", reverse="192.0.2.0/24")
    message = server.ask(name, "PTR" if name.endswith("arpa") else "A", use_edns=0)
    assert message.rcode() == rcode and reasons(message) == [reason]


@pytest.mark.parametrize("name", ["redis.default.nomad", "default.nomad", "nomad", "_tcp.redis.default.nomad", "ns.nomad"])
@pytest.mark.parametrize("rdtype", ["A", "AAAA", "TXT"])
def test_what_is_there_stays(serve, name, rdtype):  # noqa: F811
    """H: however long ago, and with the families and types that it has; a namespace too, which resolvers pass through."""
    message = serve(state="stale 5 3600000").ask(name, rdtype, use_edns=0)
    assert message.rcode() == dns.rcode.NOERROR and reasons(message) == [3]


def test_no_form_of_a_name_comes_to_be(serve):  # noqa: F811
    server = serve(state="stale 5 3600000")
    assert server.ask("a.b.c.d.e.f.nomad").rcode() == dns.rcode.NXDOMAIN


NOT_FOLLOWED = ["web.other.nomad", "WEB.OTHER.nomad", "x.web.other.nomad", "_web._tcp.other.nomad", "web.other.service.nomad",
                "_tcp.web.other.nomad"]


@pytest.mark.parametrize("name", NOT_FOLLOWED)
def test_a_namespace_that_is_not_followed_is_not_denied(serve, name):  # noqa: F811
    """SERVFAIL, EDE 20, whatever is asked for; what is known of it goes on."""
    server = serve()
    assert server.ask(name).rcode() == dns.rcode.NXDOMAIN
    server.command("follow default prod")
    for rdtype in ("A", "SRV", "ANY"):
        message = server.ask(name, rdtype, use_edns=0)
        assert message.rcode() == dns.rcode.SERVFAIL and reasons(message) == [20]
    server.command(f"put other web {ALLOCATION.format(1)} 192.0.2.9 80 -")
    assert server.ask("web.other.nomad").rcode() == dns.rcode.NOERROR
    message = server.ask("nothing.other.nomad", use_edns=0)
    assert message.rcode() == dns.rcode.SERVFAIL and reasons(message) == [20]


@pytest.mark.parametrize("follow, default, names", [("default", dns.rcode.NXDOMAIN, dns.rcode.NOERROR),
                                                   ("prod", dns.rcode.SERVFAIL, dns.rcode.SERVFAIL)])
def test_names_of_one_label_where_some_are_followed(serve, follow, default, names):  # noqa: F811
    """They are services of the default namespace, or namespaces that nobody here knows: then they hold nothing at least."""
    server = serve()
    server.command(f"follow {follow}")
    assert server.ask("nothing.default.nomad").rcode() == default
    assert server.ask("nothing.nomad").rcode() == names
    assert server.ask("default.nomad").rcode() == server.ask("nomad").rcode() == dns.rcode.NOERROR


def test_what_was_not_there_is_kept_no_longer_than_what_was(serve):  # noqa: F811
    """E3, H: nor is it while Nomad cannot be reached."""
    server = serve(state="stale 5", ttl="100s", negative_ttl="60s")
    for name in ("nothing.default.nomad", "default.nomad"):
        assert server.ask(name).authority[0].ttl == 30


def test_current(serve):  # noqa: F811
    message = serve().ask("redis.default.nomad", "A", use_edns=0)
    assert reasons(message) == [] and message.answer[0].ttl == 10


def test_dig_says_why(serve):  # noqa: F811
    out = serve(None, state=None).dig("redis.default.nomad")
    assert "status: SERVFAIL" in out and "EDE: 14 (Not Ready)" in out


def test_states_follow_each_other(serve):  # noqa: F811
    """Loading, current, stale, expired, current: each answer is the state's."""
    server = serve(state=None)
    for state, rcode in (("current", 0), ("stale", 0), ("expired", 2), ("current", 0), ("loading", 2), ("current", 0)):
        server.command(f"state {state} 9")
        assert server.ask("redis.default.nomad").rcode() == rcode


@pytest.mark.parametrize("serial", [0, 1, 2**31, 2**32 - 1])
def test_serial(serve, serial):  # noqa: F811
    """D7: the SOA's serial is the catalogue's."""
    server = serve(state=f"current {serial}")
    assert server.ask("nomad", "SOA").answer[0][0].serial == serial
    assert server.ask("nothing.nomad", "SOA").authority[0][0].serial == serial
    server.command(f"state current {serial ^ 1}")
    assert server.ask("nomad", "SOA").answer[0][0].serial == serial ^ 1


def test_a_change_is_seen_at_once(serve):  # noqa: F811
    """What was put is in the next answer; a service that is gone, and a namespace with its last service."""
    server = serve()
    for i in range(50):
        server.command(f"put new ns{i} {ALLOCATION.format(i)} 192.0.2.{i} 80 -")
        assert names(server.ask(f"ns{i}.new.nomad").answer) == {f"ns{i}.new.nomad. A 192.0.2.{i}"}
    for i in range(50):
        assert server.ask("new.nomad").rcode() == dns.rcode.NOERROR
        server.command(f"put new ns{i}")
        assert server.ask(f"ns{i}.new.nomad").rcode() == dns.rcode.NXDOMAIN
    assert server.ask("new.nomad").rcode() == dns.rcode.NXDOMAIN


def test_answers_while_everything_changes(serve):  # noqa: F811
    """Thousands of changes under way: no SERVFAIL, no timeout, no answer of half a service."""
    server = serve(CATALOGUE + many(3))
    over, seen, wrong = threading.Event(), [], []

    def ask():
        rng = random.Random(1)
        while not over.is_set():
            tcp = rng.random() < .2
            message = server.ask("changing.default.nomad", "SRV", tcp=tcp, use_edns=0)
            if message.rcode() != 0 or len(message.answer) != 1 or len(message.additional) != 1 or \
                    str(message.additional[0][0]).rsplit(".", 1)[1] != str(message.answer[0][0].port):
                wrong.append(message.to_text())
            if len(server.ask("redis.default.nomad", "SRV", tcp=tcp).answer[0]) != 3:
                wrong.append("redis")
            seen.append(message.answer[0][0].port)

    server.command(f"put default changing {ALLOCATION.format(0)} 192.0.2.1 1 -")
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    turn = 0
    while turn < 3000 or len(seen) < 200:
        turn += 1
        server.command(f"put default changing {ALLOCATION.format(turn)} 192.0.2.{turn % 250 + 1} {turn % 250 + 1} -")
        server.command(f"put default s{turn % 500} {ALLOCATION.format(turn)} 192.0.2.9 80 -")
    over.set()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[:3]
    assert len(set(seen)) > 20
