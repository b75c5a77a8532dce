"""Whether the kernel of a page has answered, seen on the WebSocket.

The front ends show `idle` before they are connected, and a cell run in that moment is not run. The answer to their
`kernel_info_request` is the moment from which on they do what they are told.
"""

from weakref import WeakKeyDictionary

from playwright.sync_api import BrowserContext, Page, WebSocket

from .waiting import KERNEL_TIMEOUT_S, until

_answered: WeakKeyDictionary[Page, dict[WebSocket, bool]] = WeakKeyDictionary()


def observe(context: BrowserContext) -> None:
    context.on("page", lambda page: page.on("websocket", lambda socket: _opened(page, socket)))


def expect_answer(page: Page) -> None:
    """Waits until the kernel has answered on the newest connection of the page."""
    until(page, lambda: _newest(page), "the kernel answers the page", KERNEL_TIMEOUT_S)


def forget(page: Page) -> None:
    """The next answer counts: for what makes a page connect anew."""
    _answered.pop(page, None)


def _newest(page: Page) -> bool:
    connections = list(_answered.get(page, {}).values())
    return bool(connections) and connections[-1]


def _opened(page: Page, socket: WebSocket) -> None:
    if "/api/kernels/" not in socket.url:
        return
    connections = _answered.setdefault(page, {})
    connections[socket] = False

    def received(payload: str | bytes) -> None:
        wanted = "kernel_info_reply" if isinstance(payload, str) else b"kernel_info_reply"
        if wanted in payload and socket in _answered.get(page, {}):
            _answered[page][socket] = True

    socket.on("framereceived", received)
    socket.on("close", lambda _: _answered.get(page, {}).pop(socket, None))
