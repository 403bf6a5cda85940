"""The experiments that every server goes through, and what the catalogue says about each."""

import contextlib
import dataclasses
import signal
import subprocess
import time

from lab import Load, Refused

LOAD_SECONDS = 5
# The time that a pod gets when nobody writes one, for engines without a floor.
DEFAULT_GRACE = 30
# Where the numbers begin that the second of two servers is given.
SECOND = 10_000_000

LOST_AND_FOUND = "On a fresh ext4 volume"
MOVED = "With the data directory moved"
STOP = "Told to stop while it writes"
KILL = "Killed while it writes"
SHARED = "Two on one directory"
ORDER = "The order of a cluster's members"
NAMES = "Names behind each kind of Service"


@dataclasses.dataclass
class Fact:
    """What was seen, and what the catalogue says of it."""

    server: str
    question: str
    seen: str
    says: str
    # None where the catalogue says nothing that this could contradict.
    agrees: bool | None


class Server:
    """One engine. `prepare` is what its image does before the server starts."""

    id = ""
    # The image in the catalogue whose layout is compared; None where it has none.
    image = None
    # The argument that names the data directory, as the catalogue has it.
    argument = None
    # What the image tells the runtime to send.
    stop_signal = signal.SIGTERM
    # What a server that recovers from a crash writes in its log.
    recovers = None
    # Whether a write that it has accepted is one that it promises to keep.
    acknowledges = True
    # How it was set up, where that decides the result.
    note = ""

    def __init__(self, lab, version, major):
        self.lab, self.version, self.major = lab, version, major

    def prepare(self, directory):
        """Makes the directory one that the server can be started on, if it is not."""

    def start(self, directory, number=0):
        """Starts the server on the directory, with ports by the number."""
        raise NotImplementedError

    def ready(self, number=0):
        """Whether it answers."""
        raise NotImplementedError

    def create(self, number=0):
        """Makes what the writers write into; called once, on an empty server."""

    def writer(self, number=0):
        """A client with `put(number)` and `close()`."""
        raise NotImplementedError

    def numbers(self, number=0):
        """The numbers that were written; None when there is nothing to hold them."""
        raise NotImplementedError

    def order(self, says):
        """Facts about the order in which a cluster's members start."""
        return []

    def facts(self, catalogue):
        """All facts, in the order of the questions."""
        says = catalogue[self.id]
        for experiment in (lost_and_found, moved, stopped_and_killed, shared):
            yield from experiment(self, says)
            self.lab.end_all()
        yield from self.order(says)
        self.lab.end_all()

    def ordering(self, says, seen, start_up, name=None):
        """The fact about a start-up that was seen to be `ordered` or `parallel`, or free: `any`."""
        name = f"{name or says['title']} {self.version}"
        return Fact(name, ORDER, seen, f"start-up {says['startUp']}", start_up == says["startUp"])

    def up(self, directory, number=0):
        """Prepares, starts and waits: the process and the seconds till it answered."""
        self.prepare(directory)
        process = self.start(directory, number)
        return process, process.await_(lambda: self.ready(number))


def stop(server, process, seconds=150):
    """Stops a server as Kubernetes does without a limit: the seconds and the exit code."""
    begun = time.monotonic()
    process.signal(server.stop_signal)
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise Refused(f"still running {seconds} s after {server.stop_signal.name}") from None
    return time.monotonic() - begun, code


def came_up(process, ready, seconds):
    """Whether a server gets ready in a time in which others would."""
    try:
        process.await_(ready, seconds)
    except Refused:
        return False
    return True


def title(server, says):
    """The server's name in a table."""
    return f"{says['title']} {server.version}"


def lost_and_found(server, says):
    outcomes = {}
    for own_all in (False, True):
        directory = server.lab.volume(server.id, own_all)
        try:
            process, _ = server.up(directory)
            stop(server, process)
            outcomes[own_all] = None
        except Refused as refusal:
            outcomes[own_all] = str(refusal)
        server.lab.end_all()
    breaks = any(outcomes.values())
    seen = "starts, whoever owns `lost+found`"
    if all(outcomes.values()):
        seen = f"does not start: {quoted(outcomes[False])}"
    elif breaks:
        whose = "its own" if outcomes[True] else "root's"
        seen = f"does not start when `lost+found` is {whose}: {quoted(outcomes[True] or outcomes[False])}"
    if breaks:
        server.up(server.lab.subdirectory(server.lab.volume(server.id, own_all=False)))
        server.lab.end_all()
        seen += "; in a subdirectory it starts"
    known = layout(server, says)
    if known is None:
        yield Fact(title(server, says), LOST_AND_FOUND, seen, "layout unknown, so no rule speaks", None)
    else:
        said = "`lost+found` breaks the first start" if known else "`lost+found` does no harm"
        yield Fact(title(server, says), LOST_AND_FOUND, seen, said, known == breaks)


def layout(server, says):
    """Whether the catalogue says that `lost+found` breaks this major of the image; None where it does not know."""
    eras = says["images"].get(server.image) if server.image else None
    if eras is None:
        return None
    return next(era["lostAndFoundBreaks"] for era in eras if era["from"] <= (server.major or 0))


def moved(server, says):
    old, new = server.lab.directory("old"), server.lab.directory("new")
    process, _ = server.up(old)
    server.create()
    with contextlib.closing(server.writer()) as writer:
        for number in range(50):
            writer.put(number)
    stop(server, process)
    process, _ = server.up(new)
    found = server.numbers()
    stop(server, process)
    process, _ = server.up(old)
    back = server.numbers()
    stop(server, process)
    empty = not found
    seen = "starts, healthy and empty" if empty else f"shows {len(found)} of 50 old entries"
    seen += f"; back in the old one {'all is' if len(back or ()) == 50 else f'{len(back or ())} of 50 are'} there"
    said = "STS202: existing data is not seen"
    known = server.argument is None or server.argument in says["directoryArguments"]
    if server.argument:
        seen = f"by `{server.argument}`: {seen}"
        said += f"; `{server.argument}` moves it" if known else f"; `{server.argument}` is not listed"
    yield Fact(title(server, says), MOVED, seen, said, empty and known)


def stopped_and_killed(server, says):
    directory = server.lab.directory("data")
    process, _ = server.up(directory)
    server.create()
    floor = says["graceFloor"]
    load = Load(server.writer)
    load.run(LOAD_SECONDS)
    took, code = stop(server, process)
    written = load.end()
    process, again = server.up(directory)
    kept = server.numbers() or set()
    said = f"floor {floor} s" if floor else "no floor: 30 s do"
    seen = f"{server.stop_signal.name}: gone after {took:.1f} s with {describe(code)}; ready again after {again:.1f} s"
    seen += f"{recovery(server, process)}; {losses(written, kept)}"
    yield Fact(title(server, says), STOP, seen, said, took <= (floor or DEFAULT_GRACE) and written <= kept)

    begun = max(kept | written, default=0) + 1
    load = Load(server.writer, begun)
    load.run(LOAD_SECONDS)
    process.kill()
    written = load.end()
    process, again = server.up(directory)
    kept = server.numbers() or set()
    agrees = written <= kept if server.acknowledges else None
    seen = f"ready again after {again:.1f} s{recovery(server, process)}; {losses(written, kept)}"
    yield Fact(title(server, says), KILL, seen, "STS301: not corrupt; recovery at the next start", agrees)


def shared(server, says):
    """Two pods of one node on one volume, as when a pod is removed without waiting for its process."""
    directory = server.lab.directory("shared")
    first, _ = server.up(directory)
    server.create()
    second = server.start(directory, 1)
    try:
        second.await_(lambda: server.ready(1), seconds=40)
        seen = what_both_leave(server, directory, first, second)
    except Refused as refusal:
        seen = f"the second does not start: {quoted(str(refusal))}"
    yield Fact(title(server, says), SHARED, seen, "STS302: two pods can run under one name", None)


def what_both_leave(server, directory, first, second):
    if first.ended() is not None:
        return f"the second takes over: the first ends with {describe(first.ended())}"
    loads = [Load(server.writer), Load(lambda: server.writer(1), SECOND)]
    time.sleep(LOAD_SECONDS)
    written = loads[0].end() | loads[1].end()
    for process in (first, second):
        if process.ended() is None:
            stop(server, process)
    try:
        server.up(directory)
        return f"**both run**; after both wrote and stopped, {losses(written, server.numbers() or set())}"
    except Refused as refusal:
        return f"**both run**; after both wrote and stopped, it is broken: {quoted(str(refusal))}"


def recovery(server, process):
    if server.recovers is None:
        return ""
    return ", after recovery" if server.recovers in process.said() else ", without recovery"


def losses(written, kept):
    lost = len(written - kept)
    if lost:
        return f"**{lost} of {len(written)} acknowledged writes gone**"
    return f"all of {len(written)} acknowledged writes there"


def describe(code):
    return f"code {code}" if code >= 0 else f"SIG{signal.Signals(-code).name.removeprefix('SIG')}"


def quoted(text):
    """A server's own words, short enough for a table."""
    text = " ".join(text.replace("`", "'").replace("|", "/").split())
    return f"`{text if len(text) <= 200 else '…' + text[-200:]}`"
