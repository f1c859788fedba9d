"""What another user of the host gains nothing by: the daemon's own, taken over, and whoever has the agent's port."""

import ast
import re
import shutil
import subprocess

import pytest

from daemon import daemon, wait_until    # noqa: F401 (a fixture)

DIR = "/run/nomad-dns-srv"


def move(host, place, target):
    """Puts a link to `target` where a folder was."""
    script = f"[ ! -L {place} ] || rm {place}; [ ! -e {place} ] || mv {place} {DIR}/was; ln -s {target} {place}"
    assert host.run(["sh", "-ec", script]).code == 0


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
@pytest.mark.parametrize("place, target, name", [
    ("services/_", "/dev", "full.nomad"), ("services/default", "/dev", "full.default.nomad"),
    ("services", "/proc", "status.self.nomad"), ("services/service", "/proc", "status.self.service.nomad"),
    ("services/default", "/proc/self/fd", "0.default.nomad"), ("services/_", "/dev/fd", "0.nomad")])
@pytest.mark.plain
def test_no_device_is_opened(host, place, target, name):
    """A link in the daemon's directory opens no device and no file of /proc, and what it says is not "no such name"."""
    host.publish("default", "web", "192.0.2.1 80")
    move(host, f"{DIR}/{place}", target)
    done = host.run(["strace", "-y", "-o", "/tmp/trace", host.tool("direct"), name, "4"])
    trace = host.path("/tmp/trace").read_text()
    assert not re.findall(rf"^(open.*{DIR}.* = \d+<(?!{DIR}).*)", trace, re.MULTILINE)
    assert done.out.split()[0] == "TRYAGAIN"


def test_record_elsewhere_is_none(host):
    """Nor does a sound record count that lies outside of it."""
    host.publish("default", "web", "192.0.2.1 80")
    assert host.addresses("web.nomad") == host.addresses("web.default.nomad") == {"192.0.2.1"}
    assert host.run(["cp", "-a", f"{DIR}/services/default", "/tmp/default"]).code == 0
    move(host, f"{DIR}/services/default", "/tmp/default")
    assert host.code("web.nomad") == host.code("web.default.nomad") == "EAI_AGAIN"


def test_status_is_a_file(host):
    """--status opens no link either: root asks it."""
    host.publish("default", "web", "192.0.2.1 80")
    assert host.run(["ln", "-s", "/proc/self/environ", f"{DIR}/status.json"]).code == 0
    done = host.run(["nomad-dns-srv", "--status"], env={"TERM": "sesame"})
    assert done.code == 1 and "sesame" not in done.out + done.err
    assert "Too many levels of symbolic links" in done.err, done


THIEF = """
import socket, sys
family, address, accepts = sys.argv[1:]
server = socket.socket(getattr(socket, family))
server.bind((address, 0))
server.listen()
print(server.getsockname()[1], flush=True)
if accepts == "no":
    sys.stdin.read()                        # the connection waits in the queue, and what is sent on it
while True:
    connection, _ = server.accept()
    got = connection.recv(65536)
    print(repr(got), flush=True)
    if got:
        connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nX-Nomad-Index: 7\\r\\n"
                           b"X-Nomad-Knownleader: true\\r\\nContent-Length: 2\\r\\n\\r\\n[]")
    connection.close()
    if accepts == "no":
        break
"""
NOBODY, OTHER = 65534, 4001
FORGET = ["find", "/var/cache/nss-nomad", "-type", "f", "-delete"]
TOKEN = "5ec2e700-0000-4000-8000-000000000000"


class Thief:
    """Another user's program on a port of this host."""

    def __init__(self, host, family="AF_INET", address="127.0.0.1", accepts="yes", user=NOBODY):
        self.process = host.start(["python3", "-c", THIEF, family, address, accepts], user=user, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def heard(self):
        """What the first connection brought, from the queue if need be."""
        self.process.stdin.close()
        return ast.literal_eval(self.process.stdout.readline())

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def thief(host):
    thieves = []

    def start(*arguments, **options):
        thieves.append(Thief(host, *arguments, **options))
        return thieves[-1]
    yield start
    for one in thieves:
        one.end()


@pytest.mark.root
@pytest.mark.parametrize("token", [TOKEN, None])
@pytest.mark.parametrize("accepts", ["yes", "no"])
@pytest.mark.parametrize("family, address, asked", [
    ("AF_INET", "127.0.0.1", "127.0.0.1"), ("AF_INET", "127.0.0.1", "localhost"), ("AF_INET6", "::1", "[::1]"),
    ("AF_INET6", "::ffff:127.0.0.1", "127.0.0.1"), ("AF_INET6", "::", "127.0.0.1"), ("AF_INET", "0.0.0.0", "127.9.9.9"),
    ("AF_INET", "127.0.0.1", "[::ffff:127.0.0.1]"), ("AF_INET", "198.51.100.1", "198.51.100.1")])
def test_thief_of_the_agents_port(host, thief, family, address, asked, accepts, token):
    """The helper sends nothing to a port of this host that is another user's, not even where that one waits with accept(),
    believes nothing that it says, and says whose it is and what to set."""
    one = thief(family, address, accepts)
    host.configure(nomad={"address": f"http://{asked}:{one.port}"})
    env = {"NOMAD_TOKEN": token} if token else {}
    done = host.run(["nomad-lookup", "web.default.nomad"], env=env)
    assert done.code == 1
    assert re.search(r"belongs to user nobody \(65534\).*nothing was sent.*agent-user = nobody", done.err), done
    assert host.code("web.default.nomad", env=env) == "EAI_AGAIN"
    assert one.heard() == b""


@pytest.mark.root
@pytest.mark.parametrize("user, setting, caller", [(0, None, 0), (0, None, OTHER), (OTHER, None, OTHER), (NOBODY, "nobody", 0),
                                                   (NOBODY, "65534", OTHER), (NOBODY, "any", 0)])
def test_whose_port_may_be_the_agents(host, thief, user, setting, caller):
    """Root's, the caller's own, agent-user's, anybody's with "any"."""
    one = thief(user=user)
    host.configure(nomad={"address": f"http://127.0.0.1:{one.port}", **({"agent-user": setting} if setting else {})})
    done = host.run(["nomad-lookup", "web.default.nomad"], user=caller, env={"NOMAD_TOKEN": TOKEN})
    assert (done.code, TOKEN.encode() in one.heard()) == (2, True), done


@pytest.mark.root
def test_user_nomad_has_the_port(host, thief):
    """The user `nomad`'s, if there is one."""
    one = thief(user=OTHER)
    host.configure(nomad={"address": f"http://127.0.0.1:{one.port}"})
    assert host.run(["nomad-lookup", "web.default.nomad"]).code == 1
    host.write("/etc/passwd", host.path("/etc/passwd").read_text() + f"nomad:x:{OTHER}:{OTHER}::/:/bin/false\n")
    host.run(FORGET)
    assert host.run(["nomad-lookup", "web.default.nomad"]).code == 2


@pytest.mark.root
@pytest.mark.parametrize("refused", ["socket", "module"])
def test_the_kernel_does_not_tell(agent, host, refused):
    """Where it cannot be asked no token goes to a port of this host, but with agent-user = any; a request without may go."""
    agent.register("web", address="192.0.2.1", port=80)
    command = ["/run/tools/confined", refused, "nomad-lookup", "web.default.nomad"]
    assert host.run(command).code == 0
    host.run(FORGET)
    done = host.run(command, env={"NOMAD_TOKEN": TOKEN})
    assert done.code == 1 and re.search(r"does not tell.*the token was not sent.*unix://.*agent-user = any", done.err), done
    host.run(FORGET)
    host.configure(nomad={"address": agent.url, "agent-user": "any"})
    assert host.run(command, env={"NOMAD_TOKEN": TOKEN}).code == 0


@pytest.mark.root
def test_daemon_and_the_thief(host, daemon, thief):    # noqa: F811
    """The daemon sends nothing either, and says it in its log and its status."""
    one = thief()
    daemon.write_token(TOKEN)
    host.configure(nomad={"address": f"http://127.0.0.1:{one.port}", "token-file": "/etc/token"})
    daemon.start()
    wait_until(lambda: "belongs to user nobody (65534)" in daemon.log, lambda: daemon.log)
    wait_until(lambda: "belongs to user nobody (65534)" in daemon.status().get("error", ""), daemon.status)
    assert one.heard() == b"" and not daemon.alive()
