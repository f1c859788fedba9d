"""Real programs, unchanged: with the daemon's files, and without daemon where they ask the agent."""

import contextlib
import functools
import http.server
import os
import re
import shutil
import socket
import subprocess
import threading

import pytest

import build

NAME = "web.default.nomad"
PAGE = "hello from an instance\n"


def need(program):
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")


@contextlib.contextmanager
def web_server(folder):
    """A web server on loopback that serves a folder; its port."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    handler.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(params=["daemon", "alone"])
def put(request, host):
    """put(port) makes NAME lead to that port of 127.0.0.1: published by the daemon, or known to the agent alone."""
    if request.param == "daemon":
        return lambda port: host.publish("default", "web", f"127.0.0.1 {port}")
    agent = request.getfixturevalue("agent")
    return lambda port: agent.register("web", address="127.0.0.1", port=port)


@pytest.mark.plain      # with libasan preloaded, curl and git hang in setlocale(), before any lookup
def test_curl(host, put, folder):
    """curl fetches a page from a service by its name, past a proxy for others."""
    need("curl")
    (folder / "index.html").write_text(PAGE)
    with web_server(folder) as port:
        put(port)
        done = host.run(["curl", "-sS", "--noproxy", "*", f"http://{NAME}:{port}/"])
    assert (done.code, done.out) == (0, PAGE), done.err


@pytest.mark.plain
def test_curl_says_that_it_cannot_resolve(host):
    """curl says "Could not resolve host" (6) for an unknown service."""
    need("curl")
    host.publish("default", "other", "127.0.0.1 80")
    assert host.run(["curl", "-sS", f"http://{NAME}/"]).code == 6


@pytest.mark.plain
def test_git(host, put, folder):
    """git clones over http from a service by its name."""
    need("git")
    origin = folder / "origin.git"
    script = """
        set -e
        git init -q "$1/work" && cd "$1/work"
        git -c user.name=t -c user.email=t@example.org commit -q --allow-empty -m first
        git clone -q --bare "$1/work" "$2" && git -C "$2" update-server-info"""
    subprocess.run(["sh", "-c", script, "sh", folder, origin], check=True, env={**os.environ, "HOME": str(folder)})
    with web_server(folder) as port:
        put(port)
        done = host.run(["git", "ls-remote", f"http://{NAME}:{port}/origin.git"])
    assert done.code == 0, done.err
    assert "refs/heads/" in done.out


# Unpacked, not installed: tests/unpack.sh. From OpenSSH 9.8 on it runs programs of its own.
UNPACKED = build.ROOT / "build/unpacked"
SSHD_CONFIG = """\
HostKey /tmp/ssh/host
AuthorizedKeysFile /tmp/ssh/user.pub
PidFile none
UsePAM no
StrictModes no
"""


@contextlib.contextmanager
def ssh_server(host):
    """A real sshd for one connection, on loopback; its port. Keys are in /tmp/ssh."""
    host.path("/tmp/ssh").mkdir(mode=0o700)
    for key in ("host", "user"):
        assert host.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"/tmp/ssh/{key}"]).code == 0
    parts = [f"{key} {UNPACKED / name}\n" for key, name in (("SshdSessionPath", "sshd-session"), ("SshdAuthPath", "sshd-auth"))
             if (UNPACKED / name).exists()]
    host.write("/tmp/ssh/config", SSHD_CONFIG + "".join(parts))
    users = host.path("/etc/passwd")
    if not re.search("^sshd:", users.read_text(), re.M):
        users.write_text(users.read_text() + "sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve():
            with contextlib.suppress(OSError):
                line = listener.accept()[0]
                with line:
                    host.start([UNPACKED / "sshd", "-i", "-f", "/tmp/ssh/config"], stdin=line, stdout=line,
                               stderr=subprocess.DEVNULL).wait()
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.mark.root
@pytest.mark.plain      # sshd gives the LD_PRELOAD that they need to nobody
def test_ssh(host, put):
    """ssh logs in to a real sshd by the service's name, and the remote command runs."""
    need("ssh")
    if not (UNPACKED / "sshd").exists():
        pytest.skip("there is no sshd: tests/unpack.sh build/unpacked openssh-server sshd sshd-session sshd-auth")
    with ssh_server(host) as port:
        put(port)
        done = host.run(["ssh", "-F", "none", "-i", "/tmp/ssh/user", "-p", port, "-o", "BatchMode=yes",
                         "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
                         f"root@{NAME}", "echo", "in"])
    assert (done.code, done.out) == (0, "in\n"), done.err


def test_python(host, put):
    """python3's socket.getaddrinfo() and socket.gethostbyname()."""
    put(8080)
    script = ("import socket, sys; name = sys.argv[1];"
              "print(socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)[0][4][0], socket.gethostbyname(name),"
              "socket.gethostbyname_ex(name)[2])")
    done = host.run(["/usr/bin/python3", "-c", script, NAME])
    assert done.out == "127.0.0.1 127.0.0.1 ['127.0.0.1']\n", done.err


def test_python_errors(host):
    """python3 tells "no such name" (EAI_NONAME) from "cannot tell" (EAI_AGAIN)."""
    script = ("import socket, sys\n"
              "try: socket.getaddrinfo(sys.argv[1], 80)\n"
              "except socket.gaierror as error: print(error.errno == getattr(socket, sys.argv[2]))")
    assert host.run(["/usr/bin/python3", "-c", script, NAME, "EAI_AGAIN"]).out == "True\n"
    host.publish("default", "other", "192.0.2.1 80")
    assert host.run(["/usr/bin/python3", "-c", script, NAME, "EAI_NONAME"]).out == "True\n"


def test_perl(host, put):
    """perl's gethostbyname() and Socket's getaddrinfo()."""
    need("perl")
    put(8080)
    script = ('use Socket qw(:DEFAULT getaddrinfo inet_ntoa); my ($error, @found) = getaddrinfo($ARGV[0], 80);'
              'print join(" ", inet_ntoa(scalar gethostbyname($ARGV[0])), $error ? "failed" : scalar(@found) > 0), "\\n"')
    done = host.run(["perl", "-e", script, NAME])
    assert done.out == "127.0.0.1 1\n", done.err


@pytest.fixture(scope="session")
def cgo_program(stage):
    """tests/tools/cgo.go, built; its path in a host. What Go compiles for it stays in the build folder."""
    need("go")
    program = build.folder() / "tests/tools/cgo"
    environment = {**os.environ, "CGO_ENABLED": "1", "GOCACHE": str(build.ROOT / "build/go"), "GOFLAGS": "-mod=mod",
                   "GO111MODULE": "off", "GOTOOLCHAIN": "local"}
    with build.alone():
        subprocess.run(["go", "build", "-o", program, build.ROOT / "tests/tools/cgo.go"], check=True, env=environment,
                       capture_output=True)
    return "/run/tools/cgo"


def test_cgo(host, put, cgo_program):
    """A Go program that was built with cgo."""
    put(8080)
    done = host.run([cgo_program, NAME], env={"GODEBUG": "netdns=cgo"})
    assert (done.code, done.out) == (0, "127.0.0.1\n"), done


def test_cgo_by_itself(host, put, cgo_program):
    """Go chooses cgo by itself where the hosts line names a module that it does not know."""
    put(8080)
    done = host.run([cgo_program, NAME])
    assert (done.code, done.out) == (0, "127.0.0.1\n"), done


@pytest.mark.root
@pytest.mark.plain
def test_su(host, put):
    """A program started through su, as another user and with a clean environment."""
    put(8080)
    done = host.run(["su", "-", "nobody", "-s", "/bin/sh", "-c", f"getent ahostsv4 {NAME}"])
    assert (done.code, done.out.split()[0]) == (0, "127.0.0.1"), done


@pytest.mark.root
@pytest.mark.plain
def test_setuid(host, put):
    """A program with the setuid bit, run by a user."""
    put(8080)
    assert host.run(["install", "-m", "4755", "/usr/bin/getent", "/run/getent"]).code == 0
    done = host.run(["/run/getent", "ahostsv4", NAME], user=4001)
    assert (done.code, done.out.split()[0]) == (0, "127.0.0.1"), done


@pytest.mark.root
@pytest.mark.plain
def test_setuid_ignores_the_environment(host, agent):
    """A program with the setuid bit takes no NOMAD_* from the user who runs it: neither the module nor its helper."""
    agent.register("web", address="192.0.2.1", port=80)
    assert host.run(["install", "-m", "4755", "/usr/bin/getent", "/run/getent"]).code == 0
    environment = {"NOMAD_ADDR": "http://127.0.0.1:1", "NOMAD_NAMESPACE": "prod", "NOMAD_TOKEN": "x"}
    done = host.run(["/run/getent", "ahostsv4", NAME], user=4001, env=environment)
    assert (done.code, done.out.split()[0]) == (0, "192.0.2.1"), done
    assert all("x-nomad-token" not in request["headers"] for request in agent.log())
    assert [path.name for path in host.cache(0).iterdir() if path.name.startswith("@")] == []


@pytest.mark.plain
def test_empty_environment(host, put):
    """A program without any environment."""
    put(8080)
    assert host.run(["env", "-i", "/usr/bin/getent", "ahostsv4", NAME]).out.split()[0] == "127.0.0.1"


@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "tr_TR.UTF-8"])
def test_locale(host, put, locale):
    """Whatever the locale, SERVICE is service."""
    put(8080)
    assert host.addresses("WEB.DEFAULT.SERVICE.NOMAD", env={"LC_ALL": locale, "LANG": locale}) == {"127.0.0.1"}


@pytest.mark.root
@pytest.mark.plain
def test_chroot(host):
    """In a chroot that sees the published files, names resolve."""
    host.publish("default", "web", "192.0.2.1 80")
    done = host.run(["sh", "-c", f"mkdir /tmp/root && mount --rbind / /tmp/root && $RUN chroot /tmp/root getent ahostsv4 {NAME}"])
    assert done.out.split()[0] == "192.0.2.1", done


def test_long_running_program(host):
    """A program that runs on sees each change at its next lookup, and the daemon's end: no restart, nothing kept."""
    host.publish("default", "web", "192.0.2.1 80")
    script = ("import socket, sys\n"
              "for line in sys.stdin:\n"
              "    try: print(socket.gethostbyname(line.strip()), flush=True)\n"
              "    except socket.gaierror as error: print(error.errno, flush=True)\n")
    program = host.start(["/usr/bin/python3", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask():
        program.stdin.write(NAME + "\n")
        program.stdin.flush()
        return program.stdout.readline().strip()
    assert ask() == "192.0.2.1"
    host.publish("default", "web", "192.0.2.2 80")
    assert ask() == "192.0.2.2"
    host.unpublish("default", "web")
    assert ask() in (str(socket.EAI_NONAME), str(socket.EAI_NODATA))
    host.daemon_dies()
    assert ask() == str(socket.EAI_AGAIN)
    program.stdin.close()
    assert program.wait() == 0
    program.stdout.close()
