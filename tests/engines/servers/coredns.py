"""CoreDNS against a real control plane: what the names of a StatefulSet are worth behind each kind of Service."""

import json
import os
import pathlib
import subprocess

from facts import NAMES, Fact

SCRIPT = pathlib.Path(__file__).parent.with_name("names.py")
GONE = {"service": "NXDOMAIN", "pod": "NXDOMAIN", "srv": "NXDOMAIN"}
VIRTUAL = "STS101: one virtual IP; CoreDNS answers per-pod names all the same; SRV records list no peers"
PUBLISHED = {"service": "pod 0, pod 1", "pod": "pod 0"}

# By case of the script: in words, what the rules say, and the answers that this means.
CASES = {
    "headless": (
        "headless",
        "STS101: the pods' own addresses",
        {**PUBLISHED, "srv": "SRV headless-0.headless, SRV headless-1.headless"},
    ),
    "clusterip": ("type ClusterIP", VIRTUAL, {"service": "the virtual IP", "pod": "pod 0", "srv": "SRV clusterip"}),
    "nodeport": ("type NodePort", VIRTUAL, {"service": "the virtual IP", "pod": "pod 0", "srv": "SRV nodeport"}),
    "external": (
        "type ExternalName",
        "STS101: its name leads elsewhere, pods have none",
        {**GONE, "service": "CNAME db.example.com"},
    ),
    "mismatch": ("headless, selects other labels", "STS104: neither it nor a pod is found", GONE),
    "no-selector": ("headless, without a selector", "STS104: nothing publishes the pods' names", GONE),
    "missing": ("there is none", "STS102: the pods have no names", GONE),
    "deleted": ("headless, deleted while the pods run", "STS106: the names end", GONE),
    "not-ready": ("headless, no pod is ready", "peers that are not ready have no names", GONE),
    "published": (
        "the same with publishNotReadyAddresses",
        "they have names",
        {**PUBLISHED, "srv": "SRV published-0.published, SRV published-1.published"},
    ),
}


class CoreDns:
    """No database: its facts are answers."""

    id = "coredns"
    note = ""

    def __init__(self, lab):
        self.lab = lab
        self.program, self.version = lab.program("coredns")
        self.kubectl, _ = lab.program("kubectl")

    def facts(self, _):
        """One fact for each kind of Service."""
        command = [os.environ["ENGINE_CLUSTER"], "/usr/bin/env", "python3", SCRIPT, self.program, self.kubectl]
        answers = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=300).stdout)
        for case, (words, says, expected) in CASES.items():
            seen = {key: value.replace("SRV ", "") for key, value in answers[case].items()}
            text = f"the Service: {seen['service']}; pod 0: {seen['pod']}; SRV: {seen['srv']}"
            yield Fact(words, NAMES, text, says, answers[case] == expected)


SERVERS = {"coredns": CoreDns}
