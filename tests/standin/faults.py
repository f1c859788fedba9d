"""Failing on command. control.py adds faults, server.py takes the first that fits each request and lets it act.

Every kind is a function here; its docstring is what the kind does, its keyword arguments are what can be said with it.
A kind gets the connection, the request, and ordinary(), which gives the answer that would have been; it returns an
answer to send, or None when it has done all itself and the connection is to be closed.
"""

import base64
import json

from .wire import Answer, encode, index_headers

STREAM = "/v1/event/stream"
TOO_MANY = (b"HTTP/1.1 429 Too Many Requests\r\n"
            b"Content-Type: text/plain\r\nContent-Length: 81\r\nConnection: close\r\n\r\n"
            b"Your IP is issuing too many concurrent connections, please rate limit your calls\n")
NO_LEADER_CONTACT = 9223372036854


class Fault:
    def __init__(self, kind, path=None, times=None, stale_only=False, at="request", **args):
        if kind not in KINDS and kind not in STREAM_KINDS and kind != "refuse":
            raise ValueError(f"no such fault: {kind}")
        if at == "accept" and kind not in ("hang", "eof", "reset"):
            raise ValueError(f"{kind} needs a request")
        self.kind, self.times, self.stale_only, self.at, self.args = kind, times, stale_only, at, args
        self.path = STREAM if kind in STREAM_KINDS else path

    def fits(self, request):
        if request is None:
            return self.at == "accept"
        return (self.at == "request" and (self.path is None or request.path.startswith(self.path))
                and (request.stale or not self.stale_only))


class Faults:
    def __init__(self):
        self.list = []

    def add(self, fault):
        self.list.append(fault)

    def take(self, request=None):
        """The fault that this request (None: a connection just accepted) meets, or None; counts it."""
        for fault in self.list:
            if fault.fits(request):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self.list.remove(fault)
                return fault
        return None


async def hang(line, request, ordinary):
    """Never answers; ends when the client goes."""
    await line.gone()


async def eof(line, request, ordinary):
    """Closes without a byte."""
    await line.finish()


async def reset(line, request, ordinary):
    """Closes with RST."""
    line.reset()


async def status(line, request, ordinary, code=500, text="", delay=0):
    """Any status with a plain text, after a delay in seconds."""
    await line.gone(delay)
    return Answer.text(code, text)


async def forbidden(line, request, ordinary, text="Permission denied", delay=0):
    """403."""
    return await status(line, request, ordinary, 403, text, delay)


async def too_many(line, request, ordinary):
    """429 as Nomad's connection limit says it, then closes."""
    await line.write(TOO_MANY)


async def error(line, request, ordinary, text="No cluster leader", delay=0):
    """500 with a text."""
    return await status(line, request, ordinary, 500, text, delay)


async def redirect(line, request, ordinary, location="/ui/"):
    """307 to another place."""
    body = f'<a href="{location}">Temporary Redirect</a>.\n\n'.encode()
    return Answer(307, body, {"Content-Type": "text/html; charset=utf-8", "Location": location})


async def html(line, request, ordinary, body="<!DOCTYPE html><html><body>Sign in</body></html>\n"):
    """200 with a page, as of a captive portal: no X-Nomad headers."""
    return Answer(200, body.encode(), {"Content-Type": "text/html; charset=utf-8"})


async def junk(line, request, ordinary, body='[{"ID":', index=1000):
    """200 with all of Nomad's headers and a body that is no JSON."""
    return Answer.json(body.encode("utf-8", "surrogateescape"), index_headers(index))


async def cut(line, request, ordinary, after=None):
    """The right answer, ended after `after` bytes of its body (default: half), before its Content-Length."""
    answer = await ordinary()
    if answer:
        head, body = encode(answer, request, line.listener.unix, beyond=1)
        await line.write(head + body[:len(body) // 2 if after is None else after])


async def slow(line, request, ordinary, delay=0, rate=None):
    """The right answer after `delay` seconds, then at `rate` bytes a second."""
    await line.gone(delay)
    answer = await ordinary()
    if answer is None or not rate:
        return answer
    data = b"".join(encode(answer, request, line.listener.unix))
    step = max(1, int(rate / 50))
    for start in range(0, len(data), step):
        await line.write(data[start:start + step])
        if await line.gone(step / rate):
            break


async def no_leader(line, request, ordinary):
    """200 [] with Knownleader false and index 1: `stale`, asked of a server without a leader."""
    return Answer.json(b"[]", index_headers(1, False, NO_LEADER_CONTACT))


async def index_0(line, request, ordinary, known_leader=False):
    """200 [] with index 0: a client agent that shuts down; with known_leader a token without rights."""
    return Answer.json(b"[]", index_headers(0, known_leader))


async def stale_empty(line, request, ordinary, index=1):
    """200 [] with a leader and index 1: `stale`, asked of a server that has just started (see stale_only)."""
    return Answer.json(b"[]", index_headers(index, True, 2))


async def huge(line, request, ordinary, size=64, index=1000):
    """200 with `size` MiB of valid registrations of the service asked for."""
    name = request.path.rpartition("/")[2]
    one = json.dumps({"Address": "192.0.2.1", "AllocID": "a", "CreateIndex": 1, "Datacenter": "dc1", "ID": "%012d",
                      "JobID": "j", "ModifyIndex": 1, "Namespace": request.param("namespace") or "default",
                      "NodeID": "n", "Port": 1, "ServiceName": name, "Tags": []}, separators=(",", ":"))
    count = size * 2**20 // len(one % 0) + 1
    return Answer.json(("[" + ",".join(one % number for number in range(count)) + "]").encode(),
                       index_headers(index))


async def deep(line, request, ordinary, depth=100000, index=1000):
    """200 with arrays in arrays."""
    return Answer.json(b"[" * depth + b"]" * depth, index_headers(index))


async def headers(line, request, ordinary, add=None, count=0):
    """The right answer with more headers: those of `add`, and `count` others of 1000 bytes."""
    answer = await ordinary()
    if answer:
        answer.headers.update(add or {}, **{f"X-Extra-{number}": "x" * 1000 for number in range(count)})
    return answer


async def raw(line, request, ordinary, data=None, file=None):
    """These bytes (base64 in `data`, or a file's: a recording), then closes."""
    if file:
        with open(file, "rb") as source:
            await line.write(source.read())
    else:
        await line.write(base64.b64decode(data))


KINDS = {"hang": hang, "eof": eof, "reset": reset, "status": status, "403": forbidden, "429": too_many,
         "500": error, "redirect": redirect, "html": html, "junk": junk, "cut": cut, "slow": slow,
         "no-leader": no_leader, "index-0": index_0, "stale-empty": stale_empty, "huge": huge, "deep": deep,
         "headers": headers, "raw": raw}

# How a stream can misbehave from its start; stream.py does it.
STREAM_KINDS = {"stream-silent", "stream-eof", "stream-stall", "stream-bytes", "stream-cut"}


async def act(fault, line, request, ordinary):
    return await KINDS[fault.kind](line, request, ordinary, **fault.args)
