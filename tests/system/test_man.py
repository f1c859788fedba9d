"""The man pages: linted, and complete: every key of the configuration, every option that a program knows."""

import pathlib
import re
import subprocess

import pytest

import build

PAGES = sorted((build.ROOT / "docs/man").glob("*.[1-8]"))
PROGRAMS = {"nomad-lookup": "nomad-lookup.1", "nomad-dns-srv": "nomad-dns-srv.8"}


def plain(name):
    """A page without overstriking."""
    shown = subprocess.run(["mandoc", "-Tascii", "-O", "width=200", str(build.ROOT / "docs/man" / name)], check=True,
                           capture_output=True, text=True).stdout
    return re.sub(".\x08", "", shown)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_lint(path):
    """mandoc has nothing to say, but that a page of ours is not installed here."""
    done = subprocess.run(["mandoc", "-Tlint", "-W", "style", str(path)], capture_output=True, text=True)
    said = [line for line in done.stdout.splitlines() if "referenced manual not found" not in line]
    assert said == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_cross_references(path):
    """What a page refers to is a page of ours, or of Debian's."""
    ours = {(page.stem, page.suffix[1:]) for page in PAGES}
    debian = {("getent", "1"), ("dig", "1"), ("systemd", "1"), ("systemd.exec", "5"), ("getaddrinfo", "3"), ("gethostbyname", "3"),
              ("nsswitch.conf", "5"), ("nscd", "8")}
    named = set(re.findall(r"^\.Xr (\S+) (\d)", path.read_text(), re.M))
    assert named <= ours | debian


def keys():
    """The keys of the configuration: (section, name, default)."""
    source = (build.ROOT / "src/config_keys.c").read_text()
    rows = re.findall(r'^\t\{"(\w+)", "([\w-]+)", CONFIG_\w+, [^,]+, [^,]+, [^,]+, \w+,\s*("[^"]*"|\w+)', source, re.M)
    constants = {"PUBLISHED_DIR": "/run/nomad-dns-srv"}
    return [(section, name, constants.get(default, default.strip('"'))) for section, name, default in rows]


def test_every_key_is_described():
    """Each key stands in its section of nss-nomad.conf(5), and its default in its paragraph."""
    text = (build.ROOT / "docs/man/nss-nomad.conf.5").read_text()
    sections = dict(re.findall(r"^\.Ss Section (\w+)\n(.*?)(?=^\.S[sh] )", text, re.M | re.S))
    found = keys()
    assert len(found) > 20
    for section, name, default in found:
        described = re.search(rf"^\.It Cm {name} Ns = .*?(?=^\.It |^\.El)", sections[section], re.M | re.S)
        assert described, f"{section}.{name}"
        assert set(default.split()) <= set(described[0].split()), f"{section}.{name}: the default {default}"


def test_no_other_key_is_described():
    text = (build.ROOT / "docs/man/nss-nomad.conf.5").read_text()
    described = set(re.findall(r"^\.It Cm ([\w-]+) Ns =", text, re.M))
    assert described == {name for _, name, _ in keys()}


def options_of(program):
    """The long options in the program's own summary."""
    path = build.folder() / program
    if not path.exists():
        pytest.skip(f"there is no {program}")
    shown = subprocess.run([str(path), "--help"], check=True, capture_output=True, text=True).stdout
    return set(re.findall(r"--[a-z][a-z-]+", shown))


@pytest.mark.parametrize("program", PROGRAMS)
def test_options(stage, program):
    """The options in --help, in the page and in the completions of both shells are the same."""
    wanted = options_of(program)
    shown = plain(PROGRAMS[program])
    synopsis = shown[shown.index("SYNOPSIS"):shown.index("DESCRIPTION")]
    assert set(re.findall(r"--[a-z][a-z-]+", synopsis)) == wanted
    bash = (build.ROOT / "src/share/completions/bash" / program).read_text()
    zsh = (build.ROOT / "src/share/completions/zsh" / f"_{program}").read_text()
    words = re.search(r"compgen -W '([^']*--[^']*)'", bash)[1]
    assert set(re.findall(r"--[a-z][a-z-]+", words)) == wanted
    assert set(re.findall(r"(--[a-z][a-z-]+)\}?'?\[", zsh)) == wanted


def test_example_configuration(stage, folder):
    """The configurations shown are such: nomad-lookup reads them without objection."""
    text = (build.ROOT / "docs/man/nss-nomad.conf.5").read_text()
    examples = re.findall(r"^\.Bd -literal -offset indent\n(\[.*?)^\.Ed", text, re.M | re.S)
    assert len(examples) == 2
    for example in examples:
        path = folder / "nss-nomad.conf"
        path.write_text(example)
        done = subprocess.run([str(build.folder() / "nomad-lookup"), "--config", str(path), "web.example"],
                              capture_output=True, text=True)
        assert (done.returncode, "does not end in .nomad" in done.stderr) == (2, True), done


def test_installed_example(stage):
    """The example that is installed holds every key, commented out, with its default."""
    text = (pathlib.Path(stage) / "etc/nss-nomad.conf").read_text()
    for _, name, default in keys():
        assert re.search(rf"^#?{name} ?=", text, re.M), name
        if default:
            assert default in re.search(rf"^#?{name} ?= ?(.*)$", text, re.M)[1], name
