"""The examples of the man pages, run as they stand there, on a host with the service that they speak of."""

import re
import shlex

import pytest

import build
from test_doctor import running

# What the transcripts show: redis in the default namespace, at the address of nss-nomad(8).
REDIS = {"name": "redis", "address": "192.168.29.76", "port": 25395}
NOT_HERE = ("systemctl",)   # needs a systemd that runs


def examples():
    """(page, command, what is shown of its output) for each line with a prompt."""
    for page in sorted((build.ROOT / "docs/man").glob("*.[1-8]")):
        lines = page.read_text().splitlines()
        for number, line in enumerate(lines):
            found = re.match(r"(?:\.Dl )?([$#]) (\w.*)", line)
            if not found or found[2].split()[0] in NOT_HERE:
                continue
            shown = []
            if not line.startswith(".Dl"):
                for after in lines[number + 1:]:
                    if after.startswith((".Ed", "$ ", "# ")):
                        break
                    shown.append(after)
            yield pytest.param(found[2], shown, id=f"{page.name}: {found[2]}")


@pytest.fixture
def web(host, agent, folder):
    agent.register_many([REDIS])
    with running(host, folder / "log"):
        yield host


@pytest.mark.parametrize("command, shown", examples())
def test_example(web, command, shown):
    """It ends well, says something, and what the page shows of it."""
    done = web.run(shlex.split(command))
    assert done.code == 0 and done.out, done
    assert [line.split() for line in shown] == [line.split() for line in done.lines[:len(shown)]]


def test_there_are_examples():
    """Each program's page has some."""
    pages = {param.id.split(":")[0] for param in examples()}
    assert pages >= {"nomad-lookup.1", "nss-nomad.8", "nomad-dns-srv.8"}


def test_dig_shows_the_port(web):
    """The SRV example has the port, and a target that resolves to the address, over glibc as well."""
    done = web.run(["dig", "@127.0.0.1", "-p", "1053", "redis.default.nomad", "SRV", "+short"])
    priority, weight, port, target = done.out.split()
    assert (priority, weight, port) == ("10", "10", "25395")
    assert web.addresses(target) == {"192.168.29.76"}
