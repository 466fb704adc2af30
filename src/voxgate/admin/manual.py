"""The reference page of the API, made from its OpenAPI document. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_INTRODUCTION = """\
# The API, request by request

This page is made from the program by `voxgate reference api`; do not edit it. [How the API is used](../api.md) is told
elsewhere: roles, ETags, dry runs. The same for programs, with every type: `GET /api/v1/openapi.json`.

Every request may be answered with a problem (`application/problem+json`, RFC 9457):

| status | when |
|---|---|"""
_PREFIX = "#/components/schemas/"
_CONFIG = "Config."
#: Model of the configuration -> its heading in the configuration's reference.
_SECTIONS = {"Pbx": "pbxs", "Trunk": "trunks"}


def requests(document: Mapping[str, Any]) -> str:
    """The page in Markdown from the whole OpenAPI document."""
    operations = [(method, path, one) for path, methods in document["paths"].items() for method, one in methods.items()]
    answers = {status: one for _, _, operation in operations for status, one in operation["responses"].items()}
    lines = [_INTRODUCTION, *(f"| {status} | {answers[status]['description']} |" for status in sorted(answers)
                              if status.startswith(("4", "5")))]  # fmt: skip
    for tag in dict.fromkeys(tag for _, _, operation in operations for tag in operation["tags"]):
        lines += ["", f"## {tag}", "", "| request | does | parameters | body | answer |", "|---|---|---|---|---|"]
        lines += [_row(method, path, one) for method, path, one in operations if tag in one["tags"]]
    lines += ["", "## Bodies", "", "What a body holds, and what an answer does.", ""]
    lines += _models(document["components"]["schemas"])
    return "\n".join(lines).rstrip() + "\n"


def _row(method: str, path: str, operation: Mapping[str, Any]) -> str:
    parameters = [one["name"] for one in operation.get("parameters", ()) if one["in"] != "path"]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    status, answer = next(iter(sorted(operation["responses"].items())))
    shown = answer.get("content", {}).get("application/json", {}).get("schema", {})
    cells = (
        f"`{method.upper()} {path}`",
        operation["description"].partition("\n\n")[0].replace("\n", " "),
        " ".join(f"`{name}`" for name in parameters),
        _kind(body),
        " ".join(part for part in (status, _kind(shown)) if part),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _kind(schema: Mapping[str, Any]) -> str:
    """A schema in a word or two, models as links."""
    if ref := schema.get("$ref"):
        return _link(ref.removeprefix(_PREFIX))
    if choices := schema.get("anyOf"):
        return " or ".join(dict.fromkeys(_kind(one) for one in choices))
    if "enum" in schema or "const" in schema:
        return " or ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    kind = str(schema.get("type", ""))
    return f"list of {_kind(schema.get('items', {})) or 'anything'}" if kind == "array" else kind


def _link(model: str) -> str:
    if model.startswith(_CONFIG):
        name = model.removeprefix(_CONFIG)
        return f"[{name}](configuration.md#{_SECTIONS[name]})" if name in _SECTIONS else name
    return f"[{model}](#{model.lower()})"


def _models(schemas: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(name for name in schemas if not name.startswith(_CONFIG)):
        schema = schemas[name]
        values = f" {_kind(schema)}." if "enum" in schema else ""
        yield from (f"### {name}", "", schema.get("description", "").replace("\n", " ") + values, "")
        if fields := schema.get("properties"):
            needed = schema.get("required", ())
            yield from ("| field | type | | meaning |", "|---|---|---|---|")
            for field, one in fields.items():
                mark = "needed" if field in needed else ""
                yield f"| `{field}` | {_kind(one)} | {mark} | {one.get('description', '')} |".replace("\n", " ")
            yield ""
