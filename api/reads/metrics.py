"""Reading the metrics (读取运行指标): for who operates the machine, and for nobody else."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from api.access.identity import Identity, Role, identified
from api.http.openapi_docs import described
from api.http.problems import Denied


class MetricsNotAllowed(Denied):
    """运行指标只供运维人员（operator）读取。"""


async def _operating(identity: Annotated[Identity, Depends(identified)]) -> Identity:
    if Role.OPERATOR not in identity.roles:
        raise MetricsNotAllowed
    return identity


class Metrics:
    """The one endpoint Prometheus asks; it needs a token, since who may reach the port is no proof of anything."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def routes(self) -> APIRouter:
        router = APIRouter(tags=["运行"])
        router.add_api_route(
            "/metrics",
            self.text,
            response_class=Response,
            summary="运行指标（Prometheus 文本格式）",
            operation_id="getMetrics",
            responses={
                **described(401, 403, 503),
                200: {"description": "运行指标", "content": {"text/plain": {"schema": {"type": "string"}}}},
            },
        )
        return router

    def text(self, _: Annotated[Identity, Depends(_operating)]) -> Response:
        """请求数和用时、读模型落后、逾期、停放和连接池；不含任何户或人的信息。"""
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)
