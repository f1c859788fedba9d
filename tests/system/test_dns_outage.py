"""DNS while Nomad is away, and while it changes a thousand times a second: no time-out, no wrong answer, before, during and
after; and SERVFAIL for nothing but what is not there, while nobody can know that."""

import contextlib
import re
import subprocess
import threading

import dns.message
import dns.query
import dns.rcode
import pytest

from daemon import daemon, wait_until    # noqa: F401 (a fixture)
from test_daemon_outage import OUTAGES, SHORT, apart, can_connect

TIMEOUT = 5   # seconds, as dig's
PORT = 8080
TARGET = "10-1-0-1.web.default.nomad."
# Name, type, rcode, and all data of the answer; None: any data.
QUESTIONS = [
    ("web.default.nomad", "A", "NOERROR", {"10.1.0.1"}),
    ("web.default.nomad", "SRV", "NOERROR", {f"10 10 {PORT} {TARGET}"}),
    ("_web._tcp.default.nomad", "SRV", "NOERROR", {f"10 10 {PORT} {TARGET}"}),
    (TARGET, "A", "NOERROR", {"10.1.0.1"}),
    ("web.default.nomad", "AAAA", "NOERROR", set()),
    ("nobody.default.nomad", "A", "NXDOMAIN", set()),
    ("nobody.default.nomad", "SRV", "NXDOMAIN", set()),
]


class Asker(threading.Thread):
    """Asks in a loop, and keeps what is wrong. Between rounds it leaves the processors to other tests for `pause` seconds."""

    def __init__(self, address):
        super().__init__()
        self.address, self.over, self.asked, self.wrong = address, threading.Event(), 0, []
        self.away = threading.Event()   # of Nomad: what is not there may be there by now
        self.unsure = 0

    def run(self):
        while not self.over.is_set():
            try:
                self.ask_all()
            except Exception as error:    # a time-out, or no message at all
                self.wrong.append(repr(error))
            self.asked += 1
            self.over.wait(self.pause)

    def check(self, question, rcode, found, whole):
        if self.away.is_set() and question[2] == "NXDOMAIN" and rcode == "SERVFAIL":
            self.unsure += 1
            return
        if rcode != question[2] or found != question[3]:
            self.wrong.append(whole)


class Python(Asker):
    """With dnspython: over UDP, and over TCP on a new connection each."""
    pause = .02

    def ask_all(self):
        for ask in (dns.query.udp, dns.query.tcp):
            for question in QUESTIONS:
                message = ask(dns.message.make_query(*question[:2]), self.address[0], port=self.address[1], timeout=TIMEOUT)
                found = {str(record) for rrset in message.answer for record in rrset}
                self.check(question, dns.rcode.to_text(message.rcode()), found, message.to_text())


class Dig(Asker):
    """With dig, as it is. Where its own port happens to be the daemon's, which both share (SO_REUSEPORT), it asks itself, and
    shows the question: that is nobody's answer."""
    pause = .2

    def ask_all(self):
        for way in ("+notcp", "+tcp"):
            words = ["dig", f"@{self.address[0]}", "-p", str(self.address[1])]
            for name, rdtype, *_ in QUESTIONS:
                words += [name, rdtype, way, "+tries=1", f"+timeout={TIMEOUT}"]
            out = subprocess.run(words, capture_output=True, text=True, check=False).stdout
            answers = out.split(";; Got answer:")[1:]
            if len(answers) != len(QUESTIONS):
                self.wrong.append(out)
            for question, answer in zip(QUESTIONS, answers):
                if "flags: qr" not in answer:
                    continue
                section = re.search(r";; ANSWER SECTION:\n(.*?)\n\n", answer, re.S)
                lines = section[1].splitlines() if section else []
                found = {re.split(r"\s+", line, maxsplit=4)[4] for line in lines}
                self.check(question, re.search(r"status: (\w+)", answer)[1], found, answer)


@contextlib.contextmanager
def asked(daemon):    # noqa: F811
    """Both ask all the time, and nothing that they get is wrong. Yields the two, and what waits until each has asked some
    times more."""
    found = wait_until(lambda: re.search(r"serves DNS on (\S+):(\d+)", daemon.log))
    askers = [kind((found[1], int(found[2]))) for kind in (Python, Dig)]

    def more(count):
        goals = [asker.asked + count for asker in askers]
        wait_until(lambda: all(asker.asked >= goal for asker, goal in zip(askers, goals)), within=60)

    for asker in askers:
        asker.start()
    try:
        more(2)
        yield askers, more
        more(2)
    finally:
        for asker in askers:
            asker.over.set()
        for asker in askers:
            asker.join()
    wrong = [one for asker in askers for one in asker.wrong]
    assert not wrong, wrong[:3]


def start(daemon):    # noqa: F811
    daemon.options = ["--listen", "127.0.0.1:0"]
    daemon.start().wait("current")


def go_through(daemon, leave, back):    # noqa: F811
    """An outage, from before it is noticed until it is over."""
    with asked(daemon) as (askers, more):
        for asker in askers:
            asker.away.set()
        leave()
        daemon.wait("stale", within=60)
        more(10)
        wait_until(lambda: all(asker.unsure for asker in askers))   # later than negative-ttl
        back()
        daemon.wait("current")
        more(1)
        for asker in askers:
            asker.away.clear()


@pytest.mark.parametrize("outage", OUTAGES)
def test_nobody_notices_an_outage(agent, daemon, outage):    # noqa: F811
    agent.register("web", address="10.1.0.1", port=PORT)
    start(daemon)
    over = []
    go_through(daemon, lambda: over.append(outage(agent)), lambda: over[0]())


@pytest.mark.root
def test_nobody_notices_that_the_network_is_gone(host, daemon):    # noqa: F811
    """The agent's link is taken down: nothing is refused, packets vanish."""
    def up():
        link("up")
        wait_until(lambda: can_connect(agent))

    with apart() as (agent, link):
        agent.register("web", address="10.1.0.1", port=PORT)
        host.configure(nomad={"address": agent.url}, answers=SHORT)
        start(daemon)
        go_through(daemon, lambda: link("down"), up)


def test_nobody_notices_that_the_agents_name_leads_nowhere(agent, host, daemon):    # noqa: F811
    def leave():
        host.write("/etc/hosts", "127.0.0.1 localhost\n")
        agent.stop_listening()
        daemon.wait("stale")
        agent.listen_again()
        wait_until(lambda: "nomad.example" in daemon.status().get("error", ""))

    known = "127.0.0.1 localhost nomad.example\n::1 localhost\n"
    agent.register("web", address="10.1.0.1", port=PORT)
    host.write("/etc/hosts", known)
    host.configure(nomad={"address": f"http://nomad.example:{agent.port}"}, answers=SHORT)
    start(daemon)
    go_through(daemon, leave, lambda: host.write("/etc/hosts", known))


def test_nobody_notices_a_thousand_changes_a_second(agent, daemon):    # noqa: F811
    """What stays is answered as ever, what changes is there or not, and in the end all is as Nomad has it."""
    agent.populate(1000, 3)
    start(daemon)
    agent.churn(5000, rate=1000, wait=False)
    # What comes now is not among that which changes.
    agent.register("web", address="10.1.0.1", port=PORT)
    wait_until(lambda: ("default", "web") in daemon.published())
    done = threading.Thread(target=agent.churn_wait)
    done.start()
    with asked(daemon) as (_, more):
        while done.is_alive():
            more(1)
    done.join()
    daemon.wait_equal(agent)
