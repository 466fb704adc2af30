"""Loading: several files, secrets, the promised keys, and what arbitrary bytes do."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxgate.config.load import MAX_FILE_BYTES, Source, load, load_sources
from voxgate.config.pbxs import Balance
from voxgate.config.secrets import SecretPlaces
from voxgate.errors import ConfigError, Problem

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NO_SECRETS = SecretPlaces(Path("/nonexistent"), {})
EDGE = "edge: {domain: proxy.example.com}\n"
HQ = "pbxs:\n  hq: {names: [example.com], nodes: [172.16.0.10]}\n"


def problems_of(*texts: str) -> tuple[Problem, ...]:
    sources = tuple(Source(f"{number}.yaml", text) for number, text in enumerate(texts))
    with pytest.raises(ConfigError) as caught:
        load_sources(sources, NO_SECRETS, NOW)
    return caught.value.problems


def write(folder: Path, **files: str) -> Path:
    """`main=` is the main file, every other name a file in conf.d; returns the main file's path."""
    (folder / "conf.d").mkdir()
    for name, text in files.items():
        path = folder / "voxgate.yaml" if name == "main" else folder / "conf.d" / f"{name}.yaml"
        path.write_text(text)
    return folder / "voxgate.yaml"


def test_files_in_conf_d_are_joined_in_the_order_of_their_names(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        main=EDGE,
        b="pbxs:\n  branch: {names: [b.example.com], nodes: 172.16.8.10}\n",
        a=HQ,
        c="# nothing yet\n",
    )
    loaded = load(path)
    assert list(loaded.config.pbxs) == ["hq", "branch"]
    assert [Path(source.path).name for source in loaded.sources] == ["voxgate.yaml", "a.yaml", "b.yaml", "c.yaml"]


def test_the_same_value_in_two_files_is_good_and_another_one_names_both_places() -> None:
    assert load_sources((Source("0", EDGE), Source("1", EDGE + HQ)), NO_SECRETS, NOW)
    (problem,) = problems_of(EDGE + HQ, "# moved\nedge: {domain: other.example.com}\n")
    assert (problem.file, problem.line, problem.key) == ("1.yaml", 2, "edge.domain")
    assert "0.yaml:1" in problem.message


def test_a_number_and_a_truth_value_are_two_values() -> None:
    (problem,) = problems_of(EDGE + HQ + "health: {up_after: 1}\n", "health: {up_after: true}\n")
    assert (problem.file, problem.key) == ("1.yaml", "health.up_after")


def test_two_names_that_differ_in_capitals_only_are_one() -> None:
    text = EDGE + "pbxs:\n  hq: {names: [example.com/HQ, example.com/hq], nodes: [172.16.0.10]}\n"
    (problem,) = problems_of(text)
    assert problem.key == "pbxs.hq.names[1]"


def test_a_problem_cannot_rewrite_the_terminal_it_is_printed_on() -> None:
    (problem,) = problems_of(EDGE + HQ + '"\\e[2J\\r": 1\n')
    assert problem.key == "?[2J?"
    found = problems_of(EDGE + HQ + 'media: {ports: "\\e]0;x\\a"}\nhealth: {interval_seconds: "\\u009b"}\n')
    assert not [one for one in found if not str(one).replace("\n", "").isprintable()]


def test_problems_of_all_files_come_in_the_order_of_the_files() -> None:
    found = problems_of("edge: {}\n", "pbxs:\n  hq: {names: [], nodes: [x.example]}\n")
    assert [(problem.file, problem.key) for problem in found] == [
        ("0.yaml", "edge.domain"),
        ("1.yaml", "pbxs.hq.names"),
        ("1.yaml", "pbxs.hq.nodes[0]"),
    ]


def test_syntax_mistakes_of_several_files_are_named_together() -> None:
    assert [problem.file for problem in problems_of("a: [", EDGE, "b: {")] == ["0.yaml", "2.yaml"]


def test_a_contradiction_is_named_beside_mistakes_elsewhere() -> None:
    text = EDGE + "health: {interval_seconds: 0}\n" + HQ + "  other: {names: example.com, nodes: 172.16.0.11}\n"
    assert [problem.key for problem in problems_of(text)] == ["health.interval_seconds", "pbxs.other.names"]


def test_two_pbxs_may_share_an_address_on_different_ports() -> None:
    text = EDGE + HQ + "  other: {names: b.example.com, nodes: 172.16.0.10, sip: {udp: 5080}}\n"
    assert load_sources((Source("0", text),), NO_SECRETS, NOW)


def test_words_of_yaml_1_1_stay_words() -> None:
    text = EDGE + "pbxs:\n  no: {names: [yes.example, 'on'], nodes: [172.16.0.10], balance: priority}\n"
    pbx = load_sources((Source("0", text),), NO_SECRETS, NOW).config.pbxs["no"]
    assert pbx.names == ("yes.example", "on")
    assert pbx.balance is Balance.PRIORITY


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(lambda path: None, "does not exist", id="missing"),
        pytest.param(lambda path: path.mkdir(), "is not a file", id="folder"),
        pytest.param(lambda path: path.write_bytes(b"#" * (MAX_FILE_BYTES + 1)), "too large", id="too large"),
        pytest.param(lambda path: path.write_bytes(b"edge: \xff\xfe"), "not UTF-8", id="not UTF-8"),
        pytest.param(lambda path: path.write_text("a: \0"), "does not allow", id="null byte"),
        pytest.param(lambda path: path.write_text("[" * 100_000), "too deep", id="deep brackets"),
        pytest.param(lambda path: path.write_text("- a\n"), "not a mapping", id="list"),
        pytest.param(lambda path: path.write_text("{a: 1}: 2\n"), "key must be a word", id="mapping as key"),
        pytest.param(lambda path: path.write_text("a: &a [*a]\n"), "aliases", id="recursive alias"),
    ],
)
def test_what_cannot_be_read_is_a_problem(tmp_path: Path, make: object, words: str) -> None:
    path = tmp_path / "voxgate.yaml"
    assert callable(make)
    make(path)
    with pytest.raises(ConfigError) as caught:
        load(path)
    (problem,) = caught.value.problems
    assert words in problem.message
    assert problem.advice


def test_too_many_files_are_refused_before_they_are_read(tmp_path: Path) -> None:
    path = write(tmp_path, main=EDGE + HQ)
    for number in range(2001):
        (tmp_path / "conf.d" / f"{number}.yaml").touch()
    with pytest.raises(ConfigError, match="2001 files"):
        load(path)


def test_a_later_check_gets_file_and_line_for_its_keys() -> None:
    loaded = load_sources((Source("f", EDGE + HQ),), NO_SECRETS, NOW)
    later = ConfigError((Problem("", 0, "pbxs.hq.nodes[0]", "m", "a"), Problem("", 0, "edge.interface", "m", "a")))
    assert [(one.file, one.line) for one in loaded.place(later).problems] == [("f", 3), ("f", 1)]


KEYS = st.sampled_from(
    ["edge", "domain", "pbxs", "hq", "nodes", "names", "listen", "sip", "udp", "media", "ports", "x"]
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(["example.com", "172.16.0.10", "auto", "!secret x", "10-20", "é", "*", "&a", "|", "'", "\t"]),
    st.text(max_size=8),
)
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4))


def _yaml_of(tree: object) -> str:
    """Flow style, deliberately without any quoting."""
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{key}: {_yaml_of(value)}" for key, value in tree.items()) + "}"
    if isinstance(tree, list):
        return "[" + ", ".join(map(_yaml_of, tree)) + "]"
    return str(tree)


@given(st.one_of(st.text(), TREES.map(_yaml_of), st.text(alphabet="edgpbxs: \n-[]{}'\"#&*!|>%@`?,\t0123")))
def test_no_text_leads_to_anything_but_problems(text: str) -> None:
    found: tuple[Problem, ...] = ()
    try:
        load_sources((Source("f", text),), NO_SECRETS, NOW)
    except ConfigError as error:
        found = error.problems
    assert all(problem.advice and problem.file == "f" for problem in found)


@given(st.binary())
def test_no_bytes_lead_to_anything_but_problems(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "voxgate.yaml"
        path.write_bytes(content)
        with pytest.raises(ConfigError):
            load(path, NO_SECRETS, NOW)
