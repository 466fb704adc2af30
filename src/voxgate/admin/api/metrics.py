"""`/metrics`, for Prometheus."""

from ipaddress import ip_address

from fastapi import APIRouter, Request, Response

from voxgate.admin.auth import address_of, around_of, caller_of
from voxgate.admin.metrics.exposition import CONTENT_TYPE
from voxgate.admin.problems import ApiError
from voxgate.admin.roles import Role, may
from voxgate.wire.admin_request import MetricsRequest

router = APIRouter()


@router.get("/metrics", operation_id="metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """The edge and its engines, in the text format of Prometheus; with a token, or from `admin.metrics_from`."""
    caller = caller_of(request)
    if caller is None and not _trusted(request):
        raise ApiError(401, "who asks?", "send a token, or add your network to admin.metrics_from")
    if caller is not None and not may(caller.role, Role.READ_ONLY):
        raise ApiError(403, f"this needs the role {Role.READ_ONLY}", f"yours is {caller.role}")
    told = await around_of(request).desk.ask(MetricsRequest(), caller.who if caller else "metrics")
    return Response(str(told.data["text"]), media_type=CONTENT_TYPE)


def _trusted(request: Request) -> bool:
    """By address alone."""
    admin = around_of(request).config().admin
    source = ip_address(address_of(request).partition("%")[0])
    source = getattr(source, "ipv4_mapped", None) or source
    return admin is not None and any(source in network for network in admin.metrics_from)
