"""The place of a run: volumes, processes and clocks. Everything ends and vanishes with it."""

import contextlib
import http.client as http_client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.request

# What marks the line of a log that says why a server ends, the plainest first, and the time before it.
TELLING = [
    re.compile(r"lost\+found|\.lock"),
    re.compile(r"ERROR|FATAL|PANIC|[Ee]rror:|panic:|Exception"),
    re.compile(r"(?i)error|fatal|cannot|refus|\block"),
]
TIME = re.compile(r"^[\[(]?(\d+:\w )?\d[\w\-:/.,+ ]{6,}?\d[)\]]?(Z|\s)+(\d+:\d+:\d+ )?(UTC )?(\d+ |\[\d+\]\s)?")

# Servers run as this user; some refuse to run as root, as they do in a pod.
USER = 65534
# An address of the run's own network: some servers take 127.0.0.1 for a mistake where they look for their peers.
OWN = "10.99.0.1"
VOLUME_MEGABYTES = 1536


class Refused(Exception):
    """A server, or what its image runs before it, does not start; the text is its own."""


class ChildFailed(Exception):
    """A program that was to run to its end has failed."""


class Process:
    """A server as a pod would run it: process 1 of its own process namespace, without privileges."""

    def __init__(self, lab, name, arguments, environment):
        self.log = lab.folder / f"{name}-{lab.count()}.log"
        self._lab = lab
        isolate = ["unshare", "--pid", "--ipc", "--mount", "--fork", "--kill-child", "--mount-proc"]
        drop = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs"]
        with self.log.open("wb") as log:
            self._outer = subprocess.Popen(
                [*isolate, *drop, *map(str, arguments)],
                cwd=lab.home,
                env={"PATH": os.environ["PATH"], "HOME": str(lab.home), "LANG": "C.UTF-8", **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        lab.processes.append(self)

    def ended(self):
        """The exit code, negative for a signal; None while it runs."""
        return self._outer.poll()

    def said(self):
        """All that it has said."""
        return self._lab.without_paths(self.log.read_text(errors="replace"))

    def signal(self, number):
        """Sends process 1 a signal from outside, as a container runtime does."""
        children = pathlib.Path(f"/proc/{self._outer.pid}/task/{self._outer.pid}/children").read_text().split()
        if children:
            os.kill(int(children[0]), number)

    def wait(self, seconds):
        """Waits for the end and returns the exit code."""
        return self._outer.wait(seconds)

    def kill(self):
        """Ends it at once, with all that it has started."""
        if self.ended() is None:
            self.signal(signal.SIGKILL)
            try:
                self.wait(10)
            except subprocess.TimeoutExpired:
                self._outer.kill()
                self.wait(10)

    def await_(self, ready, seconds=90):
        """Waits until `ready()`; returns the seconds it took. An early end is a refusal."""
        begun = time.monotonic()
        while time.monotonic() - begun < seconds:
            if self.ended() is not None:
                raise Refused(essence(self.said()))
            with contextlib.suppress(OSError, ChildFailed, ValueError, http_client.HTTPException):
                if ready():
                    return time.monotonic() - begun
            time.sleep(0.1)
        raise Refused(f"not ready after {seconds} s; last words: {last(self.said())}")


class Lab:
    """A folder on disk with its volumes and processes."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="stsguard-engines-"))
        self.folder.chmod(0o755)
        self.processes = []
        self._mounts = []
        self._count = 0
        self.home = self.directory("home")
        # The cache may lie where the servers' user cannot look.
        self._cache = pathlib.Path(os.environ["STSGUARD_CACHE"])
        self._programs = self.directory("programs")
        run("mount", "--bind", "-o", "ro", self._cache, self._programs)
        self._mounts.append(self._programs)

    def program(self, name):
        """The path and the version of a program that was built for the run."""
        for line in os.environ["ENGINE_PROGRAMS"].splitlines():
            found, version, path = line.split()
            if found == name:
                return self._programs / pathlib.Path(path).relative_to(self._cache), version.removeprefix("v")
        raise LookupError(f"{name} has not been built")

    def count(self):
        """A number that nothing had before."""
        self._count += 1
        return self._count

    def directory(self, name):
        """A new, empty directory that the servers' user owns."""
        path = self.folder / f"{name}-{self.count()}"
        path.mkdir()
        os.chown(path, USER, USER)
        return path

    def volume(self, name, own_all):
        """A fresh ext4 volume. Its root is the user's; `lost+found` too, or, as the kernel makes it, root's alone."""
        number = self.count()
        image, path = self.folder / f"{name}-{number}.ext4", self.folder / f"{name}-{number}"
        path.mkdir()
        with image.open("wb") as file:
            file.truncate(VOLUME_MEGABYTES << 20)
        run("mkfs.ext4", "-q", image)
        run("mount", "-o", "loop", image, path)
        self._mounts.append(path)
        os.chown(path, USER, USER)
        if own_all:
            os.chown(path / "lost+found", USER, USER)
        if [entry.name for entry in path.iterdir()] != ["lost+found"]:
            raise RuntimeError("a fresh ext4 volume holds something else than lost+found")
        return path

    def subdirectory(self, volume):
        """A directory in a volume, the user's."""
        path = volume / "data"
        path.mkdir()
        os.chown(path, USER, USER)
        return path

    def start(self, name, arguments, environment=None):
        """Starts a server; see `Process`."""
        return Process(self, name, arguments, environment or {})

    def as_user(self, *arguments, environment=None):
        """Runs a program to its end as the servers' user; its failure is a refusal."""
        drop = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
        done = subprocess.run(
            [*drop, *map(str, arguments)],
            cwd=self.home,
            env={"PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8", **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=180,
            check=False,
        )
        said = self.without_paths(done.stdout.decode(errors="replace"))
        if done.returncode != 0:
            raise Refused(f"{pathlib.Path(str(arguments[0])).name}: {essence(said)}")
        return said

    def without_paths(self, text):
        """What a server says, without this run's folder."""
        return text.replace(f"{self.folder}/", "")

    def end_all(self):
        """Ends all servers that still run."""
        for process in self.processes:
            process.kill()
        self.processes.clear()

    def close(self, keep):
        """Ends everything; the folder with the logs stays when something failed."""
        self.end_all()
        for path in self._mounts:
            run("umount", "--lazy", path)
        if keep:
            for image in self.folder.glob("*.ext4"):
                image.unlink()
        else:
            shutil.rmtree(self.folder)


class LineWriter:
    """A writer by way of a client that takes a line and answers it, such as psql."""

    def __init__(self, arguments, line, answer):
        self._line, self._answer = line, answer
        self._client = subprocess.Popen(
            [str(word) for word in arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
        )

    def put(self, number):
        """Writes it, and reads on until it is acknowledged."""
        self._client.stdin.write(self._line.format(number) + "\n")
        self._client.stdin.flush()
        acknowledged = self._answer.format(number)
        for said in self._client.stdout:
            if said.strip() == acknowledged:
                return
        raise ConnectionError("the client has ended")

    def abort(self):
        """Ends the client, whatever it waits for."""
        self._client.kill()

    def close(self):
        """Clears up."""
        self._client.kill()
        self._client.wait()
        self._client.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            self._client.stdin.close()


class Load:
    """Writers that write numbers one after the other, and remember which were acknowledged."""

    WRITERS = 4
    # Between two writes of a writer: no server is to hold so much that reading it again takes long.
    PAUSE = 0.001

    def __init__(self, open_writer, begin=0):
        self.acknowledged = set()
        self._stop = threading.Event()
        self._writers = [open_writer() for _ in range(self.WRITERS)]
        self._threads = [
            threading.Thread(target=self._write, args=(writer, begin + place), daemon=True)
            for place, writer in enumerate(self._writers)
        ]
        for thread in self._threads:
            thread.start()

    def _write(self, writer, number):
        # The server goes away under the writers: whatever a client raises then ends its writer.
        with contextlib.suppress(Exception), contextlib.closing(writer):
            while not self._stop.is_set():
                writer.put(number)
                self.acknowledged.add(number)
                number += self.WRITERS
                time.sleep(self.PAUSE)

    def run(self, seconds):
        """Lets them write for a while from the first acknowledgement on."""
        begun = time.monotonic()
        while not self.acknowledged:
            if time.monotonic() - begun > 60:
                raise RuntimeError("nothing was written")
            time.sleep(0.1)
        time.sleep(seconds)

    def end(self):
        """Stops them, and returns the numbers that were acknowledged."""
        self._stop.set()
        for writer, thread in zip(self._writers, self._threads):
            thread.join(5)
            if thread.is_alive() and hasattr(writer, "abort"):
                writer.abort()
            thread.join(20)
        return set(self.acknowledged)


def run(*arguments):
    """Runs a program to its end and returns what it prints; its failure is an error that says what it said."""
    done = subprocess.run([str(word) for word in arguments], capture_output=True, text=True, timeout=180, check=False)
    if done.returncode != 0:
        raise ChildFailed(f"{arguments[0]}: {essence(done.stderr + done.stdout)}")
    return done.stdout


def http(method, port, path, body=None, headers=None, seconds=10):
    """What a server on this machine answers; an answer that is no success is an `OSError`."""
    if isinstance(body, dict):
        body = json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, headers or {}, method=method)
    with urllib.request.urlopen(request, timeout=seconds) as answer:
        return answer.read()


def essence(text):
    """The line of a log that says most likely why, without its time."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for words in TELLING:
        for line in lines:
            if words.search(line):
                return TIME.sub("", line)
    return last(text)


def last(text):
    """The last line of a log, without its time."""
    return TIME.sub("", (text.strip() or "(nothing)").splitlines()[-1])
