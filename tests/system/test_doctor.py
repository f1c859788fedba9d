"""nomad-lookup --check, the doctor: nothing is wrong with a sound set-up, and of each broken one it names the fault and
the remedy. Unsound in one thing, no other is called a fault but what follows from it."""

import contextlib
import email.utils
import os
import re
import shutil
import socket
import threading
import time

import pytest

import host as hosts

import build
from daemon import wait_until
from doctor import examine, faults, running, sound      # noqa: F401 (a fixture)


def test_sound(sound):
    """Nothing is wrong, each part is looked at, and the name is tried in both ways."""
    said = examine(sound)
    assert faults(said) == set()
    assert set(said) >= {"settings", "hosts", "module", "nscd", "daemon", "agent", "clock", "token", "answer", "dns"}
    assert "web.default.nomad" in said["dns"][1] and said["dns"][0] == "ok"


def test_for_people(sound):
    """As text: a line for each part, and the sum of it in the last one."""
    done = sound.run(["nomad-lookup", "--check"])
    assert (done.code, done.lines[-1]) == (0, "Nothing is wrong.")
    sound.write("/etc/nsswitch.conf", "hosts: files dns\n")
    done = sound.run(["nomad-lookup", "--check"])
    assert (done.code, done.lines[-1]) == (1, "1 fault: see FAULT above.")
    assert any(line.split()[:2] == ["FAULT", "hosts"] for line in done.lines)
    assert any(line.strip().startswith("do: ") for line in done.lines)


def test_a_name_given(sound):
    """It tries the name that it is given."""
    assert "other.default.nomad" in examine(sound, "other.default.nomad")["answer"][1]


@pytest.mark.parametrize("odd", ["\x1b[31mred", "!", "a/b", "a,b", "_a", "x" * 70])
def test_names_that_nobody_can_ask_for(sound, agent, odd):
    """Of the services it takes one whose name is a label, and what others are called is let loose on no terminal."""
    agent.register(odd, address="192.0.2.66", port=80)
    agent.register("web", namespace="\x1b[32m", address="192.0.2.66", port=80)
    done = sound.run(["nomad-lookup", "--check"])
    assert done.code == 0 and "web.default.nomad has 2 addresses" in done.out, done
    assert "\x1b" not in done.out


def test_without_daemon(host, agent):
    """No daemon, never any: nothing is wrong with that where none is installed."""
    agent.register("web", address="192.0.2.10", port=80)
    assert host.run(["umount", "/usr/sbin"]).code == 0      # what is below is the machine's
    said = examine(host)
    assert faults(said) == set() and said["daemon"][0] == "note"


def test_module_missing(sound):
    """1. glibc does not find the module."""
    assert sound.run(["umount", "--lazy", f"/usr/lib/{build.multiarch()}"]).code == 0     # what is below is the machine's
    said = examine(sound)
    assert faults(said) == {"module", "answer"}
    assert "libnss_nomad.so.2" in said["module"][1] and "libnss-nomad" in said["module"][2]


def test_agent_down(sound, agent):
    """5. No agent answers; the daemon goes on with what it has, and the doctor tries what it is told."""
    agent.stop_listening()
    wait_until(lambda: sound.run(["nomad-dns-srv", "--status"]).code == 1)
    said = examine(sound, "web.default.nomad")
    assert faults(said) == {"agent", "daemon"}
    assert agent.url in said["agent"][1] and "systemctl start nomad" in said["agent"][2]
    assert said["answer"][0] == "ok"
    agent.listen_again()


def test_wrong_token(host, agent):
    """6. The agent wants a token, and this is none of its."""
    agent.tokens({"right": {"namespaces": ["default"]}})
    host.write("/etc/nss-nomad.token", "wrong\n", mode=0o600)
    host.configure(nomad={"address": agent.url, "namespace": "default", "token-file": "/etc/nss-nomad.token"})
    host.publish("default", "web", "192.0.2.10 80")
    said = examine(host)
    assert faults(said) == {"token"} and "token-file" in said["token"][2]
    host.write("/etc/nss-nomad.token", agent.secret("right") + "\n", mode=0o600)
    assert faults(examine(host)) == set()


def test_token_file(host, agent):
    """6. The token's file is missing, or everybody may read it."""
    host.publish("default", "web", "192.0.2.10 80")
    host.configure(nomad={"address": agent.url, "token-file": "/etc/nss-nomad.token"})
    said = examine(host)
    assert said["token"][0] == "note", "the daemon answers"
    host.write("/etc/nss-nomad.token", "any\n", mode=0o644)
    said = examine(host)
    assert faults(said) == {"token"} and "chmod" in said["token"][1]


def test_token_without_a_namespace(host, agent):
    """7. The token may not read one of the namespaces that are followed, or none at all."""
    agent.create_namespace("prod")
    agent.tokens({"half": {"namespaces": ["default"]}, "none": {"namespaces": []}})
    host.write("/etc/nss-nomad.token", agent.secret("half") + "\n", mode=0o600)
    host.configure(nomad={"address": agent.url, "namespace": "default prod", "token-file": "/etc/nss-nomad.token"})
    host.publish("default", "web", "192.0.2.10 80")
    said = examine(host)
    assert faults(said) == {"token"} and "namespace prod" in said["token"][1] and "read-job" in said["token"][2]
    host.write("/etc/nss-nomad.token", agent.secret("none") + "\n", mode=0o600)
    host.configure(nomad={"address": agent.url, "token-file": "/etc/nss-nomad.token"})
    assert faults(examine(host)) == {"token"}


def test_token_file_missing(host, agent):
    """6. The token's file is not there: it is to be made, whoever asks."""
    host.configure(nomad={"address": agent.url, "token-file": "/etc/nss-nomad.token"})
    said = examine(host)
    assert "No such file or directory" in said["token"][1] and "nomad acl token create" in said["token"][2]


def test_namespace_that_does_not_exist(host, agent):
    """7. The configuration names a namespace that Nomad does not have; one that is empty is as good as any."""
    agent.create_namespace("empty")
    agent.register("web", address="192.0.2.10", port=80)
    host.publish("default", "web", "192.0.2.10 80")
    for namespace, wanted in (("default empty", set()), ("default nosuch", {"token"})):
        host.configure(nomad={"address": agent.url, "namespace": namespace})
        said = examine(host)
        assert faults(said) == wanted
    assert said["token"][1] == "namespace nosuch does not exist; there are: default, empty"
    agent.fault("status", path="/v1/namespaces", code=500)
    assert faults(examine(host)) == set(), "cannot tell"


@pytest.mark.root
def test_cache(host, agent):
    """Without the daemon answers are kept for each user: whether they can be is said."""
    agent.register("web", address="192.0.2.10", port=80)
    host.configure(nomad={"address": agent.url})
    users = host.path("/var/cache/nss-nomad/users")
    assert examine(host)["cache"] == ("ok", f"answers are kept in {hosts.cache_folder()}", None)
    os.chown(host.cache().parent, 65534, 65534)
    assert faults(said := examine(host)) == {"cache"} and "not this user's alone" in said["cache"][1]
    os.chown(host.cache().parent, 0, 0)
    users.chmod(0o777)
    assert faults(said := examine(host)) == {"cache"} and "chmod 1777" in said["cache"][2]
    users.chmod(0o755)
    assert faults(said := examine(host, user=65534)) == {"cache"} and "Permission denied" in said["cache"][1]
    shutil.rmtree(users)
    assert faults(said := examine(host)) == {"cache"} and "systemd-tmpfiles" in said["cache"][2]
    host.publish("default", "web", "192.0.2.10 80")
    said = examine(host)
    assert faults(said) == set() and said["cache"][0] == "note", "the daemon serves"


def test_stale_catalogue(sound, agent):
    """8. The daemon lives, its catalogue is stale."""
    agent.stop_listening()
    wait_until(lambda: "stale" in examine(sound)["daemon"][1])
    said = examine(sound)
    assert "daemon" in faults(said) and said["daemon"][2]
    agent.listen_again()
    wait_until(lambda: faults(examine(sound)) == set())


def test_heartbeat_from_the_future(host, agent):
    """9. The clock was set back under a daemon that died."""
    agent.register("web", address="192.0.2.10", port=80)
    host.publish("default", "web", "192.0.2.10 80")
    host.daemon_dies(age=-3600)
    said = examine(host)
    assert faults(said) == {"clock"} and "timedatectl" in said["clock"][2]


def test_clock_is_not_the_agents(host, agent):
    """9. This host's clock and the agent's differ: which way, and by how much."""
    host.publish("default", "web", "192.0.2.10 80")
    for then, wanted in ((-3600, "s ahead of"), (86400, "s behind")):
        agent.fault("headers", add={"Date": email.utils.formatdate(time.time() + then, usegmt=True)})
        said = examine(host)
        assert faults(said) == {"clock"} and wanted in said["clock"][1]
        agent.clear_faults()


@pytest.mark.parametrize("text, wanted", [
    ("enable-cache hosts yes\n", {"nscd"}),
    ("enable-cache hosts no\nenable-cache passwd yes\n", set()),
    ("#enable-cache hosts no\n  enable-cache   hosts   yes\n", {"nscd"}),
])
def test_nscd(sound, text, wanted):
    """10. nscd listens and caches hosts."""
    sound.path("/run/nscd").mkdir()
    sound.write("/etc/nscd.conf", text)
    with socket.socket(socket.AF_UNIX) as listener:
        os.chdir(sound.path("/run/nscd"))       # a socket's path is short
        try:
            listener.bind("socket")
        finally:
            os.chdir("/")
        listener.listen()
        threading.Thread(target=hang_up, args=(listener,), daemon=True).start()
        said = examine(sound)
        listener.shutdown(socket.SHUT_RDWR)
    assert faults(said) == wanted
    assert not wanted or "enable-cache hosts no" in said["nscd"][2]


def hang_up(listener):
    """An nscd that knows nothing: programs ask the modules."""
    with contextlib.suppress(OSError):
        while True:
            listener.accept()[0].close()


def test_configuration(sound):
    """A mistake in the configuration is said with its line, and the host is looked at all the same."""
    sound.write("/etc/nss-nomad.conf", "[nomad]\naddres = http://127.0.0.1:4646\n")
    said = examine(sound)
    assert faults(said) == {"settings"} and "line 2" in said["settings"][1]
    assert said["module"][0] == "ok" and said["daemon"][0] == "ok"


def test_dns_is_another(host, agent, folder):
    """Somebody else has what comes to the daemon's address."""
    agent.register("web", address="192.0.2.10", port=80)
    host.configure(nomad={"address": agent.url}, dns={"listen": "0.0.0.0:0"})
    with running(host, folder / "log"), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        port = re.search(r"^dns: +0\.0\.0\.0:(\d+)$", host.run(["nomad-dns-srv", "--status"]).out, re.M)[1]
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        silent.bind(("127.0.0.1", int(port)))
        said = examine(host)
    assert faults(said) == {"dns"} and "listen" in said["dns"][2]


def test_dns_elsewhere(host, agent, folder):
    """DNS is asked where the daemon says that it answers, whatever the configuration has become since."""
    agent.register("web", address="192.0.2.10", port=80)
    host.configure(nomad={"address": agent.url}, dns={"listen": "127.0.0.1:0"})
    with running(host, folder / "log"):
        host.configure(nomad={"address": agent.url})
        said = examine(host)
    assert faults(said) == set() and re.search(r"over DNS at 127\.0\.0\.1:\d+$", said["dns"][1])
