"""Every message that can be thought of gets the answer that the checklist in docs/dns.md gives it, or none."""

import pathlib
import re
import struct

import dns.edns
import dns.flags
import dns.message
import pytest

import odd_messages
from dnsserve import PROBE, Serve, built  # noqa: F401
from odd_messages import ODD

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SEEDS = ROOT / "tests/fuzz/message"


@pytest.fixture(scope="module")
def server(built, network):
    one = Serve()
    yield one
    one.close()


def end_of_question(octets):
    at = 12
    while octets[at]:
        at += 1 + octets[at]
    return at + 1 + 4


def check(odd, answer):
    """Reads the octets of an answer: header by hand, the rest with dnspython, which is strict."""
    ident, bits, questions, answers, authorities, additionals = struct.unpack("!6H", answer[:12])
    asked = struct.unpack("!H", odd.octets[2:4])[0]
    assert ident == odd_messages.ID
    assert bits & 0x8000                                    # QR
    assert bits & 0x7800 == asked & 0x7800                  # opcode
    assert bits & 0x00f0 == 0                               # RA, Z, AD, CD
    assert bits & 0x0200 == 0                               # TC
    assert bool(bits & 0x0100) == (bool(asked & 0x0100) and odd.rcode != odd_messages.NOTIMP)
    assert questions == odd.question
    if odd.question:
        end = end_of_question(odd.octets)
        assert answer[12:end] == odd.octets[12:end]
    message = dns.message.from_wire(answer[:2] + bytes([answer[2] & 0x87]) + answer[3:])    # knows few opcodes
    assert message.rcode() == odd.rcode
    assert answers == odd.answers
    assert bool(message.opt) == odd.opt
    authoritative = odd.rcode in (odd_messages.NOERROR, odd_messages.NXDOMAIN) and odd.question
    assert bool(bits & 0x0400) == authoritative             # AA
    assert authorities == (1 if authoritative and answers == 0 else 0)
    if authorities:
        assert message.authority[0].rdtype == odd_messages.SOA
    if odd.opt:
        assert message.payload == 1232
        assert message.ednsflags & 0x7fff & ~0x00ff0000 == 0
    reasons = [option.code for option in message.options if option.otype == dns.edns.EDE]
    assert reasons == ([odd.reason] if odd.reason is not None else [])
    return message


@pytest.mark.parametrize("row", ODD)
def test_over_udp(server, row):
    """The answer over UDP, or none."""
    odd = ODD[row]
    answer = server.raw(odd.octets)
    if odd.rcode is None:
        assert answer is None
    else:
        check(odd, answer)


@pytest.mark.parametrize("row", ODD)
def test_over_tcp(server, row):
    """The same over TCP; the connection goes on afterwards, unless the length itself was wrong (A11, A12)."""
    odd = ODD[row]
    with server.stream() as stream:
        stream.send_message(odd.octets)
        if not odd.stream:
            assert stream.ended()
            return
        if odd.rcode is not None:
            check(odd, stream.receive())
        stream.send_message(PROBE)
        assert stream.receive()[:2] == PROBE[:2]


def test_the_question_comes_back_octet_for_octet(server):
    """C3: whatever the case of its letters (0x20)."""
    for name in ("rEDis.DeFault.NOmad", "REDIS.DEFAULT.NOMAD", "nOthing.default.nomad"):
        octets = odd_messages.query(name)
        answer = server.raw(octets)
        assert answer[12:len(octets)] == octets[12:]


def test_do_comes_back_and_other_flags_do_not(server):
    """G4: DO is copied, unknown flags are 0."""
    for flags, wanted in ((0xffff, 0x8000), (0x7fff, 0), (0x8000, 0x8000)):
        message = dns.message.from_wire(server.raw(odd_messages.with_opt(odd_messages.opt(flags=flags))))
        assert message.ednsflags & 0xffff == wanted


def test_options_are_not_reflected(server):
    """G3, G11, G13: what we do not know, or were not told to say, does not come back."""
    for code, data in ((100, b"whatever"), (3, b""), (8, b"\0\1\x18\0\xc0\0\2"), (12, b"\0" * 40), (11, b"")):
        octets = odd_messages.with_opt(odd_messages.opt(odd_messages.option(code, data)))
        assert dns.message.from_wire(server.raw(octets)).options == ()


def test_version_of_the_answer_is_0(server):
    """G2: BADVERS says which version we speak, and does not answer the question."""
    message = dns.message.from_wire(server.raw(odd_messages.with_opt(odd_messages.opt(version=1))))
    assert message.edns == 0
    assert message.rcode() == odd_messages.BADVERS
    assert message.answer == []


def test_a_query_longer_than_ours_are_is_malformed(server):
    """A1: what does not fit our buffer is cut there, and a record that is cut is malformed."""
    octets = odd_messages.with_opt(odd_messages.opt(odd_messages.option(12, b"\0" * 2000)))
    assert dns.message.from_wire(server.raw(octets)).rcode() == odd_messages.FORMERR


def test_the_checklist_names_tests_that_there_are():
    """docs/dns.md has a row for each point, and what it names is there."""
    checklist = (ROOT / "docs/dns.md").read_text().split("## The checklist")[1]
    tests = "".join(path.read_text() for path in pathlib.Path(__file__).parent.glob("test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", checklist))
    files = re.findall(r"(?:tests/unit/)?test_\w+\.(?:py|c)", checklist)
    assert named and files
    assert {name for name in named if f"def {name}(" not in tests} == set()
    assert {name for name in files if not ((ROOT / name).exists() or (ROOT / "tests/system" / name).exists())} == set()


def test_every_row_is_an_input_of_the_fuzzer():
    """The fuzzer starts from these messages: asked over UDP and over TCP (tests/fuzz/fuzz_message.c, read_mode())."""
    for row, odd in ODD.items():
        assert (SEEDS / row).read_bytes() == b"\0\0" + odd.octets
        assert (SEEDS / f"{row}-tcp").read_bytes() == b"\1\0" + odd.octets
