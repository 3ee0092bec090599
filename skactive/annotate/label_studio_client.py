"""What is asked of a Label Studio server, by the standard library alone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

_PAGE = 1000  # tasks at once, the most that it gives
# What is read of tasks and, as the same list says, of their annotations
_READ = [
    "id",
    "data",
    "updated_at",
    "annotations",
    "created_at",
    "completed_by",
    "was_cancelled",
    "result",
    "lead_time",
]
# It may answer a moment later; 500 is what it says, too, while its database is locked.
_BUSY = (429, 500, 502, 503, 504)


class NotDone(RuntimeError):
    """Label Studio refused what was asked; `status` is HTTP's."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Unreachable(ConnectionError):
    """Label Studio could not be reached, and may or may not have done what was asked."""


class _NoRedirect(HTTPRedirectHandler):
    """Follows nobody elsewhere, where the token would go along."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        return None


class Client:
    """A server of Label Studio, and who asks it.

    What may be asked twice is asked again, after a pause that grows, while the server cannot be
    reached. What may not is up to the caller, who looks first at what came of it.
    """

    def __init__(
        self, url: str, token: str, *, timeout: float = 120.0, tries: int = 5, pause: float = 0.5
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError(
                f"LabelStudio got url={url!r}; write the address of the server, such as "
                f"'http://127.0.0.1:8080'."
            )
        if not isinstance(token, str) or not token.strip():
            raise ValueError(
                "LabelStudio got no token; make a personal access token on the server's account "
                "page, and give it as token=."
            )
        self.url, self._token = url.rstrip("/"), token.strip()
        self._is_personal = self._token.count(".") == 2  # else one of the older kind
        self._access: str | None = None
        self._timeout, self._tries, self._pause = timeout, tries, pause
        self.patience = 4 * pause  # seconds after which what was sent has come, or never will
        self._open = build_opener(_NoRedirect).open

    # What is asked

    def people(self) -> dict[int, str]:
        """Return the names of the people: their e-mail, or else what they are called."""
        found = {}
        for each in self._ask("GET", "/api/users/"):
            called = f"{each.get('first_name') or ''} {each.get('last_name') or ''}".strip()
            name = each.get("email") or called or each.get("username") or f"user {each['id']}"
            found[each["id"]] = name.strip()
        return found

    def projects_called(self, title: str) -> list[dict[str, Any]]:
        """Return the projects of exactly this title."""
        query = urlencode({"title": title, "page_size": _PAGE})
        found = self._ask("GET", f"/api/projects/?{query}")
        each = found["results"] if isinstance(found, Mapping) else found
        return [project for project in each if project.get("title") == title]

    def project(self, number: int) -> dict[str, Any]:
        """Return a project."""
        return self._ask("GET", f"/api/projects/{number}/")

    def make_project(self, title: str, label_config: str) -> dict[str, Any]:
        """Make a project."""
        body = {"title": title, "label_config": label_config}
        return self._ask("POST", "/api/projects/", body, twice=False)

    def change_project(self, number: int, **settings: Any) -> dict[str, Any]:
        """Change settings of a project."""
        return self._ask("PATCH", f"/api/projects/{number}/", settings)

    def import_tasks(self, number: int, data: Sequence[Mapping[str, Any]]) -> list[int]:
        """Make tasks of these data, and return their numbers, in this order."""
        path = f"/api/projects/{number}/import?return_task_ids=true"
        found = self._ask("POST", path, [{"data": each} for each in data], twice=False)
        return found["task_ids"]

    def tasks(self, number: int, since: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield the tasks of a project with their annotations: all, or those changed since then."""
        given: dict[str, Any] = {"project": number, "page_size": _PAGE, "fields": "all"}
        query = ""
        if since is not None:
            item = {"filter": "filter:tasks:updated_at", "operator": "greater"}
            item |= {"type": "Datetime", "value": since}
            filters = {"filters": {"conjunction": "and", "items": [item]}}
            query = f"&query={quote(json.dumps(filters), safe='')}"
        page, n, total = 1, 0, 1
        while n < total:
            asked = urlencode({"project": number, "page": page} | given)
            path = f"/api/tasks/?{asked}&include={','.join(_READ)}{query}"
            found = self._ask("GET", path)
            total, page, n = found["total"], page + 1, n + len(found["tasks"])
            yield from found["tasks"]
            if not found["tasks"]:
                break

    def versions(self, number: int) -> dict[str, int]:
        """Return how many predictions of each version a project has."""
        return self._ask("GET", f"/api/projects/{number}/model-versions/")

    def import_predictions(self, number: int, predictions: Sequence[Mapping[str, Any]]) -> int:
        """Add predictions, and return how many became some."""
        path = f"/api/projects/{number}/import/predictions"
        return self._ask("POST", path, list(predictions), twice=False)["created"]

    def delete_version(self, number: int, version: str) -> None:
        """Delete all predictions of a version."""
        self._ask("DELETE", f"/api/projects/{number}/model-versions/", {"model_version": version})

    # How

    def _ask(self, method: str, path: str, body: Any = None, *, twice: bool = True) -> Any:
        """Return what the server answers; a token that has run out is renewed, once."""
        is_renewed = False
        while True:
            if self._is_personal and self._access is None:
                self._renew()
                is_renewed = True
            kind, token = ("Bearer", self._access) if self._is_personal else ("Token", self._token)
            try:
                return self._send(method, path, body, f"{kind} {token}", twice)
            except NotDone as refusal:
                if refusal.status != 401 or is_renewed or not self._is_personal:
                    raise
                self._access = None

    def _renew(self) -> None:
        found = self._send("POST", "/api/token/refresh/", {"refresh": self._token}, None, True)
        self._access = found["access"]

    def _send(self, method: str, path: str, body: Any, access: str | None, twice: bool) -> Any:
        """Send one request, again while the server cannot be reached, if it may come twice."""
        data = None if body is None else json.dumps(body).encode("ascii")
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if access is not None:
            headers["Authorization"] = access
        request = Request(self.url + path, data, headers, method=method)
        for n in range(self._tries if twice else 1):
            if n:
                time.sleep(self._pause * 2 ** (n - 1))
            try:
                with self._open(request, timeout=self._timeout) as answer:
                    return self._read(answer.read())
            except HTTPError as error:
                if error.code not in _BUSY:
                    raise self._refusal(error, method, path) from error
                reason: Exception = error
            except (URLError, HTTPException, OSError) as error:
                reason = error
        if isinstance(reason, HTTPError):
            what = f"{method} {path.partition('?')[0]}"
            raise Unreachable(
                f"Label Studio at {self.url} cannot do {what} at present ({reason}); its log says "
                f"why."
            ) from reason
        raise Unreachable(
            f"Label Studio at {self.url} cannot be reached ({reason}); start it, or give another "
            f"url=."
        ) from reason

    def _read(self, text: bytes) -> Any:
        if not text.strip():
            return None
        try:
            return json.loads(text)
        except ValueError as error:
            raise NotDone(
                200, f"{self.url} answers with what is no JSON; give the address of Label Studio."
            ) from error

    def _refusal(self, error: HTTPError, method: str, path: str) -> NotDone:
        """Return in a sentence what the server refused."""
        code, told = error.code, _told(error.read())
        what = f"{method} {path.partition('?')[0]}"
        if code == 401:
            text = (
                f"Label Studio at {self.url} does not take the token (401{told}); make a personal "
                f"access token on its account page, and give it as token=."
            )
        elif code == 403:
            text = (
                f"Label Studio does not let the owner of the token do {what} (403{told}); give the "
                f"token of somebody who may change the project."
            )
        elif code == 404:
            text = (
                f"Label Studio at {self.url} has nothing at {what} (404{told}); give the number of "
                f"a project that is there, or the address of the server alone."
            )
        elif 300 <= code < 400:
            there = error.headers.get("Location", "another address")
            text = f"{self.url} sends to {there}; give that as url=, if it is yours."
        else:
            text = f"Label Studio refused {what} ({code}{told})."
        return NotDone(code, text)


def _told(text: bytes) -> str:
    """Return what the server said of a refusal, shortened."""
    try:
        found = json.loads(text)
    except ValueError:
        return ""
    if isinstance(found, Mapping):
        found = found.get("validation_errors") or found.get("detail") or found
    return f": {found if isinstance(found, str) else json.dumps(found)}"[:400]
