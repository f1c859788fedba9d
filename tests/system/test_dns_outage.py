"""DNS while Nomad is away: no SERVFAIL, no time-out, no wrong answer, before, during and after."""

import re
import threading

import dns.message
import dns.query
import dns.rcode
import pytest

from daemon import daemon, wait_until    # noqa: F401 (a fixture)
from test_daemon_outage import OUTAGES

TIMEOUT = 5   # seconds, as dig's


class Asker(threading.Thread):
    """Asks in a loop, and keeps what is wrong."""

    def __init__(self, address):
        super().__init__()
        self.address, self.over, self.asked, self.wrong = address, threading.Event(), 0, []

    def ask(self, name):
        return dns.query.udp(dns.message.make_query(name, "A"), self.address[0], port=self.address[1], timeout=TIMEOUT)

    def run(self):
        while not self.over.is_set():
            try:
                web, nobody = self.ask("web.default.nomad"), self.ask("nobody.default.nomad")
                found = {str(record) for rrset in web.answer for record in rrset}
                if web.rcode() != 0 or found != {"10.1.0.1"} or nobody.rcode() != dns.rcode.NXDOMAIN:
                    self.wrong += [web.to_text(), nobody.to_text()]
            except Exception as error:    # a time-out, or no message at all
                self.wrong.append(repr(error))
            self.asked += 1


@pytest.mark.parametrize("outage", OUTAGES)
def test_nobody_notices_an_outage(agent, daemon, outage):    # noqa: F811
    agent.register("web", address="10.1.0.1")
    daemon.options = ["--listen", "127.0.0.1:0"]
    daemon.start().wait("current")
    found = wait_until(lambda: re.search(r"serves DNS on (\S+):(\d+)", daemon.log))
    asker = Asker((found[1], int(found[2])))
    asker.start()
    try:
        wait_until(lambda: asker.asked > 10)
        back = outage(agent)
        daemon.wait("stale", within=60)
        asked = asker.asked
        wait_until(lambda: asker.asked > asked + 100)
        back()
        daemon.wait("current")
        asked = asker.asked
        wait_until(lambda: asker.asked > asked + 10)
    finally:
        asker.over.set()
        asker.join()
    assert not asker.wrong, asker.wrong[:3]
