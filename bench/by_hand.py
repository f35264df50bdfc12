"""Of the sentences that we read by hand, how many a strict reader accepts: by set, and by how many
words their sources lack.

python -m bench.by_hand
python -m bench.by_hand --ask   and how sure the default model is of those in two languages, as
`rag.writer` asks it: of what was shown, and of all that it wrote of texts of our own
"""

import sys
from collections import defaultdict

from bench.answers import Row, lines
from bench.report import RESULTS
from index.text.language import detect, unquoted
from index.text.words import terms
from rag.library import open_library
from rag.settings import from_environment
from rag.verifier import SUPPORTED
from rag.writer import states

FILES = ("read-by-hand", "read-by-hand-2", "read-by-hand-3")
WRITTEN = "read-by-hand-4"  # all that was written, with what `rag.verifier` found


def main() -> int:
    """Count and print: accepted of all."""
    across: list[Row] = []
    for file in FILES:
        counts: dict[str, list[bool]] = defaultdict(list)
        for row in lines(RESULTS / f"{file}.jsonl"):
            languages = detect(row["question"]), detect(row["citations"][0])
            where = "one language" if len(set(languages)) == 1 else "two languages"
            counts[row["set"]].append(row["accepted"])
            words = _words(row["sentence"], row["citations"], *languages)
            counts[f"{where}, {words}"].append(row["accepted"])
            if where == "one language" or words == "quoted":
                counts["shown as strongly supported"].append(row["accepted"])
            else:
                across.append(row)
        print(file)
        for name, accepted in sorted(counts.items()):
            print(f"  {name:48} {sum(accepted):3} of {len(accepted)}")
    if "--ask" in sys.argv[1:]:
        _ask(across, lines(RESULTS / f"{WRITTEN}.jsonl"))
    return 0


def _ask(shown: list[Row], written: list[Row]) -> None:
    """Of the sentences that the model is so sure of, how many are accepted."""
    unfailed = [row for row in written if not row["contradicted"]]
    like = [row for row in unfailed if row["likeness"] >= SUPPORTED]
    sets = {
        "two languages, unquoted": shown,
        "all that was written": written,
        "the same, where no check contradicts it": unfailed,
        "the same, where the words are alike": like,
    }
    with open_library(from_environment()) as library:
        generator = library.assistant().generator
        sure = {
            row["sentence"]: states(generator, " ".join(row["citations"]), row["sentence"])
            for row in (*shown, *written)
        }
    for name, rows in sets.items():
        print(f"{name}, where the model is surer of it than")
        for least in (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95):
            accepted = [row["accepted"] for row in rows if sure[row["sentence"]] >= least]
            print(f"  {least:<48} {sum(accepted):3} of {len(accepted)}")


def _words(sentence: str, citations: list[str], language: str, theirs: str) -> str:
    """How many of a sentence's words are its own, in words."""
    if len(unquoted(sentence)) < len(sentence) / 2:
        return "quoted"
    own = set(terms(sentence, language))
    lacking = own - {term for citation in citations for term in terms(citation, theirs)}
    return (
        "no word of its own"
        if not lacking
        else "up to a fifth"
        if len(lacking) <= 0.2 * len(own)
        else "more than a fifth"
    )


if __name__ == "__main__":
    sys.exit(main())
