"""The service catalogue: registrations, the table's index, the last events and who waits for the next.

server.py reads it to answer, control.py changes it. One thread, one event loop: no locks.
"""

import asyncio
import collections
import json
import random


def encode(value):
    """JSON as Go writes it: no blanks, UTF-8 as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogateescape")


class Registration:
    """One instance. Never changed, an update is a new object: events keep the one they are about."""

    __slots__ = ("fields", "_json")

    def __init__(self, fields):
        self.fields = fields
        self._json = None

    @property
    def key(self):
        return self.fields["Namespace"], self.fields["ID"]

    @property
    def json(self):
        if self._json is None:
            self._json = encode(self.fields)
        return self._json


class Service:
    """The instances of one name in one namespace, with what a read answers kept ready."""

    __slots__ = ("name", "instances", "_body", "_entry")

    def __init__(self, name):
        self.name = name
        self.instances = {}
        self.changed()

    def changed(self):
        self._body = self._entry = None

    def copy(self):
        other = Service(self.name)
        other.instances = dict(self.instances)
        return other

    def sorted(self):
        """By the bytes of the ID, as Nomad does."""
        return [self.instances[key] for key in sorted(self.instances)]

    @property
    def body(self):
        """The answer of /v1/service/NAME."""
        if self._body is None:
            self._body = b"[" + b",".join(each.json for each in self.sorted()) + b"]"
        return self._body

    @property
    def entry(self):
        """The element of /v1/services: the tags of all instances, each once, in an order that is none."""
        if self._entry is None:
            tags = {tag for each in self.instances.values() for tag in each.fields["Tags"] or ()}
            self._entry = encode({"ServiceName": self.name, "Tags": random.Random(self.name).sample(sorted(tags), len(tags))})
        return self._entry


class Batch:
    """What happened at one index: pairs of an event's type and the registration as it is, or last was."""

    __slots__ = ("index", "events", "frames")

    def __init__(self, index, events):
        self.index = index
        self.events = events
        self.frames = {}        # encoded lines, by what of the batch is in them: kept by stream.py


class Watch:
    """A blocked read. It wakes for its own namespace and names that begin with its own; for anything
    when its namespace is None ("*") or has no service: that is where the watched radix tree's node is."""

    def __init__(self, catalogue, namespace, name):
        self.namespace = namespace if namespace in catalogue.services else None
        self.name = name or ""
        self.woken = asyncio.get_running_loop().create_future()

    def concerns(self, changed):
        return self.namespace is None or any(
            namespace == self.namespace and name.startswith(self.name) for namespace, name in changed)

    def wake(self):
        if not self.woken.done():
            self.woken.set_result(None)


class Catalogue:
    def __init__(self, seed=1, buffer=100):
        self.random = random.Random(seed)
        self.raft = 1               # the last index of anything
        self.index = 1              # the last index of a service: X-Nomad-Index
        self.services = {}          # namespace -> name -> Service, never empty ones
        self.by_id = {}             # (namespace, ID) -> Registration
        self.namespaces = {"default": 1}    # name -> CreateIndex
        self.namespaces_index = 1   # when one was made or deleted last: X-Nomad-Index of their list
        self.nodes = [self.uuid() for _ in range(3)]
        self.batches = collections.deque(maxlen=buffer)
        self.subscribers = set()    # stream.py's, told of each batch by their method publish()
        self.watches = set()
        self.namespace_watches = set()      # of reads that wait for another list of namespaces

    def uuid(self):
        digits = f"{self.random.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def find(self, namespace, name):
        return self.services.get(namespace, {}).get(name)

    # Changes. Each call is one index and one batch.

    def create_namespace(self, name):
        if name not in self.namespaces:
            self.namespaces[name] = self.raft + 1
            self._namespaces_changed()

    def delete_namespace(self, name):
        if self.services.get(name):
            raise ValueError(f'namespace "{name}" has non-terminal jobs')
        del self.namespaces[name]
        self._namespaces_changed()

    def _namespaces_changed(self):
        self.raft += 1
        self.namespaces_index = self.raft
        self._remember(Batch(self.raft, []))
        for watch in self.namespace_watches:
            watch.wake()

    def register(self, wanted, silent=False):
        """Registers each of the dictionaries (keys as of describe()); an identical one changes nothing, as in Nomad."""
        for each in wanted:
            self.create_namespace(each.get("namespace") or "default")
        index = self.raft + 1
        ids, events, changed = [], [], set()
        for registration in [Registration(self.describe(index, **each)) for each in wanted]:
            ids.append(registration.fields["ID"])
            if self._put(registration):
                events.append(("ServiceRegistration", registration))
                changed.add((registration.fields["Namespace"], registration.fields["ServiceName"]))
        self._commit(index, events, changed, silent)
        return ids

    def describe(self, index, name, address=None, port=None, namespace=None, tags=None, alloc=None,
                 node=None, job=None, dc=None, id=None, group="g", label="port"):
        """The fields of a registration, in the order of the wire. What is not given stays as it is where the ID
        exists, else it is drawn from the seed."""
        namespace = namespace or "default"
        if id is None:
            alloc = alloc or self.uuid()
            id = f"_nomad-task-{alloc}-group-{group}-{name}-{label}"
        old = self.by_id.get((namespace, id))
        old = old.fields if old else {
            "Address": "127.0.0.1", "AllocID": alloc or self.uuid(), "CreateIndex": index, "Datacenter": "dc1",
            "JobID": name, "NodeID": node or self.random.choice(self.nodes), "Tags": [],
            "Port": self.random.randrange(20000, 32001) if port is None else port}

        def field(given, key):
            return old[key] if given is None else given

        return {
            "Address": field(address, "Address"), "AllocID": field(alloc, "AllocID"),
            "CreateIndex": old["CreateIndex"], "Datacenter": field(dc, "Datacenter"), "ID": id,
            "JobID": field(job, "JobID"), "ModifyIndex": index, "Namespace": namespace,
            "NodeID": field(node, "NodeID"), "Port": field(port, "Port"),
            "ServiceName": name, "Tags": field(tags, "Tags")}

    def _put(self, registration):
        old = self.by_id.get(registration.key)
        if old and {**old.fields, "ModifyIndex": registration.fields["ModifyIndex"]} == registration.fields:
            return False
        if old and old.fields["ServiceName"] != registration.fields["ServiceName"]:
            self._take(old.key)
        namespace, id = registration.key
        names = self.services.setdefault(namespace, {})
        name = registration.fields["ServiceName"]
        service = names.get(name)
        if service is None:
            service = names[name] = Service(name)
        service.instances[id] = self.by_id[namespace, id] = registration
        service.changed()
        return True

    def _take(self, key):
        registration = self.by_id.pop(key)
        namespace, id = key
        name = registration.fields["ServiceName"]
        service = self.services[namespace][name]
        del service.instances[id]
        service.changed()
        if not service.instances:
            del self.services[namespace][name]
            if not self.services[namespace]:
                del self.services[namespace]
        return registration

    def deregister(self, keys, kind="ServiceDeregistration", silent=False):
        """Removes registrations by (namespace, ID); a silent removal moves the index but has no event."""
        missing = [key for key in keys if key not in self.by_id]
        if missing:
            raise KeyError(f"service registration not found: {missing[0]}")
        gone = [self._take(key) for key in keys]
        changed = {(each.fields["Namespace"], each.fields["ServiceName"]) for each in gone}
        self._commit(self.raft + 1, [(kind, each) for each in gone], changed, silent)
        return gone

    def restore(self, registrations):
        """Registers again what was just removed: same IDs, new indexes."""
        index = self.raft + 1
        again = [Registration({**each.fields, "CreateIndex": index, "ModifyIndex": index}) for each in registrations]
        for each in again:
            self._put(each)
        changed = {(each.fields["Namespace"], each.fields["ServiceName"]) for each in again}
        self._commit(index, [("ServiceRegistration", each) for each in again], changed, False)

    def others(self, count):
        """Raft goes on without a change of services: such batches push older ones out of the buffer too."""
        for _ in range(count):
            self.raft += 1
            self._remember(Batch(self.raft, []))

    def resize(self, buffer):
        self.batches = collections.deque(self.batches, maxlen=buffer)

    def rebuild(self, index, keep=True):
        """The cluster starts over at another index, with the same services (a snapshot restored) or none."""
        held = list(self.by_id.values()) if keep else []
        self.services.clear()
        self.by_id.clear()
        self.batches.clear()
        self.raft = self.index = index
        self.namespaces = {name: min(made, index) for name, made in self.namespaces.items()}
        self.namespaces_index = min(self.namespaces_index, index)
        for each in held:
            limits = {field: min(each.fields[field], index) for field in ("CreateIndex", "ModifyIndex")}
            self._put(Registration({**each.fields, **limits}))
        for watch in self.watches:
            watch.wake()

    def _commit(self, index, events, changed, silent):
        if not events:
            return
        self.raft = self.index = index
        if not silent:
            self._remember(Batch(index, events))
        for watch in self.watches:
            if watch.concerns(changed):
                watch.wake()

    def _remember(self, batch):
        self.batches.append(batch)
        for subscriber in list(self.subscribers):
            subscriber.publish(batch)
