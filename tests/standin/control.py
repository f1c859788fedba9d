"""The commands: one JSON object a line on standard input, one JSON answer a line on standard output.

{"do": "register", "services": [{"name": "web"}]} -> {"ok": true, "ids": [...], "index": 2}; client.py speaks it.
A mistake is answered by {"ok": false, "error": "..."} and changes nothing.
"""

import asyncio
import json
import os
import stat
import sys

from . import demo, load
from .faults import Fault

LINE_LIMIT = 1 << 30


class Control:
    def __init__(self, server):
        self.server, self.churning = server, None

    @property
    def catalogue(self):
        return self.server.catalogue

    async def obey(self, line):
        """Carries out one command; the answer as a dictionary."""
        try:
            command = json.loads(line)
            done = getattr(self, "do_" + command.pop("do"))(**command)
            if asyncio.iscoroutine(done):
                done = await done
            return {"ok": True, "index": self.catalogue.index, **(done or {})}
        except Exception as mistake:      # whatever it was, the test that sent it has to hear of it
            return {"ok": False, "error": f"{type(mistake).__name__}: {mistake}"}

    def do_batch(self, commands):
        """Several commands at once: streams see what they bring in one go. None of them may have to wait."""
        for each in commands:
            getattr(self, "do_" + each.pop("do"))(**each)

    # The catalogue.

    def do_register(self, services, silent=False):
        return {"ids": self.catalogue.register(services, silent)}

    def do_deregister(self, ids, namespace="default", type="ServiceDeregistration", silent=False):
        self.catalogue.deregister([(namespace, id) for id in ids], type, silent)

    async def do_restart(self, id, namespace="default", gap=0):
        """The allocation that a registration is of goes and comes back, after `gap` seconds if that is not 0."""
        alloc = self.catalogue.by_id[namespace, id].fields["AllocID"]
        keys = [key for key, each in self.catalogue.by_id.items() if each.fields["AllocID"] == alloc]
        gone = [self.catalogue.deregister([key])[0] for key in keys]
        if gap:
            await asyncio.sleep(gap)
        self.catalogue.restore(gone)

    def do_services(self, namespace=None, name=None):
        """The truth, as [namespace, name, [registration, ...]] each."""
        return {"services": [
            [space, each.name, [one.fields for one in each.sorted()]]
            for space, names in self.catalogue.services.items() if namespace in (None, space)
            for each in names.values() if name in (None, each.name)]}

    def do_namespace(self, name, delete=False):
        (self.catalogue.delete_namespace if delete else self.catalogue.create_namespace)(name)

    def do_others(self, count):
        self.catalogue.others(count)

    def do_rebuild(self, index=1, keep=True, streams="silent"):
        self.catalogue.rebuild(index, keep)
        if streams != "live":
            self.server.streams.command({"silent": "silence", "close": "close"}[streams])

    def do_populate(self, **args):
        return load.populate(self.catalogue, **args)

    def do_demo(self):
        demo.register(self.catalogue)

    async def do_churn(self, wait=True, **args):
        if self.churning:
            raise RuntimeError("churn is still going on")
        self.churning = asyncio.ensure_future(load.churn(self.catalogue, **args))
        if wait:
            return await self.do_churn_wait()

    async def do_churn_wait(self):
        if self.churning:
            task, self.churning = self.churning, None
            return await task

    def do_reset(self):
        if self.churning:
            self.churning.cancel()
            self.churning = None
        self.server.reset()

    # How it behaves.

    async def do_fault(self, **args):
        fault = Fault(**args)
        if fault.kind == "refuse":
            return await self.server.stop_listening()
        self.server.faults.add(fault)

    def do_clear_faults(self):
        self.server.faults.list.clear()
        self.server.listen_again()

    def do_tokens(self, table=None):
        self.server.tokens.table = table
        self.server.tokens.expired.clear()
        self.server.streams.recheck()

    def do_expire(self, token):
        self.server.tokens.expired.add(token)

    def do_set(self, **changes):
        buffer = changes.pop("buffer", None)
        self.server.settings.change(changes)
        if buffer:
            self.catalogue.resize(buffer)

    def do_freeze(self, on=True):
        self.server.answers.freeze(on)

    def do_stream(self, what, **args):
        return {"streams": self.server.streams.command(what, **args)}

    def do_stop_server(self, waits):
        self.server.streams.command("silence")
        if waits == "end":
            self.server.answers.end_waits()

    async def do_stop_listening(self, drop=True):
        await self.server.stop_listening(drop)

    def do_listen_again(self):
        self.server.listen_again()

    def do_drop(self):
        self.server.drop()

    # What it saw.

    def do_counters(self):
        return {"counters": self.server.counters.as_dict()}

    def do_log(self):
        return {"log": list(self.server.counters.log)}

    def do_reset_counters(self):
        self.server.counters.reset()


def say(answer):
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
    sys.stdout.buffer.flush()


async def obey_stdin(server):
    """Commands, until standard input ends."""
    mode = os.fstat(0).st_mode
    if not stat.S_ISFIFO(mode) and not stat.S_ISSOCK(mode) and not os.isatty(0):
        return      # a file, or /dev/null: nobody is there
    reader = asyncio.StreamReader(limit=LINE_LIMIT)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    control = Control(server)
    while line := await reader.readline():
        say(await control.obey(line))
