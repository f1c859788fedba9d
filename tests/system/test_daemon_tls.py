"""nomad-dns-srv follows an agent over https: authority, client's certificate, server's name; stream and reads."""

import subprocess

import pytest

from daemon import daemon, wait_until, wait_until_all_is_asked    # noqa: F401 (a fixture)
from standin import client
from test_transport import CERTIFICATES, certificates, secure     # noqa: F401 (fixtures)

TLS = {"ca-file": "/tmp/tls/ca.pem", "cert-file": "/tmp/tls/client.pem", "key-file": "/tmp/tls/client.key",
       "tls-server-name": "server.global.nomad"}


def test_the_stream_and_the_reads_go_over_https(secure, certificates, host, daemon):
    """By the stream alone: no check is due in this test."""
    agent = secure("server", client_ca=certificates / "ca.pem")
    host.configure(nomad={"address": agent.url, **TLS})
    daemon.check = 3600000
    daemon.start().wait("current")
    assert agent.url.startswith("https://") and daemon.status()["agent"] == agent.url
    wait_until_all_is_asked(agent)
    assert agent.counters()["streams"] == 1
    agent.reset_counters()
    id = agent.register("db", address="10.1.0.1", namespace="default")
    wait_until(lambda: host.addresses("db.default.nomad") == {"10.1.0.1"})
    agent.deregister(id)
    wait_until(lambda: host.code("db.default.nomad") == "EAI_NONAME")
    assert agent.counters()["total"] == 0


def test_it_comes_back_over_https(secure, certificates, host, daemon):
    agent = secure("server", client_ca=certificates / "ca.pem")
    host.configure(nomad={"address": agent.url, **TLS})
    daemon.start().wait("current")
    agent.stop_listening()
    daemon.wait("stale")
    agent.register("db", address="10.1.0.1")
    agent.listen_again()
    daemon.wait("current")
    daemon.wait_equal(agent)


@pytest.mark.parametrize("wrong, words", [
    ({"ca-file": ""}, "set ca-file"),
    ({"tls-server-name": "client.global.nomad"}, "tls-server-name"),
    ({"cert-file": "", "key-file": ""}, "check cert-file and key-file"),
], ids=["authority", "name", "certificate"])
def test_what_is_wrong_is_said_and_can_be_put_right(secure, certificates, host, daemon, wrong, words):
    agent = secure("server", client_ca=certificates / "ca.pem")
    host.configure(nomad={"address": agent.url, **{key: value for key, value in {**TLS, **wrong}.items() if value}})
    daemon.start()
    wait_until(lambda: words in daemon.log, lambda: daemon.log)
    assert not daemon.alive() and not daemon.published()
    host.configure(nomad={"address": agent.url, **TLS})
    daemon.reload()
    daemon.wait("current")
    daemon.wait_equal(agent)


def test_an_authority_that_is_replaced_in_its_file_counts_from_the_next_connection_on(secure, certificates, host, daemon):
    """Certificates of Nomad's own are renewed, authority and all, while the daemon runs; the address stays."""
    first = secure("local")
    other = certificates / "other"
    if not other.exists():
        other.mkdir()
        subprocess.run(["sh", "-c", CERTIFICATES, "sh", other], check=True, capture_output=True)
    host.configure(nomad={"address": first.url, "ca-file": "/tmp/tls/ca.pem"})
    daemon.start().wait("current")
    first.kill()
    with client.Agent(port=first.port, tls_cert=other / "local.pem", tls_key=other / "local.key") as second:
        second.register("db", address="10.1.0.1")
        wait_until(lambda: "set ca-file" in daemon.log, lambda: daemon.log)
        host.write("/tmp/tls/ca.pem", (other / "ca.pem").read_text())
        daemon.wait("current")
        daemon.wait_equal(second)
