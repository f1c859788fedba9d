"""What is installed besides the programs: units, profiles, completions."""

import configparser
import os
import re
import select
import shutil
import subprocess

import pytest

import build
from conftest import needs

SHARE = build.ROOT / "src/share"
UNITS = ("nomad-dns-srv.service", "nomad-dns-srv.socket")
WORST = 1.5     # of systemd-analyze's 10
PATIENCE = 20   # seconds for a shell to show something


@pytest.fixture
def units(tmp_path):
    """The units in a folder, for a program that is there."""
    for name in UNITS:
        text = (SHARE / "systemd" / name).read_text()
        (tmp_path / name).write_text(text.replace("/usr/sbin/nomad-dns-srv", shutil.which("true")))
    return tmp_path


@needs("systemd-analyze", "systemd")
def test_units_are_valid(units):
    """systemd-analyze verify has nothing to say."""
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no",
                           *(str(units / name) for name in UNITS)], capture_output=True, text=True)
    said = [line for line in done.stderr.splitlines() if "nomad-dns-srv" in line]
    assert (done.returncode, said) == (0, [])


def test_a_start_that_fails_is_tried_again_for_ever(units):
    """systemd gives up after five failures in ten seconds, unless the section Unit says otherwise (systemd.unit(5))."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.read(units / UNITS[0])
    assert (unit["Unit"]["StartLimitIntervalSec"], unit["Service"]["Restart"]) == ("0", "always")


@needs("systemd-analyze", "systemd")
def test_sandbox(units, capsys):
    """systemd-analyze security gives the service WORST or less; the figure is printed."""
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager",
                           str(units / UNITS[0])], capture_output=True, text=True)
    score = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)[1])
    with capsys.disabled():
        print(f"\nnomad-dns-srv.service: systemd-analyze security gives {score} of 10, at most {WORST} is wanted")
    assert score <= WORST


@needs("apparmor_parser", "apparmor")
@pytest.mark.parametrize("name", ["nomad-dns-srv", "nss-nomad-helper"])
def test_profiles_are_valid(name):
    """AppArmor's parser takes the profile."""
    done = subprocess.run(["apparmor_parser", "--skip-kernel-load", "--skip-cache", "--quiet",
                           str(SHARE / "apparmor.d" / name)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@needs("apparmor_parser", "apparmor")
def test_profiled_programs_may_use_the_module(tmp_path):
    """A profile that includes abstractions/nameservice takes the snippet in, files and helper."""
    shutil.copytree("/etc/apparmor.d", tmp_path / "apparmor.d")
    shutil.copytree(SHARE / "apparmor.d", tmp_path / "apparmor.d", dirs_exist_ok=True)
    profile = tmp_path / "program"
    profile.write_text("include <tunables/global>\nprofile program /opt/program {\n"
                       "  include <abstractions/base>\n  include <abstractions/nameservice>\n"
                       "  /usr/bin/* PUx,\n}\n")     # as libvirtd's has it: two ways to run one program may conflict
    done = subprocess.run(["apparmor_parser", "--skip-kernel-load", "--skip-cache", "--quiet", "--base",
                           str(tmp_path / "apparmor.d"), "--debug", str(profile)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "/run/nomad-dns-srv/**" in done.stdout
    # "unsafe", px: with Px the kernel would tell the helper that it runs with somebody else's rights, and it would ask the
    # wrong cluster (AT_SECURE); what it is handed is clean.
    helper, = [line for line in done.stdout.splitlines() if "(/usr/bin/nomad-lookup)" in line]
    assert "unsafe" in helper, helper


# A command on a host whose daemon publishes redis and web, and web in prod.
PUBLISHED = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", """
mount -t tmpfs tmpfs /run
mkdir -p /run/nomad-dns-srv/services/default /run/nomad-dns-srv/services/prod
cd /run/nomad-dns-srv/services
touch default/redis default/web prod/web
ln -s default service
exec "$@"
""", "sh"]
COMPLETE = """
. {file}
COMP_WORDS=({words}) COMP_CWORD=$(({count} - 1))
compopt() {{ :; }}
{function}
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize("words, wanted", [
    (["nomad-lookup", "--ex"], ["--explain"]),
    (["nomad-lookup", "--srv", "--h"], ["--help"]),
    (["nomad-lookup", "--config", "/etc/host.con"], ["/etc/host.conf"]),
    (["nomad-lookup", "we"], ["web.default.nomad", "web.prod.nomad"]),
    (["nomad-lookup", "--srv", "redis.d"], ["redis.default.nomad"]),
    (["nomad-dns-srv", "--check-c"], ["--check-config"]),
    (["nomad-dns-srv", "--publish", "/usr/b"], ["/usr/bin"]),
    (["nomad-dns-srv", "--listen", "1"], [""]),
])
def test_bash_completion(words, wanted):
    """What bash offers behind these words."""
    script = COMPLETE.format(file=SHARE / "completions/bash" / words[0], words=" ".join(words), count=len(words),
                             function="_" + words[0].replace("-", "_"))
    done = subprocess.run([*PUBLISHED, "bash", "-c", script], capture_output=True, text=True)
    assert (done.stdout.splitlines(), done.stderr) == (wanted, "")


@needs("zsh", "zsh")
@pytest.mark.parametrize("line, wanted", [
    ("nomad-lookup --ex", "--explain"), ("nomad-lookup red", "redis.default.nomad"),
    ("nomad-lookup --srv web.p", "web.prod.nomad"), ("nomad-dns-srv --st", "--status")])
def test_zsh_completion(line, wanted):
    """What zsh makes of a line and the tabulator, in a terminal of its own."""
    pty = pytest.importorskip("pty")
    script = f"fpath=({SHARE}/completions/zsh $fpath); autoload -Uz compinit; compinit -u -D; PROMPT='%% '; "
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="dumb", ZDOTDIR="/nonexistent")
        os.execvp("unshare", [*PUBLISHED, "zsh", "-f", "-i"])
    try:
        os.write(terminal, (script + "print re''ady\n").encode())
        read_until(terminal, "ready\r\n")
        os.write(terminal, f"{line}\t".encode())
        assert wanted in read_until(terminal, wanted)
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)


def read_until(terminal, wanted):
    """What a terminal shows until it has shown that, or nothing more comes."""
    shown = ""
    while wanted not in shown and select.select([terminal], [], [], PATIENCE)[0]:
        shown += os.read(terminal, 4096).decode(errors="replace")
    return shown
