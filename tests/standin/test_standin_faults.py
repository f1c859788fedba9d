"""The stand-in fails as it is told to, that often, and is well afterwards."""

import pytest

from .support import Reply, ask, connect, connect_and_read, live, read_all, request


@pytest.mark.parametrize("kind,args,code,body", [
    ("403", {}, 403, "Permission denied"), ("500", {"text": "rpc error: boo"}, 500, "rpc error: boo"),
    ("status", {"code": 503, "text": "x"}, 503, "x"), ("redirect", {}, 307, "<a href"), ("html", {}, 200, "<!DOCTYPE"),
    ("junk", {}, 200, '[{"ID":'), ("deep", {"depth": 50}, 200, "[" * 50), ("huge", {"size": 1}, 200, '[{"Address'),
    ("slow", {"delay": 0.01, "rate": 100000}, 200, '[{"Address'), ("headers", {"count": 2}, 200, '[{"Address'),
    ("cut", {}, 200, '[{"Address'), ("429", {}, 429, "Your IP")])
def test_answering_faults(agent, kind, args, code, body):
    agent.register("web")
    agent.fault(kind, path="/v1/service/", times=1, **args)
    assert ask(agent, "/v1/services").code == 200
    reply = ask(agent, "/v1/service/web")
    assert reply.code == code and reply.body.decode().startswith(body)
    whole = int(dict(reply.headers).get("Content-Length", len(reply.body))) == len(reply.body)
    assert whole == (kind != "cut")
    assert ask(agent, "/v1/service/web").json == agent.services()["default", "web"]


def test_raw_answers(agent, tmp_path):
    (tmp_path / "answer").write_bytes(b"HTTP/1.1 204 No\r\n\r\n")
    agent.fault("raw", file=tmp_path / "answer", times=1)
    agent.fault("raw", data=b"SSH-2.0-x\r\n", times=1)
    for wanted in (b"HTTP/1.1 204 No\r\n\r\n", b"SSH-2.0-x\r\n"):
        sock = connect(agent)
        sock.sendall(request("/v1/services"))
        assert read_all(sock) == wanted


@pytest.mark.parametrize("at", ["request", "accept"])
def test_faults_without_an_answer(agent, at):
    agent.fault("eof", at=at, times=1)
    assert connect_and_read(agent) == b""
    agent.fault("reset", at=at, times=1)
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        connect_and_read(agent)
    agent.fault("hang", at=at, times=1)
    sock = connect(agent)
    sock.sendall(request("/v1/services"))
    sock.settimeout(0.02)
    with sock, pytest.raises(TimeoutError):
        sock.recv(1)
    assert ask(agent, "/v1/services").code == 200


def test_stale_only(agent):
    agent.register("web")
    agent.fault("stale-empty", stale_only=True)
    assert ask(agent, "/v1/services?stale").index == 1
    assert ask(agent, "/v1/services").index == 2
    agent.clear_faults()
    assert ask(agent, "/v1/services?stale").index == 2


def test_refuses_and_listens_again_on_the_same_port(agent):
    stream = live(agent)
    agent.fault("refuse")
    assert stream.line() == b""
    with pytest.raises(ConnectionRefusedError):
        connect(agent)
    with pytest.raises(ConnectionRefusedError):
        connect(agent, unix=True)
    agent.clear_faults()
    assert ask(agent, "/v1/services").code == 200


def test_connection_limit_leaves_streams_out(agent):
    agent.set(max_connections=1)
    stream = live(agent)
    with connect(agent) as first:
        first.sendall(request("/v1/services", close=False))
        assert first.recv(12) == b"HTTP/1.1 200"
        assert ask(agent, "/v1/services").code == 429
    agent.set(max_connections=100)
    agent.register("web")
    assert stream.happened()


def test_paused_agents_accept_and_say_nothing(agent):
    agent.pause()
    try:
        sock = connect(agent)
        sock.sendall(request("/v1/services"))
        sock.settimeout(0.02)
        with pytest.raises(TimeoutError):
            sock.recv(1)
    finally:
        agent.resume()
    sock.settimeout(10)
    assert read_all(sock).startswith(b"HTTP/1.1 200")


def test_counters(agent):
    with connect(agent) as sock:
        for _ in range(2):
            sock.sendall(request("/v1/services?stale", {"X-Nomad-Token": "secret"}, close=False))
            assert sock.recv(65536)
        counted = agent.counters()
    assert counted["requests"] == {"/v1/services": 2} and counted["total"] == 2
    assert (counted["opened"], counted["most_open"], counted["most_serving"]) == (1, 1, 1)
    assert agent.log()[0]["headers"]["x-nomad-token"] == "secret" and "stale" in agent.log()[0]["params"]
    agent.reset_counters()
    assert agent.counters()["total"] == 0


def test_mistakes_are_told(agent):
    for wrong in (lambda: agent.fault("nonsense"), lambda: agent.deregister("nosuch"), lambda: agent.do("nosuch"),
                  lambda: agent.register("web", adress="x"), lambda: agent.set(nosuch=1)):
        with pytest.raises(RuntimeError):
            wrong()
    assert agent.services() == {}


@pytest.mark.parametrize("waits", ["hold", "end"])
def test_the_server_behind_it_stops(agent, waits):
    """Streams are silent and stay open, reads that wait end or go on, and everything new is another server's."""
    agent.register("web")
    old, sock = live(agent), connect(agent)
    assert old.happened() == [("ServiceRegistration", "web")]
    sock.sendall(request("/v1/namespaces?index=1&wait=60s"))
    while not any(each["path"] == "/v1/namespaces" for each in agent.log()):
        pass
    agent.stop_server(waits=waits)
    agent.register("db", namespace="new")
    reply = Reply(read_all(sock))
    assert reply.code == (500 if waits == "end" else 200)
    assert live(agent).happened() == [("ServiceRegistration", "db")]
    agent.stream("close")
    assert old.file.read() == b""
