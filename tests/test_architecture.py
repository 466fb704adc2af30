"""What was agreed about the shape of the code, held by a machine.

Each rule is a pure function from text to findings ("path:line: what is wrong"), tried on small bad samples
first and then on the tree. Layers and who may import whom are import-linter's (pyproject.toml); this file
holds what it cannot see.
"""

import ast
import codecs
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LONGEST_FILE = 300
LONGEST_FUNCTION = 45
# "path" or "path:function" -> the length it may have. Every entry is a debt: say why in a comment.
LENGTH_EXCEPTIONS: dict[str, int] = {}
PROCESS_FILE = "src/voxgate/host/process.py"
CONTRACTS = {  # as in pyproject.toml, ignore_imports
    f"src/voxgate/{user}.py": f"voxgate_sip.{document}"
    for user, document in (
        *(("engines/kamailio", "policy"), ("engines/sip_fraud", "fraud"), ("engines/sip_policy", "policy")),
        *(("engines/websocket", "policy"), ("engines/trunk_policy", "trunks"), ("supervise/nodes", "policy")),
        *(("calls/hangup", "record"), ("calls/ledger", "limits"), ("trunks/registration", "digest")),
        *(("calls/cdr/reports", "notes"), ("doctor/calling", "digest"), ("calls/ending", "digest")),
    )
}
STARTS_PROGRAMS = (
    "subprocess",
    "pty",
    "multiprocessing",
    "concurrent.futures.ProcessPoolExecutor",
    "asyncio.subprocess",
    "asyncio.create_subprocess_exec",
    "asyncio.create_subprocess_shell",
    *(f"os.{name}" for name in ("system", "popen", "fork", "forkpty", "posix_spawn", "posix_spawnp")),
    *(f"os.exec{variant}" for variant in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")),
    *(f"os.spawn{variant}" for variant in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")),
)
PURE = (
    "src/voxgate/plan/desired.py",
    "src/voxgate/plan/diff.py",
    *("src/voxgate/engines/*.py", "src/voxgate/engines/haproxy/*.py"),
    *("src/voxgate/router/[!_]*.py", "src/voxgate/router/ldap/*.py"),
    *("src/voxgate/supervise/unit.py", "src/voxgate/wire/proxy_v2.py"),
    "src/voxgate_sip/policy.py",
    "src/voxgate_sip/route.py",
)
IMPURE = (
    *("asyncio", "socket", "time", "random", "secrets", "os", "subprocess"),
    *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today"),
)
LOOSE_TASKS = ("asyncio.create_task", "asyncio.ensure_future")
NAMES_THAT_MEAN_TWO_THINGS = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}

# Words of workplaces, registries and tools that write text, in rot13: the documents speak of the project alone.
FORBIDDEN_WORDS = tuple(
    codecs.decode(word, "rot13")
    for word in (
        *("/jbex/znva", "/jbex/funerq", "/jbex/.", "svryq-abgrf.zq", "zvffvba.zq", "vffhrf fubj"),
        *(
            "clcv.bet",
            "clguba" + "ubfgrq.bet",
            "ertvfgel.acz",
            "qro.qrovna.bet",
            "cebkl.tbynat.bet",
            "pengrf.vb",
        ),
        *("pynhqr", "naguebcvp", "bcranv", "pungtcg", "tvguho pbcvybg", "ynathntr zbqry"),
    )
)
MAY_HOLD_THEM = {"uv.lock"}  # generated; names where each package comes from

Finding = str
Check = Callable[[str, str], list[Finding]]


def references(source: str) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) for all that is imported or reached through an import, aliases resolved."""
    tree = ast.parse(source)
    bound: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                bound[alias.asname or top] = alias.name if alias.asname else top
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            for alias in node.names:
                bound[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                yield node.lineno, f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        parts: list[str] = []
        inner: ast.AST = node
        while isinstance(inner, ast.Attribute):
            parts.append(inner.attr)
            inner = inner.value
        if parts and isinstance(inner, ast.Name) and inner.id in bound:
            yield inner.lineno, ".".join([bound[inner.id], *reversed(parts)])


def reaches(name: str, targets: Iterable[str]) -> bool:
    """Tell whether the dotted name is one of the targets or lies inside one."""
    return any(name == target or name.startswith(target + ".") for target in targets)


def using(banned: Iterable[str], why: str) -> Check:
    """Build the check that no dotted name of `banned` is used."""
    targets = tuple(banned)

    def check(path: str, source: str) -> list[Finding]:
        found = {(line, name) for line, name in references(source) if reaches(name, targets)}
        return [f"{path}:{line}: {name}: {why}" for line, name in sorted(found)]

    return check


def lengths(path: str, source: str, exceptions: dict[str, int] = LENGTH_EXCEPTIONS) -> list[Finding]:
    found = []
    total = len(source.splitlines())
    if total > exceptions.get(path, LONGEST_FILE):
        found.append(f"{path}:1: {total} lines, allowed are {LONGEST_FILE}: split what it does")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > exceptions.get(f"{path}:{node.name}", LONGEST_FUNCTION):
                found.append(f"{path}:{node.lineno}: {node.name}() has {length} lines, allowed are {LONGEST_FUNCTION}")
    return found


def sip_imports(path: str, source: str) -> list[Finding]:
    allowed = {*sys.stdlib_module_names, "voxgate_sip"} | ({"KSR"} if path.endswith("/script.py") else set())
    return [
        f"{path}:{line}: {name}: only the standard library here, and KSR in script.py"
        for line, name in references(source)
        if name.partition(".")[0] not in allowed
    ]


def sip_users(path: str, source: str) -> list[Finding]:
    contract = (CONTRACTS[path],) if path in CONTRACTS else ()
    return [
        f"{path}:{line}: {name}: voxgate_sip is known by its documents only: {', '.join(CONTRACTS)}"
        for line, name in references(source)
        if reaches(name, ["voxgate_sip"]) and not reaches(name, contract)
    ]


def unmapped(path: str, source: str, modules: Iterable[str]) -> list[Finding]:
    """Find the modules that the docstring of the package at `path` does not name."""
    text = ast.get_docstring(ast.parse(source)) or ""
    words = set(re.findall(r"\w+", text))
    return [f"{path}:1: the docstring does not name {name}" for name in sorted(modules) if name not in words]


def forbidden_words(path: str, source: str) -> list[Finding]:
    return [
        f"{path}:{number}: holds {word!r}"
        for number, line in enumerate(source.splitlines(), 1)
        for word in FORBIDDEN_WORDS
        if word in line.lower()
    ]


def project_files() -> list[str]:
    """List the project's files: tracked ones, and new ones that are not ignored."""
    command = [
        "git",
        "-c",
        "safe.directory=*",
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "-z",
    ]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted(name for name in set(listed) if (ROOT / name).is_file())


def findings(check: Check, patterns: Iterable[str]) -> list[Finding]:
    """Apply the check to each file of the tree that matches."""
    files = sorted({path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()})
    return [found for path in files for found in check(str(path.relative_to(ROOT)), path.read_text("utf-8"))]


def none_of(found: Iterable[Finding]) -> None:
    assert not (lines := sorted(set(found))), "\n" + "\n".join(lines)


no_programs = using(STARTS_PROGRAMS, f"programs are started in {PROCESS_FILE} only")
no_effects = using(IMPURE, "this module decides: time, chance and the outside are arguments")
no_loose_tasks = using(LOOSE_TASKS, "a task belongs to a TaskGroup")

LONG_FUNCTION = "def f():\n" + "    pass\n" * LONGEST_FUNCTION


@pytest.mark.parametrize(
    ("check", "source", "line"),
    [
        (no_programs, "import subprocess", 1),
        (no_programs, "from subprocess import run", 1),
        (no_programs, "import os as o\no.execvp('ls', [])", 2),
        (no_programs, "from os import system", 1),
        (no_programs, "import asyncio\nasync def f(): await asyncio.create_subprocess_exec('ls')", 2),
        (no_effects, "import time", 1),
        (no_effects, "def f():\n    import os.path", 2),
        (no_effects, "from datetime import datetime\nprint(datetime.now())", 2),
        (no_loose_tasks, "import asyncio\nasyncio.create_task(x)", 2),
        (sip_imports, "import json\nimport pydantic", 2),
        (sip_imports, "from voxgate.errors import Bug", 1),
        (sip_imports, "import KSR", 1),
        (sip_users, "from voxgate_sip.policy import Policy", 1),
        (sip_users, "import voxgate_sip.route", 1),
        (lengths, "x = 1\n" * (LONGEST_FILE + 1), 1),
        (lengths, "\n" + LONG_FUNCTION, 2),
        (lengths, "class C:\n    async " + LONG_FUNCTION.replace("    pass", "        pass"), 2),
        (forbidden_words, f"see {FORBIDDEN_WORDS[0].upper()}/x", 1),
    ],
)
def test_a_bad_sample_is_found_where_it_stands(check: Check, source: str, line: int) -> None:
    assert [finding.split(":")[1] for finding in check("bad.py", source)] == [str(line)]


@pytest.mark.parametrize(
    ("check", "path", "source"),
    [
        (no_programs, "a.py", "import os\nfrom voxgate.host import process\nos.kill(1, 0)"),
        (no_effects, "a.py", "import timeit\nfrom datetime import datetime\ndef f(now: datetime): ..."),
        (no_loose_tasks, "a.py", "import asyncio\nasync def f(tg: asyncio.TaskGroup): tg.create_task(x)"),
        (sip_imports, "src/voxgate_sip/script.py", "import KSR\nfrom voxgate_sip import route"),
        (sip_users, "src/voxgate/engines/kamailio.py", "from voxgate_sip.policy import Policy"),
        (lengths, "a.py", LONG_FUNCTION.replace("    pass\n", "", 1)),
    ],
)
def test_a_good_sample_passes(check: Check, path: str, source: str) -> None:
    assert check(path, source) == []


def test_a_length_exception_covers_only_what_it_names() -> None:
    assert lengths("a.py", LONG_FUNCTION, {"a.py:f": 100}) == []
    assert lengths("a.py", LONG_FUNCTION, {"a.py:g": 100}) != []


def test_a_module_missing_from_the_map_is_found() -> None:
    assert unmapped("p/__init__.py", '"""Map: unit decides; runner acts."""', ["unit", "run"]) == [
        "p/__init__.py:1: the docstring does not name run"
    ]


def test_files_and_functions_stay_short_enough_to_read_at_once() -> None:
    none_of(findings(lengths, ["src/**/*.py", "lab/**/*.py", "tests/**/*.py", "bench/**/*.py"]))


def test_programs_are_started_in_one_file_only() -> None:
    found = findings(no_programs, ["src/**/*.py"])
    none_of([finding for finding in found if not finding.startswith(PROCESS_FILE + ":")])


def test_modules_that_decide_touch_neither_clock_nor_network_nor_system() -> None:
    none_of(findings(no_effects, PURE))


def test_no_task_is_started_outside_a_group() -> None:
    none_of(findings(no_loose_tasks, ["src/**/*.py"]))


def test_the_sip_logic_runs_on_the_bare_standard_library() -> None:
    none_of(findings(sip_imports, ["src/voxgate_sip/**/*.py"]))


def test_the_control_plane_shares_only_the_policy_document_with_the_sip_logic() -> None:
    none_of(findings(sip_users, ["src/voxgate/**/*.py"]))


def test_the_docstring_of_a_package_is_its_map() -> None:
    found = []
    for init in sorted((ROOT / "src").glob("**/__init__.py")):
        modules = {path.stem for path in init.parent.glob("*.py")} - {"__init__"}
        packages = {path.parent.name for path in init.parent.glob("*/__init__.py")}
        found += unmapped(str(init.relative_to(ROOT)), init.read_text("utf-8"), modules | packages)
    none_of(found)


def test_no_module_has_a_name_that_means_two_things() -> None:
    names = [path for top in ("src", "lab", "tests", "bench") for path in (ROOT / top).glob("**/*.py")]
    none_of([str(path) for path in names if path.stem in NAMES_THAT_MEAN_TWO_THINGS])


def test_the_files_speak_of_the_project_alone() -> None:
    found = []
    for name in project_files():
        if name not in MAY_HOLD_THEM:
            found += forbidden_words(name, (ROOT / name).read_text(encoding="utf-8", errors="replace"))
    none_of(found)
