"""The event stream as Nomad 2.0.5 writes it, and its ways to misbehave. Called by server.py for each subscriber.

Bytes until end of file: a head without a length, {} as soon as the subscriber is accepted and every 30 s, and one
line for the events of an index. A denied or orphaned stream is no error, it is silence: Nomad does it so.
"""

import asyncio
import base64
import collections
import re
import socket

from .catalogue import Batch, Registration, encode
from .wire import Answer, Refused

LARGEST_INDEX = 2**63 - 1
HIGH_WATER = 65536


def line_of(batch, places):
    """The line for the events at these places of a batch, made once for all who want the same ones."""
    if places not in batch.frames:
        events = b",".join(event_json(batch.index, *batch.events[place]) for place in places)
        batch.frames[places] = b'{"Events":[%s],"Index":%d}' % (events, batch.index)
    return batch.frames[places]


def event_json(index, kind, registration):
    fields = registration.fields
    return (b'{"FilterKeys":%s,"Index":%d,"Key":%s,"Namespace":%s,"Payload":{"Service":%s},'
            b'"Topic":"Service","Type":%s}') % (
        encode([fields["JobID"], fields["ServiceName"]]), index, encode(fields["ID"]), encode(fields["Namespace"]),
        registration.json, encode(kind))


def giant(size):
    """A line of about `size` bytes: registrations of a service named giant."""
    one = {"Address": "192.0.2.1", "AllocID": "a", "CreateIndex": 1, "Datacenter": "dc1", "ID": "", "JobID": "giant",
           "ModifyIndex": 1, "Namespace": "default", "NodeID": "n", "Port": 1, "ServiceName": "giant", "Tags": []}
    length = len(event_json(1, "ServiceRegistration", Registration(one))) + 20
    events = [("ServiceRegistration", Registration({**one, "ID": f"giant-{number}"}))
              for number in range(size // length + 1)]
    return Batch(1, events)


class Topics:
    """What a subscriber asked for: topic=Service, Service:key, *; no topic is all of them."""

    def __init__(self, request):
        self.keys = []
        wanted = request.params.get("topic", ["*"])
        self.all = any(topic.partition(":")[0] == "*" for topic in wanted)
        for topic in wanted:
            name, _, key = topic.partition(":")
            if ":" in key:
                raise Refused(400, f"Invalid topic query: error parsing topics: Invalid key value pair for topic, topic: {topic}")
            if name in ("Service", "*"):
                self.keys.append(key or "*")
        if set(self.keys) != {"*"}:     # a key takes the wildcard's place
            self.keys = [key for key in self.keys if key != "*"]

    def places(self, batch, namespaces):
        """Which events of a batch; one that two keys match comes twice."""
        return tuple(
            place for place, (_, registration) in enumerate(batch.events)
            if registration.fields["Namespace"] in namespaces
            for key in self.keys
            if key == "*" or key in (registration.fields["ID"], registration.fields["JobID"],
                                     registration.fields["ServiceName"]))


def start_index(request):
    text = request.param("index") or "0"
    if not re.fullmatch("[+-]?[0-9]+", text):
        raise Refused(400, f'Unable to parse index: strconv.Atoi: parsing "{text}": invalid syntax')
    if abs(int(text)) > LARGEST_INDEX:
        raise Refused(400, f'Unable to parse index: strconv.Atoi: parsing "{text}": value out of range')
    return int(text)


class Streams:
    """The open streams."""

    def __init__(self, catalogue, tokens, settings):
        self.catalogue, self.tokens, self.settings = catalogue, tokens, settings
        self.open = set()

    async def serve(self, line, request, misbehave):
        """Serves a subscriber until one side ends it; an Answer if it is refused as a plain request."""
        if request.method != "GET":
            return Answer.text(405, "Invalid method")
        try:
            subscriber = Subscriber(self, line, request, misbehave)
        except Refused as no:
            return Answer.text(no.status, no.text)
        self.open.add(subscriber)
        try:
            await subscriber.serve()
        finally:
            self.catalogue.subscribers.discard(subscriber)
            self.open.discard(subscriber)

    def recheck(self):
        """Rights have changed: those who lost theirs hear nothing more."""
        for subscriber in self.open:
            if not subscriber.allowed():
                subscriber.silence()

    def command(self, what, **args):
        """Does something to every open stream; how many there are."""
        if what not in COMMANDS:
            raise ValueError(f"no such stream command: {what}")
        for subscriber in list(self.open):
            COMMANDS[what](subscriber, **args)
        return len(self.open)


class Subscriber:
    def __init__(self, streams, line, request, misbehave):
        self.tokens, self.settings, self.catalogue = streams.tokens, streams.settings, streams.catalogue
        self.line, self.token, self.misbehave = line, request.token, misbehave
        self.topics, self.index = Topics(request), start_index(request)
        namespace = request.param("namespace") or "default"
        # "*" is what exists now: a namespace made later is never seen here.
        self.namespaces = frozenset(self.catalogue.namespaces if namespace == "*" else [namespace])
        self.known_region = request.param("region") in ("", self.settings.region)
        self.queue, self.wake = collections.deque(), asyncio.Event()
        self.silent = self.stalled = self.blocked = self.ended = self.cutting = False
        self.bytewise = misbehave == "stream-bytes"
        self.beat_at = self.deadline = None     # of the next {}; of a silent stream

    def allowed(self):
        if self.topics.all:
            return self.tokens.manages(self.token)
        return all(self.tokens.read_job(self.token, namespace) for namespace in self.namespaces)

    # What the catalogue and the commands do to it.

    def publish(self, item):
        """Queues a batch, or bytes as they are. Who does not read loses the stream when the buffer has moved on."""
        if self.silent:
            return
        self.queue.append(item)
        if self.blocked and len(self.queue) > self.catalogue.batches.maxlen:
            self.end()
        self.wake.set()

    def silence(self):
        """Nothing more, and no end either, unless denied_close says when."""
        self.silent = True
        self.queue.clear()
        if self.settings.denied_close is not None:
            self.deadline = asyncio.get_running_loop().time() + self.settings.denied_close
        self.wake.set()

    def stall(self, on=True):
        """on=False: goes on, with all that was held back."""
        self.stalled = on
        self.wake.set()

    def end(self, reset=False):
        self.ended = True
        if reset:
            self.line.reset()
        self.wake.set()

    def cut(self):
        self.cutting = True

    def replay(self, count):
        for batch in list(self.catalogue.batches)[-count:]:
            self.publish(batch)

    def split(self):
        self.bytewise = True

    def event(self, service, type="ServiceRegistration", index=1):
        """An event made up by the test: old indexes, unknown IDs."""
        self.publish(Batch(index, [(type, Registration(service))]))

    def giant(self, size=16 << 20, end=True):
        """end=False: a line that goes on and on."""
        data = giant(size)
        self.publish(data if end else line_of(data, tuple(range(len(data.events)))))

    def raw(self, data):
        self.publish(base64.b64decode(data))

    # Serving.

    async def serve(self):
        leaving = asyncio.ensure_future(self.line.reader.gone.wait())
        leaving.add_done_callback(lambda _: self.wake.set())
        try:
            await self.write(self.head())
            if self.misbehave == "stream-silent" or not self.known_region or not self.allowed():
                self.silence()
            else:
                await self.begin()
            while not self.ended and not leaving.done() and not self.line.transport.is_closing():
                await self.step()
        finally:
            leaving.cancel()

    def head(self):
        headers = {"Content-Type": "application/json", "Vary": "Accept-Encoding", **self.settings.headers}
        if self.line.listener.unix:
            del headers["Vary"]
        lines = [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join(["HTTP/1.1 200 OK", "Connection: close", "Cache-Control: no-cache", *lines, "", ""]).encode()

    async def begin(self):
        self.beat_at = asyncio.get_running_loop().time() + self.settings.heartbeat
        self.queue.extend(self.past())
        self.catalogue.subscribers.add(self)
        await self.write(b"{}\n")
        self.ended = self.misbehave == "stream-eof"
        self.stalled = self.misbehave == "stream-stall"
        self.cutting = self.misbehave == "stream-cut"

    def past(self):
        """What the buffer has from the wanted index on; asked for a later one, its newest batch."""
        batches = list(self.catalogue.batches)
        if batches and self.index > batches[-1].index:
            return batches[-1:]
        return [batch for batch in batches if batch.index >= self.index]

    async def step(self):
        """Waits for the next thing to do, and does it."""
        clock = asyncio.get_running_loop().time
        self.wake.clear()
        if self.silent:
            if await self.idle(self.deadline) and self.deadline and clock() >= self.deadline:
                self.end()
        elif self.stalled:
            await self.idle(None)
        elif self.queue:
            self.cork(True)
            await self.deliver(self.queue.popleft())
            if not self.queue:
                self.cork(False)
        elif await self.idle(self.beat_at):
            self.beat_at = max(self.beat_at, clock() - self.settings.heartbeat) + self.settings.heartbeat
            await self.write(b"{}\n")

    def cork(self, on):
        """Frames that are made together leave together, so that who reads finds them in one read."""
        sock = self.line.transport.get_extra_info("socket")
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6) and not self.ended:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, on)

    async def idle(self, until):
        """Waits until that time, or for something to happen; whether the time has come."""
        loop = asyncio.get_running_loop()
        timer = loop.call_at(until, self.wake.set) if until is not None else None
        await self.wake.wait()
        if timer:
            timer.cancel()
        return until is not None and loop.time() >= until

    async def deliver(self, item):
        if isinstance(item, bytes):
            return await self.write(item)
        places = self.topics.places(item, self.namespaces)
        if not places:
            return
        if self.token in self.tokens.expired:       # noticed only now, as Nomad does
            return self.silence()
        frame = line_of(item, places)
        if self.cutting:
            self.ended = True
            return await self.write(frame[:len(frame) // 2])
        await self.write(frame)
        await self.write(b"\n")     # often a packet of its own on Nomad, too

    async def write(self, data):
        for start in range(len(data)) if self.bytewise else (0,):
            self.line.writer.write(data[start:start + 1] if self.bytewise else data)
            if self.bytewise:
                await asyncio.sleep(0)
        if self.line.transport.get_write_buffer_size() > HIGH_WATER:
            self.blocked = True
            try:
                await asyncio.wait_for(self.line.writer.drain(), self.settings.write_timeout)
            except asyncio.TimeoutError:
                self.end(reset=True)
            self.blocked = False


COMMANDS = {
    "stall": Subscriber.stall,                          # nothing more, until "resume"
    "resume": lambda stream: stream.stall(False),
    "silence": Subscriber.silence,                      # nothing more, ever: a right lost, a snapshot restored
    "close": Subscriber.end,                            # end of file
    "reset": lambda stream: stream.end(reset=True),     # RST
    "cut": Subscriber.cut,                              # the next frame ends in its middle
    "replay": Subscriber.replay,                        # the last `count` batches again
    "bytes": Subscriber.split,                          # byte by byte from now on
    "event": Subscriber.event,                          # an event with any `service`, `type`, `index`
    "giant": Subscriber.giant,                          # a frame of `size` bytes
    "raw": Subscriber.raw,                              # these bytes, in base64
}
