"""Nobody can put words into another's mouth: not one user into another's cache, nor anybody into the daemon's files."""

import os
import shutil
import signal
import subprocess

import pytest

import build
import host as hosts
from daemon import wait_until

pytestmark = pytest.mark.root

NAME = "web.default.nomad"
USERS = "/var/cache/nss-nomad/users"
ATTACKER, VICTIM = 4001, 4002
PLACES = 8              # CACHE_CONNECTIONS_MAX
TRUE, FALSE = {"192.0.2.1"}, {"192.0.2.66"}


@pytest.fixture
def web(agent):
    agent.register("web", address="192.0.2.1", port=80)
    return agent


def as_attacker(host, script):
    return host.run(["sh", "-c", script], user=ATTACKER)


def folder_of(user):
    """What a user's folder is called, also where it is root's, whose is elsewhere."""
    return f"{USERS}/{user}.{hosts.network()}"


def forge(path):
    """A script that makes a user's folder with a forged record."""
    return (f"mkdir -p {path}/default && ln -s default {path}/_ &&"
            f" /run/tools/publish -t 86400 -f {path}/default/web default web '192.0.2.66 80'")


def forge_plainly(path):
    """The same, as the cache was laid out once."""
    return (f"mkdir -p {path}/default && ln -s default {path}/_ &&"
            f" /run/tools/publish -t 86400 -f {path}/default/web default web '192.0.2.66 80'")


@pytest.mark.parametrize("user", [0, VICTIM])
@pytest.mark.parametrize("mode", [0o700, 0o755, 0o777])
def test_folder_made_by_somebody_else(web, host, user, mode):
    """A folder that an attacker made in a user's name is not believed, whatever its mode; the user's lookups work."""
    assert as_attacker(host, f"umask 0; {forge(folder_of(user))} && chmod {mode:o} {folder_of(user)}").code == 0
    assert host.addresses(NAME, user=user) == TRUE


@pytest.mark.parametrize("user", [0, VICTIM])
def test_link_made_by_somebody_else(web, host, user):
    """Nor a link to the attacker's folder."""
    assert as_attacker(host, f"{forge(folder_of(ATTACKER))} && chmod 777 {folder_of(ATTACKER)} &&"
                             f" ln -s {folder_of(ATTACKER)} {folder_of(user)}").code == 0
    assert host.addresses(NAME, user=user) == TRUE


def test_forger_fools_himself_alone(web, host):
    """The forged record is the attacker's own truth, and nobody else's."""
    assert as_attacker(host, f"umask 077; {forge(folder_of(ATTACKER))}").code == 0
    assert host.addresses(NAME, user=ATTACKER) == FALSE
    assert host.addresses(NAME, user=VICTIM) == host.addresses(NAME) == TRUE


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_folder_that_was_left_open(web, host, mode):
    """A user's own folder that others can write is not believed either."""
    assert host.addresses(NAME, user=VICTIM) == TRUE
    folder = host.cache(VICTIM)
    folder.chmod(mode)
    os.chown(folder, VICTIM, ATTACKER)
    (folder / "default").chmod(0o777)
    as_attacker(host, f"rm -f {folder_of(VICTIM)}/default/web; {forge(folder_of(VICTIM))}")
    assert host.addresses(NAME, user=VICTIM) == TRUE


@pytest.mark.parametrize("command", [
    "cat {victim}/default/web", "ls {victim}", "mv {victim} {victim}.old", "rmdir {victim}", "rm -rf {victim}/default",
    "ln {victim}/default/web {attacker}/default/web", "touch {victim}/default/web", "ln -sf x {victim}/x"])
def test_others_cannot_reach_in(web, host, command):
    """Another user's folder can neither be read, nor changed, nor moved away."""
    for user in (VICTIM, ATTACKER):
        assert host.addresses(NAME, user=user) == TRUE
    done = as_attacker(host, command.format(victim=folder_of(VICTIM), attacker=folder_of(ATTACKER)))
    assert done.code != 0
    assert host.cache(VICTIM, "default/web").exists()


def test_environment_is_the_users_own(web, host, agent):
    """What a user sees through NOMAD_ADDR is nobody else's to see."""
    agent.register("mine", address="192.0.2.66", port=80)
    assert host.addresses("mine.default.nomad", user=ATTACKER, env={"NOMAD_ADDR": agent.url}) == FALSE
    agent.stop_listening()
    assert host.code("mine.default.nomad") == host.code("mine.default.nomad", user=VICTIM) == "EAI_AGAIN"


@pytest.mark.plain
def test_effective_user_counts(web, host):
    """A setuid program uses the folder of the user it acts as."""
    assert host.run(["install", "-m", "4755", "/usr/bin/getent", "/run/getent"]).code == 0
    assert as_attacker(host, f"umask 077; {forge(folder_of(ATTACKER))}").code == 0
    done = host.run(["/run/getent", "ahostsv4", NAME], user=ATTACKER)
    assert done.out.split()[0] == "192.0.2.1"


@pytest.mark.plain
@pytest.mark.parametrize("count", [1, PLACES])
def test_set_uid_program_that_is_stopped(web, host, count):
    """Who stops set-uid programs in the middle of a lookup, and their helpers, holds up nobody whose rights they have:
    neither the name's lock nor a place in the queue to the agent is theirs."""
    assert host.run(["install", "-m", "4755", "/usr/bin/getent", "/run/getent"]).code == 0
    web.fault("hang", times=count)
    asking = [host.start(["/run/getent", "ahostsv4", NAME], user=ATTACKER, stdout=subprocess.DEVNULL)
              for _ in range(count)]
    wait_until(lambda: web.counters()["total"] >= count)
    pids = [program.pid for program in asking]
    stopped = [pid for pid, command in host.processes().items() if "for-module" in command or pid in pids]
    assert len(stopped) == 2 * count
    try:
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        assert host.addresses(NAME) == TRUE
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        for program in asking:
            program.wait()
    assert not host.cache(path=".failed").exists()


@pytest.mark.plain
def test_set_uid_program_that_is_starved(web, host):
    """Who starts a set-uid program with too little memory for its helper spoils its lookup, and nobody else's."""
    assert host.run(["install", "-m", "4755", "/usr/bin/getent", "/run/getent"]).code == 0
    script = f"""
        for kib in $(seq 20000 400 80000); do
            (ulimit -v $kib; /run/getent ahostsv4 {NAME} >/dev/null 2>&1)
        done"""
    as_attacker(host, script)
    assert not host.cache(path=".failed").exists()
    assert host.addresses(NAME) == TRUE


def rules(host):
    """Creates what systemd-tmpfiles creates, by our rules."""
    host.write("/etc/caches.conf", (build.ROOT / "src/share/tmpfiles.d/nss-nomad.conf").read_text())
    return host.run(["systemd-tmpfiles", "--create", "/etc/caches.conf"])


def postinst(host):
    """What the package does when it is installed."""
    host.write("/tmp/postinst", (build.ROOT / "debian/nomad-lookup.postinst").read_text(), 0o755)
    return host.run(["/tmp/postinst", "configure"])


def make_install(host):
    """What `make install` does."""
    environment = {"B": "none", "DESTDIR": "", "PREFIX": "/tmp/usr", "LIBDIR": "/tmp/usr/lib", "SYSCONFDIR": "/tmp/etc",
                   "UNITDIR": "/tmp/usr/lib/systemd"}
    return host.run([str(build.ROOT / "src/share/install.sh"), "install"], env=environment)


@pytest.mark.parametrize("install", [rules, postinst, make_install])
def test_installing_adopts_nothing(web, host, install):
    """Where root's folder is missing, somebody makes it and fills it, and what installs makes it root's: nothing of what
    he has put there is believed."""
    if install is rules and not shutil.which("systemd-tmpfiles"):
        pytest.skip("no systemd-tmpfiles")
    host.run(["rm", "-rf", "/var/cache/nss-nomad/root"])
    assert as_attacker(host, f"umask 022; {forge(folder_of(0))}; {forge_plainly(f'{USERS}/0')}").code == 0
    as_attacker(host, forge(hosts.cache_folder(0)))
    done = install(host)
    assert done.code == 0, done
    status = host.path("/var/cache/nss-nomad/root").stat()
    assert (status.st_uid, status.st_mode & 0o777) == (0, 0o700)
    assert host.addresses(NAME) == TRUE


@pytest.mark.parametrize("depth", range(3))
def test_nothing_of_others_is_believed_below(web, host, depth):
    """A folder that somebody has filled and root has given to its user, so and so deep: each thing on the way counts."""
    folder, plain = folder_of(VICTIM), f"{USERS}/{VICTIM}"
    assert as_attacker(host, f"umask 022; {forge(folder)}; {forge_plainly(plain)}; chmod 700 {folder} {plain}").code == 0
    for path in [plain, folder, f"{folder}/default", f"{folder}/_"][:depth + 2]:
        assert host.run(["chown", "-h", f"{VICTIM}:{VICTIM}", path]).code == 0
    assert host.addresses(NAME, user=VICTIM) == TRUE


def test_record_under_another_name(web, host):
    """A file of the user's own that somebody could give a second name, in a folder that he had, is not believed."""
    assert host.addresses(NAME, user=VICTIM) == TRUE
    record = host.cache(VICTIM, "default/web")
    os.link(record, host.path("/var/cache/nss-nomad/elsewhere"))
    web.register("web", address="192.0.2.2", port=80)
    assert host.addresses(NAME, user=VICTIM) == TRUE | {"192.0.2.2"}


def test_folder_of_the_login(web, host):
    """Somebody has made everybody's folder: who is logged in has a cache all the same, and each program finds it. It must
    be his own and closed; a program with somebody else's rights does without."""
    assert as_attacker(host, f"mkdir {folder_of(VICTIM)} {folder_of(4003)}").code == 0
    for user, mode in ((VICTIM, 0o700), (4003, 0o755)):
        login = host.path(f"/run/user/{user}")
        login.mkdir(parents=True)
        os.chown(login, user, user)
        login.chmod(mode)
    for _ in range(3):
        assert host.addresses(NAME, user=VICTIM) == TRUE
    assert web.counters()["requests"] == {"/v1/service/web": 1}
    assert host.path(f"/run/user/{VICTIM}/nss-nomad.{hosts.network()}/default/web").stat().st_uid == VICTIM
    for _ in range(2):
        assert host.addresses(NAME, user=4003) == TRUE
    assert web.counters()["requests"] == {"/v1/service/web": 3}
    said = host.run(["nomad-lookup", "--explain", NAME], user=VICTIM)
    assert f"/run/user/{VICTIM}/nss-nomad." in said.out, said.out


PUBLISHED = "/run/nomad-dns-srv"


@pytest.fixture
def published(host):
    """web, published by root's daemon, no agent: what is not believed cannot be told."""
    host.publish("default", "web", "192.0.2.66 80")
    assert host.addresses(NAME) == FALSE
    return host


@pytest.mark.parametrize("change", [
    "chmod 666 alive", "chmod 664 alive", "rm alive && ln -s /etc/passwd alive", "rm alive && mkdir alive",
    "rm alive && mkfifo alive", "rm alive",
    "chmod 666 services/default/web", "chmod 620 services/default/web",
    "chown 4001 services/default/web",
    "mv services/default/web /tmp/web && ln -s /tmp/web services/default/web",
    "rm services/default/web && mkfifo services/default/web",
    "truncate -s 20 services/default/web", "truncate -s 0 services/default/web",
    "cp /etc/passwd services/default/web"])
def test_published_file_that_cannot_be_trusted(published, change):
    """A heartbeat or a record that others may write, that belongs to somebody else, that is a link, a fifo or
    damaged: it is not believed, and "no such name" is not concluded from it."""
    published.daemon_stops()    # the heartbeat stays fresh long enough
    assert published.run(["sh", "-ec", f"cd {PUBLISHED}; {change}"]).code == 0
    assert published.code(NAME) == "EAI_AGAIN"


def test_daemons_own_user(host):
    """The daemon's files may belong to a user of its own, if the heartbeat does too; or to root."""
    host.publish("default", "web", "192.0.2.1 80")
    host.publish("default", "other", "192.0.2.1 80")
    assert host.run(["chown", "4003", f"{PUBLISHED}/alive", f"{PUBLISHED}/services/default/web"]).code == 0
    assert host.addresses(NAME) == host.addresses("other.default.nomad") == TRUE


def test_users_read_published_files(host):
    """Every user gets the daemon's answers, without a cache of his own."""
    host.publish("default", "web", "192.0.2.1 80")
    assert host.addresses(NAME, user=VICTIM) == TRUE
    assert not host.cache(VICTIM).exists()
