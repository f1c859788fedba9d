"""Cookies, G7 to G11 of the checklist: for clients on the Internet, and how they prove that they are no forgery."""

import re
import struct
import time

import dns.message
import dns.rcode
import pytest

import odd_messages
from dnsserve import built, cookie, far, private, serve, with_cookie  # noqa: F401

SECRET = "e5e973e5a6b2a43f48e7dc849e37bfcf"


@pytest.mark.root
def test_a_cookie_is_given_and_known_again(far):  # noqa: F811
    """G7, G8: 16 octets behind the client's 8; shown again they are good for half an hour."""
    server = far()
    for tcp in (False, True):
        given = cookie(server.ask("redis.default.nomad", tcp=tcp, **with_cookie(b"clientpt")))
        assert len(given) == 24 and given[:8] == b"clientpt" and given[8:12] == b"\1\0\0\0"
        assert abs(struct.unpack("!I", given[12:16])[0] - time.time()) < 60
        assert cookie(server.ask("redis.default.nomad", tcp=tcp, **with_cookie(given))) == given


@pytest.mark.root
def test_a_wrong_cookie_is_replaced(far):  # noqa: F811
    """G8: an answer all the same, with a new one."""
    server = far()
    for wrong in (b"clientpt" + b"x" * 8, b"clientpt" + b"x" * 16, b"clientpt" + b"\1" * 32):
        message = server.ask("redis.default.nomad", **with_cookie(wrong))
        assert message.answer and len(cookie(message)) == 24 and cookie(message)[:8] == b"clientpt"
        assert cookie(message) != wrong


@pytest.mark.root
def test_a_cookie_of_an_odd_size_is_malformed(far):  # noqa: F811
    """G9, C2: FORMERR; a cookie without a question is answered with one of ours."""
    server = far()
    for row, odd in odd_messages.ODD.items():
        if row.startswith("G9"):
            assert dns.message.from_wire(server.raw(odd.octets)).rcode() == dns.rcode.FORMERR, row
    message = dns.message.from_wire(server.raw(odd_messages.ODD["C2-cookie-alone"].octets))
    assert message.rcode() == dns.rcode.NOERROR and len(cookie(message)) == 24


@pytest.mark.root
def test_servers_with_one_secret_know_each_other_s_cookies(far):  # noqa: F811
    """G10: several servers behind one address; one without the secret makes another."""
    one, other, stranger = far(cookie_secret=SECRET), far(cookie_secret=SECRET), far()
    given = cookie(one.ask("redis.default.nomad", **with_cookie(b"clientpt")))
    assert cookie(other.ask("redis.default.nomad", **with_cookie(given))) == given
    assert cookie(stranger.ask("redis.default.nomad", **with_cookie(given))) != given


def meets_no_cookie(server, to, tcp=False):
    """Whether a cookie of any size is passed over, as an option that is not known."""
    for data in (b"clientpt", b"clientpt" + b"x" * 16, b"odd"):
        message = server.ask("redis.default.nomad", tcp=tcp, to=to, **with_cookie(data))
        if not message.answer or message.options:
            return False
    return True


@pytest.mark.root
def test_cookies_off(far):  # noqa: F811
    """G7, C2: then the option is one that we do not know."""
    server = far(cookies="no")
    assert meets_no_cookie(server, server.address)
    octets = odd_messages.ODD["C2-cookie-alone"].octets
    assert dns.message.from_wire(server.raw(octets)).rcode() == dns.rcode.FORMERR


@pytest.mark.root
def test_clients_on_private_networks_meet_no_cookies(serve, private):  # noqa: F811
    """G7: a forwarder there hands the option through, both ways; then its client takes the forwarder for one that makes
    cookies, and waits in vain for them in its answers about all other names (c-ares from 1.31 on)."""
    listen = [f"[{address}]:0" if ":" in address else f"{address}:0" for address in [*private, "127.0.0.1", "::1"]]
    server = serve(listen=" ".join(listen), allow="0.0.0.0/0 ::/0")
    for to in server.addresses:
        for tcp in (False, True):
            assert meets_no_cookie(server, to, tcp), to


@pytest.mark.root
def test_dig_and_kdig_take_the_cookie(far):  # noqa: F811
    server = far()
    out = server.dig("redis.default.nomad")
    assert re.search(r"; COOKIE: [0-9a-f]{48} \(good\)", out)
    out = server.kdig("+cookie", "redis.default.nomad")
    assert "COOKIE" in out and "WARNING" not in out
