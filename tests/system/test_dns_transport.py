"""Datagrams and streams: section A of the checklist."""

import ctypes
import os
import random
import resource
import socket
import struct
import subprocess
import time

import dns.edns
import dns.message
import pytest

import odd_messages
from daemon import wait_until
from dnsserve import PROBE, Stream, built, many, records, serve  # noqa: F401

IP_MTU_DISCOVER, IP_PMTUDISC_OMIT = 10, 5
IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT = 23, 5
PIDFD_GETFD = 438
QUERY = odd_messages.query()


def test_both_families_and_both_ways(serve):  # noqa: F811
    """A7: UDP and TCP on the same port, of IPv4 and IPv6."""
    server = serve()
    assert len(server.addresses) == 2
    for address in server.addresses:
        for tcp in (False, True):
            assert server.ask("redis.default.nomad", tcp=tcp, to=address).answer


@pytest.mark.root
def test_source_port_0(serve):  # noqa: F811
    """A3: nobody can be answered there; the message is dropped, and counted."""
    server = serve()
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as sock:
        sock.sendto(struct.pack("!4H", 0, server.address[1], 8 + len(QUERY), 0) + QUERY, ("127.0.0.1", 0))
    assert server.ask("redis.default.nomad").answer
    limit = time.monotonic() + 10
    while server.totals()["dropped"] == 0 and time.monotonic() < limit:
        pass        # another worker may have it
    assert server.totals()["dropped"] == 1


@pytest.mark.root
@pytest.mark.parametrize("listen, addresses", [
    ("0.0.0.0:0", ["127.0.0.1", "127.0.0.77", "198.51.100.1"]),
    ("[::]:0", ["::1", "2001:db8:ffff::1"]),
])
def test_answers_come_from_the_address_that_was_asked(serve, listen, addresses):  # noqa: F811
    """A4: with a wildcard listener too; a connected socket takes no other's."""
    server = serve(listen=listen, allow="0.0.0.0/0 ::/0")
    port = server.address[1]
    for address in addresses:
        for tcp in (False, True):
            assert server.ask("redis.default.nomad", to=(address, port), tcp=tcp).answer
            rdtype = "AAAA" if ":" in address else "A"
            answer = server.ask("ns.nomad", rdtype, to=(address, port), tcp=tcp).answer
            assert [str(record) for record in answer[0]] == [address]   # D6: where we can be reached


@pytest.mark.root
def test_socket_options(serve):  # noqa: F811
    """A5, A6: no path MTU discovery; at least 1 MiB of room for what comes in."""
    server = serve()
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(server.process.pid)
    looked_at = 0
    for number in os.listdir(f"/proc/{server.process.pid}/fd"):
        descriptor = libc.syscall(PIDFD_GETFD, pidfd, int(number), 0)
        if descriptor < 0 or not os.readlink(f"/proc/self/fd/{descriptor}").startswith("socket:"):
            if descriptor >= 0:
                os.close(descriptor)
            continue
        with socket.socket(fileno=descriptor) as sock:
            if sock.type != socket.SOCK_DGRAM or sock.family not in (socket.AF_INET, socket.AF_INET6):
                continue
            v4 = sock.family == socket.AF_INET
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= 1 << 20
            assert sock.getsockopt(socket.IPPROTO_IP if v4 else socket.IPPROTO_IPV6,
                                   IP_MTU_DISCOVER if v4 else IPV6_MTU_DISCOVER) == IP_PMTUDISC_OMIT
            looked_at += 1
    os.close(pidfd)
    assert looked_at == 2 * len(os.sched_getaffinity(0))


# TCP.

def test_split_anywhere(serve):  # noqa: F811
    """A8: length and message cut at every place."""
    server = serve()
    whole = struct.pack("!H", len(QUERY)) + QUERY
    with server.stream() as stream:
        for cut in range(1, len(whole)):
            stream.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            stream.send(whole[:cut])
            assert not stream.readable(0)
            stream.send(whole[cut:])
            assert dns.message.from_wire(stream.receive()).answer


def test_octet_by_octet(serve):  # noqa: F811
    """A8: a slow sender."""
    server = serve()
    with server.stream() as stream:
        stream.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in struct.pack("!H", len(QUERY)) + QUERY:
            stream.send(bytes([octet]))
        assert dns.message.from_wire(stream.receive()).answer


@pytest.mark.parametrize("tail", [0, 1, 2, 20])
def test_many_in_one_segment(serve, tail):  # noqa: F811
    """A8, A9: pipelined questions are all answered, in order, and what is begun after them is kept."""
    server = serve()
    whole = b"".join(struct.pack("!H", len(QUERY)) + struct.pack("!H", i) + QUERY[2:] for i in range(500))
    last = struct.pack("!H", len(PROBE)) + PROBE
    with server.stream() as stream:
        stream.send(whole + last[:tail])
        for i in range(500):
            assert stream.receive()[:2] == struct.pack("!H", i)
        stream.send(last[tail:])
        assert stream.receive()[:2] == PROBE[:2]


def test_length_and_message_in_one_segment(serve):  # noqa: F811
    """A8: clients that read the length alone first, and take what they get for all (RFC 7766 section 8)."""
    server = serve()
    with server.stream() as stream:
        stream.send_message(QUERY)
        octets = stream.socket.recv(65536)
        assert struct.unpack("!H", octets[:2])[0] == len(octets) - 2


@pytest.mark.parametrize("length", [0, 1, 11, 4097, 65535])
def test_bad_lengths(serve, length):  # noqa: F811
    """A11: shorter than a header, or longer than a question can be: the connection ends."""
    server = serve()
    with server.stream() as stream:
        stream.send(struct.pack("!H", len(QUERY)) + QUERY + struct.pack("!H", length))
        assert dns.message.from_wire(stream.receive()).answer
        assert stream.ended()


def test_longest_question(serve):  # noqa: F811
    octets = odd_messages.with_opt(odd_messages.opt(odd_messages.option(12, b"\0" * (4096 - len(QUERY) - 15))))
    assert len(octets) == 4096
    with serve().stream() as stream:
        stream.send_message(octets)
        assert dns.message.from_wire(stream.receive()).answer


def test_idle_connections_end(serve):  # noqa: F811
    """A10: after tcp-idle without a whole question; octets alone do not keep it open."""
    server = serve(tcp_idle="1s")
    begun = time.monotonic()
    with server.stream() as idle, server.stream() as slow:
        slow.send(b"\0")
        assert idle.ended() and slow.ended()
        assert time.monotonic() - begun >= 0.9
    assert server.totals()["connections"] == 0


def test_busy_connections_stay(serve):  # noqa: F811
    """A10: a question within the idle time keeps it open, and others' end does not end it."""
    server = serve(tcp_idle="1s")
    with server.stream() as busy, server.stream() as idle:
        while not idle.readable(0.1):
            busy.send_message(QUERY)
            assert busy.receive()
        busy.send_message(QUERY)
        assert busy.receive()


def test_too_many_connections(serve):  # noqa: F811
    """A10: a new one takes the place of the one that has been idle longest; nobody has to wait."""
    server = serve(tcp_connections="20")
    streams = [server.stream() for _ in range(20)]
    streams[0].send_message(QUERY)
    assert streams[0].receive()
    extra = [server.stream() for _ in range(5)]
    for stream in extra:
        stream.send_message(QUERY)
        assert stream.receive()
    for stream in streams[1:6]:
        assert stream.ended()
    for stream in (streams[0], *streams[6:]):
        stream.send_message(QUERY)
        assert stream.receive()
    assert server.totals()["connections"] == 20
    for stream in streams + extra:
        stream.close()


@pytest.mark.root
@pytest.mark.parametrize("most", [1, 3])
def test_few_connections_are_not_none(serve, most):  # noqa: F811
    """D: a client that is no loopback has a quarter of the connections, but one at least."""
    server = serve(listen="198.51.100.1:0", allow="198.51.100.0/24", tcp_connections=str(most))
    assert server.ask("redis.default.nomad", tcp=True).answer


@pytest.mark.root
def test_too_many_connections_of_one_client(serve):  # noqa: F811
    """A10: a client has a quarter of them; loopback is trusted with all."""
    server = serve(listen="198.51.100.1:0", allow="198.51.100.0/24", tcp_connections="20")
    streams = [server.stream() for _ in range(5)]
    for stream in streams:
        stream.send_message(QUERY)
        assert stream.receive()
    with server.stream() as more:
        assert more.ended()
    streams.pop().close()
    limit = time.monotonic() + 10
    while server.totals()["connections"] > len(streams) and time.monotonic() < limit:
        pass
    with server.stream() as more:
        more.send_message(QUERY)
        assert more.receive()
    for stream in streams:
        stream.close()


@pytest.fixture
def many_addresses():
    """All of 10.98.0.0/16 is this network's own for a while."""
    change = ["ip", "address", "{}", "10.98.0.1/16", "dev", "lo"]
    subprocess.run([word.format("add") for word in change], check=True)
    yield [f"10.98.{number >> 8}.{number & 255}" for number in range(1, 1 << 16)]
    subprocess.run([word.format("delete") for word in change], check=True)


def computed_place(address):
    """Where a client was counted by a hash that anybody can compute."""
    octets = socket.inet_aton(address) + bytes(4)
    return (int.from_bytes(octets, "little") * 0x9e3779b97f4a7c15 % (1 << 64)) >> 52


@pytest.mark.root
def test_no_address_is_another_clients(serve, many_addresses):  # noqa: F811
    """D: whoever has many addresses finds none that is counted in the place of a given one, and so cannot lock that one out."""
    victim, *others = many_addresses
    attackers = [one for one in others if computed_place(one) == computed_place(victim)][:2]
    assert attackers
    server = serve(listen="198.51.100.1:0", allow="10.0.0.0/8", tcp_connections="20")
    streams = [Stream(server.address, source=one) for one in attackers for _ in range(5)]
    with Stream(server.address, source=victim) as stream:
        stream.send_message(QUERY)
        assert stream.receive()
    for stream in streams:
        stream.close()


def raise_files(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        pytest.skip("too few descriptors are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))


def resident(server):
    """Kilobytes."""
    with open(f"/proc/{server.process.pid}/status") as status:
        return int(next(line for line in status if line.startswith("VmRSS")).split()[1])


@pytest.mark.plain
def test_10000_idle_connections(serve):  # noqa: F811
    """They are held, cost little, and take no answer from anybody else."""
    raise_files(11000)
    server = serve(tcp_idle="300s")
    before = resident(server)
    streams = [server.stream() for _ in range(10000)]
    for stream in streams[::100]:
        stream.send(b"\0")
    assert server.ask("redis.default.nomad").answer
    assert server.ask("redis.default.nomad", tcp=True).answer
    assert server.totals()["connections"] >= 9999
    assert resident(server) - before < 16 << 10
    streams[-1].send_message(QUERY)
    assert streams[-1].receive()
    for stream in streams:
        stream.close()


def test_a_client_that_does_not_read(serve):  # noqa: F811
    """It is not read from either while it owes us reading: memory stays bounded, and others get their answers."""
    server = serve(many(1000))
    octets = dns.message.make_query("many.default.nomad", "SRV").to_wire()
    message = struct.pack("!H", len(octets)) + octets
    stream = Stream(server.address)
    stream.socket.setblocking(False)
    sent = b""
    try:
        for _ in range(100000):
            if not sent:
                sent = message * 100
            sent = sent[stream.socket.send(sent):]
    except BlockingIOError:
        pass
    else:
        raise AssertionError("everything was taken")
    for _ in range(10):
        assert server.ask("v4only.default.nomad", "A", tcp=True)
    if not os.environ.get("SAN"):
        assert resident(server) < 32 << 10
    stream.socket.setblocking(True)
    for _ in range(100):
        whole = stream.receive()
    assert records(dns.message.from_wire(whole).answer) == 1000
    stream.close()


@pytest.mark.root
def test_who_does_not_read_leaves_room_for_others(serve):  # noqa: F811
    """D: of the octets that wait for slow clients, one client has a quarter at most, on however many connections."""
    raise_files(5000)
    server = serve(many(1000), listen="198.51.100.1:0 127.0.0.1:0", allow="198.51.100.0/24 127.0.0.1", tcp_connections="4000")
    octets = dns.message.make_query("many.default.nomad", "SRV").to_wire()
    twice = 2 * (struct.pack("!H", len(octets)) + octets)
    hogs = [Stream(server.address, narrow=True) for _ in range(900)]     # for each 100 KB wait: more than there is room for
    for hog in hogs:
        hog.send(twice)
    wait_until(lambda: server.totals()["streams"] == 2 * len(hogs))
    if not os.environ.get("SAN"):
        assert resident(server) < 48 << 10
    with Stream(server.addresses[1], narrow=True) as slow:
        slow.send(twice)
        wait_until(lambda: server.totals()["streams"] == 2 * len(hogs) + 2)
        for _ in range(2):
            assert records(dns.message.from_wire(slow.receive()).answer) == 1000
    for hog in hogs:
        hog.close()


def test_clients_that_never_end(serve):  # noqa: F811
    """Half questions, closed or reset in the middle, by the hundred: nothing is left of them."""
    server = serve()
    for i in range(300):
        stream = server.stream()
        stream.send(struct.pack("!H", len(QUERY)) + QUERY[:random.randrange(len(QUERY))])
        if i % 2:
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.close()
    assert server.ask("redis.default.nomad", tcp=True).answer
    limit = time.monotonic() + 10
    while server.totals()["connections"] > 1 and time.monotonic() < limit:
        pass
    assert server.totals()["connections"] <= 1


def test_half_closed(serve):  # noqa: F811
    """A client that has asked all it wants and says so still gets its answers."""
    with serve().stream() as stream:
        for _ in range(10):
            stream.send_message(QUERY)
        stream.socket.shutdown(socket.SHUT_WR)
        for _ in range(10):
            assert dns.message.from_wire(stream.receive()).answer
        assert stream.ended()


def test_keepalive(serve):  # noqa: F811
    """A14, RFC 7828: the idle time, in units of 100 ms, for who asks over TCP; over UDP nothing."""
    server = serve(tcp_idle="7s")
    option = dns.edns.GenericOption(11, b"")
    asked = server.ask("redis.default.nomad", tcp=True, use_edns=0, options=[option])
    assert [(one.otype, one.data) for one in asked.options] == [(11, struct.pack("!H", 70))]
    assert server.ask("redis.default.nomad", tcp=True, use_edns=0).options == ()
    assert server.ask("redis.default.nomad", use_edns=0, options=[option]).options == ()
    odd = dns.edns.GenericOption(11, b"\0\1")
    assert server.ask("redis.default.nomad", tcp=True, use_edns=0, options=[odd]).rcode() == odd_messages.FORMERR
    assert server.ask("redis.default.nomad", use_edns=0, options=[odd]).answer


def test_kdig_keeps_its_connection(serve):  # noqa: F811
    server = serve()
    out = server.kdig("+tcp", "+keepopen", "redis.default.nomad", "SRV", "v4only.default.nomad", "A")
    assert out.count("status: NOERROR") == 2
