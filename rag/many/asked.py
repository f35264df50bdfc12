"""Whether a query on a table is what a question asks."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from sqlglot import exp

from index.embedder import Embedder
from index.text.dates import dates
from index.text.words import LANGUAGES, WORD, fold, phrases, terms, word_list
from rag.many.tables import Table
from rag.many.wording import is_among, likeness
from rag.verifier.facts import negated

_LIKE = 0.905  # how like in their vectors a word of the question and a value must be
_SHORT, _STEM = 2, 5  # letters of what is no name, and by which a name is known again
_NO = ("non", "no", "false", "faux", "0")
_BOUNDS = {exp.GT: "above", exp.GTE: "at_least", exp.LT: "below", exp.LTE: "at_most"}


_SIGNS = {exp.GT: "> ", exp.GTE: "≥ ", exp.LT: "< ", exp.LTE: "≤ ", exp.NEQ: "≠ ", exp.Not: "≠ "}


@dataclass(frozen=True)
class Asked:
    """A question on a table, and as it was put to the model: translated, or as it is."""

    question: str
    language: str
    table: Table
    embedder: Embedder
    put: str

    @cached_property
    def sums(self) -> bool:
        """Whether a sum is asked for."""
        return phrases("summed").search(fold(self.question)) is not None

    @cached_property
    def _words(self) -> list[str]:
        return WORD.findall(f"{self.question} {self.put}")

    @cached_property
    def _terms(self) -> set[str]:
        text = " ".join(self._words)
        return {term for each in LANGUAGES for term in terms(text, each)}

    def has(self, name: str, value: str) -> bool:
        """Whether it has what a column is compared with, or for yes and no the column."""
        group, plain = self.table.group, value.strip("% ")
        if any(map(str.isdigit, plain)):
            known = {*self._terms, *map(fold, self._words)}
            known |= {f"{each.month:02}" for each in dates(self.question) if each.month}
            parts = fold(plain).replace("-", " ").split()
            return all(each in known or each.lstrip("0") in known for each in parts)
        marks = word_list("marks", "fr") | word_list("marks", "en")
        text = self.table.columns.get(name, "").replace("_", " ") if fold(plain) in marks else plain
        own = terms(text, group.language)
        if own and all(is_among(term, self._terms) for term in own):
            return True
        words = [word for word in self._words if all(terms(word, each) for each in LANGUAGES)]
        return likeness(words, text, self.embedder) >= _LIKE

    def lacks(self, query: exp.Select) -> bool:
        """Whether a query lacks a figure, a name or a denial of the question."""
        group, where = self.table.group, query.args.get("where")
        about = f"{query.sql()} {group.title} {group.document} {' '.join(group.columns)}"
        there, words = fold(about).replace("_", " "), WORD.findall(self.question)
        named = [each for each in words[1:] if each[0].isupper() and len(each) > _SHORT]
        months = {each for each in named if any(d.month for d in dates(f"1 {each} 2020"))}
        stems = [fold(each)[:_STEM] for each in named if each not in months]
        wanted = [*stems, *(each for each in words if each.isdigit())]
        literals = [fold(str(each.this)).strip("%") for each in query.find_all(exp.Literal)]
        denies = bool(where and where.find(exp.Not, exp.NEQ)) or any(
            each in _NO for each in literals
        )
        denied = negated(self.question, self.language)
        return any(each not in there for each in wanted) or (denied and not denies)

    def turns_round(self, query: exp.Select, order: tuple[str, bool, int] | None) -> bool:
        """Whether the least is asked for and a query has the most, or a bound and it has another.

        Args:
            query: as it was written.
            order: the column that it orders rows by, whether upwards, how many; None for none.
        """
        plain = fold(self.question)
        low, high = (phrases(each).search(plain) for each in ("lowest", "highest"))
        turned = order is not None and bool(low) != bool(high) and bool(low) != order[1]
        bounds = {name for name in _BOUNDS.values() if phrases(name).search(plain)}
        own = {_BOUNDS[type(each)] for each in query.find_all(*_BOUNDS)}
        return turned or bool(bounds and own and not bounds & own)


def conditions(tree: exp.Select) -> Iterator[exp.Expr]:
    """What a query asks of the rows, all of which must hold."""
    where = tree.args.get("where")
    condition = where.this.unnest() if where else None
    if condition:
        parts = condition.flatten() if isinstance(condition, exp.And) else [condition]
        yield from (each.unnest() for each in parts)


def limits_of(condition: exp.Expr) -> Iterator[tuple[str, str]]:
    """What columns are compared with in a condition."""
    for literal in condition.find_all(exp.Literal):
        holder = literal.find_ancestor(exp.Predicate, exp.In) or condition
        column = holder.find(exp.Column)
        yield (column.name if column else ""), str(literal.this)


def sign_of(condition: exp.Expr) -> str:
    """How a condition compares, where it isn't with what a cell has."""
    signs = (sign for kind, sign in _SIGNS.items() if isinstance(condition, kind))
    return next(signs, "")
