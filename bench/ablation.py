"""What each check of the verifier catches and what it costs, with that check off.

    python -m bench.ablation             the half of the statements that nothing was chosen on
    python -m bench.ablation --half dev  the other half, for work on the checks

The statements, true and false, are those of `bench.statements`; each is compared with its passage
and those beside it. A check catches a false statement that would be supported with the check off,
and harms a true one. Verdicts are kept in bench/results/; no language model is needed.
"""

import argparse
import hashlib
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bench.answers import DATA, Row
from bench.report import RESULTS, heading, keep
from bench.statements import HALVES, Statement, statements
from index.contract import Store
from index.documents import Document
from index.embedder import Embedder
from index.models.convert import ensure_embedder
from index.store import LocalStore
from index.sync import put_documents
from index.text.language import detect
from rag.settings import from_environment
from rag.verifier import SUPPORTED, Verifier
from rag.verifier.checks import CHECKS, Check
from rag.verifier.facts import facts, negated

PER_KIND = 50
TRUE = {"true answer": 3, "true sentence": 3, "by hand": 3, "peers": 2}  # times as many of these


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify the statements of one half, print the table, keep the verdicts."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.ablation", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--half", choices=HALVES, default="report")
    parser.add_argument(
        "--per-kind", type=int, default=PER_KIND, help="false statements of a kind and language"
    )
    options = parser.parse_args(arguments)
    half = options.half
    if not DATA.is_dir():
        print(f"{DATA}: no such folder. The public sets aren't part of the repository.")
        return 0
    print(heading(), flush=True)
    embedder = Embedder(str(ensure_embedder(from_environment().home)))
    rows = list(verdicts(sample(statements(), half, options.per_kind), embedder))
    kept = RESULTS / f"ablation-{half}.jsonl"
    kept.write_text(
        "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8"
    )
    table = {check.name: worth(check, rows) for check in CHECKS}
    true, false = ([row for row in rows if row["true"] == each] for each in (True, False))
    print(f"{len(false)} false and {len(true)} true statements; of 300 each:")
    for name, row in table.items():
        print(
            f"  {name:20} caught {row['caught']:5.1f}  harmed {row['harmed']:5.1f}  {row['kinds']}"
        )
    print("\nsupported with all checks, with none:")
    shares = {}
    for kind in sorted({(row["true"], row["kind"]) for row in rows}):
        part = [row for row in rows if (row["true"], row["kind"]) == kind]
        held = [row for row in part if row["support"] >= SUPPORTED]
        passed = sum(not row["failed"] for row in held)
        shares[f"{kind[1]}, {str(kind[0]).lower()}"] = [passed, len(held), len(part)]
        print(f"  {kind[1]:22} {kind[0]!s:5} {passed:4} {len(held):4} of {len(part)}")
    where = keep(f"ablation-{half}", {"table": table, "supported": shares})
    print("kept in", where.name, "and", kept.name)
    return 0


def sample(found: Iterable[Statement], half: str, per_kind: int) -> list[Statement]:
    """Statements of one half, of few passages."""
    groups: dict[tuple[str, bool, str], list[Statement]] = defaultdict(list)
    for each in found:
        if each.half == half:
            groups[each.kind, each.true, each.language].append(each)
    chosen = []
    for (kind, _, _), group in groups.items():
        group.sort(key=lambda each: hashlib.sha1("".join(each.passages).encode()).hexdigest())
        chosen += group[: per_kind * TRUE.get(kind, 1)]
    return chosen


def verdicts(chosen: Sequence[Statement], embedder: Embedder) -> Iterator[Row]:
    """Each statement with its support and the checks that it fails."""
    of_passages: dict[tuple[str, ...], list[Statement]] = defaultdict(list)
    for each in chosen:
        of_passages[each.passages].append(each)
    documents = [
        Document(_name(text), "", text, detect(text), _name(text))
        for text in {text for passages in of_passages for text in passages}
    ]
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalStore(Path(folder), embedder.fingerprint, embedder.dimension) as store,
    ):
        put_documents(documents, store, embedder)
        for number, (passages, said) in enumerate(of_passages.items(), 1):
            for each in said:
                yield _verdict(each, passages, store, embedder)
            print(f"\r{number} of {len(of_passages)} passages", end="", flush=True)
    print()


def _verdict(said: Statement, passages: Sequence[str], store: Store, embedder: Embedder) -> Row:
    asked, denied = [], False
    if said.question:
        language = detect(said.question)
        asked = [fact for fact in facts(said.question, language) if not fact.opening]
        denied = negated(said.question, language)
    chunks = [chunk for text in passages for chunk in store.chunks_of(_name(text))]
    context = {"asked": asked, "denied": denied}
    verdict = Verifier(store, embedder).sources(chunks, **context).verify(said.text, said.language)
    support = verdict.support
    if verdict.failed:
        free = Verifier(store, embedder, ()).sources(chunks, **context)
        support = free.verify(said.text, said.language).support
    return {
        "_id": said.id,
        "kind": said.kind,
        "true": said.true,
        "language": said.language,
        "text": said.text,
        "support": round(support, 3),
        "failed": list(verdict.failed),
    }


def worth(check: Check, rows: Sequence[Row]) -> Row:
    """How many of 300 false and of 300 true statements would be supported but for this check."""
    alone = [row for row in rows if row["support"] >= SUPPORTED and row["failed"] == [check.name]]
    kinds: dict[str, int] = defaultdict(int)
    for row in alone:
        kinds[row["kind"] + (" (true)" if row["true"] else "")] += 1

    def of_300(true: bool) -> float:
        whole = sum(row["true"] == true for row in rows)
        return 300 * sum(row["true"] == true for row in alone) / max(whole, 1)

    return {"caught": of_300(False), "harmed": of_300(True), "kinds": dict(kinds)}


def _name(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
