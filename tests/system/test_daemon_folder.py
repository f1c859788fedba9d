"""Troubles of the folder in which nomad-dns-srv publishes: said in words, the heartbeat withheld, recovered from."""

import contextlib
import os
import signal
import stat

import pytest

from daemon import FOLDER, daemon, wait_until    # noqa: F401 (a fixture)

pytestmark = pytest.mark.root
unconfined = pytest.mark.unconfined("/run is read-only, systemd makes the folder")


def mount(host, *arguments):
    done = host.run(["mount", *arguments])
    assert done.code == 0, done


def recovered(agent, daemon):
    """It beats, and the files are the truth."""
    daemon.wait_equal(agent)
    wait_until(daemon.alive)


def silent(daemon, words):
    """No heartbeat, and a reason."""
    wait_until(lambda: words in daemon.log, lambda: daemon.log)
    wait_until(lambda: not daemon.alive(), within=10)


def test_it_is_full(agent, host, daemon):
    daemon.folder.mkdir()
    mount(host, "-t", "tmpfs", "-o", "size=400k,mode=755", "tmpfs", FOLDER)
    agent.register("web", address="10.1.0.1")
    daemon.start().wait("current")
    agent.populate(100, 20)
    silent(daemon, "make room")
    assert daemon.log.count("lookups do without the daemon") == 1
    mount(host, "-o", "remount,size=10m", FOLDER)
    recovered(agent, daemon)
    assert "holds the whole catalogue" in daemon.log


def test_it_is_full_when_the_configuration_is_read_again(agent, host, daemon):
    """All records are to be written anew: what the folder holds is not the catalogue from the first on that cannot be."""
    daemon.folder.mkdir()
    mount(host, "-t", "tmpfs", "-o", "size=400k,mode=755", "tmpfs", FOLDER)
    agent.register("web", address="10.1.0.1")
    daemon.start().wait("current")
    with open(daemon.folder / "ballast", "wb", buffering=0) as ballast, contextlib.suppress(OSError):
        while True:
            ballast.write(bytes(4096))
    host.configure(nomad={"address": agent.url}, answers={"ttl": "77s"})
    daemon.reload()
    wait_until(lambda: "make room" in daemon.log and "read again" in daemon.log, lambda: daemon.log)
    assert not (daemon.folder / "alive").exists()
    (daemon.folder / "ballast").unlink()
    recovered(agent, daemon)


def test_the_status_alone_cannot_be_written(agent, host, daemon):
    """The catalogue can: nothing is withheld for that, and it is said once."""
    agent.register("web", address="10.1.0.1")
    daemon.start().wait("current")
    (daemon.folder / "status.json").unlink()
    (daemon.folder / "status.json").mkdir()
    wait_until(lambda: "status.json" in daemon.log, lambda: daemon.log)
    beat = (daemon.folder / "alive").stat().st_mtime_ns
    agent.register("web", address="10.1.0.2")
    wait_until(lambda: (daemon.folder / "alive").stat().st_mtime_ns > beat + 2e9)
    daemon.wait_equal(agent)
    assert "holds the whole catalogue" not in daemon.log
    (daemon.folder / "status.json").rmdir()
    wait_until(lambda: daemon.status().get("state") == "current")
    assert daemon.log.count("status.json") == 1


def test_it_is_read_only(agent, host, daemon):
    daemon.folder.mkdir()
    mount(host, "-t", "tmpfs", "-o", "mode=755", "tmpfs", FOLDER)
    agent.register("web", address="10.1.0.1")
    daemon.start().wait("current")
    mount(host, "-o", "remount,ro", FOLDER)
    silent(daemon, "Read-only")
    agent.register("web", address="10.1.0.2")
    mount(host, "-o", "remount,rw", FOLDER)
    recovered(agent, daemon)


@pytest.mark.parametrize("what", [pytest.param("", marks=unconfined), "/services", "/services/default", "/alive", "/lock",
                                  "/services/default/service-7", "/services/_", "/services/.drafts"])
def test_it_is_deleted(agent, host, daemon, what):
    """Whatever of it: made again within seconds, without a change in Nomad."""
    agent.populate(20, 2)
    daemon.start().wait("current")
    daemon.wait_equal(agent)
    assert host.run(["rm", "-r", FOLDER + what]).code == 0
    wait_until(lambda: host.path(FOLDER + what).exists() or host.path(FOLDER + what).is_symlink())
    recovered(agent, daemon)
    agent.register("web", address="10.1.0.2")
    recovered(agent, daemon)
    wait_until(lambda: host.code("nobody.default.nomad") == "EAI_NONAME")


@pytest.mark.parametrize("what", ["default/web", "default", "_", "."])
def test_what_was_deleted_is_not_denied(agent, host, daemon, what):
    """From the first moment: a daemon that is stopped cannot notice, its heartbeat is fresh for 5 s, and nobody else can tell."""
    agent.register("web", address="10.1.0.1")
    daemon.start().wait("current")
    daemon.wait_equal(agent)
    host.configure()
    for name in ("web.default.nomad", "web.nomad"):
        assert host.addresses(name) == {"10.1.0.1"}
    assert host.code("nobody.default.nomad") == "EAI_NONAME"
    daemon.process.send_signal(signal.SIGSTOP)
    try:
        assert host.run(["sh", "-c", f"rm -r {FOLDER}/services/{what} || rm -r {FOLDER}/services"]).code == 0
        assert host.code("web.nomad") == "EAI_AGAIN"
        assert host.addresses("web.default.nomad") == {"10.1.0.1"} if what == "_" else \
            host.code("web.default.nomad") == "EAI_AGAIN"
    finally:
        daemon.process.send_signal(signal.SIGCONT)
    wait_until(lambda: host.addresses("web.nomad") == host.addresses("web.default.nomad") == {"10.1.0.1"})


def test_what_others_put_there_goes(agent, host, daemon):
    """A file that is not the daemon's, and one in the place of a namespace."""
    agent.register("web", address="10.1.0.1")
    daemon.start().wait("current")
    for path in ("services/default/other", "services/other"):
        (daemon.folder / path).write_text("x")
        wait_until(lambda: not (daemon.folder / path).exists())
    wait_until(lambda: host.code("nobody.default.nomad") == host.code("nobody.other.nomad") == "EAI_NONAME")


def test_it_becomes_somebody_elses(agent, host, daemon):
    agent.register("web", address="10.1.0.1")
    daemon.start().wait("current")
    owner = daemon.folder.stat().st_uid
    os.chown(daemon.folder, 4711, 4711)
    silent(daemon, "belongs to user 4711")
    assert "chown" in daemon.log
    os.chown(daemon.folder, owner, owner)
    recovered(agent, daemon)


def test_it_becomes_open_to_others(agent, host, daemon):
    agent.register("web", address="10.1.0.1")
    daemon.start().wait("current")
    daemon.folder.chmod(0o777)
    silent(daemon, "chmod go-w")
    daemon.folder.chmod(0o755)
    recovered(agent, daemon)


@unconfined
def test_it_is_another_file_system(agent, host, daemon):
    """services/ is a mount of its own."""
    (daemon.folder / "services").mkdir(parents=True)
    daemon.folder.chmod(0o755)      # whatever this process's umask
    mount(host, "-t", "tmpfs", "-o", "mode=755", "tmpfs", FOLDER + "/services")
    agent.register("web", address="10.1.0.1")
    daemon.start().wait("current")
    recovered(agent, daemon)
    assert host.addresses("web.default.nomad") == {"10.1.0.1"}


@unconfined
def test_its_parent_is_missing_at_the_start(agent, host, daemon):
    agent.register("web", address="10.1.0.1")
    daemon.start("--publish", "/tmp/later/run")
    wait_until(lambda: "/tmp/later/run" in daemon.log)
    host.path("/tmp/later").mkdir()
    wait_until(lambda: (host.path("/tmp/later/run") / "services/default/web").exists())


def test_what_is_published_is_for_everybody_to_read(agent, host, daemon):
    agent.register("web", address="10.1.0.1")
    old = os.umask(0o077)
    try:
        daemon.start().wait("current")
    finally:
        os.umask(old)
    for path, mode in (("", 0o755), ("services", 0o755), ("services/default", 0o755), ("services/default/web", 0o644),
                       ("alive", 0o644), ("status.json", 0o644)):
        assert stat.S_IMODE((daemon.folder / path).stat().st_mode) == mode, path
    assert host.addresses("web.default.nomad", user=4711) == {"10.1.0.1"}
