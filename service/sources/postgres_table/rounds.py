"""Which rows of a table belong to which round, by the transactions that wrote them.

A round takes what was written by the transactions from the last round's target up to and without its own: the
oldest transaction that still runs when the round begins (`pg_snapshot_xmin`). All of these have ended and are
seen, and none before them is ever seen later, so that a row that is committed late comes in a later round.

A row holds the lower 32 bits of its transaction's number. They are compared as ages, how many transactions
began since, as the server's function `age` gives them: an int32 that is negative for the stamp of a row that
was frozen more than 2**31 transactions ago, and 2**31 - 1 for rows that are older than all transactions.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_AGE = 2**31 - 1  # what `age` gives for rows of no transaction; others are younger or negative


@dataclass(frozen=True, slots=True)
class Ages:
    """The ages of a round's rows, at the moment of one of its pages.

    - `youngest`: of the round's target; its rows are older
    - `oldest`: the oldest that it takes; None where it takes all, as a first round does
    """

    youngest: int
    oldest: int | None = None

    def holds(self, age: int) -> bool:
        """Say whether a row of this age is the round's; what `as_sql` says to the server."""
        if self.oldest is None:
            return not 0 <= age <= self.youngest
        return self.youngest < age <= self.oldest

    def as_sql(self, column: str) -> str:
        """Return the condition on a column of transactions."""
        if self.oldest is None:
            return f"NOT (age({column}) BETWEEN 0 AND {self.youngest})"
        return f"age({column}) > {self.youngest} AND age({column}) <= {self.oldest}"


def ages_of(horizon: int | None, target: int, target_age: int) -> Ages | None:
    """Return the ages of the rows from `horizon` up to `target`, which are 64-bit transaction numbers.

    `target_age` is the target's. None where the round spans so many transactions that ages are ambiguous.
    """
    if horizon is None:
        return Ages(target_age)
    oldest = target_age + target - horizon
    return None if oldest >= MAX_AGE or target_age < 0 else Ages(target_age, oldest)
