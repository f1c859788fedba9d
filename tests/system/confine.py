"""The sandbox of nomad-dns-srv.service where no systemd runs: the same restrictions, from the unit's own text, by the
kernel's own means. With CONFINE=1 in the environment (make check-sandbox) all daemons of the system tests run so.
As a program: confine.py FILTER COMMAND..., run as the user that it is to be."""

import ctypes
import functools
import os
import pathlib
import re
import shlex
import struct
import subprocess
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2    # linux/prctl.h, linux/seccomp.h
LOAD, EQUAL, SET, AND, RETURN = 0x20, 0x15, 0x45, 0x54, 0x06            # linux/bpf_common.h: BPF_LD|W|ABS ...
NUMBER_AT, ARCH_AT, FIRST_ARGUMENT = 0, 4, 16                           # struct seccomp_data
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
AUDIT_ARCH_X86_64 = 0xC000003E
EPERM, EAFNOSUPPORT = 1, 97
PROT_WRITE, PROT_EXEC = 2, 4
NEW_NAMESPACES = 0x7E020080             # all CLONE_NEW* of linux/sched.h
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16}
HEADER = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"

# $1 the user's number, $2 this file, $3 the filter. What may be written stays so, all else is read-only;
# /run/nomad-state stands for StateDirectory.
ENTER = """
set -e
umask 022
for folder in /run/nomad-dns-srv /run/nomad-state; do
    mkdir -p $folder
    chown "$1:$1" $folder
    mount --bind $folder $folder
done
for place in $(findmnt -rno TARGET | grep -E '^(/|/etc|/run|/tmp|/usr/.*|/var/cache)$' | sort -u); do
    mount -o remount,bind,ro $place
done
user=$1 self=$2 filter=$3
shift 3
exec setpriv --reuid=$user --regid=$user --clear-groups --inh-caps=-all --ambient-caps=-all --bounding-set=-all \
    /usr/bin/python3 "$self" "$filter" "$@"
"""


CONFINED = os.environ.get("CONFINE") == "1"
USER = "64042"      # nobody's
UNIT = pathlib.Path(__file__).resolve().parent.parent.parent / "src/share/systemd/nomad-dns-srv.service"

NAMESPACE = ["unshare", "--mount", "--propagation", "private", "sh", "-c"]
# Where there is no host: a /run of its own, with what is started.
ALONE = """
set -e
mount -t tmpfs -o mode=755 tmpfs /run
cp {files} /run
"""


def in_host(host):
    """What a command in a host stands behind to be confined."""
    host.path("/tmp/filter").write_bytes(program())
    host.path("/tmp/filter").chmod(0o644)
    host.write("/tmp/confine.py", pathlib.Path(__file__).read_text())
    return [*NAMESPACE, ENTER, "sh", USER, "/tmp/confine.py", "/tmp/filter"]


def alone(folder, command):
    """A program of this machine, confined; it and what it needs for that are copied. The folder is its user's."""
    (folder / "filter").write_bytes(program())
    files = [str(folder / "filter"), __file__, command]
    folder.chmod(0o755)
    return [*NAMESPACE, ALONE.format(files=" ".join(map(shlex.quote, files))) + ENTER, "sh", USER, "/run/confine.py",
            "/run/filter", f"/run/{os.path.basename(command)}"]


def setting(unit, name):
    """The values of a setting that may stand there more than once."""
    return re.findall(rf"^{name}=(.*)$", unit, re.M)


def calls(group):
    """The system calls of one of systemd's groups, by name."""
    names, more = set(), [group]
    while more:
        done = subprocess.run(["systemd-analyze", "syscall-filter", more.pop()], check=True, capture_output=True,
                              text=True)
        lines = [line.strip() for line in done.stdout.splitlines()[1:]]
        words = [line for line in lines if line and not line.startswith("#")]
        more += [word for word in words if word.startswith("@")]
        names |= {word for word in words if not word.startswith("@")}
    return names


def allowed(unit):
    """The system calls that the unit allows."""
    names = set()
    for value in setting(unit, "SystemCallFilter"):
        for group in value.lstrip("~").split():
            names = names - calls(group) if value.startswith("~") else names | calls(group)
    return names | calls("@default")


def refuse(error):
    return struct.pack("HBBI", RETURN, 0, 0, ERRNO | error)


def argument(number):
    return struct.pack("HBBI", LOAD, 0, 0, FIRST_ARGUMENT + 8 * number)


def rules(unit):
    """What is refused by its arguments: {system call: instructions, which go on where they do not refuse}."""
    families = [FAMILIES[word] for word in setting(unit, "RestrictAddressFamilies")[0].split()]
    known = b"".join(struct.pack("HBBI", EQUAL, len(families) - n, 0, family) for n, family in enumerate(families))
    executable = argument(2) + struct.pack("HBBI", SET, 0, 1, PROT_EXEC) + refuse(EPERM)
    both = (argument(2) + struct.pack("HBBI", AND, 0, 0, PROT_WRITE | PROT_EXEC) +
            struct.pack("HBBI", EQUAL, 0, 1, PROT_WRITE | PROT_EXEC) + refuse(EPERM))
    assert setting(unit, "MemoryDenyWriteExecute") == setting(unit, "RestrictNamespaces") == ["yes"]
    return {"socket": argument(0) + known + refuse(EAFNOSUPPORT), "mmap": both, "mprotect": executable,
            "pkey_mprotect": executable, "unshare": refuse(EPERM), "setns": refuse(EPERM),
            "clone": argument(0) + struct.pack("HBBI", SET, 0, 1, NEW_NAMESPACES) + refuse(EPERM)}


@functools.lru_cache
def program():
    """The unit's restrictions as a filter for the kernel. execve, which systemd uses itself, stays for the start."""
    unit = UNIT.read_text()
    numbers = dict(re.findall(r"^#define __NR_(\w+) (\d+)$", pathlib.Path(HEADER).read_text(), re.M))
    special = rules(unit)
    code = (struct.pack("HBBI", LOAD, 0, 0, ARCH_AT) + struct.pack("HBBI", EQUAL, 1, 0, AUDIT_ARCH_X86_64) +
            refuse(EPERM) + struct.pack("HBBI", LOAD, 0, 0, NUMBER_AT))
    for name in sorted((allowed(unit) | {"execve"}) & numbers.keys()):
        body = special.get(name, b"") + struct.pack("HBBI", RETURN, 0, 0, ALLOW)
        code += struct.pack("HBBI", EQUAL, 0, len(body) // 8, int(numbers[name])) + body
    return code + refuse(EPERM)


class Program(ctypes.Structure):
    """struct sock_fprog of linux/filter.h."""
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]


def main():
    code = pathlib.Path(sys.argv[1]).read_bytes()
    libc = ctypes.CDLL(None, use_errno=True)
    loaded = Program(len(code) // 8, code)
    if (libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or
            libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(loaded)) != 0):
        sys.exit(f"confine: {os.strerror(ctypes.get_errno())}")
    os.execvp(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
