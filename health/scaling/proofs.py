"""One person's way over several instances: what one of them did must hold on the others."""

import hashlib
import re
import secrets
from collections import Counter
from itertools import pairwise
from typing import NamedTuple

from health.scaling.asking import Address, Answer, NoAnswer, fetch, require
from health.scaling.finding import Finding, named

_V1 = "/api/v1"
_LEFT = re.compile(r'"api[^"]*";r=(\d+)')
_OK, _CREATED, _FOUND, _UNAUTHORIZED, _REFUSED = 200, 201, 302, 401, 429
_BYTES = 2048


class Person(NamedTuple):
    """An account of the proof's own, and who made it."""

    email: str
    password: str
    token: str
    instance: str


def sign_up(address: Address, email: str) -> Person:
    """Make an account.

    Raises:
        NoAnswer: it was refused, by the rate limit for example.
    """
    person = {"email": email, "password": secrets.token_urlsafe(24), "name": "verify_scaling"}
    answer = require(address.ask("POST", f"{_V1}/auth/register", person), "Signing up")
    if not answer.instance:
        raise NoAnswer("Answers have no X-Instance header: something on their way takes it off, so nothing is proved.")
    return Person(email, person["password"], answer.facts["access_token"], answer.instance)


class Proofs:
    """Asks until every one of ``instances`` has answered, or ``tries`` are over."""

    def __init__(self, address: Address, person: Person, instances: int) -> None:
        """Know how many instances there are."""
        self._address, self._person, self._instances = address, person, instances
        self._tries = 4 * instances + 4

    def tokens(self) -> Finding:
        """Prove that a token of one instance is good on the others, and so are e-mail and password."""
        person = self._person
        signed_in = self._address.ask("POST", f"{_V1}/auth/login", {"email": person.email, "password": person.password})
        if signed_in.status == _UNAUTHORIZED:
            why = f"{signed_in.instance} does not know the account that {person.instance} made"
            return Finding.failed("Tokens", f"{why}: each has a database of its own. Set MONGODB_URI.")
        require(signed_in, "Signing in")
        for token, giver in ((person.token, person.instance), (signed_in.facts["access_token"], signed_in.instance)):
            answers = self._everywhere("GET", "/me", token)
            refusing = {answer.instance for answer in answers if answer.status != _OK}
            if refusing:
                why = f"{named(sorted(refusing))} refused a token that {giver} gave"
                return Finding.failed("Tokens", f"{why}: keys or sessions are not shared. Look at JWT_SECRET.")
            others = _others(answers, giver)
            if not others:
                return Finding.not_shown("Tokens", f"No instance but {giver} answered.")
        return Finding.passed("Tokens", f"Signed up on {person.instance} and in on {signed_in.instance}, good on all.")

    def limits(self) -> Finding:
        """Prove that all instances count into one limit: each answer has one less left than the one before."""
        # Twice, because an instance that counts for itself has lost one since, where all have lost more.
        answers = self._everywhere("GET", "/me", self._person.token, times=2)
        left = [(answer.instance, _LEFT.search(answer.headers.get("RateLimit", ""))) for answer in answers]
        counted = [(instance, int(match[1])) for instance, match in left if match]
        if not counted:
            return Finding.not_shown("Limits", "Answers tell of no limit: is this address exempt?")
        if len({instance for instance, _ in counted}) < 2:  # noqa: PLR2004  two make a comparison
            return Finding.not_shown("Limits", f"No instance but {counted[0][0]} answered.")
        numbers = [number for _, number in counted]
        if any(later >= earlier for earlier, later in pairwise(numbers)):
            told = ", ".join(f"{number} on {instance}" for instance, number in counted[:4])
            why = f"Each instance counts for itself: one after the other, requests left {told}"
            return Finding.failed("Limits", f"{why}. Set REDIS_URL, or bring Redis back.")
        return Finding.passed("Limits", f"{len(counted)} requests to all left {numbers[0]} down to {numbers[-1]}.")

    def files(self) -> Finding:
        """Prove that a file that one instance took is given out by the others."""
        content = secrets.token_hex(_BYTES // 2).encode()
        sent = require(self._send(content), "The upload")
        path, digest, takers = f"/uploads/{sent.facts['id']}/content", hashlib.sha256(content).digest(), sent.instance
        asked = self._everywhere("GET", path, self._person.token)
        for link in asked:
            if link.status != _FOUND:
                return Finding.failed("Files", f"{link.instance} does not know the file of {takers}: {link.problem}.")
            got = fetch("GET", link.headers["Location"])
            giver = got.instance or "the storage"
            if got.status != _OK or hashlib.sha256(got.body).digest() != digest:
                why = f"{giver} does not have the file that {takers} took ({got.status})"
                return Finding.failed(
                    "Files", f"{why}: files are on the instances' own disks. Set USE_S3 and S3_BUCKET."
                )
        if not _others(asked, takers):
            return Finding.not_shown("Files", f"No instance but {takers} answered.")
        where = "a folder that they share" if got.instance else "the storage"
        return Finding.passed("Files", f"Sent to {takers}, and asked for on all; the bytes are in {where}.")

    def removal(self) -> Finding:
        """Remove the account, and prove that every instance refuses its token from then on."""
        gone = require(self._address.ask("DELETE", f"{_V1}/me", token=self._person.token), "Removing the account")
        answers = self._everywhere("GET", "/me", self._person.token)
        letting = {answer.instance for answer in answers if answer.status != _UNAUTHORIZED}
        if letting:
            why = f"{named(sorted(letting))} still knows the account that was removed on {gone.instance}"
            return Finding.failed("Removal", f"{why}: it remembers by itself.")
        if not _others(answers, gone.instance):
            return Finding.not_shown("Removal", f"No instance but {gone.instance} answered.")
        return Finding.passed("Removal", f"Removed on {gone.instance}, refused by all at once.")

    def _everywhere(self, method: str, path: str, token: str, *, times: int = 1) -> list[Answer]:
        answers: list[Answer] = []
        seen: Counter[str] = Counter()
        while len(answers) < self._tries and (len(seen) < self._instances or min(seen.values()) < times):
            answer = self._address.ask(method, f"{_V1}{path}", token=token)
            if answer.status == _REFUSED:
                raise NoAnswer(f"A rate limit refuses to go on: {answer.problem}")
            answers.append(answer)
            seen[answer.instance] += 1
        return answers

    def _send(self, content: bytes) -> Answer:
        boundary = secrets.token_hex(16)
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="verify-scaling.txt"\r\n\r\n'
        body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        return self._address.ask("POST", f"{_V1}/uploads", body, token=self._person.token, headers=kind)


def _others(answers: list[Answer], instance: str) -> set[str]:
    return {answer.instance for answer in answers} - {instance}
