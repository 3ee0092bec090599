"""The page as a web application: routes over a desk, each a few lines, and who may pass."""

import asyncio
import html
import json
import re
import secrets
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any
from urllib.parse import parse_qs

from .access import Access
from .opinions import json_bytes, json_value
from .protocol import MAX_BODY, checked_answer, checked_filters, read_json, row_in
from .refused import Refused, needed
from .views import Views

PAGE = Path(__file__).with_name("page")
MEDIA = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
# Formats by what a file of them is called
EXPORTS = {
    "/export.csv": "csv",
    "/export.jsonl": "jsonl",
    "/export/label-studio.json": "label-studio",
    "/export/prodigy.jsonl": "prodigy",
    "/export/doccano.jsonl": "doccano",
}
_RANGE = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})")
_CHUNK = 1 << 16
MOST_FILES = 2  # that are made at once: 100 million pixels take seconds, and 0.8 GB
_INERT = {"content-security-policy": "default-src 'none'; sandbox"}  # of what comes from rows
_TITLE = "Labelling"


def make_app(desk: Any, views: Views, access: Access) -> Any:
    """Return the application of starlette that shows the page over a desk.

    Whoever asks is let in by `access`, and what does not change is answered by `views`.
    """
    needed("starlette")
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.requests import ClientDisconnect
    from starlette.routing import Route

    room = _Routes(desk, views, access)
    gets = {
        "/": room.index,
        "/page/{name}": room.page,
        "/api/setup": room.setup,
        "/api/guess/{row}": room.guess,
        "/api/status": room.status,
        "/api/rows": room.rows,
        "/item/{row}": room.item,
        **dict.fromkeys(EXPORTS, room.export),
    }
    routes = [Route(path, answer) for path, answer in gets.items()]
    routes.append(Route("/api/answer", room.answer, methods=["POST"]))
    return Starlette(
        routes=routes,
        middleware=[Middleware(Doorkeeper, access=access)],
        exception_handlers={
            Refused: _refused,
            OSError: _unavailable,
            ClientDisconnect: _unavailable,
            404: _no_such,
            405: _no_such,
            Exception: _failed(access),
        },
    )


class Doorkeeper:
    """What stands before all routes: nobody passes without a cookie but who has a link."""

    def __init__(self, app: Any, access: Access) -> None:
        self.app, self.access = app, access

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request, or refuse it; each answer has the headers that all have."""
        if scope["type"] != "http":  # no websocket finds a route
            return await self.app(scope, receive, send)

        async def told(message: Any) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                own = _encoded({"cache-control": "no-store"} | self.access.headers)
                more = [pair for pair in own if pair[0] not in given]
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        headers = defaultdict(list)
        for name, value in scope["headers"]:
            headers[name.decode("latin-1").lower()].append(value.decode("latin-1"))
        try:
            self.access.check(scope["method"], headers)
            scope["annotator"] = self._who(scope, headers)
        except Refused as refused:
            return await _answer_of(refused, scope["path"])(scope, receive, told)
        await self.app(scope, receive, told)

    def _who(self, scope: Any, headers: Mapping[str, list[str]]) -> str:
        """Return who asks, by the link or by the cookie that it gave."""
        if scope["path"] == "/":  # the address that other pages may lead to
            tokens = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
            if tokens:
                return self.access.named_by_token(tokens[-1])
        else:
            self.access.check_reader(headers)
        return self.access.named_by_cookie(headers)


class _Routes:
    """One method for each route; what may wait does so in a thread."""

    def __init__(self, desk: Any, views: Views, access: Access) -> None:
        self.desk, self.views, self.access = desk, views, access
        self.files = {path.name: path for path in PAGE.glob("*") if path.suffix in MEDIA}
        self.version = secrets.token_hex(8)  # other rows may be there after a restart
        self.making = asyncio.Semaphore(MOST_FILES)  # or clicks would wait for a thread

    async def index(self, request: Any) -> Any:
        """The page, or to whom comes by a link a cookie."""
        if "token" in request.query_params:
            return self._entered(request)
        return await self._file("index.html")

    def _entered(self, request: Any) -> Any:
        """Return what gives a browser its cookie, and then leads on without the token.

        A redirect would be part of the navigation that began on another site, in a mail say, and
        the browser would keep the cookie from it.
        """
        from starlette.responses import HTMLResponse

        is_secure = request.url.scheme == "https"
        cookie = self.access.cookie_for(request.scope["annotator"], is_secure=is_secure)
        headers = {"refresh": "0; url=/", "set-cookie": cookie, "referrer-policy": "no-referrer"}
        return HTMLResponse(_document('<a href="/">Go on to the page</a>'), headers=headers)

    async def page(self, request: Any) -> Any:
        """A script or a style sheet."""
        return await self._file(request.path_params["name"])

    async def _file(self, name: str) -> Any:
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import Response

        if name not in self.files:
            raise Refused(404, "there is no such file.")
        path = self.files[name]
        content = await run_in_threadpool(path.read_bytes)
        return Response(content, headers={"content-type": MEDIA[path.suffix]})

    async def setup(self, request: Any) -> Any:
        """What the page has to know before the first card."""
        return await _json(self.desk.setup, request.scope["annotator"])

    async def answer(self, request: Any) -> Any:
        """Answers, and the next cards."""
        who = request.scope["annotator"]
        given = checked_answer(read_json(await _body_of(request)), who)
        return await _json(self.desk.answer, who, given)

    async def guess(self, request: Any) -> Any:
        """What the model makes of a row."""
        row = row_in(request.path_params["row"])
        try:
            return await _json(self.desk.guess, request.scope["annotator"], row)
        except Refused as refused:
            if refused.status != 403:
                raise
            return await _json(dict, why=refused.text)  # no error in a browser's console

    async def status(self, request: Any) -> Any:
        """How far it is."""
        return await _json(self.views.status)

    async def rows(self, request: Any) -> Any:
        """Rows that were answered, newest first."""
        filters = checked_filters(request.query_params)
        return await _json(self.views.rows, **filters)

    async def item(self, request: Any) -> Any:
        """The image, the audio or the whole text of a row."""
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import Response

        row, full = row_in(request.path_params["row"]), "full" in request.query_params
        tag = f'"{self.version}-{row}-{full:d}"'
        headers = {**_INERT, "cache-control": "private, no-cache", "etag": tag}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        async with self.making:
            data, media = await run_in_threadpool(self.views.items.file, row, full)
        headers |= {"content-type": media, "accept-ranges": "bytes"}
        status, data, more = _part_of(data, request.headers.get("range", ""))
        return Response(data, status, headers | more)

    async def export(self, request: Any) -> Any:
        """All answers, as a file."""
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import StreamingResponse

        path = request.url.path
        file = await run_in_threadpool(self.views.export, EXPORTS[path])
        name, ending = path.strip("/").replace("/", "-"), Path(path).suffix
        media = {".csv": "text/csv", ".json": "application/json"}.get(ending, "application/jsonl")
        headers = {
            **_INERT,
            "content-disposition": f'attachment; filename="{name}"',
            "content-type": f"{media}; charset=utf-8",
        }
        return StreamingResponse(_chunks(file), headers=headers)


async def _json(work: Any, *args: Any, **kwargs: Any) -> Any:
    """Return what a function returns, which may take its time."""
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import Response

    body = _as_json(await run_in_threadpool(work, *args, **kwargs))
    return Response(body, media_type="application/json")


def _as_json(value: Any) -> bytes:
    """Return a value as JSON, whatever an estimator or a file name brought into it."""
    try:
        told = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return told.encode("utf-8")
    except ValueError:  # NaN, or half a character
        return json_bytes(json_value(value))


async def _body_of(request: Any) -> bytes:
    """Return what was sent, refusing more than is read."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise Refused(413, f"the request has more than {MAX_BODY:,} bytes; send less at once.")
    return bytes(body)


def _part_of(data: bytes, asked: str) -> tuple[int, bytes, dict[str, str]]:
    """Return the part of a file that a player asks for when somebody seeks, or all of it."""
    match = _RANGE.fullmatch(asked)
    if match is None or not any(match.groups()):
        return 200, data, {}
    n, (first, last) = len(data), match.groups()
    start = int(first) if first else max(0, n - int(last))
    stop = min(n, int(last) + 1) if first and last else n
    if start >= stop:
        return 416, b"", {"content-range": f"bytes */{n}"}
    return 206, data[start:stop], {"content-range": f"bytes {start}-{stop - 1}/{n}"}


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    """Yield a file in pieces, and close it."""
    with file:
        while chunk := file.read(_CHUNK):
            yield chunk


# Refusals


def _answer_of(refused: Refused, path: str) -> Any:
    """Return a refusal: for whoever opens the page a sentence to read, else one in JSON."""
    from starlette.responses import HTMLResponse, JSONResponse

    if path == "/":
        return HTMLResponse(_document(html.escape(refused.text)), refused.status)
    return JSONResponse({"why": refused.text}, refused.status)


def _document(body: str) -> str:
    # The icon is none, or browsers would ask for /favicon.ico.
    head = f'<title>{_TITLE}</title><link rel="icon" href="data:,">'
    return f'<!doctype html><html lang="en">{head}<p>{body}</p></html>'


async def _refused(request: Any, error: Any) -> Any:
    return _answer_of(error, request.url.path)


async def _unavailable(request: Any, error: Any) -> Any:
    """The pool's file is locked, its disk is full: what was sent may be sent again."""
    sentence = (
        f"the pool's file cannot be used just now ({error}); what was not acknowledged comes again."
    )
    return _answer_of(Refused(503, sentence), request.url.path)


async def _no_such(request: Any, error: Any) -> Any:
    said = "there is no such address." if error.status_code == 404 else "use another method."
    answer = _answer_of(Refused(error.status_code, said), request.url.path)
    answer.headers.update(error.headers or {})
    return answer


def _failed(access: Access) -> Any:
    """Return what answers where an error passes on, into the log."""

    async def answer(request: Any, error: Any) -> Any:
        sentence = "something went wrong here, which the terminal shows; what you sent is kept."
        response = _answer_of(Refused(500, sentence), request.url.path)
        response.headers.update(access.headers)
        return response

    return answer


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
