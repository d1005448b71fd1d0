"""Audiences read row by row: what is a recipient, what is not, and why."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import make_campaign
from tidegate.cloudapi.recipients import RecipientKind
from tidegate.policy.campaign.audience import BadRow, Candidate, CsvRows, JsonRows, RowReader
from tidegate.policy.campaign.lines import LONGEST_LINE, BadAudience

UNREAD = "to: is no international phone number of 7 to 15 digits, country code first"
QUOTE = "has a quote that is not closed, or not doubled within quotes"
SEGMENTS = {"steps": [{"segment": "staff"}, {"segment": "loyal"}]}


def read(reader: RowReader, data: bytes, size: int = 10_000) -> list[Candidate | BadRow]:
    found = [row for at in range(0, len(data), size) for row in reader.feed(data[at : at + size])]
    return found + list(reader.end())


def csv(text: str | bytes, size: int = 10_000, **order: Any) -> list[Candidate | BadRow]:
    data = text if isinstance(text, bytes) else text.encode()
    return read(CsvRows(make_campaign(**order)), data, size)


def json(text: str | bytes, **order: Any) -> list[Candidate | BadRow]:
    return read(JsonRows(make_campaign(**order)), text if isinstance(text, bytes) else text.encode())


def ann(line: int, name: str = "Ann", to: str = "15550001", kind: RecipientKind = RecipientKind.PHONE) -> Candidate:
    return Candidate(line, kind, to, {"first_name": name}, "")


@pytest.mark.parametrize("size", [1, 2, 5, 10_000])
@pytest.mark.parametrize(
    ("text", "rows"),
    [
        pytest.param("to,first_name\n+1 555-0001,Ann\n", [ann(2)], id="a number in any spelling"),
        pytest.param("recipient;first_name\nUS.1a;Ann", [ann(2, to="US.1a", kind=RecipientKind.BSUID)], id="a user id"),
        pytest.param("to\tfirst_name\r\n15550001\tAnn\r\n", [ann(2)], id="tabs and CRLF"),
        pytest.param('"to","first_name"\n"15550001","Ann"\n', [ann(2)], id="quotes around everything"),
        pytest.param("\n\n to , first_name \n\n15550001,Ann\n\n", [ann(5)], id="empty lines, a padded header"),
        pytest.param('to,first_name\n15550001,"A, ""n"";n"\n', [ann(2, 'A, "n";n')], id="doubled quotes, delimiters"),
        pytest.param(
            'to,first_name\n15550001,"A\n\nn"\n15550001,Ann', [ann(2, "A\n\nn"), ann(5)], id="lines in a cell"
        ),
        pytest.param('to,first_name\n15550001,5" pipe\n', [ann(2, '5" pipe')], id="a quote within a plain cell"),
        pytest.param("to,first_name\n15550001,Zoë 😀\n", [ann(2, "Zoë 😀")], id="letters of more than one byte"),
        pytest.param("x,to,recipient,first_name\n,15550001,,Ann\n", [ann(2)], id="columns that are not asked for"),
        pytest.param(
            'to,first_name\n15550001,"Ann\n15550001,Bob\n15550001,"Cid"\n15550001,"Dan\n',
            [BadRow(2, QUOTE), ann(3, "Bob"), ann(4, "Cid"), BadRow(5, QUOTE)],
            id="a quote that is not closed costs its own row only",
        ),
        pytest.param(
            "to,first_name\n" + '15550001,"Ann\n' * 25,
            [BadRow(line, QUOTE) for line in range(2, 27)],
            id="no quote is closed",
        ),
        pytest.param(
            'to,first_name\n15550001,"Ann\n' + "15550001,Bob\n" * 12,
            [BadRow(2, QUOTE), *(ann(line, "Bob") for line in range(3, 15))],
            id="a quote is given up after ten lines",
        ),
        pytest.param('to,first_name\n15550001,"A"nn\n', [BadRow(2, QUOTE)], id="text after a quote"),
        pytest.param("to,first_name\n15550001\n", [BadRow(2, "has 1 cells, and the header 2")], id="too few cells"),
        pytest.param('to,first_name\n1,2,"3"', [BadRow(2, "has 3 cells, and the header 2")], id="too many cells"),
        pytest.param(
            b'to,first_name\n15550001,"A\n\xff\n15550001,Ann\n',
            [BadRow(2, QUOTE), BadRow(3, "is not UTF-8"), ann(4)],
            id="bytes that are no text, within an open cell",
        ),
        pytest.param("to,first_name\n15550001,A\0n\n", [BadRow(2, "first_name: has a control character")], id="a NUL"),
    ],
)
def test_rows_of_csv_are_the_same_whatever_the_pieces(
    text: str | bytes, rows: list[Candidate | BadRow], size: int
) -> None:
    assert csv(text, size) == rows


@pytest.mark.parametrize(("lines", "is_kept"), [(10, True), (11, False)], ids=["ten lines", "eleven lines"])
def test_a_cell_has_so_many_lines_and_no_more(lines: int, is_kept: bool) -> None:
    cell = "\n".join("x" * lines)
    rows = csv(f'to,first_name\n15550001,"{cell}"\n15550001,Ann\n')
    assert (rows[0] == ann(2, cell)) is is_kept
    assert rows[-1] == ann(2 + lines)


def test_a_cell_has_no_more_than_a_line_may() -> None:
    half = "x" * (LONGEST_LINE // 2)
    rows = csv(f'to,first_name\n15550001,"{half}\n{half}\n{half}"\n15550001,Ann\n')
    assert [row.line for row in rows if isinstance(row, BadRow)] == [2, 3, 4]
    assert rows[-1] == ann(5)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("", "is empty", id="nothing"),
        pytest.param("\n\n", "is empty", id="empty lines"),
        pytest.param("15550001,Ann\n", "line 1 has to name the columns", id="no header"),
        pytest.param('\n"to,first_name\n', "line 2 has to name the columns", id="a header with an open quote"),
        pytest.param('"to"x,first_name\n', "line 1 has to name the columns", id="a header that is no CSV"),
        pytest.param("to,to,first_name\n", "names a column twice", id="a column twice"),
        pytest.param("to,name\n", "no column first_name", id="a column of the template is missing"),
        pytest.param(
            b"to,\xff\n", "line 1, which has to name the columns, is not UTF-8", id="a header that is no text"
        ),
        pytest.param("t" * LONGEST_LINE + "oo\n", "is longer than 16384 bytes", id="a header without an end"),
    ],
)
def test_csv_that_can_not_be_read_at_all(text: str | bytes, says: str) -> None:
    with pytest.raises(BadAudience, match=says):
        csv(text)


def test_steps_by_segment_take_a_column_of_it() -> None:
    with pytest.raises(BadAudience, match="no column segment"):
        csv("to,first_name\n", **SEGMENTS)
    told = csv("to,first_name,segment\n15550001,Ann,loyal\n15550001,Ann,rich\n15550001,Ann,\n", **SEGMENTS)
    assert told == [
        ann(2)._replace(segment="loyal"),
        BadRow(3, "segment: no step is for it"),
        BadRow(4, "segment: is empty"),
    ]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        pytest.param('{"to":"+15550001","first_name":"Ann","x":[]}', ann(1), id="a recipient"),
        pytest.param('{"to":"15550001","first_name":"Ann","recipient":null}', ann(1), id="null is nothing"),
        pytest.param(
            '{"recipient":" US.1a ","first_name":"Ann"}', ann(1, to="US.1a", kind=RecipientKind.BSUID), id="id"
        ),
        pytest.param('{"to":"15550001","first_name":70}', ann(1, "70"), id="a whole number"),
        pytest.param('{"first_name":"Ann"}', "to: is missing", id="nobody"),
        pytest.param('{"to":" ","first_name":"Ann"}', "to: is missing", id="blank"),
        pytest.param('{"to":15550001,"first_name":"Ann"}', "to: has to be text", id="a number that is no text"),
        pytest.param('{"to":"0151 23","first_name":"Ann"}', UNREAD, id="a national number"),
        pytest.param('{"to":"1.5E+10","first_name":"Ann"}', UNREAD, id="what a spreadsheet makes of a number"),
        pytest.param(
            '{"to":"US.1a","first_name":"Ann"}',
            "to: holds a business-scoped user id, which belongs in recipient",
            id="a user id as a number",
        ),
        pytest.param(
            '{"recipient":"1a","first_name":"A"}',
            "recipient: is no business-scoped user id such as US.13491208655302741918",
            id="no user id",
        ),
        pytest.param(
            '{"to":"15550001","recipient":"US.1a","first_name":"A"}', "to, recipient: both are given", id="both"
        ),
        pytest.param('{"to":"15550001"}', "first_name: is missing", id="a column is missing"),
        pytest.param('{"to":"15550001","first_name":null}', "first_name: is missing", id="a column is null"),
        pytest.param('{"to":"15550001","first_name":" "}', "first_name: is empty", id="a column is blank"),
        pytest.param(
            '{"to":"15550001","first_name":true}', "first_name: has to be text or a whole number", id="a truth"
        ),
        pytest.param('{"to":"15550001","first_name":0.1}', "first_name: has to be text or a whole number", id="a part"),
        pytest.param('{"to":"15550001","first_name":"A\\u0000"}', "first_name: has a control character", id="a NUL"),
        pytest.param('{"to":"1","to":"2"}', "is not JSON that can be read in one way only", id="a key twice"),
        pytest.param("[]", "is no JSON object", id="a list"),
        pytest.param("{", "is not JSON", id="half an object"),
        pytest.param("x" * (LONGEST_LINE + 1), "is longer than 16384 bytes (lines end with LF or CRLF)", id="too long"),
    ],
)
def test_rows_of_ndjson(row: str, told: Candidate | str) -> None:
    got, after = json(f'{row}\r\n \n{{"to":"15550001","first_name":"Ann"}}')
    assert after == ann(3)
    if isinstance(told, str) and "one way" in told:
        assert isinstance(got, BadRow)
    else:
        assert got == (BadRow(1, told) if isinstance(told, str) else told)


def test_of_several_templates_every_column_is_wanted() -> None:
    def variant(name: str, column: str) -> dict[str, Any]:
        body = {"type": "body", "parameters": [{"type": "text", "text": f"{{{{{column}}}}}"}]}
        template = {"name": name, "language": {"code": "en"}, "components": [body]}
        return {"name": name, "share": 0.5, "template": template}

    [good, bad] = json('{"to":"15550001","x":"1","y":"2"}\n{"to":"15550001","x":"1"}', template=None,
                       variants=[variant("a", "x"), variant("b", "y")])  # fmt: skip
    assert isinstance(good, Candidate)
    assert good.columns == {"x": "1", "y": "2"}
    assert bad == BadRow(2, "y: is missing")


def test_a_template_without_holes_asks_for_nobodys_name() -> None:
    template = {"name": "plain", "language": {"code": "en"}}
    assert csv("to\n15550001\n", template=template) == [Candidate(2, RecipientKind.PHONE, "15550001", {}, "")]
