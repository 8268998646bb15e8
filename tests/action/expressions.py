"""The expressions of `${{ }}` that a composite action needs, evaluated as GitHub does; all others are refused.

Literals, contexts with `.name` and `['name']`, `( ) ! == != && ||`, and the status functions. Strings compare without
regard to case, different types compare as numbers, `&&` and `||` answer with an operand. Knows nothing of actions.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Value = None | bool | float | str | Mapping[str, "Value"]
Functions = Mapping[str, Callable[[], bool]]

_TOKEN = re.compile(
    r"\s*(?:(?P<operator>\|\||&&|==|!=|[()\[\]!.])"
    r"|(?P<string>'(?:[^']|'')*')"
    r"|(?P<number>[-+]?(?:0x[0-9a-fA-F]+|0o[0-7]+|[0-9]+\.?[0-9]*(?:[eE][-+]?[0-9]+)?))(?![\w.])"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_-]*))"
)
_CONSTANTS: Mapping[str, Value] = {"true": True, "false": False, "null": None, "NaN": math.nan, "Infinity": math.inf}
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")


class Unsupported(Exception):
    """An expression that is none, or that needs more than an action should need."""


def interpolated(text: str, contexts: Mapping[str, Value], functions: Functions | None = None) -> str:
    """*text* with every `${{ }}` in it replaced by its value."""
    return re.sub(
        r"\$\{\{(.*?)\}\}", lambda found: shown(evaluated(found[1], contexts, functions)), text, flags=re.DOTALL
    )


def evaluated(text: str, contexts: Mapping[str, Value], functions: Functions | None = None) -> Value:
    """The value of the expression *text*. Unsupported where it is none."""
    parser = _Parser(_tokens(text), contexts, functions or {})
    value = parser.either()
    if parser.rest:
        raise Unsupported(f"{text}: {parser.rest[0][1]} is not expected")
    return value


def is_true(value: Value) -> bool:
    """Whether *value* counts as true: everything but false, 0, NaN, the empty string and null."""
    return not (value is None or value is False or value == "" or (is_number(value) and (value == 0 or value != value)))


def shown(value: Value) -> str:
    """*value* as it stands in a text."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case float() | int():
            return _number_shown(float(value))
        case str():
            return value
    return "Object"


def is_number(value: Value) -> bool:
    """Whether *value* is a number; true and false are none."""
    return isinstance(value, float | int) and not isinstance(value, bool)


def are_equal(one: Value, other: Value) -> bool:
    """Whether `==` holds."""
    if isinstance(one, str) and isinstance(other, str):
        return one.upper() == other.upper()
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one is other
    return as_number(one) == as_number(other)


def as_number(value: Value) -> float:
    """*value* as the number that a comparison of different types takes it for."""
    match value:
        case None:
            return 0.0
        case bool() | float() | int():
            return float(value)
        case str():
            return _parsed_number(value.strip())
    return math.nan


def _parsed_number(text: str) -> float:
    if not text:
        return 0.0
    if re.fullmatch(r"0x[0-9a-fA-F]+|0o[0-7]+", text):
        return float(int(text, 0))
    if text.lstrip("+-") == "Infinity":
        return -math.inf if text[0] == "-" else math.inf
    return float(text) if _NUMBER.fullmatch(text) else math.nan


def _number_shown(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return "0" if value == 0 else f"{value:.15g}"


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    while text[at:].strip():
        token = _TOKEN.match(text, at)
        if token is None or token.lastgroup is None:
            raise Unsupported(f"{text}: cannot be read from {text[at:].strip()[:20]!r}")
        found.append((token.lastgroup, token[token.lastgroup]))
        at = token.end()
    return found


@dataclass(slots=True)
class _Parser:
    """Reads tokens and evaluates as it goes; an operand that does not matter is evaluated all the same."""

    rest: list[tuple[str, str]]
    contexts: Mapping[str, Value]
    functions: Functions

    def either(self) -> Value:
        """`a || b`."""
        value = self._both()
        while self._took("||"):
            other = self._both()
            value = value if is_true(value) else other
        return value

    def _both(self) -> Value:
        value = self._comparison()
        while self._took("&&"):
            other = self._comparison()
            value = other if is_true(value) else value
        return value

    def _comparison(self) -> Value:
        value = self._negation()
        while self.rest and self.rest[0][1] in ("==", "!=") and self.rest[0][0] == "operator":
            wanted = self.rest.pop(0)[1] == "=="
            value = are_equal(value, self._negation()) is wanted
        return value

    def _negation(self) -> Value:
        return not is_true(self._negation()) if self._took("!") else self._operand()

    def _operand(self) -> Value:
        kind, text = self._next()
        if kind == "string":
            return text[1:-1].replace("''", "'")
        if kind == "number":
            return float(int(text, 0)) if re.match(r"[-+]?0[xo]", text) else float(text)
        if text == "(":
            value = self.either()
            self._need(")")
            return value
        if kind != "word":
            raise Unsupported(f"{text} is not expected")
        return self._named(text)

    def _named(self, word: str) -> Value:
        if word in _CONSTANTS:
            return _CONSTANTS[word]
        if self._took("("):
            self._need(")")
            if word not in self.functions:
                raise Unsupported(f"{word}() is no function that an action needs")
            return self.functions[word]()
        if word.lower() not in self.contexts:
            raise Unsupported(f"{word} is no context of a composite action")
        return self._inside(self.contexts[word.lower()])

    def _inside(self, value: Value) -> Value:
        while self.rest and self.rest[0] in (("operator", "."), ("operator", "[")):
            if self._next()[1] == ".":
                kind, key = self._next()
                if kind != "word":
                    raise Unsupported(f"{key} is no name")
                value = _member(value, key)
            else:
                value = _member(value, shown(self.either()))
                self._need("]")
        return value

    def _took(self, text: str) -> bool:
        if self.rest and self.rest[0] == ("operator", text):
            self.rest.pop(0)
            return True
        return False

    def _need(self, text: str) -> None:
        if not self._took(text):
            raise Unsupported(f"{text} is missing")

    def _next(self) -> tuple[str, str]:
        if not self.rest:
            raise Unsupported("the expression ends too soon")
        return self.rest.pop(0)


def _member(value: Value, name: str) -> Value:
    """The member *name* of *value*, without regard to case; null where it has none."""
    if not isinstance(value, Mapping):
        return None
    return next((inner for key, inner in value.items() if key.upper() == name.upper()), None)
