"""nomad-lookup's answers to "which services are there?", "what is at this address?", "where do I connect to?" and "what
changes?", with the daemon and without; and what it says of a name that has no answer."""

import json
import re
import subprocess

import pytest

from daemon import daemon    # noqa: F401 (a fixture)

SERVICES = [("redis", "default", "192.0.2.1", 6379, ["primary"]), ("redis", "default", "192.0.2.2", 6380, ["replica"]),
            ("Web", "default", "192.0.2.1", 80, []), ("api", "prod", "2001:db8::1", 9000, ["v1", "v2"])]
LINES = ["redis.default.nomad\t2\t6379,6380\tprimary,replica", "web.default.nomad\t1\t80\t-",
         "api.prod.nomad\t1\t9000\tv1,v2"]


@pytest.fixture(params=["asked", "published"])
def source(request, agent, host):
    """The services of SERVICES, known to the agent alone or published by a daemon."""
    for name, namespace, address, port, tags in SERVICES:
        agent.register(name, namespace=namespace, address=address, port=port, tags=tags)
    if request.param == "published":
        request.getfixturevalue("daemon").start().wait("current")
        host.configure(nomad={"address": "http://127.0.0.1:1"})     # nobody is asked
    return host


def lookup(host, *arguments, **run):
    return host.run(["nomad-lookup", *arguments], **run)


def test_list(source):
    """--list prints one service a line in a pipe: name, instances, ports, tags."""
    done = lookup(source, "--list")
    assert (done.code, done.err, done.lines) == (0, "", LINES)
    assert lookup(source, "--list", "PROD").lines == LINES[2:]


def test_list_on_a_terminal(source):
    """On a terminal it is a table with a head."""
    done = source.run(["script", "-qec", "nomad-lookup --list", "/dev/null"])
    rows = [line.split() for line in done.out.replace("\r", "").splitlines()]
    assert rows == [["NAMESPACE", "SERVICE", "INSTANCES", "PORTS", "TAGS"],
                    ["default", "redis", "2", "6379,6380", "primary,replica"],
                    ["default", "web", "1", "80", "-"], ["prod", "api", "1", "9000", "v1,v2"]]


def test_list_as_json(source):
    """With --json it is one object a line."""
    objects = [json.loads(line) for line in lookup(source, "--list", "--json").lines]
    assert objects[0] == {"schema": 1, "name": "redis.default.nomad", "service": "redis", "namespace": "default",
                          "instances": 2, "ports": [6379, 6380], "tags": ["primary", "replica"]}
    assert [entry["name"] for entry in objects] == [line.split("\t")[0] for line in LINES]


def test_list_of_a_namespace_that_has_nothing(source):
    """Nothing to list is said; exit status 2."""
    done = lookup(source, "--list", "nosuch")
    assert (done.code, done.out) == (2, "") and "no services in namespace nosuch" in done.err


def test_list_without_anybody_to_ask(host):
    """Where neither the daemon nor Nomad can say, that is no empty list."""
    host.configure(nomad={"address": "http://127.0.0.1:1"})
    done = lookup(host, "--list")
    assert (done.code, done.out) == (1, "") and "cannot reach" in done.err


def test_ports(source):
    """--ports prints ADDRESS:PORT, once each."""
    assert lookup(source, "--ports", "redis.default.nomad").lines == ["192.0.2.1:6379", "192.0.2.2:6380"]
    assert lookup(source, "--ports", "replica.redis.default.nomad").lines == ["192.0.2.2:6380"]
    assert lookup(source, "-p", "api.prod.nomad").lines == ["[2001:db8::1]:9000"]


def test_names_at_an_address(source):
    """An address is answered with the names at it."""
    done = lookup(source, "192.0.2.1")
    assert done.code == 0
    assert [line.split() for line in done.lines] == [["192.0.2.1", "redis.default.nomad"], ["192.0.2.1", "web.default.nomad"]]
    assert lookup(source, "2001:db8:0::1").lines[0].split()[1] == "api.prod.nomad"
    done = lookup(source, "192.0.2.9")
    assert (done.code, done.out) == (2, "") and "no service has an instance at this address" in done.err


@pytest.mark.parametrize("name, said", [
    ("reddis.default.nomad", '"redis" is the nearest of the 2 services in namespace "default"'),
    ("apo.prod.nomad", '"api" is the nearest of the 1 service in namespace "prod"'),
    ("postgres.default.nomad", 'namespace "default" has 2 other services: nomad-lookup --list default'),
    ("redis.nosuch.nomad", 'there are no services in namespace "nosuch"; there are in: default, prod'),
    ("replika.redis.default.nomad", 'no instance whose address, allocation or tag is "replika"; did you mean "replica"?'),
    ("redis", "it does not end in .nomad; did you mean redis.nomad?"),
    ("http://redis.default.nomad:6379/x", "did you mean redis.default.nomad?"),
    ("redis.default.nomad:6379", "did you mean redis.default.nomad?"),
    ("www.example.com.", "it does not end in .nomad"),
    ("a b.default.nomad", '"a b" cannot be part of a name: letters, digits, - and _ can'),
    ("redis..nomad", "there is nothing between two dots"),
    (f"{'a' * 64}.default.nomad", "has 64 characters, and a label has at most 63"),
    ("a.b.c.d.e.f.g.h.nomad", "the forms are SERVICE.NAMESPACE.nomad"),
    ("nomad", "it stands above all services, and has no address itself"),
    ("", "nomad-lookup: the name is empty"),
])
def test_why_there_is_no_answer(source, name, said):
    """What is wrong with a name is said in one line on standard error, for each of several; exit status 2."""
    done = lookup(source, name, "redis.default.nomad")
    assert done.code == 2 and len(done.lines) == 2
    assert said in done.err and len(done.err.splitlines()) == 1, done.err


def events_of(process, count):
    """The next lines of --watch, without their times."""
    lines = [process.stdout.readline().decode().strip() for _ in range(count)]
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} ", line) for line in lines), lines
    return sorted(line.split(" ", 1)[1] for line in lines)


def test_watch(agent, host, daemon):
    """--watch prints what is there, then a line for each instance that comes or goes, as the daemon learns of it."""
    agent.register("redis", address="192.0.2.1", port=6379)
    daemon.start().wait("current")
    process = host.start(["nomad-lookup", "--watch", "redis.default.nomad", "late.prod.nomad"], stdout=subprocess.PIPE)
    try:
        assert events_of(process, 1) == ["+ redis.default.nomad 192.0.2.1:6379"]
        second = agent.register("redis", address="192.0.2.2", port=6380)
        assert events_of(process, 1) == ["+ redis.default.nomad 192.0.2.2:6380"]
        agent.register("late", namespace="prod", address="192.0.2.3", port=1)
        assert events_of(process, 1) == ["+ late.prod.nomad 192.0.2.3:1"]
        agent.deregister(second)
        assert events_of(process, 1) == ["- redis.default.nomad 192.0.2.2:6380"]
    finally:
        process.kill()
        process.wait()


def test_watch_without_the_daemon(agent, host):
    """Without the daemon Nomad is asked again as an answer expires; what cannot be told is said, and is no loss."""
    host.configure(nomad={"address": agent.url}, answers={"ttl": "1s", "negative-ttl": "1s", "max-stale": "0s"})
    instance = agent.register("redis", address="192.0.2.1", port=6379)
    process = host.start(["nomad-lookup", "--watch", "--json", "redis.default.nomad"], stdout=subprocess.PIPE)
    try:
        first = json.loads(process.stdout.readline())
        assert first.pop("time") and first == {"schema": 1, "change": "added", "name": "redis.default.nomad",
                                               "at": "192.0.2.1:6379"}
        agent.fault("status", code=500)
        assert json.loads(process.stdout.readline())["change"] == "unknown"
        agent.clear_faults()
        agent.deregister(instance)
        assert json.loads(process.stdout.readline())["change"] == "removed"
    finally:
        process.kill()
        process.wait()
