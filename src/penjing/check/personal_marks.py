"""Personal data in texts, found and marked.

Numbers count only where their check digits are right, so that order numbers are not taken for cards. Sources: GB 11643
(Chinese identity numbers), ISO/IEC 7812 (cards, Luhn's algorithm).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}[@＠][A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,4}(?![A-Za-z0-9-])"
)
_PHONE = re.compile(
    r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)"
    r"|(?<![\d.])\(?0\d{2,3}\)?[- ]?[2-9]\d{6,7}(?![\d.])"
    r"|(?<![\d+.])\+[1-9]\d{0,2}(?:[- ()]{1,2}\d{1,5}){2,5}(?![\d.])|(?<![\d+.])\+[1-9]\d{9,13}(?![\d.])"
    r"|(?<!\d)(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[- .])[2-9]\d{2}[- .]\d{4}(?!\d)"
)
_IDENTITY = re.compile(
    r"(?<!\d)[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![\dA-Za-z])"
)
_CARD = re.compile(
    r"(?<!\d)(?:[3-6]\d{15}|[3-6]\d{18}|3[47]\d{13}|3[47]\d{2}([ -])\d{6}\1\d{5}"
    r"|[3-6]\d{3}([ -])\d{4}\2\d{4}\2\d{4}(?:\2\d{3})?)(?!\d)"
)
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"


def is_identity_number(text: str) -> bool:
    """Return whether a Chinese identity number of 18 digits has the right check digit.

    >>> is_identity_number("11010519491231002X"), is_identity_number("110105194912310021")
    (True, False)
    """
    total = sum(int(digit) * weight for digit, weight in zip(text, _WEIGHTS, strict=False))
    return _CHECKS[total % 11] == text[-1].upper()


def is_card_number(text: str) -> bool:
    """Return whether a card's number has the right check digit.

    >>> is_card_number("4111 1111 1111 1111"), is_card_number("4111 1111 1111 1112")
    (True, False)
    """
    digits = [int(character) for character in text if character.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return len(set(digits)) > 1 and (sum(doubled) + sum(digits[-1::-2])) % 10 == 0


PERSONAL: tuple[tuple[str, str, re.Pattern[str], Callable[[str], bool]], ...] = (
    ("identity numbers", "<id>", _IDENTITY, is_identity_number),
    ("e-mail addresses", "<email>", _EMAIL, lambda _: True),
    ("telephone numbers", "<phone>", _PHONE, lambda _: True),
    ("card numbers", "<card>", _CARD, is_card_number),
)


def without_personal(text: str) -> str:
    """Return the text with marks in place of personal data.

    >>> without_personal("Write to li@example.com or call 138-1234-5678.")
    'Write to <email> or call <phone>.'
    """
    for _, mark, pattern, is_one in PERSONAL:
        text = pattern.sub(partial(_marked, mark, is_one), text)
    return text


def _marked(mark: str, is_one: Callable[[str], bool], found: re.Match[str]) -> str:
    return mark if is_one(found[0]) else found[0]
