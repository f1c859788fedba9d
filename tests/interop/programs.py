"""Other people's programs, set up as docs/dns.md says: resolvers that forward to us, and HAProxy."""

import contextlib
import pathlib
import re
import socket
import subprocess

import dns.exception
import dns.message
import dns.query
import dns.rcode
import pytest

from daemon import wait_until

HERE = pathlib.Path(__file__).resolve().parent
DOCUMENT = HERE.parent.parent / "docs/dns.md"
OURS = 1053     # as in the snippets
RESOLVED_PORT, DNSDIST_PORT = 5305, 5307


def snippet(program):
    """What docs/dns.md says for a program."""
    return re.search(rf"^```{program}\n(.*?)^```", DOCUMENT.read_text(), re.M | re.S)[1]


def ask(port, name, rdtype="A", tcp=False, timeout=5, **query):
    message = dns.message.make_query(name, rdtype, **query)
    return (dns.query.tcp if tcp else dns.query.udp)(message, "127.0.0.1", port=port, timeout=timeout)


@contextlib.contextmanager
def running(command, port, cwd):
    """A resolver that answers."""
    def answers():
        assert process.poll() is None, (cwd / "log").read_text()
        with contextlib.suppress(OSError, dns.exception.Timeout):
            return ask(port, "nomad", "SOA").rcode() == dns.rcode.NOERROR
        return False

    with open(cwd / "log", "w") as log, subprocess.Popen(command, stdout=log, stderr=log, cwd=cwd) as process:
        try:
            wait_until(answers, lambda: (cwd / "log").read_text(), within=30)
            yield process
        finally:
            process.terminate()


def unbound(folder):
    (folder / "unbound.conf").write_text(f"""
server:
    interface: 127.0.0.1@5301
    username: ""
    chroot: ""
    directory: "{folder}"
    pidfile: ""
    use-syslog: no
    logfile: ""
    auto-trust-anchor-file: ""
{snippet("unbound")}""")
    return ["unbound", "-d", "-c", str(folder / "unbound.conf")], 5301


def dnsmasq(folder):
    (folder / "dnsmasq.conf").write_text(
        "port=5302\nlisten-address=127.0.0.1\nno-resolv\nno-hosts\nstop-dns-rebind\nbind-interfaces\n" + snippet("dnsmasq"))
    return ["dnsmasq", "--keep-in-foreground", "--user=root", f"--conf-file={folder}/dnsmasq.conf", "--pid-file"], 5302


def named(folder):
    text = snippet("named").replace("options {", f"""options {{
    directory "{folder}";
    pid-file none;
    listen-on port 5303 {{ 127.0.0.1; }};
    listen-on-v6 {{ none; }};
    dnssec-validation auto;
    managed-keys-directory "{folder}";""")
    (folder / "named.conf").write_text("controls { };\n" + text)
    return ["named", "-g", "-c", str(folder / "named.conf")], 5303


def kresd(folder):
    (folder / "kresd.conf").write_text("net.listen('127.0.0.1', 5304)\ncache.size = 10 * MB\n" + snippet("kresd"))
    return ["kresd", "-c", str(folder / "kresd.conf"), "-n", str(folder)], 5304


def pdns(folder):
    (folder / "nomad.lua").write_text(snippet("pdns-lua"))
    (folder / "recursor.conf").write_text(f"""
local-address=127.0.0.1
local-port=5306
socket-dir={folder}
dnssec=validate
security-poll-suffix=
{snippet("pdns-recursor").replace("/etc/powerdns/nomad.lua", str(folder / "nomad.lua"))}""")
    return ["pdns_recursor", f"--config-dir={folder}", "--daemon=no", "--disable-syslog"], 5306


def dnsdist(folder):
    text = f'setLocal("127.0.0.1:{DNSDIST_PORT}")\nsetSecurityPollSuffix("")\n{snippet("dnsdist")}'
    (folder / "dnsdist.conf").write_text(text)
    return ["dnsdist", "--supervised", "--config", str(folder / "dnsdist.conf")], DNSDIST_PORT


def resolved(folder):
    """In a root's view of its own, without a message bus: it serves DNS all the same."""
    program = next((path for path in RESOLVED if path.exists()), None)
    if program is None:
        pytest.skip("there is no systemd-resolved here, and tests/unpack.sh could not get it")
    (folder / "nomad.conf").write_text(snippet("systemd-resolved"))
    (folder / "nomad.negative").write_text(snippet("resolved-negative"))
    command = ["unshare", "--mount", "sh", str(HERE / "resolved.sh"), str(program), str(folder), str(RESOLVED_PORT)]
    return command, RESOLVED_PORT


# As installed, where the machine uses it, or as unpacked.
RESOLVED = [pathlib.Path("/usr/lib/systemd/systemd-resolved"), HERE.parent.parent / "build/unpacked/systemd-resolved"]
RESOLVERS = {"unbound": unbound, "dnsmasq": dnsmasq, "named": named, "kresd": kresd, "resolved": resolved, "pdns": pdns,
             "dnsdist": dnsdist}


def records(message):
    return {str(record) for rrset in message.answer for record in rrset}


class HaProxy:
    """HAProxy with the snippet's backend, and a look at its servers."""

    def __init__(self, folder, resolvers=None, most=20, template=None):
        """With other resolvers, another number of servers or another name than the snippet's, where they are given."""
        self.path = folder / "haproxy.sock"
        text = snippet("haproxy").replace("init-addr none check", "init-addr none").replace(" 1-20 ", f" 1-{most} ")
        if template is not None:
            text = re.sub(r"(server-template web ).* resolvers", rf"\g<1>{template} resolvers", text)
        if resolvers is not None:
            text = resolvers + text[text.index("\nbackend web"):]
        (folder / "haproxy.cfg").write_text(f"""
global
    stats socket {self.path} level admin
defaults
    mode http
    timeout connect 1s
    timeout client 1s
    timeout server 1s
{text}
frontend front
    bind 127.0.0.1:5380
    default_backend web
""")
        self.process = subprocess.Popen(["haproxy", "-db", "-f", str(folder / "haproxy.cfg")], cwd=folder)

    def servers(self):
        """The (address, port) pairs of servers that it has."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(self.path))
            sock.sendall(b"show servers state web\n")
            octets = b""
            while more := sock.recv(65536):
                octets += more
        rows = [line.split() for line in octets.decode().splitlines()[2:] if line]
        return {(row[4], int(row[18])) for row in rows if row[4] != "-"}

    def wait_for(self, wanted, seconds):
        def there():
            with contextlib.suppress(OSError):
                return self.servers() == wanted
            return False

        wait_until(there, lambda: self.servers(), within=seconds)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)
