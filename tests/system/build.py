"""The build under test: which it is (CC and SAN of the environment, as for make), and a stage with it installed."""

import contextlib
import fcntl
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CC = os.environ.get("CC") or "gcc"
SAN = os.environ.get("SAN", "")


def folder():
    """Where the Makefile puts this variant."""
    variant = f"{CC}-{SAN}" if SAN else CC
    return ROOT / "build" / ("" if variant == "gcc" else variant)


def multiarch():
    return subprocess.run(["gcc", "-print-multiarch"], check=True, capture_output=True, text=True).stdout.strip()


@contextlib.contextmanager
def alone():
    """One worker at a time: parallel ones share the folder."""
    (ROOT / "build").mkdir(exist_ok=True)
    with open(ROOT / "build" / ".tests.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make(*targets):
    """Runs make."""
    with alone():
        command = ["make", "-s", "-C", str(ROOT), f"CC={CC}", f"SAN={SAN}", *targets]
        environment = {name: value for name, value in os.environ.items()
                       if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "DESTDIR")}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def install(stage):
    """Installs the build below the folder `stage`, and builds what the tests use besides."""
    make("tools", "install", f"DESTDIR={stage}", "PREFIX=/usr")


def preload():
    """What LD_PRELOAD has to hold where a program without sanitizers loads a module with them."""
    wanted = {"address": ("libasan.so", "libclang_rt.asan-x86_64.so"),
              "undefined": ("libubsan.so", "libclang_rt.ubsan_standalone-x86_64.so"),
              "thread": ("libtsan.so", "libtsan.so")}     # clang 14's own crashes where it is preloaded
    clang = "clang" in CC
    names = [wanted[kind][clang] for kind in SAN.split(",") if kind in wanted]
    if clang and "address" in SAN:
        names = names[:1]       # it brings the other one's functions
    return ":".join(path_of(name) for name in names)


def path_of(library):
    """Where the compiler whose runtime it is has a library."""
    command = ["gcc" if library == "libtsan.so" else CC, f"-print-file-name={library}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@contextlib.contextmanager
def unchanged(paths):
    """Asserts that files of the machine are afterwards as they were."""
    def look():
        return {path: os.stat(path).st_mtime_ns if os.path.exists(path) else None for path in paths}
    before = look()
    yield
    assert look() == before, "the machine's own files were touched"
