"""Bytes to text: encodings that are declared, guessed or declared wrongly, and characters that
nobody sees."""

import codecs
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from itertools import groupby, islice, pairwise
from pathlib import Path
from typing import Any

from index.errors import UserError

_MARKS = frozenset("\xa0«»‹›‘’“”„…–—•·°²³€£§©®™×±µ½ªº¿¡№")
_AFTER = frozenset("’»”…–—°²³€\xa0")  # that stand after a small letter
_MONEY = frozenset("£½¤¥")  # that stand after none
_DRAWN = frozenset(map(chr, range(0x2500, 0x25A0)))  # lines, corners and shades of DOS
_NO_LETTERS = _MARKS | _DRAWN
_DECLARED_IN = re.compile(rb"(?:charset|encoding)\s*=\s*[\"']?([\w.:-]{1,40})", re.I)
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=%")
_SAMPLE = 40  # thousands of bytes by which an encoding is told
_LONGEST_RUN = 120  # of its letters that can be something else
_CHARSETS = tuple("iso cp koi8 mac utf big5 gb euc shift tis ascii ptcp hz".split())
_MISREAD = {"cp1252": ("Ã", "â€", "Â"), "cp850": "├Ô", "cp437": "├Γ", "mac-roman": ("√", "‚Ä")}
"""What UTF-8 begins with where it is read in these encodings."""
_JOINER = "\u200d"  # seen in emoji and in scripts of India, unseen between other letters
_UNSEEN = dict.fromkeys(map(ord, "\xad\u200b\u200c\u200e\u200f\ufeff\u034f\u180e\u061c"))
# What says in which direction a text runs, and the operators that no equation shows.
_UNSEEN |= dict.fromkeys([*range(0x202A, 0x202F), *range(0x2060, 0x2070)])
_UNSEEN |= {code: None for code in range(32) if chr(code) not in "\t\n\r"}
_UNSEEN |= {ord("\f"): "\n", ord("\v"): "\n", 0x2028: "\n", 0x2029: "\n", 0x7F: None}
# Windows' signs, which programs that take its letters for Latin-1 put among the controls.
_UNSEEN |= {code: bytes([code]).decode("cp1252", "ignore") for code in range(0x80, 0xA0)}
# Signs of Wingdings and Symbol, at the places where programs put them.
_SIGNS = zip(bytes.fromhex("a86f71a3fefd785352fcfbb7a7d876e0"), "☐☐☐☐☒☒☒☒☑✓✗••••→", strict=True)
_UNSEEN |= {0xF000 + code: sign for code, sign in _SIGNS}
_UNSEEN |= dict(
    zip(range(0xFB00, 0xFB07), ("ff", "fi", "fl", "ffi", "ffl", "st", "st"), strict=True)
)
_UNSEEN |= dict.fromkeys(range(55296, 57344), "�")  # halves of a code point


def _western(error: UnicodeError) -> tuple[str, int]:
    """A byte that is no UTF-8 is taken for Windows-1252, as programs that mix the two mean it; a
    letter that the end of the file cuts is unknown."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    if error.end == len(error.object) and error.reason == "unexpected end of data":
        return "\ufffd", error.end
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


def _byte(error: UnicodeError) -> tuple[bytes, int]:
    """A character below 256 that Windows-1252 lacks, as the byte that it was."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return error.object[error.start : error.end].encode("latin-1"), error.end


codecs.register_error("cocorico-western", _western)
codecs.register_error("cocorico-byte", _byte)


def decode_bytes(data: bytes, charset: str | None = None) -> str:
    """Text from bytes: by its byte order mark, UTF-8, its declared charset, or the likeliest; lines
    end in \\n.

    UTF-8 with a few wrong bytes stays UTF-8. A declared charset is followed unless it gives letters
    that no language has together while another one gives a language's. Where no language of
    `alphabets.toml` is likely, charset-normalizer looks at which letters stand together.

    Raises:
        UserError: `document_binary`.
    """
    wide = _wide(data)
    if not wide and 0 in data:  # left in log files by a crash, or put after lines to fill a block
        data = data.replace(bytes(8), b"") if b"\n" in data else data
        if data.count(0) > len(data) / 100 + 8 * data.count(b"\n"):
            raise UserError("document_binary")
        data = data.replace(b"\0", b"")
    declared = _declared(data, charset or ("iso2022_jp" if b"\x1b$B" in data else None))
    if b"\x1b" in data and declared:  # ISO 2022
        return _newlines(data.decode(declared))
    with suppress(UnicodeDecodeError):
        return _newlines(_unmixed(_whole(data.decode(wide or "utf-8-sig", "surrogatepass"))))
    mostly = data.decode("utf-8", "replace")
    if 2 * mostly.count("\ufffd") < sum(char > "\x7f" for char in mostly):
        return _newlines(data.decode("utf-8", "cocorico-western"))
    if found := _likeliest(data, declared) or declared:
        return _newlines(data.decode(found, "replace"))
    from charset_normalizer import from_bytes

    guesses = list(from_bytes(data[:200_000]))  # the likeliest first; several can be
    likely = [each.encoding for each in guesses if each.chaos == guesses[0].chaos] or ["cp1252"]
    return _newlines(data.decode("cp1252" if "cp1252" in likely else likely[0], "replace"))


def markup(data: bytes, charset: str | None = None) -> str:
    """The text of HTML or XML in the encoding that it declares, without its declaration."""
    found = _DECLARED_IN.search(data[:2048])
    text = decode_bytes(data, charset or (found[1].decode() if found else None))
    return text.partition("?>")[2] if text.lstrip().startswith("<?xml") else text


@cache
def _scripts() -> list[dict[str, Any]]:
    data = tomllib.loads(Path(__file__).with_name("alphabets.toml").read_text(encoding="utf-8"))
    return list(data["scripts"])


def _likeliest(data: bytes, declared: str | None = None, use: str = "encodings") -> str | None:
    """The encoding in which a text is most like one of a language; None where it is like none.

    Args:
        data: the text.
        declared: the encoding that is taken where it gives a likely text.
        use: which encodings of `alphabets.toml` are tried, those of texts or of `names`.
    """
    pieces = (data[at : at + 1000] for at in range(0, len(data), 1000))
    sample = b"\n".join(islice((piece for piece in pieces if not piece.isascii()), _SAMPLE))
    scores: dict[str, float] = {}
    for script in _scripts():
        for encoding in script[use]:
            with suppress(UnicodeDecodeError):
                score = _likelihood(sample.decode(encoding), script["letters"])
                scores[encoding] = max(score, scores.get(encoding, -1))
    if declared and scores.get(declared, 0) >= 0:
        return declared
    best = max(scores, key=lambda encoding: scores[encoding], default="")
    return best if best and scores[best] >= 0 else None


def _likelihood(text: str, alphabets: Sequence[str]) -> float:
    """How many small letters a text has of the language that it is most like, less those in places
    where there are none (capitals and signs after a small letter, two scripts in a word); -1 where
    it is like none."""
    runs = (char for char, _ in groupby(text))  # a letter is never drawn out as a line is
    beyond = Counter(char for char in runs if char > "\x7f" and char not in _NO_LETTERS)
    whole, latin = beyond.total(), alphabets[0][0] < "\u0250"
    if latin and 2 * whole > sum(map(str.isalpha, text)):
        return -1
    odd = sum(
        (a.islower() and b > "\x7f" and not b.islower() and b not in _AFTER)
        or (a.isalpha() and (b in _MONEY or b in _DRAWN))
        or (not latin and a.isalpha() and b.isalpha() and a.isascii() != b.isascii())
        for a, b in pairwise(text)
    )
    best = -1.0
    for letters in alphabets:
        known = sum(count for char, count in beyond.items() if char.lower() in letters)
        wrong = whole - known + odd
        small = sum(beyond[char] for char in letters)
        if 4 * wrong <= known:
            best = max(best, small - 3 * wrong)
    return best


def _wide(data: bytes) -> str:
    """The encoding of two or four bytes a character, if it is one."""
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    # UTF-16 without a mark has every other byte of its blanks and figures zero, always on the same
    # side.
    even, odd = data[:10_000:2].count(0), data[1:10_000:2].count(0)
    if odd > 20 * even + 1:
        return "utf-16-le"
    return "utf-16-be" if even > 20 * odd + 1 else ""


def _declared(data: bytes, charset: str | None) -> str | None:
    """The encoding that is declared, where the text can be in it; Latin-1 means Windows-1252, as
    browsers have it."""
    try:
        name = codecs.lookup(charset or "").name
        if not name.startswith(_CHARSETS) or name.startswith("utf"):
            return None  # a text of Unicode is recognised without being told
        name = "cp1252" if name in ("iso8859-1", "ascii") else name
        text = data.decode(name)
        return "cp1252" if any("\x80" <= char <= "\x9f" for char in text) else name
    except (LookupError, UnicodeDecodeError, ValueError):
        return None


def _whole(text: str) -> str:
    """A text with the halves of a code point together that programs write as two."""
    if max(text, default="") < "\ud800":
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _unmixed(text: str) -> str:
    """The text that was meant where words in UTF-8 were once read in another encoding and saved as
    UTF-8 (Ã© for é)."""
    for charset, signs in _MISREAD.items():
        if sum(map(text.count, signs)) >= 3:
            lines = (line.split(" ") for line in text.splitlines(keepends=True))
            text = "".join(" ".join(_meant(word, charset) for word in line) for line in lines)
    return text


def _meant(word: str, charset: str) -> str:
    try:
        return word.encode(charset, "cocorico-byte").decode("utf-8")
    except UnicodeError:
        return word


def _newlines(text: str) -> str:
    return text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")


def without_data(text: str) -> tuple[str, int]:
    """A text without the pictures and files that are written into it in base64, and how many there
    were."""
    lines, count = text.split("\n"), 0
    for number, line in enumerate(lines):
        if len(line) < _LONGEST_RUN or max(map(len, line.split())) < _LONGEST_RUN:
            continue
        kept = ""
        for coded, chars in groupby(line, _BASE64.__contains__):
            run = "".join(chars)
            if coded and _is_data(run):
                before, mark, kind = kept.rpartition("data:")
                kept = before if mark and kind.endswith(";base64,") else kept
                count += 1
            else:
                kept += run
        lines[number] = kept
    return "\n".join(lines), count


def _is_data(run: str) -> bool:
    """Whether letters of base64 are longer than any word, and mixed as no word's are."""
    kinds = (str.isupper, str.islower, str.isdigit)
    return len(run) >= _LONGEST_RUN and all(any(map(kind, run)) for kind in kinds)


def visible(text: str) -> str:
    """Text without what nobody sees (soft hyphens, zero-width marks, controls), accents composed
    with their letters."""
    if text.isascii() and text.isprintable():
        return text
    if _JOINER in text:
        first, *others = text.split(_JOINER)
        for other in others:
            plain = first[-1:].isalpha() and first[-1:] < "\u0900" and other[:1] < "\u0900"
            first += other if plain else _JOINER + other
        text = first
    return unicodedata.normalize("NFC", text.replace("\xad\n", "").translate(_UNSEEN))


def decode_name(raw: bytes) -> str:
    """A file's name from an archive that doesn't say in which encoding it is."""
    try:
        return unicodedata.normalize("NFC", raw.decode("utf-8"))
    except UnicodeDecodeError:
        pass
    found = _likeliest(raw, use="names") or "cp437"
    with suppress(UnicodeDecodeError):
        if any("\u3040" < char < "\u3100" for char in raw.decode("cp932")):  # of Japan
            found = "cp932" if found == "cp437" else found
    return unicodedata.normalize("NFC", raw.decode(found))
