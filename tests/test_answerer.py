"""Whole answers with the default model, from the article in seeds/."""

import threading

import numpy as np
import pytest

from index.contract import StoredChunk
from index.errors import UserError
from index.text.language import is_language
from rag.confidence import THRESHOLDS
from rag.draft import Draft
from rag.events import Delta, Finished, Found, Grounded, Redrafting, Searching, Turn
from rag.i18n import explain
from rag.library import Library
from rag.retriever import Hit
from rag.verifier import SUPPORTED, Sources, cite
from rag.verifier.facts import denies
from rag.verifier.statements import Context
from rag.writer import states


def drafted(chunk: StoredChunk, language: str) -> Draft:
    """An answer to be written from this chunk alone."""
    nothing = Sources(Context(), np.zeros(4, np.float32), None, ())  # type: ignore[arg-type]
    hits = (Hit(chunk, 0.9, 0.9, 9.0, 0.8),)
    asked = "Que perd le maire ?"
    return Draft(asked, language, threading.Event(), nothing, asked=asked, hits=hits)


def test_a_french_question_gets_a_french_answer_with_its_source(library: Library) -> None:
    answer = library.ask("Quel est le montant de la deuxième levée de fonds de Mistral ?")
    assert "385" in answer.answer
    assert answer.language == "fr"
    assert is_language(answer.answer, "fr")
    assert not answer.refused
    citation = answer.sentences[0].citations[0]
    document = library.store.document(citation.document)
    assert document.text[citation.start : citation.end] == citation.text
    assert "385" in citation.text


def test_an_english_question_on_a_french_text_gets_an_english_answer(library: Library) -> None:
    answer = library.ask("How much has Microsoft invested in OpenAI?")
    assert "13 billion" in answer.answer
    assert is_language(answer.answer, "en")
    assert any(
        "13 milliards" in citation.text
        for sentence in answer.sentences
        for citation in sentence.citations
    )


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("What is the capital of Australia?", "en"),
        pytest.param("Quelle est la capitale de l'Australie ?", "fr", marks=pytest.mark.long),
    ],
)
def test_what_the_documents_do_not_say_is_refused_in_the_language_of_the_question(
    library: Library, question: str, language: str
) -> None:
    answer = library.ask(question)
    assert answer.refused
    assert answer.language == language
    assert is_language(answer.answer, language)
    assert "Canberra" not in answer.answer
    assert answer.answerable < 0.5


def test_a_yes_or_no_question_is_answered_by_what_the_text_says_of_it(library: Library) -> None:
    answer = library.ask("Est-ce que Thierry Breton soutient la campagne de Mistral ?").answer
    # The model alone says that he supports it
    assert "mis en garde" in answer or "personne n'était dupe" in answer


def test_a_question_whose_answer_is_no_is_answered_by_what_the_text_says_instead(
    library: Library,
) -> None:
    text = "Le GleamTile nettoie le carrelage. Il ne s'emploie jamais sur le marbre, qu'il attaque."
    passages = [{"_id": "a", "title": "Mode d'emploi du GleamTile", "text": text}]
    for question, language in (
        ("Peut-on employer le GleamTile sur du marbre ?", "fr"),
        ("Can GleamTile be used on marble?", "en"),
    ):
        answer = library.ask(question, passages=passages)
        denied = any(denies(sentence.text, language) for sentence in answer.sentences)
        assert denied or "attaque" in answer.answer or "attacks" in answer.answer


@pytest.mark.long
def test_a_yes_or_no_question_is_answered_by_what_was_not_known(library: Library) -> None:
    answer = library.ask(
        "Le gouvernement français était-il au courant des discussions entre Microsoft et Mistral ?"
    )
    assert "ignorait" in answer.answer


def test_where_the_model_s_words_do_not_stand_the_document_s_own_are_shown(
    library: Library,
) -> None:
    answer = library.ask("Qui est Kai Zenner ?")
    assert "dirige le cabinet d'Axel Voss" in answer.answer
    citation = answer.sentences[0].citations[0]
    text = library.store.document(citation.document).text
    assert text[citation.start : citation.end] == citation.text


@pytest.mark.long
def test_what_the_model_makes_up_in_english_is_not_shown(library: Library) -> None:
    answer = library.ask("Why is Mistral's decision to close its models a good economic decision?")
    assert any(
        "client" in citation.text
        for sentence in answer.sentences
        for citation in sentence.citations
    )
    assert "core competenc" not in answer.answer


@pytest.mark.long
def test_what_the_model_doubts_when_asked_again_is_answered(library: Library) -> None:
    assert "Satya Nadella" in library.ask("Who leads Microsoft?").answer


def test_a_quotation_within_a_quotation_has_marks_of_its_own(library: Library) -> None:
    passages = [
        {
            "_id": "a",
            "title": "Le port",
            "text": "Nora Kerlan est infirmière au port. Elle est surnommée « Ankou » par les marins, qui la craignent.",
        }
    ]
    answer = library.ask("Résume le document", passages=passages)
    assert "Ankou" in answer.answer
    assert answer.answer.count("«") == answer.answer.count("»")


def test_what_is_quoted_from_another_language_is_translated_where_that_can_be_checked(
    library: Library,
) -> None:
    assistant = library.assistant()
    question = "Which company is the German champion in artificial intelligence?"
    hits, _, sources = assistant.find(question, "en", None)
    every = [cite(hit.chunk, span) for hit in hits for span in hit.chunk.sentences]
    quoted = next(
        citation
        for citation in every
        if "Aleph Alpha" in citation.text and "champion" in citation.text
    )
    draft = Draft(question, "en", threading.Event(), sources, asked=question, hits=hits)
    shown = [
        event.sentence for event in assistant.quote(draft, quoted) if isinstance(event, Grounded)
    ]
    # Where it is verified it stands alone, else after the quotation
    assert {sentence.citations for sentence in shown} == {(quoted,)}
    assert "German" in shown[-1].text and "Aleph Alpha" in shown[-1].text
    assert draft.text[shown[-1].start : shown[-1].end] == shown[-1].text
    assert len(shown) == (1 if shown[-1].support >= SUPPORTED else 2)
    assert quoted.text in shown[0].text or len(shown) == 1
    draft.stop.set()
    assert not assistant.translation(draft, quoted)[0]


def test_what_points_back_to_what_does_not_stand_goes_with_it(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    assistant = library.assistant()
    said = "Mistral a ouvert une usine à Brest. Ils sont des anciens de Google et de Meta."
    monkeypatch.setattr(library.generator, "stream", lambda *_, **__: iter([said]))
    asked = "Qui a fondé Mistral ?"
    hits, excerpts, sources = assistant.find(asked, "fr", None)
    draft = Draft(asked, "fr", threading.Event(), sources, asked=asked, hits=hits)
    list(assistant.write(draft, excerpts[0]))
    assert [bool(sentence.citations) for sentence in draft.sentences] == [False, False]
    alone = Draft(asked, "fr", threading.Event(), sources, asked=asked, hits=hits)
    monkeypatch.setattr(library.generator, "stream", lambda *_, **__: iter([said.split(". ")[1]]))
    list(assistant.write(alone, excerpts[0]))
    assert alone.sentences[0].citations


def test_what_is_put_in_other_words_is_asked_of_the_model_again(library: Library) -> None:
    every = [
        cite(each, span)
        for each in library.store.chunks_of("mistral-microsoft.md")
        for span in each.sentences
    ]
    said = " ".join(citation.text for citation in every if "15 millions" in citation.text)
    generator = library.assistant().generator
    right = states(generator, said, "Microsoft a pris une participation de 15 millions d'euros.")
    across = states(generator, said, "Microsoft has put 15 million euros into Mistral.")
    wrong = states(generator, said, "Mistral leads the artificial intelligence of the whole world.")
    assert right >= THRESHOLDS.stated > wrong
    assert across > 0.5 > wrong


def test_what_is_put_freely_or_rounded_is_noticed_and_quoted_with_what_it_points_back_to() -> None:
    text = "Le maire ferme le port. Il y perd près de 40 emplois."
    passage = StoredChunk(
        1, "port.md", "Le port", "fr", 0, 0, len(text), text, ((0, 23), (24, len(text)))
    )
    draft = drafted(passage, "fr")
    said = (cite(passage, passage.sentences[1]),)
    assert not draft.own_words("Il perd près de 40 emplois.", said)
    assert draft.own_words("Une quarantaine de salariés seront licenciés.", said)
    assert draft.own_words(
        "Le maire détruit près de 40 emplois.", said
    )  # one word is enough, but a name may stand before
    assert not draft.own_words("Il perd près de 40 emplois au Port.", said)
    assert draft.rounds("Il y perd 40 emplois.", said)
    assert not draft.rounds("Il y perd environ 40 emplois.", said)
    assert draft.quotable(said).text == text
    # Words of the question, of the title and those that link are the model's to check
    assert draft.repeats("Le maire, qui doit le port, y perd 40 emplois.", said)
    assert not draft.repeats("Le maire détruit 40 emplois.", said)
    assert not draft.repeats("Le maire perd 40 emplois au parc.", said)  # "parce" has its stem
    assert draft.source(said).startswith("Le port\nIl y perd")


def test_what_is_quoted_answers_when_the_model_reads_it_alone(library: Library) -> None:
    assistant = library.assistant()
    asked = "À combien s'élève la deuxième levée de fonds de Mistral ?"
    hits, _, sources = assistant.find(asked, "fr", None)
    draft = Draft(asked, "fr", threading.Event(), sources, asked=asked, hits=hits)
    every = [cite(hit.chunk, span) for hit in hits for span in hit.chunk.sentences]
    right = next(each for each in every if "385" in each.text)
    wrong = next(each for each in every if not any(map(str.isdigit, each.text)))
    found = assistant._telling(draft, [wrong, right])
    assert found is not None and right.text in found.text
    unrelated = "Quel est le numéro de téléphone du maire de Brest ?"
    draft = Draft(unrelated, "fr", threading.Event(), sources, asked=unrelated, hits=hits)
    assert assistant._telling(draft, [wrong]) is None
    draft.message = "et son numéro ?"  # joined to the question before
    draft.asked = f"{unrelated.rstrip(' ?')}, {draft.message}"
    assert assistant._telling(draft, [wrong]) == wrong


def test_a_sentence_is_quoted_with_the_one_beside_it_that_also_answers() -> None:
    text = "Le label n'a pas abouti. L'institut demandait trois ans d'analyses. Le port est fermé."
    spans = ((0, 24), (25, 67), (68, len(text)))
    draft = drafted(StoredChunk(1, "port.md", "Le label", "fr", 0, 0, len(text), text, spans), "fr")
    chunk = draft.hits[0].chunk
    first, second, third = (cite(chunk, span) for span in spans)
    assert draft.with_beside(first, [first, third, second]).text == text[:67]
    assert draft.with_beside(second, [first, second]).text == text[:67]
    assert draft.with_beside(first, [first, third]) == first
    draft.message = "et le port ?"
    assert draft.closest_to_message([first, second, third])[0] == third


def test_a_sentence_in_the_words_of_the_question_is_asked_of_the_model(library: Library) -> None:
    passages = [
        {
            "_id": "a",
            "title": "Poêle à bois Kerlann : notice",
            "text": "Le réservoir en contient 17 kilogrammes, soit une autonomie de 9 heures.",
        }
    ]
    answer = library.ask("Combien le réservoir du poêle Kerlann contient-il ?", passages=passages)
    assert "17" in answer.answer
    assert answer.sentences[0].citations[0].document == "a"
    quoted = "«" in answer.answer  # where the model isn't sure enough
    assert quoted or answer.sentences[0].support <= THRESHOLDS.foreign_support


def test_what_a_document_names_at_its_beginning_alone_is_known_of_its_other_parts(
    library: Library,
) -> None:
    passages = [
        {
            "_id": "bail",
            "title": "Contrat de location",
            "text": "# Contrat de location\n\n## 1. Objet\n\nL'appartement du 17, rue Kerfany, à Brest, "
            "avec deux chambres et un jardin partagé. La cave n'est pas comprise.\n\n## 2. Durée\n\n"
            "Le contrat court du 15 juillet 2024 au 14 juillet 2025. Il est reconduit d'un commun "
            "accord.\n\n## 3. Loyer\n\nLe loyer est de 1 150 euros par mois, payable le 15. Il comprend "
            "l'eau et le nettoyage de l'escalier, mais non le gaz ni l'électricité.",
        }
    ]
    with library.store_of(passages) as store:
        assistant, asked = library.assistant(store), "Quel est le loyer du 17, rue Kerfany ?"
        _, excerpts, sources = assistant.find(asked, "fr", None)
        rent = next(
            each for each in excerpts if "1 150" in each.text and "Kerfany" not in each.text
        )
        assert "Kerfany" in assistant.introduced(asked, "fr", rent).text
        assert assistant.introduced("Quel est le loyer ?", "fr", rent) == rent
        for said, supported in (
            ("Le loyer de l'appartement de la rue Kerfany est de 1 150 euros par mois.", True),
            ("Le loyer de l'appartement de la rue Kerfany est de 950 euros par mois.", False),
        ):
            assert (sources.verify(said, "fr").support >= SUPPORTED) == supported
        answer = assistant.answer(asked)
    assert "150" in answer.answer and not answer.refused


def test_a_refusal_offers_the_sentence_that_comes_closest() -> None:
    text = "Le maire ferme le port. La halle a brûlé."
    passage = StoredChunk(
        1, "port.md", "Le port", "fr", 0, 0, len(text), text, ((0, 23), (24, len(text)))
    )
    for language, offered in (
        ("fr", "« Le maire ferme le port. »"),
        ("en", "“Le maire ferme le port.”"),
    ):
        draft = drafted(passage, language)
        *_, finished = draft.refuse(0.2, cite(passage, passage.sentences[0]))
        assert isinstance(finished, Finished)
        answer = finished.answer
        assert answer.refused
        assert offered in answer.answer.replace("\u202f", " ")
        (sentence,) = answer.sentences
        assert answer.answer[sentence.start : sentence.end] == sentence.text
        assert sentence.citations[0].text == "Le maire ferme le port."
        assert is_language(answer.answer, language)


def test_a_follow_up_is_understood_from_the_question_before(library: Library) -> None:
    answer = library.ask(
        "Et dans OpenAI ?", history=[Turn("Combien Microsoft a-t-il investi dans Mistral AI ?")]
    )
    assert "13 milliards" in answer.answer


def test_the_events_of_an_answer_come_in_order_and_add_up(library: Library) -> None:
    events = list(library.assistant().ask("Qui dirige Microsoft ?"))
    assert isinstance(events[0], Searching)
    assert isinstance(events[1], Found)
    assert isinstance(events[-1], Finished)
    text = ""
    for event in events:
        text = (
            ""
            if isinstance(event, Redrafting)
            else text + event.text
            if isinstance(event, Delta)
            else text
        )
    answer = events[-1].answer
    assert text == answer.answer
    assert [event.sentence for event in events if isinstance(event, Grounded)][
        -1
    ] == answer.sentences[-1]
    for sentence in answer.sentences:
        assert answer.answer[sentence.start : sentence.end] == sentence.text


def test_stop_keeps_what_was_written(library: Library) -> None:
    stop = threading.Event()
    kinds = []
    for event in library.assistant().ask("Que pense Kai Zenner de Mistral ?", stop=stop):
        kinds.append(type(event))
        if isinstance(event, Delta):
            stop.set()
    assert kinds[-1] is Finished
    assert kinds.count(Delta) <= 2


def test_remarks_are_answered_without_the_model(library: Library) -> None:
    answer = library.ask("Quels documents as-tu ?")
    assert "Mistral et Microsoft" in answer.answer
    assert library.ask("thanks").language == "en"


def test_passages_of_ones_own_are_answered_from_those_alone(library: Library) -> None:
    passages = [
        {
            "_id": "a",
            "title": "La tour",
            "text": "La tour de Kerlann mesure 42 mètres. Elle date de 1911.",
        },
        {"_id": "b", "title": "Le port", "text": "Le port de Kerlann accueille 300 bateaux."},
    ]
    answer = library.ask("Quelle est la hauteur de la tour de Kerlann ?", passages=passages)
    assert "42" in answer.answer
    assert answer.sentences[0].citations[0].document == "a"


def test_a_summary_rests_on_the_whole_document(library: Library) -> None:
    answer = library.ask("Résume l'article")
    assert is_language(answer.answer, "fr")
    starts = [sentence.citations[0].start for sentence in answer.sentences]
    length = len(library.store.document(answer.sentences[0].citations[0].document).text)
    assert len(starts) >= 2
    assert max(starts) - min(starts) > length / 4
    for sentence in answer.sentences:
        assert answer.answer[sentence.start : sentence.end] == sentence.text


def test_an_unknown_document_a_blank_question_and_no_document_are_named_as_such(
    library: Library,
) -> None:
    answerer = library.assistant()
    for question in ("Qui dirige Microsoft ?", "Résume l'article"):
        with pytest.raises(UserError) as unknown:
            answerer.answer(question, documents=["mistral-microsoft.md", "absent.md"])
        assert (unknown.value.code, unknown.value.values) == (
            "document_unknown",
            {"name": "absent.md"},
        )
        assert "absent.md" in explain(unknown.value, "fr")
        assert "absent.md" in explain(unknown.value, "en")
    with pytest.raises(UserError) as unknown:
        library.search("Qui dirige Microsoft ?", documents=["absent.md"])
    assert unknown.value.code == "document_unknown"
    with pytest.raises(UserError) as blank:
        library.ask(" \n\u00a0 ")
    assert blank.value.code == "no_question"
    with pytest.raises(UserError) as none:
        answerer.answer("Qui dirige Microsoft ?", documents=[])
    assert none.value.code == "no_document_chosen"


def test_a_document_that_is_removed_in_the_middle_is_searched_around(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    answerer, found = library.assistant(), []

    def gone(numbers: list[int]) -> object:
        monkeypatch.undo()
        found.append(numbers)
        return library.store.token_vectors([*numbers, 10**9])

    monkeypatch.setattr(library.store, "token_vectors", gone)
    assert not answerer.answer("Qui dirige Microsoft ?").refused
    assert found


def test_a_bug_while_it_searches_is_not_taken_for_a_removed_document(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = []

    def broken(*_: object) -> object:
        called.append(1)
        raise KeyError("typo")

    monkeypatch.setattr(library.store, "token_vectors", broken)
    with pytest.raises(KeyError, match="typo"):
        library.ask("Qui dirige Microsoft ?")
    assert called == [1]


def test_an_answerer_is_made_without_threads_or_models(library: Library) -> None:
    before = threading.active_count()
    made = [library.assistant() for _ in range(50)]
    assert threading.active_count() == before
    assert all(each.generator is library.generator for each in made)


def test_a_question_is_read_in_the_language_of_the_text_where_it_finds_nothing_in_its_own(
    library: Library,
) -> None:
    note = "The county pays for the van, 21,000 euros a year, and for the catalogue, 9,500 euros."
    passages = [
        {"_id": "a", "title": "Reading network", "text": f"The network links four towns. {note}"},
        {
            "_id": "b",
            "title": "La piscine",
            "text": "La piscine ouvre en mai. Elle a deux bassins.",
        },
    ]
    answer = library.ask("Combien coûte le réseau par an ?", passages=passages)
    assert not answer.refused and "21" in answer.answer and answer.language == "fr"
