"""The door to a stand-in agent for tests: `with Agent() as agent:` starts one, agent.url is where it is."""

import base64
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading


class Agent:
    """A stand-in agent in its own process. It ends with the block, or when this process ends."""

    def __init__(self, listen="127.0.0.1", port=0, tcp=True, unix=None, tls_cert=None, tls_key=None, client_ca=None,
                 seed=1, demo=False):
        command = [sys.executable, str(pathlib.Path(__file__).resolve().parent), "--listen", listen,
                   "--port", str(port), "--seed", str(seed)]
        for option, value in (("--unix", unix), ("--tls-cert", tls_cert), ("--tls-key", tls_key),
                              ("--client-ca", client_ca)):
            command += [option, str(value)] if value else []
        command += ["--demo"] * demo + ["--no-tcp"] * (not tcp)
        self.lock, self.guard = threading.Lock(), None
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0)
        ready = self._answer()
        self.url, self.port, self.unix = ready.get("url"), ready.get("port"), ready.get("unix")
        self.unix_url = f"unix://{self.unix}" if self.unix else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def reset(self):
        """As just started, on the same addresses: nothing registered, no faults, ACLs off, default settings,
        counters at zero. Open connections end. Cheaper than another agent."""
        self.do("reset")

    # The catalogue.

    def can_have(self, **_):
        """Whether a real agent takes such a registration; this one takes all."""
        return True

    def register(self, name, **fields):
        """Registers one instance (or changes the one with this id); its ID. Fields: address, port, namespace, tags,
        alloc, node, job, dc, id, group, label."""
        return self.register_many([{"name": name, **fields}])[0]

    def register_many(self, services, silent=False):
        """Registers a list of dictionaries at one index, in one frame; their IDs."""
        return self.do("register", services=services, silent=silent)["ids"]

    def deregister(self, id, namespace="default", type="ServiceDeregistration", silent=False):
        """Removes one ID, or a list of them in one frame; type is the event's. silent: no event, only the index."""
        ids = [id] if isinstance(id, str) else list(id)
        return self.do("deregister", ids=ids, namespace=namespace, type=type, silent=silent)["index"]

    def restart_allocation(self, id, namespace="default", gap=0):
        """Deregisters all that the allocation of this ID registered; registers it again at once, in the same read, or gap
        s later. A real agent takes a millisecond or two, so that the two seldom come in one read; tests/unit/test_registry.c
        has the times."""
        return self.do("restart", id=id, namespace=namespace, gap=gap)["index"]

    def services(self, **only):
        """The truth: {(namespace, name): [registration, ...]}; only: namespace=, name=."""
        return {(namespace, name): instances
                for namespace, name, instances in self.do("services", **only)["services"]}

    def create_namespace(self, name):
        """Makes an empty namespace; register() makes those it needs."""
        self.do("namespace", name=name)

    def delete_namespace(self, name):
        """Deletes an empty namespace."""
        self.do("namespace", name=name, delete=True)

    def index(self):
        """X-Nomad-Index."""
        return self.do("others", count=0)["index"]

    def others(self, count):
        """Raft goes on by `count` events of other topics."""
        self.do("others", count=count)

    def rebuild(self, index=1, keep=True, streams="silent"):
        """The index goes to `index`, with the same services (snapshot restored) or none (keep=False: agent restarted
        with nothing). Open streams: "silent", "close" or "live"."""
        self.do("rebuild", index=index, keep=keep, streams=streams)

    def populate(self, services, instances, **args):
        """service-0... with deterministic addresses (load.address); args: namespace, prefix, silent."""
        return self.do("populate", services=services, instances=instances, **args)

    def churn(self, changes, seed=1, rate=None, wait=True):
        """Random changes inside the agent, `rate` a second; what was done. wait=False: churn_wait() tells later."""
        return self.do("churn", changes=changes, seed=seed, rate=rate, wait=wait)

    def churn_wait(self):
        """Waits for churn(wait=False)."""
        return self.do("churn_wait")

    # How it behaves.

    def fault(self, kind, path=None, times=None, **args):
        """Fails requests whose path begins with `path`, `times` times or until cleared; kinds: faults.py.
        stale_only=True: only `stale` reads; at="accept": hang, eof, reset before anything is read."""
        if isinstance(args.get("data"), bytes):
            args["data"] = base64.b64encode(args["data"]).decode()
        if "file" in args:
            args["file"] = os.path.abspath(args["file"])
        self.do("fault", kind=kind, path=path, times=times, **args)

    def clear_faults(self):
        """No more faults; listens again if it was refusing."""
        self.do("clear_faults")

    def tokens(self, table=None):
        """ACLs: {secret: {"namespaces": [...], "deny": [...], "management": bool, "identity": bool}}; "" is a
        request without a token. None: ACLs off. Streams that lose their right go silent. A token that is to expire()
        says "expires": True, which a real agent wants to know when it makes it."""
        self.do("tokens", table=table)

    def secret(self, name):
        """The secret of the token that tokens() was given under this name; a real agent draws one."""
        return name

    def obeys(self):
        """Whether it can be told something just now."""
        return not self.guard

    def expire(self, token):
        """A token expires: its streams go on with heartbeats until the next event."""
        self.do("expire", token=token)

    def set(self, **settings):
        """Settings (settings.py): heartbeat, denied_close, max_connections, error_prefix, headers...; and buffer."""
        self.do("set", **settings)

    def freeze_reads(self, on=True):
        """Reads answer the past, as of a server that lags; events go on. False: the present again."""
        self.do("freeze", on=on)

    def stream(self, what, **args):
        """Does something to the open streams (stream.py, COMMANDS); how many there were."""
        if isinstance(args.get("data"), bytes):
            args["data"] = base64.b64encode(args["data"]).decode()
        return self.do("stream", what=what, **args)["streams"]

    def stop_server(self, waits="hold"):
        """The server behind this agent stops, and the agent goes on with another one: the open streams are silent from now
        on, and stay open; reads that wait are taken over ("hold"), or end with 500 ("end": that server was the leader)."""
        self.do("stop_server", waits=waits)

    def stop_listening(self, drop=True):
        """Connections are refused; drop: open ones are closed."""
        self.do("stop_listening", drop=drop)

    def listen_again(self):
        """Listens on the same port again."""
        self.do("listen_again")

    def drop(self):
        """Closes all open connections."""
        self.do("drop")

    def pause(self):
        """SIGSTOP: connections are accepted by the kernel, nothing is answered. No command works until resume()."""
        # A stopped agent does not see its stdin end, should we die meanwhile: then this shell does.
        self.guard = subprocess.Popen(["/bin/sh", "-c", f"read line || kill -9 {self.process.pid}"],
                                      stdin=subprocess.PIPE, process_group=0)
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)
        if self.guard:
            self.guard.communicate(b"\n")
            self.guard = None

    def kill(self):
        """SIGKILL; the ports are free afterwards."""
        self.resume()
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    # What it saw.

    def counters(self):
        """requests (by path), total, opened, open, most_open, serving, most_serving, streams, most_streams."""
        return self.do("counters")["counters"]

    def log(self):
        """The last 1000 requests, each {method, path, params, headers (lower case), time}."""
        return self.do("log")["log"]

    def reset_counters(self):
        """From zero again."""
        self.do("reset_counters")

    def batch(self, *commands):
        """Commands as dictionaries, {"do": "register", ...}, carried out at once: their frames come together."""
        self.do("batch", commands=commands)

    def do(self, command, **args):
        """Any command of control.py; its answer, or RuntimeError."""
        if self.guard:
            raise RuntimeError("the agent is paused")
        with self.lock:
            self.process.stdin.write(json.dumps({"do": command, **args}).encode() + b"\n")
            self.process.stdin.flush()
            return self._answer()

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the stand-in agent ended: {self.process.wait()}")
        answer = json.loads(line)
        if not answer.pop("ok"):
            raise RuntimeError(answer["error"])
        return answer
