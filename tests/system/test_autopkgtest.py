"""debian/tests/resolves, which autopkgtest runs with the packages installed, works where they are."""

import build


def test_resolves(host):
    done = host.run(["sh", str(build.ROOT / "debian/tests/resolves")])
    assert (done.code, done.out.splitlines()[-1:]) == (0, ["all of it works as installed"]), done
