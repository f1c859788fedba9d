"""The other Debian release that is supported: the packages, built there out of the source package, do the same there."""

import pytest

import booted
import conftest
import root as roots
from test_install import LAYOUTS
from test_systemd import SERVICE, addresses, configure, log, show


@pytest.fixture
def other(other_base, session_folder, packages):
    """A fresh root of that release, and the packages as it builds them."""
    debs = session_folder / "other-debs"
    debs.mkdir()
    for part in packages[0].parent.glob("nss-nomad_*.[dt]*"):
        (debs / part.name).hardlink_to(part)
    with conftest.fresh_root(other_base, session_folder, debs) as root:
        root.run("sh", "-c", "cd /debs && dpkg-source -x *.dsc source && cd source && dpkg-buildpackage -us -uc -b",
                 within=roots.MAKE_WITHIN)
        yield root, conftest.packages_in(debs)


def test_other_release(other, systemd, agent):
    """Built, installed, used, run by that release's systemd, purged: without a trace."""
    root, built = other
    agent.register("web", address="192.0.2.7", port=80)
    with booted.booted(root):
        before = root.snapshot()
        root.install(built)
        assert root.hosts_line() == LAYOUTS["plain"][1]
        configure(root, agent)
        root.run("systemctl", "restart", SERVICE)
        assert show(root, "ActiveState") == "active", log(root)
        assert addresses(root) == ["192.0.2.7"]
        assert root.run("nomad-lookup", "--check").splitlines()[-1] == "Nothing is wrong."
        root.dpkg("purge", built)
        assert roots.differences(before, root.snapshot()) == {}
