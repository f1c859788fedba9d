"""The Debian packages: built the same twice, with nothing for lintian to say, and what make install installs."""

import gzip
import os
import pathlib
import subprocess

import conftest

BY_DEBHELPER = ("changelog.gz", "copyright")


def test_same_bytes_twice(session_folder, packages):
    """Built in another folder, time zone and umask, at another time: the same packages."""
    again = conftest.build(session_folder / "again", preexec_fn=lambda: os.umask(0o027),
                           env={**os.environ, "TZ": "Asia/Kathmandu", "LC_ALL": "C"})
    for one, other in zip(packages, again):
        assert one.read_bytes() == other.read_bytes(), f"{one.name} differs"


def test_tree_is_unmodified(packages):
    """Building leaves nothing in the tree."""
    tree = pathlib.Path(conftest.HERE).parent.parent
    assert not [name for name in os.listdir(tree / "debian")
                if name.startswith((".", "tmp", "files")) or name.endswith((".substvars", ".debhelper", ".log"))]


@conftest.needs("lintian", "lintian")
def test_lintian(packages):
    """lintian --pedantic has nothing to say but what debian/*.lintian-overrides list with the reason."""
    changes = next(packages[0].parent.glob("*.changes"))
    done = subprocess.run(["lintian", "--pedantic", "--display-info", "--allow-root", "--fail-on",
                           "error,warning,info,pedantic", str(changes)], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("", 0), done.stdout + done.stderr


def files_below(folder):
    """{path: content or where it leads}, units below /usr, pages unpacked, debhelper's own files left out."""
    found = {}
    for path in folder.rglob("*"):
        name = "/" + str(path.relative_to(folder))
        if path.is_dir() and not path.is_symlink():
            continue
        if "/share/lintian/" in name or ("/share/doc/" in name and path.name in BY_DEBHELPER):
            continue
        name = "/usr" + name if name.startswith("/lib/") else name
        if path.is_symlink():
            found[name.removesuffix(".gz")] = os.readlink(path).removesuffix(".gz")
        elif name.endswith(".gz"):
            found[name.removesuffix(".gz")] = gzip.decompress(path.read_bytes())
        else:
            content = path.read_bytes()
            found[name] = "a program" if content.startswith(b"\x7fELF") else content
    return found


def make(target, stage):
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    subprocess.run(["make", "-s", "-C", str(conftest.HERE.parent.parent), target, f"DESTDIR={stage}", "PREFIX=/usr"],
                   check=True, env=environment)


def test_make_uninstall(tmp_path):
    """make uninstall takes away all that make install has brought, but for the configuration."""
    make("install", tmp_path)
    make("uninstall", tmp_path)
    assert list(files_below(tmp_path)) == ["/etc/nss-nomad.conf"]


def test_make_install_installs_the_same(session_folder, packages):
    """make install and the packages have the same files, with the same content."""
    stage, unpacked = session_folder / "stage", session_folder / "unpacked"
    make("install", stage)
    for package in packages:
        subprocess.run(["dpkg-deb", "-x", str(package), str(unpacked)], check=True)
    installed, packaged = files_below(stage), files_below(unpacked)
    assert sorted(installed) == sorted(packaged)
    assert not [name for name in installed if installed[name] != packaged[name]]


def test_version_is_one(packages):
    """The programs say the version that the packages bear."""
    for package in packages:
        if package.name.startswith("nomad-"):
            name = package.name.partition("_")[0]
            folder = "sbin" if name == "nomad-dns-srv" else "bin"
            unpacked = package.parent / f"version-{name}"
            subprocess.run(["dpkg-deb", "-x", str(package), str(unpacked)], check=True)
            said = subprocess.run([str(unpacked / "usr" / folder / name), "--version"], check=True,
                                  capture_output=True, text=True).stdout
            assert said.strip() == f"{name} {package.name.split('_')[1]}"
