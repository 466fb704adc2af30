"""`/api/v1/certificates`: what TLS clients are shown."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from voxgate.admin.auth import Around, Operator, Reader
from voxgate.wire.certs_request import CertsAction, CertsRequest

router = APIRouter()


class Renewal(BaseModel):
    """Which certificate is to be ordered now; null: all that ACME signs."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern="^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$")] | None = None


@router.get("/certificates", operation_id="list_certificates")
async def list_certificates(caller: Reader, around: Around) -> dict[str, Any]:
    """All certificates, who signed them, until when, and what is wrong with them."""
    return (await around.desk.ask(CertsRequest(CertsAction.LIST), caller.who)).data


@router.post("/certificates/renew", operation_id="renew_certificates")
async def renew(wish: Renewal, caller: Operator, around: Around) -> dict[str, Any]:
    """Order now. `alarms` tells what did not succeed."""
    return (await around.desk.ask(CertsRequest(CertsAction.RENEW, wish.name), caller.who)).data


@router.post("/certificates/verify", operation_id="verify_certificates")
async def verify(caller: Reader, around: Around) -> dict[str, Any]:
    """Ask every listener for every name what it shows."""
    return (await around.desk.ask(CertsRequest(CertsAction.VERIFY), caller.who)).data
