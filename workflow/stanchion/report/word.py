"""Tables → a document of Word: the same bytes for the same tables."""

from __future__ import annotations

import re
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import docx
from docx.document import Document
from docx.enum.section import WD_ORIENT
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.oxml.xmlchemy import BaseOxmlElement
from docx.shared import Mm, Pt, RGBColor, Twips
from docx.table import Table
from docx.text.paragraph import Paragraph

from stanchion.report.numbered import NumberedTable
from stanchion.report.tables import Tables
from stanchion.system.sentences import visible

CELL, NOTE = "Table Cell", "Table Note"
_A4, _MARGIN = (297, 210), 20
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip file can hold."""
_NARROWEST, _WIDEST = 5, 32
"""Characters of a column that its width is in proportion to."""
_NO_CHARACTERS = re.compile("[\ufffe\uffff]")


def render(tables: Tables) -> bytes:
    """Return the document: title, verdict, and each table with its caption and notes."""
    document = docx.Document()
    _set_up(document, tables)
    document.add_paragraph(_text(tables.title), style="Heading 1")
    document.add_paragraph(style="Normal").add_run(_text(tables.verdict)).bold = True
    for reason in tables.reasons:
        document.add_paragraph(_text(reason), style="List Bullet")
    for number, table in enumerate(tables.tables, start=1):
        _add_table(document, table, number)
    return _packed(document)


def _set_up(document: Document, tables: Tables) -> None:
    """Set page, styles and properties: what the template says of its own making goes."""
    section = document.sections[0]
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = (Mm(side) for side in _A4)
    section.left_margin = section.right_margin = Mm(_MARGIN)
    section.top_margin = section.bottom_margin = Mm(_MARGIN)
    styles = document.styles
    for name, size in ((CELL, 9.0), (NOTE, 8.0)):
        style = styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        style.base_style = styles["Normal"]
        style.font.size = Pt(size)
        style.paragraph_format.space_before = Pt(1)
        style.paragraph_format.space_after = Pt(1)
        style.paragraph_format.line_spacing = 1.0
    for name in ("Heading 1", "Caption"):
        styles[name].font.color.rgb = RGBColor(0, 0, 0)
    caption = styles["Caption"].paragraph_format
    caption.space_before, caption.space_after, caption.keep_with_next = Pt(14), Pt(3), True
    properties = document.core_properties
    properties.title, properties.subject = _text(tables.title)[:255], _text(tables.subject)[:255]
    properties.author = properties.comments = ""
    for element in list(properties._element):
        if element.tag in (qn("dcterms:created"), qn("dcterms:modified")):
            properties._element.remove(element)
    relations = document.part.package.rels
    for key in [
        key for key, rel in relations.items() if rel.reltype == RELATIONSHIP_TYPE.THUMBNAIL
    ]:
        del relations[key]


def _add_table(document: Document, content: NumberedTable, number: int) -> None:
    caption = document.add_paragraph("Table ", style="Caption")
    _add_field(caption, "SEQ Table \\* ARABIC", str(number))
    caption.add_run(_text(f". {content.caption}"))
    style = document.styles[CELL].style_id
    widths = _widths(content, Mm(_A4[0] - 2 * _MARGIN).twips)
    table = document.add_table(rows=0, cols=len(content.headings))
    for column, width in zip(table.columns, widths, strict=True):
        column.width = Twips(width)
    _describe(table, content)
    for row in (content.headings, *content.rows):
        cells = table.add_row().cells
        for column, (cell, text) in enumerate(zip(cells, row, strict=True)):
            cell.width = Twips(widths[column])
            paragraph = cell.paragraphs[0]
            paragraph._p.style = style  # by its id: a look-up by name took most of the time
            paragraph.add_run(_text(text)).bold = row is content.headings
            if column >= content.words:
                paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    _rule_rows(table)
    above = [cell.paragraphs[0] for cell in cells]
    for note in content.notes:
        for paragraph in above:
            paragraph.paragraph_format.keep_with_next = True  # no note alone on the next page
        above = [document.add_paragraph(_text(note), style=NOTE)]


def _add_field(paragraph: Paragraph, instruction: str, result: str) -> None:
    """Add a field that Word counts anew, with what it has counted so far."""
    for kind in ("begin", "separate", "end"):
        mark = OxmlElement("w:fldChar")
        mark.set(qn("w:fldCharType"), kind)
        paragraph.add_run()._r.append(mark)
        if kind == "begin":
            words = OxmlElement("w:instrText")
            words.text = f" {instruction} "
            words.set(qn("xml:space"), "preserve")
            paragraph.add_run()._r.append(words)
        elif kind == "separate":
            paragraph.add_run(result)


def _describe(table: Table, content: NumberedTable) -> None:
    """Give a table its rules above and below, its full width, and its words for screen readers."""
    properties = table._tbl.tblPr
    width = properties.find(qn("w:tblW"))
    width.set(qn("w:type"), "pct")
    width.set(qn("w:w"), "5000")
    borders = OxmlElement("w:tblBorders")
    for side in ("top", "bottom"):
        borders.append(_border(side, 8))
    width.addnext(borders)
    words = OxmlElement("w:tblCaption")
    words.set(qn("w:val"), _text(content.caption))
    properties.append(words)


def _border(side: str, eighths: int) -> BaseOxmlElement:
    border = OxmlElement(f"w:{side}")
    for name, value in (
        ("val", "single"),
        ("sz", str(eighths)),
        ("space", "0"),
        ("color", "000000"),
    ):
        border.set(qn(f"w:{name}"), value)
    return border


def _rule_rows(table: Table) -> None:
    """Repeat the headings on each page, with a rule below; no row is broken in two."""
    for number, row in enumerate(table.rows):
        properties = row._tr.get_or_add_trPr()
        properties.append(OxmlElement("w:cantSplit"))
        if number == 0:
            properties.append(OxmlElement("w:tblHeader"))
            for cell in row.cells:
                borders = OxmlElement("w:tcBorders")
                borders.append(_border("bottom", 4))
                cell._tc.get_or_add_tcPr().append(borders)


def _widths(content: NumberedTable, total: int) -> list[int]:
    """Return the columns' widths, in proportion to their longest cells and words of headings."""
    longest = [
        max([*map(len, heading.split()), *(len(row[column]) for row in content.rows)], default=0)
        for column, heading in enumerate(content.headings)
    ]
    shares = [min(max(length, _NARROWEST), _WIDEST) + 2 for length in longest]
    return [total * share // sum(shares) for share in shares]


def _text(text: str) -> str:
    """Return a text on one line, without characters that XML cannot hold."""
    return _NO_CHARACTERS.sub("\ufffd", visible(" ".join(text.split())))


def _packed(document: Document) -> bytes:
    """Return the document's file, its parts without the time at which they were written."""
    written, result = BytesIO(), BytesIO()
    document.save(written)
    with ZipFile(written) as source, ZipFile(result, "w") as target:
        for name in source.namelist():
            part = ZipInfo(name, _EPOCH)
            part.compress_type = ZIP_DEFLATED
            target.writestr(part, source.read(name))
    return result.getvalue()
