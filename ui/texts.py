"""Every word that the page shows of its own, in French and English; plainly here, spaced as each asks."""

from rag.messages import typeset

TEXTS: dict[str, dict[str, str]] = {
    # What it is
    "tagline": {
        "fr": "Posez une question sur vos documents : chaque phrase de la réponse renvoie à la phrase qui la fonde.",
        "en": "Ask about your documents: each sentence of the answer points to the sentence that it rests on.",
    },
    "promise": {
        "fr": "Tout se passe sur cette machine. Quand les documents ne répondent pas, Cocorico le dit.",
        "en": "Everything stays on this machine. When the documents do not answer, Cocorico says so.",
    },
    "examples": {"fr": "Pour commencer", "en": "To begin with"},
    "skip": {"fr": "Aller à la question", "en": "Skip to the question"},
    # The bar at the top
    "new_conversation": {"fr": "Effacer", "en": "Clear"},
    "new_conversation_label": {"fr": "Effacer la conversation", "en": "Clear the conversation"},
    "documents": {"fr": "Documents", "en": "Documents"},
    "language": {"fr": "Langue de la page", "en": "Language of the page"},
    "to_dark": {"fr": "Passer au thème sombre", "en": "Switch to the dark theme"},
    "to_light": {"fr": "Passer au thème clair", "en": "Switch to the light theme"},
    # Asking
    "question": {"fr": "Votre question", "en": "Your question"},
    "placeholder": {"fr": "Votre question, en français ou en anglais", "en": "Your question, in French or English"},
    "send": {"fr": "Envoyer", "en": "Send"},
    "stop": {"fr": "Arrêter", "en": "Stop"},
    "keys": {
        "fr": "Entrée pour envoyer, Maj + Entrée pour aller à la ligne",
        "en": "Enter to send, Shift + Enter for a new line",
    },
    "editing": {
        "fr": "Vous modifiez une question : elle remplacera l’ancienne et ce qui la suit.",
        "en": "You are editing a question: it will replace the old one and what follows it.",
    },
    "cancel": {"fr": "Annuler", "en": "Cancel"},
    "conversation": {"fr": "Conversation", "en": "Conversation"},
    "you_asked": {"fr": "Vous :", "en": "You:"},
    "answer_of": {"fr": "Réponse :", "en": "Answer:"},
    # While it works
    "waiting": {
        "fr": "Votre question part dès que tout est prêt…",
        "en": "Your question will go as soon as everything is ready…",
    },
    "searching": {"fr": "Recherche dans les documents…", "en": "Searching the documents…"},
    "reading_one": {"fr": "Lecture d’un passage…", "en": "Reading one passage…"},
    "reading_other": {"fr": "Lecture de {count} passages…", "en": "Reading {count} passages…"},
    "writing": {"fr": "Rédaction…", "en": "Writing…"},
    "stopping": {"fr": "Arrêt…", "en": "Stopping…"},
    "stopped": {"fr": "Réponse interrompue.", "en": "Answer stopped."},
    "refused": {"fr": "Pas dans les documents", "en": "Not in the documents"},
    # Under an answer
    "passages_one": {"fr": "un passage lu", "en": "one passage read"},
    "passages_other": {"fr": "{count} passages lus", "en": "{count} passages read"},
    "seconds": {"fr": "{seconds} s", "en": "{seconds} s"},
    "copy": {"fr": "Copier", "en": "Copy"},
    "copied": {"fr": "Copié avec les sources", "en": "Copied with its sources"},
    "retry": {"fr": "Réessayer", "en": "Retry"},
    "edit": {"fr": "Modifier", "en": "Edit"},
    "sources": {"fr": "Sources :", "en": "Sources:"},
    "quoted": {"fr": "« {text} »", "en": "“{text}”"},
    "cited": {"fr": "Source {number} : {title}", "en": "Source {number}: {title}"},
    "unsupported": {
        "fr": "Phrase sans appui : aucune phrase des documents ne la confirme assez nettement.",
        "en": "Unsupported sentence: no sentence of the documents confirms it clearly enough.",
    },
    # The source
    "source": {"fr": "Source", "en": "Source"},
    "close": {"fr": "Fermer", "en": "Close"},
    "previous": {"fr": "Source précédente", "en": "Previous source"},
    "next": {"fr": "Source suivante", "en": "Next source"},
    "place": {"fr": "{number} sur {count}", "en": "{number} of {count}"},
    "in_fr": {"fr": "Texte en français", "en": "Text in French"},
    "in_en": {"fr": "Texte en anglais", "en": "Text in English"},
    "opening": {"fr": "Ouverture…", "en": "Opening…"},
    "source_gone": {
        "fr": "Ce document n’est plus dans la bibliothèque. La phrase citée était :",
        "en": "This document is no longer in the library. The sentence cited was:",
    },
    "source_changed": {
        "fr": "Ce document a changé depuis la réponse. La phrase citée était :",
        "en": "This document has changed since the answer. The sentence cited was:",
    },
    "documents_one": {"fr": "Cocorico répond à partir de ce document.", "en": "Cocorico answers from this document."},
    "documents_other": {
        "fr": "Cocorico répond à partir de ces {count} documents.",
        "en": "Cocorico answers from these {count} documents.",
    },
    "documents_later": {
        "fr": "Les documents paraîtront ici dès qu’ils seront lus.",
        "en": "The documents will appear here once they are read.",
    },
    "documents_none": {
        "fr": "La bibliothèque est vide : ajoutez des fichiers .txt ou .md au dossier, puis relancez Cocorico.",
        "en": "The library is empty: add .txt or .md files to the folder, then start Cocorico again.",
    },
    "how": {
        "fr": "Un numéro dans une réponse ouvre ici le texte d’origine, à la phrase citée.",
        "en": "A number in an answer opens the original text here, at the sentence cited.",
    },
    # Getting ready, and what can go wrong
    "starting": {"fr": "Démarrage…", "en": "Starting…"},
    "fetching": {
        "fr": "Téléchargement du modèle (la première fois seulement) :",
        "en": "Fetching the model (first time only):",
    },
    "bytes": {"fr": "{done} Mo sur {total}", "en": "{done} of {total} MB"},
    "indexing": {"fr": "Lecture des documents :", "en": "Reading the documents:"},
    "steps": {"fr": "{done} sur {total}", "en": "{done} of {total}"},
    "loading": {"fr": "Chargement des modèles…", "en": "Loading the models…"},
    "offline": {
        "fr": "Cocorico ne répond plus. S’il a été arrêté, relancez-le : la page se reconnectera seule.",
        "en": "Cocorico no longer answers. If it was stopped, start it again: the page will reconnect by itself.",
    },
    "interrupted": {
        "fr": "La réponse s’est interrompue : la connexion avec Cocorico a été perdue.",
        "en": "The answer broke off: the connection with Cocorico was lost.",
    },
    "cleared": {"fr": "Conversation effacée.", "en": "Conversation cleared."},
    "undo": {"fr": "Rétablir", "en": "Undo"},
}

# Questions on the article that ships in seeds/, each in its own language whatever that of the page.
EXAMPLES: tuple[tuple[str, str], ...] = (
    ("fr", "Combien Microsoft a-t-il investi dans Mistral AI ?"),
    ("fr", "Que pense Thierry Breton du lobbying de Mistral ?"),
    ("en", "How much has Microsoft invested in OpenAI?"),
    ("en", "When did the procedure about Microsoft’s investment in OpenAI begin?"),
)


def all_texts() -> dict[str, dict[str, str]]:
    """`TEXTS` as the page shows them, key by key."""
    return {
        key: {language: typeset(text, language) for language, text in forms.items()} for key, forms in TEXTS.items()
    }
