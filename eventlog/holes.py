"""Which sequences a stream no longer gives, and why: pure, from what is there and what was let go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from eventlog.log import Span


def holes(first: int, last: int, there: Iterable[tuple[int, bool]], let_go: Sequence[Span]) -> list[Span]:
    """The spans of ``first`` to ``last`` that cannot be read, in order, neighbours of one reason joined.

    ``there`` gives the sequences that lie in the table, rising, and whether each is sound; ``let_go`` what was deleted
    on purpose, rising.
    """
    found: list[Span] = []
    next_sequence = first
    for sequence, is_sound in there:
        found += _absent(next_sequence, sequence - 1, let_go)
        if not is_sound:
            found.append(Span(sequence, sequence, "unreadable"))
        next_sequence = sequence + 1
    return list(_joined([*found, *_absent(next_sequence, last, let_go)]))


def _absent(first: int, last: int, let_go: Sequence[Span]) -> Iterator[Span]:
    """The sequences of a span that holds nothing, by who let them go; the rest is missing."""
    for span in let_go:
        if first > last or span.first > last:
            break
        if span.last < first:
            continue
        if span.first > first:
            yield Span(first, span.first - 1, "missing")
        through = min(span.last, last)
        yield Span(max(first, span.first), through, span.reason)
        first = through + 1
    if first <= last:
        yield Span(first, last, "missing")


def _joined(spans: Sequence[Span]) -> Iterator[Span]:
    open_span: Span | None = None
    for span in spans:
        if open_span is not None and open_span.reason == span.reason and open_span.last + 1 == span.first:
            open_span = Span(open_span.first, span.last, span.reason)
            continue
        if open_span is not None:
            yield open_span
        open_span = span
    if open_span is not None:
        yield open_span
