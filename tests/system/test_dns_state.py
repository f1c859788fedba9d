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
