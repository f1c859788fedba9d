"""Installing, upgrading, removing and purging the packages in a fresh Debian root."""

import contextlib
import os
import pathlib
import re
import shutil

import pytest

import ready
import root as roots

# The hosts line before, and with the packages installed.
LAYOUTS = {
    "plain": ("hosts: files dns", "hosts: files nomad [!UNAVAIL=return] dns"),
    "resolved": ("hosts: files mymachines resolve [!UNAVAIL=return] dns",
                 "hosts: files mymachines nomad [!UNAVAIL=return] resolve [!UNAVAIL=return] dns"),
    "systemd": ("hosts: mymachines resolve [!UNAVAIL=return] files myhostname dns",
                "hosts: mymachines nomad [!UNAVAIL=return] resolve [!UNAVAIL=return] files myhostname dns"),
    "myhostname": ("hosts: files myhostname dns", "hosts: files myhostname nomad [!UNAVAIL=return] dns"),
    "mdns": ("hosts: files mdns4_minimal [NOTFOUND=return] dns",
             "hosts: files mdns4_minimal [NOTFOUND=return] nomad [!UNAVAIL=return] dns"),
    "comment": ("hosts: files dns # as it was", "hosts: files nomad [!UNAVAIL=return] dns # as it was"),
    "no anchor": ("hosts: files", "hosts: files"),
}
USER = "nomad-dns-srv"


def kept(root):
    """Where root's answers are, of those who ask from the one network that there is."""
    folder, = root.path("/var/cache/nss-nomad/root").iterdir()
    return folder


def owner_and_mode(path):
    status = path.stat()
    return status.st_uid, oct(status.st_mode & 0o7777)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_hosts_line(root, packages, layout):
    """The hosts line is right in each usual layout, other names go on as before, and it comes back to the byte."""
    before, wanted = LAYOUTS[layout]
    root.set_hosts_line(before)
    file = root.path("/etc/nsswitch.conf")
    text = file.read_text()
    root.install(packages)
    assert root.hosts_line() == wanted
    assert root.run("getent", "hosts", "localhost") and root.run("getent", "passwd", USER)
    root.dpkg("remove", packages)
    assert file.read_text() == text


@pytest.mark.parametrize("name, layout, wanted", [
    ("db1.nomad", "systemd", "hosts: mymachines myhostname nomad [!UNAVAIL=return] resolve [!UNAVAIL=return] files dns"),
    ("nomad", "myhostname", LAYOUTS["myhostname"][1]),
    ("db1.example", "systemd", LAYOUTS["systemd"][1]),
])
def test_own_name(root, packages, name, layout, wanted):
    """On a host that is called NAME.nomad myhostname comes before nomad; on others it stays where it is."""
    root.set_hosts_line(LAYOUTS[layout][0])
    root.install(packages, named=name)
    assert root.hosts_line() == wanted


def test_getent(root, packages, agent):
    """As installed, with nothing else done but saying where the agent is, every name resolves."""
    agent.register("web", address="192.0.2.7", port=80)
    root.install(packages)
    root.path("/etc/nss-nomad.conf").write_text(f"[nomad]\naddress = {agent.url}\n")
    assert root.run("getent", "hosts", "web.default.nomad").split() == ["192.0.2.7", "web.default.nomad"]
    assert root.run("getent", "hosts", "other.default.nomad", code=2) == ""
    nobody = root.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "getent", "hosts", "web.nomad")
    assert nobody.split() == ["192.0.2.7", "web.nomad"]
    assert root.run("nomad-lookup", "--srv", "web.default.nomad").strip() == "10 10 80 192-0-2-7.web.default.nomad"


def test_upgrade_keeps_what_was_edited(root, packages, newer):
    """An upgrade leaves an edited configuration and hosts line alone, also where the configuration shipped changed."""
    root.install(packages)
    edited = "[nomad]\naddress = http://192.0.2.1:4646\n"
    root.path("/etc/nss-nomad.conf").write_text(edited)
    root.set_hosts_line("hosts: files dns")
    root.install(newer)
    assert "9.9.9" in root.run("nomad-lookup", "--version")
    assert root.path("/etc/nss-nomad.conf").read_text() == edited
    assert root.hosts_line() == "hosts: files dns"


def test_upgrade_of_what_was_not_edited(root, packages, newer):
    """A configuration that nobody touched is replaced."""
    root.install(packages)
    root.install(newer)
    assert "9.9.9" in root.path("/etc/nss-nomad.conf").read_text()
    assert root.hosts_line() == "hosts: files nomad [!UNAVAIL=return] dns"


def test_downgrade(root, packages, newer):
    """Back to the version before: it works, and what was edited stays."""
    root.install(newer)
    edited = "[nomad]\naddress = http://192.0.2.1:4646\n"
    root.path("/etc/nss-nomad.conf").write_text(edited)
    root.install(packages, "--allow-downgrades")
    assert "9.9.9" not in root.run("nomad-lookup", "--version") + root.run("nomad-dns-srv", "--version")
    assert root.path("/etc/nss-nomad.conf").read_text() == edited
    assert root.hosts_line() == "hosts: files nomad [!UNAVAIL=return] dns"


def test_installed_again(root, packages):
    """dpkg --install of what is there, and removed but not purged in between: what was edited stays."""
    root.install(packages)
    edited = "[nomad]\naddress = http://192.0.2.1:4646\n"
    root.path("/etc/nss-nomad.conf").write_text(edited)
    root.install(packages, "--reinstall")
    assert root.path("/etc/nss-nomad.conf").read_text() == edited
    assert root.hosts_line() == "hosts: files nomad [!UNAVAIL=return] dns"
    root.dpkg("remove", packages)
    assert root.hosts_line() == "hosts: files dns"
    root.install(packages)
    assert root.path("/etc/nss-nomad.conf").read_text() == edited
    assert root.hosts_line() == "hosts: files nomad [!UNAVAIL=return] dns"


def test_purge_leaves_nothing(root, packages, agent):
    """Installed, used, removed and purged: every file is as it was, the user and the processes are gone."""
    before = root.snapshot()
    agent.register("web", address="192.0.2.7", port=80)
    root.install(packages)
    root.path("/etc/nss-nomad.conf").write_text(f"[nomad]\naddress = {agent.url}\n")
    root.run("getent", "hosts", "web.default.nomad")
    assert kept(root).is_dir()
    root.dpkg("remove", packages)
    assert not root.path("/var/cache/nss-nomad").exists()
    root.dpkg("purge", packages)
    assert roots.differences(before, root.snapshot()) == {}
    root.run("getent", "passwd", USER, code=2)
    root.run("getent", "group", USER, code=2)
    assert root.processes() == []


def test_installed_twice(root, packages):
    """Purged and installed again it is as the first time."""
    root.install(packages)
    first = root.snapshot()
    root.dpkg("purge", packages)
    root.install(packages)
    assert roots.differences(first, root.snapshot()) == {}


def test_module_alone(root, packages):
    """The module and the helper without the daemon: no user, and the hosts line as ever."""
    root.install([package for package in packages if not package.name.startswith("nomad-dns-srv")])
    assert root.hosts_line() == "hosts: files nomad [!UNAVAIL=return] dns"
    root.run("getent", "passwd", USER, code=2)


def test_caches_age(root, packages, agent):
    """What systemd-tmpfiles cleans: records that are old enough, their folders and links, never one that may still be
    answered (its time is that until which it may), nor the folder of all; and it makes that folder where it is missing."""
    agent.register("web", address="192.0.2.7", port=80)
    root.install(packages)
    root.path("/etc/nss-nomad.conf").write_text(f"[nomad]\naddress = {agent.url}\n")
    root.run("getent", "hosts", "web.default.nomad")
    folder, record = root.path("/var/cache/nss-nomad"), kept(root) / "default/web"
    rules = root.path("/usr/lib/tmpfiles.d/nss-nomad.conf")
    text = rules.read_text()
    assert text.count(" 1d\n") == 2
    rules.write_text(text.replace(" 1d\n", " 0\n"))
    root.run("systemd-tmpfiles", "--clean", "nss-nomad.conf")
    assert record.exists() and (kept(root) / "_").is_symlink() and (kept(root) / "service").is_symlink()
    for path in folder.rglob("*"):
        os.utime(path, (0, 0), follow_symlinks=False)
    root.run("systemd-tmpfiles", "--clean", "nss-nomad.conf")
    assert sorted(folder.rglob("*")) == [folder / "root", folder / "users"]
    shutil.rmtree(folder)
    root.run("systemd-tmpfiles", "--create", "nss-nomad.conf")
    assert owner_and_mode(folder / "users") == (0, "0o1777") and owner_and_mode(folder / "root") == (0, "0o700")


def test_unit_is_enabled(root, packages):
    """The service starts with the machine, the socket on port 53 only where somebody asks for it."""
    root.install(packages)
    assert root.path("/etc/systemd/system/multi-user.target.wants/nomad-dns-srv.service").is_symlink()
    assert not root.path("/etc/systemd/system/sockets.target.wants/nomad-dns-srv.socket").is_symlink()


def test_folder_of_caches(root, packages):
    """Everybody may make a folder of his own there, and nobody touches another's, nor makes root's before root does."""
    root.install(packages)
    folder = root.path("/var/cache/nss-nomad")
    assert owner_and_mode(folder / "users") == (0, "0o1777") and owner_and_mode(folder / "root") == (0, "0o700")


@contextlib.contextmanager
def following(root):
    """nomad-dns-srv running, without a privilege, from when it says that it is ready."""
    root.run("install", "-d", "-o", USER, "-g", USER, "/run/nomad-dns-srv")
    with ready.Ready() as up:
        process = root.start("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs",
                             "--bounding-set=-all", "nomad-dns-srv", NOTIFY_SOCKET=up.address)
        try:
            assert up.wait(process), "not ready, or ended"
            yield
        finally:
            process.terminate()
            process.wait()


@pytest.fixture
def daemon(root, packages, agent):
    """nomad-dns-srv as the service would run it: as its user, in a folder that is its own."""
    agent.register("web", address="192.0.2.7", port=80)
    root.install(packages)
    root.path("/etc/nss-nomad.conf").write_text(f"[nomad]\naddress = {agent.url}\n")
    with following(root):
        yield root


def test_daemon(daemon, agent):
    """With the daemon running as its own user, without a privilege, names resolve although Nomad is gone."""
    agent.stop_listening()
    assert daemon.run("getent", "hosts", "web.default.nomad").split() == ["192.0.2.7", "web.default.nomad"]
    assert daemon.run("getent", "hosts", "other.default.nomad", code=2) == ""
    assert not list(daemon.path("/var/cache/nss-nomad/root").iterdir())


@contextlib.contextmanager
def nscd(root):
    """nscd running; its process."""
    root.path("/run/nscd").mkdir()
    root.run("nscd")        # returns when it is ready
    try:
        pid, = root.processes()
        yield pid
    finally:
        root.run("nscd", "--shutdown")


def test_through_nscd(root, packages, agent):
    """Where nscd caches hosts, it is nscd that loads the module: names resolve all the same, with and without the
    daemon, unknown ones do not; and the doctor says that it is in the way."""
    agent.register("web", address="192.0.2.7", port=80)
    root.install(packages)
    root.path("/etc/nss-nomad.conf").write_text(f"[nomad]\naddress = {agent.url}\n")
    with nscd(root) as pid, following(root):
        assert root.run("getent", "ahosts", "web.default.nomad").split()[0] == "192.0.2.7"
        assert "libnss_nomad.so.2" in pathlib.Path(f"/proc/{pid}/maps").read_text()
        root.run("getent", "ahosts", "none.default.nomad", code=2)
        said = root.run("nomad-lookup", "--check", code=1)
        assert re.search(r"^FAULT +nscd ", said, re.M) and "enable-cache hosts no" in said
        assert said.splitlines()[-1].startswith("1 fault")
        agent.stop_listening()
        assert root.run("getent", "hosts", "web.default.nomad").split() == ["192.0.2.7", "web.default.nomad"]


def test_i386(root, packages, small, agent):
    """The module's package for i386 beside amd64's: a 32-bit program and a 64-bit one fill and read the same cache,
    and read the same published files; the hosts line stays until the last of both is removed."""
    if root.run("dpkg", "--print-foreign-architectures").split() != ["i386"]:
        pytest.skip("no root with i386 could be made")
    agent.register("web", address="192.0.2.7", port=80)
    agent.register("api", address="192.0.2.8", port=80)
    root.install([*packages, small])
    root.path("/etc/nss-nomad.conf").write_text(f"[nomad]\naddress = {agent.url}\n")
    assert root.hosts_line() == "hosts: files nomad [!UNAVAIL=return] dns"

    def resolve(name):
        return root.run("/debs/resolve-i386", name, "unspec").split()

    assert resolve("web.default.nomad") == ["unspec", "OK", "192.0.2.7"]
    assert root.run("getent", "hosts", "api.default.nomad").split() == ["192.0.2.8", "api.default.nomad"]
    agent.stop_listening()
    assert root.run("getent", "hosts", "web.default.nomad").split() == ["192.0.2.7", "web.default.nomad"]
    assert resolve("api.default.nomad") == ["unspec", "OK", "192.0.2.8"]
    agent.listen_again()
    with following(root):
        agent.stop_listening()
        shutil.rmtree(folder := kept(root))
        assert resolve("web.default.nomad") == ["unspec", "OK", "192.0.2.7"]
        assert resolve("none.default.nomad") == ["unspec", "EAI_NONAME"]
        assert not folder.exists()
    root.run("dpkg", "--purge", "libnss-nomad:amd64")
    assert root.hosts_line() == "hosts: files nomad [!UNAVAIL=return] dns"
    root.run("dpkg", "--purge", "libnss-nomad:i386")
    assert root.hosts_line() == "hosts: files dns"


def test_doctor(daemon):
    """As installed nothing is wrong, says the doctor."""
    assert daemon.run("nomad-lookup", "--check").splitlines()[-1] == "Nothing is wrong."
