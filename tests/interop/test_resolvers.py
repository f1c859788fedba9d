"""The snippets in docs/dns.md, each with the program it is for: it resolves what we serve, as a client asks it."""

import contextlib
import pathlib
import re
import select
import socket
import subprocess

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.resolver
import pytest

from daemon import wait_until
from dnsserve import ALLOCATION, many

HERE = pathlib.Path(__file__).resolve().parent
DOCUMENT = HERE.parent.parent / "docs/dns.md"
OURS = 1053     # as in the snippets
RESOLVED_PORT = 5305


def snippet(program):
    """What docs/dns.md says for a program."""
    return re.search(rf"^```{program}\n(.*?)^```", DOCUMENT.read_text(), re.M | re.S)[1]


@pytest.fixture
def ours(serve):
    """Our server, on the port of the snippets."""
    return serve(listen=f"127.0.0.1:{OURS} [::1]:{OURS}", ttl="2s", negative_ttl="1s")


def ask(port, name, rdtype="A", tcp=False, **query):
    message = dns.message.make_query(name, rdtype, **query)
    return (dns.query.tcp if tcp else dns.query.udp)(message, "127.0.0.1", port=port, timeout=5)


@contextlib.contextmanager
def running(command, port, cwd):
    """A resolver that answers."""
    def answers():
        assert process.poll() is None, (cwd / "log").read_text()
        with contextlib.suppress(OSError, dns.exception.Timeout):
            return ask(port, "nomad", "SOA").rcode() == dns.rcode.NOERROR
        return False

    with open(cwd / "log", "w") as log, subprocess.Popen(command, stdout=log, stderr=log, cwd=cwd) as process:
        try:
            wait_until(answers, lambda: (cwd / "log").read_text(), within=30)
            yield process
        finally:
            process.terminate()


def unbound(folder):
    (folder / "unbound.conf").write_text(f"""
server:
    interface: 127.0.0.1@5301
    username: ""
    chroot: ""
    directory: "{folder}"
    pidfile: ""
    use-syslog: no
    logfile: ""
    auto-trust-anchor-file: ""
{snippet("unbound")}""")
    return ["unbound", "-d", "-c", str(folder / "unbound.conf")], 5301


def dnsmasq(folder):
    (folder / "dnsmasq.conf").write_text(
        "port=5302\nlisten-address=127.0.0.1\nno-resolv\nno-hosts\nstop-dns-rebind\nbind-interfaces\n" + snippet("dnsmasq"))
    return ["dnsmasq", "--keep-in-foreground", "--user=root", f"--conf-file={folder}/dnsmasq.conf", "--pid-file"], 5302


def named(folder):
    text = snippet("named").replace("options {", f"""options {{
    directory "{folder}";
    pid-file none;
    listen-on port 5303 {{ 127.0.0.1; }};
    listen-on-v6 {{ none; }};
    dnssec-validation auto;
    managed-keys-directory "{folder}";""")
    (folder / "named.conf").write_text("controls { };\n" + text)
    return ["named", "-g", "-c", str(folder / "named.conf")], 5303


def kresd(folder):
    (folder / "kresd.conf").write_text("net.listen('127.0.0.1', 5304)\ncache.size = 10 * MB\n" + snippet("kresd"))
    return ["kresd", "-c", str(folder / "kresd.conf"), "-n", str(folder)], 5304


def resolved(folder):
    """In a root's view of its own, without a message bus: it serves DNS all the same."""
    program = next((path for path in RESOLVED if path.exists()), None)
    if program is None:
        pytest.skip("there is no systemd-resolved here, and tests/unpack.sh could not get it")
    (folder / "nomad.conf").write_text(snippet("systemd-resolved"))
    command = ["unshare", "--mount", "sh", str(HERE / "resolved.sh"), str(program), str(folder), str(RESOLVED_PORT)]
    return command, RESOLVED_PORT


# As installed, where the machine uses it, or as unpacked.
RESOLVED = [pathlib.Path("/usr/lib/systemd/systemd-resolved"), HERE.parent.parent / "build/unpacked/systemd-resolved"]
RESOLVERS = {"unbound": unbound, "dnsmasq": dnsmasq, "named": named, "kresd": kresd, "resolved": resolved}


@pytest.fixture(params=RESOLVERS)
def resolver(request, ours, tmp_path):
    """The port of a resolver that forwards to us."""
    command, port = RESOLVERS[request.param](tmp_path)
    with running(command, port, tmp_path):
        yield port


def records(message):
    return {str(record) for rrset in message.answer for record in rrset}


def test_addresses(resolver):
    """A and AAAA, directly and under the alias."""
    for name in ("redis.default.nomad", "redis.nomad", "redis.default.service.nomad", "ReDis.default.nomad"):
        assert records(ask(resolver, name)) == {"192.0.2.1", "192.0.2.2"}
        assert records(ask(resolver, name, "AAAA")) == {"2001:db8::1"}


def test_services(resolver):
    """SRV, in every form, and every target resolves."""
    for name in ("redis.default.nomad", "_redis._tcp.default.nomad", "_any._tcp.redis.default.nomad"):
        message = ask(resolver, name, "SRV", use_edns=0)
        assert records(message) == {"10 10 6379 192-0-2-1.redis.default.nomad.", "10 10 6380 192-0-2-2.redis.default.nomad.",
                                    "10 10 6381 2001-db8--1.redis.default.nomad."}
    assert records(ask(resolver, "192-0-2-1.redis.default.nomad")) == {"192.0.2.1"}
    assert records(ask(resolver, "2001-db8--1.redis.default.nomad", "AAAA")) == {"2001:db8::1"}


def test_what_is_not_there(resolver):
    """NODATA and NXDOMAIN come through as what they are."""
    assert ask(resolver, "nothing.default.nomad").rcode() == dns.rcode.NXDOMAIN
    for name, rdtype in (("v4only.default.nomad", "AAAA"), ("v4only.default.nomad", "HTTPS"), ("default.nomad", "A"),
                         ("nomad", "A"), ("_tcp.redis.default.nomad", "A")):
        if resolver == RESOLVED_PORT and "." not in name:   # which it asks of nobody
            continue
        message = ask(resolver, name, rdtype)
        assert message.rcode() == dns.rcode.NOERROR and not message.answer, name


def test_the_apex(resolver):
    assert ask(resolver, "nomad", "SOA").answer
    assert records(ask(resolver, "nomad", "NS")) == {"ns.nomad."}


def test_large_answers(resolver, ours):
    """A cut answer makes the resolver ask over TCP; over TCP the client gets all of it."""
    ours.load(many(300))
    assert len(records(ask(resolver, "many.default.nomad", "SRV", tcp=True))) == 300


def test_a_change_is_seen_within_two_ttls(resolver, ours):
    assert records(ask(resolver, "v4only.default.nomad")) == {"192.0.2.4"}
    ours.command(f"put default v4only {ALLOCATION.format(1)} 192.0.2.44 80 -")
    wait_until(lambda: records(ask(resolver, "v4only.default.nomad")) == {"192.0.2.44"}, within=4)


def test_names_deep_below_and_minimised_questions(resolver):
    """What a resolver that asks label by label meets on its way is never NXDOMAIN (RFC 8020, RFC 9156)."""
    assert records(ask(resolver, "_x._tcp.redis.default.service.nomad", "SRV"))
    assert records(ask(resolver, "aaaaaaaa.redis.default.nomad")) == {"192.0.2.1"}


def test_container(ours):
    """The snippet's settings are ours: a server that is also asked at a bridge's address."""
    subprocess.run(["ip", "address", "add", "172.17.0.1/32", "dev", "lo"], check=True)
    settings = dict(line.split(" = ") for line in snippet("container").splitlines()[1:])
    assert settings["listen"].split() == [f"127.0.0.1:{OURS}", "172.17.0.1:53"]
    from dnsserve import Serve
    server = Serve(listen="172.17.0.1:53", allow=settings["allow"])
    try:
        assert records(server.ask("redis.default.nomad", source="172.17.0.1")) == {"192.0.2.1", "192.0.2.2"}
        assert server.ask("example.com").rcode() == dns.rcode.REFUSED
    finally:
        server.close()


# Clients.

SERVICES = {("6379", "192-0-2-1.redis.default.nomad."), ("6380", "192-0-2-2.redis.default.nomad."),
            ("6381", "2001-db8--1.redis.default.nomad.")}


@pytest.mark.parametrize("words", [(), ("tcp",)])
@pytest.mark.parametrize("program", ["dig", "kdig", "drill"])
def test_programs_that_ask(ours, program, words):
    """Each makes the same of an answer: ports with their targets, addresses, and what is not there."""
    ask = getattr(ours, program)
    words = ["-t"] if words and program == "drill" else [f"+{word}" for word in words]

    def sections(name, rdtype):
        return ask(*words, name, rdtype) if program != "drill" else ask(name, rdtype, *words)

    def data(rdtype, name="redis.default.nomad"):
        return re.findall(rf"^{name}\.\s+\d+\s+IN\s+{rdtype}\s+(.+)$", sections(name, rdtype), re.M)

    assert {tuple(row.split()[2:]) for row in data("SRV")} == SERVICES
    assert set(data("A")) == {"192.0.2.1", "192.0.2.2"}
    assert data("AAAA") == ["2001:db8::1"]
    assert data("A", "2001-db8--1.redis.default.nomad") == []
    assert "NXDOMAIN" in sections("nothing.default.nomad", "A")


@pytest.mark.parametrize("tcp", [False, True])
def test_dnspython(ours, tcp):
    """As programs use it: a resolver that has us for its server."""
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], OURS
    found = resolver.resolve("redis.default.nomad", "SRV", tcp=tcp)
    assert {(str(one.port), str(one.target)) for one in found} == SERVICES
    assert {one.address for one in resolver.resolve("redis.default.nomad", "A", tcp=tcp)} == {"192.0.2.1", "192.0.2.2"}
    with pytest.raises(dns.resolver.NoAnswer):
        resolver.resolve("v4only.default.nomad", "AAAA", tcp=tcp)
    with pytest.raises(dns.resolver.NXDOMAIN):
        resolver.resolve("nothing.default.nomad", "A", tcp=tcp)


def test_adig(ours):
    """c-ares, by pycares: SRV and addresses, over its own sockets."""
    import pycares
    found = {}
    channel = pycares.Channel(servers=["127.0.0.1"], udp_port=OURS, tcp_port=OURS, timeout=5)
    for rdtype in ("SRV", "A", "AAAA"):
        channel.query("redis.default.nomad", getattr(pycares, f"QUERY_TYPE_{rdtype}"),
                      lambda result, error, rdtype=rdtype: found.update({rdtype: result}))
    while len(found) < 3 and (waiting := channel.timeout()) is not None:
        readable, writable = channel.getsock()
        readable, writable, _ = select.select(readable, writable, [], waiting)
        channel.process_fd(readable[0] if readable else pycares.ARES_SOCKET_BAD,
                           writable[0] if writable else pycares.ARES_SOCKET_BAD)
    assert {(one.host, one.port, one.weight) for one in found["SRV"]} == {
        ("192-0-2-1.redis.default.nomad", 6379, 10), ("192-0-2-2.redis.default.nomad", 6380, 10),
        ("2001-db8--1.redis.default.nomad", 6381, 10)}
    assert {one.host for one in found["A"]} == {"192.0.2.1", "192.0.2.2"}
    assert {one.host for one in found["AAAA"]} == {"2001:db8::1"}


class HaProxy:
    """HAProxy with the snippet's backend, and a look at its servers."""

    def __init__(self, folder):
        self.path = folder / "haproxy.sock"
        text = snippet("haproxy").replace("init-addr none check", "init-addr none")
        (folder / "haproxy.cfg").write_text(f"""
global
    stats socket {self.path} level admin
defaults
    mode http
    timeout connect 1s
    timeout client 1s
    timeout server 1s
{text}
frontend front
    bind 127.0.0.1:5380
    default_backend web
""")
        self.process = subprocess.Popen(["haproxy", "-db", "-f", str(folder / "haproxy.cfg")], cwd=folder)

    def servers(self):
        """The (address, port) pairs of servers that it has."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(self.path))
            sock.sendall(b"show servers state web\n")
            octets = b""
            while more := sock.recv(65536):
                octets += more
        rows = [line.split() for line in octets.decode().splitlines()[2:] if line]
        return {(row[4], int(row[18])) for row in rows if row[4] != "-"}

    def wait_for(self, wanted, seconds):
        def there():
            with contextlib.suppress(OSError):
                return self.servers() == wanted
            return False

        wait_until(there, lambda: self.servers(), within=seconds)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)


def test_haproxy(serve, tmp_path):
    """A server-template comes up with the right ports, and follows a change."""
    server = serve("".join(f"default web {ALLOCATION.format(i)} 127.0.1.{i} {8000 + i} -\n" for i in (1, 2, 3)),
                   listen=f"127.0.0.1:{OURS}", ttl="2s", negative_ttl="1s")
    proxy = HaProxy(tmp_path)
    try:
        proxy.wait_for({("127.0.1.1", 8001), ("127.0.1.2", 8002), ("127.0.1.3", 8003)}, 20)
        server.load("".join(f"default web {ALLOCATION.format(i)} 127.0.1.{i} {8000 + i} -\n" for i in (1, 2, 3, 4, 5)))
        proxy.wait_for({(f"127.0.1.{i}", 8000 + i) for i in range(1, 6)}, 4)    # two TTLs
    finally:
        proxy.stop()
