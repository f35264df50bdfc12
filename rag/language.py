"""Which of the two languages a text is in: short questions full of names, and answers that must be in one of them."""

import re
from functools import cache
from typing import Any, Literal

Language = Literal["fr", "en"]

# Words of one language only, or as good as: "a", "on", "me", "die", "but", "or", "six" tell nothing.
_CUES = {
    "fr": frozenset(
        "au aux avec c'est ce ces cet cette ceux comment d'où dans de depuis des donc du elle elles en entre est est-ce et eu eut "
        "fut il ils je l'on la laquelle le lequel les leur leurs lors mais ne nos notre nous ont ou où par pas pendant plus pour "
        "pourquoi qu quand que quel quelle quelles quels qui quoi sa sans ses si sont sur ta tu un une va vont vos votre vous à "
        "été était étaient être combien merci bonjour parle-moi dis-moi explique résume selon".split()
    ),
    "en": frozenset(
        "about after and any are at be been before between by can could did do does for from had has have he her his how i in is it "
        "its many much my of our she should than that the their them then there these they this those to was we were what when "
        "where which who whom whose why will with would you your tell explain summarise summarize hello thanks please".split()
    ),
}
# The first word of a question is rarely part of a name.
_OPENING = 2.0
_ELIDED = re.compile(r"\b(?:l|d|qu|j|n|s|m|t|c|lorsqu|puisqu|jusqu|quelqu)['’]\s?(?=[^\W\d_]{2})", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_QUOTED = re.compile(r"«[^«»]*»|“[^“”]*”|\"[^\"]*\"")
_NAME = re.compile(r"(?<=[^.!?…:\n«“\"])\s+\b[^\W\d_a-zà-ÿ][\w'’.-]*|\b[^\W\d_a-zà-ÿ]{2,}\b")
