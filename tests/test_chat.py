"""The page's questions on the server: what is shown at each step, and that only Stop stops an answer."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from browser.stand_in import StandInService

from rag.engine import State
from ui import questions as module
from ui.chat import AskRequest, ChatSessions, View
from ui.history import History
from ui.metrics import Metrics
from ui.questions import Questions


@pytest.fixture
def service() -> StandInService:
    return StandInService()


@pytest.fixture
def sessions(service: StandInService) -> Iterator[ChatSessions]:
    history = History(service.settings.conversations)
    opened = ChatSessions(service, history, Questions(service, Metrics(service)))
    yield opened
    opened.close()
    history.close()


def asked(question: str, turn: str = "t1", **values: object) -> AskRequest:
    return AskRequest(turn=turn, question=question, **values)


def back(seen: View) -> AskRequest:
    """What a page asks that comes back to a turn."""
    return AskRequest(turn=seen["turn"], conversation=seen["conversation"])


async def last(views: AsyncIterator[View]) -> View:
    """The view of a turn that is done."""
    return [view async for view in views][-1]


async def begun(sessions: ChatSessions, request: AskRequest, owner: str = "anne") -> View:
    """Ask as a page does that goes away after the first sentence."""
    async for view in sessions.ask(owner, request):
        if view["sentences"]:
            return view
    raise AssertionError("nothing was written")


def test_the_views_lead_from_the_search_to_the_cited_answer(sessions: ChatSessions) -> None:
    async def ask() -> list[View]:
        return [view async for view in sessions.ask("anne", asked("investi combien ?"))]

    views = asyncio.run(ask())
    stages = list(dict.fromkeys(view["stage"] for view in views))
    assert stages[-2:] == ["writing", "done"]
    assert views[-1]["sentences"][0]["citations"][0]["document"] == "mistral.md"
    assert (views[-1]["stopped"], views[-1]["turn"]) == (False, "t1")
    assert all(set(view) >= {"turn", "stage", "text", "sentences", "passages"} for view in views)


def test_an_answer_goes_on_while_its_page_is_away(sessions: ChatSessions) -> None:
    async def leave_and_come_back() -> tuple[View, View, View]:
        seen = await begun(sessions, asked("investi combien ?"))
        there = sessions.conversation("anne", seen["conversation"])
        whole = await last(sessions.ask("anne", back(seen)))
        return seen, there["turns"][0]["view"], whole

    seen, there, whole = asyncio.run(leave_and_come_back())
    assert there["stage"] == "writing"
    assert there["text"].startswith(seen["text"])
    assert (whole["stage"], whole["stopped"]) == ("done", False)
    assert whole["text"].endswith("le pari était bon.")


def test_a_turn_that_is_done_is_followed_to_its_kept_view(sessions: ChatSessions) -> None:
    async def ask_and_follow() -> tuple[View, list[View]]:
        done = await last(sessions.ask("anne", asked("investi combien ?")))
        return done, [view async for view in sessions.ask("anne", back(done))]

    done, kept = asyncio.run(ask_and_follow())
    assert [(view["text"], view["stage"]) for view in kept] == [(done["text"], "done")]


def test_a_question_asked_again_by_a_page_that_lost_it_is_not_answered_twice(
    sessions: ChatSessions, service: StandInService
) -> None:
    async def twice() -> View:
        await begun(sessions, asked("investi combien ?"))
        return await last(sessions.ask("anne", asked("investi combien ?")))

    assert asyncio.run(twice())["stopped"] is False
    assert len(service.answering.asked) == 1


def test_stop_ends_an_answer_that_nobody_follows(sessions: ChatSessions) -> None:
    async def stop() -> View:
        seen = await begun(sessions, asked("lent"))
        sessions.stop("bob", "t1")
        sessions.stop("anne", "t1")
        return await last(sessions.ask("anne", back(seen)))

    view = asyncio.run(stop())
    assert view["stopped"]
    assert view["text"]
    assert "numéro 59" not in view["text"]


def test_nobody_stops_or_follows_what_is_anothers(sessions: ChatSessions) -> None:
    async def meddle() -> tuple[View, list[View]]:
        seen = await begun(sessions, asked("investi combien ?"))
        sessions.stop("bob", "t1")
        foreign = [v async for v in sessions.ask("bob", back(seen))]
        return await last(sessions.ask("anne", back(seen))), foreign

    whole, foreign = asyncio.run(meddle())
    assert not whole["stopped"]
    assert foreign == []


def test_stop_counts_for_a_question_that_has_yet_to_arrive(
    sessions: ChatSessions, service: StandInService
) -> None:
    sessions.stop("anne", "t1")
    view = asyncio.run(last(sessions.ask("anne", asked("investi combien ?"))))
    assert (view["stage"], view["stopped"]) == ("done", True)
    assert service.answering.asked == []


def test_stop_counts_while_a_question_waits_for_the_models(
    sessions: ChatSessions, service: StandInService
) -> None:
    service.state = State("loading")

    async def stop() -> list[View]:
        views = []
        async for view in sessions.ask("anne", asked("investi combien ?")):
            views.append(view)
            sessions.stop("anne", "t1")
        return views

    views = asyncio.run(stop())
    assert (views[0]["stage"], views[-1]["stage"], views[-1]["stopped"]) == (
        "waiting",
        "done",
        True,
    )
    service.state = State("ready")
    assert service.answering.asked == []


def test_two_pages_that_ask_in_one_conversation_at_once_are_both_kept(
    sessions: ChatSessions, service: StandInService
) -> None:
    async def ask() -> tuple[View, View]:
        first = await last(sessions.ask("anne", asked("investi combien ?")))
        name = first["conversation"]
        await asyncio.gather(
            last(sessions.ask("anne", asked("refus un", "t2", conversation=name))),
            last(sessions.ask("anne", asked("refus deux", "t3", conversation=name))),
        )
        await last(sessions.ask("anne", asked("investi ?", "t4", conversation=name)))
        return sessions.conversation("anne", name)

    turns = asyncio.run(ask())["turns"]
    assert {turn["id"] for turn in turns[1:3]} == {"t2", "t3"}
    assert [turns[0]["id"], turns[3]["id"]] == ["t1", "t4"]
    assert all(turn["view"]["stage"] == "done" and turn["view"]["text"] for turn in turns)
    assert len(service.answering.asked[-1][1]) == 3


def test_a_deletion_from_another_page_is_told(sessions: ChatSessions) -> None:
    async def ask() -> View:
        seen = await begun(sessions, asked("investi combien ?"))
        sessions._history.delete("anne", seen["conversation"])
        return await last(sessions.ask("anne", asked("investi combien ?")))

    assert asyncio.run(ask())["deleted"]


def test_more_than_may_wait_are_told_to_try_again(
    service: StandInService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 1)
    history = History(service.settings.conversations)
    sessions = ChatSessions(service, history, Questions(service, Metrics(service)))

    async def ask() -> View:
        await begun(sessions, asked("lent"))
        return await last(sessions.ask("bob", asked("investi combien ?")))

    view = asyncio.run(ask())
    sessions.close()
    assert "Too many questions" in view["error"]["en"]


def test_closing_keeps_what_was_written(service: StandInService) -> None:
    history = History(service.settings.conversations)
    sessions = ChatSessions(service, history, Questions(service, Metrics(service)))
    seen = asyncio.run(begun(sessions, asked("lent")))
    sessions.close()
    (turn,) = history.read("anne", seen["conversation"])["turns"]
    assert turn["view"]["stopped"]
    assert turn["view"]["text"].startswith(seen["text"])


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (asked("x" * 4001), "4000"),
        (asked("investi", documents=[]), "No document is chosen"),
        (asked("  "), "no question"),
    ],
)
def test_what_cannot_be_asked_is_told_and_not_kept(
    sessions: ChatSessions, request_: AskRequest, code: str
) -> None:
    view = asyncio.run(last(sessions.ask("anne", request_)))
    assert code in view["error"]["en"]
    assert "conversation" not in view


def test_the_earlier_turns_are_read_but_no_refusal(
    sessions: ChatSessions, service: StandInService, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[tuple[str, str]]] = []
    real = service.answering.ask

    def ask(question: str, history: list, **options: object) -> Iterator[object]:
        seen.append([(turn.question, turn.answer[:9]) for turn in history])
        return real(question, history, **options)

    monkeypatch.setattr(service.answering, "ask", ask)

    async def talk() -> None:
        name = (await last(sessions.ask("anne", asked("investi un"))))["conversation"]
        await last(sessions.ask("anne", asked("refus deux", "t2", conversation=name)))
        await last(sessions.ask("anne", asked("investi trois", "t3", conversation=name)))

    asyncio.run(talk())
    assert seen[-1] == [("investi un", "Microsoft"), ("refus deux", "")]


def test_a_failure_is_told_in_both_languages(sessions: ChatSessions) -> None:
    view = asyncio.run(last(sessions.ask("anne", asked("erreur"))))
    assert {language: "absent" in text for language, text in view["error"].items()} == {
        "fr": True,
        "en": True,
    }
