"""TXT: what is known of an instance, a record for each key=value, as most programs read them. Row E10 of the checklist."""

import dns.flags
import pytest

from dnsserve import ALLOCATION, CATALOGUE, Serve, built, serve  # noqa: F401


@pytest.fixture(scope="module")
def server(built, network):  # noqa: F811
    one = Serve()
    yield one
    one.close()


def texts(message):
    """Each record's strings, put together as Go, PHP and c-ares do."""
    return [b"".join(record.strings).decode() for rrset in message.answer for record in rrset]


def known(allocation, *tags):
    """What a record says besides the id, which the tests' server makes."""
    return {f"allocation={allocation}", "node=node", "job=job", "datacenter=dc1", *(f"tag={tag}" for tag in tags)}


def test_texts(server):
    """Under an instance's own name."""
    found = texts(server.ask("192-0-2-1.redis.default.nomad", "TXT", use_edns=0))
    ids = [text for text in found if text.startswith("id=")]
    assert len(ids) == 1 and ids[0].startswith("id=_nomad-task-aaaaaaaa-")
    assert sorted(set(found) - set(ids)) == sorted(known("aaaaaaaa-1111-2222-3333-444444444444", "primary", "v1"))
    assert len(found) == 7


def test_what_several_instances_have_in_common_is_there_once(server):
    """An RRset is a set (RFC 2181 section 5)."""
    found = texts(server.ask("replica.redis.default.nomad", "TXT", use_edns=0))
    assert len(found) == len(set(found)) == 2 + 2 + 3 + 2
    assert {text for text in found if text.startswith("tag=")} == {"tag=replica", "tag=v1"}
    found = texts(server.ask("192-0-2-5.two.default.nomad", "TXT", use_edns=0))
    assert len(found) == len(set(found)) == 3 + 2 + 3


def test_no_texts_at_the_service(server):
    """MongoDB's drivers take a TXT record at the service's name for options, and refuse what they do not know."""
    assert not server.ask("redis.default.nomad", "TXT").answer


@pytest.mark.parametrize("length", [250, 251, 252, 506, 507, 700])
def test_long_texts(serve, length):  # noqa: F811
    """A tag that is longer than a string may be goes on in the record's next one: joined without a separator it is whole."""
    tag = "xyz" * (length // 3) + "-" * (length % 3)
    server = serve(f"default web {ALLOCATION.format(1)} 192.0.2.1 80 {tag},short\n", udp_size="4096")
    message = server.ask("192-0-2-1.web.default.nomad", "TXT", use_edns=0, payload=4096)
    assert {f"tag={tag}", "tag=short"} <= set(texts(message))
    assert max(len(string) for record in message.answer[0] for string in record.strings) <= 255
    assert sum(len(record.strings) for record in message.answer[0]) == 7 + (length + 3) // 255


def test_what_many_have_in_common_ends(serve):  # noqa: F811
    """1,000 instances with the same 60 tags: as many records as fit, over UDP and TCP, whoever must be passed over for it."""
    tags = ",".join(f"tag-{i}" for i in range(60))
    server = serve("".join(f"default web {ALLOCATION.format(i)} 192.0.2.1 {1 + i} {tags}\n" for i in range(1000)))
    for tcp in (False, True):
        message = server.ask("192-0-2-1.web.default.nomad", "TXT", tcp=tcp, use_edns=0)
        found = texts(message)
        assert message.flags & dns.flags.TC and len(found) == len(set(found))
        assert sum(text.startswith("tag=") for text in found) > (20 if not tcp else 59)


def test_dig_and_drill(server):
    """Other programs' opinion."""
    for out in (server.dig("+noall", "+answer", "192-0-2-1.redis.default.nomad", "TXT"),
                server.drill("192-0-2-1.redis.default.nomad", "TXT")):
        rows = [line.split("\t")[-1] for line in out.splitlines() if line.startswith("192-0-2-1")]
        assert len(rows) == 7 and all(row.count('"') == 2 for row in rows)
        assert any(row.endswith('"tag=primary"') for row in rows)
