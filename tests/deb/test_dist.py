"""The tarball of `make dist`, and what is built from it without git: the programs, and RPM packages."""

import os
import re
import subprocess

import pytest

import conftest

TOP = conftest.HERE.parent.parent
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "MFLAGS"}


@pytest.fixture(scope="module")
def tarball(session_folder):
    """Of HEAD, twice the same bytes."""
    version = re.search(r"\((.*?)\)", (TOP / "debian/changelog").read_text())[1]
    made = []
    for name in ("dist-one", "dist-other"):
        subprocess.run(["scripts/dist.sh", str(session_folder / name), version], cwd=TOP, check=True, capture_output=True)
        made.append(session_folder / name / f"nss-nomad-{version}.tar.gz")
    assert made[0].read_bytes() == made[1].read_bytes()
    return made[0], version


def test_it_builds_without_git(tarball, session_folder):
    """Its programs say the version."""
    file, version = tarball
    subprocess.run(["tar", "-xf", str(file), "-C", str(session_folder)], check=True)
    tree = session_folder / f"nss-nomad-{version}"
    subprocess.run(["make", "-s", "-j2"], cwd=tree, check=True, env=ENVIRONMENT)
    said = subprocess.run([tree / "build/nomad-lookup", "--version"], check=True, capture_output=True, text=True).stdout
    assert said == f"nomad-lookup {version}\n"


@conftest.needs("rpmbuild", "rpm")
def test_rpm(tarball, session_folder):
    """rpmbuild makes three packages of it, the module where a 64-bit Fedora looks, and no profile of AppArmor's."""
    file, version = tarball
    top = session_folder / "rpm"
    done = subprocess.run(["rpmbuild", "--define", f"_topdir {top}", "--nodeps", "-tb", str(file)], env=ENVIRONMENT,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    packages = {re.match(r"(.*)-[^-]+-[^-]+$", path.name)[1]: path for path in top.glob("RPMS/*/*.rpm")}
    assert packages.keys() >= {"libnss_nomad", "nomad-lookup", "nomad-dns-srv"}
    files = {name: subprocess.run(["rpm", "-qlp", str(path)], check=True, capture_output=True, text=True).stdout.split()
             for name, path in packages.items()}
    assert any(re.match(r"/usr/lib(64)?/libnss_nomad\.so\.2$", name) for name in files["libnss_nomad"])
    assert "/etc/nss-nomad.conf" in files["nomad-lookup"] and "/usr/sbin/nomad-dns-srv" in files["nomad-dns-srv"]
    assert not [name for names in files.values() for name in names if "apparmor" in name or "/build/" in name]
