"""The HTTP server: listeners, connections, counters; faults and answers meet here. Started by control.py."""

import asyncio
import collections
import contextlib
import os
import socket
import ssl
import struct
import time

from . import faults, stream
from .acl import Tokens
from .answers import Answers
from .catalogue import Catalogue
from .settings import Settings
from .wire import Answer, Request, Unreadable, encode

HEAD_LIMIT = 1 << 20
TLS_HANDSHAKE = 0x16
NOT_TLS = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"


class Reader(asyncio.StreamReader):
    """A stream reader that says when the peer is gone, without anybody reading."""

    def __init__(self):
        super().__init__(limit=HEAD_LIMIT)
        self.gone = asyncio.Event()

    def feed_eof(self):
        super().feed_eof()
        self.gone.set()

    def set_exception(self, exc):
        super().set_exception(exc)
        self.gone.set()


class Handshake:
    """The TLS context of one connection. Where the handshake fails it sends the alert, which asyncio forgets."""

    def __init__(self, context, sock):
        self.context, self.sock = context, sock

    def wrap_bio(self, incoming, outgoing, **args):
        tls = self.context.wrap_bio(incoming, outgoing, **args)

        def do_handshake():
            try:
                ssl.SSLObject.do_handshake(tls)
            except ssl.SSLWantReadError:
                raise
            except ssl.SSLError:
                self.sock.send(outgoing.read())
                raise

        tls.do_handshake = do_handshake
        return tls


class Line:
    """One connection."""

    def __init__(self, sock, listener, peer):
        self.sock, self.listener, self.peer = sock, listener, peer
        self.reader, self.transport, self.writer = Reader(), None, None

    async def open(self, context=None):
        """Gets ready to read and write, over TLS if there is a context."""
        loop, tls = asyncio.get_running_loop(), context and Handshake(context, self.sock)
        protocol = asyncio.StreamReaderProtocol(self.reader)
        self.transport, _ = await loop.connect_accepted_socket(lambda: protocol, self.sock, ssl=tls)
        self.writer = asyncio.StreamWriter(self.transport, protocol, self.reader, loop)

    async def first_byte(self):
        """Looks at the first byte without taking it."""
        loop, seen = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self.sock, seen.set)
        try:
            await seen.wait()
        finally:
            loop.remove_reader(self.sock)
        return self.sock.recv(1, socket.MSG_PEEK)

    async def gone(self, seconds=None):
        """Waits, until the peer is gone or the time is over; whether it is gone."""
        if seconds != 0:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.reader.gone.wait(), seconds)
        return self.reader.gone.is_set()

    async def write(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def finish(self):
        """Ends our side, and reads on for a moment: a close with unread input would be a reset."""
        if self.transport.can_write_eof():
            self.writer.write_eof()
            await self.gone(1)

    def reset(self):
        with contextlib.suppress(OSError):      # the other side was faster, and it is closed
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close(abort=True)

    def close(self, abort=False):
        if self.transport is None:
            self.sock.close()
        elif abort:
            self.transport.abort()
        else:
            self.transport.close()


class Listener:
    """An address that can stop listening and start again. Another socket holds the port meanwhile."""

    def __init__(self, family, address, tls=None):
        self.family, self.tls, self.task = family, tls, None
        self.unix = family == socket.AF_UNIX
        self.holder = None if self.unix else self.bound(address)
        self.address = address if self.unix else self.holder.getsockname()

    def bound(self, address):
        sock = socket.socket(self.family, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if not self.unix:   # as Go's sockets are; what is accepted inherits it
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.bind(address)
        return sock

    def listen(self, accepted):
        if self.task:
            return
        if self.unix:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.address)
        sock = self.bound(self.address)
        sock.listen(1024)
        if self.unix:
            os.chmod(self.address, 0o666)
        self.task = asyncio.ensure_future(self.accept(sock, accepted))
        self.task.add_done_callback(lambda _: sock.close())

    async def accept(self, sock, accepted):
        loop = asyncio.get_running_loop()
        while True:
            connection, peer = await loop.sock_accept(sock)
            connection.setblocking(False)
            accepted(Line(connection, self, peer[0] if peer else ""))

    async def stop(self):
        if self.task:
            self.task.cancel()
            await asyncio.wait({self.task})
            self.task = None


class Counters:
    """What tests ask about. A stream counts as a connection and a request, but not as one being served."""

    def __init__(self):
        self.requests = collections.Counter()       # by path
        self.opened = 0
        self.open = self.most_open = 0
        self.serving = self.most_serving = 0
        self.streams = self.most_streams = 0
        self.log = collections.deque(maxlen=1000)

    def as_dict(self):
        numbers = {**vars(self), "requests": dict(self.requests), "total": sum(self.requests.values())}
        del numbers["log"]
        return numbers

    def reset(self):
        self.requests.clear()
        self.log.clear()
        self.opened = 0
        self.most_open, self.most_serving, self.most_streams = self.open, self.serving, self.streams

    @contextlib.contextmanager
    def count(self, what, most):
        setattr(self, what, getattr(self, what) + 1)
        setattr(self, most, max(getattr(self, what), getattr(self, most)))
        try:
            yield
        finally:
            setattr(self, what, getattr(self, what) - 1)


class Server:
    def __init__(self, seed=1):
        self.seed = seed
        self.listeners, self.lines, self.tasks = [], set(), set()
        self.by_peer = collections.Counter()
        self.reset()

    def reset(self):
        """As just started, on the same addresses; open connections end."""
        self.drop()
        self.settings, self.tokens = Settings(), Tokens()
        self.catalogue = Catalogue(self.seed)
        self.answers = Answers(self.catalogue, self.tokens, self.settings)
        self.streams = stream.Streams(self.catalogue, self.tokens, self.settings)
        self.faults, self.counters = faults.Faults(), Counters()
        self.listen_again()

    def listen(self, family, address, tls=None):
        self.listeners.append(Listener(family, address, tls))
        self.listeners[-1].listen(self.accepted)
        return self.listeners[-1].address

    def listen_again(self):
        for listener in self.listeners:
            listener.listen(self.accepted)

    async def stop_listening(self, drop=True):
        """Connections are refused from now on; drop: those that are open end, as when an agent is stopped."""
        for listener in self.listeners:
            await listener.stop()
        if drop:
            self.drop()

    def drop(self):
        for line in list(self.lines):
            line.close()

    async def end(self):
        await self.stop_listening()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for listener in self.listeners:
            if listener.unix:
                os.unlink(listener.address)

    def accepted(self, line):
        task = asyncio.ensure_future(self.serve(line))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def serve(self, line):
        counters = self.counters
        counters.opened += 1
        self.by_peer[line.peer] += 1
        line.limited = True
        with counters.count("open", "most_open"):
            self.lines.add(line)
            try:
                await self.begin(line)
            except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, EOFError):
                pass        # the peer went away, or spoke no HTTP
            finally:
                self.lines.discard(line)
                self.unlimit(line)
                line.close()

    def unlimit(self, line):
        """A stream is taken out of the count for the connection limit."""
        if line.limited:
            line.limited = False
            self.by_peer[line.peer] -= 1

    async def begin(self, line):
        fault = self.faults.take()
        if fault:
            await line.open()
            await faults.act(fault, line, None, None)
            return
        if line.listener.tls and await line.first_byte() != bytes([TLS_HANDSHAKE]):
            await line.open()
            await line.write(NOT_TLS)
            return await line.finish()
        await line.open(line.listener.tls)
        if line.peer and self.by_peer[line.peer] > self.settings.max_connections:
            await line.write(faults.TOO_MANY)
            return await line.finish()
        await self.converse(line)

    async def converse(self, line):
        """Request after request, until somebody has enough."""
        while True:
            head = await line.reader.readuntil(b"\r\n\r\n")
            try:
                request = Request(head)
            except Unreadable as wrong:
                await line.write(wrong.answer)
                return await line.finish()
            await line.reader.readexactly(int(request.headers.get("content-length", 0)))
            self.counters.requests[request.path] += 1
            self.counters.log.append({"method": request.method, "path": request.path, "params": request.params,
                                      "headers": request.headers, "time": time.time()})
            answer = await self.respond(line, request)
            if answer is None:
                return
            head, body = encode(answer, request, bare=line.listener.unix)
            await line.write(head + body)
            if answer.close or not request.keep_alive:
                return

    async def respond(self, line, request):
        fault = self.faults.take(request)
        if request.path == faults.STREAM:
            misbehave = fault.kind if fault and fault.kind in faults.STREAM_KINDS else None

            async def ordinary():
                return await self.stream(line, request, misbehave)

            if fault and not misbehave:
                return await faults.act(fault, line, request, ordinary)
            return await ordinary()

        async def ordinary():
            return self.refuse(line, request) or await self.answers.answer(request, line.reader.gone)

        with self.counters.count("serving", "most_serving"):
            if fault:
                answer = await faults.act(fault, line, request, ordinary)
            else:
                answer = await ordinary()
        if answer:
            answer.headers = {**self.settings.headers, **answer.headers}
        return answer

    def refuse(self, line, request):
        """The Task API's own refusals."""
        refused = self.tokens.task_api(request.token) if line.listener.unix else None
        return Answer.text(*refused) if refused else None

    async def stream(self, line, request, misbehave):
        refused = self.refuse(line, request)
        if refused:
            return refused
        self.unlimit(line)
        with self.counters.count("streams", "most_streams"):
            return await self.streams.serve(line, request, misbehave)
