"""Documents that a message speaks of by their number: "the three leases"."""

from dataclasses import replace

from index.text.words import WORD, fold, phrases, terms, word_list
from rag.draft import Draft
from rag.intent import Request
from rag.many.items import in_scope, likely
from rag.many.wording import asks_for_most
from rag.named import how_many, kinds_of, of_kind
from rag.writer import Writer


def all_meant(writer: Writer, draft: Draft, request: Request) -> Request:
    """A request that speaks of "the two reports" with as many documents: those that it names, then
    those that say most of what is asked."""
    number, _ = how_many(draft.asked, draft.language)
    if number <= len(request.documents):
        return request
    likeliest = likely(writer, draft, request.scope)
    called = _counted(writer, draft, request)
    known = [name for name in request.documents if name in called or not called]
    said = [name for name in likeliest if name in called]
    infos = in_scope(writer.store, replace(request, documents=()))
    alike = kinds_of([info for info in infos if info.name in known])
    like = {info.name for info in infos if kinds_of([info]) & alike}
    others = sorted([*said, *called, *likeliest], key=lambda name: name not in like)
    found = dict.fromkeys([*known, *others])
    return replace(request, documents=tuple(found)[:number])


def speaks_of_documents(writer: Writer, draft: Draft, request: Request) -> bool:
    """Whether the known things of a message are documents: "both reports", "the two leases"."""
    number, word = how_many(draft.asked, draft.language)
    if not word:
        return False
    titled = _counted(writer, draft, request)
    if not titled:
        return phrases("a_document", draft.language).match(word) is not None
    # "The three offers" of one comparison of offers are no documents; "the two kettles" of which
    # one has a manual "Kettle K2" are, where the other may have a title in the other language
    known = in_scope(writer.store, replace(request, documents=()))
    foreign = any(info.language == draft.other for info in known)
    many = word[-1] in "sx" and any(word in WORD.findall(fold(info.title)) for info in known)
    return len(titled) >= number or (foreign and not many)


def _counted(writer: Writer, draft: Draft, request: Request) -> list[str]:
    """The documents that the word of a message for so many things is for, in either language."""
    number, word = how_many(draft.asked, draft.language)
    called = _called(writer, request, word, draft.language)
    infos = in_scope(writer.store, replace(request, documents=()))
    foreign = [info.name for info in infos if info.language == draft.other]
    if len(called) < number and set(foreign) - set(called):
        _, word = how_many(writer.across(draft, draft.asked), draft.other)
        others = _called(writer, request, word, draft.other) if word else []
        called += [name for name in others if name in foreign and name not in called]
    return called


def chooses_thing(writer: Writer, request: Request, asked: str, language: str) -> bool:
    """Whether a question is for the most or the least of things that documents only speak of:
    "which carrier is the cheapest for both trips", not "which lease is cheaper"."""
    words = WORD.findall(fold(asked).replace("'", " "))
    if words[:1] and words[0] in ("et", "and"):
        words = words[1:]
    bare = phrases("which_is", language).search(fold(asked)) is not None  # "which is cheaper"
    if bare or not asks_for_most(asked) or words[0] not in word_list("which", language):
        return False
    thing = next((word for word in words[1:] if terms(word, language)), "")
    ranks = not thing or phrases("ranking", language).search(thing) is not None
    return not ranks and len(_called(writer, request, thing, language)) < 2


def _called(writer: Writer, request: Request, word: str, language: str) -> list[str]:
    """The documents that a word is for: of that kind, or so titled."""
    own = set(terms(word, language))
    infos = in_scope(writer.store, replace(request, documents=()))
    kind = of_kind(word, infos)
    return [
        info.name for info in infos if info.name in kind or own & set(terms(info.title, language))
    ]
