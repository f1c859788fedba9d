"""The job of docs/nomad-dns-srv.nomad.hcl as Nomad would start it: its command, its template, the environment of its task."""

import pathlib
import re
import textwrap

FILE = pathlib.Path(__file__).resolve().parent.parent.parent / "docs/nomad-dns-srv.nomad.hcl"
ALLOCATION = "6b3f8e0a-5d1c-4e7b-9a2f-0123456789ab"


def task_environment(namespace, directory="/run/task", **more):
    """What Nomad sets in every task, whatever its driver (https://developer.hashicorp.com/nomad/docs/runtime/environment)."""
    return {"NOMAD_NAMESPACE": namespace, "NOMAD_REGION": "global", "NOMAD_ALLOC_ID": ALLOCATION, "NOMAD_DC": "dc1",
            "NOMAD_ALLOC_DIR": f"{directory}/alloc", "NOMAD_TASK_DIR": f"{directory}/local",
            "NOMAD_SECRETS_DIR": f"{directory}/secrets", "NOMAD_ALLOC_INDEX": "0", "NOMAD_ALLOC_NAME": "nomad-dns-srv.daemon[0]",
            "NOMAD_GROUP_NAME": "daemon", "NOMAD_JOB_ID": "nomad-dns-srv", "NOMAD_JOB_NAME": "nomad-dns-srv",
            "NOMAD_SHORT_ALLOC_ID": ALLOCATION[:8], "NOMAD_TASK_NAME": "nomad-dns-srv", **more}


def fill_in(text, environment):
    """What Nomad interpolates, ${NAME}, and what its template function env does."""
    text = re.sub(r"\$\{(NOMAD_\w+)\}", lambda found: environment[found[1]], text)
    return re.sub(r'\{\{ env "(\w+)" \}\}', lambda found: environment[found[1]], text)


def job(environment):
    """Its command line, and the path and text of the file that its template becomes."""
    text = FILE.read_text()
    command = re.search(r'command = "(.*)"', text)[1]
    arguments = re.findall(r'"([^"]*)"', re.search(r"args\s+= \[(.*)\]", text)[1])
    path = re.search(r'destination\s+= "(.*)"', text)[1]
    data = textwrap.dedent(re.search(r"<<-END\n(.*?)\n\s+END\n", text, re.S)[1])
    return ([fill_in(word, environment) for word in [command, *arguments]], fill_in(path, environment),
            fill_in(data, environment))
