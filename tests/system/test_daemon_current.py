"""What counts as current has a proof of the last seconds: servers stop behind the agent, which says nothing of it."""

import signal

import pytest

from daemon import daemon, truth, wait_until, wait_until_all_is_asked    # noqa: F401 (a fixture)

CHECK = 30000       # milliseconds: the daemon's own; what is to be seen here is seen long before the next one
PROMISE = 5         # seconds
FEW = 20            # requests


@pytest.fixture
def followed(agent, daemon):
    """A daemon that has followed a hundred services, and an event, and has nothing more to ask."""
    agent.populate(100, 1)
    daemon.check = CHECK
    daemon.start().wait("current")
    wait_until_all_is_asked(agent)
    agent.register("web", id="web-1", address="10.1.0.1")
    daemon.wait_equal(agent)
    agent.reset_counters()
    return daemon


@pytest.mark.parametrize("waits", ["hold", "end"])
def test_a_server_stops_behind_the_agent(agent, followed, waits):
    """Its streams are silent, and do not end. What changes then is there within 5 s, at once where it was the leader's (no
    test of the time: before, it was there after 24 s at the least), and costs a few requests."""
    agent.stop_server(waits=waits)
    for number in range(10):
        agent.register(f"service-{number}", address="10.1.0.2")
    followed.wait_equal(agent, within=2 * PROMISE)
    wait_until(lambda: followed.status()["state"] == "current")
    requests = agent.counters()["requests"]
    assert sum(requests.values()) <= FEW, requests
    assert not requests.get("/v1/services"), requests


def test_a_server_that_has_no_events_any_more_is_read(agent, followed):
    """Where the new server's buffer does not reach back, everything is read."""
    agent.stop_server()
    agent.set(buffer=5)
    for number in range(10):
        agent.register(f"service-{number}", address="10.1.0.2")
    followed.wait_equal(agent, within=2 * PROMISE)
    assert agent.counters()["requests"]["/v1/services"] >= 1


def test_an_agent_that_does_not_answer_is_not_current(agent, followed):
    """A server that is cut off says nothing, and ends nothing: after 5 s nothing proves any more what is so."""
    agent.pause()
    followed.wait("stale", within=2 * PROMISE)
    agent.resume()
    agent.register("web", id="web-1", address="10.1.0.3")
    followed.wait("current")
    followed.wait_equal(agent)


def test_an_agent_that_comes_back_has_what_was_missed(agent, followed):
    """Restarted while its servers go on: the stream goes on where it was."""
    agent.stop_listening()
    followed.wait("stale")
    agent.register("web", id="web-1", address="10.1.0.4")
    agent.register("later", address="10.1.0.5")
    agent.reset_counters()
    agent.listen_again()
    followed.wait("current")
    followed.wait_equal(agent)
    assert sum(count for path, count in agent.counters()["requests"].items() if path.startswith("/v1/service/s")) == 0


def test_what_a_restarted_server_says_removes_nothing(agent, followed):
    """It says that there is nothing, at index 1, with a leader: the others are asked."""
    agent.fault("stale-empty", stale_only=True)
    agent.register("db", address="10.1.0.6")
    followed.wait_equal(agent)
    wait_until(lambda: agent.counters()["requests"].get("/v1/service/-", 0) >= 4)
    assert followed.published() == truth(agent)
    assert followed.status()["state"] == "current"
    followed.process.send_signal(signal.SIGTERM)
    assert followed.process.wait(20) == 0
