"""What each endpoint but the stream answers, blocking reads included. Called by server.py for every request."""

import asyncio
import random
import re
import zlib

from .catalogue import Watch, encode
from .wire import Answer, Refused, index_headers, indent

LONGEST_WAIT = 300.0
DURATION = re.compile(r"([0-9]*\.?[0-9]+|[0-9]+\.)(ns|us|µs|ms|s|m|h)")
UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def duration(text):
    """A Go duration in seconds: "1m30s", "0"; a bare number is an error."""
    if not text or text == "0":
        return 0.0
    if not re.fullmatch(f"(?:{DURATION.pattern})+", text):
        raise Refused(400, "Invalid wait time")
    return sum(float(number) * UNITS[unit] for number, unit in DURATION.findall(text))


class Answers:
    def __init__(self, catalogue, tokens, settings):
        self.catalogue, self.tokens, self.settings = catalogue, tokens, settings
        self.frozen = None      # (index, services) of a server that lags behind
        self.stopped = None     # done when the server that holds the blocking reads of now has stopped
        self.shuffle = random.Random(0).shuffle

    async def answer(self, request, gone):
        """The answer to a request. gone is an event set when the client went away."""
        try:
            answer = await self.route(request, gone)
        except Refused as no:
            answer = Answer.text(no.status, (self.settings.error_prefix if no.rpc else "") + no.text)
        if "pretty" in request.params and answer.headers.get("Content-Type") == "application/json":
            answer.body = indent(answer.body)
        return answer

    async def route(self, request, gone):
        path = request.path
        if path == "/v1/service" or "//" in path or "/../" in path:
            return self.redirect(request)
        if path.startswith("/v1/service/"):
            return await self.service(request, path[len("/v1/service/"):], gone)
        plain = {"/v1/services": self.services, "/v1/namespaces": self.namespaces, "/v1/regions": self.regions,
                 "/v1/status/leader": self.leader, "/v1/agent/health": self.health}.get(path)
        if plain is None:
            return Answer(404)
        if request.method != "GET":
            raise Refused(405, "Invalid method")
        return await plain(request, gone)

    def redirect(self, request):
        clean = re.sub("//+", "/", request.path)
        clean = "/v1/service/" if clean == "/v1/service" else re.sub(r"/[^/]*/\.\./", "/", clean)
        where = clean + ("?" + request.query if request.query else "")
        body = f'<a href="{where}">Temporary Redirect</a>.\n\n'.encode()
        return Answer(307, body, {"Content-Type": "text/html; charset=utf-8", "Location": where})

    async def leader(self, request, gone):
        return Answer.json(b'"127.0.0.1:4647"')

    async def health(self, request, gone):
        return Answer.json(b'{"client":{"message":"ok","ok":true},"server":{"message":"ok","ok":true}}')

    async def regions(self, request, gone):
        return Answer.json(encode([self.settings.region]))

    async def namespaces(self, request, gone):
        self.query(request)

        def read():
            made = self.catalogue.namespaces
            return [
                {"Capabilities": None, "ConsulConfiguration": None, "CreateIndex": made[name],
                 "Description": "Default shared namespace" if name == "default" else name, "Hash": "", "Meta": None,
                 "ModifyIndex": made[name], "Name": name, "NodePoolConfiguration": None, "OptionalExtraClaims": None,
                 "Quota": "", "RequiredExtraClaims": None, "VaultConfiguration": None}
                for name in sorted(made) if self.tokens.read_job(request.token, name)], self.catalogue.namespaces_index

        listed, index = await self.blocking(request, gone, self.catalogue.namespace_watches, None, None, read)
        return Answer.json(encode(listed), self.headers(index))

    async def services(self, request, gone):
        namespace = self.query(request)

        def read():
            if namespace != "*":
                return self.listing([namespace]), self.index
            allowed = [name for name in self.catalogue.namespaces if self.tokens.read_job(request.token, name)]
            return self.listing(allowed), self.index if allowed else 0

        if namespace != "*" and not self.tokens.read_service(request.token, namespace):
            raise Refused(403, "Permission denied", rpc=True)
        watched = None if namespace == "*" else namespace
        body, index = await self.blocking(request, gone, self.catalogue.watches, watched, None, read)
        return Answer.json(body, self.headers(index))

    async def service(self, request, rest, gone):
        parts = rest.split("/")
        if not rest:
            raise Refused(400, "missing service name")
        if len(parts) > 2:
            raise Refused(400, "invalid URI")
        if len(parts) == 2 and request.method == "DELETE":
            return self.delete(request, parts[1])
        if len(parts) == 2 or request.method != "GET":
            raise Refused(405, "Invalid method")
        namespace, name = self.query(request), parts[0]
        if not self.tokens.read_service(request.token, namespace):
            raise Refused(403, "Permission denied", rpc=True)

        def read():
            service = self.table.get(namespace, {}).get(name)
            return service, self.index

        service, index = await self.blocking(request, gone, self.catalogue.watches, namespace, name, read)
        headers = self.headers(index)
        if service and {"filter", "per_page", "next_token", "choose"} & request.params.keys():
            return Answer.json(narrow(service.sorted(), request, headers), headers)
        return Answer.json(service.body if service else b"[]", headers)

    def delete(self, request, id):
        namespace = self.query(request)
        if not self.tokens.manages(request.token):
            raise Refused(403, "Permission denied", rpc=True)
        if (namespace, id) not in self.catalogue.by_id:
            raise Refused(500, "service registration not found", rpc=True)
        self.catalogue.deregister([(namespace, id)])
        return Answer(200, b"", {"X-Nomad-Index": str(self.catalogue.index)})

    # What they share.

    @property
    def index(self):
        return self.frozen[0] if self.frozen else self.catalogue.index

    @property
    def table(self):
        return self.frozen[1] if self.frozen else self.catalogue.services

    def freeze(self, on):
        """Reads show the past from now on, as those of a server that lags; events go on."""
        if not on:
            self.frozen = None
            return
        self.frozen = (self.catalogue.index, {
            namespace: {name: service.copy() for name, service in names.items()}
            for namespace, names in self.catalogue.services.items()})

    def end_waits(self):
        """Blocking reads of now end as where the server that holds them is gone."""
        if self.stopped:
            self.stopped.set_result(None)
        self.stopped = None

    def headers(self, index):
        return index_headers(index, self.settings.known_leader, self.settings.last_contact)

    def query(self, request):
        """The namespace asked for, after the checks of every read."""
        if request.param("stale") not in ("", "true", "false", "1", "0"):
            raise Refused(400, "Expect `true` or `false` for `stale` query string parameter")
        duration(request.param("wait"))
        if not re.fullmatch("[0-9]{0,19}", request.param("index")):
            raise Refused(400, "Invalid index")
        if request.param("region") not in ("", self.settings.region):
            raise Refused(500, "No path to region", rpc=True)
        return request.param("namespace") or "default"

    def listing(self, namespaces):
        """Namespaces and services in a random order, as on Nomad."""
        listed = []
        for namespace in namespaces:
            entries = [service.entry for service in self.table.get(namespace, {}).values()]
            if entries:
                self.shuffle(entries)
                listed.append(b'{"Namespace":%s,"Services":[%s]}' % (encode(namespace), b",".join(entries)))
        self.shuffle(listed)
        return b"[" + b",".join(listed) + b"]"

    async def blocking(self, request, gone, watches, namespace, name, read):
        """read() now, or again and again until its index is above the one asked for or the wait is over.
        A wait that ran out answers what was read when it began, with the index of then."""
        above = int(request.param("index") or 0)
        result = read()
        if not above or result[1] > above:
            return result
        wait = min(duration(request.param("wait")) or LONGEST_WAIT, LONGEST_WAIT)
        clock = asyncio.get_running_loop().time
        end = clock() + wait * (1 + random.random() / 16)
        leaving = asyncio.ensure_future(gone.wait())
        stopped = self.stopped = self.stopped or asyncio.get_running_loop().create_future()
        try:
            while result[1] <= above and not gone.is_set():
                watch = Watch(self.catalogue, namespace, name)
                watches.add(watch)
                done, _ = await asyncio.wait({watch.woken, leaving, stopped}, timeout=max(0, end - clock()),
                                             return_when=asyncio.FIRST_COMPLETED)
                watches.discard(watch)
                if stopped in done:
                    raise Refused(500, "rpc error: EOF", rpc=True)
                if not done:
                    break
                result = read()
        finally:
            leaving.cancel()
        return result


# The filters of /v1/service/NAME.

def narrow(instances, request, headers):
    """filter, then a page, then choose; sets the header of the next page."""
    kept = [each for each in instances if matches(request.param("filter"), each.fields)]
    after = request.param("next_token")
    if after:
        kept = [each for each in kept if f"{each.fields['Namespace']}.{each.fields['ID']}" >= after]
    per_page = int(request.param("per_page") or 0)
    if 0 < per_page < len(kept):
        headers["X-Nomad-Nexttoken"] = f"{kept[per_page].fields['Namespace']}.{kept[per_page].fields['ID']}"
        kept = kept[:per_page]
    if "choose" in request.params:
        kept = choose(kept, request.param("choose"))
    return b"[" + b",".join(each.json for each in kept) + b"]"


def matches(expression, fields):
    """The two forms of go-bexpr that are of use, joined by "and": "tag" in Tags, and Field == "value"."""
    for term in expression.split(" and ") if expression else ():
        inside = re.fullmatch(r'\s*"([^"]*)" (not )?in (\w+)\s*', term)
        equal = re.fullmatch(r'\s*(\w+) (==|!=) "?([^"]*)"?\s*', term)
        if not inside and not equal:
            raise Refused(400, "failed to create result paginator: failed to read filter expression: " + term)
        field = inside[3] if inside else equal[1]
        if field not in fields:
            raise Refused(400, f'failed to read result page: error finding value in datum: "{field}"')
        if inside and (inside[1] in fields[field]) == bool(inside[2]):
            return False
        if equal and (str(fields[field]) == equal[3]) != (equal[2] == "=="):
            return False
    return True


def choose(instances, text):
    """n of the instances, always the same ones for the same key. Nomad's hash is another one."""
    count, bar, key = text.partition("|")
    if not bar or not count.isdigit():
        raise Refused(400, "failed to choose services: Parameter for choose must be in form '<number>|<key>'")
    ranked = sorted(instances, key=lambda each: zlib.crc32((each.fields["ID"] + key).encode()))
    return ranked[:int(count)]
