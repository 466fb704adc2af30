"""The description of the API; where it speaks of the configuration, with the configuration's own models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from voxgate.admin.problems import MEDIA_TYPE
from voxgate.config.model import Config

if TYPE_CHECKING:
    from fastapi import FastAPI

#: With a prefix: both sides have a `Health`.
_PREFIX = "Config."
_REF = f"#/components/schemas/{_PREFIX}{{model}}"


def install(app: FastAPI) -> None:
    """Have `app` describe itself like this."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = description(app)
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]


def description(app: FastAPI) -> dict[str, Any]:
    """The whole OpenAPI document."""
    document = get_openapi(
        title=app.title, version=app.version, summary=app.summary, routes=app.routes, separate_input_output_schemas=True
    )
    schemas = document["components"]["schemas"]
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    _, models = models_json_schema([(Config, "validation")], ref_template=_REF)
    schemas |= {f"{_PREFIX}{name}": model for name, model in models.get("$defs", {}).items()}
    for path in document["paths"].values():
        for operation in path.values():
            _problems(operation["responses"])
            _model(operation)
    return document


def _problems(responses: dict[str, Any]) -> None:
    """Errors have a media type of their own."""
    for status, response in responses.items():
        content = response.get("content", {})
        if status.startswith(("4", "5")) and "application/json" in content:
            content[MEDIA_TYPE] = content.pop("application/json")


def _model(operation: dict[str, Any]) -> None:
    """A body that is a part of the configuration has that part's model."""
    if name := operation.pop("x-model", None):
        operation["requestBody"]["content"]["application/json"]["schema"] = {"$ref": _REF.format(model=name)}
