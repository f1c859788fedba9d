"""A real Nomad agent in the place of the stand-in, for `make check-real`: server and client in one, services as jobs.

It has the methods of standin.client.Agent that a real agent can do; a test that wants more (faults, counters, events
made up) is skipped where it does. conftest.py makes one where NOMAD=real is in the environment.
"""

import contextlib
import re
import signal
import time
import urllib.error
import urllib.parse

import pytest

from real_jobs import Job, identity, possible
from real_process import Process

ACLS_OFF = {"": {"namespaces": ["*"]}}  # as good as off: who has no token may read everything
LIFE = 15       # seconds that a token lives which is to expire
ENDED = "complete", "failed", "lost"    # what the client says of an allocation that it runs no more


class Agent:
    """One agent; it ends with the block."""

    def __init__(self):
        self.process = Process()
        self.url, self.port = self.process.url, 4646
        self.jobs = {}          # (namespace, ID of a registration) -> (job, service)
        self.secrets = {}       # name of a token -> (its accessor, its secret, when it expires)
        self.paused = False
        self.killed = False     # since it was started with nothing
        self.process.start()
        self.process.wait_for_leader()
        self.process.wait_for_node()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.close()

    def __getattr__(self, name):
        pytest.skip(f"a real agent has no {name}()")

    def reset(self):
        """No services, no other namespaces, and everybody may read."""
        if self.killed:     # its client does not always end what it had started before
            self._start_anew()
        self._end_jobs()
        self.jobs.clear()
        self.tokens(None)
        for namespace in self.process.ask("GET", "/v1/namespaces")[0]:
            if namespace["Name"] != "default":
                self.delete_namespace(namespace["Name"])

    def _end_jobs(self):
        """Also those of a test that failed. They are stopped first: of a job that is purged at once the server knows no
        allocation any more, and services that its client registers while it stops stay for ever."""
        jobs = self.process.ask("GET", "/v1/jobs", namespace="*")[0]
        self._delete_jobs(jobs, purge="false")
        self.process.wait_for("/v1/allocations",
                              lambda there: all(each["ClientStatus"] in ENDED for each in there))
        self._delete_jobs(jobs, purge="true")
        for listed in self.process.ask("GET", "/v1/services", namespace="*")[0]:
            for service in listed["Services"]:
                if "/" not in service["ServiceName"]:   # that one cannot be asked for: it is another path
                    self._deregister_all(listed["Namespace"], service["ServiceName"])

    def _delete_jobs(self, jobs, purge):
        for job in jobs:
            self.process.ask("DELETE", f"/v1/job/{job['ID']}", namespace=job["Namespace"], purge=purge)

    def _deregister_all(self, namespace, name):
        path = f"/v1/service/{urllib.parse.quote(name, safe='')}"
        for each in self.process.ask("GET", path, namespace=namespace)[0]:
            with contextlib.suppress(urllib.error.HTTPError):   # gone meanwhile, with its job
                self.process.ask("DELETE", f"{path}/{urllib.parse.quote(each['ID'], safe='')}", namespace=namespace)

    def reset_counters(self):
        """Counts nothing: a test is skipped where it asks for them."""

    def clear_faults(self):
        """Has none."""

    # The catalogue.

    def services(self, **only):
        """The truth: {(namespace, name): [registration, ...]}, but for what a client registered again after its namespace
        was deleted: that is shown to nobody but the management."""
        found, there = {}, {each["Name"] for each in self.process.ask("GET", "/v1/namespaces")[0]}
        for listed in self.process.ask("GET", "/v1/services", namespace="*")[0]:
            for service in listed["Services"] if listed["Namespace"] in there else ():
                namespace, name = listed["Namespace"], service["ServiceName"]
                if only in ({}, {"namespace": namespace, "name": name}) and "/" not in name:
                    found[namespace, name] = self.process.ask(
                        "GET", f"/v1/service/{urllib.parse.quote(name, safe='')}", namespace=namespace)[0]
        return found

    def can_have(self, address="127.0.0.1", port=1, **_):
        """Whether it takes such a registration."""
        return possible(address, port)

    def register(self, name, id=None, **fields):
        """Registers one instance, or changes the one with this ID; its ID, another one where the port is."""
        return self._change(id, **fields) if id else self.register_many([{"name": name, **fields}])[0]

    def _change(self, id, namespace="default", **fields):
        job, service = self.jobs.pop((namespace, id))
        keys = {"address": "Address", "port": "PortLabel", "tags": "Tags"}
        service.update((keys[name], str(value) if name == "port" else value) for name, value in fields.items())
        return self._run([(job, service)])[0]

    def register_many(self, services, silent=False):
        """A job for each namespace; their IDs once they are registered."""
        jobs, placed = {}, []
        if not self.obeys():
            pytest.skip("a real agent registers nothing while it is away")
        for service in services:
            wanted = {"namespace": "default", **service}
            namespace = wanted.pop("namespace") or "default"
            if not wanted.keys() <= {"name", "address", "port", "tags"}:
                pytest.skip(f"a real agent chooses {', '.join(wanted)} itself")
            if namespace not in jobs:
                self.create_namespace(namespace)
                jobs[namespace] = Job(self.process, namespace)
            placed.append((jobs[namespace], jobs[namespace].add(**wanted)))
        return self._run(placed)

    def _run(self, placed):
        ids = {}
        for job in {job for job, _ in placed}:
            ids.update(job.run())
        self.jobs.update({(job.namespace, ids[id(service)]): (job, service) for job, service in placed})
        return [ids[id(service)] for _, service in placed]

    def populate(self, services, instances, namespace="default", prefix="service-", silent=False):
        """As standin.load.populate(): they are one allocation."""
        self.register_many([{"name": f"{prefix}{number}", "namespace": namespace, "tags": [f"i{instance}"],
                             "address": f"10.0.{number // 100}.{number % 100 * 2 + instance % 2}", "port": 20000 + instance}
                            for number in range(services) for instance in range(instances)])

    def deregister(self, id, namespace="default", name=None, type="ServiceDeregistration", silent=False):
        """Removes one ID, or a list of them, each in a frame of its own."""
        if silent or type != "ServiceDeregistration":
            pytest.skip("a real agent is not told how to delete")
        for one in [id] if isinstance(id, str) else id:
            service = name or self._name_of(namespace, one)
            if not name and not self._one(namespace, service, one):
                self._deregister_successor(namespace, service, self.jobs[namespace, one][0].id)
                continue
            self.process.ask("DELETE", f"/v1/service/{urllib.parse.quote(service, safe='')}/"
                             f"{urllib.parse.quote(one, safe='')}", namespace=namespace)

    def _deregister_successor(self, namespace, name, job):
        """Its node was given up in an outage, and its job has another allocation now."""
        for each in self.services(namespace=namespace, name=name).get((namespace, name), ()):
            if each["JobID"] == job:
                self.deregister(each["ID"], namespace, name)

    def _name_of(self, namespace, id):
        job, service = self.jobs[namespace, id]
        return job.name_of(service)

    def restart_allocation(self, id, namespace="default", gap=None):
        """Restarts the allocation of a registration; returns once its registrations are new ones."""
        name = self._name_of(namespace, id)
        before = self._one(namespace, name, id)
        self.process.ask("PUT", f"/v1/client/allocation/{before['AllocID']}/restart", {"AllTasks": True})
        index = 0
        while (self._one(namespace, name, id) or before)["CreateIndex"] == before["CreateIndex"]:
            _, index = self.process.ask("GET", f"/v1/service/{name}", namespace=namespace, index=index, wait="5s")

    def _one(self, namespace, name, id):
        found, _ = self.process.ask("GET", f"/v1/service/{urllib.parse.quote(name)}", namespace=namespace)
        return next((each for each in found if each["ID"] == id), None)

    def create_namespace(self, name):
        if not re.fullmatch("[a-zA-Z0-9-]{1,128}", name):
            pytest.skip("Nomad has no namespace of that name")
        if name != "default":
            self.process.ask("PUT", f"/v1/namespace/{name}", {"Name": name})

    def delete_namespace(self, name):
        self.process.ask("DELETE", f"/v1/namespace/{name}")

    def index(self):
        return self.process.ask("GET", "/v1/services", namespace="*")[1]

    def others(self, count):
        for number in range(count):
            self.process.ask("PUT", "/v1/namespace/default", {"Name": "default", "Description": str(number)})

    # ACLs.

    def tokens(self, table=None):
        """As the stand-in's; a token keeps its secret while only its rights change."""
        table = ACLS_OFF if table is None else table
        for name in set(self.secrets) - set(table):
            accessor, *_ = self.secrets.pop(name)
            if accessor:
                self.process.ask("DELETE", f"/v1/acl/token/{accessor}")
        for name, token in table.items():
            if token.get("identity"):
                self.secrets.setdefault(name, (None, identity(self.process), None))
                continue
            self._policy(f"test-{name}" if name else "anonymous", token)
            if name and name not in self.secrets:
                self._token(name, token)
        if "" not in table:
            with contextlib.suppress(urllib.error.HTTPError):
                self.process.ask("DELETE", "/v1/acl/policy/anonymous")

    def _policy(self, name, token):
        rights = [(each, 'capabilities = ["read-job"]') for each in token.get("namespaces", ())]
        rights += [(each, 'policy = "deny"') for each in token.get("deny", ())]
        rules = [f'namespace "{each}" {{ {right} }}' for each, right in rights or [("no-such", 'policy = "deny"')]]
        self.process.ask("PUT", f"/v1/acl/policy/{name}", {"Name": name, "Rules": "\n".join(rules)})

    def _token(self, name, token):
        life = {"ExpirationTTL": f"{LIFE}s"} if token.get("expires") else {}
        made, _ = self.process.ask("PUT", "/v1/acl/token",
                                   {"Name": name, "Type": "client", "Policies": [f"test-{name}"], **life})
        self.secrets[name] = made["AccessorID"], made["SecretID"], time.time() + LIFE

    def secret(self, name):
        """The secret of the token that tokens() knows by this name."""
        return self.secrets[name][1]

    def expire(self, name):
        """The time of a token that `expires` comes."""
        while time.time() < self.secrets[name][2]:
            time.sleep(0.05)

    # How it fails.

    def obeys(self):
        """Whether it can be told something just now."""
        return self.process.agent is not None and not self.paused

    def stop_listening(self, drop=True):
        """kill -9, once all tasks run: an allocation whose client has not said that yet fails when it is started again."""
        self.process.wait_for("/v1/allocations",
                              lambda there: all(each["ClientStatus"] != "pending" for each in there))
        self.process.kill()
        self.killed = True

    def listen_again(self):
        """Starts again with what it had; returns when it answers."""
        if not self.process.agent:
            self.process.start()
            self.process.wait_for_leader()

    def rebuild(self, index=1, keep=True, streams="silent"):
        """A snapshot is restored, of before the last change; or the agent starts anew with nothing."""
        if not keep:
            self._start_anew()
            return
        if streams != "silent":
            pytest.skip("streams end with a restored snapshot")
        snapshot, _ = self.process.ask("GET", "/v1/operator/snapshot")
        self.register("later", address="10.9.9.9")
        self.process.ask("PUT", "/v1/operator/snapshot", snapshot)

    def _start_anew(self):
        """With nothing, as after its folder was lost."""
        if self.process.agent:
            self.process.kill()
        self.process.forget()
        self.jobs.clear()
        self.secrets.clear()
        self.listen_again()
        self.process.wait_for_node()
        self.tokens(None)
        self.killed = False

    def pause(self):
        """SIGSTOP: it accepts and never answers."""
        self.process.signal(signal.SIGSTOP)
        self.paused = True

    def resume(self):
        if self.paused:
            self.process.signal(signal.SIGCONT)
        self.paused = False
