"""Each number that docs/dns.md states about a program, at that number and one beyond."""

import re
import time

import dns.rcode
import pytest

from daemon import wait_until
from dnsserve import ALLOCATION, many
from programs import DOCUMENT, OURS, RESOLVERS, HaProxy, ask, records, running, snippet


def stated(sentence):
    """The number that stands in a sentence of the page in the place of N."""
    text = re.sub(r"\s+", " ", DOCUMENT.read_text())
    return int(re.search(re.sub(r"\bN\b", r"(\\d+)", re.escape(sentence)), text)[1])


def web(count):
    """So many instances, and what HAProxy should have of them."""
    lines = [f"default web {ALLOCATION.format(i)} 127.0.{1 + i // 200}.{1 + i % 200} {8000 + i} -" for i in range(count)]
    return "\n".join(lines) + "\n", {(f"127.0.{1 + i // 200}.{1 + i % 200}", 8000 + i) for i in range(count)}


@pytest.fixture
def haproxy(ours, tmp_path):
    """Starts HAProxy with so many instances to be found, and returns it and what it should have."""
    proxies = []

    def start(count, resolvers=None, template=None):
        catalogue, wanted = web(count)
        ours.load(catalogue)
        proxies.append(HaProxy(tmp_path, resolvers, count, template))
        return proxies[-1], wanted

    yield start
    for proxy in proxies:
        proxy.stop()


def test_haproxy_over_udp(haproxy):
    """As many as fit 1232 octets."""
    proxy, wanted = haproxy(stated("With more than about N instances ask over TCP"))
    proxy.wait_for(wanted, 40)


def test_haproxy_over_tcp(haproxy):
    """As many as fit the largest answer that it takes."""
    proxy, wanted = haproxy(stated("serves up to about N instances"), snippet("haproxy-tcp"))
    proxy.wait_for(wanted, 40)


def test_haproxy_over_tcp_with_the_size_for_udp(haproxy):
    """The targets' addresses are left out for it: it has the servers that it would have over UDP."""
    few = snippet("haproxy-tcp").replace("8192", "1232")
    assert few != snippet("haproxy-tcp")
    proxy, wanted = haproxy(stated("With more than about N instances ask over TCP"), few)
    proxy.wait_for(wanted, 40)


def test_haproxy_over_tcp_with_more(haproxy, ours):
    """It drops the answer, over TCP too, and has no server at all."""
    proxy, _ = haproxy(stated("serves up to about N instances") * 2, snippet("haproxy-tcp"))
    wait_until(lambda: ours.totals()["SRV"] > 3, within=20)
    assert not proxy.servers()


def test_haproxy_by_addresses(haproxy):
    """More of them by A records, which are shorter."""
    count = stated("server-template web 1-N web.default.nomad:8080")
    proxy, wanted = haproxy(count, snippet("haproxy-tcp"), f"1-{count} web.default.nomad:8080")
    proxy.wait_for({(address, 8080) for address, _ in wanted}, 40)


def test_bind_takes_100_records(ours, tmp_path):
    """... of a type unless it is told otherwise."""
    most = stated("BIND says SERVFAIL for services with more than N instances")
    command, port = RESOLVERS["named"](tmp_path)
    path = tmp_path / "named.conf"
    path.write_text(path.read_text().replace("max-records-per-type 0;", ""))
    with running(command, port, tmp_path):
        ours.load(many(most))
        assert len(records(ask(port, "many.default.nomad", "SRV", tcp=True))) == most
        ours.load(many(most + 1, service="more"))
        assert ask(port, "more.default.nomad", "SRV", tcp=True).rcode() == dns.rcode.SERVFAIL


def test_kresd_keeps_answers(ours, tmp_path):
    """... for longer than we say, unless it is told otherwise."""
    least = stated("Without `cache.min_ttl` it keeps every answer for N s at least")
    command, port = RESOLVERS["kresd"](tmp_path)
    path = tmp_path / "kresd.conf"
    path.write_text(path.read_text().replace("cache.min_ttl(1)", ""))
    with running(command, port, tmp_path):
        first = time.monotonic()
        assert records(ask(port, "v4only.default.nomad")) == {"192.0.2.4"}
        ours.command(f"put default v4only {ALLOCATION.format(1)} 192.0.2.44 80 -")
        wait_until(lambda: records(ask(port, "v4only.default.nomad")) == {"192.0.2.44"}, within=30)
        assert time.monotonic() - first > least - 1     # it counts in whole seconds; our TTL is 2 s


@pytest.mark.parametrize("extensions", [True, False])
def test_the_recursor_goes_on_without_us(ours, tmp_path, extensions):
    """PowerDNS with `serve-stale-extensions` and without: once the TTL is over, stale or SERVFAIL."""
    command, port = RESOLVERS["pdns"](tmp_path)
    path = tmp_path / "recursor.conf"
    if not extensions:
        path.write_text(path.read_text().replace("serve-stale-extensions", "#"))
    with running(command, port, tmp_path):
        answer = ask(port, "v4only.default.nomad")
        assert records(answer) == {"192.0.2.4"}
        ours.close()
        over = time.monotonic() + answer.answer[0].ttl + 1
        wait_until(lambda: time.monotonic() > over, within=10)
        answer = ask(port, "v4only.default.nomad", timeout=20)
        assert records(answer) == ({"192.0.2.4"} if extensions else set())
        assert answer.rcode() == (dns.rcode.NOERROR if extensions else dns.rcode.SERVFAIL)
