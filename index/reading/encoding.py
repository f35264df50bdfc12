"""Bytes to text: encodings that are declared, guessed or declared wrongly, and characters that
nobody sees."""

import codecs
import re
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise

from index.errors import UserError

_WESTERN = frozenset(map(chr, range(128))) | frozenset(
    "\xa0àâäæçèéêëîïñôöœùûüÿÀÂÄÆÇÈÉÊËÎÏÑÔÖŒÙÛÜŸß«»‹›‘’“”…–—•·°²³€£§©®™×±µ½ªº¿¡"
)
_DECLARED_IN = re.compile(rb"(?:charset|encoding)\s*=\s*[\"']?([\w.:-]{1,40})", re.I)
_CHARSETS = tuple("iso cp koi8 mac utf big5 gb euc shift tis ascii ptcp hz".split())
_UNSEEN = dict.fromkeys(map(ord, "\xad\u200b\u200c\u200e\u200f\u2060\ufeff\u034f\u180e"))
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
    """A byte that is no UTF-8 is taken for Windows-1252, as programs that mix the two mean it."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
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

    UTF-8 with a few wrong bytes stays UTF-8. What reads as Windows', the old Macintosh's or DOS's
    letters without one that French and English lack is taken for that; for the rest
    charset-normalizer looks at which letters stand together.

    Raises:
        UserError: `document_binary`.
    """
    wide = _wide(data)
    if not wide and data.count(0) > len(data) / 100:
        raise UserError("document_binary")
    if not wide:
        data = data.replace(b"\0", b"")  # left in log files by a crash
    if b"\x1b" in data and (text := _declared(data, charset)) is not None:  # ISO 2022
        return _newlines(text)
    with suppress(UnicodeDecodeError):
        return _newlines(_unmixed(data.decode(wide or "utf-8-sig")))
    mostly = data.decode("utf-8", "replace")
    if 2 * mostly.count("\ufffd") < sum(char > "\x7f" for char in mostly):
        return _newlines(data.decode("utf-8", "cocorico-western"))
    if (text := _declared(data, charset)) is not None:
        return _newlines(text)
    if (text := _western_text(data, ("cp1252", "iso8859-15", "mac-roman", "cp850"))) is not None:
        return _newlines(text)
    from charset_normalizer import from_bytes

    found = list(from_bytes(data[:200_000]))  # the likeliest first; several can be
    likely = [each.encoding for each in found if each.chaos == found[0].chaos] or ["cp1252"]
    return _newlines(data.decode("cp1252" if "cp1252" in likely else likely[0], "replace"))


def markup(data: bytes, charset: str | None = None) -> str:
    """The text of HTML or XML in the encoding that it declares, without its declaration."""
    found = _DECLARED_IN.search(data[:2048])
    text = decode_bytes(data, charset or (found[1].decode() if found else None))
    return text.partition("?>")[2] if text.lstrip().startswith("<?xml") else text


def _western_text(data: bytes, encodings: Sequence[str]) -> str | None:
    """The text by the encoding that makes the likeliest French or English of it; None where each
    gives letters that those lack."""
    texts = [data.decode(encoding, "replace") for encoding in encodings]
    fitting = [text for text in texts if _WESTERN.issuperset(text)]
    return max(fitting, key=_likelihood, default=None)


def _likelihood(text: str) -> int:
    """How many accented letters a text has, less those in places where there are none: capitals and
    signs after a small letter."""
    likely = sum(char in "éèêàâçùûôîïëœæ’«»€" for char in text)
    odd = sum(
        a.islower() and b > "\x7f" and b not in "’»”…–—°²³€\xa0"
        for a, b in pairwise(text)
        if not b.islower()
    )
    return likely - 3 * odd - 3 * sum(a.isalpha() and b in "£½¤¥" for a, b in pairwise(text))


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
    """The text by its declared charset; Latin-1 means Windows-1252, as browsers have it."""
    try:
        name = codecs.lookup(charset or "").name
        if not name.startswith(_CHARSETS) or name in ("utf-7", "utf-8"):
            return None
        text = data.decode("cp1252" if name in ("iso8859-1", "ascii") else name)
        return data.decode("cp1252") if any("\x80" <= char <= "\x9f" for char in text) else text
    except (LookupError, UnicodeDecodeError, ValueError):
        return None


def _unmixed(text: str) -> str:
    """The text that was meant where UTF-8 was once read as Windows-1252 and saved as UTF-8 (Ã© for
    é)."""
    if text.count("Ã") + text.count("â€") + text.count("Â") < 3:
        return text
    try:
        return text.encode("cp1252", "cocorico-byte").decode("utf-8")
    except UnicodeError:
        return text


def _newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def visible(text: str) -> str:
    """Text without what nobody sees (soft hyphens, zero-width marks, controls), accents composed
    with their letters."""
    if text.isascii() and text.isprintable():
        return text
    return unicodedata.normalize("NFC", text.replace("\xad\n", "").translate(_UNSEEN))


def decode_name(raw: bytes) -> str:
    """A file's name from an archive that doesn't say in which encoding it is."""
    try:
        return unicodedata.normalize("NFC", raw.decode("utf-8"))
    except UnicodeDecodeError:
        pass
    text = _western_text(raw, ("cp437", "cp850", "cp1252", "mac-roman"))
    return text if text is not None else raw.decode("cp437")
