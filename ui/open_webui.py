"""What Open WebUI adds to a conversation: background requests, and questions wrapped in a prompt.

Its templates begin with "### Task:" (`open_webui/config.py`, DEFAULT_..._PROMPT_TEMPLATE).
"""

import json

_LONGEST_TITLE = 60


def background_answer(text: str) -> str | None:
    """The answer to a request for a title, tags, follow-ups or search queries: the JSON object that
    it asks for, with the first question as title and nothing else. None for any other text.

    The documents answer none of these, and Open WebUI shows its answer as unfinished meanwhile.
    """
    task, found, history = text.partition("<chat_history>")
    _, is_json, form = task.partition("{")
    if not (text.startswith("### Task:") and found and is_json and '"' in form):
        return None
    name = form.split('"')[1]
    if name == "title":
        asked = (line for line in history.splitlines() if line.startswith("USER:"))
        title = " ".join(next(asked, "").removeprefix("USER:").split())
        return json.dumps({"title": title[:_LONGEST_TITLE]}, ensure_ascii=False)
    return json.dumps({name: [] if "[" in form.partition("}")[0] else ""})


def without_context(text: str) -> str:
    """The question of a person without the prompt and the excerpts that were put before it."""
    before, found, question = text.rpartition("</context>")
    if not (found and before.startswith("### Task:") and question.strip()):
        return text
    return question.replace("<user_query>", "").replace("</user_query>", "").strip()
