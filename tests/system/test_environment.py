"""The environment says where a program runs, not what it asks for: in a task of Nomad's, and where a site exports NOMAD_ADDR
for every login, names resolve as they do for everybody on the host."""

import os

import dns.edns
import dns.message
import dns.query
import dns.rcode
import pytest

import job_file
from daemon import FOLDER, LOG, daemon, wait_until    # noqa: F401 (a fixture)
from standin import client

pytestmark = pytest.mark.root
unconfined = pytest.mark.unconfined("the job runs as root, without a unit")

SECRET = "5b1d3c0e-9a52-4d7e-8f6a-0123456789ab"
TASK = job_file.task_environment("infra")
WEB, PROD, TEST = {"192.0.2.1"}, {"192.0.2.2"}, {"192.0.2.3"}
NOT_AUTHORITATIVE, NO_AUTHORITY = 20, 22    # RFC 8914


def register(agent):
    """The service web in three namespaces, each at another address; infra has none."""
    agent.register("web", address=min(WEB), port=80)
    agent.register("web", address=min(PROD), port=80, namespace="prod")
    agent.register("web", address=min(TEST), port=80, namespace="test")
    agent.create_namespace("infra")


def alone_with_the_token(agent, host, daemon, namespace="*", **nomad):    # noqa: F811
    """A daemon that has the token; nobody else can ask Nomad anything."""
    agent.tokens({SECRET: {"namespaces": ["*"]}, "": {}})
    daemon.write_token(agent.secret(SECRET))
    host.configure(nomad={"address": agent.url, "token-file": "/etc/token", "namespace": namespace, **nomad})
    daemon.start().wait("current")
    host.configure(nomad={"address": agent.url})


def ask(daemon, name, rdtype="A"):    # noqa: F811
    """What the daemon says over DNS: rcode and extended errors."""
    address, port = wait_until(lambda: daemon.status().get("dns")).split(" ")[0].rsplit(":", 1)
    message = dns.query.udp(dns.message.make_query(name, rdtype, use_edns=0), address.strip("[]"), port=int(port), timeout=30)
    return dns.rcode.to_text(message.rcode()), [int(each.code) for each in message.options if each.otype == dns.edns.EDE]


def other_clusters(host):
    """The parts of root's cache that are named after another cluster."""
    folder = host.cache(0).parent
    return [each.name for each in folder.iterdir() if "@" in each.name] if folder.exists() else []


# The job.

@unconfined
@pytest.mark.parametrize("namespace", ["infra", "default", "n" * 100])
def test_the_jobs_own_file(host, daemon, namespace):    # noqa: F811
    """Its namespace is where it runs; what it follows is all of them, for every program on the host."""
    environment = job_file.task_environment(namespace)
    for folder in ("/run/task", *(environment[f"NOMAD_{one}_DIR"] for one in ("TASK", "SECRETS"))):
        host.path(folder).mkdir()
    command, path, text = job_file.job(environment)
    host.write(path, text)
    with client.Agent(tcp=False, unix=host.path(environment["NOMAD_SECRETS_DIR"] + "/api.sock")) as agent:
        agent.tokens({SECRET: {"namespaces": ["*"]}})
        register(agent)
        host.write(environment["NOMAD_SECRETS_DIR"] + "/nomad_token", SECRET, 0o644)
        with open(host.path(LOG), "ab") as log:
            daemon.process = host.start(command, env=environment, stderr=log)
        daemon.wait("current")
        assert host.addresses("web.default.nomad") == host.addresses("web.nomad") == WEB
        assert host.addresses("web.prod.nomad") == PROD and host.addresses("web.test.nomad") == TEST
        assert host.code("nobody.prod.nomad") == host.code("nobody.nowhere.nomad") == "EAI_NONAME"
        assert ask(daemon, "web.prod.nomad") == ("NOERROR", [])
        assert ask(daemon, "nobody.prod.nomad") == ask(daemon, "nobody.nowhere.nomad") == ("NXDOMAIN", [])
        status = host.run(["/usr/sbin/nomad-dns-srv", "--status"]).out
        assert "current" in status and "namespaces: all" in status
        # What runs in a task meets the daemon's region, and its socket is not another cluster.
        for more in ({}, {"NOMAD_ADDR": "unix:///secrets/api.sock"}):
            assert host.addresses("web.prod.nomad", env={**TASK, **more}) == PROD


def test_the_option_says_what_is_followed(agent, host, daemon):    # noqa: F811
    """--namespace goes before the file; the environment says nothing of it, and nothing of the default namespace."""
    register(agent)
    host.configure(nomad={"address": agent.url, "namespace": "prod"})
    daemon.start("--namespace", "test prod").wait("current")
    daemon.wait_equal(agent, namespaces=("test", "prod"))
    assert host.addresses("web.nomad") == TEST
    assert daemon.status()["namespaces"] == "prod test"


# The documented container.

IN_CONTAINER = f"""
mount --bind {FOLDER} {FOLDER} && mount -o remount,bind,ro {FOLDER} &&
mount --bind /bin/false /usr/bin/nomad-lookup && exec "$@"
"""


@unconfined
@pytest.mark.parametrize("more", [{}, {"NOMAD_ADDR": "unix:///secrets/api.sock", "NOMAD_TOKEN": SECRET}], ids=["plain", "api"])
def test_the_documented_container(agent, host, daemon, more):    # noqa: F811
    """libnss-nomad and the directory, read-only: no network, no token, no nomad-lookup; and the environment of a task."""
    def code(name):
        done = host.run(["unshare", "--net", "--mount", "sh", "-c", IN_CONTAINER, "sh", host.tool("resolve"), name, "unspec"],
                        env={**job_file.task_environment("prod"), **more})
        return done.out.split()[1:]

    register(agent)
    alone_with_the_token(agent, host, daemon)
    assert code("web.default.nomad") == ["OK", *WEB]
    assert code("web.test.nomad") == ["OK", *TEST]
    assert code("web.nomad") == ["OK", *PROD]
    assert code("nobody.default.nomad") == code("nobody.nomad") == ["EAI_NONAME"]


# Lookups.

@pytest.mark.parametrize("namespace, meant", [("prod", PROD), ("PROD", PROD), ("*", WEB), ("", WEB), ("infra", set())])
def test_a_namespace_is_what_short_names_mean(agent, host, daemon, namespace, meant):    # noqa: F811
    """NOMAD_NAMESPACE, and nothing else of it: every other name is as without, also where the daemon alone may ask."""
    register(agent)
    alone_with_the_token(agent, host, daemon)
    environment = {"NOMAD_NAMESPACE": namespace}
    assert host.addresses("web.nomad", env=environment) == meant
    assert host.addresses("web.service.nomad", env=environment) == meant
    assert host.addresses("web.default.nomad", env=environment) == WEB
    assert host.code("nobody.nomad", env=environment) == host.code("nobody.default.nomad", env=environment) == "EAI_NONAME"
    assert host.code("prod.nomad", env=environment) == "EAI_NODATA"


def test_a_namespace_without_the_daemon(agent, host):
    """The helper means the same, and its answers are kept under the namespace's own name, with those of everybody."""
    register(agent)
    assert host.addresses("web.nomad", env={"NOMAD_NAMESPACE": "prod"}) == PROD
    agent.reset_counters()
    assert host.addresses("web.prod.nomad") == PROD
    assert agent.counters()["total"] == 0
    assert host.addresses("web.nomad") == WEB
    assert host.run(["nomad-lookup", "--refresh", "web.nomad"], env={"NOMAD_NAMESPACE": "test"}).out.split() == \
        [min(TEST), "web.nomad"]


@pytest.mark.parametrize("spelling, used", [
    ("http://127.0.0.1:{port}", True), ("http://127.0.0.1:{port}/", True), ("HTTP://localhost:{port}", True),
    ("http://[::1]:{port}", True), ("http://192.0.2.9:{port}", False), ("https://127.0.0.1:{port}", False)])
def test_an_address_for_every_login(agent, host, daemon, spelling, used):    # noqa: F811
    """NOMAD_ADDR leaves the daemon's files only where it names another agent than the daemon follows."""
    register(agent)
    alone_with_the_token(agent, host, daemon)
    environment = {"NOMAD_ADDR": spelling.format(port=agent.port)}
    assert host.code("web.prod.nomad", env=environment) == ("OK" if used else "EAI_AGAIN")
    assert host.code("nobody.prod.nomad", env=environment) == ("EAI_NONAME" if used else "EAI_AGAIN")
    assert bool(other_clusters(host)) != used


def test_one_of_several_addresses(agent, host, daemon):    # noqa: F811
    """One that is not the current one is as good."""
    register(agent)
    alone_with_the_token(agent, host, daemon, address=f"{agent.url} http://nomad.example:4646 unix:///run/nomad.sock")
    for address in (agent.url, "http://nomad.example:4646", "unix:///run/nomad.sock"):
        assert host.addresses("web.default.nomad", env={"NOMAD_ADDR": address}) == WEB


@pytest.mark.parametrize("setting, region, used", [
    (None, "global", True), (None, "europe", False), ("global", "global", True), ("global", "europe", False)])
def test_a_region_for_every_login(agent, host, daemon, setting, region, used):    # noqa: F811
    """NOMAD_REGION too: the daemon knows the name of its own, configured or not."""
    register(agent)
    alone_with_the_token(agent, host, daemon, **({"region": setting} if setting else {}))
    wait_until(lambda: "region global" in (daemon.folder / "follows").read_text())
    assert host.code("web.prod.nomad", env={"NOMAD_REGION": region}) == ("OK" if used else "EAI_AGAIN")
    # In a task it says where that runs.
    assert host.addresses("web.prod.nomad", env={**TASK, "NOMAD_REGION": region}) == PROD


def test_a_token_is_not_asked_for_what_a_task_is(agent, host):
    """Without daemon, in a task: the region is left out of what Nomad is asked, and of the cache's key."""
    register(agent)
    assert host.addresses("web.prod.nomad", env={**TASK, "NOMAD_REGION": "europe"}) == PROD
    assert "region" not in agent.log()[-1]["params"]
    assert other_clusters(host) == []


# What the daemon does not follow it does not deny.

def test_another_namespace_is_not_denied(agent, host, daemon):    # noqa: F811
    """`namespace = default`: of others DNS cannot tell, and says why; the module takes its next step."""
    register(agent)
    host.configure(nomad={"address": agent.url, "namespace": "default"}, dns={"listen": "127.0.0.1:0"})
    daemon.options = []
    daemon.start().wait("current")
    daemon.wait_equal(agent, namespaces=("default",))
    assert host.addresses("web.prod.nomad") == PROD    # the helper's
    assert host.code("nobody.default.nomad") == host.code("nobody.prod.nomad") == "EAI_NONAME"
    for name in ("web.prod.nomad", "_web._tcp.prod.nomad", "x.web.prod.nomad", "web.prod.service.nomad"):
        assert ask(daemon, name) == ("SERVFAIL", [NOT_AUTHORITATIVE]), name
    for name in ("nobody.default.nomad", "x.web.default.nomad", "a.b.c.d.e.nomad", "nobody.default.service.nomad"):
        assert ask(daemon, name) == ("NXDOMAIN", []), name
    # A name of one label may be such a namespace, which resolvers pass through.
    assert ask(daemon, "prod.nomad") == ask(daemon, "nobody.nomad") == ("NOERROR", [])
    agent.stop_listening()
    daemon.wait("stale")
    assert host.code("web.test.nomad") == "EAI_AGAIN"


def test_what_the_token_may_not_see_is_not_denied(agent, host, daemon):    # noqa: F811
    """`*` with a token for one namespace: Nomad leaves the others out without a word."""
    register(agent)
    agent.tokens({SECRET: {"namespaces": ["default"]}, "": {"namespaces": ["*"]}})
    daemon.write_token(agent.secret(SECRET))
    host.configure(nomad={"address": agent.url, "token-file": "/etc/token"}, dns={"listen": "127.0.0.1:0"})
    daemon.options = []
    daemon.start().wait("current")
    daemon.wait_equal(agent, namespaces=("default",))
    host.configure(nomad={"address": agent.url})
    assert daemon.status()["namespaces"] == "default" and daemon.status()["polling"] == 1
    assert host.addresses("web.prod.nomad") == PROD
    assert host.code("nobody.default.nomad") == "EAI_NONAME"
    assert ask(daemon, "web.prod.nomad") == ask(daemon, "nobody.nowhere.nomad") == ("SERVFAIL", [NOT_AUTHORITATIVE])
    assert ask(daemon, "nobody.default.nomad") == ("NXDOMAIN", [])


def test_a_right_that_is_lost_denies_nothing(agent, host, daemon):    # noqa: F811
    """What is known of the namespace goes on; what was registered there since is not "no such name"."""
    register(agent)
    agent.tokens({SECRET: {"namespaces": ["*"]}, "": {}})
    daemon.write_token(agent.secret(SECRET))
    host.configure(nomad={"address": agent.url, "token-file": "/etc/token"}, dns={"listen": "127.0.0.1:0"})
    daemon.options = []
    daemon.start().wait("current")
    daemon.wait_equal(agent)
    assert host.code("later.prod.nomad") == "EAI_NONAME"
    agent.tokens({SECRET: {"namespaces": ["*"], "deny": ["prod"]}, "": {}})
    agent.register("later", address="192.0.2.4", port=80, namespace="prod")
    agent.stream("close")
    wait_until(lambda: daemon.status()["kept"] == 1 and daemon.status()["state"] == "current")
    wait_until(lambda: "prod" not in daemon.status()["namespaces"] and daemon.status()["namespaces"] != "all")
    host.configure()
    assert host.addresses("web.prod.nomad") == PROD
    for name in ("later.prod.nomad", "x.web.prod.nomad"):
        assert host.code(name) == "EAI_AGAIN"
        assert ask(daemon, name) == ("SERVFAIL", [NOT_AUTHORITATIVE])
    assert host.code("nobody.default.nomad") == "EAI_NONAME"


# While it is not current.

def test_what_came_in_an_outage_is_not_denied(agent, host, daemon):    # noqa: F811
    """Booted with `state` while Nomad is away: what is there answers, and of what is not there nobody can tell."""
    register(agent)
    host.configure(nomad={"address": agent.url}, daemon={"state": "/run/nomad-state"}, dns={"listen": "127.0.0.1:0"},
                   answers={"negative-ttl": "1s"})
    daemon.options = []
    daemon.start().wait("current")
    daemon.wait_equal(agent)
    daemon.stop()
    assert host.run(["rm", "-r", FOLDER]).code == 0
    agent.stop_listening()
    agent.register("later", address="192.0.2.4", port=80)
    daemon.start().wait("stale")
    assert host.addresses("web.prod.nomad") == PROD and ask(daemon, "web.prod.nomad") == ("NOERROR", [3])
    for name in ("later.default.nomad", "x.web.prod.nomad", "_web._x.default.nomad", "later.nomad"):
        assert host.code(name) == "EAI_AGAIN", name
        wait_until(lambda name=name: ask(daemon, name) == ("SERVFAIL", [NO_AUTHORITY]))
    assert ask(daemon, "default.nomad")[0] == ask(daemon, "_tcp.web.default.nomad")[0] == "NOERROR"
    agent.listen_again()
    daemon.wait("current")
    assert host.addresses("later.default.nomad") == {"192.0.2.4"}


# What people are told.

def test_explain(agent, host, daemon):    # noqa: F811
    register(agent)
    alone_with_the_token(agent, host, daemon)

    def explain(name, **environment):
        return host.run(["nomad-lookup", "--explain", name], env=environment).out

    assert "namespace prod (the default one)" in explain("web.nomad", NOMAD_NAMESPACE="prod")
    assert f"NOMAD_ADDR={agent.url} names the cluster that the daemon follows" in explain("web.nomad", NOMAD_ADDR=agent.url)
    assert "NOMAD_REGION=global says where this task runs" in explain("web.nomad", **TASK)
    assert "NOMAD_REGION=europe selects another cluster" in explain("web.nomad", NOMAD_REGION="europe")
    assert "NOMAD_NAMESPACE=a/b is not a namespace" in explain("web.nomad", NOMAD_NAMESPACE="a/b")


@pytest.mark.parametrize("environment, state, words", [
    ({}, "ok", "no NOMAD_"), (TASK, "ok", "NOMAD_NAMESPACE=infra is the namespace that is meant"),
    ({"NOMAD_ADDR": "http://192.0.2.9:4646"}, "note", "selects another cluster"),
    ({"NOMAD_NAMESPACE": "a/b"}, "FAULT", "is not a namespace")], ids=["none", "task", "other", "wrong"])
def test_check(agent, host, daemon, environment, state, words):    # noqa: F811
    """A line for each variable; one that leads to another cluster is a warning, with what to do."""
    register(agent)
    host.configure(nomad={"address": agent.url})
    daemon.start().wait("current")
    lines = host.run(["nomad-lookup", "--check"], env={**environment, "NOMAD_TOKEN": ""}).lines
    [line] = [each for each in lines if words in each]
    assert line.split()[:2] == [state, "environ"], lines


def test_the_daemon_says_whose_namespace_it_is(agent, host, daemon):    # noqa: F811
    host.configure(nomad={"address": agent.url}, daemon={"log-level": "info"})
    with open(host.path(LOG), "ab") as log:
        daemon.process = host.start(["/usr/sbin/nomad-dns-srv", "--listen", ""], env={"NOMAD_NAMESPACE": "infra"}, stderr=log)
    daemon.wait("current")
    assert "NOMAD_NAMESPACE=infra says where this runs" in daemon.log
    assert os.readlink(daemon.folder / "services/_") == "default"
