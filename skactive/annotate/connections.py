"""How many connections a server keeps: whoever reaches the port may open them, without a link."""

from collections import OrderedDict
from typing import Any

from .refused import needed

MOST = 150  # connections; on macOS a process may have 256 files open, of which it needs some


def protocol(most: int = MOST) -> type:
    """Return uvicorn's protocol, but that the connection silent longest makes room for new ones.

    Once somebody has opened as many as the system lets a process have, and says nothing, half a
    request, or takes no answer in, nobody else would get in: uvicorn waits for all that without
    end. A page whose connection was closed sends again what was not answered.
    """
    kept: OrderedDict[Any, None] = OrderedDict()  # the silent ones first
    own: Any = needed("uvicorn.protocols.http.auto").AutoHTTPProtocol

    class Bounded(own):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            app: Any = self.app  # type: ignore[has-type]  # of uvicorn's own

            async def asked(scope: Any, receive: Any, send: Any) -> None:
                if self in kept:  # it was not closed meanwhile
                    kept.move_to_end(self)
                await app(scope, receive, send)

            self.app = asked

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            kept[self] = None
            if len(kept) > most:
                kept.popitem(last=False)[0].transport.abort()

        def connection_lost(self, exc: Exception | None) -> None:
            kept.pop(self, None)
            super().connection_lost(exc)

    return Bounded
