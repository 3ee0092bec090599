"""Who may ask the page what: links, cookies, and what a request has to say of where it comes from.

Jupyter is the bar. A name is proved by its link. A page of another site, of another port of this
machine, or of a name that was made to lead here reads nothing and writes nothing.
"""

import hmac
import os
import re
import secrets
import socket
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from ..utils.checks import warn
from .refused import Refused

_READS = ("GET", "HEAD", "OPTIONS")
_OWN = ("same-origin", "none")  # of Sec-Fetch-Site: the page itself, or what a person typed
_SECRET = re.compile(r"[0-9a-f]{64}")
_FRAME = re.compile(r"[a-z][a-z0-9+.-]*:(//[A-Za-z0-9.*\[\]:-]+)?")
_FORBIDDEN = (
    "this page is open to those who have a link to it; open yours, as the terminal or the notebook "
    "shows it."
)


class Access:
    """Who may use a page: a link for each annotator, and what browsers are told and asked for.

    Parameters
    ----------
    store_path : str or path
        The pool's file. Beside it lies the secret from which links follow, which nobody else may
        read: they are the same after a restart.
    annotators : list of str
        Names, each proved by its own link.
    host : str, default="127.0.0.1"
        Where the server listens.
    port : int, default=8888
        On which port.
    allowed_origins : list of str, default=()
        Where else the page may be opened, as "https://label.example.org": behind a proxy, or
        through a tunnel.
    frames : list of str, default=()
        What may show the page in a frame, as sources of a Content-Security-Policy:
        "http://localhost:*" is any notebook of this machine. None: nothing.
    """

    def __init__(
        self,
        store_path: str | os.PathLike,
        annotators: Iterable[str],
        host: str = "127.0.0.1",
        port: int = 8888,
        allowed_origins: Sequence[str] = (),
        frames: Sequence[str] = (),
    ) -> None:
        self.annotators = list(annotators)
        self.host, self.port = host, port
        self.allowed_origins = [_checked_origin(each) for each in allowed_origins]
        self._hosts = _hosts_of(host, port, self.allowed_origins)
        self.cookie = f"skactive-{port}"  # cookies know no ports
        self.headers = _headers(frames)
        secret = _secret_in(Path(f"{os.fspath(store_path)}.token"))
        self._tokens = {name: _signed(secret, "link", name) for name in self.annotators}
        self._cookies = {name: _signed(secret, "cookie", name) for name in self.annotators}

    def links(self) -> dict[str, str]:
        """Return the link of each annotator, with its token."""
        host = socket.gethostname() if _is_everywhere(self.host) else _in_url(self.host)
        begin = next(iter(self.allowed_origins), f"http://{host}:{self.port}")
        return {name: f"{begin}/?token={token}" for name, token in self._tokens.items()}

    def named_by_token(self, token: str) -> str:
        """Return whose link a token is of, refusing one that is nobody's."""
        return _whose(token, self._tokens)

    def cookie_for(self, name: str, *, is_secure: bool) -> str:
        """Return the Set-Cookie header that lets a browser be somebody."""
        given = f"{self.cookie}={self._cookies[name]}; Path=/; HttpOnly; SameSite=Strict"
        return f"{given}; Secure" if is_secure else given

    def named_by_cookie(self, headers: Mapping[str, Sequence[str]]) -> str:
        """Return who asks, refusing whoever has no cookie."""
        for value in _cookies_called(self.cookie, headers.get("cookie", ())):
            # Servers on other ports can set one of this name too, which is then nobody's.
            with suppress(Refused):
                return _whose(value, self._cookies)
        raise Refused(403, _FORBIDDEN)

    def check(self, method: str, headers: Mapping[str, Sequence[str]]) -> None:
        """Refuse a request that came under a strange name, or from a page of somebody else.

        Headers are lists of values by names in lower case.
        """
        host = self._checked_host(headers.get("host", ()))
        if method in _READS:
            return
        origins = headers.get("origin", ())
        if len(origins) == 1 and origins[0] in (f"http://{host}", *self.allowed_origins):
            return
        raise Refused(
            403,
            f"this request comes from {_shown(origins)} and not from the page itself; if that is "
            f"where you have opened the page, through a proxy or a tunnel, name it in "
            f"allowed_origins (--allowed-origin).",
        )

    def check_reader(self, headers: Mapping[str, Sequence[str]]) -> None:
        """Refuse pages of somebody else, which browsers call so, what is only for the page."""
        if any(each not in _OWN for each in headers.get("sec-fetch-site", ())):
            raise Refused(403, "another page asked for this; open it from the labelling page.")

    def _checked_host(self, hosts: Sequence[str]) -> str:
        """Return as what a server was asked for, refusing a name that is not its own."""
        # A name that its owner made to lead here (DNS rebinding) arrives as that name.
        host = hosts[0].lower() if len(hosts) == 1 else ""
        if host in self._hosts or (not _is_loopback(self.host) and _is_address(host, self.port)):
            return host
        raise Refused(
            400,
            f"the page was asked for as {_shown(hosts)}, which is none of its names; if a proxy or "
            f"a tunnel leads to it under that one, name it in allowed_origins (--allowed-origin), "
            f"as in https://label.example.org.",
        )


# Secrets


def _secret_in(path: Path) -> bytes:
    """Return the secret in a file, which is made if it is not there."""
    made = _made(path)
    if not made and _is_readable_by_others(path):
        path.unlink()
        _made(path)
        warn(f"{str(path)!r} could be read by others; links are new, and old ones open nothing.")
    text = path.read_text(encoding="ascii", errors="replace").strip()
    if not _SECRET.fullmatch(text):
        raise ValueError(
            f"{str(path)!r} holds no token of a page; delete it, and links are made anew."
        )
    return bytes.fromhex(text)


def _made(path: Path) -> bool:
    """Make a file with a new secret, whole or not at all; False: there is one already."""
    if path.exists():
        return False
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(32))
        file.flush()
        os.fsync(file.fileno())
    try:
        # Neither replaces what another process has made meanwhile: links exist that follow from it.
        (os.rename if os.name == "nt" else os.link)(part, path)
    except FileExistsError:
        return False
    except OSError:  # some file systems, as of memory sticks, know no second name of a file
        if path.exists():
            return False
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return True


def _is_readable_by_others(path: Path) -> bool:
    """Whether others may read a file, where files have modes; it is closed to them then."""
    if os.name == "nt" or not path.stat().st_mode & 0o077:
        return False
    path.chmod(0o600)
    return not path.stat().st_mode & 0o077  # else this file system has none, and nothing is to do


def _signed(secret: bytes, what: str, name: str) -> str:
    return hmac.new(secret, f"{what}\0{name}".encode(), sha256).hexdigest()


def _whose(given: str, values: Mapping[str, str]) -> str:
    """Return whose value it is; all are compared, in a time that says nothing of them."""
    told = given.encode("utf-8", "replace")
    found = [name for name, own in values.items() if hmac.compare_digest(told, own.encode())]
    if not found:
        raise Refused(403, _FORBIDDEN)
    return found[0]


def _cookies_called(name: str, headers: Sequence[str]) -> list[str]:
    """Return the values of all cookies of a name."""
    pairs = (pair.strip().partition("=") for pair in ";".join(headers).split(";"))
    return [value for key, _, value in pairs if key == name]


# Hosts and origins


def _headers(frames: Sequence[str]) -> dict[str, str]:
    """Return what every answer tells the browser."""
    for source in frames:
        if not _FRAME.fullmatch(source):
            raise ValueError(
                f"frames got {source!r}; give sources such as 'http://localhost:*', of pages that "
                f"may show this one in a frame."
            )
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        f"frame-ancestors {' '.join(frames) or chr(39) + 'none' + chr(39)}"
    )
    return {
        "content-security-policy": policy,
        "cross-origin-resource-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        # Under no-referrer browsers may call the origin of the page's own requests "null".
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
    }


def _checked_origin(origin: str) -> str:
    """Return an origin as browsers write it, refusing what is none."""
    try:
        parts = urlsplit(origin if isinstance(origin, str) else "")
        port, host = parts.port, parts.hostname
    except ValueError:  # of a port that is none
        parts, port, host = urlsplit(""), None, None
    if parts.scheme not in ("http", "https") or not host or parts.path.strip("/") or parts.query:
        raise ValueError(
            f"allowed_origins got {origin!r}; give what the browser's address bar begins with, as "
            f"in 'https://label.example.org' or 'http://localhost:9000'."
        )
    is_usual = port in (None, {"http": 80, "https": 443}[parts.scheme])
    return f"{parts.scheme}://{_in_url(host)}" + ("" if is_usual else f":{port}")


def _hosts_of(host: str, port: int, allowed: Sequence[str]) -> set[str]:
    """Return as what a server may be asked for."""
    names = {"127.0.0.1", "localhost", "[::1]", _in_url(host).lower()}
    if not _is_loopback(host):
        names.add(socket.gethostname().lower())
    ports = [f":{port}", *[""] * (port == 80)]
    return {name + each for name in names for each in ports} | {
        origin.partition("://")[2] for origin in allowed
    }


def _is_everywhere(host: str) -> bool:
    return host in ("", "0.0.0.0", "::")


def _is_loopback(host: str) -> bool:
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def _is_address(host: str, port: int) -> bool:
    """Whether a Host header is a bare address, under which no name can have led here."""
    name, colon, given = host.rpartition(":")
    with suppress(ValueError):
        ip_address(name.strip("[]"))
        return bool(colon) and given == str(port)
    return False


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _shown(values: Sequence[str]) -> str:
    """Return values of a header as refusals show them."""
    return " and ".join(repr(each[:100]) for each in values) or "nowhere that it names"
