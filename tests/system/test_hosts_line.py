"""What nomad-lookup --check says of a hosts line is what glibc does with it: both are given random files, and sources that
answer as they are told. tests/tools/hosts-line.c has the rules."""

import json
import random

import pytest

from doctor import everything, examine, faults, sound      # noqa: F401 (a fixture)

SOURCES = ("nomad", "resolve", "one", "two")


@pytest.mark.parametrize("seed", [1, 2, "random"])
@pytest.mark.parametrize("what, count", [("parse", 3000), ("judge", 1000)])
def test_same_as_glibc(host, what, count, seed):
    """parse: the sources that are asked, in their order, whatever each answers, of right, wrong and odd files. judge: a
    line is called right where glibc does right whatever they answer; and what is proposed instead of any line is right."""
    seed = random.randrange(1 << 30) if seed == "random" else seed
    for source in SOURCES:
        host.path(f"/tmp/libnss_{source}.so.2").symlink_to(host.tool("hosts_module.so"))
    done = host.run([host.tool("hosts-line"), what, count, seed], env={"LD_LIBRARY_PATH": "/tmp"})
    assert done.code == 0, f"seed {seed}: {done.out}{done.err}"
    assert done.out.startswith(f"{count} compared")


@pytest.mark.parametrize("line, wanted, found", [
    ("files dns nomad", "files nomad [!UNAVAIL=return] dns", "asked for its names first"),
    ("mymachines resolve [!UNAVAIL=return] files myhostname dns",
     "mymachines nomad [!UNAVAIL=return] resolve [!UNAVAIL=return] files myhostname dns", "not on the hosts line"),
    ("files nomad dns", "files nomad [!UNAVAIL=return] dns", "dns is asked for nomad's names too"),
    ("files nomad [NOTFOUND=return] dns", "files nomad [!UNAVAIL=return] dns", "while Nomad is away"),
    ("files nomad [!SUCCESS=return] dns", "files nomad [!UNAVAIL=return] dns", "takes all other names from dns"),
    ("files nomad [UNAVAIL=return] dns", "files nomad [!UNAVAIL=return] dns", "takes all other names from dns"),
    ("files", "files nomad [!UNAVAIL=return]", "not on the hosts line"),
    ("files [NOTFOUND=return] nomad [!UNAVAIL=return] dns", "nomad [!UNAVAIL=return] files [NOTFOUND=return] dns",
     "behind files [NOTFOUND=return]"),
    ("files [NOTFOUND=merge] nomad [!UNAVAIL=return] dns", "files [NOTFOUND=merge] nomad [!UNAVAIL=return] dns", "cannot merge"),
    ("files nomad [NOTFOUND=return] [TRYAGAIN=return] dns", "files nomad [!UNAVAIL=return] dns", "dns is never asked"),
    ("files nomda [!UNAVAIL=return] dns", "files nomad [!UNAVAIL=return] dns", "did you mean nomad?"),
    ("", "files nomad [!UNAVAIL=return] dns", "finds no source"),
    ("[NOTFOUND=return] files nomad dns", "files nomad [!UNAVAIL=return] dns", "finds no source"),
    ("fiels nomad [!UNAVAIL=return] dns", "files nomad [!UNAVAIL=return] dns", "did you mean files?"),
    ("files nomad [!UNAVAIL=return] dns # comment", "files nomad [!UNAVAIL=return] dns", "no comments at the end"),
    ("files nomad [!UNAVAIL=return] dns nothing", None, "cannot load nothing, the last source"),
])
def test_hosts_line(sound, line, wanted, found):
    """2. What a line does is said, the right one is proposed, and is right. What nothing else can tell is no fault: the
    module is asked alone where the line does not lead to it."""
    sound.write("/etc/nsswitch.conf", f"passwd: files\nhosts: {line}\n")
    said = examine(sound)
    assert faults(said) == {"hosts"} and found in said["hosts"][1]
    assert said["answer"][0] == "ok" or "asked alone, the module has 2 addresses" in said["answer"][1]
    assert wanted is None or f'"hosts: {wanted}"' in said["hosts"][2]
    if wanted and "merge" not in wanted:
        sound.write("/etc/nsswitch.conf", f"passwd: files\nhosts: {wanted}\n")
        assert faults(examine(sound)) == set()


@pytest.mark.parametrize("line", [
    "nomad [!UNAVAIL = return] files dns", "files nomad [NOTFOUND=return TRYAGAIN=return] dns", "files nomad",
    "files nomad [!UNAVAIL=return] dns nomad", "nothing files nomad [ !unavail=RETURN ] dns"])
def test_hosts_line_that_is_right(sound, line):
    """2. What does the same is as right, however it is written."""
    sound.write("/etc/nsswitch.conf", f"passwd: files\nhosts: {line}\n")
    said = examine(sound)
    assert faults(said) == set() and said["answer"][0] == "ok"


def test_comment_at_the_end_is_harmful(sound):
    """2. With a comment at the end of the line glibc says of a name that is nowhere that the system failed."""
    sound.write("/etc/nsswitch.conf", "hosts: nomad [!UNAVAIL=return] files\n")
    assert sound.code("nowhere.example") == "EAI_NONAME"
    sound.write("/etc/nsswitch.conf", "hosts: nomad [!UNAVAIL=return] files # as ever\n")
    assert sound.code("nowhere.example") == "EAI_SYSTEM"
    assert "System error" in examine(sound)["hosts"][1]


@pytest.mark.parametrize("lines, state, found", [
    ("hosts: files nomad [!UNAVAIL=return] dns\n\nhosts: files dns\n", "fault", "two hosts lines in /etc/nsswitch.conf (2 and 4)"),
    ("hosts: files dns\nhosts files nomad [!UNAVAIL=return] dns\n", "note", "(2 and 3); glibc takes the last"),
    ("hosts: files\nhosts: dns\nhosts: files nomad [!UNAVAIL=return]\n", "note", "3 hosts lines"),
    ("", "fault", "there is no hosts line"),
    ("hosts: files nomad [!UNAVAIL=return] dns", "fault", "no newline at its end"),
])
def test_which_hosts_line(sound, lines, state, found):
    """2. The line that counts is the one that glibc takes, and the others are said; it resolves or does not accordingly."""
    sound.write("/etc/nsswitch.conf", "passwd: files\n" + lines)
    said = examine(sound)
    assert any(found in check["finding"] for check in everything(sound) if check["check"] == "hosts")
    assert (said["hosts"][0] == "fault") == (state == "fault") and faults(said) <= {"hosts"}
    assert (sound.code("web.default.nomad") == "OK") == (state != "fault")


def test_nsswitch_that_cannot_be_read(sound):
    """2. Users who cannot read nsswitch.conf have glibc's own default: it is said to root as well as to them."""
    sound.path("/etc/nsswitch.conf").chmod(0o600)
    said = examine(sound)
    assert faults(said) == {"hosts"} and "chmod 644" in said["hosts"][2]
    sound.path("/etc/nsswitch.conf").unlink()
    said = examine(sound)
    assert faults(said) == {"hosts"} and "hosts: files nomad" in said["hosts"][2]


@pytest.mark.root
def test_nsswitch_that_a_user_cannot_read(sound):
    sound.path("/etc/nsswitch.conf").chmod(0o600)
    said = examine(sound, user=65534)
    assert said["hosts"][0] == "fault" and "chmod 644" in said["hosts"][2]


@pytest.mark.root
@pytest.mark.parametrize("name, found", [("db1.nomad", True), ("nomad", True), ("db1.example", False)])
def test_own_name(sound, name, found):
    """A host that is called NAME.nomad needs somebody else to know its name."""
    def look():
        done = sound.run(["unshare", "--uts", "sh", "-c", f"echo {name} >/proc/sys/kernel/hostname; nomad-lookup --check --json"])
        return {check["check"]: check for check in json.loads(done.out)["checks"]}
    said = look()
    assert ("name" in said) == found and (not found or (said["name"]["state"] == "fault" and name in said["name"]["finding"]))
    sound.write("/etc/hosts", f"127.0.1.1 {name}\n")
    said = look()
    assert not found or said["name"]["state"] == "ok"


@pytest.mark.parametrize("line", ["hosts: files nomad [!UNAVAIL=retrun] dns", "passwd: files [NOTFOUND",
                                  "group: files [SUCESS=return]", "shadow: files [NOTFOUND return]"])
def test_syntax_error(sound, line):
    """3. A syntax error in nsswitch.conf, on any line: the line is named. glibc sees it as well: no user is known."""
    sound.write("/etc/nsswitch.conf", f"passwd: files\nhosts: files nomad [!UNAVAIL=return] dns\n{line}\n")
    assert sound.run(["getent", "-s", "files", "passwd", "root"]).code == 0
    assert sound.run(["getent", "passwd", "root"]).code == 2, "glibc takes that for right"
    said = examine(sound)
    assert faults(said) == {"hosts"} and "line 3" in said["hosts"][1]


@pytest.mark.parametrize("line", ["# hosts: files [x", "nonsense", "netmasks: files [x=y]",
                                  "protocols: db [NOTFOUND=return SUCCESS=continue] files", "rpc:", "passwd: files"])
def test_no_syntax_error(sound, line):
    """What glibc takes for right is right."""
    sound.write("/etc/nsswitch.conf", f"passwd: files\nhosts: files nomad [!UNAVAIL=return] dns\n{line}\n")
    assert sound.run(["getent", "passwd", "root"]).code == 0
    assert faults(examine(sound)) == set()
