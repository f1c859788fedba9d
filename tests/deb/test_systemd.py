"""The service and the socket as a real systemd runs them: from the packages, in a fresh root of which it is process 1."""

import re
import signal
import subprocess

import pytest

import booted
import root as roots
from daemon import wait_until

SERVICE, SOCKET = "nomad-dns-srv.service", "nomad-dns-srv.socket"
USER = "nomad-dns-srv"
ADDRESS = "127.0.46.46"     # the socket's
BRIDGE = "172.17.0.1"       # Docker's


def show(machine, name, unit=SERVICE):
    """A property of a unit."""
    return machine.run("systemctl", "show", "--value", f"--property={name}", unit).strip()


def log(machine):
    return machine.run("journalctl", "--no-pager", "--output=cat", "--unit", SERVICE)


def configure(root, agent, more=""):
    root.path("/etc/nss-nomad.conf").write_text(f"[nomad]\naddress = {agent.url}\n{more}")


def drop_in(machine, text, unit=SERVICE):
    """What `systemctl edit` does."""
    folder = machine.path(f"/etc/systemd/system/{unit}.d")
    folder.mkdir()
    (folder / "override.conf").write_text(text)
    machine.run("systemctl", "daemon-reload")


def addresses(machine, name="web.default.nomad"):
    """What getent finds, sorted."""
    return sorted(line.split()[0] for line in machine.run("getent", "hosts", name).splitlines())


@pytest.fixture
def web(agent):
    agent.register("web", address="192.0.2.7", port=80)
    return agent


@pytest.fixture
def service(machine, packages, web):
    """The packages installed, and their service following the agent."""
    machine.install(packages)
    configure(machine, web)
    machine.run("systemctl", "restart", SERVICE)
    yield machine


def test_installed_it_runs(machine, packages, web):
    """Installing starts the service and does not wait for Nomad; nothing but the agent's address needs to be said."""
    configure(machine, web)
    machine.install(packages)
    machine.run("systemctl", "start", SERVICE)      # waits for the start that runs
    assert show(machine, "ActiveState") == "active" and show(machine, "UnitFileState") == "enabled"
    assert addresses(machine) == ["192.0.2.7"]
    assert "current: 1 service," in show(machine, "StatusText")
    assert machine.run("nomad-lookup", "--check").splitlines()[-1] == "Nothing is wrong."
    assert machine.run("systemctl", "--failed", "--plain", "--no-legend") == ""


def test_confined(service, agent):
    """The process has no capability and no privilege to gain, a filter of system calls, a user of its own, and a
    read-only file system but for its folders; it takes a change over in that state."""
    pid = show(service, "MainPID")
    status = dict(re.findall(r"^(\w+):\s+(.*)$", service.run("cat", f"/proc/{pid}/status"), re.M))
    assert {name: int(status[name], 16) for name in status if name.startswith("Cap")} == dict.fromkeys(
        ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), 0)
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert service.run("stat", "-c", "%U", f"/proc/{pid}").strip() == USER
    mounts = dict(line.split()[1::2][:2] for line in service.run("cat", f"/proc/{pid}/mounts").splitlines())
    assert mounts["/"].startswith("ro") and mounts["/run/nomad-dns-srv"].startswith("rw")
    agent.register("new", address="192.0.2.8", port=80)
    wait_until(lambda: service.code("getent", "hosts", "new.default.nomad") == 0, lambda: log(service))


def test_nothing_is_said_amiss(service):
    """systemd has no objection to the units, and the daemon none to where it runs."""
    said = service.run("journalctl", "--no-pager", "--output=cat", "--priority=warning")
    assert not [line for line in said.splitlines() if "nomad" in line]


def test_reload(service, agent):
    """`systemctl reload` has it read its configuration again, in the same process."""
    pid = show(service, "MainPID")
    configure(service, agent, "[answers]\nttl = 77s\n")
    service.run("systemctl", "reload", SERVICE)
    wait_until(lambda: "was read again" in log(service), lambda: log(service))
    assert show(service, "MainPID") == pid and show(service, "ActiveState") == "active"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_it_comes_back(service, number):
    """However it dies, it is started again, and the files outlive it."""
    pid = show(service, "MainPID")
    service.run("systemctl", "kill", f"--signal={int(number)}", SERVICE)
    wait_until(lambda: show(service, "MainPID") not in (pid, "0") and show(service, "ActiveState") == "active",
               lambda: log(service))
    assert addresses(service) == ["192.0.2.7"] and show(service, "NRestarts") == "1"


def test_watchdog(service):
    """One that hangs is ended by the watchdog, and started again."""
    drop_in(service, "[Service]\nWatchdogSec=2s\n")
    service.run("systemctl", "restart", SERVICE)
    pid = show(service, "MainPID")
    service.run("systemctl", "kill", "--signal=STOP", SERVICE)
    wait_until(lambda: show(service, "MainPID") not in (pid, "0") and show(service, "ActiveState") == "active",
               lambda: log(service))
    assert "Watchdog timeout" in log(service)


def page():
    return (roots.build.ROOT / "docs/man/nomad-dns-srv.8").read_text()


def edited(unit):
    """What the page has `systemctl edit` write for a unit."""
    text, = re.findall(rf"^# systemctl edit {re.escape(unit)}\n(.*?)^\.Ed", page(), re.M | re.S)
    return text


def test_token_as_a_credential(service, agent):
    """A token that only root can read: its file is all there is to write, and without it the service starts too."""
    assert not service.path("/etc/nss-nomad.token").exists() and show(service, "ActiveState") == "active"
    agent.tokens({"right": {"namespaces": ["default"]}})
    token = service.path("/etc/nss-nomad.token")
    token.write_text("right\n")
    token.chmod(0o600)
    configure(service, agent, "namespace = default\n")
    service.run("systemctl", "restart", SERVICE)
    assert addresses(service) == ["192.0.2.7"]
    assert "token" not in log(service).rsplit("serves DNS", 1)[1]


def dig(address, port=53):
    """What the daemon answers there over UDP, and over TCP."""
    return [subprocess.run(["dig", f"@{address}", "-p", str(port), "web.default.nomad", "+short", way],
                           capture_output=True, text=True).stdout.strip() for way in ("+notcp", "+tcp")]


@pytest.mark.parametrize("wanted, drop", [([(ADDRESS, 53)], ""),
                                          ([(ADDRESS, 53), (BRIDGE, 53), ("127.0.0.1", 1053)], SOCKET)])
def test_port_53(service, wanted, drop):
    """Port 53 without privileges, by the commands of nomad-dns-srv(8): systemd opens the sockets, UDP and TCP."""
    subprocess.run(["ip", "address", "replace", f"{BRIDGE}/32", "dev", "lo"], check=True)
    if drop:
        drop_in(service, edited(drop), drop)
    commands = re.findall(r"^\.Dl # (systemctl .*)$", page(), re.M)
    assert commands
    for command in commands:
        service.run(*command.split())
    for address, port in wanted:
        assert dig(address, port) == ["192.0.2.7", "192.0.2.7"], log(service)
    assert show(service, "ActiveState", SOCKET) == "active" and show(service, "UnitFileState", SOCKET) == "enabled"
    assert service.run("nomad-lookup", "--check").splitlines()[-1] == "Nothing is wrong."


def test_state_survives(service, agent):
    """With "state", which the unit's folder is for, a restart without Nomad and without /run goes on."""
    configure(service, agent, "[daemon]\nstate = /var/lib/nomad-dns-srv\n")
    service.run("systemctl", "restart", SERVICE)
    wait_until(service.path("/var/lib/nomad-dns-srv/services/default/web").exists, lambda: log(service))
    service.run("systemctl", "stop", SERVICE)
    service.run("rm", "-r", "/run/nomad-dns-srv")
    agent.stop_listening()
    service.run("systemctl", "start", SERVICE)
    assert addresses(service) == ["192.0.2.7"]
    wait_until(lambda: "stale: 1 service," in show(service, "StatusText"), lambda: log(service))


def test_mounted_directory_stays(service):
    """A container that has the daemon's directory mounted is without heartbeat while the service is stopped, and sees the
    files of the one that is started then."""
    def seen(name):
        return [service.code("test", "-e", f"{folder}/{name}") == 0 for folder in ("/run/nomad-dns-srv", "/run/container")]
    service.run("mkdir", "/run/container")
    service.run("mount", "--bind", "/run/nomad-dns-srv", "/run/container")
    try:
        assert seen("alive") == [True, True]
        service.run("systemctl", "stop", SERVICE)
        assert seen("services/default/web") == [True, True] and seen("alive") == [False, False]
        service.run("systemctl", "start", SERVICE)
        assert seen("services/default/web") == seen("alive") == [True, True]
    finally:
        service.run("umount", "/run/container")
        service.run("rmdir", "/run/container")


def test_boot(root, systemd, packages, web):
    """Installed before, it runs once the machine is up."""
    root.install(packages)
    configure(root, web)
    with booted.booted(root):
        assert show(root, "ActiveState") == "active"
        assert addresses(root) == ["192.0.2.7"]


def test_boot_without_nomad(root, systemd, packages, web):
    """A machine comes up also while Nomad is away: its start waits for a while alone, the daemon as long as it takes."""
    root.install(packages)
    configure(root, web)
    unit = root.path("/lib/systemd/system/" + SERVICE)
    text, count = re.subn(r"^JobRunningTimeoutSec=\d+s$", "JobRunningTimeoutSec=1s", unit.read_text(), flags=re.M)
    assert count == 1
    unit.write_text(text)
    web.stop_listening()
    with booted.booted(root):
        assert show(root, "ActiveState") == "activating"
        web.listen_again()
        wait_until(lambda: show(root, "ActiveState") == "active", lambda: log(root))
        assert addresses(root) == ["192.0.2.7"]


def test_upgrade(service, newer):
    """An upgrade goes over to the new program."""
    pid = show(service, "MainPID")
    service.install(newer)
    service.run("systemctl", "start", SERVICE)
    assert show(service, "MainPID") not in (pid, "0")
    assert service.run("readlink", f"/proc/{show(service, 'MainPID')}/exe").strip() == "/usr/sbin/nomad-dns-srv"
    assert "9.9.9" in service.run("nomad-dns-srv", "--version") and addresses(service) == ["192.0.2.7"]


def test_upgrade_of_one_that_is_off(service, newer):
    """Who has disabled the service has it disabled, and not running, after an upgrade."""
    service.run("systemctl", "disable", "--now", SERVICE)
    service.install(newer)
    assert (show(service, "ActiveState"), show(service, "UnitFileState")) == ("inactive", "disabled")


def test_purge_of_one_that_runs(machine, packages, web):
    """Purged while service and socket run: no process, no user, no file, no unit is left."""
    before = machine.snapshot()
    machine.install(packages)
    configure(machine, web)
    machine.run("systemctl", "stop", SERVICE)
    machine.run("systemctl", "enable", "--now", SOCKET, SERVICE)
    pid = show(machine, "MainPID")
    machine.dpkg("purge", packages)
    machine.run("test", "-e", f"/proc/{pid}", code=1)
    assert machine.code("getent", "passwd", USER) == machine.code("getent", "group", USER) == 2
    assert roots.differences(before, machine.snapshot()) == {}
    assert not machine.path("/run/nomad-dns-srv").exists()
    assert machine.run("systemctl", "list-units", "--all", "--plain", "--no-legend", "nomad-dns-srv*") == ""
