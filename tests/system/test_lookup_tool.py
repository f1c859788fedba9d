"""nomad-lookup as a person uses it: what it prints, and its exit status: 0 found, 2 no such name, 1 cannot tell."""

import contextlib
import json
import random
import re
import subprocess
import time

import pytest

import host as hosts

NAME = "web.default.nomad"


@pytest.fixture
def web(agent, host):
    """web with two instances, one of them with an IPv6 address and tags."""
    agent.register("web", address="192.0.2.1", port=8080, tags=["blue", "a \"quoted\"\ttag"], alloc="a1", node="n1", job="shop")
    agent.register("web", address="2001:db8::1", port=8081, tags=["green"])
    return agent


def lookup(host, *arguments, **run):
    return host.run(["nomad-lookup", *arguments], **run)


@pytest.fixture(params=["asked", "published"])
def source(request, host):
    """The same service, known to the agent or published by the daemon."""
    if request.param == "asked":
        request.getfixturevalue("web")
    else:
        host.publish("default", "web", "192.0.2.1 8080 blue", "2001:db8::1 8081 green")
    return host


def test_addresses(source):
    """NAME prints an address and the name a line, as getent does."""
    done = lookup(source, NAME)
    assert (done.code, done.err) == (0, "")
    assert sorted(line.split() for line in done.lines) == [["192.0.2.1", NAME], ["2001:db8::1", NAME]]


def test_srv(source):
    """--srv prints priority, weight, port and a target that resolves by itself, to that instance alone."""
    done = lookup(source, "--srv", NAME)
    assert (done.code, done.err) == (0, "")
    assert sorted(done.lines) == ["10 10 8080 192-0-2-1.web.default.nomad", "10 10 8081 2001-db8--1.web.default.nomad"]
    for line, address in zip(sorted(done.lines), ("192.0.2.1", "2001:db8::1")):
        assert source.addresses(line.split()[3]) == {address}


@pytest.mark.parametrize("name", ["_web._tcp.default.nomad", "_web._udp.nomad", "_http._tcp.web.default.nomad"])
def test_srv_of_a_service_name(source, name):
    """--srv takes the names that DNS clients ask SRV for; _web._green selects by tag."""
    assert len(lookup(source, "--srv", name).lines) == 2
    assert lookup(source, "--srv", "_web._green.default.nomad").lines == ["10 10 8081 2001-db8--1.web.default.nomad"]


def test_srv_rows_are_not_doubled(agent, host):
    """Two registrations of one address and port are one row; two ports of an address are two; no port is none."""
    agent.register_many([{"name": "web", "address": "192.0.2.1", "port": port} for port in (80, 80, 81, 0)])
    assert sorted(lookup(host, "--srv", NAME).lines) == ["10 10 80 192-0-2-1.web.default.nomad",
                                                         "10 10 81 192-0-2-1.web.default.nomad"]


def test_each_of_many_srv_rows_is_there_once(agent, host):
    """However many instances there are, in whatever order: each pair of address and port is a row, and one alone."""
    pairs = [(f"192.0.2.{number}", port) for number in range(1, 101) for port in (80, 81, 65535)]
    twice = random.Random(1).sample(pairs * 2, 2 * len(pairs))
    agent.register_many([{"name": "web", "address": address, "port": port} for address, port in twice])
    assert sorted(lookup(host, "--srv", NAME).lines) == sorted(
        f"10 10 {port} {address.replace('.', '-')}.{NAME}" for address, port in pairs)


def test_json(web, host):
    """--json prints an object a name, with all that is known of each instance."""
    done = lookup(host, "--json", NAME, "blue.web.default.nomad")
    assert done.code == 0
    both, blue = map(json.loads, done.lines)
    assert (both["name"], both["verdict"], both["source"]) == (NAME, "found", "nomad")
    assert set(both["addresses"]) == {"192.0.2.1", "2001:db8::1"} and len(both["instances"]) == 2
    assert blue["source"] == "cache"
    instance, = blue["instances"]
    assert instance["addresses"] == ["192.0.2.1"] and instance["port"] == 8080
    assert instance["tags"] == ["blue", "a \"quoted\"\ttag"]
    assert instance["job"] == "shop" and instance["target"] == "192-0-2-1.web.default.nomad"


@pytest.mark.parametrize("fail, verdict, code", [
    (lambda agent: None, "no-name", 2), (lambda agent: agent.fault("500"), "unknown", 1)])
def test_json_of_failures(agent, host, fail, verdict, code):
    """--json says what is not found, too."""
    fail(agent)
    done = lookup(host, "--json", NAME)
    answer = json.loads(done.out)
    assert (done.code, answer["verdict"], answer["addresses"], answer["instances"]) == (code, verdict, [], [])


@pytest.mark.parametrize("options", [[], ["--refresh"]])
def test_json_of_a_foreign_name(host, options):
    """A name that is somebody else's is none of Nomad's, for its exit status and in words."""
    done = lookup(host, "--json", *options, "www.example")
    assert (done.code, json.loads(done.out)["verdict"]) == (2, "no-name")


def test_service_that_cannot_be_reached(agent, host):
    """A service none of whose instances has a believable address exists and holds nothing, for all alike."""
    agent.register("web", address="", port=80)
    assert host.code(NAME) == "EAI_NODATA"
    assert json.loads(lookup(host, "--json", NAME).out)["verdict"] == "no-data"
    assert lookup(host, "--refresh", NAME).code == 2
    assert "no such name" not in explain(host).out


def test_exit_status(web, host):
    """0 found, 2 no such name (also one that is somebody else's, or holds nothing), 1 cannot tell; of several names
    the one that cannot be told counts most."""
    assert lookup(host, NAME).code == 0
    assert lookup(host, "other.default.nomad").code == 2
    assert lookup(host, "www.example").code == 2
    assert lookup(host, "nomad").code == 2
    assert lookup(host, NAME, "other.default.nomad").code == 2
    web.fault("500")
    done = lookup(host, "other.default.nomad", NAME, "third.default.nomad")
    assert done.code == 1
    assert NAME in done.out and "third.default.nomad: cannot tell" in done.err


def test_exit_status_of_ports(agent, host):
    """With --srv, 0 says that a port was printed: a service without any holds nothing of what was asked for."""
    agent.register("web", address="192.0.2.1", port=0)
    assert lookup(host, NAME).code == 0
    done = lookup(host, "--srv", NAME)
    assert (done.code, done.out) == (2, "")


def test_refresh(web, host):
    """--refresh asks Nomad whatever is kept or published, and keeps the answer for all lookups."""
    assert lookup(host, NAME).code == 0
    web.register("web", address="192.0.2.3", port=80)
    assert "192.0.2.3" not in lookup(host, NAME).out
    assert "192.0.2.3" in lookup(host, "--refresh", NAME).out
    assert "192.0.2.3" in host.addresses(NAME)
    host.publish("default", "web", "192.0.2.9 80")
    assert "192.0.2.9" in lookup(host, NAME).out
    assert "192.0.2.9" not in lookup(host, "--refresh", NAME).out


def test_refresh_after_a_failure(web, host):
    """--refresh asks although asking failed a moment ago, and with that lookups work at once."""
    web.fault("500", times=1)
    assert host.code(NAME) == "EAI_AGAIN"
    assert lookup(host, "--refresh", NAME).code == 0
    assert host.code(NAME) == "OK"


def test_module_and_tool_share_the_cache(web, host):
    """What the module asked for the tool does not ask again, and the other way round."""
    host.addresses(NAME)
    assert lookup(host, NAME).code == 0
    assert web.counters()["total"] == 1


@pytest.mark.parametrize("option", ["--help", "--version", "-h", "-V"])
def test_help_and_version(host, option):
    """--help, --version and their letters print to standard output and succeed, whatever the configuration is like."""
    host.write("/etc/nss-nomad.conf", "nonsense\n")
    done = lookup(host, option)
    assert (done.code, done.err) == (0, "")
    assert re.match(r"usage: nomad-lookup|nomad-lookup [0-9]+\.[0-9]+", done.out)


@pytest.mark.parametrize("arguments", [
    [], ["--nonsense", NAME], ["--config"], ["--srv"], ["--watch"], ["--srv", "--ports", NAME], ["--json", "--explain", NAME],
    ["--list", "--check"], ["--list", "--srv"], ["--list", "a", "b"], ["--refresh", "--list"], ["--refresh", "--explain", NAME],
    ["--check", NAME, NAME]], ids=" ".join)
def test_wrong_usage(host, arguments):
    """Wrong usage, options that do not go together among it, is said on standard error with what to do; status 64."""
    done = lookup(host, *arguments)
    assert (done.code, done.out) == (64, "")
    assert "--help" in done.err


def test_name_that_looks_like_an_option(web, host):
    """After -- everything is a name."""
    assert lookup(host, "--", "--help.default.nomad").code == 2
    assert lookup(host, "--", NAME).code == 0


def test_full_standard_output(web, host):
    """An answer that cannot be written is a failure."""
    assert host.run(["sh", "-c", f"nomad-lookup {NAME} >/dev/full"]).code == 1


# --explain

def explain(host, name=NAME, **run):
    return lookup(host, "--explain", name, **run)


def test_explain_found(web, host):
    """--explain tells each step: no daemon, nothing kept, what Nomad answered, the addresses."""
    done = explain(host)
    assert done.code == 0
    assert "service web, namespace default" in done.out
    assert "no daemon" in done.out and "nothing kept" in done.out
    assert web.url in done.out and "200" in done.out and "192.0.2.1" in done.out


def test_explain_what_is_kept(web, host):
    """It tells which file has the answer, how old it is, and how long it is fresh."""
    host.addresses(NAME)
    assert host.run([host.tool("publish"), "-A", "5", f"{hosts.cache_folder()}/default/web"]).code == 0
    done = explain(host)
    assert f"{hosts.cache_folder()}/default/web" in done.out
    assert re.search(r"[5-9]\.\d s old, fresh for 10 s", done.out)


def test_explain_published(host):
    """It tells that the daemon's files answered, found or not."""
    host.publish("default", "web", "192.0.2.1 80")
    done = explain(host)
    assert done.code == 0 and "/run/nomad-dns-srv" in done.out and "192.0.2.1" in done.out
    done = explain(host, "other.default.nomad")
    assert done.code == 2 and "no such name" in done.out


def test_explain_published_unknown(host):
    """It tells a service whose addresses the daemon does not know yet from a file that is damaged."""
    host.publish("default", "web", options=("-v", "unknown"))
    done = explain(host)
    assert done.code == 1 and "does not know" in done.out and "damaged" not in done.out, done.out
    host.path("/run/nomad-dns-srv/services/default/web").write_bytes(b"x")
    done = explain(host)
    assert done.code == 1 and "damaged" in done.out and "does not know" not in done.out, done.out


def test_explain_dead_daemon(web, host):
    """It tells why the daemon's files are not believed: how old the heartbeat is, or that its time has not come."""
    host.publish("default", "web", "192.0.2.9 80")
    before = time.monotonic()
    host.daemon_dies(3600)
    done = explain(host)
    age = float(re.search(r"heartbeat is (\d+\.\d) s old", done.out)[1])
    assert 3600 <= age <= 3600.1 + time.monotonic() - before and "192.0.2.9" not in done.out
    host.daemon_dies(-3600)
    done = explain(host)
    assert "from the future" in done.out and "192.0.2.9" not in done.out


@pytest.mark.parametrize("kind, arguments, words", [
    ("refuse", {}, "cannot reach"),
    ("hang", {}, "in time"),
    ("eof", {}, "without an answer"),
    ("403", {}, "token"),
    ("429", {}, "too many connections"),
    ("500", {}, "leader"),
    ("status", {"code": 500, "text": "rpc error: boom"}, "boom"),
    ("status", {"code": 404, "text": "nothing here"}, "Nomad agent, 1.3"),
    ("no-leader", {}, "leader"),
    ("index-0", {}, "leader"),
    ("redirect", {}, "redirects"),
    ("html", {}, "not as a Nomad agent"),
    ("junk", {}, "cannot be read"),
    ("cut", {}, "cut"),
    ("huge", {"size": 40}, "32 MiB"),
    ("deep", {}, "cannot be read"),
    ("raw", {"data": b"SSH-2.0-OpenSSH\r\n"}, "not answer as a Nomad agent"),
])
def test_explain_failures(agent, host, kind, arguments, words):
    """Each way of failing is told apart in words, with the agent's address; programs see EAI_AGAIN, it says so."""
    agent.fault(kind, **arguments)
    if kind == "huge":      # what Python needs to make it is not the lookup's time
        host.configure(nomad={"address": agent.url}, answers={"timeout": "30s"})
    done = explain(host)
    assert done.code == 1
    assert agent.url in done.out and words in done.out, done.out
    assert "EAI_AGAIN" in done.out


def test_explain_several_agents(agent, host):
    """Of several agents it tells which one said what, the last that was asked and the others' failures."""
    dead = "http://127.0.0.1:1"
    host.configure(nomad={"address": f"{dead} {agent.url}"})
    agent.fault("500", text="boom 23")
    done = explain(host)
    said, = (line.split() for line in done.lines if "GET" in line)
    assert said[1] == f"{agent.url}:" and "500," in said, done.out
    assert f"cannot reach {dead}" in done.out and f"{agent.url} failed (500 boom 23)" in done.out, done.out


def test_explain_failure_a_moment_ago(agent, host):
    """Within a second of a failure it tells what failed, and that nobody asks again yet."""
    agent.fault("500", text="boom 17")
    assert host.code(NAME) == "EAI_AGAIN"
    done = explain(host)
    assert "boom 17" in done.out


@contextlib.contextmanager
def somebody_asks(host):
    """While another process asks Nomad for NAME, with little time for it; the path of its lock."""
    host.addresses("other.default.nomad")       # makes the folder
    lock = f"{hosts.cache_folder()}/default/web.{hosts.unit()}.lock"
    holder = host.start([host.tool("hold"), lock, "100"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    holder.stdout.readline()
    try:
        yield lock
    finally:
        holder.communicate()


def test_explain_somebody_else_asks(web, host):
    """It tells that another process was asking for the name and had no answer in time."""
    with somebody_asks(host) as lock:
        done = explain(host)
    assert done.code == 1 and "another process" in done.out and lock in done.out, done.out
    assert "the lookup itself did not ask" in done.out
    assert "another process" not in explain(host).out


def test_reasons_of_several_names(web, host):
    """Of several names each gets its own reason, not that of the one before."""
    web.fault("403", path="/v1/service/secret")
    with somebody_asks(host):
        done = lookup(host, "secret.default.nomad", NAME)
    secret, kept = done.err.splitlines()
    assert done.code == 1 and "denied" in secret and "denies" not in kept and "--explain" in kept, done.err


@pytest.mark.parametrize("make, words", [
    (lambda path: path.write_bytes(b"x"), "damaged"), (lambda path: path.mkdir(), "Is a directory"),
    (lambda path: path.symlink_to("/etc/passwd"), "symbolic link")])
def test_explain_unreadable_record(web, host, make, words):
    """It tells what is in the way of the kept record."""
    host.addresses("other.default.nomad")
    make(host.cache(0, "default/web"))
    done = explain(host)
    assert done.code == 0 and words in done.out, done.out


def test_explain_stale(web, host):
    """It tells that an expired answer serves, and why."""
    host.addresses(NAME)
    assert host.run([host.tool("publish"), "-A", "60", f"{hosts.cache_folder()}/default/web"]).code == 0
    web.stop_listening()
    done = explain(host)
    assert done.code == 0 and "expired" in done.out and "max-stale" in done.out and "cannot reach" in done.out


@pytest.mark.parametrize("name, words", [
    ("www.example", "does not end in .nomad"), ("a.b.c.d.nomad", "no form"), ("nomad", "holds nothing"),
    ("blue.web.default.nomad", '"blue"')])
def test_explain_names(web, host, name, words):
    """It tells how it reads the name."""
    assert words in explain(host, name).out


@pytest.mark.parametrize("name, there", [("web.nosuch.nomad", False), ("other.prod.nomad", True), ("other.Prod.nomad", True),
                                         ("other.nomad", True)])
def test_explain_namespace_that_does_not_exist(agent, host, name, there):
    """Of a name that is not there it is said where there is no such namespace, and which there are."""
    agent.create_namespace("prod")
    done = host.run(["nomad-lookup", "--explain", name])
    assert done.code == 2 and "no such name" in done.out
    assert ("there is no namespace nosuch; there are: default, prod" in done.out) is not there


def test_explain_environment(web, host):
    """It tells that a variable in the environment leads to another cluster."""
    done = explain(host, env={"NOMAD_ADDR": web.url})
    assert done.code == 0 and f"NOMAD_ADDR={web.url}" in done.out


def test_explain_left_out(agent, host):
    """It tells which registrations were left out, and why."""
    agent.register_many([{"name": "web", "address": address, "port": 80} for address in ("192.0.2.1", "", "not a host")])
    done = explain(host)
    assert done.code == 0 and done.out.count("left out") == 2 and '"not a host"' in done.out


@pytest.mark.root
def test_explain_foreign_folder(web, host):
    """It tells that a folder in the user's name is somebody else's, so that nothing can be kept."""
    assert host.run(["mkdir", hosts.cache_folder(4002)], user=4001).code == 0
    done = host.run(["nomad-lookup", "--explain", NAME], user=4002)
    assert done.code == 0 and "not yours alone" in done.out


def test_terminal_is_safe(agent, host):
    """What an agent says is not let loose on a terminal: no escape sequences."""
    agent.register("web", address="\x1b[31mred", port=80, tags=["\x1b[2J"])
    agent.fault("status", code=500, text="\x1b]0;title\x07 boom", times=1)
    told = "".join(done.out + done.err for done in (explain(host), lookup(host, "--refresh", NAME), lookup(host, "--json", NAME),
                                                    explain(host)))
    assert "\x1b" not in told and "\x07" not in told
