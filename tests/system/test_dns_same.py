"""DNS and the NSS module give the same answer to the same question, always: the daemon behind both, random catalogues."""

import random
import re
import shutil
import subprocess
import time

import dns.message
import dns.query
import dns.rcode
import pytest

CODES = {"OK", "EAI_NONAME", "EAI_NODATA", "EAI_AGAIN"}


class Daemon:
    """nomad-dns-srv in a host, and where it answers."""

    def __init__(self, host):
        self.process = host.start(["/usr/sbin/nomad-dns-srv"], stderr=subprocess.PIPE, text=True)
        self.said = ""
        self.address = None
        for line in self.process.stderr:
            self.said += line
            if found := re.search(r"serves DNS on (\S+):(\d+)", line):
                self.address = found[1], int(found[2])
                return
        raise RuntimeError(self.said)

    def ask(self, name, rdtype):
        query = dns.message.make_query(name, rdtype, use_edns=0)
        return dns.query.udp_with_fallback(query, self.address[0], port=self.address[1], timeout=30)[0]

    def answer(self, name):
        """What getaddrinfo() should say of a name, from DNS: code and addresses."""
        answers = [self.ask(name, rdtype) for rdtype in ("A", "AAAA")]
        codes = {answer.rcode() for answer in answers}
        assert len(codes) == 1, name
        addresses = {str(record) for answer in answers for rrset in answer.answer for record in rrset}
        if codes == {dns.rcode.SERVFAIL}:
            return "EAI_AGAIN", set()
        if codes == {dns.rcode.NXDOMAIN}:
            return "EAI_NONAME", set()
        assert codes == {dns.rcode.NOERROR}, name
        return ("OK", addresses) if addresses else ("EAI_NODATA", set())

    def wait(self, serial):
        """Until the catalogue is as new as that."""
        self.until("nomad", "SOA", lambda message: message.answer and message.answer[0][0].serial >= serial)

    def until(self, name, rdtype, good):
        """Until an answer is as it should be."""
        limit = time.monotonic() + 60
        while not good(message := self.ask(name, rdtype)):
            assert time.monotonic() < limit, message
            time.sleep(0.02)

    def stop(self):
        self.process.terminate()
        self.process.communicate(timeout=30)


@pytest.fixture
def daemon(host, agent):
    """It follows all namespaces of these tests from the start: one made later would come in while two answers are compared."""
    agent.create_namespace("prod")
    host.configure(nomad={"address": agent.url}, dns={"listen": "127.0.0.1:0"}, answers={"ttl": "1s"})
    one = Daemon(host)
    yield one
    one.stop()


def random_catalogue(rng, agent):
    """Registrations: some services, some of whose names differ in case only, tags, both families, hosts, junk."""
    names = rng.sample(["web", "Web", "api", "a", "redis-6379", "x1", "default", "prod", "UPPER", "z" * 63, "ns2"], 6)
    services = [{"name": name, "namespace": rng.choice(["default", "default", "prod"]), "port": rng.choice([0, 80, 443, 65535]),
             "address": rng.choice(["192.0.2.1", "192.0.2.2", "10.0.0.3", "2001:db8::1", "2001:db8::2:0:1", "0.0.0.0", "",
                                    "junk address", "256.1.1.1"]),
             "tags": rng.sample(["blue", "Green", "v1", "with space"], rng.randrange(3))}
                for name in names for _ in range(rng.randrange(1, 4))]
    return [service for service in services if agent.can_have(**service)]


def random_names(rng, truth):
    """Names of all forms for what there is, and others."""
    found = ["_x._tcp.default.nomad", "_x._tcp.prod.nomad", "_x._tcp.nothing.nomad", "_x._tcp.service.nomad",
             "nomad", "default.nomad", "prod.nomad", "nothing.default.nomad", "service.nomad", "_tcp.nomad", "x.y.z.default.nomad"]
    for (namespace, name), instances in truth.items():
        instance = rng.choice(instances)
        labels = [instance["Address"].replace(".", "-").replace(":", "-"), instance["AllocID"][:8],
                  instance["AllocID"], *(instance["Tags"] or []), "nosuch"]
        found += [f"{name}.{namespace}.nomad", f"{name.upper()}.{namespace}.nomad", f"{name}.nomad",
                  f"{name}.{namespace}.service.nomad", f"_{name}._tcp.{namespace}.nomad", f"_any._tcp.{name}.{namespace}.nomad",
                  f"_tcp.{name}.{namespace}.nomad", f"_{name}._blue.{namespace}.nomad",
                  f"_any._tcp.{name}.nomad", f"_any._blue.{name}.nomad", f"_any._tcp.{name}.service.nomad", f"_tcp.{name}.nomad",
                  f"{rng.choice(labels)}.{name}.{namespace}.nomad", f"x.y.{name}.{namespace}.nomad"]
    return [name for name in rng.sample(found, min(30, len(found))) if " " not in name and ".." not in name
            and not name.startswith(".") and max(map(len, name.split("."))) < 64]


def same(host, daemon, name):
    code, *addresses = host.resolve(name, "unspec")
    said = code, set(addresses) if code == "OK" else set()
    assert said[0] in CODES
    assert said == daemon.answer(name), name


def test_random_catalogues(host, agent, daemon):
    """What getaddrinfo() finds is what DNS says, for every name, while the catalogue becomes another one."""
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    ids = []
    for _ in range(3):
        for ident, namespace in ids:
            agent.deregister(ident, namespace)
        # A service's last instance goes a moment later than it was said to, and the one that was said last goes last.
        agent.deregister(agent.register("last", address="192.0.2.9"))
        daemon.wait(agent.index())
        daemon.until("last.default.nomad", "A", lambda message: message.rcode() == dns.rcode.NXDOMAIN)
        services = random_catalogue(rng, agent)
        ids = list(zip(agent.register_many(services), [service["namespace"] for service in services]))
        daemon.wait(agent.index())
        for name in random_names(rng, agent.services()):
            try:
                same(host, daemon, name)
            except AssertionError as wrong:
                raise AssertionError(f"seed {seed}: {wrong}") from wrong


def test_the_default_namespace_exists_also_when_it_is_empty(host, agent, daemon):
    """NODATA, for DNS, the published files and the helper."""
    agent.register("web", address="192.0.2.1", namespace="prod")
    daemon.wait(agent.index())
    for name in "default.nomad", "prod.nomad", "default.service.nomad", "nobody.nomad", "x.default.nomad":
        same(host, daemon, name)
    assert daemon.answer("default.nomad") == ("EAI_NODATA", set())
    agent.deregister(agent.register("last", address="192.0.2.9"))
    daemon.wait(agent.index())
    daemon.until("last.default.nomad", "A", lambda message: message.rcode() == dns.rcode.NXDOMAIN)
    same(host, daemon, "default.nomad")
    daemon.stop()
    assert host.code("default.nomad") == "EAI_NODATA"


# A name of RFC 2782's form that gives no namespace, or no service: which it is depends on whether there is such a namespace.
SHORT = ("_mongodb._tcp.mongo.nomad", "_mongodb._tcp.mongo.service.nomad", "_x._tcp.mongo.nomad", "_x._blue.mongo.nomad",
         "_x._red.mongo.nomad", "_mongodb._tcp.MONGO.nomad", "_mongodb._tcp.nothing.nomad", "_mongo._tcp.default.nomad",
         "_x._tcp.default.nomad", "_tcp.mongo.nomad", "_x._tcp.service.nomad",
         "_x._tcp.default.service.nomad", "_mongo._tcp.default.service.nomad")


@pytest.mark.parametrize("label", ["yes", "no"])
def test_names_that_may_lack_a_namespace(host, agent, label):
    """_ANY._tcp.SERVICE.nomad: the service in the default namespace, unless there is a namespace of that name; for DNS, the
    published files and the helper alike."""
    host.configure(nomad={"address": agent.url}, dns={"listen": "127.0.0.1:0"},
                   answers={"ttl": "1s", "negative-ttl": "1s", "service-label": label})
    agent.create_namespace("mongo")
    agent.register("mongo", address="192.0.2.1", tags=["blue"])
    agent.register("service", address="192.0.2.7")
    for said in ({"192.0.2.1"}, {"192.0.2.2"}):
        daemon = Daemon(host)
        daemon.wait(agent.index())
        found = {}
        for name in SHORT:
            same(host, daemon, name)
            found[name] = daemon.answer(name)
        daemon.stop()
        assert found["_mongodb._tcp.mongo.nomad"] == ("OK", said)
        assert found["_x._tcp.mongo.nomad"] == (("OK", {"192.0.2.1"}) if said == {"192.0.2.1"} else ("EAI_NONAME", set()))
        for name, (code, addresses) in found.items():
            answer, *more = host.resolve(name, "unspec")
            assert (answer, set(more) if answer == "OK" else set()) == (code, addresses), name
            # What was kept of other names must not answer this one.
            host.resolve(".".join(name.split(".")[-3:]).lstrip("_"), "unspec")
            answer, *more = host.resolve(name, "unspec")
            assert (answer, set(more) if answer == "OK" else set()) == (code, addresses), name
        agent.register("mongodb", address="192.0.2.2", namespace="mongo")
        shutil.rmtree(host.cache())


def test_a_namespace_that_may_not_be_seen(host, agent):
    """Whether there is a namespace of that name the helper cannot tell: the service answers, and what is not there is not
    denied."""
    host.configure(nomad={"address": agent.url}, answers={"ttl": "1s", "negative-ttl": "1s"})
    agent.register("mongo", address="192.0.2.1")
    agent.fault("403", path="/v1/service/mongodb")
    agent.fault("403", path="/v1/service/x")
    assert host.addresses("_mongodb._tcp.mongo.nomad") == {"192.0.2.1"}
    assert host.code("_x._red.mongo.nomad") == "EAI_AGAIN"    # the service has no such tag; that other one may have
    assert host.code("_x._tcp.nothing.nomad") == "EAI_AGAIN"


def test_before_the_first_catalogue(host, agent):
    """An agent that does not answer: neither knows, and neither says no."""
    agent.register("web", address="192.0.2.1", port=80)
    agent.stop_listening()
    host.configure(nomad={"address": agent.url}, dns={"listen": "127.0.0.1:0"}, answers={"timeout": "200ms"})
    daemon = Daemon(host)
    try:
        for name in ("web.default.nomad", "nothing.default.nomad", "web.nomad"):
            same(host, daemon, name)
            assert daemon.answer(name) == ("EAI_AGAIN", set())
    finally:
        daemon.stop()


def test_while_nomad_is_away(host, agent, daemon):
    """The last catalogue goes on, in both; of what is not in it neither says no. A namespace is there for DNS all the same:
    resolvers ask for it on their way to the names below."""
    agent.register_many([{"name": "web", "address": f"192.0.2.{i}", "port": 80} for i in (1, 2)])
    daemon.wait(agent.index())
    agent.stop_listening()
    daemon.until("nothing.default.nomad", "A", lambda message: message.rcode() == dns.rcode.SERVFAIL)
    for name in ("web.default.nomad", "nothing.default.nomad", "x.web.default.nomad", "nothing.nomad"):
        same(host, daemon, name)
    assert daemon.answer("web.default.nomad") == ("OK", {"192.0.2.1", "192.0.2.2"})
    assert daemon.answer("nothing.default.nomad") == ("EAI_AGAIN", set())
    assert daemon.answer("default.nomad") == ("EAI_NODATA", set())
    assert host.code("default.nomad") == "EAI_AGAIN"


def test_every_srv_target_is_found_by_the_module(host, agent, daemon):
    """A target's name leads a program to exactly the address that stands beside it in the answer."""
    agent.register_many([{"name": "web", "address": address, "port": 80 + i} for i, address in enumerate(
        ["192.0.2.1", "192.0.2.1", "10.255.0.1", "2001:db8::1", "2001:db8::", "fe80::1"])])
    daemon.wait(agent.index())
    message = daemon.ask("web.default.nomad", "SRV")
    additional = {str(rrset.name): str(rrset[0]) for rrset in message.additional}
    assert sum(map(len, message.answer)) == 6 and len(additional) == 5
    for target, address in additional.items():
        assert host.addresses(target) == {address}
