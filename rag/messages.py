"""Every sentence that the program says to its user, in French and English: errors, refusals, remarks."""

from typing import Any

from weights.errors import UserError

MESSAGES: dict[str, dict[str, str]] = {
    "refusal": {
        "fr": "Les documents ne répondent pas à cette question. Le plus proche est dans « {title} ».",
        "en": "The documents do not answer this question. The closest is in “{title}”.",
    },
    "refusal_empty": {
        "fr": "Les documents ne répondent pas à cette question : la bibliothèque est vide.",
        "en": "The documents do not answer this question: the library is empty.",
    },
    "remark_hello": {
        "fr": "Bonjour ! Posez-moi une question sur vos documents, en français ou en anglais.",
        "en": "Hello! Ask me a question about your documents, in French or in English.",
    },
    "remark_thanks": {
        "fr": "Avec plaisir. Une autre question sur vos documents ?",
        "en": "You are welcome. Another question about your documents?",
    },
    "remark_abilities": {
        "fr": "Je réponds à vos questions à partir de vos documents seulement, en français ou en anglais, et je montre pour "
        "chaque phrase celle de la source sur laquelle elle repose. Si les documents ne le disent pas, je le dis.",
        "en": "I answer your questions from your documents alone, in French or in English, and for each sentence I show the "
        "sentence of the source that it rests on. If the documents do not say, I say so.",
    },
    "remark_documents": {
        "fr": "Documents de la bibliothèque ({count}) :\n{documents}",
        "en": "Documents in the library ({count}):\n{documents}",
    },
}


def say(code: str, language: str, **values: Any) -> str:
    """The sentence of this code in "fr" or "en", with its values filled in."""
    return MESSAGES[code][language].format(**values)


def explain(error: UserError, language: str) -> str:
    """An error as a sentence in the user's language: what was wrong, the value, what to do."""
    form = MESSAGES.get(error.code, MESSAGES["unexpected"])[language]
    return form.format(code=error.code, **error.values) if error.code in MESSAGES else form.format(code=error.code)
