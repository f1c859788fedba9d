"""Who may ask, and how much: section I of the checklist; and who we are (G11)."""

import contextlib
import os
import random
import socket
import struct
import subprocess
import threading
import time

import dns.edns
import dns.exception
import dns.message
import dns.rcode
import dns.rdataclass
import pytest

import odd_messages
from dnsserve import HERE, built, cookie, far, many, private, serve, with_cookie  # noqa: F401



def reasons(message):
    return [int(option.code) for option in message.options if option.otype == dns.edns.EDE]


# Who may ask.

def test_others_are_refused(serve):  # noqa: F811
    """I: an address outside `allow` gets REFUSED, EDE 18, over UDP and TCP, and nothing about our names."""
    server = serve(allow="192.0.2.0/24 ::1")
    for tcp in (False, True):
        for name in ("redis.default.nomad", "nothing.default.nomad", "example.com"):
            message = server.ask(name, tcp=tcp, use_edns=0)
            assert message.rcode() == dns.rcode.REFUSED and reasons(message) == [18]
            assert not message.answer and not message.authority
        assert server.ask("redis.default.nomad", tcp=tcp, to=server.addresses[1]).answer


@pytest.mark.root
def test_default_allow(serve):  # noqa: F811
    """I: by default the loopback and private ranges; a public address is refused."""
    server = serve(listen=f"{HERE}:0 127.0.0.1:0")
    assert server.ask("redis.default.nomad").rcode() == dns.rcode.REFUSED
    assert server.ask("redis.default.nomad", to=server.addresses[1]).answer


def test_no_recursion(serve):  # noqa: F811
    """I: other people's names are refused, without a referral."""
    message = serve().ask("example.com", use_edns=0)
    assert message.rcode() == dns.rcode.REFUSED and not message.authority and not message.additional


# Who we are.

def test_nsid_and_version(serve):  # noqa: F811
    """G11, C7: said where it was configured, to those who ask."""
    server = serve(nsid="rack-7", version="a resolver")
    nsid = dns.edns.GenericOption(3, b"")
    message = server.ask("redis.default.nomad", use_edns=0, options=[nsid])
    assert [(option.otype, option.data) for option in message.options] == [(3, b"rack-7")]
    assert server.ask("redis.default.nomad", use_edns=0).options == ()
    for name, text in (("version.bind", b"a resolver"), ("VERSION.server", b"a resolver"), ("id.server", b"rack-7"),
                       ("hostname.bind", b"rack-7")):
        message = server.ask(name, "TXT", rdclass="CH")
        assert message.answer[0][0].strings == (text,)
        assert message.answer[0].rdclass == dns.rdataclass.CH
    for name, rdtype in (("version.bind", "A"), ("authors.bind", "TXT"), ("redis.default.nomad", "TXT")):
        assert server.ask(name, rdtype, rdclass="CH").rcode() == dns.rcode.REFUSED


@pytest.mark.root
def test_nsid_is_left_out_where_it_does_not_fit(far):  # noqa: F811
    """G11: the longest name, the longest NSID and the smallest answer: 587 octets of the 512 that the client takes."""
    server = far(nsid="n" * 255)
    nsid, cookie = dns.edns.GenericOption(3, b""), dns.edns.GenericOption(10, b"12345678")
    longest = ".".join(["a" * 63] * 3 + ["b" * 55, "nomad"])
    answer = server.ask(longest, options=[nsid, cookie], use_edns=0, payload=512)
    assert answer.rcode() == dns.rcode.NXDOMAIN
    assert [int(option.otype) for option in answer.options] == [10]
    answer = server.ask(longest, options=[nsid, cookie], use_edns=0, payload=1232)
    assert [int(option.otype) for option in answer.options] == [10, 3]


# How much.

CLOCK_REALTIME_COARSE = 5   # linux/time.h


def second():
    """By the clock of time(2), which the daemon limits by: up to a tick of the kernel behind the one of time.time()."""
    return int(time.clock_gettime(CLOCK_REALTIME_COARSE))


def burst(server, octets, count):
    """Sends so many questions at once, from the address that is asked; the answers' flags."""
    answers = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((server.address[0], 0))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.connect(server.address)
        for _ in range(count):
            sock.send(octets)
        limit = time.monotonic() + 30
        while time.monotonic() < limit:
            totals = server.totals()
            if sum(totals[kind] for kind in ("A", "AAAA", "SOA", "other")) >= count:
                break
        sock.setblocking(False)
        try:
            while True:
                answers.append(sock.recv(65536))
        except BlockingIOError:
            return answers


@pytest.mark.root
def test_rate_limit(serve):  # noqa: F811
    """I: at most rate-limit answers a second; of the rest half say "ask over TCP", which costs a forger more than it
    costs us; TCP and cookies are not limited, and loopback neither."""
    server = serve(listen=f"{HERE}:0", allow="0.0.0.0/0", rate_limit="50", workers="1")
    started = second()
    answers = burst(server, odd_messages.query(), 500)
    seconds = second() - started + 1
    whole = [answer for answer in answers if not answer[2] & 2]
    cut = [answer for answer in answers if answer[2] & 2]
    assert 50 <= len(whole) <= 50 * seconds
    assert cut and all(len(answer) == len(odd_messages.query()) for answer in cut)
    assert abs((500 - len(whole)) / 2 - len(cut)) <= seconds
    assert server.totals()["limited"] == 500 - len(whole)
    assert server.ask("redis.default.nomad", tcp=True).answer
    given = cookie(server.ask("redis.default.nomad", tcp=True, **with_cookie(b"clientpt")))
    proven = odd_messages.with_opt(odd_messages.opt(odd_messages.option(10, given)))
    before = server.totals()["limited"]
    assert len(burst_again(server, proven, 300)) == 300
    assert server.totals()["limited"] == before


@pytest.mark.root
def test_a_cut_answer_has_its_opt_record(serve):  # noqa: F811
    """G1: a client that gets none would take us for a server without EDNS and cookies."""
    server = serve(listen=f"{HERE}:0", allow="0.0.0.0/0", rate_limit="1", workers="1")
    octets = odd_messages.with_opt(odd_messages.opt(odd_messages.option(10, b"clientpt")))
    cut = [dns.message.from_wire(answer) for answer in burst(server, octets, 100) if answer[2] & 2]
    assert cut
    for message in cut:
        assert message.opt and len(cookie(message)) == 24
        assert not message.answer and not message.authority and not message.additional


def burst_again(server, octets, count):
    """The same after others have been counted."""
    answers = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((HERE, 0))
        sock.settimeout(10)
        sock.connect(server.address)
        for _ in range(count // 50):
            for _ in range(50):
                sock.send(octets)
            for _ in range(50):
                answers.append(sock.recv(65536))
    return [answer for answer in answers if not answer[2] & 2]


@pytest.mark.root
def test_errors_are_limited(serve):  # noqa: F811
    """I: FORMERR and NOTIMP, to all sources together: two servers never keep each other busy."""
    server = serve(listen=f"{HERE}:0", allow="0.0.0.0/0", rate_limit="100000", workers="1")
    started = second()
    answers = burst(server, odd_messages.ODD["B4-status"].octets, 1000)
    assert 100 <= len(answers) <= 100 * (second() - started + 1)


def test_loopback_is_not_limited(serve):  # noqa: F811
    server = serve(rate_limit="1")
    for _ in range(50):
        assert server.ask("redis.default.nomad").answer
    assert server.totals()["limited"] == 0


@pytest.mark.root
def test_private_networks_are_not_limited(serve, private):  # noqa: F811
    """I: all containers of a bridge are one /24, and more than a few of them ask more often than a forger may."""
    for address in private[:5]:
        for octets in (odd_messages.query(), odd_messages.ODD["B4-status"].octets):
            server = serve(listen=f"{address}:0", allow="0.0.0.0/0", rate_limit="1", workers="1")
            answers = burst(server, octets, 200)
            assert len(answers) == 200 and not any(answer[2] & 2 for answer in answers), address
            assert server.totals()["limited"] == 0


def test_a_flood_does_not_stop_others(serve):  # noqa: F811
    """I: while one source sends whatever it can, questions and rubbish, another one is answered."""
    server = serve()
    over = threading.Event()
    rng = random.Random(5)
    messages = [odd.octets for odd in odd_messages.ODD.values()] + [rng.randbytes(rng.randrange(1, 600)) for _ in range(200)]

    def flood():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(server.address)
            while not over.is_set():
                for octets in messages:
                    sock.send(octets)

    threads = [threading.Thread(target=flood) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(100):
            assert server.ask("redis.default.nomad", tcp=True).answer
        for _ in range(50):
            assert ask_patiently(server)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert ask_patiently(server)


def ask_patiently(server):
    """A datagram is lost where the socket's buffer is full; then the client asks again, as every client does."""
    for _ in range(10):
        with contextlib.suppress(dns.exception.Timeout):
            return bool(server.ask("redis.default.nomad", timeout=2).answer)
    return False


def forge(server, payload, sources):
    """Asks the server's first address over UDP, once in the name of each source, which is four octets."""
    address, port = server.address
    rng = random.Random(7)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
        for source in sources:
            udp = struct.pack("!4H", 1024 + rng.randrange(60000), port, 8 + len(payload), 0) + payload
            ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, socket.IPPROTO_UDP, 0, source,
                             socket.inet_aton(address))
            sock.sendto(ip + udp, (address, 0))


@pytest.mark.root
def test_forged_sources(serve):  # noqa: F811
    """I: answers to sources all over the world, nine tenths of which are refused; memory stays what it was."""
    server = serve(listen=f"{HERE}:0", allow="0.0.0.0/0", rate_limit="5")
    rng = random.Random(6)
    before = resident(server)
    forge(server, odd_messages.query(), (struct.pack("!I", rng.getrandbits(32)) for _ in range(20000)))
    assert server.ask("redis.default.nomad", tcp=True).answer
    if not os.environ.get("SAN"):
        assert resident(server) - before < 4 << 10


@pytest.fixture
def lan():
    """An address of ours in a network with nobody else in it, where the kernel looks for a neighbour for a minute."""
    name = f"lan{os.getpid() % 100000}"
    subprocess.run(["sh", "-ec", f"""
        ip link add {name}a type veth peer name {name}b
        ip address add 203.0.113.1/24 dev {name}a
        ip link set {name}a up
        ip link set {name}b up
        ip ntable change name arp_cache dev {name}a mcast_probes 60"""], check=True)
    yield "203.0.113.1"
    subprocess.run(["ip", "link", "delete", f"{name}a"], check=True)


@pytest.mark.root
@pytest.mark.parametrize("neighbours, asked", [(2, 0), (253, 1)])
def test_forged_neighbours(serve, lan, neighbours, asked):  # noqa: F811
    """I: the kernel holds answers to neighbours that are not there, for seconds. Two of these do not use up what the socket
    may send; where many do, the worker does not wait for them, and answers on its other sockets."""
    server = serve(many(60), listen=f"{lan}:0 127.0.0.1:0", allow="203.0.113.0/24 127.0.0.1", workers="1", rate_limit="0")
    query = dns.message.make_query("many.default.nomad", "A", use_edns=0).to_wire()
    forge(server, query, [socket.inet_aton(f"203.0.113.{2 + i % neighbours}") for i in range(1500)])
    assert server.ask("many.default.nomad", "A", use_edns=0, to=server.addresses[asked]).answer


def resident(server):
    with open(f"/proc/{server.process.pid}/status") as status:
        return int(next(line for line in status if line.startswith("VmRSS")).split()[1])


def test_counters(serve):  # noqa: F811
    """What was asked and answered is counted, by type and rcode, over all workers."""
    server = serve(many(1000))
    server.ask("many.default.nomad", "A")
    server.ask("many.default.nomad", "SRV", tcp=True)
    for name, rdtype in (("many.default.nomad", "AAAA"), ("nomad", "SOA"), ("nomad", "NS"), ("nothing.nomad", "TXT"),
                         ("many.default.nomad", "HTTPS"), ("example.com", "PTR"), ("many.default.nomad", "MX"),
                         ("default.nomad", "ANY")):
        server.ask(name, rdtype)
    server.raw(odd_messages.ODD["B4-status"].octets)
    server.raw(odd_messages.ODD["A2-an-answer"].octets)
    limit = time.monotonic() + 10
    while (totals := server.totals())["SOA"] < 3 and time.monotonic() < limit:
        pass
    assert totals["connections"] <= 1
    del totals["connections"]
    assert totals == {"A": 1, "AAAA": 1, "SRV": 1, "TXT": 1, "SOA": 3, "NS": 1, "PTR": 1, "ANY": 1, "HTTPS": 1, "other": 3,
                      "NOERROR": 10, "NXDOMAIN": 1, "REFUSED": 1, "NOTIMP": 1, "FORMERR": 0, "SERVFAIL": 0, "BADVERS": 0,
                      "truncated": 1, "dropped": 1, "limited": 0, "streams": 1}
