"""The module as a file: what it shows, what it needs, what it brings into every process."""

import re
import subprocess

import pytest

import build

ENTRIES = ["_nss_nomad_gethostbyname2_r", "_nss_nomad_gethostbyname3_r", "_nss_nomad_gethostbyname4_r",
           "_nss_nomad_gethostbyname_r"]


@pytest.fixture
def module(stage):
    return stage / "usr/lib" / build.multiarch() / "libnss_nomad.so.2"


def look(*command):
    return subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True,
                          env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"}).stdout


def dynamic(module):
    """The dynamic section as [(tag, value), ...]."""
    return re.findall(r"^ 0x[0-9a-f]+ \((\w+)\) +(.*)$", look("readelf", "-dW", module), re.MULTILINE)


def test_exports(module):
    """It exports glibc's four entry points and nothing else."""
    names = [line.split()[-1] for line in look("nm", "-D", "--defined-only", module).splitlines()]
    assert sorted(names) == ENTRIES


@pytest.mark.plain
def test_needs_libc_alone(module):
    """It links libc and no other library."""
    assert [value for tag, value in dynamic(module) if tag == "NEEDED"] == ["Shared library: [libc.so.6]"]


def test_soname(module):
    """Its soname is the name that glibc loads."""
    assert [value for tag, value in dynamic(module) if tag == "SONAME"] == ["Library soname: [libnss_nomad.so.2]"]


def test_links_at_once_and_for_good(module):
    """All symbols are bound when it is loaded, and it is never unloaded: threads may be inside."""
    flags = " ".join(value for tag, value in dynamic(module) if tag in ("FLAGS", "FLAGS_1"))
    assert {"NOW", "NODELETE"} <= set(flags.split())


@pytest.mark.plain
def test_no_thread_local_storage(module):
    """It has no TLS segment: loading it never fails for want of static TLS, using it never allocates any."""
    assert not re.search(r"^ +TLS ", look("readelf", "-lW", module), re.MULTILINE)


@pytest.mark.plain
def test_no_constructor(module, folder):
    """It runs nothing when it is loaded but what the compiler puts into every library."""
    (folder / "empty.c").write_text("")
    look(build.CC, "-shared", "-fPIC", "-o", folder / "empty.so", folder / "empty.c")

    def arrays(library):
        return [(tag, value) for tag, value in dynamic(library) if tag in ("INIT_ARRAYSZ", "FINI_ARRAYSZ")]
    assert arrays(module) == arrays(folder / "empty.so")


def test_stack_is_not_executable(module):
    """Loading it does not make the stack executable, and its relocations are read-only afterwards."""
    segments = look("readelf", "-lW", module)
    assert re.search(r"^ +GNU_STACK .* RW +0x", segments, re.MULTILINE)
    assert re.search(r"^ +GNU_RELRO ", segments, re.MULTILINE)


@pytest.mark.plain
def test_no_forbidden_function(module):
    """It uses no socket, no stdio and no locale: such are what programs, sandboxes and small stacks suffer from."""
    used = {line.split()[-1].split("@")[0] for line in look("nm", "-D", "--undefined-only", module).splitlines()}
    forbidden = {"socket", "connect", "printf", "snprintf", "vsnprintf", "fopen", "fprintf", "setlocale", "strcasecmp",
                 "tolower", "getenv", "setenv", "system", "popen", "fork", "atexit", "dlopen", "pthread_create"}
    assert not {re.sub(r"^__(\w+?)_chk$", r"\1", name) for name in used} & forbidden


@pytest.mark.plain
def test_needs_an_old_glibc(module):
    """It loads with glibc 2.33, which is older than any supported Debian's."""
    versions = {tuple(map(int, found.split("."))) for found in
                re.findall(r"GLIBC_([0-9.]+)", look("nm", "-D", "--undefined-only", module))}
    assert max(versions) <= (2, 34)
