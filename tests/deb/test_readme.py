"""The README's install lines, as they stand there, from a clone, in a root that has git and make and nothing else."""

import re
import subprocess

import pytest

import conftest
import root as roots
from standin import client

TOP = conftest.HERE.parent.parent
BUILD_WITHIN = 900  # seconds, downloads included


def lines_of(section):
    """The commands of the first block of a section of the README, comments taken off."""
    text = re.search(rf"^## {section}$(.*?)^## ", (TOP / "README.md").read_text(), re.M | re.S)[1]
    block = re.search(r"(?:^    .*\n)+", text, re.M)[0]
    return [line.partition("   #")[0].strip() for line in block.splitlines()]


@pytest.fixture
def bare(session_folder, debs):
    """A fresh root with git and make, and a repository that it can clone."""
    base = conftest.unpacked(lambda: roots.system(roots.codename(), ["git", "make", "ca-certificates"],
                                                  roots.architecture()), session_folder / "bare")
    source = debs / "nss-nomad"
    files = subprocess.run(["git", "-C", str(TOP), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                           check=True, capture_output=True).stdout
    source.mkdir()
    subprocess.run(["sh", "-c", f"tar -C '{TOP}' --null -T - --ignore-failed-read -c | tar -C '{source}' -x"],
                   input=files, check=True, stderr=subprocess.DEVNULL)
    git = ["git", "-C", str(source), "-c", "user.name=test", "-c", "user.email=test@localhost"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "as it is"]):
        subprocess.run([*git, *command], check=True)
    with conftest.fresh_root(base, session_folder, debs) as root:
        yield root


def online(root, command):
    """Runs a line in the network that Debian is reached in; root needs no sudo there."""
    line = f"cd /srv/nss-nomad && {re.sub('^sudo ', '', command)}"
    inside = root.inside(["bash", "-c", line])
    done = subprocess.run(["nsenter", f"--net=/proc/self/fd/{roots.NETWORK}", *inside], env=roots.ENVIRONMENT,
                          capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=BUILD_WITHIN,
                          pass_fds=[roots.NETWORK])
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


def test_install_lines(bare, network):
    """make deb, apt install, and the first name resolves; before that nothing but git and make was there."""
    commands = lines_of("Install")
    assert commands[0] == "sudo make deb" and commands[1].startswith("sudo apt install ")
    bare.run("git", "clone", "-q", "-c", "safe.directory=*", "/debs/nss-nomad", "/srv/nss-nomad")
    with client.Agent(port=4646) as agent:
        agent.register("redis", address="192.0.2.7", port=6379)
        online(bare, "apt-get -qq update && " + commands[0].removeprefix("sudo "))
        online(bare, commands[1].replace("apt install", "apt -y install"))
        assert "nomad" in bare.hosts_line()
        assert bare.run("getent", "hosts", "redis.default.nomad").split() == ["192.0.2.7", "redis.default.nomad"]
    for program in ("zsh", "lintian", "mmdebstrap", "sshd"):
        assert bare.code("sh", "-c", f"command -v {program}") != 0, f"{program} came along"
