"""Templates of engines' files, strict: a name that is not given is an error, never an empty line. Pure."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined


@cache
def _environment() -> Environment:
    # Plain text for engines, not HTML: escaping would break quotes. Values are typed and checked by the model.
    return Environment(
        loader=FunctionLoader(lambda name: (files(__package__) / "templates" / name).read_text("utf-8")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - see above
    )


def render(template: str, **values: object) -> bytes:
    """The text of `templates/<template>` with `values`. Raises jinja2.UndefinedError for a missing value."""
    return _environment().get_template(template).render(**values).encode()
