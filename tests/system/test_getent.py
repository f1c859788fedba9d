"""getent, the program that every administrator asks first."""

import pytest

WEB = ("192.0.2.10 8080 blue", "192.0.2.11 8081 green", "2001:db8::10 8080 blue")


@pytest.fixture(params=["published", "asked", "cached"])
def web(request, host):
    """web.default.nomad with two IPv4 addresses and an IPv6 one: in the published files, at the agent, in the cache."""
    if request.param == "published":
        host.publish("default", "web", *WEB)
        return host
    agent = request.getfixturevalue("agent")
    agent.register_many([{"name": "web", "address": instance.split()[0], "port": int(instance.split()[1]),
                          "tags": instance.split()[2:]} for instance in WEB])
    if request.param == "cached":
        assert host.addresses("Web.default.nomad")      # with upper case: then every spelling is looked for, and kept
        agent.stop_listening()
    return host


def getent(host, database, name):
    done = host.run(["getent", database, name])
    return done.code, sorted({tuple(line.split()) for line in done.lines})


def test_hosts(web):
    """`getent hosts NAME` prints the IPv6 addresses where there are some."""
    assert getent(web, "hosts", "web.default.nomad") == (0, [("2001:db8::10", "web.default.nomad")])


def test_hosts_of_ipv4_only(host):
    """`getent hosts NAME` prints the IPv4 addresses where there are no others."""
    host.publish("default", "redis", "192.0.2.1 6379")
    assert getent(host, "hosts", "redis.default.nomad") == (0, [("192.0.2.1", "redis.default.nomad")])


def test_ahosts(web):
    """`getent ahosts NAME` prints all addresses, and the name as the canonical one."""
    code, lines = getent(web, "ahosts", "web.default.nomad")
    assert code == 0
    assert {line[0] for line in lines} == {"192.0.2.10", "192.0.2.11", "2001:db8::10"}
    assert {line[2] for line in lines if len(line) > 2} == {"web.default.nomad"}


def test_ahostsv4(web):
    """`getent ahostsv4 NAME` prints the IPv4 addresses alone."""
    code, lines = getent(web, "ahostsv4", "web.default.nomad")
    assert code == 0
    assert {line[0] for line in lines} == {"192.0.2.10", "192.0.2.11"}


def test_ahostsv6(web):
    """`getent ahostsv6 NAME` prints the IPv6 addresses; it asks for mapped ones where there are none."""
    code, lines = getent(web, "ahostsv6", "web.default.nomad")
    assert code == 0
    assert {line[0] for line in lines} == {"2001:db8::10"}


def test_ahostsv6_of_ipv4_only(host):
    """`getent ahostsv6` of a name without IPv6 addresses prints the IPv4 ones, mapped: getent asks for that."""
    host.publish("default", "redis", "192.0.2.1 6379")
    code, lines = getent(host, "ahostsv6", "redis.default.nomad")
    assert code == 0
    assert {line[0] for line in lines} == {"::ffff:192.0.2.1"}


@pytest.mark.parametrize("name, wanted", [
    ("web.nomad", {"192.0.2.10", "192.0.2.11", "2001:db8::10"}),
    ("WEB.Default.NOMAD", {"192.0.2.10", "192.0.2.11", "2001:db8::10"}),
    ("web.default.nomad.", {"192.0.2.10", "192.0.2.11", "2001:db8::10"}),
    ("web.default.service.nomad", {"192.0.2.10", "192.0.2.11", "2001:db8::10"}),
    ("web.service.nomad", {"192.0.2.10", "192.0.2.11", "2001:db8::10"}),
    ("blue.web.default.nomad", {"192.0.2.10", "2001:db8::10"}),
    ("green.web.default.nomad", {"192.0.2.11"}),
    ("192-0-2-10.web.default.nomad", {"192.0.2.10"}),
    ("2001-db8--10.web.default.nomad", {"2001:db8::10"}),
    ("_web._tcp.default.nomad", {"192.0.2.10", "192.0.2.11", "2001:db8::10"}),
    ("_web._green.default.nomad", {"192.0.2.11"}),
    ("_x._tcp.web.default.nomad", {"192.0.2.10", "192.0.2.11", "2001:db8::10"}),
    ("red.web.default.nomad", set()),
    ("other.default.nomad", set()),
    ("web.prod.nomad", set()),
    ("default.nomad", set()),
    ("nomad", set()),
    ("a.b.c.d.nomad", set()),
])
def test_forms_of_names(web, name, wanted):
    """Every form of a name finds what the design says, wherever the answer comes from; code 2 where there is none."""
    done = web.run(["getent", "ahosts", name])
    assert ({line.split()[0] for line in done.lines}, done.code) == (wanted, 0 if wanted else 2)


def test_upper_case_service(host):
    """A service registered in upper case is found by every spelling."""
    host.publish("default", "Web", "192.0.2.1 80")
    assert host.addresses("web.default.nomad") == host.addresses("WEB.nomad") == {"192.0.2.1"}


def test_service_only(host):
    """`getent -s hosts:nomad` asks the module alone."""
    host.publish("default", "web", *WEB)
    done = host.run(["getent", "-s", "hosts:nomad", "ahostsv4", "web.default.nomad"])
    assert done.code == 0 and "192.0.2.10" in done.out


def test_other_names_are_answered_by_others(host):
    """A name that does not end in .nomad goes on to the next on the line, and files still come first."""
    assert host.run(["getent", "hosts", "fixed.example"]).out.split() == ["192.0.2.99", "fixed.example"]
    assert host.run(["getent", "hosts", "localhost"]).code == 0


def test_reverse_lookup_goes_on(host):
    """An address is not the module's: whoever knows it answers."""
    assert host.run(["getent", "hosts", "192.0.2.99"]).out.split() == ["192.0.2.99", "fixed.example"]
