"""raglite's own retrieval and prompt, over DuckDB.

Two of its parts come from sites other than a package registry: the model that finds the ends of sentences, and the database's
extensions. The extensions are taken from their packages; where the model can't be reached, full stops end sentences. Its way
to a vector model is an address or llama-cpp-python: here the same vectors are made in this process.
"""

import os
import re
import sys
from typing import Any

import numpy as np
from ask import Ask, Document, run


def make(documents: list[Document], server: str, embedder: str) -> Ask:
    """Index into a database in memory."""
    os.environ.update(OPENAI_API_BASE=server, OPENAI_API_KEY="none", LITELLM_LOCAL_MODEL_COST_MAP="True")
    import duckdb
    import litellm
    import raglite
    import raglite._embed
    import raglite._split_sentences
    from duckdb_extensions import import_extension
    from sentence_transformers import SentenceTransformer

    for name in ("fts", "vss"):
        import_extension(name, con=duckdb.connect())
    model = SentenceTransformer(embedder)

    def embedding(_: str, texts: list[str]) -> dict[str, Any]:
        return {"data": [{"embedding": vector.tolist()} for vector in model.encode(texts, prompt="query: ")]}

    raglite._embed.embedding = embedding
    known = {"litellm_provider": "openai", "input_cost_per_token": 0, "output_cost_per_token": 0}
    vectors = {"mode": "embedding", "output_vector_size": 384, "max_input_tokens": 512}
    litellm.register_model(
        {"openai/e5": {**known, **vectors}, "openai/default": {**known, "mode": "chat", "max_tokens": 8192, "max_input_tokens": 8192}}
    )
    try:
        raglite._split_sentences._load_sat()
    except Exception as error:
        print(f"sentences end at full stops, since their model can't be had: {error}", file=sys.stderr)
        raglite._split_sentences._load_sat = lambda: (_FullStops(), {})
    config = raglite.RAGLiteConfig(
        db_url="duckdb:///:memory:", llm="openai/default", embedder="openai/e5", reranker=None, vector_search_query_adapter=False
    )
    pages = [
        raglite.Document.from_text(one["text"], filename=one["name"], **{"name": one["name"], "title": one["title"]})
        for one in documents
    ]
    raglite.insert_documents(pages, config=config)

    def ask(question: str, names: list[str] | None) -> tuple[str, list[str]]:
        wanted = {"name": names} if names else None
        found = raglite.retrieve_context(question, num_chunks=5, metadata_filter=wanted, config=config)
        messages = [raglite.add_context(user_prompt=question, context=found, config=config)]
        return "".join(raglite.rag(messages, config=config)), [str(span) for span in found]

    return ask


class _FullStops:
    """Stands in for wtpsplit's model: certain where a sentence seems to end."""

    def predict_proba(self, text: str, **_: Any) -> Any:
        """(len(text),) 1 at the last character of a sentence."""
        ends = np.zeros(len(text))
        for match in re.finditer(r"[.!?](?=\s)|\n(?=\n)", text):
            ends[match.end() - 1] = 1
        return ends


if __name__ == "__main__":
    run(make)
