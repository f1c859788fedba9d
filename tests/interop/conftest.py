"""Fixtures of the tests with other people's programs, as Debian has them: a private network, and our server in it.

They need root, and the packages of `tests/setup.sh interop`; a program that is missing fails its test.
"""

import ctypes
import os
import pathlib
import subprocess
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent.parent / "system")]

import pytest       # noqa: E402

from dnsserve import built, serve  # noqa: E402,F401
from programs import OURS  # noqa: E402

CLONE_NEWNET = 0x40000000


@pytest.fixture(scope="session", autouse=True)
def network():
    """A loopback and nothing else: every port is free, and nobody asks the real root servers."""
    if os.geteuid() != 0:
        pytest.skip("needs root, for a network of its own")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWNET)")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


@pytest.fixture
def ours(serve):
    """Our server, on the port of the snippets."""
    return serve(listen=f"127.0.0.1:{OURS} [::1]:{OURS}", ttl="2s", negative_ttl="1s")
