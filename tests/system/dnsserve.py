"""The DNS side of the daemon with a catalogue by hand (tests/tools/dns-serve), and asking it."""

import contextlib
import pathlib
import select
import socket
import struct
import subprocess
import tempfile

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rdatatype
import pytest

import build
import confine

HERE = "198.51.100.1"       # in the tests' own network; neither loopback nor private
ALLOCATION = "{:08x}-1111-2222-3333-444444444444"

# NAMESPACE SERVICE ALLOCATION ADDRESSES PORT TAGS
CATALOGUE = """\
default redis aaaaaaaa-1111-2222-3333-444444444444 192.0.2.1 6379 primary,v1
default redis bbbbbbbb-1111-2222-3333-444444444444 192.0.2.2 6380 replica,v1
default redis cccccccc-1111-2222-3333-444444444444 2001:db8::1 6381 replica
default v4only dddddddd-1111-2222-3333-444444444444 192.0.2.4 80 -
default two eeeeeeee-1111-2222-3333-444444444444 192.0.2.5 80 -
default two eeeeeeee-1111-2222-3333-444444444444 192.0.2.5 443 -
default two ffffffff-1111-2222-3333-444444444444 192.0.2.5 8080 -
default db 99999999-1111-2222-3333-444444444444 db.example.com,192.0.2.7 5432 -
default portless 88888888-1111-2222-3333-444444444444 192.0.2.8 0 -
default mapped 66666666-1111-2222-3333-444444444444 ::ffff:192.0.2.9 80 -
prod web 77777777-1111-2222-3333-444444444444 198.51.100.7 80 -
"""


class Serve:
    """A server on ports of its own; `addresses` are its (address, port) pairs."""

    def __init__(self, catalogue=CATALOGUE, state="current 1", listen="127.0.0.1:0 [::1]:0", prefix=(), pass_fds=(), **settings):
        words = [f"listen={listen}", *(f"{key.replace('_', '-')}={value}" for key, value in settings.items())]
        self.folder = tempfile.TemporaryDirectory(prefix="nss-nomad-tests-")
        program = str(build.folder() / "tests/tools/dns-serve")
        command = confine.alone(pathlib.Path(self.folder.name), program) if confine.CONFINED else [program]
        self.process = subprocess.Popen(
            [*prefix, *command, *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, pass_fds=pass_fds)
        self.addresses = []
        for line in self.said():
            address, port = line.removeprefix("listening ").rsplit(":", 1)
            self.addresses.append((address.strip("[]"), int(port)))
        if catalogue is not None:
            self.load(catalogue)
        if state is not None:
            self.command(f"state {state}")

    def said(self):
        """The lines up to "ok"."""
        lines = []
        while (line := self.process.stdout.readline().rstrip("\n")) != "ok":
            if not line:
                raise RuntimeError(f"dns-serve ended: {self.process.stderr.read()}")
            lines.append(line)
        return lines

    def command(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.said()

    def load(self, catalogue):
        path = pathlib.Path(self.folder.name) / "catalogue"
        path.write_text(catalogue)
        self.command(f"load {path}")

    def totals(self):
        words = self.command("totals")[0].split()
        return dict(zip(words[::2], map(int, words[1::2])))

    @property
    def address(self):
        return self.addresses[0]

    def raw(self, octets, timeout=5, source=None, to=None):
        """Sends octets over UDP; what comes back, None where nothing does until an answer to a later question."""
        address = to or self.address
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            if source:
                sock.bind(source)
            sock.settimeout(timeout)
            sock.connect(address)
            sock.send(octets)
            sock.send(PROBE)
            first = sock.recv(65535)
            if first[:2] == PROBE[:2]:
                return None
            assert sock.recv(65535)[:2] == PROBE[:2]
            return first

    def ask(self, name, rdtype="A", tcp=False, to=None, source=None, timeout=10, **query):
        """Asks with dnspython, which is strict about what it reads; without EDNS unless `use_edns` says so."""
        message = dns.message.make_query(name, rdtype, **query)
        address, port = to or self.address
        one = dns.query.tcp if tcp else dns.query.udp
        return one(message, address, port=port, timeout=timeout, source=source)

    def tool(self, *command):
        """What dig, kdig or drill print."""
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout

    def dig(self, *words):
        return self.tool("dig", f"@{self.address[0]}", "-p", str(self.address[1]), "+tries=1", "+timeout=10", *words)

    def kdig(self, *words):
        return self.tool("kdig", f"@{self.address[0]}", "-p", str(self.address[1]), "+retry=0", "+timeout=10", *words)

    def drill(self, *words):
        return self.tool("drill", "-p", str(self.address[1]), *words[:1], f"@{self.address[0]}", *words[1:])

    def stream(self, to=None):
        return Stream(to or self.address)

    def close(self):
        if self.process.returncode is not None:     # closed already
            return
        self.process.stdin.close()
        code = self.process.wait(timeout=30)
        errors = self.process.stderr.read()
        self.process.stdout.close()
        self.process.stderr.close()
        self.folder.cleanup()
        assert code == 0, errors


# A question whose answer shows that what was asked before it on the same socket is done with: sockets keep the order,
# and one worker serves a socket.
PROBE = dns.message.make_query("nomad", "SOA", id=0xbeef).to_wire()


class Stream:
    """A TCP connection, by hand; if `narrow`, the kernels at both ends take next to nothing that the client does not read."""

    def __init__(self, address, narrow=False, source=None):
        self.socket = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        if source:
            self.socket.bind((source, 0))
        self.socket.settimeout(10)
        if narrow:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)     # by which the other end's buffer is sized
        self.socket.connect(address)

    def send(self, octets):
        self.socket.sendall(octets)

    def send_message(self, octets):
        self.send(struct.pack("!H", len(octets)) + octets)

    def read(self, size):
        octets = b""
        while len(octets) < size:
            more = self.socket.recv(size - len(octets))
            if not more:
                raise EOFError(octets)
            octets += more
        return octets

    def receive(self):
        return self.read(struct.unpack("!H", self.read(2))[0])

    def ended(self, timeout=30):
        """Whether the server closes, or resets."""
        self.socket.settimeout(timeout)
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionError:
            pass
        return True

    def readable(self, timeout):
        return bool(select.select([self.socket], [], [], timeout)[0])

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


@pytest.fixture(scope="session")
def built():
    """The program itself."""
    build.make("tools")


@pytest.fixture
def serve(built, network):
    """Starts servers: serve(catalogue, state="stale 7", ttl="5s")."""
    with contextlib.ExitStack() as stack:
        def start(*arguments, **settings):
            one = Serve(*arguments, **settings)
            stack.callback(one.close)
            return one
        yield start


@pytest.fixture
def far(serve):
    """Starts servers that are asked from a public address: far(cookies="no")."""
    return lambda **settings: serve(listen=f"{HERE}:0", allow="0.0.0.0/0", **settings)


@pytest.fixture
def private():
    """Addresses of ours that are private: each of their kinds."""
    addresses = ["10.9.0.1", "172.31.0.1", "192.168.9.1", "169.254.9.1", "100.127.0.1", "fd00:9::1"]
    for address in addresses:
        subprocess.run(["ip", "address", "add", address, "dev", "lo", *(["nodad"] if ":" in address else [])], check=True)
    yield addresses
    for address in addresses:
        subprocess.run(["ip", "address", "delete", f"{address}/{128 if ':' in address else 32}", "dev", "lo"], check=True)


def cookie(message):
    found = [option.data for option in message.options if option.otype == 10]
    return found[0] if found else None


def with_cookie(data):
    return {"use_edns": 0, "options": [dns.edns.GenericOption(10, data)]}


def names(section):
    """A section as a set of lines "name type data"."""
    return {f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)} {record}" for rrset in section for record in rrset}


def records(section):
    """How many records there are."""
    return sum(len(rrset) for rrset in section)


def flags(message):
    return dns.flags.to_text(message.flags)


def many(count, service="many", namespace="default"):
    """A catalogue of one service with so many instances."""
    return "".join(f"{namespace} {service} {ALLOCATION.format(i)} 10.{i >> 16}.{i >> 8 & 255}.{i & 255} {1 + i % 65000} -\n"
                   for i in range(count))
