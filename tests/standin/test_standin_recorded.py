"""The stand-in answers as the recorded agent did: status, headers, and what bodies are made of.

The recordings, tests/recordings, are what came off the wire, byte for byte, from Nomad 2.0.5.
"""

import json
import pathlib
import re

import pytest

from .support import ALL, Reply, Stream, ask

RECORDINGS = pathlib.Path(__file__).resolve().parents[1] / "recordings"

RECORDED = [
    ("services-default", "/v1/services", {}),
    ("services-fresh-agent", "/v1/services?namespace=*", {}),
    ("services-unknown-namespace", "/v1/services?namespace=nosuch", {}),
    ("service-redis", "/v1/service/redis", {}),
    ("service-unknown", "/v1/service/nosuch", {}),
    ("service-gzip", "/v1/service/redis", {"headers": {"Accept-Encoding": "gzip"}}),
    ("service-deflate", "/v1/service/redis", {"headers": {"Accept-Encoding": "deflate"}}),
    ("odd-addresses", "/v1/service/many", {}),
    ("service-page", "/v1/service/redis?per_page=1", {}),
    ("service-choose", "/v1/service/redis?choose=1|me", {}),
    ("service-namespace-star", "/v1/service/redis?namespace=*", {}),
    ("service-head", "/v1/service/redis", {"method": "HEAD"}),
    ("service-slash", "/v1/service/", {}),
    ("services-no-slash", "/v1/service", {}),
    ("unknown-path", "/v1/nosuch", {}),
    ("odd-name-slash", "/v1/service/x-a.b_c%2Fd%20%C3%A9", {}),
    ("bad-wait", "/v1/services?wait=60", {}),
    ("unknown-region", "/v1/services?region=mars", {}),
    ("agent-health", "/v1/agent/health", {}),
    ("status-leader", "/v1/status/leader", {}),
    ("namespaces", "/v1/namespaces", {}),
    ("services-extra-headers", "/v1/services",
     {"set": {"headers": {"X-Extra": "one", "Access-Control-Allow-Origin": "*", "Content-Type": "text/html"}}}),
    ("agent-stopping-empty", "/v1/services", {"fault": {"kind": "index-0"}}),
    ("restarted-stale-empty", "/v1/services?stale", {"fault": {"kind": "stale-empty"}}),
    ("noleader-services-stale", "/v1/services?stale", {"fault": {"kind": "no-leader"}}),
    ("noleader-services", "/v1/services", {"fault": {"kind": "500"}}),
    ("too-many-connections", "/v1/services", {"fault": {"kind": "429"}}),
    ("acl-none-services", "/v1/services?namespace=*", {"tokens": {}}),
    ("acl-none-service", "/v1/service/redis", {"tokens": {}}),
    ("acl-none-stream", ALL, {"tokens": {}}),
    ("acl-default-services-all", "/v1/services?namespace=*",
     {"tokens": {"t": {"namespaces": ["default"]}}, "headers": {"X-Nomad-Token": "t"}}),
    ("acl-default-bearer", "/v1/service/redis",
     {"tokens": {"t": {"namespaces": ["default"]}}, "headers": {"Authorization": "Bearer t"}}),
    ("taskapi-none", "/v1/services", {"unix": True}),
    ("taskapi-unknown-uuid", "/v1/services",
     {"unix": True, "tokens": {}, "headers": {"X-Nomad-Token": "11111111-2222-3333-4444-555555555555"}}),
    ("taskapi-junk", "/v1/services", {"unix": True, "tokens": {}, "headers": {"X-Nomad-Token": "junk"}}),
    ("taskapi-identity", "/v1/service/redis",
     {"unix": True, "tokens": {"i": {"identity": True}}, "headers": {"X-Nomad-Token": "i"}}),
    ("taskapi-identity-services-all", "/v1/services?namespace=*",
     {"unix": True, "tokens": {"i": {"identity": True}}, "headers": {"X-Nomad-Token": "i"}}),
    ("taskapi-identity-stream", ALL,
     {"unix": True, "tokens": {"i": {"identity": True}}, "headers": {"X-Nomad-Token": "i"}}),
    ("stream-bad-index", ALL + "&index=x", {}),
    ("stream-unknown-region", ALL + "&region=mars", {}),
    ("noleader-stream", ALL, {"fault": {"kind": "stream-eof"}}),
    ("stream-many", ALL, {"fault": {"kind": "stream-eof"}}),
]
VARYING = {"Date", "Content-Length", "X-Nomad-Index", "X-Nomad-Nexttoken", "Connection"}


def shape(body):
    """What a body is made of: the keys of its objects in their order, types for values; other texts as they are."""
    def of(value):
        if isinstance(value, dict):
            return {key: of(item) for key, item in value.items()}
        if isinstance(value, list):
            return [of(value[0])] if value and isinstance(value[0], (dict, list)) else "list"
        return type(value).__name__
    try:
        return json.dumps(of(json.loads(body)))
    except ValueError:
        return body


@pytest.mark.parametrize("name,target,how", RECORDED, ids=[each[0] for each in RECORDED])
def test_recorded(agent, name, target, how):
    wanted = Reply((RECORDINGS / f"{name}.http").read_bytes())
    agent.set(denied_close=0, **how.get("set", {}))
    if "fresh" not in name:
        agent.create_namespace("dev")
        agent.register("redis", tags=["cache"], label="db", address="127.0.0.1")
        agent.register("redis", tags=["cache"], label="db", address="127.0.0.1")
        agent.register_many([{"name": "many", "label": str(number)} for number in range(30)])
    agent.tokens(how.get("tokens"))
    if "fault" in how:
        agent.fault(**how["fault"])
    got = ask(agent, target, how.get("headers", ()), how.get("method", "GET"), how.get("unix", False))
    assert got.status == wanted.status
    assert ([header for header in got.headers if header[0] not in VARYING]
            == [header for header in wanted.headers if header[0] not in VARYING])
    assert ({header[0] for header in got.headers} - {"Connection"}
            == {header[0] for header in wanted.headers} - {"Connection"})
    if "-stream" in name or name.startswith("stream-"):
        assert got.body.split(b"\n")[0] == wanted.body.split(b"\n")[0]
    else:
        assert shape(got.body) == shape(wanted.body)


def test_recorded_frame(agent):
    """A frame holds the same keys in the same order, and IDs look the same."""
    wanted = Reply((RECORDINGS / "acl-default-stream.http").read_bytes()).body.split(b"\n")[1]
    agent.register("redis", tags=["cache"], label="db")
    stream = Stream(agent)
    assert stream.line() == b"{}\n"
    got = stream.line()

    def blank(data):
        return re.sub(rb"[0-9a-f]{8}-[0-9a-f-]{27}", b"UUID", re.sub(rb'":[0-9]+', b'":0', data)).strip()
    assert blank(got) == blank(wanted)
