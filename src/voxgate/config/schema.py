"""JSON Schema for editors and the reference page, both made from the model. Pure."""

from __future__ import annotations

import json

import yaml

from voxgate.config.keys import keys
from voxgate.config.later import LATER, LATER_VALUES
from voxgate.config.model import Config
from voxgate.config.profiles import profiles

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TAG_NOTE = (
    "Keys that hold a secret take `!secret NAME`; an editor must be told this tag "
    '(yaml-language-server: "yaml.customTags": ["!secret scalar"]).'
)

_INTRODUCTION = """\
# The configuration, key by key

This page is made from the model by `voxgate reference`; do not edit it.

One file, `/etc/voxgate/voxgate.yaml`, says everything. Files `conf.d/*.yaml` beside it are joined to it in
the order of their names: mappings are joined key by key; a value or a list may stand in one file only, or the same
in several. `voxgate check FILE` names every mistake with file, line and key.

* The file is YAML 1.2 in UTF-8: `yes`, `no`, `on` and `off` are words; write `true` and `false`.
* Where a list is allowed, one value may stand alone: `public_address: 203.0.113.45`.
* An address alone stands for a node: `nodes: [172.16.0.10]`.
* Aliases (`*name`) and several documents in one file are not supported.
* `!secret NAME` stands for a secret that is kept elsewhere. It is looked up in the environment variable
  `VOXGATE_SECRET_<NAME>` (in capitals, `-` becomes `_`), then in the file `secrets/NAME` beside the
  configuration (readable by its owner only), then in systemd's credential `NAME`.
"""


def json_schema() -> str:
    """The JSON Schema (draft 2020-12) of the file as text that ends with a line feed."""
    schema = Config.model_json_schema(mode="validation")
    described = {
        "$schema": _DIALECT,
        **schema,
        "title": "Voxgate configuration",
        "description": f"{schema['description']} {_TAG_NOTE}",
    }
    return json.dumps(described, indent=2, ensure_ascii=False) + "\n"


def reference() -> str:
    """The reference page in Markdown: each key with its type, default and sentence, then what comes later."""
    lines = [_INTRODUCTION]
    for key in keys(Config):
        if key.path.count(".") == 0:
            lines += [f"## {key.path}", "", key.sentence, ""]
            if key.default:
                lines += [f"Default: `{key.default}`", ""]
            lines += ["| key | type | default | meaning |", "|---|---|---|---|"]
            lines += [_row(inner.path, inner.kind, _default(inner.required, inner.default), inner.sentence)
                      for inner in keys(Config) if inner.path.startswith(f"{key.path}.")]  # fmt: skip
            lines.append("")
    lines += _profiles()
    lines += ["## Not supported by this version", "", "These keys lead to a message of their own.", ""]
    lines += ["| key | until then |", "|---|---|"]
    lines += [_row(f"{path}", advice) for path, advice in LATER.items()]
    lines += [_row(f"{path}: {value}", advice) for (path, value), advice in LATER_VALUES.items()]
    return "\n".join(lines) + "\n"


def _profiles() -> list[str]:
    lines = [
        "## Provider profiles",
        "",
        "`profile: NAME` in a trunk stands for these keys; what you write goes before them.",
        "",
    ]
    for profile in profiles().values():
        settings = yaml.safe_dump(dict(profile.settings), sort_keys=False, default_flow_style=None, width=110).rstrip()
        lines += [f"### {profile.name}", "", f"{profile.summary} {profile.docs}", ""]
        lines += [f"You write: {profile.needs}.", "", "```yaml", settings, "```", ""]
    return lines


def _default(required: bool, default: str) -> str:
    if required:
        return "(needed)"
    return f"`{default}`" if default else ""


def _row(key: str, *cells: str) -> str:
    return "| " + " | ".join((f"`{key}`", *(cell.replace("|", "\\|") for cell in cells))) + " |"
