"""Words found within the open document."""

from playwright.sync_api import Page, expect
from test_library import line

COUNT = "() => [...CSS.highlights.get('found')].map(range => range.toString())"


def test_words_are_found_counted_and_gone_through(page: Page) -> None:
    line(page, "Mistral et Microsoft").locator(".title").click()
    find = page.locator(".find input")
    find.fill("européen")
    expect(page.locator(".find span")).to_contain_text("1 sur ")
    assert set(page.evaluate(COUNT)) == {"européen"}
    find.fill("EUROPEEN")
    assert set(page.evaluate(COUNT)) == {"européen"}
    find.press("Enter")
    expect(page.locator(".find span")).to_contain_text("2 sur ")
    page.locator(".find button").first.click()
    expect(page.locator(".find span")).to_contain_text("1 sur ")
    find.press("Shift+Enter")
    total = len(page.evaluate(COUNT))
    expect(page.locator(".find span")).to_have_text(f"{total} sur {total}")
    find.fill("Zorglub")
    expect(page.locator(".find span")).to_have_text("Rien")
    find.press("Escape")
    expect(find).to_have_value("")
    expect(page.locator(".document")).to_be_visible()
