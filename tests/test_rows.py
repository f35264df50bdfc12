"""What rows of tables say by the words and figures of a question, and what they don't."""

import pytest

from index.documents import Document, make
from index.embedder import Embedder
from rag.many.computing import Computed, Question, Shown
from rag.many.records import Group, groups
from rag.many.rows import Lookup, Ranking
from rag.many.wording import asks_for_most, carried

HOUSES = """house|tenant|rent|bedrooms|garden|district|start|address
Willow|Anna Long|450 €|2|yes|North|2021-03-01|5 Mill Lane
Birch|Ben Best|700 €|3|no|North|2022-05-01|6 Mill Lane
Cedar|Carla Dune|620 €|1|yes|South|2023-01-01|7 High Street
Maple|Dan Reed|900 €|3|no|South|2020-07-15|8 High Street
Hazel|Martin Moss|510 €|2|no|West|2023-09-01|9 Park Row
Alder|Martine Hale|830 €|4|yes|West|2019-11-01|10 Park Row"""
SITES = """chantier|ville|chef|montant|durée|état|début
Gymnase|Lyon|Odile Petit|120 000 €|8 mois|terminé|2022-03-01
École|Lyon|Marc Grand|340 000 €|14 mois|en cours|2023-01-15
Piscine|Lille|Jean Fort|560 000 €|20 mois|en cours|2022-09-01
Mairie|Nantes|Odile Petit|90 000 €|5 mois|terminé|2021-05-01
Théâtre|Lille|Marc Grand|410 000 €|16 mois|en retard|2023-06-01
Crèche|Nantes|Jean Fort|75 000 €|4 mois|en retard|2020-10-01"""


def table(name: str, rows: str) -> Document:
    head, *lines = [line.split("|") for line in rows.splitlines()]
    said = ["; ".join(f"{a}: {b}" for a, b in zip(head, line, strict=True)) for line in lines]
    return make(name, "", "\n\n".join(["; ".join(head), *said]))


def group(language: str) -> Group:
    document = table("houses.csv", HOUSES) if language == "en" else table("chantiers.csv", SITES)
    assert document.language == language
    return next(iter(groups(document)))


def found(asked: str, language: str) -> Computed | None:
    read = Ranking(asked, group(language), None) if asks_for_most(asked) else None
    return (read or Lookup(asked, group(language))).compute()


@pytest.mark.parametrize(
    ("asked", "language", "shown"),
    [
        ("What is the rent of Anna?", "en", ["450 €"]),
        ("What is the rent of Martin?", "en", ["510 €", "830 €"]),
        ("Who is the tenant at 8 High Street?", "en", ["Dan Reed"]),
        ("What is the rent of the house in the North with 3 bedrooms?", "en", ["700 €"]),
        ("Which tenant has at least 3 bedrooms?", "en", ["Ben Best", "Dan Reed", "Martine Hale"]),
        ("Which house has the highest rent below 800 euros?", "en", ["700 €"]),
        ("Which house has the lowest rent of at least 500?", "en", ["510 €"]),
        ("Who has the earliest start?", "en", ["2019-11-01"]),
        ("Combien coûte la Piscine ?", "fr", ["560 000 €"]),
        ("Quelle est la ville du chantier de Jean Fort ?", "fr", ["Lille", "Nantes"]),
        ("Quel est le chantier le plus cher de 2023 ?", "fr", ["410 000 €"]),
        ("Quel chantier a débuté le plus tôt ?", "fr", ["2020-10-01"]),
        ("Quelle ville a le plus de chantiers en retard ?", "fr", ["1", "1"]),
    ],
)
def test_a_question_is_answered_by_the_cells_that_it_names(
    asked: str, language: str, shown: list[str]
) -> None:
    known = found(asked, language)
    assert isinstance(known, Shown)
    assert sorted(figure for _, figure in known.shown) == sorted(shown)


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("Which tenants are not in the North?", "en"),
        ("Which houses other than Birch are in the North?", "en"),
        ("Why is the rent of Maple so high?", "en"),
        ("What was the rent of Anna in 2019?", "en"),
        ("What is the rent of the house with the most bedrooms?", "en"),
        ("Which district has the fewest houses?", "en"),
        ("Which house with 3 bedrooms is the cheapest?", "en"),
        ("What is the most important rule for tenants?", "en"),
        ("Does Anna have a garden?", "en"),
        ("Quels chantiers ne sont pas à Lyon ?", "fr"),
        ("Quelle est la durée du chantier le plus cher ?", "fr"),
        ("Quel est le chantier le plus cher hors Lille ?", "fr"),
        ("Quel est le moins ancien chantier ?", "fr"),
        ("Quel est le montant du gymnase de Lille ?", "fr"),
        ("Qui dirige le conseil municipal ?", "fr"),
    ],
)
def test_what_the_words_of_rows_cannot_say_is_left_to_the_model(asked: str, language: str) -> None:
    assert found(asked, language) is None


def test_a_column_of_yes_and_no_is_not_counted_by_its_name() -> None:
    assert Question("How many houses have a garden?", group("en")).compute() is None
    assert Question("Combien de chantiers ne sont pas terminés ?", group("fr")).compute() is None
    counted = Question("How many houses have a rent below 600 euros?", group("en")).compute()
    assert counted is not None
    assert counted.value == 2


def test_many_rows_are_looked_through_at_once() -> None:
    line = SITES.splitlines()[1]
    many = [line.replace("Gymnase", f"Gymnase {n}") for n in range(900)]
    document = table("grand.csv", "\n".join([SITES.splitlines()[0], *many]))
    (rows,) = groups(document)
    assert Lookup("Quel est le chef du chantier de Lyon ?", rows).compute() is None
    found = Lookup("Quel est le chef du Gymnase 17 ?", rows).compute()
    assert isinstance(found, Shown)
    assert found.shown == (("Gymnase 17", "Odile Petit"),)


@pytest.mark.parametrize(
    ("asked", "language", "shown"),
    [
        ("Which town is the gymnasium in?", "fr", "Lyon"),
        ("Who is the head of the Crèche?", "fr", "Jean Fort"),
        ("Qui est le locataire de Birch ?", "en", "Ben Best"),
    ],
)
def test_a_table_is_asked_in_the_other_language(
    asked: str, language: str, shown: str, embedder: Embedder
) -> None:
    words = carried([(asked, "en" if language == "fr" else "fr")], group(language), embedder)
    assert words is not None
    known = Lookup(asked, group(language), words=words).compute()
    assert isinstance(known, Shown)
    assert [figure for _, figure in known.shown] == [shown]


def test_what_a_table_has_no_word_for_is_not_asked_of_it(embedder: Embedder) -> None:
    assert carried([("Which sites have swimming lessons?", "en")], group("fr"), embedder) is None
    assert carried([("Combien de chats ?", "fr")], group("en"), embedder) is None


def test_a_translation_gives_the_words_that_are_lacking(embedder: Embedder) -> None:
    asked = [("How many sites are in Lille?", "en")]
    assert carried(asked, group("fr"), embedder) is None
    across = {asked[0][0]: "Combien de chantiers sont à Lille ?"}.__getitem__
    words = carried(asked, group("fr"), embedder, across)
    assert words is not None
    counted = Question(asked[0][0], group("fr"), words=words).compute()
    assert counted and (counted.value, counted.words) == (2, ("Lille",))


def test_a_message_puts_another_value_in_the_place_of_the_one_before() -> None:
    asked = "combien de chantiers terminés, et ceux en retard ?"
    counted = Question(asked, group("fr"), "et ceux en retard ?").compute()
    assert counted and (counted.value, counted.words) == (2, ("en retard",))
    both = Question("combien de chantiers terminés en retard ?", group("fr")).compute()
    assert both is None


def test_a_cell_of_several_words_is_known_as_it_stands() -> None:
    pupils = table(
        "pupils.csv", "pupil|class|workshop\nAda|6 A|clay\nBen|6 B|clay\nCid|6 A|wood\nDot|6 A|clay"
    )
    only = next(iter(groups(pupils)))
    counted = Question("How many pupils of 6 A chose the clay workshop?", only).compute()
    assert counted is None  # "chose" is no word of it
    counted = Question("How many pupils of 6 A in the clay workshop?", only).compute()
    assert counted and (counted.value, counted.words) == (2, ("6 A", "clay"))


def test_what_is_out_of_stock_has_none() -> None:
    parts = table("parts.csv", "part|price|stock\nBelt|12 €|0\nPan|30 €|4\nLid|20 €|0\nMotor|9 €|2")
    only = next(iter(groups(parts)))
    counted = Question("Which parts are out of stock?", only).compute()
    assert counted and [each.cells["part"] for each in counted.records] == ["Belt", "Lid"]


CARS = """car|condition|size|price|colour|seller|duration
Clio|new|small|15 000 €|red|Dora New|2 days
Golf|used|large|9 000 €|blue|Ben Moss|5 days
Passat|new|large|28 000 €|red|Ben Moss|10 days
Polo|used|small|6 000 €|red|Dora New|5 days
Astra|used|large|8 200 €|blue|Dora New|12 days"""
MATCHES = """match|domicile|extérieur|buts domicile|stade|spectateurs|journée
M1|Lyon|Lille|2|Gerland|41000|samedi
M2|Brest|Lyon|1|Le Blé|15000|dimanche
M3|Lille|Lyon|3|Mauroy|40000|samedi
M4|Lyon|Brest|0|Gerland|37000|dimanche"""


def of(name: str, rows: str) -> Group:
    return next(iter(groups(table(name, rows))))


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ("How many new cars are there?", 2),  # Dora New sells used ones
        ("How many cars have a duration of more than 5 days?", 2),
        ("How many cars have a duration of 5 days?", 2),
        ("How many cars by size?", None),
        ("How many cars were paid?", None),
        ("How many cars have a price?", None),
        ("How many cars are in stock?", None),
        ("How many cars have at least one seller?", None),
        ("How many large cars cost less than 10000 and last over 6 days?", None),
    ],
)
def test_every_word_of_a_count_limits_it_or_nothing_is_counted(
    asked: str, count: int | None
) -> None:
    known = Question(asked, of("cars.csv", CARS)).compute()
    assert (known and known.value) == count


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("What is the cheapest new car?", ["Clio"]),
        ("Which large car is the cheapest?", ["Astra"]),
        ("What is the oldest car?", None),
        ("What is the tallest car?", None),
    ],
)
def test_the_most_is_of_what_is_named_and_in_what_is_named(
    asked: str, shown: list[str] | None
) -> None:
    known = Ranking(asked, of("cars.csv", CARS), None).compute()
    assert (known and [name for name, _ in known.shown]) == shown  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("before", "message", "shown"),
    [
        ("What is the rent of Birch?", "And its district?", ["North"]),
        ("What is the tenant of Willow?", "And the rent of Birch?", ["700 €"]),
        ("What is the rent of Willow?", "And of Birch?", ["700 €"]),
        ("What is the rent of Birch?", "When?", None),
        ("What is the rent of Birch?", "And where?", None),
    ],
)
def test_a_message_that_goes_on_asks_for_its_own_column(
    before: str, message: str, shown: list[str] | None
) -> None:
    known = Lookup(f"{before.rstrip('?')}, {message}", group("en"), message).compute()
    assert (known and [figure for _, figure in known.shown]) == shown  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "asked",
    [
        "How many matches on Monday?",
        "How many matches did Lyon win?",
        "How many home matches did Lyon play?",
        "How many matches in Portugal?",
    ],
)
def test_what_is_only_near_to_a_value_is_not_it(asked: str, embedder: Embedder) -> None:
    only = of("matchs.csv", MATCHES)
    words = carried([(asked, "en")], only, embedder)
    assert words is None or Question(asked, only, words=words).compute() is None


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ("Combien de matchs de Lyon ?", 4),
        ("Combien de matchs de Lyon à domicile ?", None),
        ("Combien de matchs de Lyon à l'extérieur ?", 2),
        ("Combien de matchs par stade ?", None),
    ],
)
def test_a_column_that_is_named_beside_a_value_is_that_of_the_value(
    asked: str, count: int | None
) -> None:
    known = Question(asked, of("matchs.csv", MATCHES)).compute()
    assert (known and known.value) == count
