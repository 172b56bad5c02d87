"""Rows on a terminal: one table where it fits, else a block of lines for each row.

Nothing is ever cut: a figure that lost its last digits would be another figure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table. In a block its place says where it goes:

    names, then heads with what they are called, in the first line; figures in pairs below; a note on its own line.
    """

    name: str
    place: Literal["name", "head", "figure", "note"]


Row: TypeAlias = Sequence[Text]
"""A cell for each column; a cell may have several lines."""


def print_rows(console: Console, columns: Sequence[Column], rows: Sequence[Row]) -> None:
    """Print the rows, followed by an empty line."""
    table = _table(columns, rows)
    unbounded = console.options.update(width=10_000)
    if console.measure(table, options=unbounded).maximum <= console.width:
        console.print(table)
        console.print()
    else:
        _print_blocks(console, columns, rows)


def _table(columns: Sequence[Column], rows: Sequence[Row]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for column in columns:
        # The words of a header stand below each other, for figures are narrower than what they are called.
        header = column.name.replace(" ", "\n")
        table.add_column(
            header, justify="left" if column.place in ("name", "note") else "right", vertical="top"
        )
    for row in rows:
        table.add_row(*row)
    return table


def _print_blocks(console: Console, columns: Sequence[Column], rows: Sequence[Row]) -> None:
    names = [column.name for column in columns if column.place == "figure"]
    blocks = [[_on_one_line(cell, " ") for cell in _placed(columns, row, "figure")] for row in rows]
    widths = _widths(console.width, names, blocks)
    for row, figures in zip(rows, blocks, strict=True):
        head = [_on_one_line(cell, "  ") for cell in _placed(columns, row, "name")]
        head += [
            Text(f"{column.name} {cell.plain}")
            for column, cell in zip(columns, row, strict=True)
            if column.place == "head"
        ]
        console.print(Text("  ").join(head))
        for start in range(0, len(names), len(widths)):
            console.print(_line(names[start:], figures[start:], widths))
        for column, cell in zip(columns, row, strict=True):
            if column.place == "note" and cell.plain:
                console.print(Text.assemble("  ", (column.name, "dim"), " ", _on_one_line(cell, ", ")))
        console.print()


def _placed(columns: Sequence[Column], row: Row, place: str) -> list[Text]:
    return [cell for column, cell in zip(columns, row, strict=True) if column.place == place]


def _on_one_line(cell: Text, separator: str) -> Text:
    return Text(separator).join(cell.split("\n"))


_INDENT = 2
_GAP = 3


def _widths(width: int, names: Sequence[str], blocks: Sequence[Sequence[Text]]) -> list[tuple[int, int]]:
    """Widths of name and figure for each of the pairs that stand side by side, as many as there is room for."""
    for pairs in range(len(names), 1, -1):
        widths = _widths_of(pairs, names, blocks)
        if _INDENT + sum(name + 1 + figure for name, figure in widths) + _GAP * (pairs - 1) <= width:
            return widths
    return _widths_of(1, names, blocks)


def _widths_of(pairs: int, names: Sequence[str], blocks: Sequence[Sequence[Text]]) -> list[tuple[int, int]]:
    return [
        (
            max(len(name) for name in names[pair::pairs]),
            max(figure.cell_len for figures in blocks for figure in figures[pair::pairs]),
        )
        for pair in range(pairs)
    ]


def _line(names: Sequence[str], figures: Sequence[Text], widths: Sequence[tuple[int, int]]) -> Text:
    line = Text(" " * _INDENT)
    for number, ((name_width, figure_width), name, figure) in enumerate(
        zip(widths, names, figures, strict=False)
    ):
        line.append(" " * _GAP if number else "")
        line.append(f"{name:<{name_width}} ", style="dim")
        line.append(" " * (figure_width - figure.cell_len)).append_text(figure)
    return line
