"""The prompts are what the models were measured with and what their kept states begin with."""

from collections.abc import Sequence
from hashlib import sha256

import pytest

from index.contract import StoredChunk
from rag import prompts
from rag.events import Turn
from rag.excerpts import Excerpt
from rag.llm.base import Message

CHUNK = StoredChunk(1, "port.md", "Le port", "fr", 0, 0, 9, "Le texte.", ((0, 9),))
EXCERPT = Excerpt(CHUNK, "Le texte.")
OPEN = {"fr": "Qui dirige le port ?", "en": "Who runs the port?"}
CLOSED = {"fr": "Le maire dirige-t-il le port ?", "en": "Does the mayor run the port?"}


def digest(messages: Sequence[Message]) -> str:
    return sha256("".join(f"{m.role}\n{m.content}\0" for m in messages).encode()).hexdigest()


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        (prompts.instruction(), "77967b3eabdf8a3ebdb2f5be26c3bf043259e66248bc3f1fe97d08635c0e4589"),
        (prompts.beginning(EXCERPT), "101a51cb8fb39f45d5f5a60da76cc0885aaee264718902c7fb056a0e740aa37b"),
        (prompts.decision(), "ccc703d6e822073febb66bd9c3844f72228b373ac1400146124be18999485881"),
        (prompts.deciding(CLOSED["fr"], EXCERPT, "fr"), "bf7917548d7054d576d85645a61fe596c015e28c473f78faf624fd1cd75c5764"),
        (prompts.deciding(CLOSED["en"], EXCERPT, "en"), "4251a779f6e36b1b8dd4e8cc0b25bfb70fbd92f9e2c6370889e6ef8be0b6e639"),
        (prompts.check(), "714fa694a04af7b2468424a3ff4411f823e1da56519f56fbac0b392d53f99085"),
        (prompts.checking("S {y}.", "T."), "a7e0d9793f27418e8d419c03d7a6cd0a6ab44b2189eb736398ffb1d609a26318"),
        (prompts.rewrite("fr"), "1269dfa2a6842d38c3ba91c7244ea67bad720181472ed79e63a81691b4fb5974"),
        (prompts.rewrite("en"), "3c73665ec46621acf95df02e9dde0a4f340302f928f095aae5a95d9ee549e953"),
        (prompts.rewriting("Et lui ?", [Turn("Qui ?", "Lui."), Turn("Quand ?")], "fr"), "44a9ca4630466e2d4496bb6635e07e44dd5baec992db4fb57e5097ca0e730873"),
        (prompts.rewriting("Et lui ?", [Turn("Qui ?", "Lui."), Turn("Quand ?")], "en"), "df1a4ddf416c71dcd5a67b5543d17d3f6470611fd5c0ec759b962d8660cc13c9"),
        (prompts.translating("Le texte {x}.", "fr"), "80a66bcd4c2cc84a6b9712cfed48d1f79285399fb6d69f916d8865c198c3559d"),
        (prompts.translating("Le texte {x}.", "en"), "9b79d476bd24a227d57cc694957900e89536e7e0845c5d688d65635b97d256dc"),
        (prompts.answering(OPEN["fr"], EXCERPT, "fr"), "e8d4915cb0a09bacab126d2b6c70e25a80b07d41f12c4f529f2f8f26755fb128"),
        (prompts.answering(CLOSED["fr"], EXCERPT, "fr"), "ab9d8923734ea3bc7ffc5b761a28c03222a28ae5918eba98f235ab42b9ff24e2"),
        (prompts.answering(OPEN["fr"], EXCERPT, "fr", insist=True), "f4e663b71490509e65f8a8953368939e3f319158a487118373cee088a81a53a8"),
        (prompts.answering(OPEN["en"], EXCERPT, "en"), "0dc68d8af3d04731af810056c9134cab8bf76284ee339f36f454aaf6f6dd1f67"),
        (prompts.answering(CLOSED["en"], EXCERPT, "en"), "008065292831acbc351aeb0568da626453a1849157e12f817fa58b36e8399d8a"),
        (prompts.answering(OPEN["en"], EXCERPT, "en", insist=True), "157c071a471d034283af092d6f2c0da81cb54d19e16d14db564fe6884d8030c0"),
    ],
)  # fmt: skip
def test_the_rendered_prompts_stay_as_they_are(messages: list[Message], expected: str) -> None:
    assert digest(messages) == expected


def test_every_prompt_for_an_answer_begins_with_the_instruction_then_the_excerpt() -> None:
    *instruction, excerpt = prompts.beginning(EXCERPT)
    assert instruction == prompts.instruction()
    for language in ("fr", "en"):
        *before, last = prompts.answering(OPEN[language], EXCERPT, language)
        assert before == instruction
        assert last.content.startswith(excerpt.content)
