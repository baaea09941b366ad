"""What the sieve costs: `python -m tests.bench.bench_sieve`.

Pure CPU, one thread, no server. Ordinary text in deltas of four characters and of a word; a tool argument of 100 KB
and of 200 KB in deltas of four bytes, in every dialect that carries one; and the longest that a character waits.
"""

import time
from collections.abc import Callable, Iterable

from luna.model.events import TextDelta, ToolDelta
from luna.stages.tools_intercept import ToolsIntercept
from luna.tools.sieve import Sieve
from tests.support.play import Play, a_chat
from tests.support.sifting import TOOLS, a_sieve, pieces_of

PROSE = (
    "The parser reads one token at a time, and what it cannot place it hands on as it is. That is why the second\n"
    "pass is cheap: it sees only what the first left over, which in practice is next to nothing.\n\n"
    "1. Open `src/parser.py` and look at the loop.\n2. Notice that it never goes back.\n\n"
)
CODE = (
    "```c\nfor (int i = 0; i < n && a[i] > 0; i++) {\n    sum += a[i] << 2;  /* <tool> is no tag here */\n}\n```\n\n"
    "In C++ that is `std::vector<int>` and a[0], or x<y>z; nothing else changes, and [a link](https://example.org).\n"
)
LINE = 'if a < b and "x" != c[0]:  # \\ }} ]] </div> &amp;\n'


def argument(size: int) -> str:
    """A file of about this many characters."""
    return LINE * (size // len(LINE))


def contract(text: str) -> str:
    return (
        "<ml_tool_calls>\n<ml_tool_call>\n<ml_tool_name>write_file</ml_tool_name>\n<ml_parameters>\n"
        f"<path><![CDATA[a.txt]]></path>\n<content><![CDATA[{text}]]></content>\n"
        "</ml_parameters>\n</ml_tool_call>\n</ml_tool_calls>"
    )


def plain(text: str) -> str:
    return contract(text).replace("<![CDATA[", "").replace("]]>", "")


def hermes(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '<tool_call>{"name":"write_file","arguments":{"path":"a.txt","content":"' + escaped + '"}}</tool_call>'


def fenced(text: str) -> str:
    return f"```xml\n{contract(text)}\n```\n"


def late_name(text: str) -> str:
    name = "<ml_tool_name>write_file</ml_tool_name>\n"
    return contract(text).replace(name, "").replace("</ml_tool_call>", f"{name}</ml_tool_call>")


def seconds(pieces: Iterable[str]) -> tuple[float, Sieve]:
    """How long the sieve takes for all of them."""
    sieve = a_sieve()
    before = time.perf_counter()
    for piece in pieces:
        sieve.feed(piece)
    sieve.finish()
    return time.perf_counter() - before, sieve


def per_delta(text: str, size: int) -> float:
    """Microseconds for each delta; the best of several runs."""
    pieces = pieces_of(text * (200_000 // len(text)), size)
    return min(seconds(pieces)[0] for _ in range(5)) / len(pieces) * 1e6


def per_delta_of_the_stage(text: str, size: int) -> float:
    """The same for the whole stage `tools.intercept`."""
    chat = a_chat()
    chat.tools = list(TOOLS)
    deltas = [TextDelta(piece) for piece in pieces_of(text * (200_000 // len(text)), size)]
    best = float("inf")
    for _ in range(5):
        play = Play(ToolsIntercept, chat=chat)
        transducer = play.stage.transducer(play.flow)
        assert transducer is not None
        before = time.perf_counter()
        for delta in deltas:
            transducer.feed(delta)
        best = min(best, time.perf_counter() - before)
    return best / len(deltas) * 1e6


def ratio(write: Callable[[str], str]) -> tuple[float, float, float]:
    """Seconds for 100 KB and for 200 KB in deltas of four, and how they compare."""
    small, large = (pieces_of(write(argument(size)), 4) for size in (100_000, 200_000))
    one = min(seconds(small)[0] for _ in range(3))
    two = min(seconds(large)[0] for _ in range(3))
    return one, two, two / one


def longest_wait(text: str) -> int:
    """The most characters of a CDATA value that were kept back at the end of any delta of one character."""
    sieve, written, given, worst = a_sieve(), 0, 0, 0
    opening, rest = contract("\0").split("\0")
    sieve.feed(opening)
    for character in text:
        events = sieve.feed(character)
        written += len(character.encode())
        given += sum(len(_unescaped(event.json)) for event in events if isinstance(event, ToolDelta))
        worst = max(worst, written - given)
    sieve.feed(rest)
    return worst


def _unescaped(json: str) -> str:
    return json.replace("\\\\", "\0").replace('\\"', '"').replace("\\n", "\n").replace("\0", "\\")


def main() -> None:
    for name, text in (("prose", PROSE), ("code and near misses", CODE)):
        for size in (4, 12):
            sieve, stage = per_delta(text, size), per_delta_of_the_stage(text, size)
            print(f"{name:22} deltas of {size:2}: sieve {sieve:5.2f} us, stage {stage:5.2f} us per delta")
    for write in (contract, plain, hermes, fenced, late_name):
        one, two, times = ratio(write)
        print(
            f"argument, {write.__name__:14} 100 KB {one * 1e3:6.0f} ms   200 KB {two * 1e3:6.0f} ms   ratio {times:.2f}"
        )
    print(f"longest wait inside an argument: {longest_wait(argument(5_000))} characters")


if __name__ == "__main__":
    main()
