"""What may be asked next."""

from dataclasses import replace

from index.contract import StoredChunk
from rag.events import Answer, Timings
from rag.further import further
from rag.retriever import Hit

TEXT = (
    "Le maire de Brest a reçu Nora Kerlan et Paul Le Goff. Nora Kerlan dirige le port depuis que Jean d'Arvor l'a quitté. Selon "
    "Marie Floc'h, on revoit souvent Jean d'Arvor au café, où La Tribune parle de l'IA Act.\n\nAnne Morvan sourit. Anne Morvan rit."
)


def answer(question: str, text: str, language: str = "fr") -> Answer:
    passage = StoredChunk(1, "port.md", "Le port", "fr", 0, 0, len(TEXT), TEXT, ((0, len(TEXT)),))
    return Answer(
        question,
        text,
        language,
        0.9,
        False,
        (),
        (Hit(passage, 0.9, 0.9, 9.0, 0.8),),
        Timings(0, 0, 0, 0),
    )


def test_names_that_were_not_spoken_of_are_offered_the_most_frequent_first() -> None:
    asked = answer("Qui dirige le port ?", "Nora Kerlan dirige le port.")
    assert further(asked) == [
        "Que disent les documents sur Jean d'Arvor\u202f?",
        "Que disent les documents sur Paul Le Goff\u202f?",
    ]
    assert (
        further(replace(asked, language="en"))[0] == "What do the documents say about Jean d'Arvor?"
    )


def test_what_opens_a_sentence_or_was_said_is_not_offered() -> None:
    assert not any(
        any(word in each for word in ("Floc", "Tribune", "Act", "Anne")) or "Kerlan" in each
        for each in further(answer("Qui est Nora Kerlan ?", "La patronne."))
    )
    assert further(replace(answer("Qui ?", ""), passages=())) == []
