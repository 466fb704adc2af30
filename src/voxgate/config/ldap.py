"""LDAP: where it is listened for, and where a PBX takes it."""

from __future__ import annotations

from voxgate.config.services import ServiceListen, ServiceTarget


class LdapListen(ServiceListen):
    """Ports for LDAP. On the plain port, a client may begin TLS with StartTLS."""


class LdapTarget(ServiceTarget):
    """Where a PBX takes LDAP: its own directory, or one beside it."""
