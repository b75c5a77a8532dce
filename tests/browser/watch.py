"""What a page complains about: errors of its scripts and requests that failed."""

import re

from playwright.sync_api import BrowserContext, ConsoleMessage, Response, WebError

# Known to be harmless, each with the reason. All are also seen on the reference server.
HARMLESS = [
    # Requests that failed are judged by their own line, which has the address and the status.
    r"^console: Failed to load resource: ",
    # The front ends ask for a file before they make or restore it.
    r"^404 GET /api/contents/",
    # Notebook 7 reads a setting of JupyterLab that it does not have, and binds a command of it.
    r"^script: Cannot read properties of undefined \(reading 'schema'\)",
    r"^script: Command 'filebrowser:open-path' not registered",
    # Notebook 7's file list, left behind by the page that opens the notebook.
    r"^script: Disposed",
    # Each window of a shared kernel hears of the widget connection of the other one.
    r"^console: Comm (promise )?not found for comm id",
]


class Watch:
    """Collects the complaints of all pages of a browser context."""

    def __init__(self, context: BrowserContext, server_url: str):
        self.server_url = server_url.rstrip("/")
        self.complaints: list[str] = []
        self.tolerated: list[str] = []
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("response", self._response)

    def tolerate(self, *patterns: str) -> None:
        """Also accepts complaints that match, because this test provokes them."""
        self.tolerated += patterns

    def matter(self) -> list[str]:
        known = HARMLESS + self.tolerated
        return [line for line in self.complaints if not any(re.search(pattern, line) for pattern in known)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(f"console: {message.text}")

    def _error(self, error: WebError) -> None:
        self.complaints.append(f"script: {error.error}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            path = response.url.removeprefix(self.server_url)
            self.complaints.append(f"{response.status} {response.request.method} {path}")
