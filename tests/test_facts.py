"""Figures, dates and names in one form for both languages."""

import pytest

from rag.verifier.facts import denies, facts, holds, negated
from rag.verifier.figures import about, adapted, in_figures_of


@pytest.mark.parametrize(
    ("french", "english"),
    [
        ("15 millions d'euros", "€15 million"),
        ("treize milliards de dollars", "$13 billion"),
        ("13,5 milliards de dollars", "13.5 billion dollars"),
        ("49 % des parts", "49 percent of the shares"),
        ("une vingtaine de personnes", "about twenty people"),
        ("4,2 M€ de travaux", "works for €4.2 million"),
        ("12 k€ par an", "€12k a year"),
        ("4,2 M d'euros", "€4.2M"),
        ("un câble de 20 € et de 10 m", "a cable of €20 and 10 m"),
        ("15 000 habitants", "15,000 inhabitants"),
        ("en février 2024", "in February 2024"),
        ("le 1er mai", "on May 1"),
        ("lundi à Bruxelles", "on Monday in Brussels"),
        ("chez l'Allemand Aleph Alpha", "at the German Aleph Alpha"),
        ("par le règlement européen", "by the European law"),
    ],
)
def test_the_same_fact_in_both_languages(french: str, english: str) -> None:
    source, answer = facts(french, "fr"), facts(english, "en")
    assert answer
    assert all(holds(source, fact) for fact in answer)
    assert all(holds(answer, fact) for fact in source)


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("13 milliards de dollars", "13 million dollars"),
        ("15 millions d'euros", "15 million dollars"),
        ("49 % des parts", "51% of the shares"),
        ("en février", "in January"),
        ("selon Google", "according to Meta"),
        ("une digue de 5 m", "a sea wall of 5 million"),
    ],
)
def test_another_figure_unit_date_or_name_is_not_held(source: str, answer: str) -> None:
    held = facts(source, "fr")
    assert not all(holds(held, fact) for fact in facts(answer, "en"))


def test_the_first_word_is_a_name_only_perhaps() -> None:
    assert [fact.opening for fact in facts("Microsoft invests.", "en")] == [True]
    assert [fact.opening for fact in facts("They say Microsoft invests.", "en")] == [False]
    assert facts("The firm invests.", "en") == ()


def test_words_of_negation() -> None:
    assert negated("Elle n'a pas répondu.", "fr")
    assert negated("They didn't know.", "en")
    assert not negated("Il n'y a qu'une solution.", "fr")
    assert denies("La France ignorait tout.", "fr")


@pytest.mark.parametrize(
    ("text", "language", "values"),
    [
        ("une levée d'un montant proche de 385 millions d'euros", "fr", {"385000000"}),
        ("une vingtaine de salariés, dont trois à Paris et 17 à Lyon", "fr", {"20"}),
        ("It has almost 49% of it, and 12 offices.", "en", {"49"}),
        ("En 2023, 15 millions.", "fr", set()),
    ],
)
def test_what_is_about_so_much_is_told_from_what_is_so_much(
    text: str, language: str, values: set[str]
) -> None:
    assert about(text, language) == values


def test_a_hyphen_before_a_figure_belongs_to_a_name_after_a_letter_only() -> None:
    assert {fact.value for fact in facts("GPT-4 (1564-1593), entre -8000 et -3000", "fr")} == {
        "gpt-4",
        "1564",
        "1593",
        "8000",
        "3000",
    }


@pytest.mark.parametrize(
    ("language", "text", "written"),
    [
        ("en", "Six cents livres ont été détruits.", "600 livres ont été détruits."),
        ("en", "L'assurance a remboursé 7\u202f400 euros.", "L'assurance a remboursé 7,400 euros."),
        ("en", "4,2 millions d'euros en 2024", "4.2 millions d'euros en 2024"),
        (
            "fr",
            "It cost 21,000 euros, 1.5 per cent more.",
            "It cost 21\u202f000 euros, 1,5 per cent more.",
        ),
        ("fr", "It opened in 1998 at 25 Main Street.", "It opened in 1998 at 25 Main Street."),
    ],
)
def test_figures_are_written_as_in_the_other_language(
    language: str, text: str, written: str
) -> None:
    spoken = "en" if language == "fr" else "fr"
    assert in_figures_of(language, text, spoken) == written


@pytest.mark.parametrize(
    ("text", "source", "language", "written"),
    [
        (
            "Cela coûte £11,400.",
            "It would have cost £11,400.",
            "fr",
            "Cela coûte 11\u202f400\xa0£.",
        ),
        ("Environ 1,900 heures.", "about 1,900 hours", "fr", "Environ 1\u202f900 heures."),
        ("The firm asked 139 900 euros.", "demandait 139 900 euros", "en", None),
        ("It weighs 1,3 tons.", "1,3 tonne de déchets", "en", "It weighs 1.3 tons."),
        ("Cela pèse 1,3 tonne.", "It weighs 1.3 tons.", "fr", "Cela pèse 1,3 tonne."),
        ("En 1974.", "in 1974", "fr", "En 1974."),
        ("It cost 4,2 M€.", "Il a coûté 4,2 M€.", "en", "It cost 4,2 M€."),
        ("Cela coûte €4.2 million.", "It cost €4.2 million.", "fr", "Cela coûte €4.2 million."),
    ],
)
def test_a_figure_taken_over_is_written_as_in_the_language_of_the_answer(
    text: str, source: str, language: str, written: str | None
) -> None:
    assert adapted(text, source, language) == (written or "The firm asked 139,900 euros.")


@pytest.mark.parametrize(
    ("said", "hours"),
    [
        ("from 8 a.m. to 1 p.m.", ["8", "13"]),
        ("at 6.30pm, until 10 PM", ["18", "30", "22"]),
        ("from 9:30 to 17:00", ["9", "30", "17"]),
        ("at 12 pm, not at 12 am", ["12", "0"]),
    ],
)
def test_an_hour_of_the_afternoon_is_one_of_24(said: str, hours: list[str]) -> None:
    assert [fact.value for fact in facts(said, "en") if fact.kind == "number"] == hours
