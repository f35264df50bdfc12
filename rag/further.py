"""Questions that may be asked next: on names in what was read that nobody spoke of yet."""

import re
from collections import Counter

from index.text.words import fold, opens_sentence
from rag.events import Answer
from rag.i18n import say

_MOST = 2
# Two words or more with a capital, a French or Dutch particle between them: one alone may be any
# word that opens a sentence. What begins with an article or initials ("La Tribune", "IA Act") would
# need another article in the question.
_NAME = re.compile(
    r"(?<![\w’'])(?!(?:Le|La|Les|Un|Une|The|An?) )[A-ZÀ-Þ][a-zß-ÿ][\w’'-]*"
    r"(?: (?:de |du |des |d['’]|van |von |of )?[A-ZÀ-Þ][\w’'-]*)+"
)


def further(answer: Answer) -> list[str]:
    """Up to two questions in the answer's language that the documents speak of, likeliest first.

    A name counts by how often the chunks read have it, the best chunk's before others'.
    """
    said = fold(f"{answer.question} {answer.answer}")
    found = Counter[str]()
    for place, hit in enumerate(answer.passages):
        for match in _NAME.finditer(hit.chunk.text):
            spoken = (word in said for word in fold(match[0]).split() if len(word) > 2)
            # The first word of a sentence may owe its capital to its place
            if not opens_sentence(hit.chunk.text, match.start()) and not any(spoken):
                found[match[0]] += len(answer.passages) - place
    return [say("further", answer.language, name=name) for name, _ in found.most_common(_MOST)]
