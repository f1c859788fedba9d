"""Where questions are taken: addresses that are configured, and sockets that systemd passes."""

import fcntl
import os
import socket

import pytest

from dnsserve import built, names, serve  # noqa: F401


def test_a_port_that_is_taken(serve):  # noqa: F811
    """Two servers on one port would share the questions unnoticed; the second one says what is wrong."""
    server = serve()
    with pytest.raises(RuntimeError, match=f"cannot listen on 127.0.0.1:{server.address[1]}: .*another program listens there"):
        serve(listen=f"127.0.0.1:{server.address[1]}")


@pytest.mark.parametrize("listen", ["127.0.0.1", "127.0.0.1:", ":53", "::1:53", "[::1]", "localhost:53", "127.0.0.1:65536"])
def test_listeners_that_are_none(serve, listen):  # noqa: F811
    with pytest.raises(RuntimeError, match="listen.*ADDRESS:PORT"):
        serve(listen=listen)


@pytest.mark.root
def test_no_listener_of_several(serve):  # noqa: F811
    """[::1] is left out where there is no IPv6, but not the last one: who wants DNS must not go without it unnoticed."""
    without = 'ip link set lo up && ip address del ::1/128 dev lo && exec "$@"'
    prefix = ["unshare", "--net", "sh", "-c", without, "sh"]
    with pytest.raises(RuntimeError, match=r"cannot listen on \[::1\]"):
        serve(prefix=prefix, listen="[::1]:0 [::1]:0")
    assert len(serve(prefix=prefix, listen="[::1]:0 127.0.0.1:0").addresses) == 1


# Sockets from systemd.

@pytest.fixture
def passed(serve):  # noqa: F811
    """A server that was handed sockets as systemd does: descriptors from 3 on, how many, and for whom."""
    def start(*sockets):
        numbers = [fcntl.fcntl(one, fcntl.F_DUPFD, 20) for one in sockets]      # free ones, and none that it is to have
        moves = " ".join(f"{3 + i}<&{number}" for i, number in enumerate(numbers))
        script = f'exec {moves}; LISTEN_FDS={len(sockets)} LISTEN_PID=$$ exec "$@"'
        try:
            return serve(prefix=["bash", "-c", script, "bash"], pass_fds=numbers)
        finally:
            for number in numbers:
                os.close(number)
    return start


def test_sockets_from_systemd(passed):
    """They are taken instead of `listen`; a datagram socket is shared by all workers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, socket.socket() as streams:
        streams.bind(("127.0.0.1", 0))
        streams.listen()
        address = streams.getsockname()
        datagrams.bind(address)
        server = passed(datagrams, streams)
    assert server.addresses == [address, address]
    for tcp in (False, True):
        for _ in range(20):
            assert names(server.ask("v4only.default.nomad", tcp=tcp).answer) == {"v4only.default.nomad. A 192.0.2.4"}


@pytest.mark.root
def test_a_socket_from_systemd_for_both_families(passed):
    """A4, D6: as ListenDatagram=1053 makes it: who asks by IPv4 is answered by IPv4, and told that address."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as datagrams, socket.socket(socket.AF_INET6) as streams:
        for one in (datagrams, streams):
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        streams.bind(("::", 0))
        streams.listen()
        port = streams.getsockname()[1]
        datagrams.bind(("::", port))
        server = passed(datagrams, streams)
    for address, rdtype, other in (("127.0.0.1", "A", "AAAA"), ("::1", "AAAA", "A")):
        for tcp in (False, True):
            answer = server.ask("ns.nomad", rdtype, to=(address, port), tcp=tcp).answer
            assert [str(record) for record in answer[0]] == [address]
            assert not server.ask("ns.nomad", other, to=(address, port), tcp=tcp).answer


def test_a_socket_from_systemd_that_is_none_of_ours(passed):
    with socket.socket(socket.AF_UNIX) as wrong, pytest.raises(RuntimeError, match="ListenDatagram= and ListenStream="):
        passed(wrong)
