"""What is sent to `/v1`."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from ui.questions import MOST_CHARACTERS

NAME = "cocorico"  # of the one model that there is


class Message(BaseModel):
    """One message; only the text of users and assistants counts: answers come from documents."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[dict[str, Any]] | None = None

    def text(self) -> str:
        """The text of its parts."""
        if isinstance(self.content, list):
            return "\n".join(str(part.get("text") or "") for part in self.content)
        return self.content or ""


class StreamOptions(BaseModel):
    """Whether a stream ends with the numbers of tokens."""

    include_usage: bool = False


class Chosen(BaseModel):
    """The language, and what may be used: documents by name, or by a scope (see `rag.scope`)."""

    language: Literal["fr", "en"] | None = None
    documents: list[str] | None = Field(None, min_length=1)
    scope: str | None = Field(None, max_length=1000)


class ChatRequest(Chosen):
    """As OpenAI's, where what steers the sampling has no effect."""

    messages: list[Message] = Field(min_length=1)
    model: str = NAME
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    n: int | None = Field(1, ge=1, le=1)


class SearchRequest(Chosen):
    """A question, and how many passages at most."""

    query: str = Field(min_length=1, max_length=MOST_CHARACTERS)
    k: int = Field(10, ge=1, le=100)


class CheckRequest(Chosen):
    """A text to check."""

    text: str
