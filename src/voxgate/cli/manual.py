"""The reference page of the command line, made from the verbs' own parsers.

Not from argparse's help: its words and line breaks differ between versions of Python.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_INTRODUCTION = """\
# The command line

This page is made from the program by `voxgate reference cli`; do not edit it.

    voxgate [--state-dir DIR] [--run-dir DIR] VERB ...

| folder | default | holds |
|---|---|---|
| `--state-dir` | `$VOXGATE_STATE_DIR` or `/var/lib/voxgate` | generations, certificates, bans, call records |
| `--run-dir` | `$VOXGATE_RUN_DIR` or `/run/voxgate` | sockets and what is made for the engines |

Exit codes: 0 good, 1 something failed, 2 wrong usage or a mistake in the configuration; 130 after Ctrl-C. With `--json`
a verb prints what programs read; what people read may change between versions, what programs read only grows.
"""
_FOLDERS = {"--state-dir", "--run-dir"}


def command_line(parser: argparse.ArgumentParser) -> str:
    """The page in Markdown; `parser` knows every verb."""
    return "\n".join([_INTRODUCTION, *_verbs(parser, "voxgate", "##")])


def _verbs(parser: argparse.ArgumentParser, words: str, heading: str) -> Iterator[str]:
    for choice, own, text in _subcommands(parser):
        command = f"{words} {choice}"
        yield from (f"{heading} {command}", "", f"{text[:1].upper()}{text[1:]}.", "")
        yield from _arguments(own, command)
        yield from _verbs(own, command, f"{heading}#")


def _subcommands(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser, str]]:
    """Word, parser and sentence of each subcommand."""
    for action in _actions(parser):
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - argparse has no public name for it
            for one in action._get_subactions():  # noqa: SLF001 - the only place that has their sentences
                yield one.dest, action.choices[one.dest], one.help or ""


def _arguments(parser: argparse.ArgumentParser, command: str) -> Iterator[str]:
    own = [one for one in _actions(parser) if not _is_known(one)]
    if not own:
        return
    places = [_placeholder(one) for one in own if not one.option_strings]
    options = ["[options]"] if any(one.option_strings for one in own) else []
    if not any(True for _ in _subcommands(parser)):
        yield from (f"    {' '.join([command, *options, *places])}", "")
    rows = [_row(one) for one in own if one.help]
    if rows:
        yield from ("| argument | meaning |", "|---|---|", *rows, "")


def _row(action: argparse.Action) -> str:
    name = ", ".join(action.option_strings) or _placeholder(action)
    value = f" {_value(action)}" if action.option_strings and action.nargs != 0 else ""
    repeated = isinstance(action, argparse._AppendAction) and "given" not in str(action.help)  # noqa: SLF001 - as above
    marks = ["may be repeated"] if repeated else []
    marks += ["needed"] if action.option_strings and action.required else []
    text = "; ".join([str(action.help).replace("%%", "%"), *marks]).replace("|", "\\|")
    cell = f"{name}{value}".replace("|", "\\|")
    return f"| `{cell}` | {text} |"


def _value(action: argparse.Action) -> str:
    if action.choices is not None and action.metavar is None:
        return "|".join(str(choice) for choice in action.choices)
    return str(action.metavar or action.dest.upper())


def _placeholder(action: argparse.Action) -> str:
    text = _value(action)
    match action.nargs:
        case "?":
            return f"[{text}]"
        case "*":
            return f"[{text} ...]"
        case "+":
            return f"{text} [...]"
        case _:
            return text


def _is_known(action: argparse.Action) -> bool:
    """The same in every verb, or shown as verbs of their own."""
    known = isinstance(action, argparse._HelpAction | argparse._SubParsersAction)  # noqa: SLF001 - as above
    return known or bool(_FOLDERS & set(action.option_strings))


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return parser._actions  # noqa: SLF001 - argparse has no public list of them
