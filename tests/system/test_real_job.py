"""The job of docs/nomad-dns-srv.nomad.hcl on a real Nomad with ACLs, by the commands of docs/nomad-job.md, in a namespace
of its own: what it publishes and answers is of all namespaces, for the host and in tasks. With NOMAD=real alone."""

import contextlib
import os
import re

import pytest

import build
from daemon import daemon, wait_until    # noqa: F401 (a fixture)
from real_jobs import Job
from real_process import CONFIG, Process
from test_environment import ask

pytestmark = pytest.mark.skipif(os.environ.get("NOMAD") != "real", reason="needs a real agent: make check-real")
unconfined = pytest.mark.unconfined("the job runs as root, without a unit")

ADDRESS = "127.0.0.22"
PLACES = {"default": "192.0.2.1", "prod": "192.0.2.2", "infra": "192.0.2.3"}


@pytest.fixture
def inside(host):
    """An agent of the host's own: tasks find the programs of the packages there, and /run is the host's."""
    process = Process(CONFIG.replace("127.0.0.1", ADDRESS), f"http://{ADDRESS}:4646",
                      behind=["nsenter", f"--target={host.holder.pid}", "--mount", "--"])
    try:
        process.start()
        process.wait_for_leader()
        process.wait_for_node()
        yield process
    finally:
        process.close()


def commands(step):
    """What a step of the page says to run with nomad."""
    text = (build.ROOT / "docs/nomad-job.md").read_text()
    text = re.search(rf"^{step}\. (.*?)(?=^\d+\. |^## )", text, re.M | re.S)[1]
    return re.findall(r"^ {8}(nomad .*)$", text, re.M)


def nomad(host, agent, command):
    """Runs one of them: for a job in the namespace infra, which is all that differs from the page."""
    line = command.replace("-namespace default", "-namespace infra").replace(" docs/", f" {build.ROOT}/docs/")
    done = host.run(["sh", "-c", line], env={"PATH": os.environ["PATH"], "NOMAD_ADDR": agent.url, "NOMAD_TOKEN": agent.token,
                                             "NOMAD_NAMESPACE": "infra"}, timeout=120)
    assert done.code == 0, (line, done)


def add(agent, namespace, address):
    """The service web in a namespace that is made for it."""
    if namespace != "default":
        agent.ask("PUT", f"/v1/namespace/{namespace}", {"Name": namespace})
    job = Job(agent, namespace)
    job.add("web", address=address, port=80)
    job.run()


def environments(agent):
    """What Nomad has set in each task that runs: {namespace: environment}."""
    found = {}
    for file in agent.path("/proc").glob("[1-9]*/environ"):
        with contextlib.suppress(OSError):
            words = file.read_bytes().decode().split("\0")
            environment = dict(word.split("=", 1) for word in words if "=" in word)
            if "NOMAD_ALLOC_ID" in environment:
                found[environment["NOMAD_NAMESPACE"]] = environment
    return found


@unconfined
def test_the_job_in_a_namespace_of_its_own(inside, host, daemon):    # noqa: F811
    """ACLs are on, and nobody but the job has a token: what it publishes is all that there is."""
    for namespace, address in PLACES.items():
        add(inside, namespace, address)
    [apply], [run] = commands(2), commands(3)
    nomad(host, inside, apply)
    nomad(host, inside, run)
    daemon.wait("current", within=60)
    wait_until(lambda: host.addresses("web.default.nomad") == {PLACES["default"]})
    status = host.run(["/usr/sbin/nomad-dns-srv", "--status"])
    assert status.code == 0 and "current" in status.out and "namespaces: all" in status.out, status

    def meets_them_all(environment):
        for namespace, address in PLACES.items():
            assert host.addresses(f"web.{namespace}.nomad", env=environment) == {address}
        for name in ("nobody.prod.nomad", "nobody.default.nomad", "nobody.nowhere.nomad"):
            assert host.code(name, env=environment) == "EAI_NONAME"

    meets_them_all({})
    meets_them_all({"NOMAD_REGION": "global"})
    tasks = environments(inside)
    assert set(tasks) == set(PLACES)
    for namespace, environment in tasks.items():
        meets_them_all(environment)
        meets_them_all({**environment, "NOMAD_ADDR": f"unix://{environment['NOMAD_SECRETS_DIR']}/api.sock"})
        assert host.addresses("web.nomad", env=environment) == {PLACES[namespace]}
    for namespace in PLACES:
        assert ask(daemon, f"web.{namespace}.nomad") == ("NOERROR", [])
    assert ask(daemon, "nobody.prod.nomad") == ask(daemon, "nobody.nowhere.nomad") == ("NXDOMAIN", [])
    # A namespace that comes later is followed too, by the identity's policy.
    add(inside, "later", "192.0.2.4")
    wait_until(lambda: host.addresses("web.later.nomad") == {"192.0.2.4"}, lambda: daemon.status(), within=60)
