"""Drawings of sites for the documentation, as SVG: `python -m lab.drawing FOLDER`. Pure but for writing them.

They are made from the topologies that the tests build, so that a drawing cannot say anything else. They bring their own
light background and can be read on a dark page as well.
"""

from __future__ import annotations

import sys
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from lab.sites import SITES, Site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.topology import Host

WIDTH, MARGIN, BOX, BOX_HEIGHT, BAR, GAP = 720, 24, 214, 66, 26, 26
PAPER, INK, FAINT, WIRE = "#ffffff", "#1d2b33", "#56707d", "#8aa0aa"
FILLS = {"edge": "#00897b", "pbx": "#cfe3f7", "phone": "#fdeecb", "stranger": "#f7d9d5", "": "#e8edf0"}
NAMES = {
    "edge": "Voxgate",
    "pbx-hq": "PBX",
    "phone-home": "phone at home",
    "phone-lan": "phone in the office",
    "phone-floor": "phone",
    "router-home": "NAT router",
    "router": "NAT router",
    "outer": "outer firewall, NAT",
    "inner": "inner firewall",
    "gate": "router",
    "stranger": "anybody",
}


def draw(site: Site) -> str:
    """The SVG of one site."""
    heights = [BAR if _is_segment(site, row) else BOX_HEIGHT for row in site.rows]
    tops = [MARGIN + sum(heights[:index]) + GAP * index for index in range(len(heights))]
    height = tops[-1] + heights[-1] + MARGIN
    bars = {row[0]: top for row, top in zip(site.rows, tops, strict=True) if _is_segment(site, row)}
    parts: list[str] = []
    for row, top in zip(site.rows, tops, strict=True):
        parts += _bar(row[0], row[1], top) if _is_segment(site, row) else _boxes(site, row, top, bars)
    title = escape(site.topology.summary)
    words = f'role="img" aria-label="{title}" font-family="sans-serif" font-size="13"'
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {words}>',
            f"<title>{title}</title>",
            f'<rect width="{WIDTH}" height="{height}" rx="8" fill="{PAPER}"/>',
            *parts,
            "</svg>\n",
        )
    )


def _is_segment(site: Site, row: tuple[str, ...]) -> bool:
    return row[0] in site.topology.segments


def _bar(segment: str, caption: str, top: int) -> Iterator[str]:
    """A segment: everything that touches it can speak with everything else on it."""
    outside = segment in {"net", "home"}
    dash = ' stroke-dasharray="5 4"' if outside else ""
    width = WIDTH - 2 * MARGIN
    yield (
        f'<rect x="{MARGIN}" y="{top}" width="{width}" height="{BAR}" rx="13" fill="#f4f7f8" stroke="{WIRE}"{dash}/>'
    )
    yield f'<text x="{MARGIN + 14}" y="{top + 18}" fill="{FAINT}">{escape(caption)}</text>'


def _boxes(site: Site, names: tuple[str, ...], top: int, bars: dict[str, int]) -> Iterator[str]:
    """The hosts of a row, each with a wire to every segment it is plugged into."""
    step = (WIDTH - 2 * MARGIN) / len(names)
    for index, name in enumerate(names):
        host = site.topology.host(name)
        middle = round(MARGIN + step * (index + 0.5))
        for port in host.interfaces:
            if (bar := bars.get(port.segment)) is not None:
                start, end = (bar + BAR, top) if bar < top else (top + BOX_HEIGHT, bar)
                yield f'<line x1="{middle}" y1="{start}" x2="{middle}" y2="{end}" stroke="{WIRE}" stroke-width="2"/>'
        yield from _box(host, _lines(site, host), middle, top)


def _box(host: Host, lines: list[str], middle: int, top: int) -> Iterator[str]:
    kind = next((kind for kind in FILLS if kind and host.name.startswith(kind)), "")
    ink = PAPER if kind == "edge" else INK
    yield (
        f'<rect x="{middle - BOX // 2}" y="{top}" width="{BOX}" height="{BOX_HEIGHT}" rx="6" fill="{FILLS[kind]}" '
        f'stroke="{INK}" stroke-opacity="0.35"/>'
    )
    weights = ["bold", *["normal"] * (len(lines) - 1)]
    first = top + BOX_HEIGHT // 2 + 5 - 8 * (len(lines) - 1)
    for number, (line, weight) in enumerate(zip(lines, weights, strict=True)):
        place = f'x="{middle}" y="{first + 16 * number}" text-anchor="middle" font-weight="{weight}"'
        yield f'<text {place} fill="{ink}">{escape(line)}</text>'


def _lines(site: Site, host: Host) -> list[str]:
    """Name and addresses, a line for each interface; of a NAT router the outer one alone."""
    name = NAMES[host.name] + (" and PBX" if host.name == site.pbx == "edge" else "")
    ports = host.interfaces[:1] if host.name != "edge" and host.router and host.router.nat else host.interfaces
    return [name, *(" · ".join(held.partition("/")[0] for held in port.addresses) for port in ports)]


def main(folder: Path) -> None:
    """Write all of them. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for site in SITES.values():
        (folder / f"{site.name}.svg").write_text(draw(site), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
