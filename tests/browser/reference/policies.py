"""The named policies of Adrastea, said to the reference server, so that the tests can be tried on it."""

import os

from jupyter_server.auth import Authorizer
from jupyterlab_server.settings_handler import SettingsHandler
from jupyterlab_server.workspaces_handler import WorkspacesHandler
from tornado.web import HTTPError

REFUSED = {
    "read-only": lambda action, resource: action != "read" and resource not in ("csp", "events"),
    "read-write": lambda action, resource: action == "execute" and resource != "events",
    "temporary": lambda action, resource: action == "write" and resource == "contents",
}


def refused(action, resource):
    return REFUSED[os.environ["TEST_POLICY"]](action, resource)


class TestAuthorizer(Authorizer):
    def is_authorized(self, handler, user, action, resource):
        return not refused(action, resource)


def put(self, *arguments, **named):
    raise HTTPError(403, "User is not authorized to write on resource: settings.")


# The reference asks no authorizer about these; a policy that forbids writing should.
if refused("write", "settings"):
    SettingsHandler.put = put
    WorkspacesHandler.put = put
