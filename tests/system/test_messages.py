"""Each message says what is wrong, with what, and what to do about it: a mistake a row, and the words that must come."""

import contextlib
import json
import os
import re
import socket
import subprocess
import threading

import pytest

import build
from daemon import daemon, wait_until               # noqa: F401 (a fixture)
from doctor import examine
from standin import client
from test_transport import certificates, secure     # noqa: F401 (fixtures)

NAME = "web.default.nomad"
USER = 4001
SAID_NEVER = ("do not agree on TLS", "lets this token", "and this side", "denies it", "goes on to hold", "is no option",
              "another program does", "?;", "??")

EXPIRED = """
set -e
cd "$1"
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=expired -keyout expired.key -out expired.csr
printf 'subjectAltName=IP:127.0.0.1' >expired.ext
openssl x509 -req -in expired.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days -1 -extfile expired.ext -out expired.pem
"""


def explain(host, **run):
    done = host.run(["nomad-lookup", "--explain", NAME], **run)
    return done.out + done.err


def says(text, *words):
    """Asserts that all words are in the text, and none of those that no message uses."""
    for word in words:
        assert re.search(word, text), f"{word!r} not in: {text}"
    for word in SAID_NEVER:
        assert word not in text, text


@contextlib.contextmanager
def listening(port=0, answer=b""):
    """Something that is not Nomad's HTTP API: says that and closes each connection; its port."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        connection.recv(16)
                        connection.sendall(answer)
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_an_expired_certificate(secure, certificates, host):
    """1: renewed on the agent, and not "set ca-file"."""
    if not (certificates / "expired.pem").exists():
        subprocess.run(["sh", "-c", EXPIRED, "sh", certificates], check=True, capture_output=True)
    url = secure("expired").url
    host.configure(nomad={"address": url, "ca-file": "/tmp/tls/ca.pem"})
    told = explain(host)
    says(told, rf"the certificate of {url} expired on 20\d\d-\d\d-\d\d; renew it on the agent")
    assert "set ca-file" not in told
    assert "set ca-file" not in examine(host)["agent"][2]


@pytest.mark.root
def test_a_key_that_is_not_readable(secure, host):
    """2: its mode and owner."""
    host.path("/tmp/tls/client.key").chmod(0o600)
    host.configure(nomad={"address": secure().url, "ca-file": "/tmp/tls/ca.pem", "cert-file": "/tmp/tls/client.pem",
                          "key-file": "/tmp/tls/client.key"})
    says(explain(host, user=USER), r"cannot read key-file /tmp/tls/client.key: Permission denied \(mode 0600, owner root",
         "run nomad-dns-srv, which alone then needs it")


TLS_FILES = [
    (3, "ca-file", "/tmp/tls/none.pem", None, "cannot read ca-file /tmp/tls/none.pem: No such file or directory"),
    (3, "ca-file", "/tmp/tls/junk.pem", "junk\n", "ca-file /tmp/tls/junk.pem holds no certificate in PEM"),
    (3, "ca-file", "/tmp/tls", None, "ca-file /tmp/tls is not a file"),
    (3, "cert-file", "/tmp/tls/junk.pem", "junk\n", "cert-file /tmp/tls/junk.pem holds no certificate in PEM"),
    (4, "key-file", "/tmp/tls/junk.pem", "junk\n", "key-file /tmp/tls/junk.pem holds no private key in PEM"),
    (4, "key-file", "/tmp/tls/none.pem", None, "cannot read key-file /tmp/tls/none.pem: No such file or directory"),
]


@pytest.mark.parametrize("row, key, path, text, wanted", TLS_FILES)
def test_a_file_for_tls(secure, host, row, key, path, text, wanted):
    """3, 4: missing, something else and unreadable are told apart."""
    if text:
        host.write(path, text)
    files = {"ca-file": "/tmp/tls/ca.pem", "cert-file": "/tmp/tls/client.pem", "key-file": "/tmp/tls/client.key"}
    host.configure(nomad={"address": secure().url, **files, key: path})
    says(explain(host), wanted)


@pytest.mark.root
def test_an_authority_that_is_not_readable(secure, host):
    """3: a certificate is not a secret."""
    host.path("/tmp/tls/ca.pem").chmod(0o600)
    host.configure(nomad={"address": secure().url, "ca-file": "/tmp/tls/ca.pem"})
    says(explain(host, user=USER), r"cannot read ca-file /tmp/tls/ca.pem: Permission denied \(mode 0600", "chmod 644 it")


def test_the_key_of_another_certificate(secure, certificates, host):
    """4."""
    host.write("/tmp/tls/client.key", (certificates / "local.key").read_text())
    host.configure(nomad={"address": secure().url, "ca-file": "/tmp/tls/ca.pem", "cert-file": "/tmp/tls/client.pem",
                          "key-file": "/tmp/tls/client.key"})
    says(explain(host), "key-file /tmp/tls/client.key does not belong to cert-file /tmp/tls/client.pem")


def test_acls_and_no_token(agent, host):
    """5."""
    agent.register("web", address="192.0.2.1")
    agent.tokens({"t": {"namespaces": ["default"]}, "": {}})
    host.configure(nomad={"address": agent.url})
    says(explain(host), "no token is configured; set token-file")
    says(examine(host)["token"][1], "no token is configured: set token-file")


@pytest.mark.root
def test_a_token_that_the_daemon_cannot_read(agent, host, daemon):
    """6: the daemon is not told to run the daemon."""
    host.write("/etc/token", "t\n", 0o600)
    host.path("/run/nomad-dns-srv").mkdir(exist_ok=True)
    os.chown(host.path("/run/nomad-dns-srv"), USER, USER)
    host.configure(nomad={"address": agent.url, "token-file": "/etc/token"})
    done = host.run(["nomad-dns-srv", "--listen", ""], user=USER)
    assert done.code == 1
    says(done.err, r"cannot read token-file /etc/token: Permission denied \(mode 0600, owner root",
         "chown root:nomad-dns-srv and chmod 640 it, or move it to /etc/nss-nomad.token")
    assert "run nomad-dns-srv" not in done.err


def test_a_token_file_that_is_missing(agent, host):
    """7."""
    host.configure(nomad={"address": agent.url, "token-file": "/etc/none"})
    state, finding, remedy = examine(host)["token"]
    says(finding, "cannot read token-file /etc/none: No such file or directory; create it")
    says(remedy, "nomad acl token create")


def test_a_socket_that_is_missing(host):
    """8: by its own error, and not by a port that was not asked for."""
    host.configure(nomad={"address": "unix:///run/none.sock"})
    told = explain(host)
    says(told, r"cannot reach unix:///run/none.sock \(no such file or directory\): is that the path of the task's api.sock\?")
    assert "port 80" not in told


@pytest.mark.root
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_rpc_port(host, scheme):
    """9."""
    with listening(4647) as port:
        host.configure(nomad={"address": f"{scheme}://127.0.0.1:{port}"})
        told = explain(host)
        remedy = examine(host)["agent"][2]
    says(told, "does not speak HTTP: 4647 is Nomad's RPC port, its HTTP API is on 4646")
    assert "http_max_conns" not in told + remedy


@pytest.mark.parametrize("answer, wanted", [(b"", "is not Nomad's HTTP API"), (b"SSH-2.0-x\r\n", "is the address right")])
def test_a_port_of_something_else(host, answer, wanted):
    """9."""
    with listening(answer=answer) as port:
        host.configure(nomad={"address": f"http://127.0.0.1:{port}"})
        says(explain(host), wanted)
        says(examine(host)["agent"][2], "address")


def test_an_agent_that_does_not_run(host, daemon):
    """32: short, and without libcurl's words."""
    told = explain(host)
    says(told, r"cannot reach http://127.0.0.1:1 \(connection refused\): is the agent running\?")
    daemon.start()
    wait_until(lambda: "cannot reach" in daemon.log)
    says(daemon.log, r"cannot reach http://127.0.0.1:1 \(connection refused\): is the agent running\? Nothing is known yet; "
         "lookups ask Nomad themselves")
    assert "Failed to connect" not in told + daemon.log


def test_two_agents_that_do_not_run(host):
    """32: one question mark each, and nothing behind it."""
    host.configure(nomad={"address": "http://127.0.0.1:1 http://127.0.0.1:2"})
    says(explain(host), r"is the agent running\? cannot reach http://127.0.0.1:2")


@pytest.mark.root
@pytest.mark.parametrize("dir, wanted", [("/etc", "belongs to user 0, not to the daemon's user 4001"),
                                         ("/tmp/shared", "may be written by others")])
def test_a_directory_that_holds_other_things(host, dir, wanted):
    """10: is not given to the daemon."""
    host.path("/tmp/shared").mkdir()
    host.write("/tmp/shared/file", "")
    os.chown(host.path("/tmp/shared"), USER, USER)
    host.path("/tmp/shared").chmod(0o777)
    process = host.start(["nomad-dns-srv", "--listen", "", "--publish", dir], user=USER, stderr=subprocess.PIPE, text=True)
    said = process.stderr.readline()
    process.kill()
    process.communicate()
    says(said, f"{dir} {wanted}", "choose a directory that is the daemon's alone, this one holds other things")
    assert "chown" not in said and "chmod" not in said


def test_a_port_in_use(agent, daemon):
    """21: and how to see by what."""
    with listening() as port:
        daemon.options = ["--listen", f"127.0.0.1:{port}"]
        daemon.start()
        wait_until(lambda: "cannot listen" in daemon.log)
        says(daemon.log, rf"cannot listen on 127.0.0.1:{port}: Address already in use; another program listens there "
             rf"\(see: ss -lntup sport = :{port}\); stop it")


@pytest.mark.root
def test_a_second_daemon(host, daemon):
    """22: whoever's the first one is, it is named."""
    host.path("/run/nomad-dns-srv").mkdir()
    os.chown(host.path("/run/nomad-dns-srv"), USER, USER)
    first = host.start(["nomad-dns-srv", "--listen", ""], user=USER, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: daemon.status().get("pid"))
        done = host.run(["nomad-dns-srv", "--listen", ""])
        said = done.err.splitlines()[0]
        says(said, rf"another nomad-dns-srv runs \(process {first.pid}\) and publishes in /run/nomad-dns-srv; stop it")
        assert done.code == 1 and "chown" not in said
    finally:
        first.terminate()
        first.wait()


def test_addresses_that_are_empty(agent, daemon):
    """30: one line for a service, with a count."""
    agent.register_many([{"name": "odd", "address": ""} for _ in range(4)] + [{"name": "one", "address": ""}])
    daemon.start().wait("current")
    wait_until(lambda: daemon.log.count("left out") == 2, lambda: daemon.log)
    says(daemon.log, r'4 instances of service "odd" in namespace "default" are left out: the first one\'s address is empty',
         r'an instance of service "one" in namespace "default" is left out: its address is empty')


def test_a_service_whose_name_is_not_a_label(agent, daemon):
    """31."""
    agent.register("a.b", address="192.0.2.1")
    daemon.start().wait("current")
    wait_until(lambda: "left out" in daemon.log)
    says(daemon.log, r'service "a.b" in namespace "default" is left out: its name cannot be a label \(letters, digits, - and _, '
         r"at most 63\)")


@pytest.mark.root
def test_a_cache_without_room(agent, host):
    """39."""
    agent.register("web", address="192.0.2.1")
    assert host.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", "/var/cache/nss-nomad/root"]).code == 0
    host.run(["sh", "-c", "cat /dev/zero >/var/cache/nss-nomad/root/full"])
    says(explain(host), "the answer could not be kept: No space left on device")


def test_a_setting_that_needs_a_restart(agent, host, daemon):
    """42."""
    daemon.start().wait("current")
    host.configure(nomad={"address": agent.url}, daemon={"metrics": "127.0.0.1:9"})
    daemon.reload()
    wait_until(lambda: "was read again" in daemon.log)
    says(daemon.log, r"\[daemon\] metrics takes effect only at the next restart")


def test_a_reload_of_a_wrong_configuration(agent, host, daemon):
    """41: what is wrong, and what holds."""
    daemon.start().wait("current")
    host.write("/etc/nss-nomad.conf", "[nomad]\nadress = typo\n")
    daemon.reload()
    wait_until(lambda: "reload failed" in daemon.log)
    says(daemon.log, "reload failed, the previous configuration is kept: /etc/nss-nomad.conf, line 2: .*did you mean address")


def test_a_number_agrees_with_its_noun(agent, host, daemon):
    """1 service, 2 services."""
    agent.register("web", address="192.0.2.1")
    daemon.start().wait("current")
    wait_until(lambda: "follows Nomad at" in daemon.log)
    says(daemon.log + host.run(["nomad-dns-srv", "--status"]).out, "follows Nomad at .*: 1 service,", "1 service, 1 instance,")
    agent.register("db", address="192.0.2.1")
    daemon.wait_equal(agent)
    wait_until(lambda: "2 services, 2 instances," in host.run(["nomad-dns-srv", "--status"]).out)


def test_options_that_do_not_go_together(host):
    """23: are refused, with the exit status that nomad-lookup has for it."""
    for options, wanted in ((["--json"], "--json goes with --check-config or --status"),
                            (["--status", "--check-config"], "only one of --check-config and --status"),
                            (["--status", "--listen", ""], "--status goes with"), (["x"], '"x" is not an option')):
        done = host.run(["nomad-dns-srv", *options])
        assert done.code == 64, done
        says(done.err, wanted)
    assert host.run(["nomad-lookup", "--list", "--watch"]).code == 64
    assert host.run(["nomad-dns-srv", "-V"]).out == host.run(["nomad-dns-srv", "--version"]).out
    assert host.run(["nomad-dns-srv", "-h"]).out == host.run(["nomad-dns-srv", "--help"]).out


def test_the_status_as_json(agent, host, daemon):
    """23."""
    daemon.start().wait("current")
    done = host.run(["nomad-dns-srv", "--status", "--json"])
    said = json.loads(done.out)
    assert (done.code, said["ok"], said["runs"], said["status"]["state"]) == (0, True, True, "current")
    daemon.stop()
    done = host.run(["nomad-dns-srv", "--status", "-j"])
    said = json.loads(done.out)
    assert (done.code, said["ok"], said["runs"]) == (1, False, False)


@pytest.mark.parametrize("key, wanted", [("cert-file", "cert-file is set and its key is not"),
                                         ("key-file", "key-file is set and its certificate is not")])
def test_half_a_pair_for_tls(host, key, wanted):
    """24: with file and line."""
    host.write("/etc/nss-nomad.conf", f"[nomad]\n\n{key} = /etc/x.pem\n")
    says(host.run(["nomad-dns-srv", "--check-config"]).err, f"/etc/nss-nomad.conf, line 3: {wanted}")


def test_a_reload_by_systemd(host):
    """41: what the unit runs first fails where the configuration is wrong, and says why."""
    unit = (build.ROOT / "src/share/systemd/nomad-dns-srv.service").read_text()
    first, second = re.findall("^ExecReload=(.*)$", unit, re.M)
    assert "kill -HUP" in second
    assert host.run(first.split()).code == 0
    host.write("/etc/nss-nomad.conf", "[nomad]\nadress = typo\n")
    done = host.run(first.split())
    assert done.code == 1
    says(done.err, "line 2: there is no key adress")


def test_a_password_that_all_can_read(agent, host, daemon):
    """19: is warned of, and not shown."""
    host.configure(nomad={"address": agent.url.replace("//", "//user:secret@")})
    state, finding, _ = examine(host)["settings"]
    daemon.start().wait("current")
    wait_until(lambda: "password" in daemon.log, lambda: daemon.log)
    for text in (finding, daemon.log):
        says(text, r"every user of this host may read the password in address in /etc/nss-nomad.conf \(mode 0644\)",
             "NOMAD_HTTP_AUTH")
        assert "secret" not in text
    assert state == "fault"
    host.path("/etc/nss-nomad.conf").chmod(0o600)
    assert examine(host)["settings"][0] == "ok"
