"""Who may read what. answers.py and stream.py ask, the control command "tokens" decides.

A token is a dictionary: namespaces (those with read-job, "*" is all), deny (these not, whatever namespaces
says), management, identity (a workload's own). The token "" is what a request without one may do.
"""

import re

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NOBODY = {}


class Tokens:
    def __init__(self):
        self.table = None       # None: ACLs are off, anybody may do anything
        self.expired = set()

    @property
    def on(self):
        return self.table is not None

    def of(self, secret):
        return NOBODY if secret in self.expired else self.table.get(secret, NOBODY)

    def manages(self, secret):
        return not self.on or bool(self.of(secret).get("management"))

    def read_job(self, secret, namespace):
        """What a policy allows; a workload identity without one has nothing here."""
        if self.manages(secret):
            return True
        token = self.of(secret)
        allowed = token.get("namespaces", ())
        return ("*" in allowed or namespace in allowed) and namespace not in token.get("deny", ())

    def read_service(self, secret, namespace):
        """Reads by name are open to any workload."""
        return self.read_job(secret, namespace) or bool(self.of(secret).get("identity"))

    def task_api(self, secret):
        """The Task API wants a token even with ACLs off; (status, text) when it refuses, else None."""
        if not secret:
            return 401, "Unauthorized"
        if not self.on or self.of(secret) is not NOBODY:
            return None
        if UUID.fullmatch(secret) or secret.count(".") == 2:
            return 403, "Forbidden"
        return 500, "Server error authenticating request\n"
