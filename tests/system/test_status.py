"""What programs are told, through glibc itself: found, no such name, no such address, cannot tell, not ours."""

import pytest

WAYS = ("unspec", "unspec+canon", "inet", "inet+canon", "inet6", "inet6+canon")
BY_NAME = ("byname", "byname2-inet", "byname2-inet6")
LINES = {"first": "hosts: nomad [!UNAVAIL=return] files dns", "usual": "hosts: files nomad [!UNAVAIL=return] dns",
         "alone": "hosts: nomad"}


@pytest.fixture(params=LINES)
def line(request, host):
    """The host with one of the hosts lines that people write."""
    others = "passwd: files\ngroup: files\n"
    host.write("/etc/nsswitch.conf", others + LINES[request.param] + "\n")
    return host


def codes(answers):
    return {way: answer[0] for way, answer in answers.items()}


def all_codes(code, h_error):
    return {**dict.fromkeys(WAYS, code), **dict.fromkeys(BY_NAME, h_error)}


def test_found(line):
    """A name with addresses of both families: found in every way, by its name as it was asked for."""
    line.publish("default", "web", "192.0.2.1 80", "2001:db8::1 80")
    answers = line.resolve("Web.default.nomad.")
    assert codes(answers) == all_codes("OK", "OK")
    assert set(answers["unspec"][1:]) == {"192.0.2.1", "2001:db8::1"}
    assert answers["unspec+canon"][1] == "Web.default.nomad"
    assert answers["inet"] == ["OK", "192.0.2.1"]
    assert answers["inet+canon"] == answers["byname"] == ["OK", "Web.default.nomad", "192.0.2.1"]
    assert answers["inet6"] == ["OK", "2001:db8::1"]
    assert answers["inet6+canon"] == answers["byname2-inet6"] == ["OK", "Web.default.nomad", "2001:db8::1"]


def test_no_address_of_that_family(line):
    """A name without addresses of the family asked for: EAI_NODATA, NO_DATA; it is found in the other ways."""
    line.publish("default", "web", "192.0.2.1 80")
    assert codes(line.resolve("web.default.nomad")) == {
        **all_codes("OK", "OK"), "inet6": "EAI_NODATA", "inet6+canon": "EAI_NODATA", "byname2-inet6": "NO_DATA"}
    line.publish("default", "web", "2001:db8::1 80")
    assert codes(line.resolve("web.default.nomad")) == {
        **all_codes("OK", "OK"), "inet": "EAI_NODATA", "inet+canon": "EAI_NODATA", "byname": "NO_DATA",
        "byname2-inet": "NO_DATA"}


@pytest.mark.parametrize("name", ["default.nomad", "nomad", "service.nomad", "_tcp.nomad", "_tcp.web.default.nomad"])
def test_empty_name(line, name):
    """A name that exists and holds nothing: EAI_NODATA, never EAI_NONAME."""
    line.publish("default", "web", "192.0.2.1 80")
    assert codes(line.resolve(name)) == all_codes("EAI_NODATA", "NO_DATA")


def test_service_without_addresses(line):
    """A service none of whose instances has an address: EAI_NODATA."""
    line.publish("default", "web")
    assert codes(line.resolve("web.default.nomad")) == all_codes("EAI_NODATA", "NO_DATA")


@pytest.mark.parametrize("name", ["other.default.nomad", "web.prod.nomad", "red.web.default.nomad", "a.b.c.d.nomad",
                                  "-.%2f.nomad", "x" * 64 + ".nomad"])
def test_unknown_name(line, name):
    """No such service while the daemon lives: EAI_NONAME, HOST_NOT_FOUND."""
    line.publish("default", "web", "192.0.2.1 80")
    assert codes(line.resolve(name)) == all_codes("EAI_NONAME", "HOST_NOT_FOUND")


def test_cannot_tell(line):
    """No daemon, no cache, no agent: EAI_AGAIN, TRY_AGAIN, never EAI_NONAME."""
    assert codes(line.resolve("web.default.nomad")) == all_codes("EAI_AGAIN", "TRY_AGAIN")


def test_agent_says_so(agent, host):
    """The agent's answers come out in the same way as those of the files."""
    agent.register("web", address="192.0.2.1", port=80)
    assert host.resolve("web.default.nomad", "inet+canon") == ["OK", "web.default.nomad", "192.0.2.1"]
    assert codes(host.resolve("web.default.nomad"))["inet6"] == "EAI_NODATA"
    assert codes(host.resolve("other.default.nomad")) == all_codes("EAI_NONAME", "HOST_NOT_FOUND")


@pytest.mark.root
def test_own_names_stay(host, name_server):
    """A name of ours is never asked of the next on the line: not one that is unknown, not one that cannot be told."""
    assert host.code("web.default.nomad") == "EAI_AGAIN"
    host.publish("default", "web", "192.0.2.1 80")
    assert host.code("other.default.nomad") == "EAI_NONAME"
    assert name_server.asked == []


@pytest.mark.root
def test_foreign_names_go_on(host, name_server):
    """A name of somebody else goes on to the next, whose answer stands; also one that only looks like ours."""
    for name in ("www.example", "www.notnomad", "nomad.example", "web.nomad.example"):
        assert codes(host.resolve(name)) == all_codes("EAI_NONAME", "HOST_NOT_FOUND")
        assert name in name_server.asked


def test_foreign_name_found_behind(host):
    """Behind the module, the next on the line finds its own names in every way."""
    host.write("/etc/nsswitch.conf", LINES["first"] + "\n")
    host.write("/etc/hosts", "192.0.2.99 fixed.example\n2001:db8::99 fixed.example\n")
    assert codes(host.resolve("fixed.example")) == all_codes("OK", "OK")


@pytest.mark.parametrize("function, wanted", [
    ("4", "SUCCESS - NETDB_SUCCESS 192.0.2.1"),
    ("3-inet", "SUCCESS - NETDB_SUCCESS 192.0.2.1"),
    ("3-inet6", "NOTFOUND ENOENT NO_DATA"),
    ("3-other", "UNAVAIL EAFNOSUPPORT HOST_NOT_FOUND"),
    ("2-inet", "SUCCESS - NETDB_SUCCESS 192.0.2.1"),
    ("2-inet6", "NOTFOUND ENOENT NO_DATA"),
    ("1", "SUCCESS - NETDB_SUCCESS 192.0.2.1"),
])
def test_functions(host, function, wanted):
    """Each function of the module, called directly: status, errno and h_errno; success leaves errno alone, and
    `ttlp` and `canonp` may be NULL."""
    host.publish("default", "web", "192.0.2.1 80")
    assert host.run([host.tool("direct"), "web.default.nomad", function]).lines == [wanted]


@pytest.mark.parametrize("function", ["4", "3-inet", "3-inet6", "2-inet", "2-inet6", "1"])
def test_functions_on_failure(host, function):
    """Each function says TRYAGAIN where it cannot tell, NOTFOUND for an unknown name, UNAVAIL for a foreign one; none
    of them ever NETDB_INTERNAL."""
    def ask(name):
        return host.run([host.tool("direct"), name, function]).out.strip()
    assert ask("web.default.nomad") == "TRYAGAIN EAGAIN TRY_AGAIN"
    host.publish("default", "web", "192.0.2.1 80")
    assert ask("other.default.nomad") == "NOTFOUND ENOENT HOST_NOT_FOUND"
    assert ask("www.example") == "UNAVAIL ENOENT HOST_NOT_FOUND"


@pytest.mark.parametrize("instances", [1, 3, 40])
def test_every_buffer_size(host, instances):
    """With every buffer size from 0 on, at every alignment: ERANGE with NETDB_INTERNAL and nothing touched until the
    answer fits, nothing written outside; with `*pat` NULL and the caller's own."""
    lines = [f"192.0.2.{number},2001:db8::{number:x} 80" for number in range(1, instances + 1)]
    host.publish("default", "web", lines=lines)
    done = host.run([host.tool("buffers"), "web.default.nomad"])
    assert done.code == 0, done.err
    assert len(done.lines) == 4


def test_many_addresses(host):
    """600 instances come out whole, however often glibc has to come back with a larger buffer."""
    wanted = {f"10.0.{number // 256}.{number % 256}" for number in range(1, 601)}
    host.publish("default", "web", lines=[f"{address} 80" for address in wanted])
    answers = host.resolve("web.default.nomad")
    assert set(answers["unspec"][1:]) == set(answers["inet"][1:]) == set(answers["byname"][2:]) == wanted
