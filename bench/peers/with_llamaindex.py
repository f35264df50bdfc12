"""LlamaIndex's documented query engine: an index of the documents, asked with all defaults.

After https://developers.llamaindex.ai/python/framework/getting_started/starter_example_local/: its splitter, number of passages
and words to the model are the library's own.
"""

from ask import Ask, Document, run
from llama_index.core import Document as Page
from llama_index.core import Settings, VectorStoreIndex
from llama_index.core.vector_stores import FilterOperator, MetadataFilter, MetadataFilters
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.llms.openai_like import OpenAILike


def make(documents: list[Document], server: str, embedder: str) -> Ask:
    """Index in memory."""
    Settings.embed_model = HuggingFaceEmbedding(model_name=embedder, query_instruction="query: ", text_instruction="passage: ")
    Settings.llm = OpenAILike(
        model="default", api_base=server, api_key="none", is_chat_model=True, temperature=0, max_tokens=256, timeout=600,
        context_window=8192,
    )  # fmt: skip
    pages = [Page(text=one["text"], metadata={"name": one["name"], "title": one["title"]}) for one in documents]
    for page in pages:
        page.excluded_llm_metadata_keys = page.excluded_embed_metadata_keys = ["name"]
    index = VectorStoreIndex.from_documents(pages)

    def ask(question: str, names: list[str] | None) -> tuple[str, list[str]]:
        wanted = names and MetadataFilters(filters=[MetadataFilter(key="name", operator=FilterOperator.IN, value=names)])
        response = index.as_query_engine(filters=wanted).query(question)
        return str(response), [node.get_content() for node in response.source_nodes]

    return ask


if __name__ == "__main__":
    run(make)
