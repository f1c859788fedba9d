"""nomad-lookup --check and nomad-dns-srv --status on the daemon: it runs where its lock is held, whatever its files say, and
is missed only where it is enabled."""

import json
import os
import re
import signal
import time

import pytest

from daemon import wait_until
from doctor import everything, examine, faults, sound      # noqa: F401 (a fixture)


def test_daemon_killed(sound):
    """4. The daemon was killed a moment ago: its files say that it runs, its lock that it does not."""
    sound.daemon.kill()
    sound.daemon.wait()
    shown = sound.run(["nomad-dns-srv", "--status"])
    assert shown.code == 1 and "does not run" in shown.out
    assert faults(examine(sound)) == {"daemon"}


@pytest.mark.root
@pytest.mark.parametrize("user", [0, 65534])
def test_from_a_container(sound, user):
    """4. In a namespace of processes of its own nobody sees who holds the lock: root tries it, others believe the files."""
    def status():
        return sound.run(["unshare", "--pid", "--fork", "--mount-proc", "setpriv", f"--reuid={user}", "--clear-groups",
                          "nomad-dns-srv", "--status"])
    shown = status()
    assert shown.code == 0 and re.search(r"^daemon: +runs", shown.out)
    sound.daemon.kill()
    sound.daemon.wait()
    shown = status()
    assert re.search(r"^daemon: +does not run" if user == 0 else r"^daemon: +runs", shown.out)


def test_daemon_dead(sound):
    """4. The daemon was killed."""
    sound.daemon.kill()
    sound.daemon.wait()
    before = time.monotonic()
    sound.daemon_dies(age=60)
    said = examine(sound)
    assert faults(said) == {"daemon"}
    age = int(re.search(r"(\d+) s old", said["daemon"][1])[1])
    assert 60 <= age <= 60 + time.monotonic() - before and "systemctl start nomad-dns-srv" in said["daemon"][2]


def test_daemon_ended(sound):
    """4. The daemon was ended, and is installed: that is a fault only where it is enabled."""
    sound.daemon.terminate()
    sound.daemon.wait()
    said = examine(sound)
    assert faults(said) == set() and said["daemon"][0] == "note" and "not enabled" in said["daemon"][1]
    wants = sound.path("/etc/systemd/system/multi-user.target.wants")
    wants.mkdir(parents=True, exist_ok=True)
    (wants / "nomad-dns-srv.service").symlink_to("/usr/lib/systemd/system/nomad-dns-srv.service")
    said = examine(sound)
    assert faults(said) == {"daemon"} and "does not run" in said["daemon"][1]


def test_daemon_waits(host, folder):
    """4. The daemon runs and waits for Nomad: nothing is to be started but the agent."""
    with open(folder / "log", "wb") as log:
        process = host.start(["nomad-dns-srv", "--listen", ""], stderr=log)
    try:
        wait_until(lambda: "waits for Nomad" in examine(host)["daemon"][1])
        for user in (0, 65534) if os.geteuid() == 0 else (0,):
            said = examine(host, user=user)
            assert faults(said) == {"daemon", "agent"}
            assert f"process {daemon_pid(host)}" in said["daemon"][1] and "systemctl" not in said["daemon"][2]
        shown = host.run(["nomad-dns-srv", "--status"])
        assert shown.code == 1 and re.search(r"^daemon: +runs", shown.out) and "catalogue:  loading" in shown.out
    finally:
        process.terminate()
        process.wait()


def daemon_pid(host):
    return next(pid for pid, command in host.processes().items() if "nomad-dns-srv" in command)


def test_daemon_hangs(sound):
    """4. The daemon is held, for longer than its heartbeat counts."""
    sound.daemon.send_signal(signal.SIGSTOP)
    try:
        sound.daemon_dies(age=60)
        said = examine(sound)
        assert faults(said) == {"daemon"} and "hangs" in said["daemon"][1] and "restart" in said["daemon"][2]
        assert "daemon:     runs" in sound.run(["nomad-dns-srv", "--status"]).out
    finally:
        sound.daemon.send_signal(signal.SIGCONT)


def test_status_of_the_process_before(sound, agent, folder):
    """4. What a process that is gone had to say is not believed of the one that runs now."""
    status = sound.path("/run/nomad-dns-srv/status.json")
    told = json.loads(status.read_text())
    sound.daemon.send_signal(signal.SIGSTOP)        # it says nothing new
    try:
        sound.write("/run/nomad-dns-srv/status.json", json.dumps({**told, "pid": 1, "state": "stale", "error": "of before"}))
        assert "of before" not in str(everything(sound))
        shown = sound.run(["nomad-dns-srv", "--status"])
        assert shown.code == 1 and "of before" not in shown.out and f"process {told['pid']}" in shown.out
    finally:
        sound.daemon.send_signal(signal.SIGCONT)
    sound.daemon.terminate()
    sound.daemon.wait()
    sound.write("/run/nomad-dns-srv/status.json", json.dumps({**told, "state": "stale", "error": "of before"}))
    agent.fault("hang")
    with open(folder / "log2", "wb") as log:
        process = sound.start(["nomad-dns-srv", "--listen", ""], stderr=log)
    try:
        wait_until(lambda: json.loads(status.read_text())["pid"] == process.pid, within=3)
        assert "of before" not in status.read_text()
    finally:
        process.terminate()
        process.wait()
