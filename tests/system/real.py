"""A real Nomad agent in the place of the stand-in, for `make check-real`: `nomad agent -dev` with a job a registration.

It has the methods of standin.client.Agent that a real agent can do; a test that wants more (faults, counters, odd
registrations) is skipped. conftest.py makes one where NOMAD=real is in the environment.
"""

import json
import os
import re
import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import pytest

CONFIG = """
disable_update_check = true
bind_addr = "127.0.0.1"
client {
  options = { "fingerprint.denylist" = "env_aws,env_gce,env_azure,env_digitalocean" }
}
plugin "raw_exec" {
  config { enabled = true }
}
"""
# The agent wants no cgroups where they are not all there, and its files go with the mount namespace.
START = """
umount -R /sys/fs/cgroup 2>/dev/null || umount -R -l /sys/fs/cgroup 2>/dev/null
mount -t tmpfs tmpfs /tmp
cat >/tmp/agent.hcl
exec nomad agent -dev -config=/tmp/agent.hcl
"""
WITHIN = 60     # seconds for anything the agent does


class Agent:
    """One dev agent; it ends with the block."""

    def __init__(self):
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private", "--pid", "--fork",
             "--mount-proc", "--kill-child=KILL", "sh", "-c", START],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={name: value for name, value in os.environ.items() if not name.startswith("NOMAD")})
        self.process.stdin.write(CONFIG.encode())
        self.process.stdin.close()
        self.port, self.url, self.jobs = 4646, "http://127.0.0.1:4646", {}
        self._wait_for_leader()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """With the agent, the first of its process IDs, all that it has started ends, and before it does."""
        try:
            self._signal(signal.SIGKILL)
        except (IndexError, OSError):
            self.process.kill()
        self.process.wait()

    def __getattr__(self, name):
        pytest.skip(f"a real agent has no {name}()")

    def _ask(self, method, path, body=None, **parameters):
        """The answer's JSON and X-Nomad-Index."""
        request = urllib.request.Request(f"{self.url}{path}?{urllib.parse.urlencode(parameters)}", method=method,
                                         data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=WITHIN) as answer:
            text = answer.read()
            return json.loads(text) if text else None, int(answer.headers.get("X-Nomad-Index", 0))

    def _wait_for_leader(self):
        """Until a node is ready to run something: until then nothing listens, and later reads block."""
        while True:
            if self.process.poll() is not None:
                raise RuntimeError("nomad agent -dev did not start")
            try:
                nodes, index = self._ask("GET", "/v1/nodes")
                while not any(node["Status"] == "ready" for node in nodes):
                    nodes, index = self._ask("GET", "/v1/nodes", index=index or 1, wait="10s")
                return
            except (urllib.error.URLError, ConnectionError):
                pass

    def reset(self):
        """No services: the registrations go at once, their jobs when the agent comes to it."""
        for (namespace, name), instances in self.services().items():
            for instance in instances:
                self.deregister(instance["ID"], namespace, name)
        for job in set(self.jobs.values()):
            self._ask("DELETE", f"/v1/job/{job[1]}", namespace=job[0], purge="true")
        self.jobs.clear()

    def services(self, **only):
        """The truth: {(namespace, name): [registration, ...]}."""
        found = {}
        for listed in self._ask("GET", "/v1/services", namespace="*")[0]:
            for service in listed["Services"]:
                namespace, name = listed["Namespace"], service["ServiceName"]
                path = f"/v1/service/{urllib.parse.quote(name, safe='')}"
                if only in ({}, {"namespace": namespace, "name": name}):
                    found[namespace, name] = self._ask("GET", path, namespace=namespace)[0]
        return found

    def register(self, name, **fields):
        return self.register_many([{"name": name, **fields}])[0]

    def register_many(self, services):
        """A job each; their IDs once they are registered."""
        if len(services) > 20:
            pytest.skip("a job each: more than a dev agent runs")
        return [self._register(**service) for service in services]

    def _register(self, name, address="127.0.0.1", port=0, namespace="default", tags=(), id=None, **more):
        if more or id or not address:
            pytest.skip(f"a real agent chooses {', '.join(more) or ('the ID' if id else 'the address')} itself")
        if namespace != "default":
            self._ask("PUT", f"/v1/namespace/{namespace}", {"Name": namespace})
        job = f"test-{len(self.jobs)}-{os.urandom(4).hex()}"
        service = {"Name": name, "Provider": "nomad", "Address": address, "PortLabel": str(port), "Tags": list(tags)}
        task = {"Name": "t", "Driver": "raw_exec", "Config": {"command": "/bin/sleep", "args": ["86400"]},
                "Resources": {"CPU": 1, "MemoryMB": 10}}
        group = {"Name": "g", "Count": 1, "Services": [service], "Tasks": [task]}
        try:
            self._ask("PUT", "/v1/jobs", {"Job": {"ID": job, "Name": job, "Namespace": namespace, "Type": "service",
                                                  "Datacenters": ["*"], "TaskGroups": [group]}})
        except urllib.error.HTTPError as error:
            pytest.skip(f"a real agent takes no such service: {error.read().decode()[:100]}")
        return self._wait_for(namespace, job, name, address)

    def _wait_for(self, namespace, job, name, address):
        index, path = 0, f"/v1/service/{urllib.parse.quote(name, safe='')}"
        for _ in range(WITHIN // 5):
            found, index = self._ask("GET", path, namespace=namespace, index=index, wait="5s")
            for instance in found:
                if instance["JobID"] == job and instance["Address"] == address:
                    self.jobs[instance["ID"]] = (namespace, job)
                    return instance["ID"]
        raise RuntimeError(f"nomad did not register {name} within {WITHIN} s")

    def deregister(self, id, namespace="default", name=None):
        for one in [id] if isinstance(id, str) else id:
            service = name or re.search(r"-group-g-(.*)-[0-9]+$", one).group(1)
            self._ask("DELETE", f"/v1/service/{urllib.parse.quote(service, safe='')}/{one}", namespace=namespace)

    def pause(self):
        """SIGSTOP: it accepts and never answers."""
        self._signal(signal.SIGSTOP)

    def resume(self):
        self._signal(signal.SIGCONT)

    def _signal(self, number):
        """To the agent itself, the one child of unshare."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as children:
            os.kill(int(children.read().split()[0]), number)
