"""What a row or an id holds, in 64 bits: the same in every process and on every machine.

A row's words, each times an odd constant of its place, are summed modulo 2**64 and mixed (multilinear
hashing, D. Lemire and O. Kaser, "Strongly universal string hashing is fast", 2014; mixed by the last step
of splitmix64, G. Steele, D. Lea and C. Flood, 2014). That two of n different rows share a hash has a chance
of about n**2 / 2**56: one in a thousand million for 8,000 rows. The constants are public: no guard against
an attacker.
"""

from __future__ import annotations

import hashlib
from functools import cache, lru_cache
from operator import mul
from typing import TYPE_CHECKING

import numpy as np

from service.core.rows.batch import Numbers, Texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from service.core.rows.batch import ColumnRows, Labels

    Hashes = NDArray[np.uint64]

NOTHING = np.uint64(0)  # the hash of an id that is missing; none other has it
KEPT_BYTES = 8_192  # labels longer than this together are hashed anew
_MODULUS = 2**64
_FOLD = np.uint64(32)
_SECOND = 2**32  # the places whose constants the second hash of a text has
_GOLDEN = np.uint64(0x9E37_79B9_7F4A_7C15)
# Two NaN as words: no number has them.
_MISSING = np.uint64(0x7FF8_0000_7FF8_0000)
_UNPARSABLE = np.uint64(0x7FF8_0001_7FF8_0000)


def of_rows(columns: Sequence[ColumnRows | None], rows: int) -> Hashes:
    """Hash `rows` rows of `columns`, shape (rows,); a column that is None counts as missing in every row.

    Labels go by their text; -0.0 is 0.0; a value that is no number is unlike a missing one and like any other
    such value.
    """
    total, word = np.zeros(rows, dtype=np.uint64), np.empty(rows, dtype=np.uint64)
    for key, column in zip(_keys(len(columns)), columns, strict=True):
        if column is None:
            total += np.uint64(int(_MISSING) * int(key) % 2**64)
        elif isinstance(column, Texts):
            total += of_words(column.texts.tolist()) * key
        elif isinstance(column, Numbers):
            _words_of_numbers(column, word)
            np.multiply(word, key, out=word)
            np.add(total, word, out=total)
        else:
            words, codes = _words_of_labels(column)
            np.add(total, (words * key)[codes], out=total)
    return _mixed(total)


def of_texts(texts: NDArray[np.str_], *, second: bool = False) -> Hashes:
    """Hash texts, shape (n,); the empty text is NOTHING. The width of the array makes no difference.

    The `second` hash has constants of its own: texts that share the first one do not share it.
    """
    total = np.zeros(len(texts), dtype=np.uint64)
    width = texts.dtype.itemsize // 4
    if not len(texts) or not width:
        return total
    points = np.ascontiguousarray(texts).view(np.uint32).reshape(len(texts), width)
    for place, key in enumerate(_keys(width, _SECOND if second else 0)):
        np.add(total, points[:, place] * key, out=total)
    hashes = _mixed(total)
    hashes[hashes == NOTHING] = 1
    hashes[points[:, 0] == 0] = NOTHING
    return hashes


def of_text(text: str, *, second: bool = False) -> int:
    """Hash one text as `of_texts` does, without an array."""
    if not text or text[0] == "\0":
        return int(NOTHING)
    total = sum(map(mul, map(ord, text), _whole_keys(len(text), _SECOND if second else 0))) % _MODULUS
    return mixed(total) or 1


def of_words(texts: Sequence[str | None]) -> Hashes:
    """Hash texts of any length one by one, shape (n,); a missing one has a hash of its own."""
    hashes = [
        int(_MISSING)
        if text is None
        else int.from_bytes(hashlib.blake2b(text.encode(errors="replace"), digest_size=8).digest())
        for text in texts
    ]
    return np.array(hashes, dtype=np.uint64)


def of_ordinals(ordinals: NDArray[np.int64], seed: int) -> Hashes:
    """Hash whole numbers, shape (n,): different ones never share a hash.

    They are the numbers that splitmix64 gives from `seed` (0 to 2**64 - 1), at the places `ordinals`.
    """
    return _mixed(np.uint64(seed) + ordinals.astype(np.uint64) * _GOLDEN)


def _words_of_numbers(column: Numbers, out: Hashes) -> None:
    values = column.values + 0.0  # one zero: -0.0 becomes 0.0
    bits = values.view(np.uint64)
    # Whole numbers fill the upper half of a double alone: without the fold a product would lose their bits.
    np.right_shift(bits, _FOLD, out=out)
    np.bitwise_xor(bits, out, out=out)
    missing = np.isnan(values)
    if missing.any():
        out[missing] = _MISSING
    if column.unparsable is not None:
        out[column.unparsable] = _UNPARSABLE


def _words_of_labels(column: Labels) -> tuple[Hashes, NDArray[np.integer]]:
    # Each label's word, the missing one's behind them, and each row's place among them.
    labels, codes = column.labels, column.codes
    if labels.nbytes <= KEPT_BYTES:
        return _kept_words(labels.dtype.str, labels.tobytes()), codes
    if len(labels) > len(codes):  # a few rows of many labels: only what they hold is hashed
        places, codes = np.unique(codes, return_inverse=True)
        codes = codes - (1 if len(places) and places[0] < 0 else 0)
        labels = labels[places[places >= 0]]
    return _words(labels), codes


@lru_cache(maxsize=256)
def _kept_words(dtype: str, content: bytes) -> Hashes:
    # A column has the same few labels in batch after batch.
    words = _words(np.frombuffer(content, dtype=dtype))
    words.flags.writeable = False
    return words


def _words(labels: NDArray[np.str_]) -> Hashes:
    return np.append(of_texts(labels), _MISSING)


@cache
def _keys(count: int, after: int = 0) -> tuple[np.uint64, ...]:
    return tuple(_mixed(np.arange(after + 1, after + count + 1, dtype=np.uint64)) | np.uint64(1))


@cache
def _whole_keys(count: int, after: int) -> tuple[int, ...]:
    return tuple(int(key) for key in _keys(count, after))


def mixed(word: int) -> int:
    """Mix one word (0 to 2**64 - 1) as splitmix64 does."""
    word = (word + int(_GOLDEN)) % _MODULUS
    word = ((word ^ (word >> 30)) * 0xBF58_476D_1CE4_E5B9) % _MODULUS
    word = ((word ^ (word >> 27)) * 0x94D0_49BB_1331_11EB) % _MODULUS
    return word ^ (word >> 31)


def of_ordinal(ordinal: int, seed: int) -> int:
    """Hash one whole number as `of_ordinals` does; `ordinal` modulo 2**64."""
    return mixed((seed + ordinal * int(_GOLDEN)) % _MODULUS)


def _mixed(words: Hashes) -> Hashes:
    words = words + _GOLDEN
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58_476D_1CE4_E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D0_49BB_1331_11EB)
    return words ^ (words >> np.uint64(31))
