"""A 32-bit program beside 64-bit ones: the same published files, the same cache, one layout of the record."""

import os
import pathlib
import subprocess

import pytest

import build

WEB = ("192.0.2.10 8080 blue", "192.0.2.11 8081 green", "2001:db8::10 8080 blue")
VARIANT = pathlib.Path("build/i386")
ADDRESSES = {"192.0.2.10", "192.0.2.11", "2001:db8::10"}


def make(*words, **settings):
    """Makes for i386."""
    with build.alone():
        subprocess.run(["make", "-s", "-C", str(build.ROOT), f"B={VARIANT}", "CC=gcc -m32", "SAN=", *words],
                       check=True, env=os.environ | settings)


def compiles_for_i386(folder):
    source = folder / "empty.c"
    source.write_text("#include <stdio.h>\nint main(void) { return 0; }\n")
    return subprocess.run(["gcc", "-m32", "-o", str(folder / "empty"), str(source)], capture_output=True).returncode == 0


@pytest.fixture(scope="session")
def small(session_folder):
    """The module and the program `resolve`, built for i386."""
    folder = session_folder / "i386"
    folder.mkdir()
    if not compiles_for_i386(folder):
        pytest.skip("gcc has no i386 libraries; Debian: apt install gcc-multilib")
    made = [f"{VARIANT}/libnss_nomad.so.2", f"{VARIANT}/tests/tools/resolve"]
    make(*made)
    for name in made:
        source = build.ROOT / name
        (folder / source.name).write_bytes(source.read_bytes())
        (folder / source.name).chmod(0o755)
    return folder


@pytest.fixture
def both(host, small):
    """A host with both modules; small_addresses(name) is what a 32-bit program gets."""
    inside = host.path("/tmp/i386")
    inside.mkdir()
    for file in small.iterdir():
        (inside / file.name).write_bytes(file.read_bytes())
        (inside / file.name).chmod(0o755)

    def small_addresses(name):
        done = host.run(["/tmp/i386/resolve", name, "unspec"], env={"LD_LIBRARY_PATH": "/tmp/i386"})
        assert done.code == 0, done
        code, *addresses = done.lines[0].split()[1:]
        return set(addresses) if code == "OK" else code

    host.small_addresses = small_addresses
    return host


def test_it_is_another_architecture(small):
    """The module is a 32-bit one, and libc is all that it needs."""
    header = (small / "libnss_nomad.so.2").read_bytes()[:20]
    assert header[4] == 1 and header[18] == 3      # ELFCLASS32, EM_386
    needed = subprocess.run(["objdump", "-p", str(small / "libnss_nomad.so.2")], capture_output=True, text=True).stdout
    assert [line.split()[1] for line in needed.splitlines() if "NEEDED" in line] == ["libc.so.6"]


def test_every_source_is_one_of_a_32_bit_machine(small):
    """The daemon and the helper, too, compile without a warning for such a machine; libraries' headers are the same."""
    sources = [path.relative_to(build.ROOT) for path in build.ROOT.glob("src/**/*.c")]
    make("-j2", *(str(VARIANT / path.with_suffix(".o")) for path in sources),
         CFLAGS=f"-O0 -idirafter /usr/include/{build.multiarch()}")


def test_published_files(both):
    """What the daemon publishes answers a 32-bit program, unknown names too."""
    both.publish("default", "web", *WEB)
    assert both.small_addresses("web.default.nomad") == both.addresses("web.default.nomad") == ADDRESSES
    assert both.small_addresses("blue.web.default.nomad") == {"192.0.2.10", "2001:db8::10"}
    assert both.small_addresses("other.default.nomad") == "EAI_NONAME"


@pytest.mark.parametrize("writer", ["i386", "amd64"])
def test_cache(both, agent, writer):
    """What the one has asked for, the other reads from the cache, without Nomad."""
    agent.register_many([{"name": "web", "address": row.split()[0], "port": int(row.split()[1]),
                          "tags": row.split()[2:]} for row in WEB])
    first, second = both.small_addresses, both.addresses
    if writer == "amd64":
        first, second = second, first
    assert first("web.default.nomad") == ADDRESSES
    agent.stop_listening()
    assert second("web.default.nomad") == ADDRESSES
