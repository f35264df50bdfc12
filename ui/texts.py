"""Every word that the page shows of its own, in French and English; plainly here, spaced as each asks."""

from rag.messages import MESSAGES, typeset

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
    "fresh": {"fr": "Nouvelle conversation", "en": "New conversation"},
    "fresh_short": {"fr": "Nouvelle", "en": "New"},
    "conversations": {"fr": "Conversations", "en": "Conversations"},
    "documents": {"fr": "Documents", "en": "Documents"},
    "language": {"fr": "Langue de la page", "en": "Language of the page"},
    "to_dark": {"fr": "Passer au thème sombre", "en": "Switch to the dark theme"},
    "to_light": {"fr": "Passer au thème clair", "en": "Switch to the light theme"},
    # Asking
    "question": {"fr": "Votre question", "en": "Your question"},
    "placeholder": {"fr": "Posez votre question", "en": "Ask your question"},
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
    "doubtful": MESSAGES["doubtful"],
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
    "cited": {"fr": "Source {number} : {title}. {support}", "en": "Source {number}: {title}. {support}"},
    "unsupported": {"fr": "Phrase sans appui.", "en": "Unsupported sentence."},
    "lacks_words": {
        "fr": "Aucune phrase lue ne dit la même chose d’assez près.",
        "en": "No sentence that was read says the same closely enough.",
    },
    "lacks_number": {
        "fr": "Un de ses chiffres ne se trouve dans aucun passage lu.",
        "en": "One of its figures is in none of the passages read.",
    },
    "lacks_date": {
        "fr": "Une de ses dates ne se trouve dans aucun passage lu.",
        "en": "One of its dates is in none of the passages read.",
    },
    "lacks_name": {
        "fr": "Un de ses noms ne se trouve dans aucun passage lu.",
        "en": "One of its names is in none of the passages read.",
    },
    "strong": {"fr": "Appui solide", "en": "Strong support"},
    "fair": {"fr": "Appui moyen", "en": "Fair support"},
    "unsure": {"fr": "Appui à vérifier", "en": "Support to be checked"},
    "none": {"fr": "Sans appui", "en": "No support"},
    "good": {"fr": "Utile", "en": "Helpful"},
    "bad": {"fr": "À revoir", "en": "Not right"},
    "reason": {"fr": "Pourquoi ? (reste sur cette machine)", "en": "Why? (stays on this machine)"},
    "rated": {"fr": "Avis gardé.", "en": "Rating kept."},
    "suggestions": {"fr": "À demander aussi", "en": "Also worth asking"},
    "unkept": {
        "fr": "Cette réponse n’a pas pu être gardée. Le disque est peut-être plein : libérez de la place.",
        "en": "This answer could not be kept. The disk may be full: make room.",
    },
    # The conversations
    "search": {"fr": "Chercher dans les conversations", "en": "Search the conversations"},
    "none_kept": {"fr": "Aucune conversation pour l’instant.", "en": "No conversations yet."},
    "none_found": {"fr": "Aucune conversation ne contient ces mots.", "en": "No conversation has these words."},
    "turns_one": {"fr": "{count} question", "en": "{count} question"},
    "turns_other": {"fr": "{count} questions", "en": "{count} questions"},
    "rename": {"fr": "Renommer", "en": "Rename"},
    "title": {"fr": "Titre de la conversation", "en": "Title of the conversation"},
    "save": {"fr": "Enregistrer", "en": "Save"},
    "delete": {"fr": "Supprimer", "en": "Delete"},
    "delete_named": {"fr": "Supprimer « {title} »", "en": "Delete “{title}”"},
    "deleted": {"fr": "Conversation supprimée.", "en": "Conversation deleted."},
    "export": {"fr": "Exporter en {kind}", "en": "Export as {kind}"},
    "exports": {"fr": "Exporter :", "en": "Export:"},
    "as_markdown": {"fr": "Markdown", "en": "Markdown"},
    "as_html": {"fr": "HTML", "en": "HTML"},
    "as_json": {"fr": "JSON", "en": "JSON"},
    # The source
    "source": {"fr": "Source", "en": "Source"},
    "close": {"fr": "Fermer", "en": "Close"},
    "previous": {"fr": "Source précédente", "en": "Previous source"},
    "next": {"fr": "Source suivante", "en": "Next source"},
    "place": {"fr": "{number} sur {count}", "en": "{number} of {count}"},
    "pages_one": {"fr": "une page", "en": "one page"},
    "pages_other": {"fr": "{count} pages", "en": "{count} pages"},
    "page_of": {"fr": "Page {number} sur {count}", "en": "Page {number} of {count}"},
    "page_picture": {
        "fr": "La page {number} du document, les mots cités marqués",
        "en": "Page {number} of the document, the cited words marked",
    },
    "in_fr": {"fr": "texte en français", "en": "text in French"},
    "in_en": {"fr": "texte en anglais", "en": "text in English"},
    "opening": {"fr": "Ouverture…", "en": "Opening…"},
    "source_gone": {
        "fr": "Ce document n’est plus dans la bibliothèque. La phrase citée était :",
        "en": "This document is no longer in the library. The sentence cited was:",
    },
    "source_changed": {
        "fr": "Ce document a changé depuis la réponse. La phrase citée était :",
        "en": "This document has changed since the answer. The sentence cited was:",
    },
    "source_newer": {
        "fr": "Ce document a changé depuis la réponse ; la phrase citée s’y trouve toujours.",
        "en": "This document has changed since the answer; the sentence cited still stands in it.",
    },
    # The documents
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
        "fr": "La bibliothèque est vide : ajoutez un fichier pour commencer.",
        "en": "The library is empty: add a file to begin.",
    },
    "how": {
        "fr": "Un numéro dans une réponse ouvre ici le texte d’origine, à la phrase citée.",
        "en": "A number in an answer opens the original text here, at the sentence cited.",
    },
    "add": {"fr": "Ajouter des fichiers", "en": "Add files"},
    "drop": {"fr": "ou déposez-les sur la page", "en": "or drop them on the page"},
    "map": {"fr": "Carte des passages", "en": "Map of the passages"},
    "map_how": {
        "fr": "Chaque point est un passage ; ceux qui se ressemblent sont voisins. Un point ouvre son passage.",
        "en": "Each point is a passage; like ones are near each other. A point opens its passage.",
    },
    "map_part": {"fr": "{shown} passages sur {count} sont montrés.", "en": "{shown} of {count} passages are shown."},
    "map_question": {"fr": "La question", "en": "The question"},
    "map_read": {"fr": "Passages lus pour répondre", "en": "Passages read for the answer"},
    "map_few": {
        "fr": "Il faut au moins deux passages pour dessiner une carte.",
        "en": "It takes two passages at least to draw a map.",
    },
    "why": {"fr": "Pourquoi ces passages", "en": "Why these passages"},
    "why_vector": {"fr": "Sens", "en": "Meaning"},
    "why_words": {"fr": "Mots", "en": "Words"},
    "why_late": {"fr": "Mot à mot", "en": "Word by word"},
    "why_score": {"fr": "Chance de répondre", "en": "Chance to answer"},
    "sending": {"fr": "Copie", "en": "Copying"},
    "reading_files": {"fr": "Lecture", "en": "Reading"},
    "read": {"fr": "Les documents sont lus.", "en": "The documents are read."},
    "seconds_left_one": {"fr": "encore {count} seconde", "en": "{count} second left"},
    "seconds_left_other": {"fr": "encore {count} secondes", "en": "{count} seconds left"},
    "minutes_left_one": {"fr": "encore {count} minute", "en": "{count} minute left"},
    "minutes_left_other": {"fr": "encore {count} minutes", "en": "{count} minutes left"},
    "passages_of_one": {"fr": "{count} passage", "en": "{count} passage"},
    "passages_of_other": {"fr": "{count} passages", "en": "{count} passages"},
    "use": {"fr": "Utiliser « {title} » dans cette conversation", "en": "Use “{title}” in this conversation"},
    "use_all": {"fr": "Tous les utiliser", "en": "Use all of them"},
    "scope_one": {
        "fr": "{count} document sur {total} pour cette conversation",
        "en": "{count} of {total} documents for this conversation",
    },
    "scope_other": {
        "fr": "{count} documents sur {total} pour cette conversation",
        "en": "{count} of {total} documents for this conversation",
    },
    "replace": {"fr": "Remplacer", "en": "Replace"},
    "replace_named": {"fr": "Remplacer « {title} »", "en": "Replace “{title}”"},
    "replaced": {"fr": "{name} remplacé.", "en": "{name} replaced."},
    "remove": {"fr": "Retirer", "en": "Remove"},
    "remove_named": {"fr": "Retirer « {title} »", "en": "Remove “{title}”"},
    "removed": {"fr": "{name} retiré de la bibliothèque.", "en": "{name} removed from the library."},
    "removed_many_one": {"fr": "{name} retiré avec son document.", "en": "{name} removed with its document."},
    "removed_many_other": {"fr": "{name} retiré avec ses {count} documents.", "en": "{name} removed with its {count} documents."},
    "not_taken": {"fr": "Ce fichier a été refusé.", "en": "This file was refused."},
    "not_sent": {"fr": "L’envoi a été interrompu.", "en": "Sending was interrupted."},
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
