"""Export and import over HTTP. The browser sends and gets bytes; no path ever comes from it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from sca_nlp.errors import UnknownNameError
from sca_nlp.review.api import At, desk_of
from sca_nlp.review.exchange import FORMATS, export, take_in

router = APIRouter()


@router.get("/export/{format}")
def download(desk: At, format: str) -> Response:
    """Return all decisions, or the whole log, as a file."""
    if format not in FORMATS:
        raise UnknownNameError("export format", format, FORMATS)
    ending, kind = FORMATS[format]
    return Response(
        export(desk, format),
        media_type=kind,
        headers={"content-disposition": f'attachment; filename="annotations.{ending}"'},
    )


@router.post("/import")
async def upload(request: Request, format: Annotated[str, Query(max_length=20)]) -> dict[str, Any]:
    """Take decisions in from the body (content type application/octet-stream)."""
    content = await request.body()
    return await run_in_threadpool(take_in, desk_of(request), content, format)
