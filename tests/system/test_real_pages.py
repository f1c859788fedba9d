"""The commands of docs/acl-tls.md, as they stand there, with a real Nomad. With NOMAD=real alone: make check-real."""

import os
import re

import pytest

import build
from daemon import daemon    # noqa: F401 (a fixture)
from real_process import BOOTSTRAP

pytestmark = pytest.mark.skipif(os.environ.get("NOMAD") != "real", reason="needs a real agent: make check-real")

EXAMPLES = "/usr/share/doc/nomad-dns-srv/examples"


def commands(section):
    """The indented lines of a section that run something."""
    text = (build.ROOT / "docs/acl-tls.md").read_text()
    text = re.search(rf"^## {section}$(.*?)(?=^## |\Z)", text, re.M | re.S)[1]
    return re.findall(r"^    ((?:nomad|sudo|nomad-lookup) .*)$", text, re.M)


def run(host, command, agent):
    line = re.sub(r"\bsudo ", "", command).replace(EXAMPLES, str(build.ROOT / "docs"))
    return host.run(["sh", "-c", line], env={"PATH": os.environ["PATH"], "NOMAD_ADDR": agent.url, "NOMAD_TOKEN": BOOTSTRAP})


def test_a_token(agent, host, daemon):
    """Policy, token, file: then the daemon follows, with no setting for any of it."""
    agent.tokens({"nobody": {"namespaces": []}})     # ACLs are on
    agent.register("web", address="10.1.0.1")
    apply, create, restart, check = commands("A token")
    for command in (apply, create):
        done = run(host, command, agent)
        assert done.code == 0, (command, done)
    assert host.path("/etc/nss-nomad.token").stat().st_mode & 0o777 == 0o600
    assert restart == "sudo systemctl restart nomad-dns-srv" and check == "nomad-lookup --check"
    daemon.start().wait("current")
    assert daemon.status()["polling"] == 0
    assert host.addresses("web.default.nomad") == {"10.1.0.1"}
    done = host.run(["nomad-lookup", "--refresh", "web.default.nomad"])
    assert done.code == 0, done.err
    agent.process.ask("DELETE", "/v1/acl/policy/nss-nomad")


def test_a_job(agent, host):
    """The policy for a job is one that Nomad takes."""
    [apply] = commands("A task with a workload identity")
    done = run(host, apply, agent)
    assert done.code == 0, done
    agent.process.ask("DELETE", "/v1/acl/policy/nss-nomad-job")


def test_client_certificate(agent, host):
    """The certificate and the key land where the page says."""
    create, certificate, key = commands("TLS")
    host.path("/tmp/tls").mkdir()
    for command in ("nomad tls ca create", create, certificate, key):
        done = host.run(["sh", "-c", "cd /tmp/tls && " + re.sub(r"\bsudo ", "", command)], env={"PATH": os.environ["PATH"]})
        assert done.code == 0, (command, done)
    assert host.path("/etc/nss-nomad.key").stat().st_mode & 0o777 == 0o600
    assert "BEGIN CERTIFICATE" in host.path("/etc/nss-nomad.pem").read_text()
