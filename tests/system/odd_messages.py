"""Odd DNS messages, one for each row of the checklist that is about one, and what must come back.

Used by test_dns_messages.py, and as the inputs that fuzzing starts from (tests/fuzz/message).
"""

import dataclasses
import struct

A, SOA, TXT, AAAA, SRV, ANY = 1, 6, 16, 28, 33, 255
IN, CHAOS = 1, 3
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED, BADVERS = 0, 1, 2, 3, 4, 5, 16
ID = 0x1234
RD = 0x0100
COOKIE, KEEPALIVE, NSID = 10, 11, 3


def name(text):
    return b"".join(bytes([len(label)]) + label.encode("latin-1") for label in text.split(".") if label) + b"\0"


def header(flags=RD, counts=(1, 0, 0, 0)):
    return struct.pack("!6H", ID, flags, *counts)


def question(text="redis.default.nomad", rdtype=A, rdclass=IN):
    return name(text) + struct.pack("!HH", rdtype, rdclass)


def option(code, data=b""):
    return struct.pack("!HH", code, len(data)) + data


def opt(options=b"", size=1232, version=0, flags=0, owner=b"\0", length=None):
    return owner + struct.pack("!HHBBHH", 41, size, 0, version, flags, len(options) if length is None else length) + options


def query(text="redis.default.nomad", rdtype=A, rdclass=IN, flags=RD):
    return header(flags) + question(text, rdtype, rdclass)


def with_opt(*records, text="redis.default.nomad", rdtype=A, flags=RD):
    return header(flags, (1, 0, 0, len(records))) + question(text, rdtype) + b"".join(records)


@dataclasses.dataclass
class Odd:
    octets: bytes
    rcode: int = None           # None: no answer
    question: bool = True       # the answer repeats it
    opt: bool = False           # the answer has an OPT record
    answers: int = 0
    stream: bool = True         # the same over TCP; False: the connection ends
    reason: int = None          # extended error


LONG = "a" * 63
NAME_255 = ".".join([LONG, LONG, LONG, "a" * 61])
EXTRA = name("x.") + struct.pack("!HHIH", A, IN, 0, 4) + b"\1\2\3\4"
SERIAL = b"\xc0\x0c" + struct.pack("!HHIH", SOA, IN, 0, 24) + b"\xc0\x0c\xc0\x0c" + struct.pack("!5I", 1, 60, 10, 3600, 3)

ODD = {
    "A1-eleven-octets": Odd(header()[:11], stream=False),
    "A1-empty": Odd(b"", stream=False),
    "A1-header-alone": Odd(header(), FORMERR, question=False),
    "A2-an-answer": Odd(query(flags=0x8180)),
    "A11-length-below-a-header": Odd(b"\0" * 3, stream=False),
    "B1-rd-is-copied": Odd(query(), NOERROR, answers=2),
    "B1-no-rd": Odd(query(flags=0), NOERROR, answers=2),
    "B3-aa-set": Odd(query(flags=0x0400), NOERROR, answers=2),
    "B3-tc-set": Odd(query(flags=0x0200), NOERROR, answers=2),
    "B3-ra-set": Odd(query(flags=0x0080), NOERROR, answers=2),
    "B3-z-set": Odd(query(flags=0x0040), NOERROR, answers=2),
    "B3-ad-set": Odd(query(flags=0x0020), NOERROR, answers=2),
    "B3-cd-set": Odd(query(flags=0x0010), NOERROR, answers=2),
    "B3-rcode-set": Odd(query(flags=0x000f), NOERROR, answers=2),
    "B4-iquery": Odd(query(flags=0x0900), NOTIMP, question=False),
    "B4-status": Odd(query(flags=0x1100), NOTIMP, question=False),
    "B4-notify": Odd(query(flags=0x2100), NOTIMP, question=False),
    "B4-update": Odd(query(flags=0x2900), NOTIMP, question=False),
    "B4-dso-without-question": Odd(header(0x3000, (0, 0, 0, 0)), NOTIMP, question=False),
    "B4-notify-with-its-soa-and-opt": Odd(header(0x2100, (1, 1, 0, 1)) + question("nomad", SOA) + SERIAL + opt(), NOTIMP,
                                          question=False, opt=True),
    "B4-update-with-opt": Odd(header(0x2900, (1, 0, 2, 1)) + question("nomad", SOA) + EXTRA + EXTRA + opt(), NOTIMP,
                              question=False, opt=True),
    "B4-update-cut": Odd(header(0x2900, (1, 0, 2, 1)) + question("nomad", SOA) + EXTRA + opt(), NOTIMP, question=False),
    "B4-opcode-15": Odd(query(flags=0x7900), NOTIMP, question=False),
    "B4-opcode-15-with-opt": Odd(with_opt(opt(), flags=0x7900), NOTIMP, question=False, opt=True),
    "C1-two-questions": Odd(header(counts=(2, 0, 0, 0)) + question() + question(), FORMERR, question=False),
    "C2-no-question": Odd(header(counts=(0, 0, 0, 0)), FORMERR, question=False),
    "C2-no-question-with-opt": Odd(header(counts=(0, 0, 0, 1)) + opt(), FORMERR, question=False, opt=True),
    "C2-cookie-alone": Odd(header(counts=(0, 0, 0, 1)) + opt(option(COOKIE, b"12345678")), FORMERR, question=False, opt=True),
    "C3-mixed-case": Odd(query("rEDis.DeFault.NOmad"), NOERROR, answers=2),
    "C4-label-of-64": Odd(header() + b"\x40" + b"a" * 64 + question("nomad"), FORMERR, question=False),
    "C4-label-type-0x80": Odd(header() + b"\x80" + question("nomad"), FORMERR, question=False),
    "C4-name-of-255": Odd(query(NAME_255), REFUSED),
    "C4-name-of-256": Odd(query(".".join([LONG, LONG, LONG, "a" * 62])), FORMERR, question=False),
    "C4-question-cut-in-name": Odd(header() + b"\5redi", FORMERR, question=False),
    "C4-question-cut-in-type": Odd(query()[:-3], FORMERR, question=False),
    "C4-question-cut-in-class": Odd(query()[:-1], FORMERR, question=False),
    "C5-pointer-to-itself": Odd(header() + b"\xc0\x0c" + struct.pack("!HH", A, IN), FORMERR, question=False),
    "C5-pointer-into-the-header": Odd(header() + b"\3foo\xc0\x00" + struct.pack("!HH", A, IN), FORMERR, question=False),
    "C6-nul-in-label": Odd(query("re\0dis.default.nomad"), NXDOMAIN),
    "C6-dot-in-label": Odd(header() + b"\x0dredis.default" + name("nomad") + struct.pack("!HH", A, IN), NXDOMAIN),
    "C6-space-in-label": Odd(query("re dis.default.nomad"), NXDOMAIN),
    "C6-high-octet-in-label": Odd(query("r\xe9dis.default.nomad"), NXDOMAIN),
    "C6-high-octet-is-no-letter": Odd(query("\xd2edis.default.nomad"), NXDOMAIN),
    "C7-class-chaos": Odd(query("version.bind", TXT, CHAOS), REFUSED),
    "C7-class-hesiod": Odd(query(rdclass=4), REFUSED),
    "C7-class-none": Odd(query(rdclass=254), REFUSED),
    "C7-class-any": Odd(query(rdclass=255), REFUSED),
    "C7-class-0": Odd(query(rdclass=0), REFUSED),
    "C7-class-with-opt": Odd(header(counts=(1, 0, 0, 1)) + question(rdclass=4) + opt(), REFUSED, opt=True, reason=21),
    "C8-answer-in-query": Odd(header(counts=(1, 1, 0, 0)) + question() + EXTRA, FORMERR, question=False),
    "C8-authority-in-query": Odd(header(counts=(1, 0, 1, 0)) + question() + EXTRA, FORMERR, question=False),
    "C9-additional-record": Odd(with_opt(EXTRA), NOERROR, answers=2),
    "C9-additional-record-and-opt": Odd(with_opt(EXTRA, opt()), NOERROR, answers=2, opt=True),
    "C9-compressed-additional-record": Odd(with_opt(b"\xc0\x0c" + EXTRA[3:]), NOERROR, answers=2),
    "C9-tsig": Odd(with_opt(b"\0" + struct.pack("!HHIH", 250, 255, 0, 0)), NOERROR, answers=2),
    "C9-count-without-record": Odd(header(counts=(1, 0, 0, 1)) + question(), FORMERR, question=False),
    "C9-count-65535": Odd(header(counts=(1, 0, 0, 65535)) + question() + opt(), FORMERR, question=False),
    "C10-trailing-octets": Odd(query() + b"trailing", NOERROR, answers=2),
    "C10-trailing-octets-after-opt": Odd(with_opt(opt()) + b"trailing", NOERROR, answers=2, opt=True),
    "D1-the-root": Odd(query(""), REFUSED),
    "D1-another-zone": Odd(query("redis.default.example"), REFUSED),
    "D1-a-suffix-that-is-no-label": Odd(query("redis.default.xnomad"), REFUSED),
    "D1-another-zone-with-opt": Odd(with_opt(opt(), text="example.com"), REFUSED, opt=True, reason=20),
    "D2-no-such-service": Odd(query("nothing.default.nomad"), NXDOMAIN),
    "D3-https": Odd(query(rdtype=65), NOERROR),
    "D3-svcb": Odd(query(rdtype=64), NOERROR),
    "D3-dnskey": Odd(query(rdtype=48), NOERROR),
    "D3-ds": Odd(query(rdtype=43), NOERROR),
    "D3-type-666": Odd(query(rdtype=666), NOERROR),
    "D3-type-253": Odd(query(rdtype=253), NOERROR),
    "D3-type-65535": Odd(query(rdtype=65535), NOERROR),
    "D4-namespace": Odd(query("default.nomad"), NOERROR),
    "D4-protocol": Odd(query("_tcp.redis.default.nomad", SRV), NOERROR),
    "D5-below-a-leaf": Odd(query("x.192-0-2-1.redis.default.nomad"), NXDOMAIN),
    "D6-apex-a": Odd(query("nomad"), NOERROR),
    "D6-apex-soa": Odd(query("nomad", SOA), NOERROR, answers=1),
    "D8-any": Odd(query(rdtype=ANY), NOERROR, answers=2),
    "D9-axfr": Odd(query("nomad", 252), REFUSED),
    "D9-ixfr": Odd(query("nomad", 251), REFUSED),
    "D9-ixfr-with-its-soa": Odd(header(counts=(1, 0, 1, 0)) + question("nomad", 251) + SERIAL, REFUSED),
    "D9-ixfr-with-its-soa-and-opt": Odd(header(counts=(1, 0, 1, 1)) + question("nomad", 251) + SERIAL + opt(), REFUSED,
                                        opt=True, reason=18),
    "D9-ixfr-of-another-zone": Odd(header(counts=(1, 0, 1, 0)) + question("example.com", 251) + SERIAL, REFUSED),
    "D9-ixfr-with-two": Odd(header(counts=(1, 0, 2, 0)) + question("nomad", 251) + SERIAL + SERIAL, FORMERR, question=False),
    "D9-ixfr-with-another-record": Odd(header(counts=(1, 0, 1, 0)) + question("nomad", 251) + EXTRA, FORMERR, question=False),
    "D9-ixfr-with-opt-there": Odd(header(counts=(1, 0, 1, 0)) + question("nomad", 251) + opt(), FORMERR, question=False),
    "D9-ixfr-cut": Odd(header(counts=(1, 0, 1, 0)) + question("nomad", 251) + SERIAL[:-1], FORMERR, question=False),
    "D9-axfr-with-an-soa": Odd(header(counts=(1, 0, 1, 0)) + question("nomad", 252) + SERIAL, FORMERR, question=False),
    "D9-axfr-with-opt": Odd(with_opt(opt(), text="nomad", rdtype=252), REFUSED, opt=True, reason=18),
    "D10-type-0": Odd(query(rdtype=0), NOERROR),
    "D10-type-opt": Odd(query(rdtype=41), NOERROR),
    "D10-type-tkey": Odd(query(rdtype=249), NOERROR),
    "D10-type-tsig": Odd(query(rdtype=250), NOERROR),
    "D10-type-mailb": Odd(query(rdtype=253), NOERROR),
    "D11-ds-at-the-apex": Odd(query("nomad", 43), NOERROR),
    "E4-srv": Odd(query(rdtype=SRV), NOERROR, answers=3),
    "G1-opt": Odd(with_opt(opt()), NOERROR, answers=2, opt=True),
    "G1-opt-at-no-such-name": Odd(with_opt(opt(), text="nothing.default.nomad"), NXDOMAIN, opt=True),
    "G1-payload-0": Odd(with_opt(opt(size=0)), NOERROR, answers=2, opt=True),
    "G1-payload-65535": Odd(with_opt(opt(size=65535)), NOERROR, answers=2, opt=True),
    "G2-version-1": Odd(with_opt(opt(version=1)), BADVERS, opt=True),
    "G2-version-255": Odd(with_opt(opt(version=255)), BADVERS, opt=True),
    "G3-unknown-option": Odd(with_opt(opt(option(100, b"whatever"))), NOERROR, answers=2, opt=True),
    "G4-flags": Odd(with_opt(opt(flags=0xffff)), NOERROR, answers=2, opt=True),
    "G6-two-opts": Odd(with_opt(opt(), opt()), FORMERR, question=False),
    "G6-opt-as-answer": Odd(header(counts=(1, 1, 0, 0)) + question() + opt(), FORMERR, question=False),
    "G6-opt-of-a-name": Odd(with_opt(opt(owner=name("nomad"))), FORMERR, question=False),
    "G6-opt-of-a-pointer": Odd(with_opt(opt(owner=b"\xc0\x0c")), FORMERR, question=False),
    "G6-opt-longer-than-the-message": Odd(with_opt(opt(length=9)), FORMERR, question=False),
    "G6-option-longer-than-the-opt": Odd(with_opt(opt(struct.pack("!HH", 100, 9) + b"x")), FORMERR, question=False),
    "G6-option-cut-in-its-head": Odd(with_opt(opt(b"\0\x64\0")), FORMERR, question=False),
    "G7-cookie": Odd(with_opt(opt(option(COOKIE, b"12345678"))), NOERROR, answers=2, opt=True),
    "G8-cookie-of-somebody-else": Odd(with_opt(opt(option(COOKIE, b"12345678" + b"x" * 16))), NOERROR, answers=2, opt=True),
    "G8-cookie-of-40": Odd(with_opt(opt(option(COOKIE, b"1" * 40))), NOERROR, answers=2, opt=True),
    "G9-cookie-of-0": Odd(with_opt(opt(option(COOKIE))), NOERROR, answers=2, opt=True),
    "G9-cookie-of-7": Odd(with_opt(opt(option(COOKIE, b"1234567"))), NOERROR, answers=2, opt=True),
    "G9-cookie-of-9": Odd(with_opt(opt(option(COOKIE, b"123456789"))), NOERROR, answers=2, opt=True),
    "G9-cookie-of-15": Odd(with_opt(opt(option(COOKIE, b"1" * 15))), NOERROR, answers=2, opt=True),
    "G9-cookie-of-41": Odd(with_opt(opt(option(COOKIE, b"1" * 41))), NOERROR, answers=2, opt=True),
    "G11-nsid-unset": Odd(with_opt(opt(option(NSID))), NOERROR, answers=2, opt=True),
    "G13-client-subnet": Odd(with_opt(opt(option(8, b"\0\1\x18\0\xc0\0\2"))), NOERROR, answers=2, opt=True),
    "G13-padding": Odd(with_opt(opt(option(12, b"\0" * 400))), NOERROR, answers=2, opt=True),
    "G13-expire": Odd(with_opt(opt(option(9))), NOERROR, answers=2, opt=True),
}
