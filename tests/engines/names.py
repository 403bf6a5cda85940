"""What CoreDNS answers for the names of a StatefulSet and its pods, asked inside a test cluster; prints JSON.

    python3 names.py COREDNS KUBECTL
"""

import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import time

PORT = 1053
SUFFIX = "default.svc.cluster.local"
COREFILE = """\
.:{port} {{
    bind 127.0.0.1
    errors
    kubernetes cluster.local {{
        kubeconfig {kubeconfig}
    }}
}}
"""
KINDS = {1: "A", 5: "CNAME", 33: "SRV"}

# By case: the Service's spec (None: no Service), and whether the pods get ready.
HEADLESS = {"clusterIP": "None"}
CASES = {
    "headless": (HEADLESS, True),
    "clusterip": ({}, True),
    "nodeport": ({"type": "NodePort"}, True),
    "mismatch": ({**HEADLESS, "selector": {"app": "another"}}, True),
    "no-selector": ({**HEADLESS, "selector": None}, True),
    "not-ready": (HEADLESS, False),
    "published": ({**HEADLESS, "publishNotReadyAddresses": True}, False),
    "external": ({"type": "ExternalName", "externalName": "db.example.com", "selector": None}, True),
    "missing": (None, True),
    "deleted": (HEADLESS, True),
}


def objects(case, service, ready):
    """A Service and a StatefulSet of two that it governs."""
    labels = {"app": case}
    pod = {"containers": [{"name": "db", "image": "db:1", "ports": [{"name": "db", "containerPort": 5432}]}]}
    if not ready:
        pod["readinessGates"] = [{"conditionType": "example.com/never"}]
    spec = {
        "serviceName": case,
        "replicas": 2,
        "podManagementPolicy": "Parallel",
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    yield {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": case}, "spec": spec}
    if service is not None:
        spec = {"selector": labels, "ports": [{"name": "db", "port": 5432}], **service}
        yield {"apiVersion": "v1", "kind": "Service", "metadata": {"name": case}, "spec": spec}


def ask(name, kind):
    """The answer section of one question as (kind, value), or the name of an error."""
    header = struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0)
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    number = next(number for number, known in KINDS.items() if known == kind)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(5)
        udp.sendto(header + labels + b"\0" + struct.pack(">HH", number, 1), ("127.0.0.1", PORT))
        answer = udp.recv(4096)
    _, flags, _, count, _, _ = struct.unpack(">HHHHHH", answer[:12])
    if flags & 15:
        return {3: "NXDOMAIN", 2: "SERVFAIL", 5: "REFUSED"}.get(flags & 15, f"error {flags & 15}")
    records, place = [], name_at(answer, 12)[1] + 4
    for _ in range(count):
        _, place = name_at(answer, place)
        kind, _, _, length = struct.unpack(">HHIH", answer[place : place + 10])
        place += 10
        data = answer[place : place + length]
        if KINDS.get(kind) == "A":
            records.append(("A", ".".join(map(str, data))))
        elif KINDS.get(kind) == "CNAME":
            records.append(("CNAME", name_at(answer, place)[0]))
        elif KINDS.get(kind) == "SRV":
            records.append(("SRV", name_at(answer, place + 6)[0]))
        place += length
    return sorted(records)


def name_at(message, place):
    """The name that begins there, and the place after it."""
    labels = []
    while length := message[place]:
        if length >= 192:
            target = struct.unpack(">H", message[place : place + 2])[0] & 0x3FFF
            return ".".join([*labels, name_at(message, target)[0]]).strip("."), place + 2
        labels.append(message[place + 1 : place + 1 + length].decode())
        place += 1 + length
    return ".".join(labels), place + 1


class Names:
    """The cluster's addresses, in the words of a table."""

    def __init__(self, kubectl):
        self._words = {}
        for pod in items(kubectl, "pods"):
            self._words[pod["status"].get("podIP")] = f"pod {pod['metadata']['name'].rsplit('-', 1)[1]}"
        for service in items(kubectl, "services"):
            self._words[service["spec"].get("clusterIP")] = "the virtual IP"

    def describe(self, records):
        """An answer in words."""
        if isinstance(records, str):
            return records
        return ", ".join(sorted(self._word(*record) for record in records)) or "no record"

    def _word(self, kind, value):
        if kind == "A":
            return self._words.get(value, value)
        value = value.removesuffix(f".{SUFFIX}")
        return f"{kind} {value}"


def items(kubectl, kind):
    """All objects of a kind in the namespace `default`."""
    got = subprocess.run([kubectl, "get", kind, "-o", "json"], check=True, stdout=subprocess.PIPE)
    return json.loads(got.stdout)["items"]


def eventually(what, holds):
    """Waits until it holds, a minute at the most."""
    begun = time.monotonic()
    while not holds():
        if time.monotonic() - begun > 60:
            raise TimeoutError(what)
        time.sleep(0.3)


def running(kubectl):
    """Whether all pods have an address and the readiness that they are to have."""
    pods = items(kubectl, "pods")
    return len(pods) == 2 * len(CASES) and all(is_as_wanted(pod) for pod in pods)


def is_as_wanted(pod):
    """Whether a pod has the readiness that its case wants."""
    ready = [condition["status"] for condition in pod["status"].get("conditions", []) if condition["type"] == "Ready"]
    return ready == [str(CASES[pod["metadata"]["labels"]["app"]][1])]


def answers(case):
    """What the Service's name, a pod's name and the SRV name answer."""
    return {
        "service": ask(f"{case}.{SUFFIX}", "A"),
        "pod": ask(f"{case}-0.{case}.{SUFFIX}", "A"),
        "srv": ask(f"_db._tcp.{case}.{SUFFIX}", "SRV"),
    }


def main(coredns, kubectl):
    """Makes all cases, asks, and prints the answers in words."""
    wanted = [thing for case, (service, ready) in CASES.items() for thing in objects(case, service, ready)]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": wanted})
    subprocess.run([kubectl, "apply", "-f", "-"], input=text, text=True, check=True, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory() as folder:
        corefile = pathlib.Path(folder, "Corefile")
        corefile.write_text(COREFILE.format(port=PORT, kubeconfig=os.environ["KUBECONFIG"]))
        with pathlib.Path(folder, "log").open("wb") as log:
            server = subprocess.Popen([coredns, "-conf", corefile], stdout=log, stderr=log)
        try:
            eventually("the pods are as they are to be", lambda: running(kubectl))
            eventually("the DNS server knows the pods", lambda: count("deleted") == 2)
            subprocess.run([kubectl, "delete", "service", "deleted"], check=True, stdout=subprocess.DEVNULL)
            eventually("the DNS server knows of the end", lambda: count("deleted") == 0)
            time.sleep(2)
            names = Names(kubectl)
            said = {case: {key: names.describe(value) for key, value in answers(case).items()} for case in CASES}
        finally:
            server.kill()
            server.wait()
    print(json.dumps(said))


def count(case):
    """How many addresses a Service's name has; None while nobody answers."""
    try:
        records = ask(f"{case}.{SUFFIX}", "A")
    except OSError:
        return None
    return 0 if isinstance(records, str) else len(records)


if __name__ == "__main__":
    main(*sys.argv[1:])
