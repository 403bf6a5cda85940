"""Vault with its own raft storage, from its Go module."""

import json

from facts import ORDER, Fact, Server, came_up, title
from lab import http

PORT, PEERS = 8200, 8300


class Vault(Server):
    id = "vault"
    note = "raft storage, unsealed by hand after each start"

    def __init__(self, lab):
        self.program, version = lab.program("vault")
        super().__init__(lab, version, int(version.split(".")[0]))
        # By directory: what `init` gave.
        self._keys = {}
        self._directories = {}

    def start(self, directory, number=0):
        configuration = {
            "storage": {"raft": {"path": str(directory), "node_id": f"vault-{number}"}},
            "listener": {"tcp": {"address": f"127.0.0.1:{PORT + number}", "cluster_address": f"127.0.0.1:{PEERS + number}", "tls_disable": True}},
            "api_addr": f"http://127.0.0.1:{PORT + number}",
            "cluster_addr": f"http://127.0.0.1:{PEERS + number}",
            "disable_mlock": True,
        }
        file = self.lab.home / f"vault-{number}.json"
        file.write_text(json.dumps(configuration))
        self._directories[number] = directory
        return self.lab.start(self.id, [self.program, "server", f"-config={file}"])

    def call(self, number, method, path, body=None, seconds=10):
        keys = self._keys.get(self._directories[number])
        headers = {"X-Vault-Token": keys["root_token"]} if keys else {}
        answer = http(method, PORT + number, f"/v1/{path}", body, headers, seconds)
        return json.loads(answer) if answer else {}

    def ready(self, number=0):
        """Initialises and unseals, as an operator or a script beside it would."""
        if not self.call(number, "GET", "sys/init")["initialized"]:
            share = {"secret_shares": 1, "secret_threshold": 1}
            self._keys[self._directories[number]] = self.call(number, "PUT", "sys/init", share)
        if self.call(number, "GET", "sys/seal-status")["sealed"]:
            self.call(number, "PUT", "sys/unseal", {"key": self._keys[self._directories[number]]["keys"][0]})
        self.call(number, "GET", "sys/health")
        return True

    def create(self, number=0):
        self.call(number, "POST", "sys/mounts/numbers", {"type": "kv"})

    def writer(self, number=0):
        return Writer(lambda path, body: self.call(number, "POST", path, body))

    def numbers(self, number=0):
        if "numbers/" not in self.call(number, "GET", "sys/mounts"):
            return None
        return {int(key) for key in self.call(number, "GET", "numbers/?list=true", seconds=60)["data"]["keys"]}

    def order(self, says):
        """Three members that have met, then all killed."""
        directories = [self.lab.directory("member") for _ in range(3)]
        self.start(directories[0], 0).await_(lambda: self.ready(0))
        keys = self._keys[directories[0]]
        for number in (1, 2):
            self._keys[directories[number]] = keys
            member = self.start(directories[number], number)
            member.await_(lambda: self.joined(number))
        self.lab.end_all()
        alone = self.start(directories[0], 0)
        waits = not came_up(alone, self.ready, 20)
        self.start(directories[1], 1).await_(lambda: self.unsealed(1))
        took = alone.await_(self.ready)
        seen = "the first initialises itself; after all three were killed, the first alone "
        seen += f"is on standby without a leader, with the second it is active after {took:.0f} s" if waits else "serves"
        yield Fact(title(self, says), ORDER, seen, f"start-up {says['startUp']}", waits == (says["startUp"] == "parallel"))

    def joined(self, number):
        if not self.call(number, "GET", "sys/init")["initialized"]:
            self.call(number, "POST", "sys/storage/raft/join", {"leader_api_addr": f"http://127.0.0.1:{PORT}"})
        return self.unsealed(number)

    def unsealed(self, number):
        if self.call(number, "GET", "sys/seal-status")["sealed"]:
            self.call(number, "PUT", "sys/unseal", {"key": self._keys[self._directories[number]]["keys"][0]})
        return not self.call(number, "GET", "sys/seal-status")["sealed"]


class Writer:
    """Writes a secret."""

    def __init__(self, call):
        self._call = call

    def put(self, number):
        self._call(f"numbers/{number}", {"filling": "x" * 1000})

    def close(self):
        pass


SERVERS = {"vault": Vault}
