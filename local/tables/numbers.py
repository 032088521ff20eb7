"""DynamoDB's numbers: decimals of 38 digits, their canonical spelling, and bytes that sort like them."""

import re
from decimal import Context, Decimal, Inexact

from local.tables.errors import ValidationException

DIGITS = 38  # "Numbers can have up to 38 digits of precision": naming rules and data types
MAX_EXPONENT = 125
MIN_EXPONENT = -130

EXACT = Context(prec=DIGITS, Emin=-999_999, Emax=999_999, traps=[Inexact])
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,6})?", re.ASCII)

ZERO = b"\x80"
POSITIVE = b"\x81"
NEGATIVE = b"\x7f"
AFTER_NEGATIVE_DIGITS = b"\xff"  # makes -1.2 sort after -1.23


def parse(text: str) -> Decimal:
    """Return the number without trailing zeros. Raises ValidationException if DynamoDB cannot store it."""
    if not NUMBER.fullmatch(text):
        raise ValidationException(
            "The parameter cannot be converted to a numeric value" + (f": {text}" if text else "")
        )
    try:
        number = EXACT.normalize(Decimal(text))
    except Inexact:
        raise ValidationException("Attempting to store more than 38 significant digits in a Number") from None
    if number and number.adjusted() > MAX_EXPONENT:
        raise ValidationException(
            "Number overflow. Attempting to store a number with magnitude larger than supported range"
        )
    if number and number.adjusted() < MIN_EXPONENT:
        raise ValidationException(
            "Number underflow. Attempting to store a number with magnitude smaller than supported range"
        )
    return number


def canonical(text: str) -> str:
    """Return the canonical spelling of a number: no exponent, no trailing zeros, so equal numbers are equal strings."""
    if len(text) <= DIGITS and text.isascii() and text.isdigit() and (text[0] != "0" or text == "0"):
        return text  # the usual case: a counter or a time
    number = parse(text)
    return format(number, "f") if number else "0"


def sortable(text: str) -> bytes:
    """Return bytes that sort like the canonical numbers."""
    number = Decimal(text)
    if not number:
        return ZERO
    _, digits, _ = number.as_tuple()
    figures = "".join(map(str, digits)).rstrip("0")
    figures += "0" * (len(figures) % 2)
    exponent = number.adjusted() - MIN_EXPONENT
    magnitude = bytes([exponent, *(int(figures[at : at + 2]) for at in range(0, len(figures), 2))])
    if number > 0:
        return POSITIVE + magnitude
    return NEGATIVE + bytes(255 - byte for byte in magnitude) + AFTER_NEGATIVE_DIGITS
