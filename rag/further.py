"""Questions that may be asked next: on names that were read for an answer, but not said in it."""

from collections import Counter

from index.text.words import NAME, fold, opens_sentence
from rag.events import Answer
from rag.i18n import say

_MOST = 2
# With an article of its own ("La Tribune") a name would need another article in the question.
_ARTICLES = ("Le ", "La ", "Les ", "Un ", "Une ", "The ", "A ", "An ")


def further(answer: Answer) -> list[str]:
    """Up to two questions in the answer's language that the documents speak of, likeliest first.

    A name of two words or more counts by how often the passages read have it, the best passage's
    before others'; one that opens a sentence may owe a capital to its place.
    """
    said = fold(f"{answer.question} {answer.answer}")
    found = Counter[str]()
    for place, hit in enumerate(answer.passages):
        text = hit.chunk.text
        for match in NAME.finditer(text):
            name, joined = match[0], text[: match.start()][-1:] in ("'", "’")
            initials = not name[1:2].islower()
            if joined or initials or " " not in name or name.startswith(_ARTICLES):
                continue
            if opens_sentence(text, match.start()):
                continue
            if not any(word in said for word in fold(name).split() if len(word) > 2):
                found[name] += len(answer.passages) - place
    return [say("further", answer.language, name=name) for name, _ in found.most_common(_MOST)]
