"""A strict reader of Prometheus' text format 0.0.4: whatever does not fit the grammar is an error."""

import re
from dataclasses import dataclass, field

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_HELP = re.compile(rf"# HELP (?P<name>{_NAME}) (?P<text>(?:[^\\\n]|\\\\|\\n)*)")
_TYPE = re.compile(rf"# TYPE (?P<name>{_NAME}) (?P<type>counter|gauge|histogram|summary)")
_SAMPLE = re.compile(
    rf"(?P<name>{_NAME})(?:\{{(?P<labels>.*)\}})? (?P<value>[+-]?Inf|NaN|[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
)
_LABEL = re.compile(r'(?P<name>[a-zA-Z_][a-zA-Z0-9_]*)="(?P<value>(?:[^"\\\n]|\\\\|\\"|\\n)*)"(?:,(?=[a-zA-Z_])|$)')
_SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count")}

Labels = tuple[tuple[str, str], ...]


@dataclass
class FamilyRead:
    """One family, with its samples by full name and labels."""

    name: str
    type: str
    help: str
    samples: dict[tuple[str, Labels], float] = field(default_factory=dict)

    def value(self, suffix: str = "", **labels: str) -> float:
        """One sample. Raises KeyError."""
        return self.samples[self.name + suffix, tuple(sorted(labels.items()))]


def parse(text: str) -> dict[str, FamilyRead]:
    """Everything that is said. Raises AssertionError with the line that is wrong."""
    assert not text or text.endswith("\n"), "the last line ends as the others do"
    families: dict[str, FamilyRead] = {}
    lines = text.split("\n")[:-1]
    current: FamilyRead | None = None
    helped = ""
    for line in lines:
        if said := _HELP.fullmatch(line):
            assert said["name"] not in families, f"twice: {line}"
            helped = said["name"]
            families[helped] = current = FamilyRead(helped, "", said["text"])
        elif said := _TYPE.fullmatch(line):
            assert current is not None and said["name"] == helped and not current.type, f"out of place: {line}"
            current.type = said["type"]
        else:
            assert current is not None and current.type, f"a sample without its head: {line}"
            _sample(line, current)
    for family in families.values():
        assert family.type, f"{family.name} has no type"
        if family.type == "histogram":
            _check_buckets(family)
    return families


def _sample(line: str, family: FamilyRead) -> None:
    said = _SAMPLE.fullmatch(line)
    assert said is not None, f"no sample: {line!r}"
    names = [family.name + suffix for suffix in _SUFFIXES.get(family.type, ("",))]
    assert said["name"] in names, f"not of {family.name}: {line}"
    labels, at, written = [], 0, said["labels"] or ""
    while at < len(written):
        label = _LABEL.match(written, at)
        assert label is not None, f"no label at {at}: {line!r}"
        value = re.sub(r"\\(.)", lambda found: {"n": "\n"}.get(found[1], found[1]), label["value"])
        labels.append((label["name"], value))
        at = label.end()
    assert len({name for name, _ in labels}) == len(labels), f"a label twice: {line}"
    key = said["name"], tuple(sorted(labels))
    assert key not in family.samples, f"twice: {line}"
    family.samples[key] = float(said["value"])


def _check_buckets(family: FamilyRead) -> None:
    series: dict[Labels, list[tuple[float, float]]] = {}
    for (name, labels), value in family.samples.items():
        if name.endswith("_bucket"):
            rest = tuple(pair for pair in labels if pair[0] != "le")
            series.setdefault(rest, []).append((float(dict(labels)["le"]), value))
    for rest, buckets in series.items():
        bounds, counts = zip(*buckets, strict=True)
        assert list(bounds) == sorted(bounds) and bounds[-1] == float("inf"), family.name
        assert list(counts) == sorted(counts), f"{family.name} does not accumulate"
        assert counts[-1] == family.samples[f"{family.name}_count", rest], family.name
        assert (f"{family.name}_sum", rest) in family.samples
