"""The stand-in speaks as Nomad does: reads, blocking reads, rights; and its process never stays behind."""

import concurrent.futures
import json
import shutil
import signal
import ssl
import subprocess

import pytest

from .client import Agent
from .support import ALL, Reply, Stream, ask, connect, connect_and_read, live, read_all, request


# Reads.

def test_reads_are_the_truth(agent):
    agent.register("web", tags=["a", "b"], address="127.0.0.9")
    agent.register("web", tags=["b", "c"])
    agent.register("api", namespace="prod", address="", port=-5)
    truth = agent.services()
    assert ask(agent, "/v1/service/web").json == truth["default", "web"]
    assert ask(agent, "/v1/service/api?namespace=prod").json == truth["prod", "api"]
    listed = {each["Namespace"]: each["Services"] for each in ask(agent, "/v1/services?namespace=*").json}
    assert listed["prod"] == [{"ServiceName": "api", "Tags": []}]
    assert sorted(listed["default"][0]["Tags"]) == ["a", "b", "c"]
    assert ask(agent, "/v1/service/%77eb?namespace=de%66ault").json == truth["default", "web"]
    assert ask(agent, '/v1/service/web?filter=%22a%22%20in%20Tags').json[0]["Address"] == "127.0.0.9"


@pytest.mark.parametrize("target, text", [
    ("/v1/services?stale=x", "Expect `true` or `false` for `stale` query string parameter"),
    ("/v1/service/a?choose=x", "failed to choose services: Parameter for choose must be in form '<number>|<key>'"),
    ("/v1/event/stream?topic=Service:b:c",
     "Invalid topic query: error parsing topics: Invalid key value pair for topic, topic: Service:b:c"),
])
def test_what_is_refused_is_refused_in_nomads_words(agent, target, text):
    agent.register("a")
    answer = ask(agent, target)
    assert (answer.code, answer.body.decode()) == (400, text)


@pytest.mark.parametrize("head, status", [
    (b"junk\r\n\r\n", "400 Bad Request"),
    (b"GET /v1/service/%zz HTTP/1.1\r\nHost: a\r\n\r\n", "400 Bad Request"),
    (b"GET /v1/services HTTP/1.1\r\n\r\n", "400 Bad Request: missing required Host header"),
    (b"GET /v1/services HTTP/2.0\r\nHost: a\r\n\r\n", "505 HTTP Version Not Supported: unsupported protocol version"),
])
def test_what_is_no_request_is_answered_as_gos_server_does(agent, head, status):
    sock = connect(agent)
    sock.sendall(head)
    assert read_all(sock).decode() == (f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\n"
                                       f"Connection: close\r\n\r\n{status}")


def test_tags_of_the_list_stand_in_no_order(agent):
    tags = [f"t{number}" for number in range(20)]
    agent.register("a", tags=tags)
    [listed] = ask(agent, "/v1/services").json
    assert sorted(listed["Services"][0]["Tags"]) == sorted(tags) and listed["Services"][0]["Tags"] != tags


def test_same_seed_same_ids(agent):
    def run():
        agent.reset()
        agent.populate(20, 3)
        agent.churn(100, seed=7)
        return agent.services()
    assert run() == run()


def test_long_bodies_are_chunked(agent):
    agent.populate(1, 300)
    plain = ask(agent, "/v1/service/service-0")
    assert plain.chunks == [len(plain.body), 0]
    packed = ask(agent, "/v1/service/service-0", {"Accept-Encoding": "gzip"})
    assert packed.chunks[0] == 2048 and packed.body == plain.body
    assert ("Content-Encoding", "gzip") not in ask(agent, "/v1/services", {"Accept-Encoding": "gzip;q=1.0"}).headers


def test_an_identical_registration_changes_nothing(agent):
    id = agent.register("web", port=80)
    before = agent.index()
    agent.register("web", id=id)
    assert agent.index() == before
    agent.register("web", id=id, tags=["v2"])
    fields = agent.services()["default", "web"][0]
    assert (fields["Port"], fields["Tags"], fields["CreateIndex"], fields["ModifyIndex"]) == (
        80, ["v2"], before, before + 1)


def test_delete(agent):
    id = agent.register("web")
    assert ask(agent, f"/v1/service/web/{id}", method="DELETE").code == 200
    assert ask(agent, f"/v1/service/web/{id}", method="DELETE").body == b"service registration not found"
    assert agent.services() == {}


# Blocking reads.

def blocked(agent, target):
    """Starts a read; a future of its reply. The read has arrived when this returns."""
    sock = connect(agent)
    seen = agent.counters()["total"]
    sock.sendall(request(target))
    while agent.counters()["total"] == seen:
        pass
    pool = concurrent.futures.ThreadPoolExecutor(1)
    future = pool.submit(lambda: Reply(read_all(sock)))
    pool.shutdown(wait=False)
    return future


def test_blocking_reads_wake_for_their_own(agent):
    agent.register("late")
    agent.register("other", namespace="prod")
    index = agent.index()
    for target in ("/v1/services?", "/v1/services?namespace=*&", "/v1/service/later?", "/v1/service/lat?",
                   "/v1/service/x?namespace=nosuch&"):
        reply = blocked(agent, f"{target}index={index}&wait=60s")
        assert not reply.done()
        agent.register("later")
        index = agent.index()
        assert reply.result(5).index == index


def test_blocking_reads_of_the_namespaces(agent):
    """As a 2.0.5: they wake for a new one and for one that is deleted, and for no service."""
    old = ask(agent, "/v1/namespaces").index
    reply = blocked(agent, f"/v1/namespaces?namespace=*&index={old}&wait=60s")
    agent.register("web")
    assert not reply.done() and ask(agent, f"/v1/namespaces?index={old}&wait=50ms").index == old
    agent.create_namespace("prod")
    made = reply.result(5)
    assert [each["Name"] for each in json.loads(made.body)] == ["default", "prod"]
    assert made.index == json.loads(made.body)[1]["CreateIndex"] > old
    reply = blocked(agent, f"/v1/namespaces?index={made.index}&wait=60s")
    agent.delete_namespace("prod")
    assert [each["Name"] for each in json.loads(reply.result(5).body)] == ["default"]
    assert reply.result(5).index > made.index == ask(agent, "/v1/namespaces?index=0&wait=60s").index - 1


def test_blocking_reads_ignore_other_namespaces(agent):
    agent.register("two")
    old = agent.index()
    reply = blocked(agent, f"/v1/service/two?index={old}&wait=50ms")
    agent.register("other", namespace="prod")
    assert reply.result(5).index == old
    assert ask(agent, f"/v1/service/two?index={old}&wait=60s").index == agent.index()


def test_an_index_ahead_goes_back(agent):
    agent.register("two")
    assert ask(agent, "/v1/services?index=1000&wait=10ms").index == agent.index()


def test_rebuild_wakes_and_goes_back(agent):
    agent.populate(10, 1)
    reply = blocked(agent, "/v1/services?index=8&wait=60s")
    assert reply.result(5).index == 11
    agent.others(1)
    stream = live(agent)
    agent.rebuild(index=5, streams="close")
    assert stream.line() == b""
    reply = ask(agent, "/v1/service/service-9")
    assert reply.index == 5 and reply.json[0]["ModifyIndex"] == 5
    agent.rebuild(index=1, keep=False)
    assert ask(agent, "/v1/services?namespace=*").body == b"[]"


def test_frozen_reads_show_the_past(agent):
    agent.register("web")
    agent.freeze_reads()
    agent.register("api")
    assert b"api" not in ask(agent, "/v1/services").body
    agent.freeze_reads(on=False)
    assert b"api" in ask(agent, "/v1/services").body


# Rights.

def test_rights(agent):
    agent.register("web")
    agent.register("api", namespace="prod")
    agent.tokens({"d": {"namespaces": ["default"]}, "all": {"namespaces": ["*"], "deny": ["prod"]},
                  "m": {"management": True}, "i": {"identity": True}})

    def see(target, token):
        return ask(agent, target, {"X-Nomad-Token": token} if token else {})
    for token, code in (("d", 403), ("all", 403), ("m", 200), ("i", 200), ("", 403), ("junk", 403)):
        assert see("/v1/service/api?namespace=prod", token).code == code
        assert see("/v1/services?namespace=prod", token).code == code
    assert [each["Namespace"] for each in see("/v1/services?namespace=*", "d").json] == ["default"]
    assert see("/v1/services?namespace=*", "d").index == agent.index()
    assert see("/v1/services?namespace=*", "i").index == 0
    agent.set(denied_close=0)
    for token in ("d", "all", "i", ""):
        assert Stream(agent, ALL, token).line() == b""
    assert Stream(agent, ALL, "m").line() == b"{}\n"
    assert Stream(agent, "/v1/event/stream?topic=Service", "d").line() == b"{}\n"
    assert Stream(agent, "/v1/event/stream", "d").line() == b""


def test_a_stream_that_loses_its_right_goes_silent(agent):
    agent.tokens({"t": {"namespaces": ["*"]}})
    agent.set(heartbeat=0.001)
    stream = live(agent, token="t")
    agent.tokens({})
    agent.register("web")
    agent.set(denied_close=0)
    agent.tokens({})    # the same again: now the end comes
    rest = stream.file.read()
    assert set(rest.split()) <= {b"{}"}


def test_an_expired_token_has_heartbeats_until_the_next_event(agent):
    agent.tokens({"t": {"namespaces": ["*"]}})
    agent.set(heartbeat=0.001, denied_close=0)
    stream = live(agent, token="t")
    agent.expire("t")
    for _ in range(20):
        assert stream.line() == b"{}\n"
    agent.register("web")
    assert b"Events" not in stream.file.read()


# The process.

def test_ends_with_its_stdin():
    agent = Agent(demo=True)
    assert ("prod", "api") in agent.services()
    agent.process.stdin.close()
    assert agent.process.wait(10) == 0
    agent.kill()


def test_ends_with_a_signal():
    with Agent() as agent:
        stream = live(agent)
        agent.process.send_signal(signal.SIGTERM)
        assert agent.process.wait(10) == 0
        assert stream.line() == b""


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl here")
def test_tls(tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", key, "-out", cert, "-days", "1", "-subj", "/CN=server.global.nomad",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, stderr=subprocess.DEVNULL)
    with Agent(tls_cert=cert, tls_key=key, client_ca=cert) as agent:
        assert agent.url.startswith("https://")
        assert connect_and_read(agent).startswith(b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request")
        with pytest.raises(ssl.SSLError):
            secure_read(agent, ssl.create_default_context(cafile=cert))
        context = ssl.create_default_context(cafile=cert)
        context.load_cert_chain(cert, key)
        assert secure_read(agent, context).startswith(b"HTTP/1.1 200")
        agent.fault("reset", times=1)
        assert secure_read(agent, context) == b""   # Python's ssl tells no reset from an end


def secure_read(agent, context):
    with context.wrap_socket(connect(agent), server_hostname="localhost") as sock:
        sock.sendall(request("/v1/services"))
        return b"".join(iter(lambda: sock.recv(65536), b""))
