"""The user's cache on disk survives whatever happens to it: each damage is a miss or a good answer, never a crash."""

import os
import pathlib
import random
import shutil
import signal
import subprocess
import time

import pytest

import build
import host as hosts

NAME = "web.default.nomad"
OLD, NEW = {"192.0.2.1"}, {"192.0.2.2"}


def record():
    return f"{hosts.cache_folder()}/default/web"


@pytest.fixture
def kept(agent, host):
    """web is in root's cache as 192.0.2.1; the agent has 192.0.2.2 by now. The record's file."""
    id = agent.register("web", address="192.0.2.1", port=80, tags=["blue"])
    assert host.addresses(NAME) == OLD
    agent.register("web", id=id, address="192.0.2.2", port=80, tags=["blue"])
    return host.path(record())


def test_hit(kept, agent, host):
    """What is kept answers without a request while it is fresh, and selections from it too."""
    assert host.addresses(NAME) == host.addresses("web.nomad") == host.addresses("blue.web.default.nomad") == OLD
    assert agent.counters()["requests"] == {"/v1/service/web": 1}


def test_expiry(kept, host):
    """What is kept is asked for anew after its time."""
    assert host.run([host.tool("publish"), "-A", "5", record()]).code == 0
    assert host.addresses(NAME) == OLD
    assert host.run([host.tool("publish"), "-A", "6", record()]).code == 0
    assert host.addresses(NAME) == NEW


def test_ttl_is_configured(agent, host):
    """`ttl` and `negative-ttl` are what is written into the records: a minute is not over after half of one."""
    host.configure(nomad={"address": agent.url}, answers={"ttl": "60s", "negative-ttl": "60s"})
    agent.register("web", address="192.0.2.1", port=80)
    for name in ("web", "other"):
        host.code(f"{name}.default.nomad")
        assert host.run([host.tool("publish"), "-A", "30", f"{hosts.cache_folder()}/default/{name}"]).code == 0
    agent.stop_listening()
    assert host.addresses(NAME) == OLD
    assert host.code("other.default.nomad") == "EAI_NONAME"


def test_modes(kept, host):
    """The user's folder and all in it are closed to everybody else."""
    for path in [host.cache(0), *host.cache(0).rglob("*")]:
        if not path.is_symlink():
            assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.root
def test_mask(agent, host):
    """Whatever mask a user's program or shell has, what it keeps can be used again."""
    agent.register("web", address="192.0.2.1", port=80)
    for ask in (f"$RUN getent ahostsv4 {NAME}", f"nomad-lookup {NAME}"):
        assert host.run(["sh", "-c", f"umask 0777; {ask}"], user=4001).code == 0
        assert host.addresses(NAME, user=4001) == OLD
        assert len(agent.log()) == 1
        shutil.rmtree(host.cache(4001))
        agent.reset_counters()


def test_nothing_else_is_left(kept, host):
    """A lookup leaves the record, its lock, the links and the places of the queue: no temporary file."""
    names = {path.name for path in host.cache(0).rglob("*")}
    assert not [name for name in names if name.endswith(".tmp")]


@pytest.mark.root
@pytest.mark.skipif(not shutil.which("systemd-tmpfiles"), reason="no systemd-tmpfiles; Debian: apt install systemd")
def test_cleaning_by_age(agent, host):
    """systemd-tmpfiles, however short an age it is told, leaves what may still be answered, and the links to it: with
    Nomad away, the short forms of the name are answered as the long one. Whose time is over goes, the links too."""
    host.configure(nomad={"address": agent.url}, answers={"ttl": "1s", "max-stale": "3d"})
    agent.register("web", address="192.0.2.1", port=80)
    assert host.addresses(NAME) == OLD
    text = (build.ROOT / "src/share/tmpfiles.d/nss-nomad.conf").read_text()
    host.write("/etc/cleaning.conf", text.replace(" 1d\n", " 0\n"))
    clean = ["systemd-tmpfiles", "--clean", "/etc/cleaning.conf"]
    assert host.run(clean).code == 0
    agent.stop_listening()
    assert host.run([host.tool("publish"), "-A", "2", record()]).code == 0
    assert host.addresses("web.nomad") == host.addresses("web.service.nomad") == host.addresses(NAME) == OLD
    for path in host.cache(0).rglob("*"):
        os.utime(path, (0, 0), follow_symlinks=False)
    assert host.run(clean).code == 0
    assert list(host.cache(0).parent.iterdir()) == []


def damage(kept, change):
    data = bytearray(kept.read_bytes())
    kept.write_bytes(change(data))


@pytest.mark.parametrize("size", [0, 1, 4, 15, 16, 31, 32, 60, -20, -1])
def test_truncated(kept, host, size):
    """A file that is cut anywhere is a miss, and is replaced."""
    damage(kept, lambda data: data[:size])
    answer = host.addresses(NAME)
    assert answer == NEW or (answer == OLD and size < 0)    # the end is no matter to who wants the addresses alone
    assert host.addresses("blue.web.default.nomad") == NEW or answer == OLD


@pytest.mark.parametrize("seed", range(8))
def test_bit_flipped(kept, host, seed):
    """A bit flipped anywhere in what is read is a miss; in the rest of the file it changes no answer."""
    data = bytearray(kept.read_bytes())
    bit = random.Random(seed).randrange(len(data) * 8)
    data[bit // 8] ^= 1 << bit % 8
    kept.write_bytes(data)
    head = int.from_bytes(data[8:12], "big")
    assert host.addresses(NAME) in ([NEW] if bit // 8 < min(head, 300) else [OLD, NEW])


def test_longer(kept, host):
    """Octets behind the end are a miss, or no matter."""
    damage(kept, lambda data: data + b"x" * 100)
    assert host.addresses(NAME) in (OLD, NEW)
    assert host.addresses("blue.web.default.nomad") in (OLD, NEW)


@pytest.mark.parametrize("version", [0, 1, 3, 255])
def test_wrong_version(kept, host, version):
    """A record of another version is a miss, and is replaced."""
    damage(kept, lambda data: data[:4] + version.to_bytes(2, "big") + data[6:])
    assert host.addresses(NAME) == NEW
    assert host.addresses(NAME) == NEW


@pytest.mark.parametrize("content", [b"", b"\0" * 4096, b"192.0.2.66 web.default.nomad\n",
                                     random.Random(1).randbytes(5000)], ids=["empty", "zeroes", "text", "random"])
def test_other_content(kept, host, content):
    """A file of something else is a miss."""
    kept.write_bytes(content)
    assert host.addresses(NAME) == NEW


def test_another_services_record(kept, agent, host):
    """A record that lies under another service's name is a miss: the key in it counts."""
    agent.register("other", address="192.0.2.3", port=80)
    assert host.addresses("other.default.nomad") == {"192.0.2.3"}
    shutil.copy(host.path(f"{hosts.cache_folder()}/default/other"), kept)
    assert host.addresses(NAME) == NEW


def test_from_the_future(kept, host):
    """A record from the future, as after the clock went back, is a miss."""
    assert host.run([host.tool("publish"), "-A", "-60", record()]).code == 0
    assert host.addresses(NAME) == NEW


def test_failure_from_the_future(agent, host):
    """A failure from the future does not keep anybody from asking."""
    assert host.code("other.default.nomad") == "EAI_NONAME"
    agent.register("web", address="192.0.2.2", port=80)
    for mark in (f".{hosts.unit()}.failed", f"default/web.{hosts.unit()}.failed"):
        host.cache(0, mark).write_text("x")
        os.utime(host.cache(0, mark), (time.time() + 3600,) * 2)
    assert host.addresses(NAME) == NEW


def replace(path, make):
    path.unlink()
    make(path)


@pytest.mark.parametrize("make", [
    lambda path: path.mkdir(),
    lambda path: (path.mkdir(), (path / "inside").write_text("x")),
    lambda path: path.symlink_to("other"),
    lambda path: path.symlink_to("/etc/passwd"),
    lambda path: path.symlink_to("web"),
    lambda path: os.mkfifo(path),
    lambda path: path.symlink_to("/dev/zero"),
], ids=["folder", "full-folder", "dangling-link", "link", "link-to-itself", "fifo", "device"])
def test_something_in_place_of_the_file(kept, host, make):
    """A folder, a link, a fifo in place of the record: never followed, never waited for, a miss."""
    replace(kept, make)
    assert host.addresses(NAME) == NEW
    assert host.addresses(NAME) == NEW


def test_link_to_a_good_record(kept, host):
    """A link is not followed, wherever it leads."""
    shutil.move(kept, host.path("/tmp/web"))
    kept.symlink_to("/tmp/web")
    assert host.addresses(NAME) == NEW


@pytest.mark.parametrize("mode", [0o644, 0o666, 0o000])
def test_mode_of_the_file(kept, host, mode):
    """Whatever the mode of a file in a folder that is closed to others."""
    kept.chmod(mode)
    assert host.addresses(NAME) in (OLD, NEW)


@pytest.mark.parametrize("mode", [0o770, 0o777, 0o755, 0o701])
def test_open_folder(kept, host, mode):
    """A folder that others may enter is not believed: asked each time, answered all the same."""
    host.cache(0).chmod(mode)
    assert host.addresses(NAME) == NEW


@pytest.mark.root
def test_foreign_file(kept, host):
    """A record that belongs to somebody else, in a folder that is ours alone."""
    os.chown(kept, 4001, 4001)
    assert host.addresses(NAME) in (OLD, NEW)


@pytest.mark.root
def test_foreign_folder(kept, host):
    """A folder that belongs to somebody else is not believed."""
    os.chown(host.cache(0), 4001, 4001)
    assert host.addresses(NAME) == NEW


@pytest.mark.parametrize("prepare", [
    "rm -r /var/cache/nss-nomad",
    "rm -r /var/cache/nss-nomad && touch /var/cache/nss-nomad",
    "rm -r /var/cache/nss-nomad && ln -s nss-nomad /var/cache/nss-nomad",
    "rm -r {folder} && touch {folder}",
    "rm -r {folder} && ln -s /tmp {folder}",
    "rm -r {root} && touch {root}",
    "rm -r {root} && ln -s /tmp {root}",
    "mount -o remount,ro /var/cache",
    "rm -r {root} && mount -o remount,ro /var/cache",
    "mount -t tmpfs -o size=4k,nr_inodes=1 tmpfs {root}",
    "mount -t tmpfs -o size=4k,nr_inodes=3 tmpfs {root}",
    "mount -t tmpfs -o size=4k,nr_inodes=6 tmpfs {root}",
    "mount -t tmpfs -o size=4k,nr_inodes=20 tmpfs {root} && head -c 4096 /dev/zero >{root}/full",
], ids=["no-folder", "file", "loop", "network-file", "network-link", "user-file", "user-link",
        "read-only", "read-only-and-empty", "no-inode", "few-inodes",
        "some-inodes", "full"])
def test_nowhere_to_keep(kept, agent, host, prepare):
    """No folder, a read-only one, a full disk: the answer comes from Nomad each time, and failures are told."""
    host.settle()       # a helper that still holds a lock keeps the mount from becoming read-only
    assert host.run(["sh", "-c", prepare.format(root="/var/cache/nss-nomad/root", folder=hosts.cache_folder())]).code == 0
    for _ in range(2):
        assert host.addresses(NAME) in ((OLD,) if prepare == "mount -o remount,ro /var/cache" else (NEW,))
    agent.stop_listening()
    assert host.code("other.default.nomad") == "EAI_AGAIN"


@pytest.mark.plain
def test_writers_and_readers(agent, host):
    """While several processes write a record again and again, whoever reads gets a whole one."""
    agent.register_many([{"name": "web", "address": f"192.0.2.{number}", "port": 80} for number in range(1, 101)])
    wanted = {f"192.0.2.{number}" for number in range(1, 101)}
    assert host.addresses(NAME) == wanted
    loop = f"for i in 1 2 3 4 5 6 7 8 9 10; do nomad-lookup --refresh {NAME} >/dev/null || exit 1; done"
    writers = [host.start(["sh", "-c", loop]) for _ in range(2)]
    while any(writer.poll() is None for writer in writers):
        assert host.addresses(NAME) == wanted
    assert [writer.returncode for writer in writers] == [0, 0]


@pytest.mark.plain
def test_writer_is_killed(agent, host):
    """A writer killed at any moment leaves the old record or the new one, and nobody waits for its lock."""
    id = agent.register("web", address="192.0.2.1", port=80)
    assert host.addresses(NAME) == OLD
    agent.register("web", id=id, address="192.0.2.2", port=80)
    for delay in range(0, 30, 2):
        writer = host.start(["nomad-lookup", "--refresh", NAME], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay / 1000)        # any moment: nothing is waited for
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        assert host.addresses(NAME) in (OLD, NEW)


def test_left_by_a_killed_writer(agent, host):
    """What writers that were killed left behind under names of their own goes with time, whatever it is."""
    agent.register("web", address="192.0.2.1", port=80)
    assert host.addresses(NAME) == OLD
    left = [host.cache(path=f".{number:016x}.tmp") for number in range(3)]
    left[0].touch()
    left[1].symlink_to("default")
    left[2].mkdir()
    for path in left:
        os.utime(path, (0, 0), follow_symlinks=False)
    for _ in range(1000):       # it is pruned at one store in 64
        assert host.run(["nomad-lookup", "--refresh", NAME]).code == 0
        if not any(os.path.lexists(path) for path in left):
            return
    assert False, [path for path in left if os.path.lexists(path)]


def test_lock_is_held_by_a_stranger(kept, host):
    """Somebody who holds the lock and never asks keeps lookups waiting for the timeout at most; what is kept serves."""
    assert host.run([host.tool("publish"), "-A", "20", record()]).code == 0
    holder = host.start([host.tool("hold"), f"{record()}.{hosts.unit()}.lock", "0"], stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE)
    holder.stdout.readline()
    before = time.monotonic()
    assert host.addresses(NAME) == OLD
    assert time.monotonic() - before < 2.2 + 3
    holder.communicate()
    assert host.addresses(NAME) == NEW


def test_clusters_are_kept_apart(kept, agent, host):
    """NOMAD_ADDR and NOMAD_REGION select another cluster: other records, and no published files. NOMAD_NAMESPACE does not."""
    host.publish("default", "web", "192.0.2.9 80")
    assert host.addresses(NAME) == {"192.0.2.9"}
    assert host.addresses(NAME, env={"NOMAD_ADDR": agent.url}) == NEW
    assert host.code(NAME, env={"NOMAD_ADDR": "http://127.0.0.1:1"}) == "EAI_AGAIN"
    agent.register("web", address="192.0.2.7", port=80, namespace="prod")
    assert host.addresses("web.nomad", env={"NOMAD_ADDR": agent.url, "NOMAD_NAMESPACE": "prod"}) == {"192.0.2.7"}
    host.daemon_dies()
    assert host.addresses(NAME) == OLD
    assert len([path for path in host.cache(0).parent.iterdir() if "@" in path.name]) == 2


def test_upper_and_lower_case(agent, host):
    """Services that differ in case only have one file; each spelling gets its own instances."""
    agent.register("Web", address="192.0.2.1", port=80)
    agent.register("web", address="192.0.2.2", port=80)
    for _ in range(2):
        assert host.addresses("web.default.nomad") == NEW
        assert host.addresses("Web.default.nomad") == OLD
    assert [path.name for path in pathlib.Path(host.cache(0, "default")).iterdir() if "." not in path.name] == ["web"]
