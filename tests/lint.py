"""What a program can check of the house's style; the rules are in docs/contributing.md. Called by `make lint`:

    lint.py BUILD-FOLDER SOURCE-OF-THE-MODULE...
"""

import ast
import pathlib
import re
import shutil
import subprocess
import sys

FILE_LINES = 400        # a file is about one thing
UNIT_TEST_LINES = 900   # mirrors one source file, so it cannot be cut in two
MAKEFILE_LINES = 200
LINE_LENGTH = 132       # characters, a tab is one; aim at 120
FUNCTION_LINES = 60     # what fits a screen
HALF_UNDER = 15         # lines; half of all functions
COMPLEXITY = 15         # McCabe's, a switch counted once
NOT_IN_THE_MODULE = ("src/nomad/", "src/dns/", "src/watch/", "src/tool/", "src/config")
LEFT_OUT = {".git", "build", "__pycache__", ".pytest_cache"}
THIS = "tests/lint.py"  # names what is forbidden


def files(*patterns):
    """The project's files, by what their path ends with."""
    for path in sorted(pathlib.Path(".").rglob("*")):
        if not LEFT_OUT & set(path.parts) and path.is_file() and any(path.match(one) for one in patterns):
            yield path


def lines_of(path):
    return path.read_text(errors="replace").splitlines()


def blank_comments(text):
    """C source with its comments as blanks, line by line as it was."""
    return re.sub(r"/\*.*?\*/", lambda found: re.sub(r"[^\n]", " ", found.group()), text, flags=re.S)


def grep(pattern, paths, why):
    for path in paths:
        for number, line in enumerate(lines_of(path), 1):
            if re.search(pattern, line) and str(path) != THIS:
                yield path, number, f"{why}: {line.strip()}"


def boundaries(build, module):
    """The module links libc alone, and nothing that talks to Nomad, serves DNS or reads the configuration."""
    for source in module:
        rules = pathlib.Path(build, source).with_suffix(".d")
        if not rules.exists():
            yield source, 1, f"{rules} is missing: run make first"
            continue
        for word in sorted(set(rules.read_text().replace("\\\n", " ").split())):
            if word.startswith(NOT_IN_THE_MODULE) and not word.endswith(":"):
                yield source, 1, f"is part of the module and includes {word}"


def prototypes(*_):
    """A prototype in a header has a comment directly above it, or stands in a group under one."""
    for path in files("src/**/*.h", "src/*.h"):
        raw = lines_of(path)
        code = blank_comments(path.read_text()).splitlines()
        documented = False
        for number, line in enumerate(code):
            if not raw[number].strip():
                documented = documented and raw[number - 1] == "}"  # a group of inline functions has blank lines
            elif not line.strip():
                documented = True
            elif re.match(r"(?!typedef)[a-z][\w \t*]*\w\(", line) and not documented:
                yield path, number + 1, f"no comment directly above: {line.strip()}"


def first_comment(*_):
    """A C file begins with a comment that says what it is, and has the licence's line."""
    for path in files("*.c", "*.h"):
        text = path.read_text()
        if not text.startswith("/*\n"):
            yield path, 1, "does not begin with a comment on what this is and who calls it"
        if "SPDX-License-Identifier: MIT" not in text[:2000]:
            yield path, 1, "no line `SPDX-License-Identifier: MIT` in its first comment"


def sizes(*_):
    """A file has at most 400 lines, of unit tests 900, the Makefile 200, a line 132 characters."""
    for path in files("*.c", "*.h", "*.py", "*.sh", "Makefile"):
        lines = lines_of(path)
        most = (MAKEFILE_LINES if path.name == "Makefile" else UNIT_TEST_LINES if path.match("tests/unit/*.c")
                else FILE_LINES)
        if len(lines) > most:
            yield path, len(lines), f"{len(lines)} lines, {most} is the most"
        for number, line in enumerate(lines, 1):
            if len(line) > LINE_LENGTH:
                yield path, number, f"{len(line)} characters, {LINE_LENGTH} is the most"


def functions(*_):
    """A function has at most 60 lines and a complexity of 15; half of those in src have fewer than 15 lines."""
    sources = [str(path) for path in files("*.c")]
    output = subprocess.run(["pmccabe", *sources], check=True, capture_output=True, text=True).stdout
    lengths = []
    for row in output.splitlines():
        complexity, _, _, first, length, place, name = row.split(None, 6)
        path = place.split("(")[0]
        if int(length) > FUNCTION_LINES:
            yield path, first, f"{name} has {length} lines, {FUNCTION_LINES} is the most"
        if int(complexity) > COMPLEXITY:
            yield path, first, f"{name} has a complexity of {complexity}, {COMPLEXITY} is the most"
        if path.startswith("src/"):
            lengths.append(int(length))
    short = sum(length < HALF_UNDER for length in lengths)
    if 2 * short < len(lengths):
        yield "src", 1, f"{short} of {len(lengths)} functions have fewer than {HALF_UNDER} lines, half is the least"


def leftovers(*_):
    """Nothing is left for later: no TODO, FIXME or XXX."""
    yield from grep(r"\b(TODO|FIXME|XXX)\b", files("*.c", "*.h", "*.py", "*.sh", "*.md", "Makefile", ".ci/run"),
                    "left for later")


def machine_paths(*_):
    """No path or host of the machine it was written on."""
    everywhere = [path for path in files("*") if path.suffix not in (".http", ".times") and "fuzz" not in path.parts]
    yield from grep(r"(?<![\w}.])/(work/|root/\w)|/tmp/bash_jobs|deb\.debian\.org|pypi\.org|proxy\.golang", everywhere,
                    "of one machine")


def type_names(*_):
    """A struct is called `struct noun`: typedef is for function pointers."""
    yield from grep(r"^\s*typedef (?!.*\()", files("*.c", "*.h"), "typedef")
    yield from grep(r"^\s*(struct|enum|union) \w+_t\b.*\{", files("*.c", "*.h"), "_t is libc's")


def sleeps(*_):
    """No test waits by sleeping: time.sleep stands in a loop that looks for what it waits for, or says "not a wait"."""
    for path in files("tests/**/*.py"):
        text = path.read_text()
        tree = ast.parse(text)
        loops = [node for node in ast.walk(tree) if isinstance(node, (ast.While, ast.For))]
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "time.sleep":
                if not any(node in ast.walk(loop) for loop in loops) and "not a wait" not in text.splitlines()[node.lineno - 1]:
                    yield path, node.lineno, "sleeps instead of looking for what it waits for"
    for number, line, path in ((n, l, p) for p in files("tests/**/*.c") for n, l in enumerate(lines_of(p), 1)):
        if re.search(r"\b(u|nano)?sleep\(", line) and "not a wait" not in line:
            yield path, number, "sleeps; if it is no wait, a comment on the line says so (not a wait)"


def docstrings(*_):
    """A file of system tests begins with a docstring: what is tested."""
    for path in files("test_*.py"):
        if not ast.get_docstring(ast.parse(path.read_text())):
            yield path, 1, "no docstring"


def checked_by(command, paths):
    """What another linter says of each file."""
    paths = [str(path) for path in paths]
    if not paths or not shutil.which(command[0]):
        return
    done = subprocess.run([*command, *paths], capture_output=True, text=True)
    for line in (done.stdout + done.stderr).splitlines() if done.returncode else []:
        yield command[0], 1, line


def man_pages(*_):
    """Man pages are as mandoc wants them."""
    yield from checked_by(["mandoc", "-Tlint", "-Wwarning"], files("docs/man/*.[1-8]"))


def shell(*_):
    """Shell scripts are as shellcheck wants them, where it is installed."""
    scripts = [path for path in files("*.sh", ".ci/run") if "completion" not in str(path)]
    yield from checked_by(["shellcheck", "-f", "gcc"], scripts)


RULES = [boundaries, prototypes, first_comment, sizes, functions, leftovers, machine_paths, type_names, sleeps,
         docstrings, man_pages, shell]


def main():
    build, module = sys.argv[1], sys.argv[2:]
    broken = 0
    for rule in RULES:
        found = list(rule(build, module))
        broken += bool(found)
        for path, line, what in found:
            print(f"{path}:{line}: {what}")
        if found:
            print(f"    rule: {rule.__doc__}")
    print(f"lint: {len(RULES) - broken} passed, {broken} failed, 0 skipped")
    return 1 if broken else 0


sys.exit(main())
