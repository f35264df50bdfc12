"""A group of rows as a table of SQL."""

import sqlite3
from collections import Counter
from contextlib import closing

from sqlglot import exp

from index.text.words import fold
from rag.many.records import Group, Record
from rag.many.wording import figure_of
from rag.verifier.figures import figures

_VALUES, _SAMPLE, _LONGEST = 12, 3, 160  # different cells that the model is shown, characters
_DIGITS = 10  # of a figure; more are a code


class Table:
    """A group of rows as a table `t` of SQL, whose columns have plain names."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self.columns: dict[str, str] = {}
        for column in group.columns:
            name = "".join(sign if sign.isalnum() else "_" for sign in column).strip("_").lower()
            while name in self.columns or not name:
                name += "_2"
            self.columns[name] = column
        self.numeric = {name for name, column in self.columns.items() if self._is_numeric(column)}

    def _is_numeric(self, column: str) -> bool:
        """Whether the cells are figures, all with the same unit, and no codes."""
        cells = self.group.cells(column)
        coded = any(cell[:1] == "0" and cell[1:2].isdigit() for cell in cells)
        if coded or any(sum(map(str.isdigit, cell)) > _DIGITS for cell in cells):
            return False
        read = [figure_of(cell, self.group.language) for cell in cells]
        units = {each[1] if each else None for each in read}
        unit = next(iter(units), None)
        known = unit == "" or (unit and figures(f"1 {unit}", self.group.language)[1][0][1].unit)
        return len(units) == 1 and bool(known)

    def schema(self) -> str:
        """What the model is shown: the columns with their cells, all where there are few."""
        lines = []
        for name, column in self.columns.items():
            cells = list(Counter(self.group.cells(column)))
            shown = cells if len(cells) <= _VALUES else [*cells[:_SAMPLE], "..."]
            kind = "NUMERIC" if name in self.numeric else "TEXT"
            lines.append(f'"{name}" {kind} -- {", ".join(shown)[:_LONGEST]}')
        return "CREATE TABLE t (\n" + "\n".join(lines) + "\n);"

    def chosen(self, where: exp.Condition | None) -> list[Record]:
        """The records for which a condition holds.

        Raises:
            sqlite3.Error: it can't be asked of them.
        """
        kinds = (
            f'"{name}" {"NUMERIC" if name in self.numeric else "TEXT"}' for name in self.columns
        )
        condition = where.sql("sqlite", identify=True) if where else "TRUE"
        asked = f'SELECT "#" FROM t WHERE {condition}'  # noqa: S608 - parsed, our columns
        with closing(sqlite3.connect(":memory:")) as base:
            base.create_function("like", 2, _is_like)
            base.execute(f'CREATE TABLE t ("#" INTEGER, {", ".join(kinds)})')
            places = ", ".join("?" * (len(self.columns) + 1))
            rows = [
                [number, *(self._value(name, each) for name in self.columns)]
                for number, each in enumerate(self.group.records)
            ]
            base.executemany(f"INSERT INTO t VALUES ({places})", rows)  # noqa: S608 - our own names
            return [self.group.records[number] for (number,) in base.execute(asked)]

    def _value(self, name: str, record: Record) -> str | float | None:
        cell = record.cells.get(self.columns[name])
        if not cell or name not in self.numeric:
            return cell
        value, _ = figure_of(cell, self.group.language) or (0.0, "")
        return int(value) if value.is_integer() else value


def _is_like(pattern: str, cell: object) -> bool | None:
    """LIKE without regard to case and accents, where "%" stands for no part of a word but an
    ending of the plural."""
    if cell is None:
        return None
    wanted, text = fold(str(pattern)), fold(str(cell))
    inner = wanted.strip("%")
    place = text.find(inner) if inner else -1
    while place >= 0:
        before, after = text[:place], text[place + len(inner) :]
        after = after[1:] if after[:1] in ("s", "x") else after
        whole = (wanted[0] == "%" or not before) and (wanted[-1] == "%" or not after)
        if whole and not before[-1:].isalnum() and not after[:1].isalnum():
            return True
        place = text.find(inner, place + 1)
    return False
