"""A runner between an endpoint and an outside that only write down what they are told."""

from collections import deque
from dataclasses import dataclass, field

from ikebana.daemon.runner import Answer, Asked, Report, Runner
from ikebana.worker.messages import Done, Install, Message, Remove
from ikecore.actions import Action, Assigned, Broken, CheckUser
from ikecore.child import ChildSpec
from ikecore.events import Event, ProbeWanted, Refused, UserAccepted
from ikecore.trace import Record
from policy.path import Path
from policy.treatment import PLAIN, Treatment
from suites.secret import Secret

ONE, TWO = b"\1" * 8, b"\2" * 8
KEY = Secret(b"a key")


class FakeEndpoint:
    """Gives the lists a test put into it, and remembers what it was told."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.lists: deque[list[Action]] = deque()
        self.due: list[Action] = []
        self.at: float | None = None

    def handle(self, event: Event, _now: float) -> list[Action]:
        self.events.append(event)
        return self.lists.popleft() if self.lists else []

    def handle_timeout(self, _now: float) -> list[Action]:
        due, self.due = self.due, []
        return due

    def next_timeout(self) -> float | None:
        return self.at


@dataclass
class FakeOutside:
    """Writes down what it is asked to do, in order."""

    done: list[object] = field(default_factory=list)
    worker: list[Message] = field(default_factory=list)
    key: Secret | None = KEY
    runner: Runner | None = None
    on_report: deque[Event] = field(default_factory=deque)
    bugs: list[object] = field(default_factory=list)
    treatment: Treatment = PLAIN

    def send(self, data: bytes, _path: Path) -> bool:
        self.done.append(data)
        return True

    def send_keepalive(self, _path: Path) -> None:
        self.done.append("keepalive")

    def to_worker(self, message: Message) -> bool:
        self.worker.append(message)
        return True

    def key_of(self, _connection: str) -> Secret | None:
        return self.key

    def answer(self, asked: Asked) -> Answer:
        self.done.append(asked)
        return UserAccepted(asked.sa) if isinstance(asked, CheckUser) else Refused(asked.sa)

    def assigned(self, assigned: Assigned) -> None:
        self.done.append(assigned)

    def path_mtu(self, _path: Path) -> int:
        if "mtu" in self.bugs:
            raise OSError("no netlink")
        return 1400

    def treatment_of(self, _connection: str) -> Treatment:
        return self.treatment

    def installed(self, spec: ChildSpec, mtu: int) -> None:
        if "installed" in self.bugs:
            raise ValueError("a bug")
        self.done.append(("installed", spec.inbound_spi, mtu))

    def report(self, report: Report) -> None:
        if report in self.bugs:
            raise ValueError("a bug")
        self.done.append(report)
        if self.on_report and self.runner is not None:
            self.runner.handle(self.on_report.popleft())

    def trace(self, record: Record) -> None:
        self.done.append(record)

    def count(self, reason: str) -> None:
        self.done.append(("dropped", reason))

    def broken(self, broken: Broken) -> None:
        if "broken" in self.bugs:
            raise OSError("the disk is full")
        self.done.append(broken)


class Stage:
    """A runner between its fakes, and its clock."""

    def __init__(self) -> None:
        self.now = 100.0
        self.endpoint = FakeEndpoint()
        self.outside = FakeOutside()
        self.runner = Runner(self.endpoint, self.outside, lambda: self.now)
        self.outside.runner = self.runner

    def take(self, *actions: Action) -> None:
        self.endpoint.lists.append(list(actions))
        self.runner.handle(ProbeWanted(ONE))

    def acknowledge(self, *, ok: bool = True, number: int = -1) -> None:
        message = self.outside.worker[number]
        assert isinstance(message, (Install, Remove))
        self.runner.acknowledgements.done(Done(message.token, ok, 1300))

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.runner.handle_timeout()

    @property
    def done(self) -> list[object]:
        done, self.outside.done = self.outside.done, []
        return done
