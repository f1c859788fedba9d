"""A process of a real Nomad, in mounts and processes of its own: started, killed, started again with what it had kept.
real.py is what tests see of it."""

import contextlib
import http.client
import json
import os
import pathlib
import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request

BOOTSTRAP = "b0075712-a900-4a9e-8e57-0123456789ab"     # the secret of the first token, which may do anything
WITHIN = 60     # seconds for anything an agent does
CONFIG = """
disable_update_check = true
data_dir  = "/mnt/nomad"
log_level = "WARN"
bind_addr = "127.0.0.1"
advertise {
  http = "127.0.0.1"
  rpc  = "127.0.0.1"
  serf = "127.0.0.1"
}
server {
  enabled          = true
  bootstrap_expect = 1
}
client {
  enabled           = true
  network_interface = "lo"
  options           = { "fingerprint.denylist" = "env_aws,env_gce,env_azure,env_digitalocean" }
}
plugin "raw_exec" {
  config { enabled = true }
}
acl {
  enabled                  = true
  token_min_expiration_ttl = "1s"
}
"""
# The agent wants no cgroups where they are not all there, and its files go with the mount namespace.
HOLD = """
umount -R /sys/fs/cgroup 2>/dev/null || umount -R -l /sys/fs/cgroup 2>/dev/null
mount -t tmpfs tmpfs /mnt
echo ready
exec cat
"""


class Process:
    """A place for one agent, and the agent in it. All of it ends with close(), or with this process. `behind` is a command
    that enters the mounts which the agent sees beside its own; it is replaced by what it starts."""

    def __init__(self, config=CONFIG, url="http://127.0.0.1:4646", context=None, behind=()):
        self.url, self.token, self.context, self.agent = url, BOOTSTRAP, context, None
        self.holder = subprocess.Popen(
            [*behind, "unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--mount-proc", "--kill-child=KILL",
             "sh", "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.holder.stdout.readline() == b"ready\n"
        self.path("/mnt/agent.hcl").write_text(config)

    def path(self, path):
        """A file of the place, as this process reaches it."""
        return pathlib.Path(f"/proc/{child_of(self.holder.pid)}/root{path}")

    def start(self):
        """Starts the agent, with what it has kept."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("NOMAD")}
        environment["TMPDIR"] = "/mnt"
        self.agent = subprocess.Popen(
            ["nsenter", f"--target={child_of(self.holder.pid)}", "--mount", "--pid",
             "nomad", "agent", "-config=/mnt/agent.hcl"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)

    def kill(self):
        """kill -9; what it has started goes on."""
        self.signal(signal.SIGKILL)
        self.agent.wait()
        self.agent = None

    def forget(self):
        """What a killed agent has kept, and what it had started, is gone."""
        subprocess.run(["nsenter", f"--target={child_of(self.holder.pid)}", "--mount", "--pid", "sh", "-c", """
            for pid in $(ps -e -o pid= | grep -v -w -e 1 -e $$); do kill -9 "$pid" 2>/dev/null; done
            for mount in $(grep -o ' /mnt/nomad/[^ ]*' /proc/self/mounts); do umount -l "$mount"; done
            rm -rf /mnt/nomad"""], check=True, stderr=subprocess.DEVNULL)

    def signal(self, number):
        """To the agent itself, the one child of nsenter; that one stops with it, and would go on by itself never."""
        os.kill(child_of(self.agent.pid), number)
        if number in (signal.SIGCONT, signal.SIGKILL):
            self.agent.send_signal(signal.SIGCONT)

    def close(self):
        """With the first of its process IDs all that was started there ends."""
        self.holder.stdin.close()
        self.holder.wait()
        self.holder.stdout.close()
        if self.agent:
            self.agent.wait()

    def ask(self, method, path, body=None, **parameters):
        """The answer's JSON and X-Nomad-Index."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}?{urllib.parse.urlencode(parameters)}", method=method,
                                         data=data, headers={"X-Nomad-Token": self.token})
        try:
            with urllib.request.urlopen(request, timeout=WITHIN, context=self.context) as answer:
                text, index = answer.read(), int(answer.headers.get("X-Nomad-Index", 0))
        except urllib.error.HTTPError as error:
            error.msg += f": {error.read().decode()[:200]}"
            raise
        return json.loads(text) if text and "json" in answer.headers["Content-Type"] else text, index

    def wait_for_leader(self):
        """Until a server answers as a leader: before, nothing listens, or it refuses to tell."""
        while self.agent.poll() is None:
            with contextlib.suppress(urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError):
                if self.ask("GET", "/v1/status/leader")[0]:
                    with contextlib.suppress(urllib.error.HTTPError):    # 400: that was done before
                        self.ask("PUT", "/v1/acl/bootstrap", {"BootstrapSecret": BOOTSTRAP})
                    self.ask("GET", "/v1/services", namespace="*")
                    return
        raise RuntimeError("nomad agent did not start")

    def wait_for_node(self):
        """Until a node is ready to run something."""
        self.wait_for("/v1/nodes", lambda nodes: any(node["Status"] == "ready" for node in nodes))

    def wait_for(self, path, good):
        """Until what is read there, of all namespaces, is as it should be."""
        there, index = self.ask("GET", path, namespace="*")
        while not good(there):
            there, index = self.ask("GET", path, namespace="*", index=index or 1, wait="10s")


def child_of(pid):
    """The one child of a process."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
        return int(children.read().split()[0])
