"""SIGHUP: what is configured anew holds for files and DNS alike, no answer is wrong meanwhile, and what needs a restart is said."""

import re
import threading

import dns.edns
import dns.message
import dns.query
import dns.rcode
import pytest

from daemon import daemon, wait_until    # noqa: F401 (a fixture)

OLD, NEW = "10.1.0.1", "10.2.0.1"


class Dns:
    """Where the daemon answers; what it says."""

    def __init__(self, daemon):
        self.address = wait_until(lambda: re.search(r"serves DNS on (\S+):(\d+)", daemon.log))

    def message(self, name, rdtype="A", **options):
        query = dns.message.make_query(name, rdtype, **{"use_edns": 0, **options})
        return dns.query.udp(query, self.address[1], port=int(self.address[2]), timeout=10)

    def ask(self, name):
        """An address, or the code where there is none."""
        message = self.message(name)
        return message.answer[0][0].address if message.answer else dns.rcode.to_text(message.rcode())


class Asker:
    """Asks the same all the time; the different answers, in their order."""

    def __init__(self, dns, *names):
        self.dns, self.said, self.count, self.ending = dns, {name: [] for name in names}, 0, False
        self.thread = threading.Thread(target=self.ask)
        self.thread.start()

    def ask(self):
        while not self.ending:
            for name, said in self.said.items():
                answer = self.dns.ask(name)
                if said[-1:] != [answer]:
                    said.append(answer)
            self.count += 1

    def end(self):
        # Some more rounds, for what a change might leave behind.
        seen = self.count
        wait_until(lambda: self.count > seen + 20)
        self.ending = True
        self.thread.join()
        return self.said


@pytest.fixture
def start(agent, host, daemon):    # noqa: F811
    """start(namespace): the daemon with DNS, and web in two namespaces."""
    agent.register("web", address=OLD)
    agent.register("web", address=NEW, namespace="prod")
    daemon.options = []

    def configure(namespace, answers=(), dns=()):
        host.configure(nomad={"address": agent.url, "namespace": namespace}, answers=dict(answers),
                       dns={"listen": "127.0.0.1:0", "workers": 2, **dict(dns)})

    def begin(namespace):
        configure(namespace)
        daemon.start().wait("current")
        return Dns(daemon)
    daemon.configure = configure
    return begin


def reload(daemon):    # noqa: F811
    daemon.reload()
    wait_until(lambda: "configuration was read again" in daemon.log, lambda: daemon.log)


@pytest.mark.parametrize("before", ["default prod", "*"])
def test_the_default_namespace_changes_for_dns_and_files_without_a_wrong_answer(host, daemon, start, before):  # noqa: F811
    server = start(before)
    asker = Asker(server, "web.nomad", "web.prod.nomad")
    wait_until(lambda: asker.count > 20)
    daemon.configure("prod")
    reload(daemon)
    wait_until(lambda: server.ask("web.nomad") == NEW)
    assert asker.end() == {"web.nomad": [OLD, NEW], "web.prod.nomad": [NEW]}
    assert host.addresses("web.nomad") == {NEW}


def test_of_a_default_namespace_that_was_not_followed_nobody_can_tell_before_it_is_read(agent, host, daemon, start):  # noqa: F811
    server = start("default")
    agent.fault("slow", path="/v1/service/web", delay=0.3)
    asker = Asker(server, "web.nomad")
    wait_until(lambda: asker.count > 20)
    daemon.configure("prod")
    reload(daemon)
    assert host.addresses("web.nomad") == {NEW}    # without the daemon, which cannot tell
    wait_until(lambda: server.ask("web.nomad") == NEW)
    assert asker.end()["web.nomad"] in ([OLD, "SERVFAIL", NEW], [OLD, NEW])
    assert host.addresses("web.nomad") == {NEW}


def test_every_setting_of_answers_reaches_dns(daemon, start):  # noqa: F811
    server = start("default prod")
    assert server.message("web.nomad").answer[0].ttl == 10
    assert server.ask("web.default.service.nomad") == OLD
    daemon.configure("default prod",
                     {"ttl": "77s", "negative-ttl": "7s", "max-stale": "2h", "service-label": "no"},
                     {"nsid": "number two", "udp-size": 4096, "version": "none", "rate-limit": 7})
    reload(daemon)
    wait_until(lambda: server.message("web.nomad").answer[0].ttl == 77)
    soa = server.message("nomad", "SOA").answer[0][0]
    assert (soa.expire, soa.minimum) == (7200, 7)
    assert server.ask("web.default.service.nomad") == "SERVFAIL"     # of a namespace that is not followed
    assert server.message("web.nomad").payload == 4096
    [nsid] = server.message("web.nomad", options=[dns.edns.GenericOption(dns.edns.NSID, b"")]).options
    assert nsid.data == b"number two"
    daemon.configure("default prod", dns={"allow": "10.0.0.0/8"})
    daemon.reload()
    wait_until(lambda: server.ask("web.nomad") == "REFUSED")


def test_what_needs_a_restart_is_said_by_name(host, daemon, start):  # noqa: F811
    server = start("default prod")
    daemon.configure("default prod", dns={"listen": "127.0.0.2:0", "workers": 1, "reverse": "10.0.0.0/8"})
    reload(daemon)
    for key in "listen", "workers", "reverse":
        assert re.search(rf"\[dns\] {key} takes effect only at the next restart", daemon.log), daemon.log
    assert "[daemon]" not in daemon.log
    assert server.ask("web.nomad") == OLD
    assert server.message("1.0.1.10.in-addr.arpa", "PTR").rcode() == dns.rcode.REFUSED


def test_many_reloads_under_questions(daemon, start):  # noqa: F811
    """Settings that were replaced are let go of while workers answer by them."""
    server = start("default prod")
    askers = [Asker(server, "web.nomad", "web.prod.nomad") for _ in range(3)]
    for number in range(30):
        daemon.configure("default prod", {"ttl": 10 + number}, {"allow": "127.0.0.0/8 " + "10.0.0.0/8 " * (number % 9)})
        daemon.reload()
        wait_until(lambda: server.message("web.nomad").answer[0].ttl == 10 + number)
    assert [asker.end() for asker in askers] == [{"web.nomad": [OLD], "web.prod.nomad": [NEW]}] * 3
