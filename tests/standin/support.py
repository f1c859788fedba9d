"""Raw HTTP for the stand-in's own tests: what is on the wire, nothing hidden by a client library."""

import gzip
import json
import socket
import zlib

LIVE = 2**63 - 1
ALL = "/v1/event/stream?topic=Service&namespace=*"


def connect(agent, unix=False):
    if unix:
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(agent.unix)
    else:
        sock = socket.create_connection(("127.0.0.1", agent.port))
    sock.settimeout(10)
    return sock


def request(target, headers=(), method="GET", close=True):
    lines = [f"{method} {target} HTTP/1.1", "Host: test"] + ["Connection: close"] * close
    return "\r\n".join(lines + [f"{name}: {value}" for name, value in dict(headers).items()] + ["", ""]).encode()


class Reply:
    def __init__(self, data):
        head, _, self.body = data.partition(b"\r\n\r\n")
        self.status, *lines = head.decode().split("\r\n")
        self.headers = [tuple(line.split(": ", 1)) for line in lines]
        self.code = int(self.status.split()[1])
        fields = dict(self.headers)
        self.index = int(fields.get("X-Nomad-Index", -1))
        if fields.get("Transfer-Encoding") == "chunked":
            self.chunks, self.body = unchunk(self.body)
        if fields.get("Content-Encoding") == "gzip":
            self.body = gzip.decompress(self.body)
        elif fields.get("Content-Encoding") == "deflate":
            self.body = zlib.decompress(self.body, -15)

    @property
    def json(self):
        return json.loads(self.body)


def unchunk(data):
    sizes, body = [], b""
    while data:
        size, _, data = data.partition(b"\r\n")
        sizes.append(int(size, 16))
        body, data = body + data[:sizes[-1]], data[sizes[-1] + 2:]
    return sizes, body


def read_all(sock):
    with sock:
        return b"".join(iter(lambda: sock.recv(65536), b""))


def ask(agent, target, headers=(), method="GET", unix=False):
    sock = connect(agent, unix)
    sock.sendall(request(target, headers, method))
    return Reply(read_all(sock))


class Stream:
    """A subscriber: its head read, lines to come."""

    def __init__(self, agent, target=ALL, token="", unix=False):
        self.sock = connect(agent, unix)
        self.sock.sendall(request(target, {"X-Nomad-Token": token} if token else {}, close=False))
        self.file = self.sock.makefile("rb")
        self.head = b"".join(iter(self.file.readline, b"\r\n"))

    def line(self):
        return self.file.readline()

    def frame(self):
        return json.loads(self.line())

    def happened(self):
        """The next frame as [(type, service), ...]."""
        return [(event["Type"], event["Payload"]["Service"]["ServiceName"]) for event in self.frame()["Events"]]


def live(agent, extra="", **args):
    """A stream of what happens from now on."""
    stream = Stream(agent, f"{ALL}&index={LIVE}{extra}", **args)
    assert stream.line() == b"{}\n"
    return stream


def connect_and_read(agent):
    sock = connect(agent)
    sock.sendall(request("/v1/services"))
    return read_all(sock)
