"""nomad-dns-srv in a host of its own, and what it published, read by a decoder that shares no code with it."""

import contextlib
import ipaddress
import json
import os
import pathlib
import re
import signal
import struct
import time

import pytest

import confine

PROGRAM = "/usr/sbin/nomad-dns-srv"
FOLDER = "/run/nomad-dns-srv"
LOG = "/tmp/nomad-dns-srv.log"
MAGIC, UNKNOWN, FOUND = 0x6e6d6472, 0, 1
LABEL = re.compile(r"[A-Za-z0-9-][A-Za-z0-9_-]{0,62}")


def wait_until(true, what="it", within=20):
    """Waits until true() is; what it gave. No test depends on how long that takes."""
    limit = time.monotonic() + within
    while not (value := true()):
        assert time.monotonic() < limit, f"not within {within} s: {what() if callable(what) else what}"
        time.sleep(0.005)
    return value


def wait_until_all_is_asked(agent):
    """Waits until a daemon that has just begun to follow has made its last request but the checks: the first one for the
    namespaces comes before the stream, the second one waits for a new one; and the nearest server is asked for its index."""
    wait_until(lambda: agent.counters()["requests"].get("/v1/namespaces") == 2
               and agent.counters()["requests"].get("/v1/service/-"))


class Reader:
    """Bytes of a record, in network order."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self, size):
        self.at += size
        return int.from_bytes(self.take(size, self.at - size), "big")

    def take(self, size, at):
        assert at + size <= len(self.data), "the record is cut short"
        return self.data[at:at + size]

    def text(self):
        size = self.number(2)
        self.at += size
        return self.take(size, self.at - size)[:-1].decode() if size else None

    def label(self):
        size = self.number(1)
        self.at += size
        return self.take(size, self.at - size).decode()

    def address(self):
        size = {4: 4, 6: 16}[self.number(1)]
        self.at += size
        return str(ipaddress.ip_address(self.take(size, self.at - size)))


def decode(data):
    """The key of a record, and its instances as (namespace, service, id, addresses, port, tags): none where nobody can tell."""
    magic, version, verdict, flags, head, total = struct.unpack_from(">IHBBII", data)
    assert (magic, version, flags & 1, total) == (MAGIC, 2, 1, len(data)), "no whole record"
    assert verdict in (UNKNOWN, FOUND)
    reader = Reader(data)
    reader.at = 16 + 8 + 8 + 8 + 8 + 4 + 4
    key = reader.label(), reader.label()
    reader.at = head
    reader.number(4), reader.number(4), reader.number(4)
    spellings = [(reader.text(), reader.text(), reader.number(4)) for _ in range(
        int.from_bytes(data[head_fields_end(data):][:4], "big"))]
    return key, frozenset(
        (namespace, service, *instance(reader)) for namespace, service, count in spellings for _ in range(count))


def head_fields_end(data):
    """Where the number of spellings stands."""
    at = 16 + 8 + 8 + 8 + 8 + 4 + 4
    at += 1 + data[at]
    return at + 1 + data[at]


def instance(reader):
    id, *_ = [reader.text() for _ in range(5)]
    host, port, _, addresses, tags = (
        reader.text(), reader.number(2), reader.number(1), reader.number(4), reader.number(4))
    found = tuple(reader.address() for _ in range(addresses))
    return id, (host,) if host else found, port, tuple(reader.text() for _ in range(tags))


def truth(agent, namespaces=None):
    """What the agent has, in the form of Daemon.published()."""
    services = {}
    for (namespace, name), instances in agent.services().items():
        if not (LABEL.fullmatch(namespace) and LABEL.fullmatch(name)) or namespace == "service":
            continue
        if namespaces is None or namespace in namespaces:
            services.setdefault((namespace.lower(), name.lower()), set()).update(
                (namespace, name, each["ID"], (each["Address"],), each["Port"], tuple(each["Tags"] or ()))
                for each in instances)
    return {key: frozenset(value) for key, value in services.items()}


class Daemon:
    """Started with start(); it is ended with the fixture."""

    def __init__(self, host, check=300):
        self.host, self.check, self.process = host, check, None
        self.options = ["--listen", ""]
        self.folder = host.path(FOLDER)

    def start(self, *options):
        """Starts it, in the host."""
        behind = confine.in_host(self.host) if confine.CONFINED else []
        with open(self.host.path(LOG), "ab") as log:
            self.process = self.host.start(
                [*behind, PROGRAM, "--check-interval", str(self.check), *self.options, *options], stderr=log)
        return self

    def write_token(self, text):
        """Writes /etc/token, which the daemon's user alone can read."""
        self.host.write("/etc/token", text + "\n", 0o600)
        if confine.CONFINED:
            os.chown(self.host.path("/etc/token"), int(confine.USER), -1)

    def stop(self, number=signal.SIGTERM):
        """Ends it; how it ended."""
        self.process.send_signal(number)
        code = self.process.wait(timeout=20)
        self.process = None
        return code

    def kill(self):
        """kill -9."""
        return self.stop(signal.SIGKILL)

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    @property
    def log(self):
        return self.host.path(LOG).read_text()

    def status(self):
        """status.json, {} where there is none."""
        try:
            return json.loads((self.folder / "status.json").read_text())
        except OSError:
            return {}

    def alive(self):
        """Whether the heartbeat is fresh."""
        try:
            return 0 <= time.time() - os.stat(self.folder / "alive").st_mtime < 5
        except OSError:
            return False

    def wait(self, state, within=20):
        """Waits for a state; loading, current, stale, expired."""
        wait_until(lambda: self.status().get("state") == state, lambda: f"{state}: {self.status()} {self.log}", within)
        return self

    def published(self):
        """All that lies there: {(namespace, service): instances}, in lower case; wrong records are errors."""
        found = {}
        spaces = []
        with contextlib.suppress(FileNotFoundError):
            spaces = [space for space in os.scandir(self.folder / "services") if not space.is_symlink()]
        for space in spaces:
            with contextlib.suppress(FileNotFoundError):
                for file in os.scandir(space.path):
                    if not file.name.startswith("."):
                        with contextlib.suppress(FileNotFoundError):
                            key, instances = decode(pathlib.Path(file.path).read_bytes())
                            assert key == (space.name, file.name)
                            found[key] = instances
        return found

    def wait_equal(self, agent, within=20, namespaces=None):
        """Waits until what is published is what the agent has."""
        wait_until(lambda: self.published() == truth(agent, namespaces),
                   lambda: difference(self.published(), truth(agent, namespaces)) + self.log, within)

    def end(self):
        if self.process:
            self.process.kill()
            self.process.wait()


def difference(ours, theirs):
    """Two catalogues' difference, for the message of a failed test."""
    keys = sorted(key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key))
    return "".join(f"{key}: published {ours.get(key)}, true {theirs.get(key)}\n" for key in keys[:5])


@pytest.fixture
def daemon(host):
    """A daemon that is not started yet, in the host of the test."""
    one = Daemon(host)
    yield one
    one.end()
