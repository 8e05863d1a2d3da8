"""Text that is safe to draw: names that cannot break a picture, numbers short enough to read.

A label may hold anything a string can hold. What no XML parser or encoder takes becomes U+FFFD, what
would reorder the text around it is dropped, and each output language has its own way to quote the rest.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable

UNDRAWABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
NUMBERING = re.compile(r"[\W_]*\d[\d\W_]*\Z")
NUMBERS = re.compile(r"[.\[_]?\d+\]?")
MERMAID_SPECIAL = re.compile(r"[^\w .,+\-−–×∂…=]|_|[.+-](?= )", re.ASCII)  # "1. " begins a list
LONGEST_NAME, LONGEST_NOTE, LONGEST_TIP = 24, 60, 300  # characters
MINUS = "\u2212"


def clean(text: str, longest: int = LONGEST_NAME) -> str:
    """Make one line of drawable text, the middle left out if it is longer than ``longest``.

    >>> clean("a\\x00b\\nc"), clean("a_rather_long_name_for_a_weight", 12)
    ('a�b c', 'a_rath…eight')
    """
    text = " ".join(BIDI.sub("", UNDRAWABLE.sub("\ufffd", str(text[: 4 * longest]))).split())
    if len(text) <= longest:
        return text
    return text[: longest // 2] + "…" + text[len(text) - (longest - 1) // 2 :]


def stem(name: str) -> str:
    """Drop the number at the end of a name, and what sets it off.

    >>> stem("x12"), stem("x[3]"), stem("w_1"), stem("loss")
    ('x', 'x', 'w', 'loss')
    """
    return NUMBERING.sub("", name)


def unnumbered(name: str) -> str:
    """Drop all numbers in a name.

    >>> unnumbered("w['a'][0][12]"), unnumbered("layers.0.neurons.3.w1"), unnumbered("x_1")
    ("w['a']", 'layers.neurons.w', 'x')
    """
    return NUMBERS.sub("", name)


def number(x: float, *, signed: bool = False) -> str:
    """Write ``x`` with four significant digits, a real minus, and an exponent only where it helps.

    >>> number(-0.30000001), number(123456.0), number(2e-5), number(1.5, signed=True)
    ('−0.3', '1.235e5', '2e−5', '+1.5')
    """
    if not math.isfinite(x):
        text = str(x)
    elif x == 0.0:
        return "0"
    elif 1e-4 <= abs(x) < 99999.5:
        text = f"{x:.{max(0, 3 - math.floor(math.log10(abs(x))))}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    else:
        mantissa, exponent = f"{x:.3e}".split("e")
        text = f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    if signed and x > 0.0:
        text = "+" + text
    return text.replace("-", MINUS)


def numbers(xs: Iterable[float | None]) -> list[float | str | None]:
    """Numbers as JSON has them, what is not finite as a word.

    >>> numbers([1.0, float("-inf"), None])
    [1.0, '-inf', None]
    """
    return [x if x is None or math.isfinite(x) else str(x) for x in xs]


def markup(text: str) -> str:
    """Quote text for a Graphviz HTML-like label, where ``\\N`` would be read as the node's id.

    >>> markup('<b> "x" \\\\N')
    '&lt;b&gt; &quot;x&quot; \\\\\\\\N'
    """
    return html.escape(text).replace("\\", "\\\\")


def tooltip(*lines: str) -> str:
    """Quote lines for a Graphviz tooltip, in which Graphviz reads backslashes twice.

    >>> print(tooltip("a < b", "c"))
    a &lt; b
    c
    """
    return "\n".join(html.escape(line).replace("\\", 4 * "\\") for line in lines)


def mermaid_text(text: str) -> str:
    """Quote text for a Mermaid label: whatever is not plain becomes its character's code.

    >>> mermaid_text('say "hi" <b>')
    'say #34;hi#34; #60;b#62;'
    """
    return MERMAID_SPECIAL.sub(lambda found: f"#{ord(found[0])};", text)
