"""Bad input: names, configuration, what Nomad answers. Nothing of it crashes, hangs, or is believed by mistake."""

import json
import os
import signal
import subprocess

import pytest

import build
import host as hosts
from daemon import wait_until

# The thread sanitizer dies of a thread that libc makes by itself, as getaddrinfo_a() does for host names.
libcs_own_threads = pytest.mark.skipif("thread" in build.SAN, reason="the sanitizer knows no threads of libc's own")

NAME = "web.default.nomad"
LABEL = "x" * 63


@pytest.mark.parametrize("name", [
    "." * 5 + "nomad", "web..nomad", "web.default..nomad", ".web.default.nomad", "web.default.nomad..", ".nomad",
    "x" * 64 + ".default.nomad", f"web.{'x' * 64}.nomad", f"_{'x' * 64}._tcp.default.nomad",
    "web\n.default.nomad", "web\t.default.nomad", "\x01.default.nomad", "web .default.nomad", " web.default.nomad",
    "%2f.default.nomad", "web%00.default.nomad", "../../etc/passwd.nomad", "..%2f..%2fetc.nomad", "a/b.default.nomad",
    "web?namespace=prod.default.nomad", "web#.default.nomad", "web&region=x.default.nomad", "*.default.nomad",
    "wéb.default.nomad", "ⅷ.default.nomad", "\udcff\udcfe.default.nomad", "$(reboot).default.nomad",
    "-v.default.nomad.x.y.nomad", "web\\.default.nomad", "web:80.default.nomad", "[::1].nomad", "'.default.nomad",
    f"{LABEL}.{LABEL}.{LABEL}.{LABEL}.nomad", *["a." * ((length - 5) // 2) + ("bnomad" if length % 2 else "nomad")
                                                for length in range(253, 256)],
], ids=lambda name: ascii(name)[:40])
def test_impossible_name(agent, host, name):
    """A name that cannot be a service's: no such name, and nobody is asked."""
    assert host.code(name) in ("EAI_NONAME", "Name or service not known")
    assert agent.counters()["total"] == 0
    assert not host.cache(0).exists()


@pytest.mark.parametrize("length", [252, 253, 254, 255, 256, 257, 299, 300, 1000, 100000])
def test_long_name(agent, host, length):
    """Names of any length; those of 253 octets and less may exist, longer ones cannot."""
    tail = f".{LABEL}.{LABEL}.nomad"
    name = ("x." * length)[-(length - len(tail)):].lstrip(".") + tail
    assert host.code(name) in ("EAI_NONAME", "EAI_FAIL", "Name or service not known")
    assert agent.counters()["total"] == 0


@pytest.mark.parametrize("name", [f"{LABEL}.default.nomad", f"web.{LABEL}.nomad", f"{LABEL}.{LABEL}.{LABEL}.nomad", "-.nomad",
                                  "--help.default.nomad", "0.default.nomad", "a_b.default.nomad"])
def test_odd_but_possible_name(agent, host, name):
    """The longest labels and odd ones are asked for as they are, and are not there."""
    assert host.code(name) == "EAI_NONAME"
    assert agent.counters()["total"] >= 1


def test_longest_service(agent, host):
    """A service whose name and namespace have 63 octets is found, published, asked for and cached."""
    agent.register(LABEL, namespace=LABEL, address="192.0.2.1", port=80)
    assert host.addresses(f"{LABEL}.{LABEL}.nomad") == {"192.0.2.1"}
    assert host.addresses(f"{LABEL}.{LABEL}.nomad") == {"192.0.2.1"}
    host.publish(LABEL, LABEL, "192.0.2.2 80")
    assert host.addresses(f"{LABEL}.{LABEL}.nomad") == {"192.0.2.2"}


# Configuration.

@pytest.mark.parametrize("text, words", [
    ("[nomad]\naddres = http://127.0.0.1:1\n", ["line 2", "addres", "address"]),
    ("[nomads]\naddress = http://127.0.0.1:1\n", ["line", "nomads", "did you mean [nomad]?"]),
    ("address = http://127.0.0.1:1\n", ["line 1", "section"]),
    ("[nomad]\naddress\n", ["line 2"]),
    ("[nomad]\naddress = 127.0.0.1:4646\n", ["line 2", "http://"]),
    ("[nomad]\naddress = ftp://127.0.0.1/\n", ["line 2", "http://"]),
    ("[nomad]\naddress = http://127.0.0.1:99999\n", ["line 2", "65535"]),
    ("[nomad]\naddress = http://agent.default.nomad:4646\n", ["line 2", ".nomad"]),
    ("[nomad]\naddress = unix://api.sock\n", ["line 2", "unix:///"]),
    ("[nomad]\naddress =\n", ["line 2"]),
    ("[nomad]\ntoken-file = token\n", ["line 2", "/"]),
    ("[answers]\nttl = 0\n", ["line 2", "1s"]),
    ("[answers]\nttl = 10x\n", ["line 2", "10x"]),
    ("[answers]\nttl = -1\n", ["line 2"]),
    ("[answers]\ntimeout = 99999999999999999999s\n", ["line 2", "30s"]),
    ("[answers]\nservice-label = perhaps\n", ["line 2", "yes or no"]),
    ("[nomad]\naddress = " + "x" * 100000 + "\n", ["line 2"]),
], ids=range(17))
def test_bad_configuration(host, text, words):
    """A mistake in the configuration is an error that names the file, the line and what is allowed or was meant; programs are told
    to try again, --explain says why."""
    host.write("/etc/nss-nomad.conf", text)
    done = host.run(["nomad-lookup", NAME])
    assert done.code == 1 and done.out == ""
    assert "/etc/nss-nomad.conf" in done.err
    assert all(word in done.err for word in words), done.err
    assert len(done.err) < 1000
    assert host.code(NAME) == "EAI_AGAIN"
    explained = host.run(["nomad-lookup", "--explain", NAME])
    assert explained.code == 1 and words[0] in explained.out + explained.err


def test_bad_configuration_and_the_daemon(host):
    """The module reads no configuration: published files are read whatever it is like."""
    host.write("/etc/nss-nomad.conf", "[oops\n")
    host.publish("default", "web", "192.0.2.1 80")
    assert host.addresses(NAME) == {"192.0.2.1"}


@pytest.mark.skipif(os.environ.get("NOMAD") == "real", reason="a real agent is where the defaults lead")
@pytest.mark.parametrize("prepare", ["rm /etc/nss-nomad.conf", ": >/etc/nss-nomad.conf",
                                     "printf '\\357\\273\\277# a comment\\n\\n ; another\\n[answers]\\n' >/etc/nss-nomad.conf"])
def test_no_configuration(host, prepare):
    """Without a file, or with nothing in it, the defaults hold: the agent on this host, which is not there."""
    assert host.run(["sh", "-c", prepare]).code == 0
    done = host.run(["nomad-lookup", NAME])
    assert done.code == 1 and "127.0.0.1:4646" in done.err


@pytest.mark.parametrize("prepare", ["rm /etc/nss-nomad.conf && mkdir /etc/nss-nomad.conf",
                                     "head -c 3000000 /dev/zero >/etc/nss-nomad.conf",
                                     "head -c 5000 /dev/urandom >/etc/nss-nomad.conf",
                                     "rm /etc/nss-nomad.conf && ln -s nss-nomad.conf /etc/nss-nomad.conf"])
def test_configuration_that_is_none(host, prepare):
    """A folder, zeroes, noise in place of the configuration."""
    assert host.run(["sh", "-c", prepare]).code == 0
    done = host.run(["nomad-lookup", NAME])
    assert done.code == 1 and "/etc/nss-nomad.conf" in done.err
    assert host.code(NAME) == "EAI_AGAIN"


def test_missing_file_that_was_asked_for(host):
    """--config with a file that does not exist is an error."""
    done = host.run(["nomad-lookup", "--config", "/etc/none.conf", NAME])
    assert done.code == 1 and "/etc/none.conf" in done.err


@pytest.mark.parametrize("variable, value", [("NOMAD_ADDR", "nonsense"), ("NOMAD_ADDR", "http://x.nomad:1"),
                                             ("NOMAD_TOKEN", "a\nb"), ("NOMAD_NAMESPACE", "a/b")])
def test_bad_environment(host, variable, value):
    """A bad value in the environment is an error that names the variable; programs are told to try again."""
    done = host.run(["nomad-lookup", NAME], env={variable: value})
    assert done.code == 1 and variable in done.err
    assert host.code(NAME, env={variable: value}) == "EAI_AGAIN"


# What Nomad answers.

def registration(**fields):
    return {"Address": "192.0.2.1", "AllocID": "a", "CreateIndex": 1, "Datacenter": "dc1", "ID": "id", "JobID": "j",
            "ModifyIndex": 1, "Namespace": "default", "NodeID": "n", "Port": 80, "ServiceName": "web", "Tags": [], **fields}


def answer(agent, body):
    agent.fault("junk", body=body if isinstance(body, str) else json.dumps(body))


GOOD = registration(ID="good", Address="192.0.2.9")


@pytest.mark.parametrize("odd", [
    registration(Address=""), registration(Address="not an address"), registration(Address="0.0.0.0"),
    registration(Address="::"), registration(Address="300.1.1.1"), registration(Address="1.2.3"),
    pytest.param(registration(Address="no-such-host.invalid"), marks=libcs_own_threads),
    registration(Address="web.default.nomad"), registration(Address="x" * 5000),
    registration(Address="192.0.2.1\n"), registration(Address="192.0.2.9"), registration(Address=None),
    registration(Address=["192.0.2.1"]), registration(Address={"a": 1}), {}, {"Address": 5},
], ids=range(16))
def test_odd_registration(agent, host, odd):
    """One bad registration is left out; the others of its service are answered."""
    answer(agent, [odd, GOOD])
    assert host.addresses(NAME) == {"192.0.2.9"}


@pytest.mark.parametrize("port", [0, -1, 65536, 10**30, None])
def test_odd_port(agent, host, port):
    """A port that is out of range does not cost the address; there is no SRV row for it."""
    answer(agent, [registration(Port=port)])
    assert host.addresses(NAME) == {"192.0.2.1"}
    assert host.run(["nomad-lookup", "--srv", NAME]).out == ""


@pytest.mark.parametrize("tags", [["x" * 60000, "blue"], ["blue"] * 5000, None, []], ids=range(4))
def test_odd_tags(agent, host, tags):
    """Tags may be long, and many."""
    answer(agent, [registration(Tags=tags), GOOD])
    assert host.addresses(NAME) == {"192.0.2.1", "192.0.2.9"}
    if tags:
        assert host.addresses("blue.web.default.nomad") == {"192.0.2.1"}


@pytest.mark.parametrize("wrong", [
    {"Port": "80"}, {"Port": True}, {"Port": 1.5}, {"Tags": "blue"}, {"Tags": {}}, {"Tags": [["blue"]]}, {"Tags": [1]},
    {"ID": ""}, {"ID": None}, {"ID": "\0"}, {"ServiceName": ""}, {"Namespace": 5}, {"JobID": "x" * 70000}], ids=range(13))
def test_registration_of_a_wrong_shape(agent, host, wrong):
    """A registration of a wrong shape is left out; alone, it does not mean "no such name"."""
    answer(agent, [registration(**wrong), GOOD])
    assert host.addresses(NAME) == {"192.0.2.9"}
    agent.clear_faults()
    answer(agent, [registration(**wrong)])
    done = host.run(["nomad-lookup", "--refresh", NAME])
    assert done.code == 1 and "cannot be read" in done.err


@libcs_own_threads
def test_host_name_as_address(agent, host):
    """An address that is a host's name is resolved by the helper, by the host's own means."""
    agent.register("web", address="fixed.example", port=80)
    assert host.addresses(NAME) == {"192.0.2.99"}


@libcs_own_threads
def test_host_name_that_nobody_can_tell(agent, host):
    """Where the host's own resolver fails, it cannot be told where the service is; what was known goes on serving."""
    id = agent.register("web", address="other.example", port=80)
    host.write("/etc/resolv.conf", "nameserver 127.0.0.9\noptions timeout:1 attempts:1\n")
    assert host.code(NAME) == "EAI_AGAIN"
    assert "other.example" in host.run(["nomad-lookup", "--explain", NAME]).out
    agent.register("web", id=id, address="192.0.2.1", port=80)
    host.run(["nomad-lookup", "--refresh", NAME])
    assert host.addresses(NAME) == {"192.0.2.1"}
    assert host.run([host.tool("publish"), "-A", "60", f"{hosts.cache_folder()}/default/web"]).code == 0
    agent.register("web", id=id, address="other.example", port=80)
    assert host.addresses(NAME) == {"192.0.2.1"}


@libcs_own_threads
def test_host_name_that_nobody_can_tell_beside_an_address(agent, host):
    """A part of a service is an answer, and is kept for as short a time as a negative one; so is what cannot be told of it."""
    host.configure(nomad={"address": agent.url}, answers={"ttl": "3600s", "negative-ttl": "7s"})
    host.write("/etc/resolv.conf", "nameserver 127.0.0.9\noptions timeout:1 attempts:1\n")
    agent.register("web", address="192.0.2.1", port=80)
    agent.register("web", address="other.example", port=80, tags=["lost"])
    assert host.addresses(NAME) == {"192.0.2.1"}
    kept = json.loads(host.run(["nomad-lookup", "--json", NAME]).out)
    assert kept["ttl"] <= 7, kept
    assert host.code(f"lost.{NAME}") == "EAI_AGAIN"
    host.write("/etc/resolv.conf", "")
    host.write("/etc/hosts", "127.0.0.1 localhost\n192.0.2.3 other.example\n")
    wait_until(lambda: host.addresses(f"lost.{NAME}") == {"192.0.2.3"})


def test_more_spellings_than_are_read(agent, host):
    """A ninth service that differs in its case only is asked for by its own name: the record has not all of them."""
    names = [f"{a}{b}{c}{d}" for a in "wW" for b in "eE" for c in "bB" for d in "xX"][1:10]
    agent.register_many([{"name": name, "address": f"192.0.2.{number}", "port": 80}
                         for number, name in enumerate(names)])
    for name in ["webx", *names]:
        assert host.addresses(f"{name}.default.nomad")
    assert {f"/v1/service/{name}" for name in names} <= set(agent.counters()["requests"])


@pytest.mark.parametrize("text", [
    '"Address": "192.0.2.7", "Address": "192.0.2.1"',
    '"Address": "192.0.2.1", "Tags": [], "Tags": ["a"], "Unknown": {"deep": [[[[1]]]]}',
    '"Address": "192.0.2.\\u0031"',
])
def test_odd_json(agent, host, text):
    """Of duplicate keys the last one counts, unknown ones do not, escapes are read."""
    answer(agent, f'[{{"ID": "a", "ServiceName": "web", "Namespace": "default", {text}}}]')
    assert host.addresses(NAME) == {"192.0.2.1"}


@pytest.mark.parametrize("text", [
    '[', '[}', '{"Address": "192.0.2.1"}', "null", "true", "5", '"x"', "[null]", "[1, 2]", "[[]]", "[" * 5000, "\0" * 100, "[{}",
    '[{"Address": "192.0.2.1"}', '[{"Address": "192.0.2.1"}] trailing', '[{"Address": "\\ud800"}]', '\ufeff[]', "[],[]", "nul",
    '[{"Address": "192.0.2.1" "Port": 80}]', "<!DOCTYPE html>", "",
], ids=range(22))
def test_not_the_json_that_was_asked_for(agent, host, text):
    """An answer that is no list of registrations never says "no such name"."""
    answer(agent, text)
    assert host.code(NAME) == "EAI_AGAIN"


def test_unreadable_service_is_no_dead_agent(agent, host):
    """One service whose answer cannot be read does not keep the others from being asked for."""
    agent.register("other", address="192.0.2.2", port=80)
    agent.fault("junk", path="/v1/service/web", body="null")
    assert host.code(NAME) == "EAI_AGAIN"
    assert host.addresses("other.default.nomad") == {"192.0.2.2"}


def test_empty_list(agent, host):
    """The one body that does say so, with all of Nomad's headers."""
    answer(agent, [])
    assert host.code(NAME) == "EAI_NONAME"


def test_nobody_reads_the_helpers_answer(agent, host):
    """A helper whose answer nobody takes ends all the same, a moment after its limit."""
    agent.register_many([{"name": "web", "address": f"10.0.0.{n + 1}", "port": 80} for n in range(250)])
    helper = host.start(["nomad-lookup", "--for-module", "0", "--", NAME], stdout=subprocess.PIPE, pipesize=4096)
    assert helper.wait(timeout=60) == -signal.SIGALRM
    helper.stdout.close()


def test_largest_believable_answer(agent, host):
    """A service with 5,000 instances resolves whole."""
    agent.register_many([{"name": "web", "address": f"10.{n // 62500}.{n // 250 % 250}.{n % 250 + 1}", "port": 80}
                         for n in range(5000)])
    assert len(host.addresses(NAME)) == 5000
    assert len(host.addresses(NAME)) == 5000
