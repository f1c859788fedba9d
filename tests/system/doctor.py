"""nomad-lookup --check, and a host on which all is well."""

import contextlib
import json
import subprocess

import pytest

from daemon import wait_until


def everything(host, *arguments, **run):
    """All that the doctor says."""
    return json.loads(host.run(["nomad-lookup", "--check", "--json", *arguments], **run).out)["checks"]


def examine(host, *arguments, **run):
    """What the doctor says: {check: (state, finding, remedy)}, the worst of each check."""
    done = host.run(["nomad-lookup", "--check", "--json", *arguments], **run)
    said = json.loads(done.out)
    assert said["ok"] == (done.code == 0), done
    assert done.code == (1 if any(check["state"] == "fault" for check in said["checks"]) else 0)
    worst = {}
    for check in said["checks"]:
        assert (check["state"] != "fault") or check["remedy"], check
        if worst.get(check["check"], ("ok",))[0] != "fault":
            worst[check["check"]] = (check["state"], check["finding"], check["remedy"])
    return worst


def faults(said):
    return {check for check, (state, _, _) in said.items() if state == "fault"}


@contextlib.contextmanager
def running(host, log):
    """nomad-dns-srv in the host, once it follows."""
    with open(log, "wb") as out:
        process = host.start(["nomad-dns-srv", "--check-interval", "100"], stderr=out, stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: process.poll() is not None or host.run(["nomad-dns-srv", "--status"]).code == 0)
        assert process.poll() is None, log.read_text()
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait()


@pytest.fixture
def sound(host, agent, folder):
    """A host on which all is well: the module, the daemon, an agent with a service."""
    agent.register_many([{"name": "web", "address": "192.0.2.10", "port": 80},
                         {"name": "web", "address": "2001:db8::10", "port": 80}])
    with running(host, folder / "log") as process:
        host.daemon = process
        yield host
