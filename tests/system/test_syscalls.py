"""What a lookup costs the program: the system calls inside the module, counted with strace between two marks."""

import re
import shutil

import pytest

import host as hosts

MARK = re.compile(r"getpgid\(123456789[01]\)")    # of tests/tools/direct.c

pytestmark = [pytest.mark.plain,
              pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")]


def trace(host, name, function="4", **run):
    """What strace wrote between the marks, a line a call, and the status."""
    done = host.run(["strace", "-o", "/tmp/trace", host.tool("direct"), name, function], **run)
    assert done.code == 0, done
    lines = host.path("/tmp/trace").read_text().splitlines()
    marks = [number for number, line in enumerate(lines) if MARK.match(line)]
    assert len(marks) == 2
    return lines[marks[0] + 1:marks[1]], done.out.split()[0]


def calls(host, name, function="4"):
    """The names of the system calls between the marks, in order, and the status."""
    lines, status = trace(host, name, function)
    return [line.split("(")[0] for line in lines], status


@pytest.mark.parametrize("function", ["4", "3-inet", "2-inet6", "1"])
@pytest.mark.parametrize("name", ["www.example", "nomad.example", "webnomad", "a" * 300, ".", "x.nomad.org."], ids=range(6))
def test_foreign_name(host, name, function):
    """Somebody else's name: not one system call."""
    host.publish("default", "web", "192.0.2.1 80")
    assert calls(host, name, function) == ([], "UNAVAIL")


@pytest.mark.parametrize("name, most", [("web.default.nomad", 5), ("web.nomad", 6), ("WEB.Default.Nomad.", 5),
                                        ("192-0-2-1.web.default.nomad", 5), ("web.default.service.nomad", 6)])
@pytest.mark.parametrize("function", ["4", "3-inet"])
def test_published_hit(host, name, most, function):
    """A hit in the published files: at most 5 system calls, and one for a link of the daemon's, which is read instead of
    followed."""
    host.publish("default", "web", "192.0.2.1 80", "192.0.2.2 80")
    made, status = calls(host, name, function)
    assert status == "SUCCESS"
    assert len(made) <= most, made


@pytest.mark.parametrize("instances", [1, 1000])
def test_published_hit_reads_once(host, instances):
    """It stays at 5 with a thousand instances and long tags: one read takes the addresses."""
    tag = "t" * 200
    host.publish("default", "web", lines=[f"10.0.{n // 250}.{n % 250 + 1} 80 {tag}{n}" for n in range(instances)])
    made, status = calls(host, "web.default.nomad")
    assert status == "SUCCESS"
    assert len(made) <= 5, made


@pytest.mark.parametrize("name, most", [("other.default.nomad", 3), ("other.nomad", 5),
                                        ("other.no-such-namespace.nomad", 4)])
def test_unknown_name(host, name, most):
    """An unknown name with the daemon alive: at most 3 system calls, one for the link to the default namespace, and one for
    whether there is a namespace of that name."""
    host.publish("default", "web", "192.0.2.1 80")
    made, status = calls(host, name)
    assert status == "NOTFOUND"
    assert len(made) <= most, made


def test_impossible_name(host):
    """A name under .nomad of no form: not one system call, it cannot exist."""
    assert calls(host, "a.b.c.d.e.f.nomad") == ([], "NOTFOUND")


def keep(host, *arguments):
    """Puts a record into root's cache by hand."""
    folder = host.cache(0)
    folder.mkdir(mode=0o700)
    (folder / "default").mkdir()
    done = host.run([host.tool("publish"), "-f", f"{hosts.cache_folder()}/default/web", *arguments])
    assert done.code == 0, done


def test_cache_hit(host):
    """A hit in the user's cache, without daemon: at most 8 system calls, one of which asks in which network this is."""
    keep(host, "default", "web", "192.0.2.1 80", "2001:db8::1 80")
    made, status = calls(host, "web.default.nomad")
    assert status == "SUCCESS"
    assert len(made) <= 8, made


def test_cached_negative_answer(host):
    """"No such name" from the cache costs no more."""
    keep(host, "-v", "no-name", "default", "web")
    made, status = calls(host, "web.default.nomad")
    assert status == "NOTFOUND"
    assert len(made) <= 8, made


@pytest.mark.parametrize("name, status", [("web.default.nomad", "SUCCESS"), ("web.nomad", "SUCCESS"),
                                          ("kept.default.nomad", "NOTFOUND"), ("x.y.nomad", "NOTFOUND")])
@pytest.mark.parametrize("alive", [True, False])
def test_no_descriptor_stays_open(host, name, status, alive):
    """Whatever a lookup opens it opens with O_CLOEXEC and closes: hits, misses, and with the helper."""
    keep(host, "default", "web", "192.0.2.1 80")
    host.publish("default", "web", "192.0.2.1 80")
    if not alive:
        host.daemon_dies()
        status = status if name == "web.default.nomad" else "TRYAGAIN"
    lines, found = trace(host, name)
    opened = [line for line in lines if re.match(r"open|pipe|socket|dup|fcntl.*F_DUPFD", line) and " = -1" not in line]
    assert found == status
    assert all("CLOEXEC" in line for line in opened)
    numbers = sorted(number for line in opened
                     for number in re.findall(r"(\d+)[],]" if line.startswith("pipe") else r"= (\d+)$", line))
    assert numbers == sorted(re.findall(r"^close\((\d+)\)", "\n".join(lines), re.MULTILINE))


def test_cost_does_not_grow_with_the_catalogue(host):
    """The same calls for one service among a thousand as for one alone."""
    host.publish("default", "web", "192.0.2.1 80")
    alone, _ = calls(host, "web.default.nomad")
    folder = host.path("/run/nomad-dns-srv/services/default")
    record = (folder / "web").read_bytes()
    for number in range(1000):
        (folder / f"service-{number}").write_bytes(record)
    assert calls(host, "web.default.nomad")[0] == alone
