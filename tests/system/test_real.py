"""What only a real Nomad does, and what its operators do to it: in no case is anything wrong, or left behind.
With NOMAD=real alone: make check-real."""

import contextlib
import os
import signal
import socket
import ssl
import subprocess
import time

import pytest

from daemon import daemon, truth, wait_until    # noqa: F401 (a fixture)
from real_process import CONFIG, Process
from test_daemon_follow import FastReader

pytestmark = pytest.mark.skipif(os.environ.get("NOMAD") != "real", reason="needs a real agent: make check-real")

SERVERS = ("127.0.0.11", "127.0.0.12", "127.0.0.13")
CLIENT = "127.0.0.14"
JOB = {"Type": "service", "Datacenters": ["*"]}
TASK = {"Name": "t", "Driver": "raw_exec", "Config": {"command": "/bin/sleep", "args": ["86400"]},
        "LogConfig": {"Disabled": True}, "Resources": {"CPU": 1, "MemoryMB": 10}}


def submit(agent, name, count=1, task=(), **group):
    """A job by its name, with a service of that name on a port of the node's; its allocations go by the job's ID."""
    service = {"Name": name, "Provider": "nomad", "PortLabel": "http", "Tags": ["stable"], "CanaryTags": ["canary"]}
    agent.ask("PUT", "/v1/jobs", {"Job": {**JOB, "ID": name, "Name": name, "TaskGroups": [{
        "Name": "g", "Count": count, "Services": [service], "Tasks": [{**TASK, **dict(task)}],
        "Networks": [{"DynamicPorts": [{"Label": "http"}]}], **group}]}})


def wait_for_instances(agent, name, count):
    """Blocks until a service has so many instances; they."""
    found, index = agent.ask("GET", f"/v1/service/{name}")
    limit = time.monotonic() + 60
    while len(found) != count:
        assert time.monotonic() < limit, f"{name}: {found}"
        found, index = agent.ask("GET", f"/v1/service/{name}", index=index, wait="5s")
    return found


def ports(host, name):
    """The ports that nomad-lookup finds."""
    return sorted(int(line.split()[2]) for line in host.run(["nomad-lookup", "--srv", name]).lines)


def test_a_deployment_with_canaries(agent, host, daemon):
    """Canaries come with their tags, are promoted, and the old ones go: at no time is there none."""
    update = {"MaxParallel": 2, "Canary": 1, "HealthCheck": "task_states", "MinHealthyTime": 10**8, "Stagger": 10**9}
    submit(agent.process, "web", 2, Update=update)
    wait_for_instances(agent.process, "web", 2)
    daemon.start().wait("current")
    daemon.wait_equal(agent)
    reader = FastReader(host, {"web": [{"127.0.0.1"}]})
    submit(agent.process, "web", 2, {"Env": {"RELEASE": "2"}}, Update=update)
    wait_for_instances(agent.process, "web", 3)
    daemon.wait_equal(agent)
    assert len(ports(host, "stable.web.default.nomad")) == 2
    assert len(ports(host, "canary.web.default.nomad")) == 1
    deployment = agent.process.ask("GET", "/v1/job/web/deployment")[0]["ID"]
    path = f"/v1/deployment/{deployment}"
    wait_until(lambda: agent.process.ask("GET", path)[0]["TaskGroups"]["g"]["HealthyAllocs"] >= 1, within=60)
    agent.process.ask("PUT", f"/v1/deployment/promote/{deployment}", {"DeploymentID": deployment, "All": True})
    wait_until(lambda: host.code("canary.web.default.nomad") == "EAI_NONAME" and len(ports(host, "web.nomad")) == 2, within=60)
    daemon.wait_equal(agent)
    assert reader.end() and not reader.wrong
    agent.process.ask("DELETE", "/v1/job/web")
    wait_until(lambda: host.code("web.default.nomad") == "EAI_NONAME", lambda: (truth(agent), daemon.log), within=60)


def test_an_allocation_killed_and_restarted_by_its_client(agent, host, daemon):
    """A task that is killed comes back, and its group's services stand all the time."""
    submit(agent.process, "web", 1, RestartPolicy={"Attempts": 3, "Interval": 10**11, "Delay": 10**9, "Mode": "delay"})
    [one] = wait_for_instances(agent.process, "web", 1)
    daemon.start().wait("current")
    reader = FastReader(host, {"web": {"127.0.0.1"}})

    def is_running_for_the(number):
        task = (agent.process.ask("GET", f"/v1/allocation/{one['AllocID']}")[0].get("TaskStates") or {}).get("t")
        return task and task["State"] == "running" and task["Restarts"] == number

    for number in range(2):
        wait_until(lambda: is_running_for_the(number), within=60)
        agent.process.ask("PUT", f"/v1/client/allocation/{one['AllocID']}/signal", {"Task": "t", "Signal": "SIGKILL"})
    wait_until(lambda: is_running_for_the(2), within=60)
    assert reader.end() and not reader.wrong


def test_a_thousand_services_of_one_allocation(agent, host, daemon):
    """They come in one frame, and go one by one."""
    daemon.start().wait("current")
    agent.populate(1000, 1)
    daemon.wait_equal(agent, within=60)
    assert host.addresses("service-999.default.nomad") == {"10.0.9.198"}
    agent.reset()
    daemon.wait_equal(agent, within=60)


def test_paused_for_long(agent, host, daemon):
    """SIGSTOP for longer than the streams are believed to live without a word: stale, then current again."""
    agent.register("web", address="10.1.0.1")
    daemon.start().wait("current")
    agent.pause()
    daemon.wait("stale", within=90)
    assert host.addresses("web.default.nomad") == {"10.1.0.1"}
    assert host.code("nobody.default.nomad") == "EAI_AGAIN"
    agent.resume()
    daemon.wait("current", within=60)
    agent.register("web", address="10.1.0.2")
    daemon.wait_equal(agent)


def test_a_node_that_dies(agent, host, daemon):
    """Its instances go with PlanResult events when the server gives it up: node purge does that at once."""
    agent.register("web", address="10.1.0.1")
    daemon.start().wait("current")
    [node] = agent.process.ask("GET", "/v1/nodes")[0]
    agent.process.ask("PUT", f"/v1/node/{node['ID']}/drain", {"DrainSpec": {"Deadline": -1}, "MarkEligible": False})
    wait_until(lambda: not truth(agent), within=60)
    daemon.wait_equal(agent)
    assert host.code("web.default.nomad") == "EAI_NONAME"
    agent.process.ask("PUT", f"/v1/node/{node['ID']}/drain", {"DrainSpec": None, "MarkEligible": True})
    wait_until(lambda: truth(agent), within=60)
    daemon.wait_equal(agent)


def test_the_task_api_with_a_workloads_identity(agent, host, daemon):
    """A task's own socket, with the identity that its job has been given a policy for."""
    rules = 'namespace "default" { capabilities = ["read-job"] }'
    agent.process.ask("PUT", "/v1/acl/policy/of-job", {
        "Name": "of-job", "Rules": rules, "JobACL": {"Namespace": "default", "JobID": "inside"}})
    submit(agent.process, "inside", task={"Identity": {"File": True}})
    [one] = wait_for_instances(agent.process, "inside", 1)
    secrets = agent.process.path(f"/mnt/nomad/alloc/{one['AllocID']}/t/secrets")
    wait_until(lambda: (secrets / "nomad_token").exists() and (secrets / "api.sock").exists(), within=60)
    host.path("/run/api.sock").symlink_to(secrets / "api.sock")
    daemon.write_token((secrets / "nomad_token").read_text())
    host.configure(nomad={"address": "unix:///run/api.sock", "token-file": "/etc/token", "namespace": "default"})
    daemon.start().wait("current")
    assert daemon.status()["polling"] == 0
    agent.register("web", address="10.1.0.1")
    daemon.wait_equal(agent)
    assert host.run(["nomad-lookup", "--refresh", "web.default.nomad"]).code == 0
    # Its task's end is the end of its identity.
    agent.process.ask("DELETE", "/v1/job/inside", purge="true")
    daemon.wait("stale", within=90)
    assert host.addresses("web.default.nomad") == {"10.1.0.1"}


def tls_config(folder, extra=""):
    return CONFIG + f"""
tls {{
  http      = true
  rpc       = true
  ca_file   = "{folder}/nomad-agent-ca.pem"
  cert_file = "{folder}/global-server-nomad.pem"
  key_file  = "{folder}/global-server-nomad-key.pem"
  {extra}
}}
"""


@pytest.mark.parametrize("mutual", [False, True])
def test_tls_with_certificates_of_the_nomad_command(host, daemon, folder, mutual):
    """`nomad tls ca create` and what goes with it, with and without a client's certificate."""
    for command in (["ca", "create"], ["cert", "create", "-server", "-region", "global"], ["cert", "create", "-cli"]):
        subprocess.run(["nomad", "tls", *command], cwd=folder, check=True, capture_output=True)
    context = ssl.create_default_context(cafile=folder / "nomad-agent-ca.pem")
    context.check_hostname = False      # it is of no address but 127.0.0.1
    context.load_cert_chain(folder / "global-cli-nomad.pem", folder / "global-cli-nomad-key.pem")
    for file in ("nomad-agent-ca.pem", "global-cli-nomad.pem", "global-cli-nomad-key.pem"):
        host.write(f"/etc/{file}", (folder / file).read_text())
    config = tls_config(folder, "verify_https_client = true" if mutual else "").replace("127.0.0.1", "127.0.0.21")
    with alone(config, "https://127.0.0.21:4646", context) as process:
        settings = {"address": process.url, "ca-file": "/etc/nomad-agent-ca.pem", "tls-server-name": "server.global.nomad",
                    "token-file": "/etc/token"}
        if mutual:
            settings |= {"cert-file": "/etc/global-cli-nomad.pem", "key-file": "/etc/global-cli-nomad-key.pem"}
        daemon.write_token(process.token)
        host.configure(nomad=settings)
        process.wait_for_node()
        daemon.start().wait("current")
        submit(process, "web")
        wait_until(lambda: host.addresses("web.default.nomad") == {"127.0.0.1"}, within=60)
        assert host.run(["nomad-lookup", "--refresh", "web.default.nomad"]).code == 0


@contextlib.contextmanager
def alone(config, url, context=None):
    """An agent beside the session's."""
    process = Process(config, url, context=context)
    try:
        process.start()
        process.wait_for_leader()
        yield process
    finally:
        process.close()


@contextlib.contextmanager
def cluster():
    """Three servers, the first of which is a node too."""
    servers = []
    try:
        for address in SERVERS:
            config = CONFIG.replace("127.0.0.1", address).replace("bootstrap_expect = 1", f"""bootstrap_expect = 3
  server_join {{ retry_join = [{", ".join(f'"{each}"' for each in SERVERS)}] }}""")
            if address != SERVERS[0]:
                config = config.replace("client {\n  enabled           = true", "client {\n  enabled           = false")
            servers.append(Process(f'name = "s{address[-1]}"\n' + config, f"http://{address}:4646"))
            servers[-1].start()
        for each in servers:
            each.wait_for_leader()
        servers[0].wait_for_node()
        yield servers
    finally:
        for each in servers:
            each.close()


class Truth:
    """What truth() and wait_equal() ask of an agent."""

    def __init__(self, process):
        self.process = process

    def services(self):
        return {("default", service["ServiceName"]): self.process.ask("GET", f"/v1/service/{service['ServiceName']}")[0]
                for listed in self.process.ask("GET", "/v1/services")[0] for service in listed["Services"]}


@pytest.mark.parametrize("follow", ["the leader", "a follower", "both followers"])
def test_the_leader_of_three_servers_is_killed(host, daemon, follow):
    """Whoever is followed: nothing is wrong meanwhile, and all is current when there is a leader again."""
    with cluster() as servers:
        leader = servers[0].ask("GET", "/v1/status/leader")[0].split(":")[0]
        by_address = dict(zip(SERVERS, servers))
        others = [each for each in SERVERS if each != leader]
        wanted = {"the leader": [leader, *others], "a follower": others[-1:], "both followers": others}[follow]
        submit(servers[0], "web")
        wait_for_instances(servers[0], "web", 1)
        daemon.write_token(servers[0].token)
        host.configure(nomad={"address": " ".join(f"http://{each}:4646" for each in wanted), "token-file": "/etc/token"})
        daemon.start().wait("current")
        reader = FastReader(host, {"web": {"127.0.0.1"}})
        by_address[leader].kill()
        left = by_address[others[-1]]
        left.wait_for_leader()
        submit(left, "after") if leader != SERVERS[0] else None
        if leader != SERVERS[0]:
            wait_for_instances(left, "after", 1)
        daemon.wait("current", within=60)
        daemon.wait_equal(Truth(left), within=60)
        by_address[leader].start()
        by_address[leader].wait_for_leader()
        if leader == SERVERS[0]:
            by_address[leader].wait_for_node()
        submit(left, "last")
        wait_for_instances(left, "last", 1)
        daemon.wait_equal(Truth(left), within=60)
        assert reader.end() and not reader.wrong


@contextlib.contextmanager
def client_of(servers):
    """An agent that is a node alone, and goes to these servers."""
    listed = ", ".join(f'"{address}:4647"' for address in servers)
    config = CONFIG.replace("127.0.0.1", CLIENT).replace("bootstrap_expect = 1", "")
    config = config.replace("enabled          = true", "enabled = false").replace("client {", f"client {{\n  servers = [{listed}]")
    with alone('name = "c"\n' + config, f"http://{CLIENT}:4646") as client:
        yield client


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_server_stops_behind_a_client_agent(host, daemon, how):
    """The agent says nothing of it: what changes then is there within 5 s (before it was up to 26), whichever server it was."""
    with cluster() as servers, client_of(SERVERS) as client:
        by_address = dict(zip(SERVERS, servers))
        for address in SERVERS:
            submit(client, f"web-{address[-1]}")
        daemon.check = 30000
        daemon.write_token(client.token)
        host.configure(nomad={"address": client.url, "token-file": "/etc/token"})
        instances = {address: wait_for_instances(client, f"web-{address[-1]}", 1) for address in SERVERS}
        daemon.start().wait("current")
        for address, [one] in instances.items():
            stopped, name = by_address[address], f"web-{address[-1]}"
            stopped.signal(how)
            stopped.agent.wait()
            client.wait_for_leader()
            left = next(each for each in servers if each is not stopped)
            left.ask("DELETE", f"/v1/service/{name}/{one['ID']}")
            wait_until(lambda: host.code(f"{name}.default.nomad") == "EAI_NONAME", lambda: daemon.log, within=10)
            stopped.start()
            stopped.wait_for_leader()
            daemon.wait("current", within=60)
