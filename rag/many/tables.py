"""A group of rows as a table of SQL."""

import sqlite3
from collections import Counter
from contextlib import closing

from sqlglot import exp

from rag.many.records import Group, Record
from rag.many.wording import figure_of
from rag.verifier.figures import figures

_VALUES, _SAMPLE, _LONGEST = 12, 3, 160  # different cells that the model is shown, characters


class Table:
    """A group of rows as a table `t` of SQL, whose columns have plain names."""

    def __init__(self, group: Group) -> None:
        self.group = group
        plain = ["".join(s if s.isalnum() else "_" for s in each) for each in group.columns]
        self.columns = dict(
            zip((each.strip("_").lower() for each in plain), group.columns, strict=True)
        )
        self.numeric = {name for name, column in self.columns.items() if self._is_numeric(column)}

    def _cells(self, column: str) -> list[str]:
        return [cell for each in self.group.records if (cell := each.cells.get(column))]

    def _is_numeric(self, column: str) -> bool:
        """Whether the cells are figures, all with the same unit."""
        read = [figure_of(cell, self.group.language) for cell in self._cells(column)]
        units = {each[1] if each else None for each in read}
        unit = next(iter(units), None)
        known = unit == "" or (unit and figures(f"1 {unit}", self.group.language)[1][0][1].unit)
        return len(units) == 1 and bool(known)

    def schema(self) -> str:
        """What the model is shown: the columns with their cells, all where there are few."""
        lines = []
        for name, column in self.columns.items():
            cells = list(Counter(self._cells(column)))
            shown = cells if len(cells) <= _VALUES else [*cells[:_SAMPLE], "..."]
            kind = "NUMERIC" if name in self.numeric else "TEXT"
            lines.append(f'"{name}" {kind} -- {", ".join(shown)[:_LONGEST]}')
        return "CREATE TABLE t (\n" + "\n".join(lines) + "\n);"

    def chosen(self, where: exp.Condition | None) -> list[Record]:
        """The records for which a condition holds.

        Raises:
            sqlite3.Error: it can't be asked of them.
        """
        names = ", ".join(f'"{name}"' for name in self.columns)
        condition = where.sql("sqlite", identify=True) if where else "TRUE"
        asked = f"SELECT rowid FROM t WHERE {condition}"  # noqa: S608 - parsed, our columns
        with closing(sqlite3.connect(":memory:")) as base:
            base.execute(f"CREATE TABLE t ({names})")
            places = ", ".join("?" * len(self.columns))
            rows = [
                [self._value(name, each) for name in self.columns] for each in self.group.records
            ]
            base.executemany(f"INSERT INTO t VALUES ({places})", rows)  # noqa: S608 - our own names
            return [self.group.records[number - 1] for (number,) in base.execute(asked)]

    def _value(self, name: str, record: Record) -> str | float | None:
        cell = record.cells.get(self.columns[name])
        if not cell or name not in self.numeric:
            return cell
        value, _ = figure_of(cell, self.group.language) or (0.0, "")
        return int(value) if value.is_integer() else value
