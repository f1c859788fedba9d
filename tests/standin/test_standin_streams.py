"""The event stream of the stand-in: framing, replay, keys, silence, and misbehaving on command."""

import contextlib

import pytest

from .support import ALL, LIVE, Stream, ask, live


def test_frames(agent):
    stream = live(agent)
    first = agent.register_many([{"name": "a"}, {"name": "b", "namespace": "default"}])
    assert stream.happened() == [("ServiceRegistration", "a"), ("ServiceRegistration", "b")]
    agent.restart_allocation(first[0])
    frames = stream.frame(), stream.frame()
    assert [each["Index"] for each in frames] == [3, 4]
    gone, back = (each["Events"][0] for each in frames)
    assert (gone["Type"], back["Type"]) == ("ServiceDeregistration", "ServiceRegistration")
    assert gone["Payload"]["Service"]["ModifyIndex"] == 2 and back["Payload"]["Service"]["CreateIndex"] == 4
    agent.deregister(first[0], silent=True)
    agent.deregister(first[1], type="PlanResult")
    assert stream.happened() == [("PlanResult", "b")]
    assert ask(agent, "/v1/services").index == 6


def test_replay_begins_at_the_index(agent):
    agent.set(buffer=5)
    agent.populate(10, 1)       # indexes 2 to 11; 7 to 11 are kept

    def indexes(index, count):
        stream = Stream(agent, f"{ALL}&index={index}")
        assert stream.line() == b"{}\n"
        return [stream.frame()["Index"] for _ in range(count)]
    assert indexes(0, 5) == indexes(3, 5) == [7, 8, 9, 10, 11]
    assert indexes(10, 2) == [10, 11]
    assert indexes(LIVE, 1) == [11]
    agent.others(1)
    agent_last = live(agent)
    agent.register("next")
    assert agent_last.frame()["Index"] == 13


def test_keys(agent):
    target = f"/v1/event/stream?namespace=default&index={LIVE}"
    double = Stream(agent, target + "&topic=Service:two&topic=Service:job&topic=Service")
    assert double.line() == b"{}\n"
    silent = Stream(agent, target + "&topic=service&topic=Job")
    assert silent.line() == b"{}\n"
    agent.register("one")
    agent.register("two", job="job")
    agent.register("two-task", job="two")
    assert double.happened() == [("ServiceRegistration", "two")] * 2
    assert double.happened() == [("ServiceRegistration", "two-task")]
    agent.stream("close")
    assert silent.line() == b""


def test_a_new_namespace_is_not_in_an_old_stream(agent):
    stream = live(agent)
    agent.register("web", namespace="new")
    agent.register("web", namespace="default")
    assert stream.frame()["Events"][0]["Namespace"] == "default"


def test_heartbeats(agent):
    agent.set(heartbeat=0.001)
    stream = live(agent)
    assert [stream.line() for _ in range(5)] == [b"{}\n"] * 5


@pytest.mark.parametrize("kind,lines", [
    ("stream-silent", []), ("stream-eof", [b"{}\n"]), ("stream-stall", [b"{}\n"]),
    ("stream-cut", [b"{}\n", b'{"Events":[{"FilterKeys"']), ("stream-bytes", [b"{}\n", b'{"Events":[{"FilterKeys"'])])
def test_misbehaving_streams(agent, kind, lines):
    agent.fault(kind, times=1)
    stream = Stream(agent, f"{ALL}&index={LIVE}")
    got = [stream.line()] if lines else []
    with contextlib.suppress(OSError):
        agent.register("web")
        if kind == "stream-bytes":
            got.append(stream.line())
        agent.stream("close")
        got += stream.file.readlines()
    assert [line[:len(want)] for line, want in zip(got, lines)] == lines and len(got) == len(lines)
    if kind == "stream-cut":
        assert not got[1].endswith(b"\n")


def test_stream_commands(agent):
    agent.register("web")
    stream = live(agent, "&topic=Service:x")
    assert agent.stream("replay", count=3) == 1
    agent.stream("raw", data=b"junk\n")
    assert stream.line() == b"junk\n"
    agent.stream("stall")
    fields = agent.services()["default", "web"][0]
    agent.stream("event", service={**fields, "JobID": "x"}, type="ServiceDeregistration", index=1)
    agent.stream("resume")
    assert stream.frame()["Index"] == 1
    stream = live(agent)
    stream.line()
    agent.stream("giant", size=1 << 20)
    assert len(stream.line()) >= 1 << 20
    agent.stream("reset")
    with pytest.raises(ConnectionResetError):
        stream.line()


def test_who_does_not_read_loses_the_stream(agent):
    agent.set(buffer=5)
    stream = live(agent)
    for _ in range(40):
        agent.stream("raw", data=b"x" * (1 << 18) + b"\n")
    assert sum(len(line) for line in stream.file) < 40 << 18


def test_batched_commands_come_together(agent):
    stream = live(agent)
    agent.batch({"do": "register", "services": [{"name": "a"}]}, {"do": "register", "services": [{"name": "b"}]})
    assert [stream.happened()[0][1], stream.happened()[0][1]] == ["a", "b"]
