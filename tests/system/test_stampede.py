"""Many processes at the same instant are one request where they want the same, and few connections where not."""

import os
import shutil
import signal
import subprocess

import pytest

from daemon import wait_until


def stampede(host, count, name, **run):
    """How many of so many processes got which answer: {answer: count}."""
    done = host.run([host.tool("stampede"), str(count), name], **run)
    assert done.code == 0, done
    return {line.split(" ", 1)[1]: int(line.split(" ", 1)[0]) for line in done.lines}


@pytest.mark.plain      # 200 processes with a sanitizer each need more than the 2 s of a lookup
def test_same_name(agent, host):
    """200 processes that miss the same name at the same instant: one request to Nomad, 200 right answers."""
    agent.register("web", address="192.0.2.1", port=80)
    agent.fault("slow", delay=0.3)
    assert stampede(host, 200, "web.default.nomad") == {"192.0.2.1": 200}
    assert agent.counters()["requests"] == {"/v1/service/web": 1}


@pytest.mark.plain
def test_same_unknown_name(agent, host):
    """The same for a name that is not there: a list is read besides, and nobody asks twice."""
    agent.fault("slow", delay=0.1)
    assert stampede(host, 100, "web.default.nomad") == {"Name or service not known": 100}
    assert all(count == 1 for count in agent.counters()["requests"].values())


@pytest.mark.root
@pytest.mark.plain
def test_many_users(agent, host):
    """Each user has a cache of his own: processes of two users are two requests."""
    agent.register("web", address="192.0.2.1", port=80)
    for user in (4001, 4002):
        assert stampede(host, 50, "web.default.nomad", user=user) == {"192.0.2.1": 50}
    assert agent.counters()["requests"] == {"/v1/service/web": 2}


@pytest.mark.plain
def test_different_names(agent, host):
    """200 processes with 200 different names: at most 8 connections at a time, and no wrong answer; who finds no
    place in time may be told to try again."""
    agent.register_many([{"name": f"web-{number}", "address": f"192.0.2.{number}", "port": 80}
                         for number in range(1, 200)] + [{"name": "web-0", "address": "192.0.2.200", "port": 80}])
    host.configure(nomad={"address": agent.url}, answers={"timeout": "20s"})
    agent.fault("slow", delay=0.02)
    answers = stampede(host, 200, "web-%d.default.nomad")
    assert set(answers) <= {f"192.0.2.{number}" for number in range(1, 201)} | {"EAI_AGAIN"}
    assert all(count == 1 for answer, count in answers.items() if answer != "EAI_AGAIN")
    assert sum(answers.values()) == 200
    counters = agent.counters()
    assert 2 <= counters["most_serving"] <= 8, counters     # as the agent sees it: it learns late of one that is closed
    assert max(counters["requests"].values()) == 1


@pytest.mark.plain
def test_who_finds_no_place_does_not_blame_the_agent(agent, host):
    """Lookups that ran out of time in the queue say nothing of an agent that is merely slow."""
    agent.register_many([{"name": f"web-{number}", "address": "192.0.2.1", "port": 80} for number in range(24)])
    host.configure(nomad={"address": agent.url}, answers={"timeout": "4s"})
    agent.fault("slow", delay=2.8)
    answers = stampede(host, 24, "web-%d.default.nomad")
    assert answers.get("EAI_AGAIN", 0) > 0 and set(answers) <= {"192.0.2.1", "EAI_AGAIN"}
    assert not host.cache(path=".failed").exists()


def test_larger_buffer(agent, host):
    """An answer too large for glibc's first buffers is asked for once, however often glibc comes back."""
    wanted = {f"10.0.{number // 256}.{number % 256}" for number in range(1, 601)}
    agent.register_many([{"name": "web", "address": address, "port": 80} for address in wanted])
    assert host.addresses("web.default.nomad") == wanted
    assert agent.counters()["requests"] == {"/v1/service/web": 1}


def test_larger_buffer_and_no_cache(agent, host):
    """The same where nothing can be kept: right answers, whatever they cost."""
    assert host.run(["mount", "-o", "remount,ro", "/var/cache"]).code == 0
    wanted = {f"10.0.{number // 256}.{number % 256}" for number in range(1, 101)}
    agent.register_many([{"name": "web", "address": address, "port": 80} for address in wanted])
    assert host.addresses("web.default.nomad") == wanted


def test_while_the_agent_hangs(agent, host):
    """20 processes that want the same from an agent that hangs: one request, and all are told to try again."""
    agent.fault("hang")
    assert stampede(host, 20, "web.default.nomad") == {"EAI_AGAIN": 20}
    assert agent.counters()["total"] <= 2


@pytest.mark.plain
@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_while_the_cache_is_laid_out(agent, host):
    """The first answer of all moves the default namespace's folder; who comes just then does not ask again."""
    agent.register("web", address="192.0.2.1", port=80)
    first = host.start(["strace", "-f", "-o", "/dev/null", "-e", "trace=renameat2", "-e",
                        "inject=renameat2:delay_exit=500000", "getent", "ahosts", "web.nomad"], stdout=subprocess.DEVNULL)
    link = host.cache(path="_")
    while not link.is_symlink():
        assert first.poll() is None
    assert host.addresses("web.nomad") == {"192.0.2.1"}
    assert first.wait() == 0
    assert agent.counters()["requests"] == {"/v1/service/web": 1}


NAME = "web.default.nomad"
WITHIN = {"timeout": "500ms"}       # so that a helper that hangs is soon over its time


@pytest.fixture
def hung(agent, host):
    """web, of an agent that leaves the first request without an answer."""
    agent.register("web", address="192.0.2.1", port=80)
    host.configure(nomad={"address": agent.url}, answers=WITHIN)
    agent.fault("hang", times=1)
    return agent


def helpers(host):
    return [pid for pid, command in host.processes().items() if "--for-module" in command]


def forget_failures(host):
    """What is shown is not that a failure is remembered."""
    for mark in host.cache().rglob("*.failed"):
        mark.unlink()


def is_answered(host, agent):
    """Whether the next lookup is, once the hung helper has ended, although the program that ran it is still there."""
    wait_until(lambda: not helpers(host))
    forget_failures(host)
    return host.addresses(NAME) == {"192.0.2.1"}


@pytest.mark.plain
def test_program_that_is_stopped(hung, host):
    """Who stops a program in the middle of its lookup (Ctrl-Z) holds up no other."""
    program = host.start([host.tool("resolve"), NAME, "unspec"], stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: hung.counters()["total"] == 1)
        pid = next(pid for pid, command in host.processes().items() if "resolve" in command)
        os.kill(pid, signal.SIGSTOP)
        assert is_answered(host, hung)
        os.kill(pid, signal.SIGCONT)
    finally:
        program.wait()


FORKS = """
import os, socket, sys, threading
threading.Thread(target=socket.getaddrinfo, args=("web.default.nomad", None), daemon=True).start()
sys.stdin.readline()
if os.fork() == 0:
    sys.stdin.read()
os._exit(0)
"""


@pytest.mark.plain
def test_program_that_forks_and_ends(hung, host):
    """The child of a program that forks in the middle of another thread's lookup, and ends, holds up nobody."""
    program = host.start(["/usr/bin/python3", "-c", FORKS], stdin=subprocess.PIPE)
    wait_until(lambda: hung.counters()["total"] == 1)
    program.stdin.write(b"now\n")
    program.stdin.flush()
    program.wait()
    assert is_answered(host, hung)
    program.stdin.close()


@pytest.mark.plain
def test_program_that_jumps_out(hung, host):
    """A program that jumps out of its lookup (wget --dns-timeout) and lives on holds up nobody."""
    program = host.start([host.tool("jump"), NAME, "200"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert program.stdout.readline() == "jumped\n"
    assert is_answered(host, hung)
    program.communicate()


@pytest.mark.plain
@pytest.mark.parametrize("count", [1, 8])
def test_helpers_that_are_stopped(agent, host, count):
    """Helpers that are stopped (a container that is frozen, say) lose the lock, and their places in the queue, when they
    are over their time: whoever asks then asks at once."""
    agent.register("web", address="192.0.2.1", port=80)
    host.configure(nomad={"address": agent.url}, answers=WITHIN)
    agent.fault("hang", times=count)
    names = [NAME, *(f"web-{number}.default.nomad" for number in range(1, count))]
    programs = [host.start([host.tool("resolve"), name, "unspec"], stdout=subprocess.DEVNULL) for name in names]
    wait_until(lambda: agent.counters()["total"] == count)
    stopped = helpers(host)
    assert len(stopped) == count
    try:
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        for program in programs:
            program.wait()
        wait_until(lambda: host.addresses(NAME) == {"192.0.2.1"})
        assert set(stopped) <= set(helpers(host))
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
