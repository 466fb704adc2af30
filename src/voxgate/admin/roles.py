"""Who may what. Pure."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a token or a user is for."""

    ADMIN = "admin"
    """Everything: the whole configuration, users, tokens, secrets, the way back."""
    OPERATOR = "operator"
    """Daily business: PBXs, trunks, lists, certificates, calls."""
    READ_ONLY = "read-only"
    """Looking."""
    TURN = "turn"
    """Fetching TURN credentials, and nothing else: for web pages."""


_INCLUDED = {
    Role.ADMIN: frozenset(Role),
    Role.OPERATOR: frozenset({Role.OPERATOR, Role.READ_ONLY, Role.TURN}),
    Role.READ_ONLY: frozenset({Role.READ_ONLY}),
    Role.TURN: frozenset({Role.TURN}),
}


def may(role: Role, needed: Role) -> bool:
    """Whether who has `role` may do what needs `needed`."""
    return needed in _INCLUDED[role]
