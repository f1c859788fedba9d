"""Running the helper leaves no trace in the program that asks: not in its children, signals, descriptors or memory."""

import errno
import os
import pathlib
import platform
import random
import signal
import time

import pytest

import build

NAMES = [f"web-{number}.default.nomad" for number in range(64)]
ADDRESSES = [f"192.0.2.{number + 1}" for number in range(64)]


@pytest.fixture
def services(agent):
    """web-0 to web-63, one address each; nobody has asked for any yet."""
    agent.register_many([{"name": name.split(".")[0], "address": address, "port": 80}
                         for name, address in zip(NAMES, ADDRESSES)])
    return agent


def unseen(host, sort, count, **run):
    """What a sort of program says of so many lookups."""
    done = host.run([host.tool("unseen"), sort, *NAMES[:count]], **run)
    assert done.code == 0, done
    own_thread = "thread" in build.SAN      # the sanitizer starts one
    return [line for line in done.lines if not (own_thread and line == "threads changed")]


def right(count):
    return [f"OK {address}" for address in ADDRESSES[:count]]


@pytest.mark.parametrize("sort", ["plain", "handler", "ignored", "waiting", "blocked", "closed", "descriptors",
                                  "alarms"])
def test_sort_of_program(host, services, sort):
    """A program with a SIGCHLD handler, with SIGCHLD ignored, with a thread that loops on wait(-1), with all signals
    blocked, with 0 to 2 closed, with 1,000 descriptors, with a signal every millisecond: it gets right answers, and
    afterwards all is as before, no signal arrived and no child was found."""
    assert unseen(host, sort, 8) == right(8)
    assert services.counters()["total"] >= 8


@pytest.mark.parametrize("sort", ["plain", "handler", "ignored", "waiting", "blocked", "closed", "descriptors",
                                  "alarms", "threads"])
def test_when_the_agent_is_away(host, sort):
    """The same where the helper fails."""
    assert unseen(host, sort, 4) == ["EAI_AGAIN -"] * 4


# The first process of a container, which looks after no orphan, and a subreaper.
INHERITS = """
import ctypes, os, socket, sys
if sys.argv[1] == "subreaper":
    ctypes.CDLL(None).prctl(36, 1)     # PR_SET_CHILD_SUBREAPER
else:
    assert os.getpid() == 1
for name in sys.argv[2:]:
    try:
        print("OK", socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM)[0][4][0])
    except socket.gaierror as error:
        print(error.errno == socket.EAI_AGAIN and "EAI_AGAIN -")
try:
    print("a child was left:", os.waitpid(-1, os.WNOHANG))
except ChildProcessError:
    pass
"""


@pytest.mark.root
@pytest.mark.plain
@pytest.mark.parametrize("fault", [None, "hang"])
@pytest.mark.parametrize("sort", ["first", "subreaper"])
def test_program_that_inherits_orphans(host, services, sort, fault):
    """It inherits the helper, and is not left with it, whether the helper answered or had to be given up."""
    if fault:
        services.fault(fault)
    first = ["unshare", "--pid", "--fork", "--mount-proc"] if sort == "first" else []
    done = host.run([*first, "/usr/bin/python3", "-c", INHERITS, sort, *NAMES[:3]])
    assert done.lines == (["EAI_AGAIN -"] * 3 if fault else right(3)), done


def test_wait_for_all(host, services):
    """A thread that loops on wait with __WALL may meet the middle child; the lookups are right all the same."""
    assert [line for line in unseen(host, "waiting-all", 8) if line.startswith(("OK", "EAI"))] == right(8)


@pytest.mark.plain
def test_small_stacks(host, services):
    """The module needs less than a thread's smallest stack, 16 KiB, also for running the helper."""
    assert unseen(host, "small-stacks", 4) == right(4)
    assert unseen(host, "small-stacks", 4) == right(4)      # from the cache
    host.publish("default", "web-0", "192.0.2.1 80")
    assert unseen(host, "small-stacks", 1) == right(1)


PATIENT = {"timeout": "20s"}    # what is shown is no matter of time, and 64 helpers at once take a while where little is idle


def test_64_threads_at_once(host, services):
    """64 threads that ask for 64 names at the same instant."""
    host.configure(nomad={"address": services.url}, answers=PATIENT)
    assert unseen(host, "threads", 64) == right(64)


def test_forks_meanwhile(host, services):
    """Children forked while other threads look up names can look up names: no lock was left behind in them."""
    host.configure(nomad={"address": services.url}, answers=PATIENT)
    assert unseen(host, "forks", 8) == right(8)


def test_cancelled_threads(host, services):
    """Threads cancelled inside a lookup leave nothing open and nothing locked."""
    assert unseen(host, "cancelled", 4) == right(4)


def test_no_descriptor_left(host, services):
    """A program that has no descriptor left is told to try again, and its lookups work once it has some."""
    assert unseen(host, "full", 2) == ["EAI_AGAIN -"] * 2
    assert unseen(host, "plain", 2) == right(2)


@pytest.mark.plain
@pytest.mark.parametrize("mebibytes", [4, 4096])
def test_memory_is_not_copied(host, services, mebibytes):
    """However much memory a program has touched, none of it is shared with a copy: touching it again faults nowhere.
    (4 GiB, or half of what the machine has to spare.)"""
    spare = int(next(line for line in pathlib.Path("/proc/meminfo").read_text().splitlines()
                     if line.startswith("MemAvailable")).split()[1]) // 1024
    size = min(mebibytes, spare // 2)
    assert unseen(host, "memory", 4, env={"UNSEEN_MIB": str(size)}) == right(4)


@pytest.mark.plain
def test_seccomp_answers_from_published_files(host):
    """A program that may call neither socket(), nor fork, nor exec, gets answers from the published files."""
    for name, address in zip(NAMES[:2], ADDRESSES):
        host.publish("default", name.split(".")[0], f"{address} 80")
    assert unseen(host, "seccomp", 2) == right(2)


@pytest.mark.plain
def test_seccomp_answers_from_the_cache(host, services):
    """It gets answers from its user's cache too, and without any is told to try again, unharmed."""
    assert unseen(host, "plain", 2) == right(2)
    assert unseen(host, "seccomp", 3) == [*right(2), "EAI_AGAIN -"]


@pytest.mark.root
def test_read_only_root(host, services):
    """In a read-only root there is nowhere to keep an answer: each lookup asks, and is answered."""
    script = ("for place in / /etc /run /tmp /var/cache; do mount -o remount,bind,ro $place; done;"
              f"! touch /var/cache/nss-nomad/users/x 2>/dev/null && $RUN getent ahostsv4 {NAMES[0]}")
    for _ in range(2):
        done = host.run(["unshare", "--mount", "sh", "-c", script])
        assert (done.code, done.out.split()[0]) == (0, ADDRESSES[0]), done
    host.publish("default", "web-0", "192.0.2.200 80")
    assert host.run(["unshare", "--mount", "sh", "-c", script]).out.split()[0] == "192.0.2.200"


@pytest.mark.plain
def test_program_that_may_write_no_file(host, services):
    """Where the program's limit lets its helper write no file, nothing can be kept, and the answer comes all the same."""
    script = f"ulimit -f 0; exec $RUN getent ahostsv4 {NAMES[0]}"
    for _ in range(2):
        done = host.run(["sh", "-c", script])
        assert (done.code, done.out.split()[:1]) == (0, ADDRESSES[:1]), done


@pytest.mark.plain
def test_static_program(host, services):
    """A statically linked program, for which glibc loads the module too, gets the same answers."""
    done = host.run([host.tool("resolve-static"), NAMES[0], "inet"])
    assert done.lines == [f"inet OK {ADDRESSES[0]}"]


def wait_for(find, what):
    """Waits until find() gives something."""
    limit = time.monotonic() + 10
    while time.monotonic() < limit:
        if found := find():
            return found
        time.sleep(0.002)
    raise AssertionError(f"waited in vain for {what}")


def helper(host):
    """The pid of the helper at work, its program already running."""
    return wait_for(lambda: next((pid for pid, command in host.processes().items() if "--for-module" in command), None),
                    "the helper")


def status(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


@pytest.mark.parametrize("sort", ["plain", "ignored", "blocked", "descriptors", "closed"])
def test_what_the_helper_inherits(host, services, sort):
    """Whatever the program is like, its helper has descriptors 0 to 3 at most besides its own work's, no signal blocked
    or ignored, of the environment NOMAD_* alone, `/` as its folder, a session of its own, and init as its parent."""
    services.fault("hang")
    program = host.start([host.tool("unseen"), sort, NAMES[0]], env={"SECRET": "x", "NOMAD_TOKEN": "t", "LD_DEBUG": ""},
                         cwd="/usr")
    try:
        pid = helper(host)
        wait_for(lambda: services.counters()["open"] > 0, "the helper's connection")
        found = {int(name): os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")}
        variables = {variable.split("=")[0] for variable in
                     pathlib.Path(f"/proc/{pid}/environ").read_text().split("\0") if variable}
        state = status(pid)
        folder, session = os.readlink(f"/proc/{pid}/cwd"), os.getsid(pid)
    finally:
        program.kill()
        program.wait()
    assert found[0] == found[2] == "/dev/null" and found[1].startswith("pipe:")
    assert found.get(3, ".lock").endswith(".lock")
    assert len(found) < 20 and "/dev/null" not in [found[number] for number in found if number > 2]
    assert int(state["SigBlk"], 16) == 0
    assert int(state["SigIgn"], 16) == 1 << (signal.SIGXFSZ - 1)     # of its own accord: who may write no file
    assert variables == {"NOMAD_TOKEN"}
    assert (folder, session) == ("/", pid)
    assert int(state["PPid"]) != program.pid


def test_program_killed_in_the_middle(host, services):
    """The helper of a program that is killed goes on, holding the lock, and what it learns is kept: whoever asks
    next gets the answer without another request."""
    services.fault("slow", delay=0.5)
    program = host.start([host.tool("unseen"), "plain", NAMES[0]])
    helper(host)
    wait_for(lambda: services.counters()["total"] > 0, "the request")
    program.kill()
    program.wait()
    assert unseen(host, "plain", 1) == right(1)
    assert services.counters()["total"] == 1


def test_helper_killed_in_the_middle(host, services):
    """A program whose helper is killed is told to try again, and the next lookup is answered."""
    services.fault("hang", times=1)
    program = host.start([host.tool("unseen"), "handler", NAMES[0]], stdout=-1, text=True)
    pid = helper(host)
    wait_for(lambda: services.counters()["total"] > 0, "the request")
    os.kill(pid, signal.SIGKILL)
    assert program.communicate()[0].splitlines() == ["EAI_AGAIN -"]
    services.clear_faults()
    assert unseen(host, "plain", 1) == right(1)


def test_helper_is_missing(host):
    """Without the helper's program, and with one that is not executable: cannot tell; published names resolve."""
    host.run(["mount", "--bind", "/dev/null", "/usr/bin/nomad-lookup"])
    assert unseen(host, "handler", 1) == ["EAI_AGAIN -"]
    host.publish("default", "web-0", "192.0.2.1 80")
    assert unseen(host, "handler", 1) == right(1)


def talk(host, said, seconds=0):
    """From now on the helper says this, hangs for so long, and ends."""
    host.path("/tmp/talk").write_bytes(b"%d\n%s" % (seconds, said))
    host.run(["mount", "--bind", host.tool("talk"), "/usr/bin/nomad-lookup"])


LIMIT = b"\0\0\x07\xd0"      # 2 s


@pytest.mark.parametrize("said, seconds", [
    (b"", 0), (b"xxxx", 0), (bytes(100000), 0), (LIMIT, 0), (LIMIT + random.Random(1).randbytes(1000), 0),
    (LIMIT + b"nmdr\0\1\0\0" + b"\xff" * 8, 0), (b"\xff" * 4, 1)], ids=range(7))
def test_helper_talks_nonsense(host, said, seconds):
    """Whatever the helper's program says instead of an answer: cannot tell, in time, and no trace."""
    talk(host, said, seconds)
    assert unseen(host, "handler", 2) == ["EAI_AGAIN -"] * 2


def test_helper_never_answers(host):
    """A helper that says nothing at all is given up after 2 s; nobody waits longer."""
    talk(host, b"", seconds=3)
    before = time.monotonic()
    assert unseen(host, "handler", 1) == ["EAI_AGAIN -"]
    assert time.monotonic() - before < 5


# A root directory that its user owns, with the system's libraries and a nomad-lookup of his own, or of root's; and a
# program that still has root for its real user there.
JAIL = """
mkdir -p /tmp/jail/usr/bin /tmp/jail/usr/lib /tmp/jail/usr/lib64 /tmp/jail/etc /tmp/jail/dev
chown -R {owner} /tmp/jail
mount --rbind /usr/lib /tmp/jail/usr/lib
mount --rbind /usr/lib64 /tmp/jail/usr/lib64
mount --rbind /etc /tmp/jail/etc
mount --rbind /dev /tmp/jail/dev
ln -s usr/lib usr/lib64 /tmp/jail
install -o {program} {spy} /tmp/jail/usr/bin/nomad-lookup
install -m 666 /dev/null /tmp/jail/spied
"""
IN_JAIL = """
import os, socket, sys
socket.getaddrinfo("localhost", None)
os.chroot("/tmp/jail")
os.setresuid(0, 4001, 0)
try:
    print(socket.getaddrinfo("web-0.default.nomad", None))
except socket.gaierror as error:
    print(error.errno == socket.EAI_AGAIN)
"""


@pytest.mark.root
@pytest.mark.plain
@pytest.mark.parametrize("owner, program", [(4001, 4001), (0, 4001), (4001, 0)])
def test_users_own_root_directory(host, owner, program):
    """In a root directory that a user owns, or that has a program of his, a process that was root and can be again runs
    nothing of what he has put there in the place of nomad-lookup."""
    done = host.run(["sh", "-ec", JAIL.format(owner=owner, program=program, spy=host.tool("spy"))])
    assert done.code == 0, done
    done = host.run(["/usr/bin/python3", "-c", IN_JAIL])
    assert done.out == "True\n", done
    assert host.path("/tmp/jail/spied").read_text() == ""


AS_TWO = """
import os, socket
os.setresgid(0, 4001, 0)
os.setresuid(0, 4001, 0)
socket.getaddrinfo("web-0.default.nomad", None)
"""


@pytest.mark.root
@pytest.mark.plain
def test_helper_is_one_user(host, services):
    """The helper of a program that has put on another user is that one, and cannot become root again."""
    services.fault("hang", times=1)
    program = host.start(["/usr/bin/python3", "-c", AS_TWO], stderr=-1)
    try:
        state = status(helper(host))
    finally:
        program.communicate()
    assert state["Uid"].split() == state["Gid"].split() == ["4001"] * 4


@pytest.mark.plain
def test_no_clone(host, services):
    """Where the helper cannot be started, under an emulator or a filter, programs cannot tell, and --explain, which tries
    it in the module's way, says why."""
    deny = [host.tool("deny"), "clone", str(errno.EINVAL)]
    assert unseen(host, "plain", 1) == right(1)
    done = host.run([*deny, host.tool("unseen"), "plain", *NAMES[:2]])
    assert done.lines == [*right(1), "EAI_AGAIN -"]
    done = host.run([*deny, "nomad-lookup", "--explain", NAMES[2]])
    assert done.code == 0 and "cannot run /usr/bin/nomad-lookup" in done.out and "emulator" in done.out, done.out
    assert "cannot run" not in host.run(["nomad-lookup", "--explain", NAMES[2]]).out


QEMU = f"/usr/bin/qemu-{platform.machine()}-static"


@pytest.mark.plain
@pytest.mark.skipif(not os.path.exists(QEMU), reason="no qemu-user; Debian: apt install qemu-user-static")
def test_emulator(host, services):
    """The same under the emulator itself."""
    assert host.run([QEMU, host.tool("resolve"), NAMES[0], "unspec"]).lines == ["unspec EAI_AGAIN"]
    done = host.run([QEMU, "/usr/bin/nomad-lookup", "--explain", NAMES[0]])
    assert "cannot run /usr/bin/nomad-lookup" in done.out and "emulator" in done.out, done.out
