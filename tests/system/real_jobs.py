"""Registrations as a real Nomad has them: jobs, whose only task sleeps. Called by real.py."""

import os
import random
import re
import urllib.error
import urllib.parse

import pytest

NAME = re.compile(r"(?i:[a-z0-9]|[a-z0-9][a-z0-9-]{0,61}[a-z0-9])")     # what a job may say as it is
GROUPS_MOST = 8     # allocations that a test may want: each is a process of the agent's besides the task
TASK = {"Name": "t", "Driver": "raw_exec", "Config": {"command": "/bin/sleep", "args": ["86400"]},
        "LogConfig": {"Disabled": True}, "Resources": {"CPU": 1, "MemoryMB": 10}}


class Job:
    """Some registrations of one namespace. Those that differ in name or port share an allocation."""

    def __init__(self, agent, namespace):
        self.agent, self.namespace, self.id = agent, namespace, f"test-{os.urandom(6).hex()}"
        self.groups, self.places, self.meta = [], {}, {}

    def add(self, name, address="127.0.0.1", port=None, tags=()):
        """One more registration, not known to Nomad before run(); where it stands."""
        port = random.randrange(20000, 32001) if port is None else port
        if not possible(address, port):
            pytest.skip(f"a real agent registers nothing at {address} with port {port}")
        if not NAME.fullmatch(name):    # what Nomad does not look at once it is put together
            word = f"name_{len(self.meta)}"
            self.meta[word], name = name, f"${{NOMAD_META_{word}}}"
        service = {"Name": name, "Provider": "nomad", "PortLabel": str(port), "Tags": list(tags)}
        if address:
            service["Address"] = address
        for group in self.groups:
            if (name, service["PortLabel"]) not in {(each["Name"], each["PortLabel"]) for each in group}:
                break
        else:
            group = []
            self.groups.append(group)
        if len(self.groups) > GROUPS_MOST:
            pytest.skip("more allocations than a node runs beside other tests")
        group.append(service)
        return service

    def run(self):
        """Submits it, and waits until the agent shows it as it is; the IDs of services as add() gave them."""
        groups = [{"Name": f"g{number}", "Count": 1, "Services": services, "Tasks": [TASK]}
                  for number, services in enumerate(self.groups)]
        try:
            self.agent.ask("PUT", "/v1/jobs", {"Job": {
                "ID": self.id, "Name": self.id, "Namespace": self.namespace, "Type": "service", "Datacenters": ["*"],
                "Meta": self.meta, "TaskGroups": groups}})
        except urllib.error.HTTPError as error:
            pytest.skip(f"a real agent takes no such service: {error.msg}")
        return self.wait()

    def wait(self):
        wanted = {self.key(number, service): id(service)
                  for number, services in enumerate(self.groups) for service in services}
        index, path = 0, f"/v1/job/{urllib.parse.quote(self.id)}/services"
        for _ in range(12):
            there, index = self.agent.ask("GET", path, namespace=self.namespace, index=index, wait="5s")
            ids = {wanted.get((group_of(each), each["ServiceName"], each["Address"], each["Port"], tuple(each["Tags"]))):
                   each["ID"] for each in there or ()}
            if set(wanted.values()) <= set(ids):
                return ids
        raise RuntimeError(f"nomad did not register {self.groups}")

    def key(self, group, service):
        return (f"g{group}", self.name_of(service), service.get("Address", ""), int(service["PortLabel"]),
                tuple(service["Tags"]))

    def name_of(self, service):
        """The name that it has once it is put together."""
        name = service["Name"]
        return self.meta[name[len("${NOMAD_META_"):-1]] if name.startswith("$") else name


def identity(agent):
    """A workload's own token, of a job that goes on: to be read from the file that the agent makes for its task."""
    job = f"identity-{os.urandom(6).hex()}"
    task = {**TASK, "Identity": {"File": True}}
    agent.ask("PUT", "/v1/jobs", {"Job": {"ID": job, "Name": job, "Type": "service", "Datacenters": ["*"],
                                          "TaskGroups": [{"Name": "g", "Count": 1, "Tasks": [task]}]}})
    index = 0
    for _ in range(12):
        allocations, index = agent.ask("GET", f"/v1/job/{job}/allocations", index=index, wait="5s")
        if allocations and allocations[0]["ClientStatus"] == "running":
            return agent.path(f"/mnt/nomad/alloc/{allocations[0]['ID']}/t/secrets/nomad_token").read_text()
    raise RuntimeError("nomad did not run a task")


def possible(address, port):
    """Whether an allocation with a service there can begin."""
    return address not in ("0.0.0.0", "::") and bool(address or port)


def group_of(registration):
    return re.match(r"_nomad-task-[0-9a-f-]{36}-group-(g\d+)-", registration["ID"]).group(1)
