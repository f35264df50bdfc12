"""Sentences about the article in seeds/, true and false: which the sources hold."""

import pytest

from index.text.language import detect
from index.text.sentences import SentenceStream
from rag.library import Library
from rag.verifier import SUPPORTED, Verifier, reason
from rag.verifier.checks import CHECKS, Check
from rag.verifier.facts import facts

TRUE = [
    "Microsoft has invested $13 billion in OpenAI.",
    "Microsoft invested 15 million euros in Mistral AI.",
    "Microsoft détient 49 % des parts d'OpenAI.",
    "Le siège de Hugging Face se trouve à New York.",
    "Aleph Alpha is the German champion in artificial intelligence.",
    "Kai Zenner dirige le cabinet d'Axel Voss.",
    "Thierry Breton is a European commissioner.",
    "Mistral AI is a French start-up.",
    "Cédric O is a former minister.",
    "The procedure about Microsoft's investment in OpenAI began in January.",
    "Mistral's first two models, published in open source, remain free for everyone.",
    "The French government did not know about the talks between Mistral and Microsoft when it supported the lobbying.",
    "Mistral raised nearly 385 million euros in its second funding round.",
    "Cédric O est un ancien secrétaire d'État au Numérique devenu lobbyiste de Mistral.",
    "Axel Voss est un député allemand du groupe EPP.",
    "Microsoft a investi 15 millions d'euros dans Mistral AI et plus de 13 milliards de dollars dans OpenAI.",
    "The values linked to open source are sharing, security and transparency.",
    "Thomas Wolf and Emad Mostaque reassured their audience on X.",
    "L'essentiel des équipes de Hugging Face travaille à Paris.",
    "Most of Hugging Face's teams work in Paris.",
    "Hugging Face has its headquarters in New York.",
    "Thomas Wolf est cofondateur de Hugging Face.",
    "L'Allemagne soutenait Aleph Alpha.",
    "Les fondateurs de Mistral sont d'anciens salariés de Google et de Meta.",
    "Satya Nadella dirige Microsoft.",
    "Microsoft holds 49% of OpenAI.",
    "Mistral sells closed models.",
    "Kai Zenner finds it ridiculous that Mistral turned to Microsoft.",
    "The European law on artificial intelligence is called the AI Act.",
    "The decision is excellent for Mistral, because customers will have to buy its models from it or from Microsoft.",
    "Mistral gagnera plus facilement de l'argent, car les clients devront acheter ses modèles.",
]
FALSE = [
    "Mistral's decision to close its models is a good economic decision because it allows it to focus on its core competencies.",
    "La décision de Mistral est excellente économiquement, parce que ses modèles coûtent moins cher à entraîner.",
    "Microsoft a investi dans Mistral AI plus de 13 milliards de dollars.",
    "Google a investi 15 millions d'euros dans Mistral.",
    "Microsoft did not invest in OpenAI.",
    "Microsoft owns 51% of OpenAI.",
    "A subscription to Mistral Large costs 15 million euros.",
    "La capitale de l'Australie est Canberra.",
    "Mistral Large was trained on Nvidia graphics cards.",
    "The French government was aware of the talks between Mistral and Microsoft.",
    "La Commission européenne a infligé une amende de 100 millions d'euros à Microsoft.",
    "Arthur Mensch a 31 ans.",
    "Elon Musk criticised Mistral's decision.",
    "Mistral Large compte 70 milliards de paramètres.",
    "The chief executive of Anthropic is Dario Amodei.",
    "Hugging Face was founded in 2016.",
    "Google a investi 2 milliards de dollars dans Anthropic.",
    "Aleph Alpha was founded by Jonas Andrulis.",
    "OpenAI employs about 700 people.",
    "Stability AI is the German champion in artificial intelligence.",
    "Anthropic is the German champion in artificial intelligence.",
    "Kai Zenner leads Hugging Face.",
    "Kai Zenner became a lobbyist for Mistral after being a secretary of state.",
    "Kai Zenner est un député allemand du groupe EPP et spécialiste des questions technologiques.",
    "Kai Zenner is a German member of parliament in the EPP group.",
    "Microsoft a investi dans Mistral AI plus de 13 milliards de dollars et dans OpenAI plus de 15 millions d'euros.",
    "Le siège de Hugging Face est à Paris.",
    "The headquarters of Hugging Face is located in Paris.",
    "L'essentiel des équipes de Hugging Face travaille à New York.",
    "Microsoft détient 49 % des parts de Mistral.",
    "Mistral a été fondée par des anciens d'OpenAI.",
    "Thierry Breton est secrétaire d'État au Numérique.",
    "La France soutenait Aleph Alpha.",
    "La première levée de fonds de Mistral était de 385 millions d'euros.",
    "Mistral refused to sell its models.",
    "Euronews a interrogé Axel Voss.",
    "Microsoft est le premier fournisseur de cloud de la planète.",
    "Axel Voss est lobbyiste de Mistral.",
    "Kai Zenner est un expert en lobbying et en politique.",
    "Most of Hugging Face's teams work in France.",
    "Kai Zenner est un chercheur de l'IA.",
    "Kai Zenner is a lawyer.",
    "Kai Zenner est un expert en lobbying.",
    "Axel Voss est un acteur.",
]
# Whose words and names stand together in the source, in other roles or only as a possibility: only an understanding would tell.
OUT_OF_REACH = [
    "The Commission has opened an investigation into Mistral's lobbying.",
    "Hugging Face's headquarters are in Paris.",
    "Kai Zenner finds Microsoft ridiculous.",
    "Google est actionnaire de Mistral.",
    "Les fondateurs de Mistral viennent de Microsoft.",
    "Thomas Wolf est cofondateur de Stability AI.",
    "Emad Mostaque cofounded Hugging Face.",
    "Satya Nadella dirige Google.",
    "Mistral est une entreprise américaine.",
    "Stability AI se trouve à New York.",
]


def verified(library: Library, sentence: str) -> tuple[float, list[str]]:
    language = detect(sentence)
    passages = [hit.chunk for hit in library.search(sentence, k=4)]
    verdict = Verifier(library.store, library.embedder).sources(passages).verify(sentence, language)
    for citation in verdict.citations:
        document = library.store.document(citation.document)
        assert document.text[citation.start : citation.end] == citation.text
    return verdict.support, [citation.text for citation in verdict.citations]


@pytest.mark.parametrize("sentence", TRUE)
def test_what_the_article_says_is_supported(library: Library, sentence: str) -> None:
    support, citations = verified(library, sentence)
    assert support >= SUPPORTED, citations


@pytest.mark.parametrize(
    "sentence",
    [
        *FALSE,
        *(
            pytest.param(
                text, marks=pytest.mark.xfail(strict=True, reason="roles within a sentence")
            )
            for text in OUT_OF_REACH
        ),
    ],
)
def test_what_the_article_does_not_say_is_not_supported(library: Library, sentence: str) -> None:
    support, citations = verified(library, sentence)
    assert support < SUPPORTED, citations


def test_the_citation_is_the_sentence_that_says_so(library: Library) -> None:
    _, citations = verified(library, "Satya Nadella leads Microsoft.")
    assert "Satya Nadella" in citations[0]


@pytest.mark.parametrize(
    ("title", "text", "asked", "true", "false"),
    [
        pytest.param(
            "Union Athlétique Morvan",
            "Le club naît à Brest, dont il partage le stade avec le Stade Brestois. En 2006, il recrute Bastien Vieillard, venu de "
            "l'équipe du FC Nantes.",
            "De quel club venait Bastien Veillard quand l'UAM l'a recruté ?",
            "L'UAM recrute Bastien Veillard, venu du FC Nantes.",
            "L'UAM recrute Bastien Dupont, venu du FC Nantes.",
            id="names count as the question spells them",
        ),
        pytest.param(
            "Florian Schillinger",
            "Il débute en 2002 à Klingenthal. En 2009, il remporte l'argent par équipe avec Steffen Tepel et le bronze au saut à ski "
            "avec Nico Faller.",
            "Avec qui Florian Schillinger remporte-t-il le bronze ?",
            "Florian Schillinger remporte le bronze au saut à ski avec Nico Faller.",
            "Florian Schillinger remporte le bronze au saut à ski avec Marco Fallini.",
            id="what a document is about may be named by a pronoun",
        ),
        pytest.param(
            "Un musée",
            "Robert Clark naît dans une famille de Carthage. Il s'installe à Utique en 1910, où il rencontre Francine Morel, actrice "
            "de la Comédie-Française, qu'il épouse en 1919.",
            "Where did Robert Clark meet his wife in Utica?",
            "Robert Clark met Francine Morel, an actress, in Utica.",
            "Robert Clark met Francine Dupont, an actress, in Utica.",
            id="names keep the spelling of their language, pronouns mean whom the question names",
        ),
        pytest.param(
            "Le théâtre nigérian",
            "Les pièces d'Ola Adeyemi sont surtout lues. Leurs qualités sont d'autant plus soulignées qu'en 1986 l'auteur se voit "
            "décerner le prix Nobel de littérature et qu'il est le premier écrivain du pays à le recevoir.",
            "When did Ola Adeyemi receive the Nobel Prize?",
            "Ola Adeyemi received the Nobel Prize in Literature in 1986.",
            "Ola Adeyemi received the Nobel Prize in Literature in 1968.",
            id="what English writes large within a name is compared as words",
        ),
        pytest.param(
            "Gares",
            "L'association « Non au tunnel » propose d'augmenter la fréquence des trains de Brest à Pont - Labbé et de mettre en place "
            "une navette.",
            'What does the association "Non au tunnel" propose for Pont-Labbé?',
            'The association "Non au tunnel" proposes to have more trains from Brest to Pont-Labbé.',
            'The association "Non au tunnel" proposes to have more trains from Quimper to Pont-Labbé.',
            id="a name of two parts is held by both",
        ),
        pytest.param(
            "Conseil municipal de Kervalec, séance du 3 mai",
            "L'entreprise Morvan présente son bilan. Le prix du mètre cube passera à 2,32 euros au 1er janvier 2025.",
            "Quel sera le prix du mètre cube d'eau à Kervalec en 2025 ?",
            "Le prix du mètre cube à Kervalec sera de 2,32 euros au 1er janvier 2025.",
            "Le prix du mètre cube à Ploubalec sera de 2,32 euros au 1er janvier 2025.",
            id="what the title names holds for each sentence",
        ),
        pytest.param(
            "La piscine",
            "Le toboggan est interdit aux enfants de moins de 1,10 mètre. Les casiers fonctionnent avec un jeton.",
            "Qui peut utiliser le toboggan ?",
            "Les enfants de moins de 1,10 mètre ne peuvent pas utiliser le toboggan.",
            "Les casiers ne fonctionnent pas avec un jeton.",
            id="what is forbidden can't be done",
        ),
        pytest.param(
            "La piscine",
            "Le toboggan est interdit aux enfants de moins de 1,10 mètre.",
            "Qui peut utiliser le toboggan ?",
            "Le toboggan est interdit aux enfants de moins de 1,10 mètre.",
            "Le toboggan n'est pas interdit aux enfants de moins de 1,10 mètre.",
            id="what is forbidden isn't not forbidden",
        ),
        pytest.param(
            "Le chômage en Allemagne",
            "Le chômage recule. La France compte 7 % de chômeurs. Le taux de chômage des jeunes y est de 17 %.",
            "Quel est le taux de chômage des jeunes en Allemagne ?",
            "En France, le taux de chômage des jeunes est de 17 %.",
            "Le taux de chômage des jeunes en Allemagne est de 17 %.",
            id="what the title names isn't meant beside another place",
        ),
        pytest.param(
            "Rapport de la société Arvel",
            "Le groupe Morvan est un concurrent. Cette entreprise a perdu 3 millions d'euros en 2023.",
            "Combien la société Arvel a-t-elle perdu en 2023 ?",
            "Le groupe Morvan a perdu 3 millions d'euros en 2023.",
            "La société Arvel a perdu 3 millions d'euros en 2023.",
            id="what points back isn't of whom the title names",
        ),
    ],
)
def test_names_across_spellings_pronouns_and_languages(
    library: Library, title: str, text: str, asked: str, true: str, false: str
) -> None:
    language = detect(asked)
    with library.store_of([{"_id": "one", "title": title, "text": text}]) as store:
        sources = Verifier(store, library.embedder).sources(
            store.chunks_of("one"), facts(asked, language)
        )
        assert sources.verify(true, language).support >= SUPPORTED
        assert sources.verify(false, language).support < SUPPORTED


def test_a_question_that_denies_may_be_answered_by_a_denial(library: Library) -> None:
    text = "Rémus saute par dérision au-dessus du sillon et viole la limite du pomerium."
    with library.store_of([{"_id": "rome", "title": "Rome", "text": text}]) as store:
        verifier = Verifier(store, library.embedder)
        sentence = "Rémus ne respecte pas la limite du pomerium, par dérision."
        assert verifier.sources(store.chunks_of("rome")).verify(sentence, "fr").support < SUPPORTED
        assert (
            verifier.sources(store.chunks_of("rome"), denied=True).verify(sentence, "fr").support
            >= SUPPORTED
        )


def test_a_stream_gives_each_sentence_once_as_soon_as_the_next_begins() -> None:
    text = "M. Breton l'a dit à 13,5 % près. « C'est normal. » Rien d'autre n'est sûr"
    stream = SentenceStream("fr")
    spans = [span for character in text for span in stream.feed(character)]
    assert [text[start:end] for start, end in spans][:1] == ["M. Breton l'a dit à 13,5 % près."]
    spans += stream.close()
    assert "".join(text[start:end] for start, end in spans).replace(" ", "") == text.replace(
        " ", ""
    )
    assert [text[start:end] for start, end in spans][-1] == "Rien d'autre n'est sûr"


def test_a_reason_is_told_from_what_it_is_the_reason_for() -> None:
    assert (
        reason("The decision is good because it earns money for the firm.")
        == "it earns money for the firm."
    )
    assert (
        reason("La France le soutient parce qu'il défend la souveraineté.")
        == "il défend la souveraineté."
    )
    assert not reason("He left because of the storm.")
    assert not reason("The decision is good.")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_each_check_catches_its_example(library: Library, check: Check) -> None:
    with library.store_of([{"_id": "one", "title": "", "text": check.source}]) as store:
        sources = Verifier(store, library.embedder).sources(store.chunks_of("one"))
        assert check.name in sources.verify(check.wrong, "fr").failed
        for sentence in check.source.replace(". ", ".|").split("|"):
            assert not sources.verify(sentence, "fr").failed


def test_a_sentence_that_has_the_figures_is_found_across_languages(library: Library) -> None:
    text = (
        "The tour was dropped: it would have cost £11,400. "
        "Courses up to £300 are approved by the manager."
    )
    said = "Le voyage d'étude aux Pays-Bas a été abandonné car il coûtait 11\u202f400 £."
    with library.store_of([{"_id": "one", "title": "Plan", "text": text}]) as store:
        chunks = store.chunks_of("one")
        sources = Verifier(store, library.embedder).sources(chunks)
        carrying = sources.carrying(said, "fr", chunks[0].id)
        assert carrying and "11,400" in carrying.closest[0].text
        assert sources.carrying("Le voyage coûtait 12\u202f000 £.", "fr", chunks[0].id) is None
        likest = sources.carrying("Le voyage a été abandonné.", "fr", chunks[0].id)
        assert likest and "dropped" in likest.closest[0].text
        assert sources.carrying("Le voyage a été abandonné.", "fr", -1) is None


def test_a_figure_of_another_leads_to_no_sentence(library: Library) -> None:
    text = (
        "Microsoft a investi dans OpenAI plus de 13 milliards de dollars. "
        "Mistral a levé 385 millions d'euros."
    )
    said = "Microsoft a investi 13 milliards de dollars dans Mistral."
    with library.store_of([{"_id": "one", "title": "", "text": text}]) as store:
        chunks = store.chunks_of("one")
        carrying = (
            Verifier(store, library.embedder).sources(chunks).carrying(said, "fr", chunks[0].id)
        )
        assert carrying and carrying.failed
