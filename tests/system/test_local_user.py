"""The daemon's own user, taken over, makes no other user open anything but its records."""

import re
import shutil

import pytest

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
