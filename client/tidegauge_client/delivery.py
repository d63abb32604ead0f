"""Deliver a batch: send it until every row of it was accepted or refused."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tidegauge_client.transport import NoAnswerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegauge_client.batch import Batch
    from tidegauge_client.transport import Answer

MAX_REQUESTS = 200  # for one batch that has to be taken apart
MAX_VAIN_REQUESTS = 16  # of which none was accepted: then no row of it can be used
TRY_AGAIN = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
DIVISIBLE = {HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
MAX_SHOWN = 500  # characters of a refused value
MAX_SHOWN_COLUMNS = 100
NOT_NAMED = "one of many; the service names the first ten of a request"
NOT_COUNTED = "neither accepted nor rejected in the service's answer"


class RetryLaterError(Exception):
    """The service cannot take the batch now; `seconds` is its wish, None where it has none."""

    def __init__(self, reason: str, seconds: float | None = None) -> None:
        super().__init__(reason)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Reject:
    """A row or label that the service refused, its values cut where they are long, and why."""

    row: dict[str, Any]
    reason: str


@dataclass(slots=True)
class Delivered:
    """What became of a batch.

    - `accepted`: how many rows the service has made durable
    - `reasons`: how many rows it refused, by reason
    - `rejects`: the refused rows that are known
    """

    accepted: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    rejects: list[Reject] = field(default_factory=list)

    @property
    def rejected(self) -> int:
        """How many rows were refused."""
        return self.reasons.total()


def deliver(batch: Batch, post: Callable[[Batch], Answer]) -> Delivered:
    """Send a batch; one that is refused for some of its rows, or its size, is sent in halves.

    Raises RetryLaterError where it has to be sent again as a whole: under the same keys, it counts once.
    """
    result, waiting, requests = Delivered(), [batch], 0
    while waiting:
        part = waiting.pop()
        answer = _answer(part, post)
        requests += 1
        if answer.status == HTTPStatus.ACCEPTED:
            _add_receipt(result, part, answer)
            continue
        is_divisible = answer.status in DIVISIBLE and not _is_conflict(answer)
        is_vain = requests >= MAX_VAIN_REQUESTS and not result.accepted
        if is_divisible and part.rows > 1 and requests < MAX_REQUESTS and not is_vain:
            waiting.extend(reversed(part.halves()))
            continue
        reason = _detail(answer)
        result.reasons[reason] += part.rows
        result.rejects += [Reject(_shown(json.loads(line)), reason) for line in part.lines[:10]]
    return result


def _answer(batch: Batch, post: Callable[[Batch], Answer]) -> Answer:
    try:
        answer = post(batch)
    except NoAnswerError as error:
        raise RetryLaterError(str(error)) from error
    status = answer.status
    if status == HTTPStatus.ACCEPTED:
        if _is_receipt(answer.body):
            return answer
        raise RetryLaterError("202 without the counts of accepted and rejected rows: is this Tidegauge?")
    if status < HTTPStatus.BAD_REQUEST:
        raise RetryLaterError(_not_ours(answer))
    if status in TRY_AGAIN or not HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        raise RetryLaterError(_detail(answer), answer.retry_after)
    return answer


def _not_ours(answer: Answer) -> str:
    """Return what is said of an answer that Tidegauge does not give, as a proxy or another service does."""
    where = f" to {_origin(answer.location)}" if answer.location else ""
    return f"{_detail(answer)}{where}: is this Tidegauge's address? No redirect is followed"


def _origin(location: str) -> str:
    return location.partition("/v1/")[0].partition("?")[0] or location  # as it would be given to the client


def _is_conflict(answer: Answer) -> bool:
    """Say whether the key was used for other content: under further keys rows would count twice."""
    return answer.status == HTTPStatus.UNPROCESSABLE_ENTITY and "Idempotency-Key" in _detail(answer)


def _is_receipt(body: Any) -> bool:
    counts = (body.get("accepted"), body.get("rejected")) if isinstance(body, dict) else ()
    return bool(counts) and all(type(count) is int and count >= 0 for count in counts)


def _add_receipt(result: Delivered, batch: Batch, answer: Answer) -> None:
    result.accepted += answer.body["accepted"]
    named = [each for each in answer.body.get("rejects") or () if isinstance(each, dict)]
    for each in named:
        reason = str(each.get("reason"))
        result.reasons[reason] += 1
        row = each.get("row")
        result.rejects.append(Reject(_shown(row) if isinstance(row, dict) else {}, reason))
    if (unnamed := answer.body["rejected"] - len(named)) > 0:
        result.reasons[NOT_NAMED] += unnamed
    if (missing := batch.rows - answer.body["accepted"] - answer.body["rejected"]) > 0:
        result.reasons[NOT_COUNTED] += missing


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row whose long texts are cut: what was refused is kept in memory."""
    short: dict[str, Any] = {}
    for name, value in list(row.items())[:MAX_SHOWN_COLUMNS]:
        text = value if isinstance(value, str) else json.dumps(value)
        short[name] = value if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
    return short


def _detail(answer: Answer) -> str:
    detail = answer.body.get("detail") if isinstance(answer.body, dict) else None
    return f"{answer.status}: {detail}" if detail else f"{answer.status} {_phrase(answer.status)}"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "(unknown status)"
