"""Fixtures of the packages' tests: the packages, a newer version of them, fresh roots. They need root."""

import contextlib
import ctypes
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "system"), str(HERE.parent)]

import pytest       # noqa: E402

import booted           # noqa: E402
import root as roots    # noqa: E402
from standin import client  # noqa: E402

CLONE_NEWNET = 0x40000000
OTHER_RELEASE = {"bookworm": "trixie", "trixie": "bookworm"}
NAMES = ("libnss-nomad", "nomad-dns-srv", "nomad-lookup")   # the one that needs others first: so they are removed


def pytest_collection_modifyitems(items):
    for item in items:
        if os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="needs root, for roots of its own"))


def needs(program, package):
    """Marks a test that is skipped where a program is not installed."""
    return pytest.mark.skipif(not shutil.which(program), reason=f"no {program}; Debian: apt install {package}")


def packages_in(folder):
    return [next(folder.glob(f"{name}_*.deb")) for name in NAMES]


def cannot_build():
    """Why this machine cannot build the packages; empty where it can."""
    if not shutil.which("dpkg-buildpackage"):
        return "no dpkg-buildpackage; run: sudo tests/setup.sh check-deb"
    done = subprocess.run(["dpkg-checkbuilddeps"], cwd=HERE.parent.parent, capture_output=True, text=True)
    return f"{done.stderr.strip()}; run: sudo tests/setup.sh check-deb" if done.returncode else ""


def build(folder, *version, **settings):
    """Builds the packages from this tree into a folder."""
    subprocess.run([str(HERE / "build.sh"), str(folder), *version], check=True, **settings)
    return packages_in(folder)


@pytest.fixture(scope="session")
def session_folder():
    with tempfile.TemporaryDirectory(prefix="nss-nomad-deb-") as name:
        yield pathlib.Path(name)


@pytest.fixture(scope="session")
def debs(session_folder):
    """The folder with both versions, which every root sees as /debs."""
    (session_folder / "debs").mkdir()
    return session_folder / "debs"


@pytest.fixture(scope="session")
def packages(session_folder, debs):
    """The packages of this tree, as `make deb` builds them."""
    if reason := cannot_build():
        pytest.skip(reason)
    built = build(session_folder / "built")
    for package in built:
        (debs / package.name).hardlink_to(package)
    return built


@pytest.fixture(scope="session")
def newer(session_folder, debs):
    """The same a version later, whose configuration as shipped has changed."""
    built = build(session_folder / "newer", "9.9.9")
    for package in built:
        (debs / package.name).hardlink_to(package)
    return built


@pytest.fixture(scope="session")
def small(session_folder, packages, debs):
    """The module's package for i386, and a 32-bit program that resolves, /debs/resolve-i386."""
    if not all(map(shutil.which, ("i686-linux-gnu-strip", "x86_64-linux-gnu-gcc"))):
        pytest.skip("no tools for i386; on amd64 run: sudo tests/setup.sh check-deb")
    built = session_folder / "i386"
    subprocess.run([str(HERE / "build.sh"), str(built)], check=True, env={**os.environ, "ARCH": "i386"})
    package, = built.glob("libnss-nomad_*_i386.deb")
    (debs / package.name).hardlink_to(package)
    subprocess.run(["gcc", "-m32", "-std=gnu17", "-D_GNU_SOURCE", "-o", str(debs / "resolve-i386"),
                    str(HERE.parent / "tools/resolve.c")], check=True)
    return package


@pytest.fixture(scope="session")
def base(session_folder, packages):
    """The minimal system, unpacked."""
    return unpacked(lambda: roots.system_for(packages), session_folder / "base")


def unpacked(make, folder):
    """The folder, with a system out of the tarball that make() gives."""
    try:
        roots.unpack(make(), folder)
    except roots.Impossible as reason:
        pytest.skip(f"no Debian root: {reason}")
    return folder


@pytest.fixture(scope="session")
def other_base(session_folder, base):
    """A minimal system of the other release that is supported, in which the packages can be built."""
    suite = OTHER_RELEASE.get(roots.codename())
    if not suite:
        pytest.skip(f"Debian {roots.codename()} has no other release")
    return unpacked(lambda: roots.system_to_build_in(suite), session_folder / "other")


@pytest.fixture(scope="session")
def network(base):
    """This process and all it starts live in a network of their own, a loopback and nothing else."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWNET)")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


@contextlib.contextmanager
def fresh_root(base, session_folder, debs):
    folder = pathlib.Path(tempfile.mkdtemp(dir=session_folder))
    one = roots.Root(base, folder, debs)
    try:
        yield one
    finally:
        one.close()
        folder.rmdir()


@pytest.fixture
def root(base, debs, session_folder):
    """A fresh root."""
    with fresh_root(base, session_folder, debs) as one:
        yield one


@pytest.fixture(scope="session")
def systemd(base, debs, session_folder, network):
    """This machine can run a systemd in a root."""
    with fresh_root(base, session_folder, debs) as one:
        try:
            with booted.booted(one):
                pass
        except booted.Impossible as reason:
            pytest.skip(str(reason))


@pytest.fixture
def machine(systemd, root):
    """A fresh root in which systemd runs."""
    with booted.booted(root):
        yield root


@pytest.fixture
def agent(network):
    with client.Agent() as one:
        yield one
