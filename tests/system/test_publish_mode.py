"""Whose the published files are to read: publish-mode and publish-group."""

import os
import stat

import dns.message
import dns.query
import dns.rcode
import pytest

from daemon import daemon, wait_until    # noqa: F401 (a fixture)

GROUP, OTHER = 4007, 4008     # a user of the first number has the group of that number
HASH = "traefik.auth=admin:$apr1$hash"
SERVICES = "/run/nomad-dns-srv/services"
MODES = pytest.mark.parametrize("mode, file, folder", [
    (None, 0o644, 0o755), ("0644", 0o644, 0o755), ("0640", 0o640, 0o750), ("600", 0o600, 0o700)])


def modes(host):
    """Modes and groups of what lies there: of files, and of directories."""
    top = host.path(SERVICES)
    found = {False: set(), True: {os.lstat(top).st_mode & 0o7777}}
    groups = {os.lstat(top).st_gid}
    for place, folders, files in os.walk(top):
        for name in folders + files:
            status = os.lstat(os.path.join(place, name))
            if not stat.S_ISLNK(status.st_mode):
                found[stat.S_ISDIR(status.st_mode)].add(status.st_mode & 0o7777)
                groups.add(status.st_gid)
    return found[False], found[True], groups


def texts(daemon):    # noqa: F811
    """What TXT says of the instance, and the rcode."""
    address, port = daemon.status()["dns"].rsplit(":", 1)
    question = dns.message.make_query("192-0-2-1.web.default.nomad", "TXT")
    answer = dns.query.udp(question, address, port=int(port), timeout=10)
    return dns.rcode.to_text(answer.rcode()), {str(record).strip('"') for rrset in answer.answer for record in rrset}


def begin(agent, host, daemon, **settings):    # noqa: F811
    host.configure(nomad={"address": agent.url}, daemon=settings)
    agent.register("web", address="192.0.2.1", port=80, tags=[HASH])
    daemon.options = ["--listen", "127.0.0.1:0"]
    daemon.start().wait("current").wait_equal(agent)
    wait_until(daemon.alive)


@MODES
def test_modes(agent, host, daemon, mode, file, folder):    # noqa: F811
    """Files and directories have it, those that an earlier daemon left too."""
    agent.register("early", address="192.0.2.9", port=80)
    begin(agent, host, daemon)
    assert modes(host)[:2] == ({0o644}, {0o755})
    daemon.stop()
    begin(agent, host, daemon, **({"publish-mode": mode} if mode else {}))
    assert modes(host)[:2] == ({file}, {folder})
    agent.register("late", namespace="team", address="192.0.2.3", port=80)
    daemon.wait_equal(agent)
    assert modes(host)[:2] == ({file}, {folder})
    code, said = texts(daemon)
    assert code == "NOERROR" and any(text.startswith("job=") or text.startswith("id=") for text in said)
    assert any(text.startswith("tag=") for text in said) == bool(file & stat.S_IROTH)


@pytest.mark.root
def test_group_alone_reads(agent, host, daemon):    # noqa: F811
    """A member finds answers there; any other user finds nothing, least of all "no such name"."""
    begin(agent, host, daemon, **{"publish-mode": "0640", "publish-group": str(GROUP)})
    agent.register("late", namespace="team", address="192.0.2.3", port=80)
    daemon.wait_equal(agent)
    assert modes(host) == ({0o640}, {0o750}, {GROUP})
    agent.stop_listening()
    for name in ("web.nomad", "web.default.nomad", "192-0-2-1.web.default.nomad"):
        assert host.addresses(name) == host.addresses(name, user=GROUP) == {"192.0.2.1"}
        assert host.code(name, user=OTHER) == "EAI_AGAIN"
    for name in ("nothing.nomad", "nothing.team.nomad", "web.nowhere.nomad", "team.nomad"):
        assert host.code(name, user=OTHER) == "EAI_AGAIN", name
    for place in ("default/web", "team/late", "_/web"):
        assert host.run(["cat", f"{SERVICES}/{place}"], user=OTHER).code != 0
        assert HASH in host.run(["cat", f"{SERVICES}/default/web"], user=GROUP).out
    assert host.run(["nomad-dns-srv", "--status"], user=OTHER).code in (0, 1)


@pytest.mark.root
def test_other_users_ask_nomad(agent, host, daemon):    # noqa: F811
    """Without the files, a lookup has its next step."""
    begin(agent, host, daemon, **{"publish-mode": "0640"})
    assert host.addresses("web.nomad", user=OTHER) == {"192.0.2.1"}
    assert host.code("nothing.nomad", user=OTHER) == "EAI_NONAME"


def test_no_such_group(agent, host, daemon):    # noqa: F811
    """It is said what is wrong, and what to do."""
    host.configure(nomad={"address": agent.url}, daemon={"publish-group": "no-such-group"})
    done = host.run(["nomad-dns-srv", "--listen", ""])
    assert done.code == 1 and 'publish-group: cannot find group "no-such-group": there is none; make it' in done.err, done
    for mode in ("0666", "0755", "0444", "644x", "rw"):
        host.configure(nomad={"address": agent.url}, daemon={"publish-mode": mode})
        done = host.run(["nomad-dns-srv", "--check-config"])
        assert done.code != 0 and "publish-mode" in done.err and "0644, 0640 or 0600" in done.err, done
