"""Formulas that no program has worked out: sums, means and plain arithmetic over cells."""

import ast
import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import product
from statistics import fmean
from typing import Any

from index.reading.numbers import rounded

Place = tuple[int, int]
"""Row and column of a cell, from 0."""

_REFERENCE = re.compile(r"\b([A-Z]{1,3})([0-9]{1,7})(?::([A-Z]{1,3})([0-9]{1,7}))?\b")
_CELL = re.compile(r"(\$?)\b([A-Z]{1,3})(\$?)([0-9]{1,7})\b(?!\()")
_LONGEST = 500  # characters of a formula
_DEEPEST = 50  # formulas that rest on one another
_FUNCTIONS: dict[str, Callable[[list[float]], float]] = {
    "SUM": sum, "AVERAGE": fmean, "MIN": min, "MAX": max, "COUNT": len,
    "ABS": lambda values: abs(values[0]),
    "ROUND": lambda values: _rounded(*values),
}  # fmt: skip
_SIGNS: dict[type, Callable[..., float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow, ast.USub: operator.neg, ast.UAdd: operator.pos,
}  # fmt: skip
_SPELLINGS = {
    "of:": "", "[.": "", ":.": ":", "]": "", ";": ",", "$": "", "^": "**", "%": "/100",
}  # fmt: skip
_WRONG = (ValueError, TypeError, SyntaxError, ArithmeticError, RecursionError, LookupError)


@dataclass
class Formulas:
    """The numbers of a sheet and its formulas without a value, by place."""

    numbers: dict[Place, float | None] = field(default_factory=dict)
    """None for a cell of text; an empty cell is left out."""
    formulas: dict[Place, str] = field(default_factory=dict)
    shared: dict[str, tuple[Place, str]] = field(default_factory=dict)
    """Those that other cells have too, in their place, by a number."""

    def value(self, place: Place, deep: int = 0) -> float | None:
        """What a formula gives; None where it is text, an error, or uses more than is known
        here."""
        formula = self.formulas[place]
        if place not in self.numbers:
            self.numbers[place] = None  # of a formula that rests on itself
            try:
                if deep < _DEEPEST and len(formula) < _LONGEST:
                    tree = ast.parse(_as_python(formula), mode="eval")
                    self.numbers[place] = float(self._worked_out(tree.body, deep))
            except _WRONG:
                pass
        return self.numbers[place]

    def _worked_out(self, node: Any, deep: int) -> Any:
        """The value of a node of a formula. Raises one of `_WRONG` where it can't be had."""
        if isinstance(node, ast.Constant):
            return float(str(node.value))
        if isinstance(node, ast.BinOp):
            sides = (self._worked_out(side, deep) for side in (node.left, node.right))
            return _SIGNS[type(node.op)](*sides)
        if isinstance(node, ast.UnaryOp):
            return _SIGNS[type(node.op)](self._worked_out(node.operand, deep))
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            raise TypeError
        if node.func.id == "cell":
            return self._number(_place(node.args), deep)
        values: list[float] = []
        for each in node.args:
            if isinstance(each, ast.Call) and getattr(each.func, "id", "") == "cells":
                values += self._numbers(_place(each.args[:2]), _place(each.args[2:]), deep)
            else:
                values.append(self._worked_out(each, deep))
        return _FUNCTIONS[node.func.id](values)

    def _number(self, place: Place, deep: int) -> float:
        number = (
            self.value(place, deep + 1) if place in self.formulas else self.numbers.get(place, 0.0)
        )
        if number is None:
            raise ValueError
        return number

    def _numbers(self, first: Place, last: Place, deep: int) -> Iterator[float]:
        """The numbers of an area; text in it does not count."""
        sides = [range(low, high + 1) for low, high in zip(first, last, strict=True)]
        known = self.formulas.keys() | self.numbers.keys()
        if len(sides[0]) * len(sides[1]) < len(known):
            known &= set(product(*sides))
        for place in sorted(known):
            counts = place in self.formulas or self.numbers[place] is not None
            if counts and place[0] in sides[0] and place[1] in sides[1]:
                yield self._number(place, deep)


def _rounded(value: float, places: float = 0) -> float:
    """A number with so many decimals, halves away from zero."""
    return float(rounded(Decimal(repr(value)), int(places)))


def _as_python(formula: str) -> str:
    """A formula of Excel or OpenDocument with its cells as calls, so that Python's own parser reads
    it."""
    for old, new in _SPELLINGS.items():
        formula = formula.replace(old, new)
    if any(sign in formula for sign in "\"'!{"):
        raise ValueError
    return _REFERENCE.sub(_called, formula.strip().lstrip("="))


def _called(found: re.Match[str]) -> str:
    column, row, last_column, last_row = found.groups()
    if not last_column:
        return f"cell('{column}', {int(row)})"
    return f"cells('{column}', {int(row)}, '{last_column}', {int(last_row)})"


def moved(formula: str, start: Place, place: Place) -> str:
    """A formula as it reads in another place: of its cells those without a $ move along."""

    def further(found: re.Match[str]) -> str:
        fixed, letters, held, number = found.groups()
        row = int(number) - 1 + (0 if held else place[0] - start[0])
        column = column_of(letters) + (0 if fixed else place[1] - start[1])
        return name_of((max(row, 0), max(column, 0)))

    return _CELL.sub(further, formula)


def column_of(letters: str) -> int:
    """The number of a column, from 0, by its letters: C, AB."""
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - 64
    return number - 1


def name_of(place: Place) -> str:
    """(2, 0) as A3."""
    number, letters = place[1] + 1, ""
    while number:
        number, letter = divmod(number - 1, 26)
        letters = chr(65 + letter) + letters
    return f"{letters}{place[0] + 1}"


def _place(arguments: list[Any]) -> Place:
    return arguments[1].value - 1, column_of(arguments[0].value)
