"""_ANY._tcp.SERVICE.nomad, which gives no namespace: NOMAD_NAMESPACE says which is meant; and where the daemon follows some
namespaces alone, or is not current, whether there is a namespace called SERVICE it cannot tell. Then the service of the
default namespace answers with what it has, and nothing is denied: by the module, by nomad-lookup and by DNS alike."""

import dns.message
import dns.query
import dns.rcode
import pytest

from daemon import daemon, wait_until    # noqa: F401 (a fixture)

pytestmark = pytest.mark.root

SECRET = "5b1d3c0e-9a52-4d7e-8f6a-0123456789ab"
MONGO, OTHER = "192.0.2.1", "192.0.2.2"
NO, AGAIN = "EAI_NONAME", "EAI_AGAIN"
STATUS = {0: "OK", 1: AGAIN, 2: NO}
CODES = {"NXDOMAIN": NO, "SERVFAIL": AGAIN}


def from_dns(daemon, name):    # noqa: F811
    address, port = wait_until(lambda: daemon.status().get("dns")).split(" ")[0].rsplit(":", 1)
    message = dns.query.udp(dns.message.make_query(name, "A"), address.strip("[]"), port=int(port), timeout=30)
    code = dns.rcode.to_text(message.rcode())
    return CODES.get(code) or " ".join(str(record) for rrset in message.answer for record in rrset) or "EAI_NODATA"


def from_module(host, name, **environment):
    code, *addresses = host.resolve(name, "unspec", env=environment)
    return " ".join(addresses) if code == "OK" else code


def from_tool(host, name, *options, **environment):
    done = host.run(["nomad-lookup", *options, name], env=environment)
    return done.out.split()[0] if done.code == 0 else STATUS[done.code]


def start(agent, host, daemon, namespace="*"):    # noqa: F811
    """The daemon has the token: nobody else can ask Nomad anything."""
    agent.tokens({SECRET: {"namespaces": ["*"]}, "": {}})
    daemon.write_token(agent.secret(SECRET))
    host.configure(nomad={"address": agent.url, "token-file": "/etc/token", "namespace": namespace},
                   dns={"listen": "127.0.0.1:0"}, answers={"negative-ttl": "1s"})
    daemon.options = []
    daemon.start().wait("current")
    host.configure(nomad={"address": agent.url, "namespace": namespace}, answers={"negative-ttl": "1s"})


def check(host, daemon, wanted):    # noqa: F811
    for name, answer in wanted.items():
        found = [from_module(host, name), from_tool(host, name), from_dns(daemon, name)]
        assert found == [answer] * 3, name


def test_of_namespaces_that_are_not_followed(agent, host, daemon):    # noqa: F811
    agent.register("mongo", address=MONGO, tags=["blue"])
    agent.create_namespace("other")
    start(agent, host, daemon, "default")
    daemon.wait_equal(agent, namespaces=("default",))
    check(host, daemon, {
        "_mongodb._tcp.mongo.nomad": MONGO, "_x._blue.mongo.nomad": MONGO, "_x._tcp.mongo.service.nomad": MONGO,
        "_x._red.mongo.nomad": AGAIN, "_x._red.mongo.service.nomad": AGAIN, "_x._tcp.nothing.nomad": AGAIN,
        "_x._tcp.ns.nomad": AGAIN, "_x._tcp.other.nomad": AGAIN,
        "_mongo._tcp.default.nomad": MONGO, "_x._tcp.default.nomad": NO, "_x._tcp.default.service.nomad": NO})


def test_of_an_empty_namespace_that_is_followed(agent, host, daemon):    # noqa: F811
    """The settings name it, so it is there: what is called like it in the default namespace is not meant, daemon or not."""
    agent.register("prod", address=MONGO)
    agent.create_namespace("prod")
    start(agent, host, daemon, "default prod")
    daemon.wait_equal(agent, namespaces=("default", "prod"))
    check(host, daemon, {"_x._tcp.prod.nomad": NO, "_prod._tcp.default.nomad": MONGO, "_x._tcp.prod.service.nomad": NO})
    daemon.kill()
    host.run(["rm", "-r", "/run/nomad-dns-srv"])
    agent.tokens({"": {"namespaces": ["*"]}})
    assert from_module(host, "_x._tcp.prod.nomad") == from_tool(host, "_x._tcp.prod.nomad", "--refresh") == NO


def test_while_the_daemon_is_not_current(agent, host, daemon):    # noqa: F811
    agent.register("mongo", address=MONGO)
    start(agent, host, daemon)
    daemon.wait_equal(agent)
    check(host, daemon, {"_x._tcp.mongo.nomad": MONGO, "_x._red.mongo.nomad": NO, "_x._tcp.nothing.nomad": NO,
                         "_x._tcp.ns.nomad": NO})
    agent.stop_listening()
    daemon.wait("stale")
    wait_until(lambda: from_dns(daemon, "nothing.default.nomad") == AGAIN)
    check(host, daemon, {"_x._tcp.mongo.nomad": MONGO, "_x._red.mongo.nomad": AGAIN, "_x._tcp.nothing.nomad": AGAIN})


@pytest.mark.parametrize("published", [True, False], ids=["published", "asked"])
def test_in_a_namespace(agent, host, daemon, published):    # noqa: F811
    """NOMAD_NAMESPACE is the default namespace of names that may lack theirs, too; for the module and nomad-lookup."""
    agent.register("mongo", address=MONGO)
    agent.register("alone", address=MONGO)
    agent.register("mongo", address=OTHER, namespace="prod")
    if published:
        start(agent, host, daemon)
        daemon.wait_equal(agent)
        assert from_dns(daemon, "_x._tcp.mongo.nomad") == MONGO
    else:
        host.configure(nomad={"address": agent.url}, answers={"negative-ttl": "1s"})
    for environment, wanted in (
            ("prod", {"_x._tcp.mongo.nomad": OTHER, "_x._tcp.mongo.service.nomad": OTHER, "_x._tcp.alone.nomad": NO,
                      "_x._tcp.prod.nomad": NO, "_mongo._tcp.prod.nomad": OTHER, "_mongo._tcp.default.nomad": MONGO}),
            ("", {"_x._tcp.mongo.nomad": MONGO, "_x._tcp.alone.nomad": MONGO, "_x._tcp.prod.nomad": NO}),
            # Which is meant nobody can tell; what gives a namespace that is there does not ask for it.
            ("a/b", {"_x._tcp.mongo.nomad": AGAIN, "_x._tcp.nothing.nomad": AGAIN, "_mongo._tcp.default.nomad": MONGO,
                     "_x._tcp.default.nomad": NO, "_x._tcp.prod.nomad": NO})):
        for name, answer in wanted.items():
            tool = [from_tool(host, name, NOMAD_NAMESPACE=environment)]
            if not published:
                tool.append(from_tool(host, name, "--refresh", NOMAD_NAMESPACE=environment))
            assert {from_module(host, name, NOMAD_NAMESPACE=environment), *tool} == {answer}, (environment, name)


def test_explain_says_both(agent, host):
    def explain(name, namespace=""):
        return host.run(["nomad-lookup", "--explain", name], env={"NOMAD_NAMESPACE": namespace}).out

    host.configure(nomad={"address": agent.url})
    said = explain("_x._tcp.mongo.nomad")
    assert "service x, namespace mongo\n" in said
    assert "or, where there is no namespace mongo: service mongo, namespace default (the default one)" in said
    assert "or, where" not in explain("_x._tcp.mongo.default.nomad")
    assert "service mongo, namespace prod (the default one)" in explain("_x._tcp.mongo.nomad", "prod")
    assert "in which namespace, NOMAD_NAMESPACE does not say" in explain("_x._tcp.mongo.nomad", "a/b")
