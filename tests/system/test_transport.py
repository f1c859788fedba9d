"""Ways to reach Nomad: http, https with CA, client certificate and server name, a socket; region, several agents."""

import pathlib
import subprocess
import tempfile

import pytest

from standin import client

NAME = "web.default.nomad"

CERTIFICATES = """
set -e
cd "$1"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=ca -keyout ca.key -out ca.pem
sign() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr"
    printf '%s' "$2" >"$1.ext"
    openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile "$1.ext" -out "$1.pem"
}
sign server "subjectAltName=DNS:server.global.nomad"
sign local "subjectAltName=IP:127.0.0.1"
sign client "extendedKeyUsage=clientAuth"
"""


@pytest.fixture(scope="session")
def certificates(session_folder):
    """A CA, an agent's certificate by name and one by address, a client's. Tests of the daemon have this fixture too,
    which in one session is then set up twice."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tls-", dir=session_folder))
    subprocess.run(["sh", "-c", CERTIFICATES, "sh", folder], check=True, capture_output=True)
    return folder


@pytest.fixture
def secure(certificates, host):
    """start(certificate, client_ca) starts an agent with TLS; the certificates are in /tmp/tls of the host."""
    agents = []
    host.path("/tmp/tls").mkdir()
    for name in ("ca.pem", "client.pem", "client.key"):
        host.write(f"/tmp/tls/{name}", (certificates / name).read_text())

    def start(certificate="local", client_ca=None):
        agents.append(client.Agent(tls_cert=certificates / f"{certificate}.pem", tls_key=certificates / f"{certificate}.key",
                                   client_ca=client_ca))
        agents[-1].register("web", address="192.0.2.1", port=80)
        return agents[-1]
    yield start
    for agent in agents:
        agent.kill()


def explain(host, **run):
    done = host.run(["nomad-lookup", "--explain", NAME], **run)
    return done.out + done.err


def test_https(secure, host):
    """https with a CA from ca-file."""
    host.configure(nomad={"address": secure().url, "ca-file": "/tmp/tls/ca.pem"})
    assert host.addresses(NAME) == {"192.0.2.1"}


def test_https_of_a_stranger(secure, host):
    """Without the CA the agent is not believed: EAI_AGAIN, and --explain speaks of the certificate."""
    host.configure(nomad={"address": secure().url})
    assert host.code(NAME) == "EAI_AGAIN"
    assert "certificate" in explain(host)


def test_https_by_another_name(secure, host):
    """A certificate for another name or address is not believed; tls-server-name says which name it has."""
    url = secure("server").url
    host.configure(nomad={"address": url, "ca-file": "/tmp/tls/ca.pem"})
    assert host.code(NAME) == "EAI_AGAIN"
    host.configure(nomad={"address": url, "ca-file": "/tmp/tls/ca.pem", "tls-server-name": "server.global.nomad"})
    assert host.run(["nomad-lookup", "--refresh", NAME]).code == 0
    host.configure(nomad={"address": url, "ca-file": "/tmp/tls/ca.pem", "tls-server-name": "client.global.nomad"})
    assert host.run(["nomad-lookup", "--refresh", NAME]).code == 1


def test_client_certificate(secure, certificates, host):
    """An agent that wants a client's certificate gets it."""
    url = secure(client_ca=certificates / "ca.pem").url
    tls = {"address": url, "ca-file": "/tmp/tls/ca.pem"}
    host.configure(nomad=tls)
    assert host.code(NAME) == "EAI_AGAIN"
    host.configure(nomad={**tls, "cert-file": "/tmp/tls/client.pem", "key-file": "/tmp/tls/client.key"})
    assert host.run(["nomad-lookup", "--refresh", NAME]).code == 0


def test_environment_of_the_nomad_command(secure, certificates, host):
    """The variables of the nomad command mean the same here, for the tool and for programs."""
    environment = {"NOMAD_ADDR": secure("server", client_ca=certificates / "ca.pem").url, "NOMAD_CACERT": "/tmp/tls/ca.pem",
                   "NOMAD_CLIENT_CERT": "/tmp/tls/client.pem", "NOMAD_CLIENT_KEY": "/tmp/tls/client.key",
                   "NOMAD_TLS_SERVER_NAME": "server.global.nomad"}
    assert host.addresses(NAME, env=environment) == {"192.0.2.1"}
    del environment["NOMAD_CACERT"]
    assert host.run(["nomad-lookup", "--refresh", NAME], env=environment).code == 1
    assert host.run(["nomad-lookup", "--refresh", NAME], env={**environment, "NOMAD_SKIP_VERIFY": "true"}).code == 0


@pytest.mark.parametrize("missing", ["ca-file", "cert-file", "key-file"])
def test_missing_certificate(secure, host, missing):
    """A file of the configuration that is not there is named."""
    files = {"ca-file": "/tmp/tls/ca.pem", "cert-file": "/tmp/tls/client.pem", "key-file": "/tmp/tls/client.key"}
    host.configure(nomad={"address": secure().url, **files, missing: "/tmp/tls/none.pem"})
    assert host.code(NAME) == "EAI_AGAIN"
    assert "/tmp/tls/none.pem" in explain(host)


def test_http_to_a_tls_agent(secure, host):
    """http:// where TLS is spoken is told apart."""
    host.configure(nomad={"address": secure().url.replace("https", "http")})
    assert host.code(NAME) == "EAI_AGAIN"
    assert "https://" in explain(host)


def test_https_to_a_plain_agent(agent, host):
    """https:// where TLS is not spoken fails, in time."""
    host.configure(nomad={"address": agent.url.replace("http", "https")})
    assert host.code(NAME) == "EAI_AGAIN"
    assert agent.url.replace("http", "https") in explain(host)


def test_socket(host):
    """unix:// reaches a task's own API socket, which wants a token also without ACLs."""
    path = "/run/nomad.sock"
    with client.Agent(tcp=False, unix=host.path(path)) as agent:
        agent.register("web", address="192.0.2.1", port=80)
        host.configure(nomad={"address": f"unix://{path}"})
        assert host.code(NAME) == "EAI_AGAIN"
        assert "token" in explain(host)
        assert host.run(["nomad-lookup", "--refresh", NAME], env={"NOMAD_TOKEN": "identity"}).code == 0
        assert host.addresses(NAME, env={"NOMAD_TOKEN": "identity"}) == {"192.0.2.1"}


def test_missing_socket(host):
    """A socket that is not there, and one that nobody listens on."""
    host.configure(nomad={"address": "unix:///run/none.sock"})
    assert host.code(NAME) == "EAI_AGAIN"
    assert "/run/none.sock" in explain(host)


def test_password_is_not_explained(agent, host):
    """What --explain says goes into tickets: an address in it has no password."""
    agent.register("web", address="192.0.2.1", port=80)
    url = agent.url.replace("http://", "http://user:secret@")
    out = host.run(["nomad-lookup", "--explain", NAME], env={"NOMAD_ADDR": url}).out
    assert "secret" not in out and agent.url in out


def test_region(agent, host):
    """`region` is sent along."""
    agent.set(region="europe")
    agent.register("web", address="192.0.2.1", port=80)
    host.configure(nomad={"address": agent.url, "region": "europe"})
    assert host.addresses(NAME) == {"192.0.2.1"}
    assert agent.log()[-1]["params"]["region"] in ("europe", ["europe"])


def test_other_region(agent, host):
    """NOMAD_REGION goes before the configuration, and an unknown region is not an unknown service."""
    agent.register("web", address="192.0.2.1", port=80)
    agent.fault("500", text="No path to region")
    assert host.code(NAME, env={"NOMAD_REGION": "nowhere"}) == "EAI_AGAIN"
    assert agent.log()[-1]["params"]["region"] in ("nowhere", ["nowhere"])


def test_default_namespace(agent, host):
    """`namespace` names the one that short names mean; NOMAD_NAMESPACE goes before it."""
    agent.register("web", namespace="prod", address="192.0.2.1", port=80)
    agent.register("web", namespace="test", address="192.0.2.2", port=80)
    host.configure(nomad={"address": agent.url, "namespace": "prod"})
    assert host.addresses("web.nomad") == {"192.0.2.1"}
    assert host.addresses("web.nomad", env={"NOMAD_NAMESPACE": "test"}) == {"192.0.2.2"}
    assert host.addresses("web.test.nomad") == {"192.0.2.2"}


def test_namespace_called_service(agent, host):
    """With `service-label no`, a namespace may be called service; with the default it is only another spelling."""
    agent.register("web", namespace="service", address="192.0.2.1", port=80)
    agent.register("web", address="192.0.2.2", port=80)
    assert host.addresses("web.service.nomad") == {"192.0.2.2"}
    host.configure(nomad={"address": agent.url}, answers={"service-label": "no"})
    assert host.run(["sh", "-c", "rm -r /var/cache/nss-nomad/root/*"]).code == 0
    assert host.addresses("web.service.nomad") == {"192.0.2.1"}


@pytest.mark.parametrize("kind, arguments", [("refuse", {}), ("hang", {}), ("500", {}), ("429", {}), ("no-leader", {}), ("cut", {}),
                                             ("html", {})])
def test_next_agent(agent, host, kind, arguments):
    """With several addresses, where one fails the next is asked; one that hangs leaves time for it."""
    agent.fault(kind, **arguments)
    with client.Agent() as second:
        second.register("web", address="192.0.2.1", port=80)
        host.configure(nomad={"address": f"{agent.url} {second.url}"})
        assert host.addresses(NAME) == {"192.0.2.1"}


def test_order_of_agents(agent, host):
    """The first that answers is the only one that is asked."""
    agent.register("web", address="192.0.2.1", port=80)
    with client.Agent() as second:
        host.configure(nomad={"address": f"{agent.url} {second.url}"})
        assert host.addresses(NAME) == {"192.0.2.1"}
        assert second.counters()["opened"] == 0


def test_ipv6(host):
    """An agent's IPv6 address stands in brackets."""
    with client.Agent(listen="::1") as agent:
        agent.register("web", address="192.0.2.1", port=80)
        host.configure(nomad={"address": f"http://[::1]:{agent.port}"})
        assert host.addresses(NAME) == {"192.0.2.1"}


def test_agent_by_name(agent, host):
    """An agent may be given by a host's name, which other modules on the hosts line know."""
    agent.register("web", address="192.0.2.1", port=80)
    host.write("/etc/hosts", "127.0.0.1 localhost agent.example\n")
    host.configure(nomad={"address": f"http://agent.example:{agent.port}"})
    assert host.addresses(NAME) == {"192.0.2.1"}


def test_what_is_asked(agent, host):
    """A lookup is one GET, of the service by its name in its namespace, with nothing in it about the program."""
    agent.register("web", address="192.0.2.1", port=80)
    assert host.code(NAME, env={"SECRET": "x", "HOME": "/root"}) == "OK"
    request, = agent.log()
    assert (request["method"], request["path"]) == ("GET", "/v1/service/web")
    assert request["params"].get("namespace") in ("default", ["default"])
    assert set(request["headers"]) <= {"host", "user-agent", "accept", "accept-encoding", "connection"}
    assert "nomad" in request["headers"].get("user-agent", "nomad")
