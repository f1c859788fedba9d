"""systemd as process 1 of a root, in processes, mounts and a control group of its own: the units as a machine runs them.

It shares the network of the tests, in which the stand-in agent is. What it may not touch is the machine's kernel: its
settings in /proc/sys are read-only.
"""

import contextlib
import os
import pathlib
import signal
import subprocess
import tempfile

import ready

# $1 the root, $2 the name of the control group, $3 where systemd says that it is up
BOOT = """
set -e
cd "$1"
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mkdir "sys/fs/cgroup/$2"
echo 0 >"sys/fs/cgroup/$2/cgroup.procs"
umount sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs mnt
mkdir mnt/pts mnt/shm
for device in null zero full random urandom tty; do
    touch mnt/$device
    mount --bind dev/$device mnt/$device
done
umount -l dev
mount --move mnt dev
mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
pivot_root . mnt    # in a chroot the kernel denies user namespaces, which units may ask for
umount -l mnt
exec unshare --cgroup sh -ec '
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount --make-rshared /  # or no credentials would reach the service
exec env -i container=nss-nomad NOTIFY_SOCKET="$1" PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --unit=multi-user.target' sh "$3"
"""
# $1 the name of the control group
FORGET = 'mount -t cgroup2 cgroup2 /mnt && find "/mnt/$1" -depth -type d -exec rmdir {} +'
NEW = ["--mount", "--propagation", "private"]
# Of the minimal system; nothing of it is to come between.
NOT_STARTED = ("nscd.service", "apt-daily.timer", "apt-daily-upgrade.timer")


class Impossible(Exception):
    """No systemd can be started on this machine."""


def child_of(pid):
    return int(pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text())


def end(process, group):
    """Ends systemd and all that it has started."""
    if process.poll() is None:
        os.kill(child_of(process.pid), signal.SIGKILL)
    process.communicate()
    subprocess.run(["unshare", *NEW, "sh", "-c", FORGET, "sh", group], capture_output=True)


@contextlib.contextmanager
def booted(root):
    """systemd runs in the root, and has started all that it starts; then it is ended with all of that."""
    for unit in NOT_STARTED:
        root.code("systemctl", "--quiet", "disable", unit)      # where there is such a one
    with ready.Ready() as up, tempfile.NamedTemporaryFile(prefix="nss-nomad-") as name:
        group = os.path.basename(name.name)     # nobody else's
        process = subprocess.Popen(
            ["nsenter", f"--target={root.holder.pid}", "--mount", "unshare", *NEW, "--pid", "--fork", "--uts", "--ipc",
             "sh", "-c", BOOT, "sh", f"{root.folder}/root", group, up.address],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            if not up.wait(process):
                raise Impossible(f"no systemd as process 1: {process.stderr.read().strip() or process.returncode}"
                                 if process.poll() is not None else "systemd does not come to an end of its start")
            root.init = child_of(process.pid)
            yield
        finally:
            root.init = None
            end(process, group)
