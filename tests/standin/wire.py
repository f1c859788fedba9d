"""HTTP/1.1 as Go's server writes it: a request read from bytes, an answer turned into bytes. Called by server.py."""

import dataclasses
import email.utils
import json
import re
import urllib.parse
import zlib

PHRASES = {200: "OK", 307: "Temporary Redirect", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
           404: "Not Found", 405: "Method Not Allowed", 429: "Too Many Requests", 500: "Internal Server Error",
           502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}
BUFFER = 2048       # net/http's: a longer body is chunked


class Refused(Exception):
    """Ends a request with a status and a plain text; rpc says that a server, not the agent itself, refused it."""

    def __init__(self, status, text, rpc=False):
        super().__init__(text)
        self.status, self.text, self.rpc = status, text, rpc


class Unreadable(ValueError):
    """What is no request, with the status line's words that Go's server ends the connection with."""

    def __init__(self, words="400 Bad Request"):
        super().__init__(words)
        self.answer = (f"HTTP/1.1 {words}\r\nContent-Type: text/plain; charset=utf-8\r\n"
                       f"Connection: close\r\n\r\n{words}").encode()


class Request:
    def __init__(self, head):
        """Reads a head, final blank line included; Unreadable when it is none."""
        first, *lines = head.decode("latin-1").split("\r\n")
        if first.count(" ") != 2 or re.search("%(?![0-9A-Fa-f]{2})", first):
            raise Unreadable
        self.method, self.target, self.version = first.split(" ")
        if self.version not in ("HTTP/1.0", "HTTP/1.1"):
            raise Unreadable("505 HTTP Version Not Supported: unsupported protocol version")
        path, _, query = self.target.partition("?")
        self.query = query
        self.path = urllib.parse.unquote(path, errors="surrogateescape")
        self.params = urllib.parse.parse_qs(query, keep_blank_values=True) if query else {}
        self.headers = {}
        for line in lines:
            name, colon, value = line.partition(":")
            if colon:
                self.headers.setdefault(name.strip().lower(), value.strip())
        if self.version == "HTTP/1.1" and "host" not in self.headers:
            raise Unreadable("400 Bad Request: missing required Host header")
        connection = self.headers.get("connection", "").lower()
        self.keep_alive = self.version == "HTTP/1.1" and connection != "close"

    def param(self, name, default=""):
        """The first of several counts."""
        return self.params.get(name, (default,))[0]

    @property
    def stale(self):
        return "stale" in self.params and self.param("stale") != "false"

    @property
    def token(self):
        """X-Nomad-Token wins over Authorization."""
        scheme, _, secret = self.headers.get("authorization", "").partition(" ")
        return self.headers.get("x-nomad-token") or (secret.strip() if scheme.lower() == "bearer" else "")

    @property
    def coding(self):
        """gzip, deflate or nothing: only exact names count, the first one wins."""
        for word in self.headers.get("accept-encoding", "").split(","):
            if word.strip() in ("gzip", "deflate"):
                return word.strip()
        return None


@dataclasses.dataclass
class Answer:
    status: int = 200
    body: bytes = b""
    headers: dict = dataclasses.field(default_factory=dict)
    close: bool = False

    @classmethod
    def json(cls, body, headers=None):
        return cls(200, body, {"Content-Type": "application/json", **(headers or {})})

    @classmethod
    def text(cls, status, text):
        return cls(status, text.encode(), {"Content-Type": "text/plain; charset=utf-8"})


def index_headers(index, known_leader=True, last_contact=0):
    return {"X-Nomad-Index": str(index), "X-Nomad-Knownleader": "true" if known_leader else "false",
            "X-Nomad-Lastcontact": str(last_contact)}


def compress(body, coding):
    """gzip, or deflate without zlib's header, as Go does."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 31 if coding == "gzip" else -15)
    return packer.compress(body) + packer.flush()


def indent(body):
    return json.dumps(json.loads(body), ensure_ascii=False, indent=4).encode() + b"\n"


def encode(answer, request, bare=False, beyond=None):
    """An answer's head and payload. bare: as the Task API does it, neither compressed nor Vary.
    beyond: claim a Content-Length that is so much longer than the payload."""
    headers, body = dict(answer.headers), answer.body
    if not bare:
        headers["Vary"] = "Accept-Encoding"
        if request.coding and body:
            headers["Content-Encoding"] = request.coding
            body = compress(body, request.coding)
    lines = [f"HTTP/1.1 {answer.status} {PHRASES.get(answer.status, 'Other')}"]
    lines += [f"{name}: {value}" for name, value in sorted(headers.items())]
    if "Date" not in headers:
        lines.append(f"Date: {email.utils.formatdate(usegmt=True)}")
    chunked = beyond is None and len(body) > BUFFER and request.version == "HTTP/1.1"
    if not chunked:
        lines.append(f"Content-Length: {len(body) + (beyond or 0)}")
    if answer.close or not request.keep_alive:
        lines.append("Connection: close")
    if chunked:
        lines.append("Transfer-Encoding: chunked")
        body = chunks(body, BUFFER if "Content-Encoding" in headers else len(body))
    if request.method == "HEAD":
        body = b""
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape"), body


def chunks(body, size):
    """Plain bodies come as one chunk, compressed ones in pieces of the compressor's buffer."""
    parts = []
    for start in range(0, len(body), size):
        piece = body[start:start + size]
        parts += [b"%x\r\n" % len(piece), piece, b"\r\n"]
    return b"".join(parts) + b"0\r\n\r\n"
