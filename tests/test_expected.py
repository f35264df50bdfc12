"""What a question asks for, and whether a sentence has it."""

import pytest

from rag.verifier.expected import closed, echoes, expected, explains, fits, of_another_year, ranks


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Combien de salariés compte l'entreprise ?", "count"),
        ("How much money did Microsoft invest?", "money"),
        ("Quelle est la hauteur de la tour ?", "quantity"),
        ("What share does it own?", "share"),
        ("Quelle part d'OpenAI Microsoft détient-il ?", "share"),
        ("How much did Microsoft invest in OpenAI? What share does it own?", "share"),
        ("When was the vote?", "time"),
        ("En quelle année a-t-on voté ?", "year"),
        ("And how long does the training take?", "quantity"),
        ("À quelle heure ouvre la piscine ?", "time"),
        ("Qui dirige Microsoft ?", None),
    ],
)
def test_the_kind_of_answer(question: str, kind: str | None) -> None:
    assert expected(question) == kind


def test_a_sentence_fits_the_kind() -> None:
    assert fits("money", "Microsoft y place 15 millions d'euros.", "fr")
    assert not fits("money", "Microsoft prend une part de son capital.", "fr")
    assert fits("time", "The vote was in 2023.", "en")
    assert not fits("time", "Microsoft a investi 15 millions d'euros.", "fr")


@pytest.mark.parametrize(
    "text", ["It takes three hours.", "It takes half a day.", "It lasts until spring.", "A month."]
)
def test_what_lasts_has_a_figure_a_date_or_one_of_a_unit(text: str) -> None:
    assert fits("quantity", text, "en")
    assert not fits("quantity", "Passengers may not be carried.", "en")


def test_a_year_is_no_number_of_years() -> None:
    assert fits("year", "Christopher Marlowe (1564-1593) était un dramaturge.", "fr")
    assert not fits("year", "He left the school two years later.", "en")


def test_a_share_is_no_sum() -> None:
    assert fits("share", "Microsoft détient 49 % des parts d'OpenAI.", "fr")
    assert fits("share", "It owns half of the port.", "en")
    assert not fits("share", "Microsoft a investi plus de 13 milliards de dollars.", "fr")


def test_a_reason_shows_in_a_sentence_where_one_is_asked() -> None:
    question = "Pourquoi le phare a-t-il fermé ?"
    assert explains(question, "Il a fermé car la lampe s'est brisée.")
    assert explains(question, "Ses gardiens l'ont quitté en emportant la lampe.")
    assert explains("Why did it close?", "It closed because of the storm.")
    assert not explains(question, "Le phare a fermé en 1987.")
    assert explains("Quand le phare a-t-il fermé ?", "Le phare a fermé en 1987.")


def test_the_best_of_its_kind_is_told_by_a_sentence_that_compares() -> None:
    asked = "Quelle est la plus longue piste de Formule 1 en Italie ?"
    assert not ranks(asked, "Le circuit de Pescara mesure 26 km.")
    assert ranks(asked, "Aucune piste n'est plus longue que celle de Pescara.")
    assert ranks("Who is the oldest player?", "With 41 years, Morel is the club's oldest player.")
    assert ranks("Where is the forest most often cut?", "It is cut near the river.")
    assert ranks("Who pays most of the repair?", "The county pays 60 per cent of it.")
    assert ranks("Où est le port ?", "Le port est au nord.")
    assert ranks("Who writes the list of best-sellers?", "The list is written by Morel.")


@pytest.mark.parametrize(
    "question",
    [
        "Le gouvernement était-il au courant ?",
        "Est-ce que Thierry Breton soutient la campagne ?",
        "Et est-ce vrai que Mistral vend ses modèles ?",
        "Y a-t-il une enquête ?",
        "Mistral a-t-elle répondu ?",
        "Did the government know?",
        "And is Hugging Face in Paris?",
        "Isn't it free?",
        "Le maire est d'accord ?",
        "The mayor has agreed?",
    ],
)
def test_closed_questions(question: str) -> None:
    assert closed(question)


@pytest.mark.parametrize(
    "question",
    [
        "Que reproche-t-il à Mistral ?",
        "Qu'est-ce que l'IA Act ?",
        "Quand est-ce que le vote a eu lieu ?",
        "À quelle conférence a-t-il parlé ?",
        "Combien Microsoft a-t-il investi ?",
        "Où se trouve-t-elle ?",
        "Auquel des deux pense-t-il ?",
        "Is the seat in Paris or in New York?",
        "Le siège est-il à Paris ou à New York ?",
        "What can it do?",
        "Kai Zenner",
        "Le prix du pain ?",
        "Le prix est de combien ?",
        "La réunion a lieu quand ?",
        "Le maire est d'accord.",
    ],
)
def test_open_questions(question: str) -> None:
    assert not closed(question)


def test_a_sentence_that_only_turns_the_question_round_is_an_echo() -> None:
    question = "Le gouvernement était-il au courant des discussions ?"
    assert echoes(question, "Le gouvernement était au courant des discussions.", "fr")
    assert not echoes(question, "Le gouvernement n'était pas au courant des discussions.", "fr")
    assert not echoes(question, "Le gouvernement ignorait les discussions.", "fr")
    assert echoes(
        "Dans quelle confrontation sont les conservateurs ?",
        "Ils sont dans la confrontation des conservateurs.",
        "fr",
    )
    assert not echoes("Does Microsoft own OpenAI?", "Microsoft owns 49% of OpenAI.", "en")


@pytest.mark.parametrize(
    ("question", "text", "other"),
    [
        ("Et en 2024, il y en a eu combien ?", "En 2022, il y avait 9 groupes.", True),
        ("Combien en 2023 ?", "Il y en a eu 9.", False),
        ("What happened after 2019?", "In 2021 it closed.", False),
        ("Entre 2019 et 2021 ?", "En 2020, la salle a fermé.", False),
        ("Who led it in 2019?", "In 2019 and 2020 it was led by Ada Martin.", False),
    ],
)
def test_an_answer_is_of_the_year_that_is_asked_about(
    question: str, text: str, other: bool
) -> None:
    assert of_another_year(question, text) == other
