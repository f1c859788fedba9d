"""While Nomad is away: bounded waits, EAI_AGAIN and never EAI_NONAME, old answers as long as they may be used, and new
ones as soon as it is back."""

import contextlib
import errno
import json
import os
import pathlib
import subprocess
import time

import pytest

import build
import host as hosts
from daemon import wait_until

NAME = "web.default.nomad"
LIMIT = 2.2         # seconds: the timeout and a tenth
SLACK = 3           # for starting the program that measures, on a machine that is busy with other tests
MARK = 1            # second that a failure is not tried again, CACHE_FAILED_FOR

# What an agent may do instead of answering: {name: (fault, its arguments)}
FAILURES = {
    "refuses": ("refuse", {}),
    "hangs": ("hang", {}),
    "hangs-unread": ("hang", {"at": "accept"}),
    "closes": ("eof", {}),
    "closes-unread": ("eof", {"at": "accept"}),
    "resets": ("reset", {}),
    "403": ("403", {}),
    "404": ("status", {"code": 404}),
    "429": ("429", {}),
    "500": ("500", {}),
    "503": ("status", {"code": 503}),
    "no-leader": ("no-leader", {}),
    "index-0": ("index-0", {}),
    "junk": ("junk", {}),
    "other-json": ("junk", {"body": '{"a": 1}'}),
    "empty": ("junk", {"body": ""}),
    "html": ("html", {}),
    "redirect": ("redirect", {}),
    "cut": ("cut", {}),
    "no-body": ("raw", {"data": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Nomad-Index: 9\r\n"
                                b"X-Nomad-Knownleader: true\r\nContent-Length: 99\r\n\r\n"}),
    "trickles": ("slow", {"rate": 20}),
    "64-MiB": ("huge", {"size": 64}),
    "nested": ("deep", {}),
    "many-headers": ("headers", {"count": 2000}),
    "not-http": ("raw", {"data": b"SSH-2.0-OpenSSH_9.2p1\r\n"}),
}
ANSWERS_LATE = {"hangs", "hangs-unread", "trickles"}


def marks(host):
    """The files that say that asking failed a moment ago."""
    return [path for path in host.cache(0).rglob("*.failed")]


def set_age(host, seconds):
    """Makes each mark so old; the tests do not wait for time to pass."""
    then = time.time() - seconds
    for path in marks(host):
        os.utime(path, (then, then))


def look_up_marked(host, name=NAME):
    """What a lookup says that begins with fresh marks; and whether it ended before they did, else it may have asked."""
    set_age(host, 0)
    before = time.monotonic()
    return host.code(name), time.monotonic() - before < MARK


def age_record(host, seconds):
    done = host.run([host.tool("publish"), "-A", str(seconds), f"{hosts.cache_folder()}/default/web"])
    assert done.code == 0, done


@pytest.fixture
def kept(agent, host):
    """web at 192.0.2.1, asked for a moment ago; now it is at 192.0.2.2."""
    id = agent.register("web", address="192.0.2.1", port=80)
    assert host.addresses(NAME) == {"192.0.2.1"}
    agent.register("web", id=id, address="192.0.2.2", port=80)
    agent.reset_counters()
    return agent


@pytest.fixture(params=FAILURES)
def failing(request, agent):
    """Makes the agent fail, in each of the ways."""
    kind, arguments = FAILURES[request.param]
    return lambda: agent.fault(kind, **arguments)


def test_cannot_tell(agent, host, failing):
    """Nothing is known of the name: EAI_AGAIN within the timeout, 2 s and a tenth; the next lookup, and one for
    another name where the whole agent is to blame, does not ask at all; once the agent is back and the mark is over,
    the lookup is fresh."""
    agent.register("web", address="192.0.2.1", port=80)
    failing()
    before = time.monotonic()
    assert host.code(NAME) == "EAI_AGAIN"
    assert time.monotonic() - before < LIMIT + SLACK
    # The helper's last word: where the machine has too much to do, it comes a moment after the lookup has been given up.
    wait_until(lambda: len(marks(host)) == 1)

    agent.reset_counters()
    code, in_time = look_up_marked(host)
    assert code == "EAI_AGAIN"
    assert agent.counters()["opened"] == 0 or not in_time

    agent.clear_faults()
    code, in_time = look_up_marked(host)
    assert code == "EAI_AGAIN" or not in_time
    set_age(host, 1.1)
    assert host.addresses(NAME) == {"192.0.2.1"}
    assert marks(host) == []


def test_unknown_name_is_not_denied(agent, host, failing):
    """A name that Nomad does not have is not said not to exist by an agent that fails."""
    failing()
    assert host.code("other.default.nomad") == "EAI_AGAIN"


def test_old_answer_serves(kept, host, failing):
    """An answer that is past its time keeps coming while Nomad fails, until max-stale; then EAI_AGAIN."""
    failing()
    age_record(host, 11)        # the ttl is 10 s
    assert host.addresses(NAME) == {"192.0.2.1"}
    set_age(host, 0)
    assert host.addresses(NAME) == {"192.0.2.1"}
    age_record(host, 3601)      # max-stale is an hour
    set_age(host, 0)
    assert host.code(NAME) == "EAI_AGAIN"


def test_fresh_answer_needs_no_agent(kept, host):
    """While an answer is fresh nobody asks, so nobody notices."""
    kept.fault("hang")
    assert host.addresses(NAME) == {"192.0.2.1"}
    assert kept.counters()["opened"] == 0


def test_agent_is_back(kept, host):
    """After an outage, the first lookup after the mark's life has the new answer."""
    kept.stop_listening()
    age_record(host, 11)
    assert host.addresses(NAME) == {"192.0.2.1"}
    kept.listen_again()
    set_age(host, 1.1)
    assert host.addresses(NAME) == {"192.0.2.2"}


def test_negative_answer_is_not_stale(agent, host):
    """"No such name" is kept as long as negative-ttl and not used afterwards: then it is EAI_AGAIN."""
    assert host.code(NAME) == "EAI_NONAME"
    agent.fault("500")
    assert host.code(NAME) == "EAI_NONAME"
    age_record(host, 4)
    assert host.code(NAME) == "EAI_AGAIN"


def test_denied_name_does_not_stop_others(agent, host):
    """403 for one service does not keep lookups of others from asking."""
    agent.register("web", address="192.0.2.1", port=80)
    agent.fault("403", path="/v1/service/secret")
    assert host.code("secret.default.nomad") == "EAI_AGAIN"
    assert host.addresses(NAME) == {"192.0.2.1"}


def test_dead_agent_stops_others(agent, host):
    """After the agent itself failed, lookups of other names do not wait for it either."""
    agent.fault("hang")
    assert host.code(NAME) == "EAI_AGAIN"
    agent.reset_counters()
    code, in_time = look_up_marked(host, "other.default.nomad")
    assert code == "EAI_AGAIN"
    assert agent.counters()["opened"] == 0 or not in_time


def test_redirect_is_not_followed(agent, host):
    """Wherever a redirect leads, the helper does not go there."""
    agent.register("web", address="192.0.2.1", port=80)
    agent.fault("redirect", location=f"{agent.url}/v1/service/elsewhere", path="/v1/service/web")
    assert host.code(NAME) == "EAI_AGAIN"
    assert {request["path"] for request in agent.log()} == {"/v1/service/web"}


def test_proxy_is_not_used(agent, host):
    """The program's http_proxy is not the helper's business."""
    agent.register("web", address="192.0.2.1", port=80)
    proxy = "http://127.0.0.1:1"
    assert host.addresses(NAME, env={"http_proxy": proxy, "ALL_PROXY": proxy, "HTTP_PROXY": proxy}) == {"192.0.2.1"}


def test_frozen_agent(agent, host):
    """A process that is stopped, whose connections the kernel accepts: as one that hangs."""
    agent.register("web", address="192.0.2.1", port=80)
    agent.pause()
    before = time.monotonic()
    assert host.code(NAME) == "EAI_AGAIN"
    assert time.monotonic() - before < LIMIT + SLACK
    wait_until(lambda: marks(host))
    agent.resume()
    set_age(host, 1.1)
    assert host.addresses(NAME) == {"192.0.2.1"}


def test_timeout_is_configured(agent, host):
    """A shorter timeout is kept: a lookup of a hanging agent does not take the usual 2 s."""
    host.configure(nomad={"address": agent.url}, answers={"timeout": "200ms"})
    agent.fault("hang")
    before = time.monotonic()
    assert host.code(NAME) == "EAI_AGAIN"
    assert time.monotonic() - before < 2


@pytest.mark.plain
def test_longer_timeout_is_configured(agent, host):
    """A longer one is kept too: who has waited for somebody else's answer for more than 2 s and got none asks himself."""
    agent.register("web", address="192.0.2.1", port=80)
    host.configure(nomad={"address": agent.url}, answers={"timeout": "20s"})
    done = host.run(["nomad-lookup", "--for-module", "5000", "--", NAME])
    assert done.code == 0 and agent.counters()["requests"] == {"/v1/service/web": 1}, done


def test_second_agent_answers(agent, host):
    """With several addresses, one that is dead is passed over at the cost of an attempt."""
    agent.register("web", address="192.0.2.1", port=80)
    host.configure(nomad={"address": f"http://127.0.0.1:1 {agent.url}"})
    assert host.addresses(NAME) == {"192.0.2.1"}


def test_daemon_dies(agent, host):
    """When the daemon dies its files are no longer believed, and the module asks by itself."""
    host.publish("default", "web", "192.0.2.9 80")
    agent.register("web", address="192.0.2.1", port=80)
    assert host.addresses(NAME) == {"192.0.2.9"}
    host.daemon_dies(age=6)
    assert host.addresses(NAME) == {"192.0.2.1"}


@pytest.mark.parametrize("age", [-3600, -1, 5, 6, 3600])
def test_heartbeat(host, age):
    """A heartbeat from the future, or 5 s old, is a dead daemon's: nothing is said not to exist by its files."""
    host.publish("default", "web", "192.0.2.9 80")
    for name in (NAME, "other.default.nomad"):
        before = time.monotonic()
        host.daemon_dies(age)
        code = host.code(name)
        arrived = age < 0 and time.monotonic() - before >= -age    # the future has: a lookup so slow proves nothing
        assert code == "EAI_AGAIN" or arrived


# Facts of one process, in whose unit or namespace nothing is wrong for others: {name: what stands before its command}
CONFINED = {
    "no-network": ["unshare", "--net"],
    "no-family": ["/run/tools/deny", "socket", str(errno.EAFNOSUPPORT)],
    "no-socket": ["/run/tools/deny", "socket", str(errno.EACCES)],
    "no-connect": ["/run/tools/deny", "connect", str(errno.EPERM)],
    "no-memory": ["/run/tools/deny", "connect", str(errno.ENOMEM)],
    "few-descriptors": ["sh", "-c", 'ulimit -n 8; exec "$@"', "sh"],
    "few-descriptors-more": ["sh", "-c", 'ulimit -n 6; exec "$@"', "sh"],
}


@pytest.mark.root
@pytest.mark.plain
@pytest.mark.parametrize("sort", CONFINED)
def test_confined_process(agent, host, sort):
    """A process that cannot reach the agent for a reason of its own (PrivateNetwork=, RestrictAddressFamilies=, a limit)
    does not keep the same user's others from asking, and nothing of it is noted for them."""
    agent.register("web", address="192.0.2.1", port=80)
    agent.register("other", address="192.0.2.2", port=80)
    confined = host.run([*CONFINED[sort], host.tool("resolve"), NAME, "unspec"])
    assert confined.lines == ["unspec EAI_AGAIN"], confined
    host.settle()
    assert host.addresses(NAME) == {"192.0.2.1"}
    host.run([*CONFINED[sort], host.tool("resolve"), "other.default.nomad", "unspec"])
    assert host.addresses("other.default.nomad") == {"192.0.2.2"}


@pytest.mark.root
@pytest.mark.plain
def test_another_networks_agent(agent, host):
    """What another network's agent says, at the same address, is nothing that this one's programs are told."""
    agent.register("web", address="192.0.2.1", port=80)
    port = agent.url.rsplit(":", 1)[1]
    script = f"""
        ip link set lo up
        exec /usr/bin/python3 -B {build.ROOT}/tests/standin --port {port}
    """
    other = host.start(["unshare", "--net", "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline()
        other.stdin.write(json.dumps({"do": "register",
                                      "services": [{"name": "web", "address": "192.0.2.66", "port": 80}]}) + "\n")
        other.stdin.flush()
        assert other.stdout.readline()
        inside = ["nsenter", f"--net=/proc/{other.pid}/ns/net", host.tool("resolve"), NAME, "unspec"]
        assert host.run(inside).lines == ["unspec OK 192.0.2.66"]
        assert host.addresses(NAME) == {"192.0.2.1"}
        assert host.run(inside).lines == ["unspec OK 192.0.2.66"]
    finally:
        other.communicate()


@contextlib.contextmanager
def deaf_group():
    """A control group out of which no packet comes (IPAddressDeny=any); the file that takes processes in."""
    mounts = [line.split() for line in pathlib.Path("/proc/mounts").read_text().splitlines()]
    place = next((pathlib.Path(words[1]) for words in mounts if words[2] == "cgroup2"), None)
    if place is None:
        pytest.skip("no control groups of version 2 are mounted")
    group = place / f"nss-nomad-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as reason:
        pytest.skip(f"no control group can be made: {reason}")
    try:
        done = subprocess.run([build.folder() / "tests/tools/drop", group], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(done.stderr)
        yield group / "cgroup.procs"
    finally:
        wait_until(lambda: not (group / "cgroup.procs").read_text())
        group.rmdir()


@pytest.mark.root
@pytest.mark.plain
def test_unit_whose_packets_are_dropped(agent, host):
    """A unit that waits in vain for an agent, for its packets are dropped, keeps no other from asking, neither with what
    it notes nor while it waits; its own next lookup does not try again at once."""
    agent.register("web", address="192.0.2.1", port=80)
    with deaf_group() as members:
        with open(members, "wb") as file:
            def enter():
                os.write(file.fileno(), b"0")
            unit = host.start([host.tool("resolve"), NAME, "unspec"], stdout=subprocess.PIPE, text=True, preexec_fn=enter)
            wait_until(lambda: any("for-module" in command for command in host.processes().values()))
            assert host.addresses(NAME) == {"192.0.2.1"}
            assert unit.communicate()[0] == "unspec EAI_AGAIN\n"
            host.settle()
            assert host.addresses("web.nomad") == {"192.0.2.1"}
            assert len(marks(host)) == 1
