"""A fresh Debian root for one test: an overlay on an unpacked minimal system, in private mounts.

The unpacked system comes out of a tarball that mmdebstrap makes once (build/deb/root-*.tar), with what the packages
depend on: installing them needs no network.
"""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess

import build
import host

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/root",
               "DEBIAN_FRONTEND": "noninteractive"}
# With which Debian can be reached; the tests have a network of their own.
NETWORK = os.open("/proc/self/ns/net", os.O_RDONLY)
# What dpkg, apt, ldconfig, man-db and a systemd that runs keep for themselves, and what useradd's kin leave as their
# own backup.
NOT_OURS = re.compile(r"/(dev|proc|sys|tmp|debs)(/|$)|/var/(log|lib/dpkg|lib/apt|cache/(apt|ldconfig|man))(/|$)|"
                      r"/run/systemd(/|$)|/var/lib/systemd/deb-systemd-helper-|"
                      r"/etc/(passwd|group|shadow|gshadow|subuid|subgid)-$|/etc/\.pwd\.lock$|/var/cache/debconf/|/root/")
MAKE_WITHIN = 480   # seconds for a minimal system; 20 to 90 are usual
RUN_WITHIN = 120    # seconds for a program in a root
LEAVE_WITHIN = 10   # seconds that a process may outlive what started it

# $1 the unpacked system, $2 a mount point, $3 the folder with the packages
MOUNTS = """
set -e
mount -t tmpfs -o mode=755 tmpfs "$2"
mkdir "$2/upper" "$2/work" "$2/root"
mount -t overlay -o lowerdir="$1",upperdir="$2/upper",workdir="$2/work" overlay "$2/root"
mount --rbind /dev "$2/root/dev"
mount -t proc proc "$2/root/proc"
mount -t tmpfs -o mode=755 tmpfs "$2/root/run"
mkdir "$2/root/debs"
mount --bind "$3" "$2/root/debs"
echo ready
exec cat
"""


def wait_for_end(pid, seconds):
    """Waits until a process has ended, or that long."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        select.select([process], [], [], seconds)
    finally:
        os.close(process)


def codename():
    """This machine's release, on which the packages are built."""
    return re.search(r"^VERSION_CODENAME=(\w+)", pathlib.Path("/etc/os-release").read_text(), re.M)[1]


def dependencies(packages):
    """What the packages need besides themselves: the first of each choice."""
    names = set()
    for package in packages:
        done = subprocess.run(["dpkg-deb", "-f", package, "Pre-Depends", "Depends"], check=True, capture_output=True,
                              text=True)
        names |= {re.match(r"[\w.+-]+", choice.strip())[0]
                  for line in done.stdout.splitlines() for choice in line.partition(":")[2].split(",")}
    return sorted(names - {package.name.partition("_")[0] for package in packages})


class Impossible(Exception):
    """No root can be made on this machine now."""


def mirror():
    """Where this machine has its Debian from, as arguments for mmdebstrap; none where apt does not know."""
    done = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages",
                           f"Codename: {codename()}"], capture_output=True, text=True)
    return done.stdout.split()[:1]


def make(tarball, suite, include, architectures):
    """Makes a minimal system with mmdebstrap; why it could not, or nothing."""
    part = tarball.with_suffix(".part.tar")
    if not shutil.which("mmdebstrap"):
        return "no mmdebstrap; run: sudo tests/setup.sh check-deb"
    try:
        done = subprocess.run(["nsenter", f"--net=/proc/{os.getpid()}/fd/{NETWORK}", "mmdebstrap", "--quiet",
                               "--variant=minbase", f"--architectures={architectures}",
                               f"--include={','.join(include)}", suite, str(part), *mirror()], capture_output=True,
                              text=True, timeout=MAKE_WITHIN)
    except subprocess.TimeoutExpired:
        return f"mmdebstrap was not done within {MAKE_WITHIN} s"
    if done.returncode == 0:
        part.rename(tarball)
        return None
    return "mmdebstrap: " + " ".join(re.findall(r"^E: (.*)", done.stderr, re.M)[:3] or done.stderr.split("\n")[-2:])


def system(suite, include, architectures):
    """The tarball of a minimal system with these packages, which is made where there is none yet."""
    key = hashlib.sha256(f"{include} {architectures}".encode()).hexdigest()[:12]
    tarball = build.ROOT / "build" / "deb" / f"root-{suite}-{key}.tar"
    tarball.parent.mkdir(parents=True, exist_ok=True)
    with open(tarball.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not tarball.exists() and (reason := make(tarball, suite, include, architectures)):
            raise Impossible(reason)
    return tarball


def unpack(tarball, folder):
    folder.mkdir()
    subprocess.run(["tar", "-xp", "--numeric-owner", "-f", str(tarball), "-C", str(folder)], check=True)


def architecture():
    """This machine's, by Debian's name."""
    return subprocess.run(["dpkg", "--print-architecture"], check=True, capture_output=True, text=True).stdout.strip()


def system_for(packages):
    """The system that the packages are installed in, with nscd, which no test but its own starts; on amd64 with what a
    32-bit program needs, where that can be had."""
    include = [*dependencies(packages), "nscd"]
    if architecture() == "amd64":
        with contextlib.suppress(Impossible):
            return system(codename(), [*include, "libc6:i386"], "amd64,i386")
    return system(codename(), include, architecture())


def system_to_build_in(suite):
    """A system that can build the packages, and run them."""
    control = (build.ROOT / "debian/control").read_text()
    field = re.search(r"^Build-Depends: (.*?)^\S", control, re.M | re.S)[1]
    names = [re.match(r"[\w.+-]+", choice.strip())[0] for choice in field.split(",")]
    return system(suite, ["build-essential", *names, "systemd"], architecture())


class Root:
    def __init__(self, base, folder, debs):
        self.folder = folder
        self.holder = host.holder(MOUNTS, str(base), str(folder), str(debs))
        self.init = None    # the process 1 of the root, where systemd runs in it: booted.py
        self.namespace = host.namespace_of(self.holder.pid)
        self.path("/etc/hosts").write_text("127.0.0.1 localhost\n")

    def path(self, path):
        """A file of the root, as this process reaches it."""
        return pathlib.Path(f"/proc/{self.holder.pid}/root{self.folder}/root{path}")

    def inside(self, command):
        enter = (["nsenter", f"--target={self.init}", "--mount", "--pid"] if self.init else
                 ["nsenter", f"--target={self.holder.pid}", "--mount", "chroot", f"{self.folder}/root"])
        return [*enter, *map(str, command)]

    def start(self, *command, **environment):
        """Starts a program in the root."""
        return subprocess.Popen(self.inside(command), env={**ENVIRONMENT, **environment}, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def run(self, *command, code=0, within=RUN_WITHIN):
        """Runs a program in the root to its end; what it said."""
        done = subprocess.run(self.inside(command), env=ENVIRONMENT, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=within)
        assert done.returncode == code, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def code(self, *command):
        """The exit status of a program in the root."""
        return subprocess.run(self.inside(command), env=ENVIRONMENT, capture_output=True, stdin=subprocess.DEVNULL,
                              timeout=RUN_WITHIN).returncode

    def install(self, packages, *options, named=None):
        """Installs or upgrades packages, files of the folder /debs, with apt, on a host of that name."""
        host_name = ["unshare", "--uts", "sh", "-ec", 'echo "$0" >/proc/sys/kernel/hostname; exec "$@"', named]
        return self.run(*(host_name if named else []),
                        "apt-get", "-qq", "-y", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confold",
                        "-o", "Dpkg::Use-Pty=0", "install", *options, *(f"/debs/{package.name}" for package in packages))

    def dpkg(self, action, packages):
        """dpkg --remove or --purge, by the names of package files; the module, which needs the others, first."""
        return self.run("dpkg", f"--{action}", *(package.name.partition("_")[0] for package in packages))

    def hosts_line(self):
        """The hosts line of nsswitch.conf, its blanks as one each."""
        lines = re.findall(r"^hosts:.*$", self.path("/etc/nsswitch.conf").read_text(), re.M)
        assert len(lines) == 1
        return " ".join(lines[0].split())

    def set_hosts_line(self, line):
        file = self.path("/etc/nsswitch.conf")
        file.write_text(re.sub(r"^hosts:.*$", line, file.read_text(), flags=re.M))

    def snapshot(self):
        """All files but those of NOT_OURS: {path: (mode, owner, group, content or where it leads)}."""
        found, top = {}, str(self.path(""))
        for folder, folders, files in os.walk(top):
            where = folder[len(top):]
            folders[:] = [name for name in folders if not NOT_OURS.search(f"{where}/{name}")]
            for name in [*folders, *files]:
                path = f"{where}/{name}"
                if NOT_OURS.search(path):
                    continue
                status = os.lstat(folder + "/" + name)
                content = None
                if os.path.islink(folder + "/" + name):
                    content = os.readlink(folder + "/" + name)
                elif os.path.isfile(folder + "/" + name):
                    content = hashlib.sha256(pathlib.Path(folder, name).read_bytes()).digest()
                found[path] = (status.st_mode, status.st_uid, status.st_gid, content)
        return found

    def processes(self):
        """The processes in the root."""
        return [pid for pid in filter(str.isdigit, os.listdir("/proc"))
                if int(pid) != self.holder.pid and host.namespace_of(pid) == self.namespace]

    def close(self):
        """Ends the root; what still runs in it is killed, and the test fails."""
        for pid in self.processes():
            wait_for_end(int(pid), LEAVE_WITHIN)
        left = self.processes()
        for pid in left:
            os.kill(int(pid), signal.SIGKILL)
        self.holder.stdin.close()
        self.holder.wait()
        self.holder.stdout.close()
        self.holder.stderr.close()
        assert not left, f"left behind: {left}"


def differences(before, after):
    """What is not the same in two snapshots."""
    return {path: (before.get(path, "missing")[:3], after.get(path, "missing")[:3])
            for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
