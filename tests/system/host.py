"""A host for one test: private mounts in which the build under test is installed, while the machine stays as it is.

A holder process keeps the mount namespace until its standard input ends, that is until this process closes it or is
gone. Programs enter through nsenter; files are reached from here too, see Host.path().
"""

import dataclasses
import fcntl
import os
import pathlib
import signal
import subprocess
import threading
import time

import build

NSSWITCH = """\
passwd: files
group: files
shadow: files
hosts: files nomad [!UNAVAIL=return] dns
"""
HOSTS = "127.0.0.1 localhost\n::1 localhost\n192.0.2.99 fixed.example\n"
RESOLV = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8",
               "HOME": "/tmp"}
OURS = ("nomad-lookup", "nomad-dns-srv", "publish", "dns-serve")  # built with the sanitizers, where there are any
NEVER_RESOLVE = ("sh", "flock", "unshare", "dig")
LEAVE_WITHIN = 10   # seconds that a helper may outlive what started it: far more than its limit

# $1 the stage, $2 the tools, $3 the multiarch name, $4 "root" or "user", $5 the source tree
MOUNTS = """
set -e
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/.etc/upper /run/.etc/work /run/tools /run/sshd
mount --bind "$2" /run/tools
for folder in /usr/lib/"$3" /usr/bin /usr/sbin; do
    [ ! -d "$1$folder" ] || mount -t overlay -o lowerdir="$1$folder:$folder" overlay $folder
done
if [ "$4" = root ]; then
    mount -t overlay -o lowerdir="$1/etc:/etc",upperdir=/run/.etc/upper,workdir=/run/.etc/work overlay /etc
else    # what belongs to the machine's root cannot be written in a user namespace, also not in an overlay
    cp -r --no-preserve=ownership /etc/. "$1/etc/." /run/.etc/upper 2>/dev/null || :
    mount --bind /run/.etc/upper /etc
fi
mount -t tmpfs -o mode=755 tmpfs /var/cache
mkdir -p /var/cache/nss-nomad/root /var/cache/nss-nomad/users
chmod 700 /var/cache/nss-nomad/root
chmod 1777 /var/cache/nss-nomad/users
mkdir /run/.source
mount --bind "$5" /run/.source
mount -t tmpfs -o mode=1777 tmpfs /tmp
case $5 in
/tmp/*) mkdir -p "$5"; mount --bind /run/.source "$5" ;;   # what tests run out of the tree stays where it is
esac
echo ready
exec cat
"""


def network():
    """The number of this process's network, which is that of the hosts' programs too."""
    return os.stat("/proc/self/ns/net").st_ino


def cache_folder(user=0):
    """Where a user's records are, of those who ask from this process's network."""
    return f"/var/cache/nss-nomad/{f'users/{user}.' if user else 'root/'}{network()}"


def unit():
    """What the locks and failures of this process's control groups are named after (src/origin.c)."""
    total = 0xcbf29ce484222325
    for octet in pathlib.Path("/proc/self/cgroup").read_bytes()[:512]:
        total = (total ^ octet) * 0x100000001b3 % 2**64
    return f"{total:016x}"


@dataclasses.dataclass
class Result:
    """How a program ended."""
    code: int
    out: str
    err: str

    @property
    def lines(self):
        return self.out.splitlines()


def holder(script, *arguments, options=()):
    """A process that ran a shell script in a mount namespace of its own and now waits."""
    users = [] if os.geteuid() == 0 else ["--map-root-user"]
    process = subprocess.Popen(
        ["unshare", *users, "--mount", "--propagation", "private", *options, "sh", "-c", script, "sh", *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if process.stdout.readline() != "ready\n":
        raise RuntimeError(f"no private mounts: {process.communicate()[1]}")
    return process


def namespace_of(pid):
    """The mount namespace of a process, or None where it is gone or not ours to see."""
    try:
        return os.readlink(f"/proc/{pid}/ns/mnt")
    except OSError:
        return None


class Host:
    def __init__(self, stage):
        rights = "root" if os.geteuid() == 0 else "user"
        self.tools = pathlib.Path("/run/tools")
        self.holder = holder(MOUNTS, str(stage), str(build.folder() / "tests/tools"), build.multiarch(), rights,
                             str(build.ROOT))
        self.namespace = namespace_of(self.holder.pid)
        self.heart = None
        self.write("/etc/nsswitch.conf", NSSWITCH)
        self.write("/etc/hosts", HOSTS)
        self.write("/etc/resolv.conf", RESOLV)
        self.configure()

    # Files.

    def path(self, path):
        """A file of the host, as this process reaches it."""
        return pathlib.Path(f"/proc/{self.holder.pid}/root{path}")

    def write(self, path, text, mode=0o644):
        """Writes a file of the host."""
        file = self.path(path)
        if file.is_symlink():
            file.unlink()
        file.write_text(text)
        file.chmod(mode)

    def configure(self, **sections):
        """Writes nss-nomad.conf: configure(nomad={"address": "..."}, answers={"ttl": "1s"}); without an address
        there is no agent."""
        sections.setdefault("nomad", {}).setdefault("address", "http://127.0.0.1:1")
        self.write("/etc/nss-nomad.conf", "".join(
            f"[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())
            for section, keys in sections.items()))

    def cache(self, user=0, path=""):
        """The user's folder in the cache, or a file there."""
        return self.path(f"{cache_folder(user)}/{path}")

    # Published files.

    def publish(self, namespace, service, *instances, options=(), lines=None):
        """Publishes a service as the daemon would, which lives from now on."""
        arguments = [*options, namespace, service, *instances]
        done = self.run([self.tool("publish"), *arguments, *(["-"] if lines else [])],
                        stdin="\n".join(lines) if lines else None)
        assert done.code == 0, done
        if not self.heart:
            self.lock = self.path("/run/nomad-dns-srv/lock").open("a")      # as a daemon that runs
            fcntl.flock(self.lock, fcntl.LOCK_EX)
            self.stop_beating = threading.Event()
            self.heart = threading.Thread(target=self._beat, daemon=True)
            self.heart.start()

    def unpublish(self, namespace, service):
        """Takes a service away as the daemon would, once it is gone in Nomad."""
        done = self.run([self.tool("publish"), "-r", namespace, service])
        assert done.code == 0, done

    def _beat(self):
        """The heartbeat of a daemon that lives, more often than its own: these tests share their processors."""
        while not self.stop_beating.wait(0.5):
            os.utime(self.path("/run/nomad-dns-srv/alive"))

    def daemon_stops(self):
        """No more heartbeats; the last one is fresh for a while."""
        if self.heart:
            self.stop_beating.set()
            self.heart.join()
            self.lock.close()
            self.heart = None

    def daemon_dies(self, age=3600):
        """The heartbeat stays as old as that."""
        self.daemon_stops()
        then = time.time() - age
        os.utime(self.path("/run/nomad-dns-srv/alive"), (then, then))

    # Programs.

    def tool(self, name):
        """A program of tests/tools."""
        return str(self.tools / name)

    def start(self, command, user=0, env=None, enter=(), **popen):
        """Starts a program in the host, as a user by number; its environment is ENVIRONMENT and `env` alone."""
        environment = dict(ENVIRONMENT)
        if build.SAN and os.path.basename(str(command[0])) not in OURS:
            runtime = {"LD_PRELOAD": build.preload(), "ASAN_OPTIONS": "detect_leaks=0",
                       "TSAN_OPTIONS": "die_after_fork=0"}
            # A shell does not resolve: with the thread sanitizer's runtime it dies where it forks. What it starts and
            # loads the module says `$RUN getent`.
            silent = os.path.basename(str(command[0])) in NEVER_RESOLVE
            environment.update({"RUN": " ".join(["env", *map("=".join, runtime.items())])} if silent else runtime)
        environment.update(env or {})
        namespaces = ["--mount"] if os.geteuid() == 0 else ["--user", "--preserve-credentials", "--mount"]
        identity = [f"--setuid={user}", f"--setgid={user}"] if user else []
        fixed_addresses = ["setarch", "-R"] if "thread" in build.SAN else []     # or its shadow does not fit
        return subprocess.Popen(
            ["nsenter", f"--target={self.holder.pid}", *namespaces, *identity, "--", *fixed_addresses,
             *map(str, command)], env=environment, **popen)

    def run(self, command, user=0, env=None, stdin=None, timeout=60, **popen):
        """Runs a program to its end; a Result."""
        text = {"text": True, "errors": "surrogateescape"}
        process = self.start(command, user, env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE, **text, **popen)
        try:
            out, err = process.communicate(stdin, timeout=timeout)
        except subprocess.TimeoutExpired:
            for pid in self.processes():    # its children too: they hold the pipes
                os.kill(pid, signal.SIGKILL)
            process.communicate()
            raise
        return Result(process.returncode, out, err)

    def resolve(self, name, way=None, **run):
        """What glibc says of a name: {way: [code, canonical or address, ...]}, or of one way that list."""
        done = self.run([self.tool("resolve"), name, *([way] if way else [])], **run)
        assert done.code == 0, done
        answers = {line.split(" ")[0]: line.split(" ")[1:] for line in done.lines}
        return answers[way] if way else answers

    def addresses(self, name, **run):
        """The addresses of a name as a set, empty where it has none."""
        code, *addresses = self.resolve(name, "unspec", **run)
        return set(addresses) if code == "OK" else set()

    def code(self, name, **run):
        """What getaddrinfo() says of a name: OK, EAI_..."""
        return self.resolve(name, "unspec", **run)[0]

    # The end.

    def processes(self):
        """The processes in the host but its holder, as {pid: command line}."""
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            if int(pid) == self.holder.pid or namespace_of(pid) != self.namespace:
                continue
            try:
                command = pathlib.Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
            except OSError:
                continue
            found[int(pid)] = command
        return found

    def settle(self):
        """Waits until nothing runs in the host; what still does after its time: {pid: command line}."""
        limit = time.monotonic() + LEAVE_WITHIN
        while (left := self.processes()) and time.monotonic() < limit:
            time.sleep(0.01)
        return left

    def close(self):
        """Ends the host. What still runs in it after its time is killed, and the test fails."""
        self.daemon_stops()
        left = self.settle()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        self.holder.stdin.close()
        self.holder.wait()
        self.holder.stdout.close()
        self.holder.stderr.close()
        assert not left, f"left behind: {left}"
