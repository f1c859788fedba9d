"""ACLs without the daemon: who may not read the token cannot tell, and learns why; nobody learns the token."""

import pathlib

import pytest

import host as hosts

pytestmark = pytest.mark.root

NAME = "web.default.nomad"
TOKEN_FILE = "/etc/nomad-token"
SECRET = "5b1d3c0e-9a52-4d7e-8f6a-0123456789ab"
MEMBER, OTHER = 4001, 4002      # each in a group of his own of the same number


@pytest.fixture
def acl(agent, host):
    """An agent with ACLs on, and the token in a file of root's alone."""
    agent.register("web", address="192.0.2.1", port=80)
    agent.tokens({SECRET: {"namespaces": ["default"]}, "": {}})
    host.write(TOKEN_FILE, agent.secret(SECRET) + "\n", 0o600)
    host.configure(nomad={"address": agent.url, "token-file": TOKEN_FILE})
    return agent


def explain(host, user):
    done = host.run(["nomad-lookup", "--explain", NAME], user=user)
    return done.out + done.err


def test_root_may(acl, host):
    """Who can read the token file uses it."""
    assert host.addresses(NAME) == {"192.0.2.1"}
    assert acl.log()[-1]["headers"]["x-nomad-token"] == SECRET


def test_user_may_not(acl, host):
    """Who cannot gets EAI_AGAIN, not "no such name"; --explain names the file and what to do about it."""
    assert host.code(NAME, user=OTHER) == "EAI_AGAIN"
    told = explain(host, OTHER)
    assert TOKEN_FILE in told and "Permission denied" in told and "nomad-dns-srv" in told and "group" in told


def test_group_may(acl, host):
    """A group for the file lets its members in."""
    assert host.run(["sh", "-c", f"chgrp {MEMBER} {TOKEN_FILE} && chmod 640 {TOKEN_FILE}"]).code == 0
    assert host.addresses(NAME, user=MEMBER) == {"192.0.2.1"}
    assert host.code(NAME, user=OTHER) == "EAI_AGAIN"


def test_daemon_serves_all(acl, host):
    """With the daemon, nobody needs the token."""
    host.publish("default", "web", "192.0.2.9 80")
    assert host.addresses(NAME, user=OTHER) == {"192.0.2.9"}


def test_token_in_the_environment(acl, host):
    """A user's own NOMAD_TOKEN is used instead of the file."""
    acl.tokens({"mine": {"namespaces": ["default"]}, "": {}})
    assert host.addresses(NAME, user=OTHER, env={"NOMAD_TOKEN": acl.secret("mine")}) == {"192.0.2.1"}


@pytest.mark.parametrize("secret", ["", "00000000-0000-4000-8000-000000000000"])
def test_denied(acl, host, secret):
    """Without a token, or with a wrong one: EAI_AGAIN, also for names that do not exist; --explain says "denied"."""
    host.write(TOKEN_FILE, secret + "\n", 0o600)
    assert host.code(NAME) == host.code("other.default.nomad") == "EAI_AGAIN"
    told = explain(host, 0)
    assert "denied" in told or "is empty" in told


def test_expired(acl, host):
    """A token that has expired: what was known serves on, what was not cannot be told."""
    acl.tokens({"short": {"namespaces": ["default"], "expires": True}, "": {}})
    host.write(TOKEN_FILE, acl.secret("short") + "\n", 0o600)
    assert host.addresses(NAME) == {"192.0.2.1"}
    acl.expire("short")
    assert host.run([host.tool("publish"), "-A", "20", f"{hosts.cache_folder()}/default/web"]).code == 0
    assert host.addresses(NAME) == {"192.0.2.1"}
    assert host.code("other.default.nomad") == "EAI_AGAIN"


def test_other_namespace(acl, host):
    """A namespace that the token may not read cannot be told, whether it has such a service or not."""
    acl.register("web", address="192.0.2.7", port=80, namespace="prod")
    assert host.code("web.prod.nomad") == host.code("other.prod.nomad") == "EAI_AGAIN"
    assert host.addresses(NAME) == {"192.0.2.1"}


def test_unknown_name_with_a_narrow_token(acl, host):
    """In a namespace that the token may read, a name that is not there is said not to be."""
    assert host.code("other.default.nomad") == "EAI_NONAME"


def test_open_token_file(acl, host):
    """A token file that everybody can read works, and --explain warns of it."""
    host.path(TOKEN_FILE).chmod(0o644)
    assert host.addresses(NAME, user=OTHER) == {"192.0.2.1"}
    assert "chmod" in explain(host, OTHER)


@pytest.mark.parametrize("prepare, word", [
    (f"rm {TOKEN_FILE}", "No such file"),
    (f": >{TOKEN_FILE}", "empty"),
    (f"rm {TOKEN_FILE} && mkdir {TOKEN_FILE}", "not a file"),
    (f"head -c 100000 /dev/zero | tr '\\0' x >{TOKEN_FILE}", "64 KiB"),
    (f"printf 'a\\nb\\n' >{TOKEN_FILE}", "more than one line"),
    (f"rm {TOKEN_FILE} && mkfifo {TOKEN_FILE}", "not a file"),
])
def test_bad_token_file(acl, host, prepare, word):
    """A token file that is missing, empty, no file, too large or of several lines: cannot tell, and --explain says so."""
    assert host.run(["sh", "-c", prepare]).code == 0
    assert host.code(NAME) == "EAI_AGAIN"
    told = explain(host, 0)
    assert TOKEN_FILE in told and word in told


def test_token_is_not_told(acl, host):
    """The token appears in no output, no file of the cache and no argument."""
    secret, told = acl.secret(SECRET), explain(host, 0)
    for form in ("--json", "--srv", "--refresh"):
        done = host.run(["nomad-lookup", form, NAME])
        told += done.out + done.err
    assert secret not in told
    for path in host.cache(0).rglob("*"):
        if path.is_file():
            assert secret not in pathlib.Path(path).read_text(errors="replace")
