"""LangChain's retrieval chain with all that is its own: splitter, number of passages and words to the model.

`RetrievalQA` is in langchain-classic since LangChain 1; of the chains in its documentation it is the one whose prompt is part
of the library, so that nothing here is our wording.
"""

from ask import Ask, Document, run
from langchain_classic.chains import RetrievalQA
from langchain_core.documents import Document as Page
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_huggingface import HuggingFaceEmbeddings
from langchain_openai import ChatOpenAI
from langchain_text_splitters import RecursiveCharacterTextSplitter


def make(documents: list[Document], server: str, embedder: str) -> Ask:
    """Index in memory, with the passage size that LangChain's guides use."""
    embeddings = HuggingFaceEmbeddings(
        model_name=embedder, encode_kwargs={"prompt": "passage: "}, query_encode_kwargs={"prompt": "query: "}
    )
    store = InMemoryVectorStore(embeddings)
    splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200)
    pages = [Page(page_content=one["text"], metadata={"name": one["name"], "title": one["title"]}) for one in documents]
    store.add_documents(splitter.split_documents(pages))
    model = ChatOpenAI(base_url=server, api_key="none", model="default", temperature=0, max_tokens=256, timeout=600)

    def ask(question: str, names: list[str] | None) -> tuple[str, list[str]]:
        keep = {} if names is None else {"filter": lambda page: page.metadata["name"] in names}
        chain = RetrievalQA.from_chain_type(model, retriever=store.as_retriever(search_kwargs=keep), return_source_documents=True)
        done = chain.invoke({"query": question})
        return done["result"], [page.page_content for page in done["source_documents"]]

    return ask


if __name__ == "__main__":
    run(make)
