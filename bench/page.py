"""How the page feels: first paint, typing and scrolling, in a conversation of 200 messages with a
document of 300 pages open.

    python -m bench.page

Chromium without a window and without a GPU, over loopback; the answers come from the stand-in of
the browser tests, so that no model takes the processor. A long task keeps the page from reacting
for more than 50 ms.
"""

import argparse
import secrets
import statistics
import sys
import time
from typing import Any

from bench.report import heading, keep
from rag.settings import ROOT
from ui.accounts import OWNER
from ui.chat import Desk
from ui.history import History
from ui.metrics import Metrics

HERE = ROOT / "tests"
_TURNS = 100  # each a question and an answer
_LOADS = 7
_TYPED = "Combien Microsoft a-t-il investi dans Mistral AI, et qu'en pense le chercheur ? " * 3
_WATCH = """
  window.seen = { long: [], keys: [], frames: [] };
  new PerformanceObserver(list => seen.long.push(...list.getEntries().map(task =>
  task.duration))).observe({ type: "longtask" }); new PerformanceObserver(list =>
  seen.keys.push(...list.getEntries().filter(event => event.name === "keydown")
    .map(event => event.duration))).observe({ type: "event", durationThreshold: 16 });
  let before = performance.now();
  const frame = now => { seen.frames.push(now - before); before = now;
  requestAnimationFrame(frame); }; requestAnimationFrame(frame);
"""
_PAINTED = """() => new Promise(resolve => new PerformanceObserver(
  list => resolve(list.getEntries()
    .find(entry => entry.name === "first-contentful-paint").startTime)
).observe({ type: "paint", buffered: true }))"""


def main() -> int:
    """Measure, print, keep."""
    argparse.ArgumentParser(
        prog="python -m bench.page", description=(__doc__ or "").splitlines()[0]
    ).parse_args()
    sys.path[:0] = [str(HERE / "browser"), str(HERE)]  # as pytest does for the tests
    from page_server import served
    from playwright.sync_api import sync_playwright
    from serving import CHROMIUM, launch
    from stand_in import StandInService

    if CHROMIUM is None:
        print(
            "This needs chromium, chromium-browser or google-chrome on the path; "
            "nothing was measured."
        )
        return 0
    print(heading(), flush=True)
    service = StandInService()
    results: dict[str, Any] = {}
    with served(service) as address, sync_playwright() as playwright:
        conversation = _conversation(service)
        browser = launch(playwright)
        painted, usable = [], []
        for _ in range(_LOADS):
            page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
            began = time.perf_counter()
            page.goto(address, wait_until="commit")
            page.wait_for_selector("#question")
            usable.append(time.perf_counter() - began)
            painted.append(page.evaluate(_PAINTED) / 1000)
            page.context.close()
        results["first paint, s"], results["question can be typed, s"] = painted, usable
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        page.add_init_script(_WATCH)
        page.goto(f"{address}#c={conversation}")
        page.wait_for_function(f"document.querySelectorAll('.turn').length === {_TURNS}")
        page.locator(".turn").last.locator(".cite:not(.none)").first.click()
        page.wait_for_selector("mark.chosen")
        results["characters of the document"] = len(service.document("long.txt").text)
        page.wait_for_timeout(1000)
        results |= _seen(page, "opening both")
        page.click("#question")
        page.keyboard.type(_TYPED, delay=20)
        results |= _seen(page, "typing")
        for place in (".turns", "mark.chosen"):
            page.locator(place).last.hover()
            for _ in range(60):
                page.mouse.wheel(0, -400)
                page.wait_for_timeout(16)
            results |= _seen(
                page,
                "scrolling the conversation" if place == ".turns" else "scrolling the document",
            )
        browser.close()
    for name, value in results.items():
        if isinstance(value, list):
            print(
                f"{name:58} {statistics.median(value):8.3f}  "
                f"({min(value):.3f}-{max(value):.3f}, {len(value)} times)"
            )
        else:
            print(f"{name:58} {value:8.0f}")
    print("kept in", keep("page", results).relative_to(ROOT))
    return 0


def _conversation(service: Any) -> str:
    """A conversation of so many turns, each answer with a citation in the long document; gives its
    id."""
    history = History(service.settings.conversations)
    desk = Desk(service, history, Metrics(service))
    *_, view = desk.ask(
        "bench", OWNER, {"turn": "first", "question": "long : combien Microsoft a-t-il investi ?"}
    )
    conversation = str(view["conversation"])
    for _ in range(_TURNS - 1):
        turn = secrets.token_hex(6)
        history.begin(OWNER, conversation, turn, "long : combien Microsoft a-t-il investi ?")
        history.finish(OWNER, conversation, turn, {**view, "turn": turn})
    return conversation


def _seen(page: Any, doing: str) -> dict[str, Any]:
    """What was seen since the last look, in milliseconds."""
    found = page.evaluate(
        "() => { const all = seen; window.seen = { long: [], keys: [], frames: [] }; return all; }"
    )
    results = {
        f"{doing}: long tasks": len(found["long"]),
        f"{doing}: the longest, ms": max(found["long"], default=0),
    }
    if found["keys"]:
        results[f"{doing}: key to paint, ms (of those over 16)"] = found["keys"]
    if doing.startswith("scrolling"):
        results[f"{doing}: between two frames, ms"] = found["frames"]
    return results


if __name__ == "__main__":
    sys.exit(main())
