"""A mail server that keeps what it takes, and can be told to refuse, to hang, to be gone and to come back."""

import asyncio
import email
import email.policy
import socket
import threading
from dataclasses import dataclass, field
from email.message import EmailMessage
from types import TracebackType
from typing import Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.servers.ports import ReservedPorts


@dataclass(frozen=True)
class Received:
    """One mail as it was taken."""

    sender: str
    recipients: list[str]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        """The mail, parsed."""
        parsed = email.message_from_bytes(self.raw, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    @property
    def text(self) -> str:
        """Its plain text."""
        part = self.message.get_body(("plain",))
        assert part is not None
        return str(part.get_content())

    @property
    def html(self) -> str:
        """Its HTML."""
        part = self.message.get_body(("html",))
        assert part is not None
        return str(part.get_content())


@dataclass
class SmtpServer:
    """One on 127.0.0.1, on a port that stays its own. ``refusals`` are replies by step: rcpt, data."""

    received: list[Received] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)
    hangs_at: str = ""
    asked: int = 0

    def __post_init__(self) -> None:
        """Take a port; nothing listens yet."""
        self._ports = ReservedPorts()
        (self.port,) = self._ports.take(1)
        self._controller: Controller | None = None
        self._arrived = threading.Condition()

    @property
    def url(self) -> str:
        """The address, as EMAIL_URL takes it."""
        return f"smtp://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen."""
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, ready_timeout=10)
        self._controller.start()

    def stop(self) -> None:
        """Be gone: connections are refused."""
        controller, self._controller = self._controller, None
        if controller:
            controller.stop()

    def behave(self) -> None:
        """Forget everything, and take mails."""
        self.received.clear()
        self.refusals.clear()
        self.hangs_at, self.asked = "", 0

    def wait_for(self, count: int, *, within_s: float) -> list[Received]:
        """Return what has arrived as soon as it is so many, or when the time is over."""
        with self._arrived:
            self._arrived.wait_for(lambda: len(self.received) >= count, within_s)
        return list(self.received)

    async def handle_RCPT(  # noqa: N802  aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient, or do as told."""
        self.asked += 1
        if refusal := await self._told("rcpt"):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  the same
        """Take a mail, or do as told."""
        if refusal := await self._told("data"):
            return refusal
        content = envelope.content
        raw = content if isinstance(content, bytes) else str(content).encode()
        with self._arrived:
            self.received.append(Received(envelope.mail_from or "", list(envelope.rcpt_tos), raw))
            self._arrived.notify_all()
        return "250 taken"

    async def _told(self, step: str) -> str:
        if self.hangs_at == step:
            await asyncio.sleep(3600)
        return self.refusals.get(step, "")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._ports.release()


class SilentServer:
    """A port that takes connections and says nothing."""

    def __enter__(self) -> Self:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
