"""Tokens: their form, what is kept of them, and how one is compared."""

from __future__ import annotations

import hmac
import re

import pytest

from service.access import tokens as module
from service.access.secret import digest_of, id_of, new_token
from service.access.tokens import Tokens
from service.core.access import Grant, Scope, Token, scopes_of

ROWS = Grant(frozenset({Scope.ROWS}))


def _known() -> tuple[Tokens, str, str]:
    own, secret = new_token()
    tokens = Tokens(fixed=("word", ROWS), now=lambda: 7)
    tokens.replace([Token(own, digest_of(secret), ROWS)])
    return tokens, own, secret


def test_a_token_has_256_bits_and_a_prefix_that_scanners_find() -> None:
    """`tg_`, an id and 43 characters that carry 32 random bytes; no two are the same."""
    made = {new_token() for _ in range(100)}
    assert len({secret for _, secret in made}) == len({own for own, _ in made}) == 100
    for own, secret in made:
        assert re.fullmatch(rf"tg_{own}_[A-Za-z0-9_-]{{43}}", secret)
        assert id_of(secret) == own


@pytest.mark.parametrize(
    "given", ["", "tg_", "x" * 10_000, "tg_0123456789ab_short", "Bearer", "tg_\ud800", "ä\0"]
)
def test_anything_else_is_no_token(given: str) -> None:
    """Whatever is sent instead is refused without an error."""
    tokens, _, _ = _known()
    assert id_of(given) is None
    assert tokens.grant_of(given) is None


def test_a_token_is_taken_until_it_is_gone() -> None:
    """The right one is taken, one with another secret is not, and none is once it was revoked."""
    tokens, own, secret = _known()
    assert tokens.grant_of(secret) == ROWS
    assert tokens.grant_of(f"tg_{own}_{'A' * 43}") is None
    assert tokens.grant_of("word") == ROWS
    assert tokens.take_used() == {own: 7}
    assert tokens.take_used() == {}
    tokens.replace([])
    assert tokens.grant_of(secret) is None


def test_every_check_compares_whole_hashes_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Known id or not, right or wrong in its first or last character: the same comparisons of 32 bytes."""
    tokens, own, secret = _known()
    seen: list[tuple[int, int]] = []
    real = hmac.compare_digest

    class Spy:
        @staticmethod
        def compare_digest(left: bytes, right: bytes) -> bool:
            seen.append((len(left), len(right)))
            return real(left, right)

    monkeypatch.setattr(module, "hmac", Spy)
    wrong_first = f"tg_{own}_{'A' if secret[16] != 'A' else 'B'}{secret[17:]}"
    wrong_last = f"{secret[:-1]}{'A' if secret[-1] != 'A' else 'B'}"
    for given in (secret, wrong_first, wrong_last, new_token()[1], "nothing of the kind"):
        seen.clear()
        assert (tokens.grant_of(given) is not None) is (given == secret)
        assert seen == [(32, 32), (32, 32)]  # with that of the settings, and with that of the id


def test_an_unknown_scope_is_named_with_the_list() -> None:
    """A misspelt scope, or none, gives no token that admits to less than was meant."""
    assert scopes_of(["rows", "read"]) == {Scope.ROWS, Scope.READ}
    with pytest.raises(
        ValueError, match="no scope is named 'row'; expected one or more of rows, labels, read"
    ):
        scopes_of(["row"])
    with pytest.raises(ValueError, match="no scope is given; expected"):
        scopes_of([])
