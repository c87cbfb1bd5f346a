"""What a browser or a probe may ask: incidents as JSON, and how this process is. Read only.

`/incidents?state=open&limit=100`, `/incidents?fingerprint=<trouble>`, `/incidents/<id>`, `/startupz` and `/livez` (the
process answers), `/readyz` (it has its lanes and its Redis), `/healthz` (both, with reasons), `/metrics` (Prometheus).
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Any, TypeVar, get_args

import faust
import msgspec
from prometheus_client import CONTENT_TYPE_LATEST

from schemas.incident import State
from stream.incidents.numbers import Numbers
from stream.incidents.store import Store

ANSWER_S = 2.0  # for Redis, before a page says that it is away
MOST = 1_000  # incidents on one page
JSON = "application/json"
STATES: tuple[str, ...] = get_args(State)

T = TypeVar("T")


def add(app: faust.App, store: Store, numbers: Numbers, troubles: Callable[[], list[str]]) -> None:
    """Add the pages; `troubles` says in sentences why this process is not ready (an empty list: it is)."""

    @app.page("/incidents")
    async def incidents(web: Any, request: Any) -> Any:
        state, limit = request.query.get("state", ""), request.query.get("limit", str(MOST))
        trouble = request.query.get("fingerprint", "")
        if state and state not in STATES:
            return _answer(web, {"error": f"there is no state '{state}'; there are {', '.join(STATES)}"}, 400)
        if not limit.isdecimal() or not 1 <= int(limit) <= MOST:
            return _answer(web, {"error": f"limit is a number from 1 to {MOST}, not '{limit}'"}, 400)
        found = await _soon(store.latest())
        if found is None:
            return _away(web)
        asked = (each for each in found if state in ("", each.state) and (not trouble or trouble in each.members))
        return _answer(web, list(islice(asked, int(limit))))

    @app.page("/incidents/{id}")
    async def incident(web: Any, request: Any, id: str) -> Any:
        found = await _soon(_boxed(store.incident(id)))
        if found is None:
            return _away(web)
        if found[0] is None:
            return _answer(web, {"error": f"there is no incident '{id}'; /incidents lists them"}, 404)
        return _answer(web, found[0])

    @app.page("/startupz")
    async def startupz(web: Any, request: Any) -> Any:
        return web.text("ok\n")  # pages are served when everything else is there

    @app.page("/livez")
    async def livez(web: Any, request: Any) -> Any:
        return web.text("ok\n")

    @app.page("/readyz")
    async def readyz(web: Any, request: Any) -> Any:
        why = troubles()
        return web.text("\n".join(why or ["ok"]) + "\n", status=503 if why else 200)

    @app.page("/healthz")
    async def healthz(web: Any, request: Any) -> Any:
        why = troubles()
        return _answer(web, {"live": True, "ready": not why, "why": why}, 503 if why else 200)

    @app.page("/metrics")
    async def metrics(web: Any, request: Any) -> Any:
        found = await _soon(store.latest())
        numbers.redis_away.set(found is None)
        if found is not None:
            count = Counter(each.state for each in found)
            for state in STATES:
                numbers.incidents.labels(state).set(count[state])  # type: ignore[index]
        return web.bytes(numbers.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _answer(web: Any, value: object, status: int = 200) -> Any:
    return web.bytes(msgspec.json.encode(value), content_type=JSON, status=status)


def _away(web: Any) -> Any:
    return _answer(web, {"error": "Redis, which keeps the incidents, does not answer; try again in a moment"}, 503)


async def _soon(answer: Awaitable[T]) -> T | None:
    """The store waits for Redis as long as it takes; a person does not."""
    try:
        return await asyncio.wait_for(answer, ANSWER_S)
    except TimeoutError:
        return None


async def _boxed(answer: Awaitable[T]) -> tuple[T]:
    return (await answer,)
