"""MinIO, from its Go module."""

import datetime
import hashlib
import hmac
import re

from facts import Server, came_up
from lab import OWN, http

PORT = 9000
USER, PASSWORD = "facts", "facts-about-engines"


class MinIo(Server):
    id = "minio"

    def __init__(self, lab):
        self.program, version = lab.program("minio")
        super().__init__(lab, f"of {version.split('-')[1][:8]}", None)

    def start(self, directory, number=0, places=None):
        arguments = ["server", "--quiet", "--address", f":{PORT + number}"]
        arguments += ["--console-address", f":{PORT + 100 + number}", *(places or [directory])]
        environment = {"MINIO_ROOT_USER": USER, "MINIO_ROOT_PASSWORD": PASSWORD, "MINIO_CI_CD": "1"}
        return self.lab.start(self.id, [self.program, *arguments], environment)

    def ready(self, number=0):
        http("GET", PORT + number, "/minio/health/ready")
        http("GET", PORT + number, "/minio/health/cluster")
        return True

    def create(self, number=0):
        signed("PUT", PORT + number, "/numbers")

    def writer(self, number=0):
        return Writer(PORT + number)

    def numbers(self, number=0):
        if "<Name>numbers</Name>" not in signed("GET", PORT + number, "/"):
            return None
        found, after = set(), ""
        while True:
            page = signed("GET", PORT + number, "/numbers", f"list-type=2&start-after={after}")
            keys = re.findall(r"<Key>(\d+)</Key>", page)
            found |= set(map(int, keys))
            if "<IsTruncated>true" not in page:
                return found
            after = keys[-1]

    def order(self, says):
        directories = [self.lab.directory("member") for _ in range(4)]
        places = [f"http://{OWN}:{PORT + number}{directory}" for number, directory in enumerate(directories)]
        first = self.start(None, 0, places)
        waits = not came_up(first, self.ready, 20)
        for number in (1, 2, 3):
            self.start(None, number, places)
        took = first.await_(self.ready)
        seen = "the first of four alone is not ready" if waits else "the first of four alone is ready"
        seen += f"; with the others it is after {took:.0f} s"
        yield self.ordering(says, seen, "parallel" if waits else "any")


def signed(method, port, path, query="", body=b""):
    """A request of the S3 API, signed with its version 4."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(body).hexdigest()
    headers = {"host": f"127.0.0.1:{port}", "x-amz-content-sha256": digest, "x-amz-date": now}
    names = ";".join(headers)
    listed = "".join(f"{name}:{value}\n" for name, value in headers.items())
    query = "&".join(part if "=" in part else f"{part}=" for part in sorted(query.split("&")) if part)
    canonical = "\n".join([method, path, query, listed, names, digest])
    scope = f"{now[:8]}/us-east-1/s3/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{PASSWORD}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    signer = f"Credential={USER}/{scope}, SignedHeaders={names}, Signature={signature}"
    headers["Authorization"] = f"AWS4-HMAC-SHA256 {signer}"
    return http(method, port, path + (f"?{query}" if query else ""), body, headers).decode()


class Writer:
    """Puts an object."""

    def __init__(self, port):
        self._port = port

    def put(self, number):
        signed("PUT", self._port, f"/numbers/{number}", body=b"x" * 1000)

    def close(self):
        pass


SERVERS = {"minio": MinIo}
