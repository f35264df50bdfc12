"""Questions that may be asked next: on names in what was read for an answer that neither the question nor the answer has."""

import re
from collections import Counter

from index.text.words import fold
from rag.events import Answer
from rag.i18n import say

_MOST = 2
# Two words or more with a capital, a French or Dutch particle between them: one alone may be any word that opens a sentence. What
# begins with an article or initials ("La Tribune", "IA Act") would need another article in the question.
_NAME = re.compile(
    r"(?<![\w’'])(?!(?:Le|La|Les|Un|Une|The|An?) )[A-ZÀ-Þ][a-zß-ÿ][\w’'-]*"
    r"(?: (?:de |du |des |d['’]|van |von |of )?[A-ZÀ-Þ][\w’'-]*)+"
)
_OPENING = re.compile(r"(?:^|[.!?…:»”]\s+|\n\s*)[«“\"]?\s?$")


def further(answer: Answer) -> list[str]:
    """Up to two questions in the answer's language that the documents speak of, likeliest first.

    A name counts by how often the passages read have it, the best passage's before others'.
    """
    said = fold(f"{answer.question} {answer.answer}")
    found = Counter[str]()
    for place, hit in enumerate(answer.passages):
        text = hit.chunk.text
        for match in _NAME.finditer(text):
            name = match[0]
            if _OPENING.search(
                text[: match.start()]
            ):  # its first word may owe its capital to its place
                continue
            if not any(word in said for word in fold(name).split() if len(word) > 2):
                found[name] += len(answer.passages) - place
    return [say("further", answer.language, name=name) for name, _ in found.most_common(_MOST)]
