"""Split an expression into tokens and return them one by one."""

import re
from collections.abc import Mapping
from typing import NoReturn

from local.tables.errors import ValidationException
from local.tables.reserved_words import RESERVED_WORDS
from local.tables.syntax import Used

MAX_EXPRESSION_BYTES = 4096  # "Expression parameters": 4 KB
END = "<EOF>"

TOKEN = re.compile(r"\s*(?:([#:]?[A-Za-z0-9_]+)|(<=|>=|[=<>(),])|(\S))")
PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)


class Tokens:
    """A cursor over the tokens of one expression; `parameter` is its name in messages."""

    def __init__(self, parameter: str, text: str, names: Mapping[str, str]) -> None:
        self._parameter = parameter
        self._names = names
        self._used_names: set[str] = set()
        self._used_values: set[str] = set()
        self._groups: set[tuple[int, int]] = set()
        self._at = 0
        if not text.strip():
            self.refuse("The expression can not be empty;")
        if len(text.encode()) > MAX_EXPRESSION_BYTES:
            self.refuse("Expression size has exceeded the maximum allowed size;")
        self._tokens = self._cut(text)

    @property
    def next(self) -> str:
        """The token at the cursor; `<EOF>` at the end."""
        return self._tokens[self._at] if self._at < len(self._tokens) else END

    @property
    def used(self) -> Used:
        """The placeholders used so far."""
        return Used(frozenset(self._used_names), frozenset(self._used_values))

    def take(self) -> str:
        """Return the token at the cursor and advance."""
        token = self.next
        self._at += 1
        return token

    def accept(self, token: str) -> bool:
        """Advance if the cursor is at `token`, and return True; keywords match in any case."""
        if self.next.upper() != token:
            return False
        self._at += 1
        return True

    def expect(self, token: str) -> None:
        """Advance over `token`, or refuse the expression."""
        if not self.accept(token):
            self.syntax_error()

    def calls(self, function: str) -> bool:
        """Advance over `function(` if it is next, and return True; function names must be in lower case."""
        upcoming = self._tokens[self._at + 1] if self._at + 1 < len(self._tokens) else END
        if self.next != function or upcoming != "(":
            return False
        self._at += 2
        return True

    def open_group(self) -> int:
        """Advance over `(`; pass the result to `close_group`."""
        self.expect("(")
        return self._at - 1

    def close_group(self, opened: int) -> None:
        """Advance over `)`; refuse a group that contains only another group."""
        self.expect(")")
        closed = self._at - 1
        if (opened + 1, closed - 1) in self._groups:
            self.refuse("The expression has redundant parentheses;")
        self._groups.add((opened, closed))

    def finish(self) -> None:
        """Refuse remaining tokens."""
        if self.next != END:
            self.syntax_error()

    def value(self) -> str:
        """Return a value's placeholder and advance."""
        token = self.next
        if not token.startswith(":"):
            self.syntax_error()
        self._used_values.add(token)
        self._at += 1
        return token

    def attribute(self) -> str:
        """Return an attribute's name, with its placeholder resolved, and advance."""
        token = self.next
        if token.startswith("#"):
            if token not in self._names:
                self.refuse(
                    f"An expression attribute name used in the document path is not defined; attribute name: {token}"
                )
            self._used_names.add(token)
            self._at += 1
            return self._names[token]
        if not PLAIN_NAME.fullmatch(token):
            self.syntax_error()
        if token.upper() in RESERVED_WORDS:
            self.refuse(f"Attribute name is a reserved keyword; reserved keyword: {token}")
        self._at += 1
        return token

    def refuse(self, reason: str) -> NoReturn:
        """Raises ValidationException, prefixed with the parameter's name."""
        raise ValidationException(f"Invalid {self._parameter}: {reason}")

    def syntax_error(self) -> NoReturn:
        """Raises ValidationException that points to the cursor."""
        near = " ".join(self._tokens[max(self._at - 1, 0) : self._at + 2])
        self.refuse(f'Syntax error; token: "{self.next}", near: "{near}"')

    def _cut(self, text: str) -> list[str]:
        tokens = []
        for match in TOKEN.finditer(text.strip()):
            if match[3]:
                self.refuse(f'Syntax error; token: "{match[3]}", near: "{text[match.start() : match.end() + 5]}"')
            tokens.append(match[1] or match[2])
        return tokens
