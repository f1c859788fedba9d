"""Where a program, or a systemd, says that it is ready: the other end of sd_notify(3)."""

import os
import select
import socket
import time

READY_WITHIN = 60   # seconds for a daemon to follow, or a systemd to start


class Ready:
    """`address` is for the environment's NOTIFY_SOCKET; it is an abstract one, which needs no file in a root."""

    def __enter__(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("")        # an address of the kernel's choice
        self.address = "@" + self.socket.getsockname()[1:].decode()
        return self

    def __exit__(self, *_):
        self.socket.close()

    def wait(self, process):
        """Whether that child, or what it has become, is ready before it ends, and in READY_WITHIN. Nobody listens then
        any more: what it says later would fill the socket, and hold it up."""
        limit = time.monotonic() + READY_WITHIN
        end = os.pidfd_open(process.pid)
        try:
            while self.socket in select.select([self.socket, end], [], [], max(0, limit - time.monotonic()))[0]:
                if b"READY=1" in self.socket.recv(4096).split(b"\n"):
                    return True
            return False
        finally:
            os.close(end)
            self.socket.close()
