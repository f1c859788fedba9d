"""What Nomad's event stream and API do to a follower that takes them at their word. In every case the files end up as
the agent's truth; where the trap could have shown something wrong meanwhile, that is looked for too."""

import json

import pytest

from daemon import daemon, wait_until    # noqa: F401 (a fixture)


def mib(count):
    return count << 20


@pytest.mark.parametrize("kind", ["stream-silent", "stream-eof"])
def test_a_stream_that_is_never_granted_is_polled_instead(agent, daemon, kind):
    agent.register("web", address="10.1.0.1")
    agent.fault(kind)
    daemon.start().wait("current", within=30)
    web = agent.register("web", address="10.1.0.2")
    daemon.wait_equal(agent)
    agent.deregister(web)
    agent.register("db", address="10.1.0.3", namespace="new")
    daemon.wait_equal(agent)
    if kind == "stream-silent":
        assert "it is polled instead" in daemon.log
        assert "read-job" in daemon.log and "or a proxy" in daemon.log
        assert daemon.status()["polling"] == 1


@pytest.mark.parametrize("kind", ["stream-stall", "stream-bytes", "stream-cut"])
def test_streams_that_stall_dribble_or_break(agent, daemon, kind):
    agent.populate(5, 2)
    agent.fault(kind, times=2)
    daemon.start().wait("current")
    for number in range(10):
        agent.register("web", address=f"10.1.1.{number}")
    daemon.wait_equal(agent, within=30)


@pytest.mark.parametrize("what", ["stall", "silence", "close", "reset", "cut"])
def test_a_stream_that_worked_and_then(agent, daemon, what):
    agent.populate(5, 2)
    daemon.start().wait("current")
    agent.stream(what)
    agent.register("web", address="10.1.1.1")
    agent.deregister(agent.register("gone", address="10.1.1.2"))
    daemon.wait_equal(agent, within=30)


def test_old_events_that_come_again(agent, daemon):
    daemon.start().wait("current")
    ids = [agent.register("web", address=f"10.1.1.{number}") for number in range(10)]
    for id in ids[1:]:
        agent.deregister(id)
    agent.register("web", address="10.1.1.99", id=ids[0])
    daemon.wait_equal(agent)
    seen = []
    agent.stream("replay", count=20)
    agent.register("after", address="10.1.1.3")
    wait_until(lambda: seen.append(daemon.published()[("default", "web")]) or ("default", "after") in daemon.published())
    assert len(set(seen)) == 1
    daemon.wait_equal(agent)


@pytest.mark.parametrize("type", ["PlanResult", "AllocationUpdated", "NodeDeregistration"])
def test_deletions_by_any_type_whose_payload_is_old(agent, daemon, type):
    ids = [agent.register("web", address=f"10.1.1.{number}") for number in range(3)]
    daemon.check = 3600000
    daemon.start().wait("current")
    agent.deregister(ids[0], type=type)
    daemon.wait_equal(agent)
    agent.stream("event", service={"ID": "nobody", "Namespace": "default", "ServiceName": "web", "ModifyIndex": 1,
                                   "JobID": "x"}, type=type, index=agent.index() + 1)
    agent.register("after", address="10.1.1.3")
    daemon.wait_equal(agent)


def test_changes_without_an_event(agent, daemon):
    ids = [agent.register("web", address=f"10.1.1.{number}") for number in range(3)]
    daemon.start().wait("current")
    agent.deregister(ids[0], silent=True)
    daemon.wait_equal(agent)
    agent.register_many([{"name": "quiet", "address": "10.1.1.9"}], silent=True)
    daemon.wait_equal(agent)


def test_changes_without_an_event_that_later_events_hide(agent, daemon):
    ids = [agent.register("web", address=f"10.1.1.{number}") for number in range(3)]
    agent.register("db", address="10.1.2.1")
    daemon.start().wait("current")
    agent.deregister(ids[0], silent=True)
    agent.register("db", address="10.1.2.2")
    daemon.wait_equal(agent)


def test_reads_that_lag_behind_the_events(agent, daemon):
    """Events come before the table has them: what was read then is older than what was heard."""
    agent.register("web", address="10.1.1.1")
    daemon.start().wait("current")
    agent.freeze_reads()
    agent.register("web", address="10.1.1.2")
    wait_until(lambda: len(daemon.published()[("default", "web")]) == 2)
    agent.freeze_reads(False)
    daemon.wait_equal(agent)


def test_events_between_the_list_and_the_reads(agent, daemon):
    ids = agent.populate(30, 2) and [each["ID"] for each in agent.services()[("default", "service-3")]]
    agent.fault("slow", path="/v1/service/", delay=0.05, times=20)
    daemon.start()
    wait_until(lambda: agent.counters()["requests"].get("/v1/services"))
    agent.deregister(ids)
    agent.register("late", address="10.1.1.1")
    agent.register("service-7", address="10.1.1.2")
    daemon.wait_equal(agent)
    daemon.wait("current")


def test_a_namespace_made_after_the_stream_began(agent, daemon):
    agent.register("web", address="10.1.1.1")
    daemon.start().wait("current")
    agent.register("web", address="10.1.1.2", namespace="new")
    daemon.wait_equal(agent)
    agent.register("web", address="10.1.1.3", namespace="new")
    daemon.wait_equal(agent)


def test_a_namespace_made_after_the_stream_began_is_no_matter_of_the_check(agent, host, daemon):
    daemon.check = 3600000
    agent.register("web", address="10.1.1.1")
    daemon.start().wait("current")
    for number in range(2, 4):
        agent.register("db", address=f"10.1.1.{number}", namespace=f"new-{number}")
        wait_until(lambda: host.addresses(f"db.new-{number}.nomad") == {f"10.1.1.{number}"})    # noqa: B023
    daemon.wait_equal(agent)
    assert daemon.log.count("follows Nomad at") == 1, "it was never stale"


def test_a_namespace_that_is_empty_for_a_moment(agent, host, daemon):
    """A server that was paused gives its nodes up, and has their allocations elsewhere a moment later: what the list of
    all did not show is there again when it is asked for by name, and no right was lost."""
    agent.register("web", address="10.1.1.1")
    old = agent.register("db", address="10.1.1.2", namespace="prod")
    daemon.check = 3600000
    daemon.start().wait("current")
    listed = '[{"Namespace":"default","Services":[{"ServiceName":"web","Tags":[]}]}]'
    agent.fault("junk", path="/v1/services", times=2, body=listed, index=agent.index() + 1)
    agent.deregister(old, namespace="prod", silent=True)
    agent.register_many([{"name": "db", "address": "10.1.1.3", "namespace": "prod"}], silent=True)
    agent.stream("close")
    daemon.wait_equal(agent)
    assert "may not read" not in daemon.log and daemon.status()["kept"] == 0
    assert host.addresses("db.prod.nomad") == {"10.1.1.3"}


def test_a_namespace_made_after_the_stream_began_among_events_of_others(agent, daemon):
    """The stream is silent about it, and each time the index is that of an event which has come."""
    web = agent.register("web", address="10.1.1.1")
    daemon.start().wait("current")
    for number in range(2, 5):
        agent.batch({"do": "register", "services": [{"name": "web", "address": f"10.1.1.{number}", "namespace": f"new-{number}"}]},
                    {"do": "register", "services": [{"name": "web", "address": f"10.1.2.{number}", "id": web}]})
        daemon.wait_equal(agent)


def test_a_token_that_loses_a_namespace(agent, host, daemon):
    for namespace in ("default", "prod"):
        agent.register("web", address="10.1.1.1", namespace=namespace)
    agent.tokens({"t": {"namespaces": ["default", "prod"]}})
    daemon.write_token(agent.secret("t"))
    host.configure(nomad={"address": agent.url, "token-file": "/etc/token"})
    daemon.start().wait("current")
    agent.tokens({"t": {"namespaces": ["default"]}})
    agent.register("web", address="10.1.1.2")
    wait_until(lambda: len(daemon.published()[("default", "web")]) == 2, lambda: daemon.log, 30)
    assert host.addresses("web.prod.nomad") == {"10.1.1.1"}
    assert 'may not read namespace "prod"' in daemon.log
    wait_until(lambda: daemon.status()["kept"] == 1)     # written every few seconds
    agent.tokens({"t": {"namespaces": ["default", "prod"]}})
    agent.register("web", address="10.1.1.2", namespace="prod")
    daemon.wait_equal(agent, within=30)


def test_what_a_token_has_lost_grows_too_old(agent, host, daemon):
    for namespace in ("default", "prod"):
        agent.register("web", address="10.1.1.1", namespace=namespace)
    agent.tokens({"t": {"namespaces": ["default", "prod"]}})
    daemon.write_token(agent.secret("t"))
    host.configure(nomad={"address": agent.url, "token-file": "/etc/token"}, answers={"max-stale": "2s"})
    daemon.start().wait("current")
    agent.tokens({"t": {"namespaces": ["default"]}})
    agent.register("web", address="10.1.1.2")
    wait_until(lambda: daemon.published()[("prod", "web")] == frozenset(), lambda: daemon.log, 30)
    assert host.code("web.prod.nomad") == "EAI_AGAIN"
    assert host.addresses("web.default.nomad") == {"10.1.1.1", "10.1.1.2"}
    assert daemon.status()["state"] == "current"


def test_a_token_that_expires_while_streaming(agent, host, daemon):
    agent.register("web", address="10.1.1.1")
    agent.tokens({"t": {"namespaces": ["default"], "expires": True}})
    daemon.write_token(agent.secret("t"))
    host.configure(nomad={"address": agent.url, "token-file": "/etc/token"})
    daemon.start().wait("current")
    agent.expire("t")
    agent.register("web", address="10.1.1.2")
    daemon.wait("stale")
    assert "denied the request" in daemon.log
    assert host.addresses("web.default.nomad") == {"10.1.1.1"}


@pytest.mark.parametrize("fault", [
    {"kind": "cut"}, {"kind": "junk"}, {"kind": "500", "text": "boom"}, {"kind": "eof"}, {"kind": "429"},
    {"kind": "junk", "body": '{"a": 1}'}, {"kind": "junk", "body": ""}, {"kind": "redirect"}, {"kind": "deep"},
    {"kind": "index-0"}, {"kind": "no-leader"},
], ids=json.dumps)
def test_reads_that_fail_for_a_while(agent, daemon, fault):
    agent.populate(20, 2)
    agent.fault(path="/v1/service", times=7, **fault)
    daemon.start().wait("current", within=30)
    daemon.wait_equal(agent)


def test_redirects_are_not_followed(agent, daemon):
    agent.register("web", address="10.1.1.1")
    agent.fault("redirect", path="/v1/services", location="/v1/service/elsewhere?namespace=default", times=1)
    daemon.start()
    daemon.wait_equal(agent)
    assert "redirects (307)" in daemon.log
    assert "/v1/service/elsewhere" not in agent.counters()["requests"]


def test_a_service_that_cannot_be_read_spoils_no_other(agent, host, daemon):
    agent.populate(5, 2)
    huge = agent.register("huge", address="10.1.1.1")
    agent.fault("huge", path="/v1/service/huge", size=40)
    daemon.start().wait("current", within=60)
    assert {key for key, instances in daemon.published().items() if not instances} == {("default", "huge")}
    assert len(daemon.published()) == 6
    assert host.code("huge.default.nomad") == "EAI_AGAIN"
    daemon.stop()
    daemon.start()
    wait_until(lambda: daemon.log.count("follows Nomad at") == 2, within=60)
    assert host.code("huge.default.nomad") == "EAI_AGAIN"
    agent.clear_faults()
    agent.deregister(huge)
    agent.register("huge", address="10.1.1.2")
    wait_until(lambda: host.addresses("huge.default.nomad") == {"10.1.1.2"}, within=60)


def test_frames_of_16_mib(agent, daemon):
    agent.register("web", address="10.1.1.1")
    daemon.check = 3600000
    daemon.start().wait("current")
    agent.stream("event", service={"ID": "x", "Namespace": "default", "ServiceName": "x", "Address": "10.1.1.2",
                                   "Port": 1, "Tags": ["t" * 1000] * 1000, "JobID": "x"}, index=agent.index() + 1)
    agent.stream("giant", size=mib(16))     # old: applied to nothing, and no harm done
    agent.register("after", address="10.1.1.3")
    wait_until(lambda: ("default", "after") in daemon.published(), within=60)
    assert ("default", "x") in daemon.published()
    assert daemon.status()["state"] == "current"


def test_many_at_once(agent, daemon):
    daemon.start().wait("current")
    agent.register_many([{"name": f"s{number}", "address": "10.1.1.1"} for number in range(1000)])
    daemon.wait_equal(agent)
    agent.churn(5000, seed=3)
    daemon.wait_equal(agent)


def test_a_list_that_is_short_once(agent, host, daemon):
    agent.populate(20, 2)
    daemon.start().wait("current")
    before = daemon.published()
    agent.others(100)       # or the stream would go on where it was, without a list
    agent.fault("junk", path="/v1/services", times=1, body="[]", index=agent.index() + 1)
    agent.stream("close")
    wait_until(lambda: agent.counters()["requests"]["/v1/services"] >= 3)
    assert daemon.published() == before
    daemon.wait_equal(agent)
