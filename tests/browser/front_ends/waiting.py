"""Waiting for what the browser itself cannot be asked to wait for."""

import re
import time

from playwright.sync_api import Page, Response

TIMEOUT_S = 30
KERNEL_TIMEOUT_S = 60
BETWEEN_LOOKS_MS = 50
# What a sentence that refuses something must say, whoever words it.
REFUSAL = re.compile(r"not (authorized|allowed|permitted|saved)|may not|read-only", re.IGNORECASE)


def until(page: Page, condition, what: str, timeout_s: float = TIMEOUT_S):
    """Waits until `condition()` is true and gives its value; the page goes on living between two looks."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        page.wait_for_timeout(BETWEEN_LOOKS_MS)


def is_save(response: Response) -> bool:
    """Whether this answers the saving of a document."""
    return response.request.method == "PUT" and "/api/contents/" in response.url


def is_setting(response: Response) -> bool:
    """Whether this answers the keeping of a setting of the front end."""
    places = ("/lab/api/settings/", "/api/config/")
    return response.request.method in ("PUT", "PATCH") and any(place in response.url for place in places)
