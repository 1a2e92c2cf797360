"""The pack's page as it was printed: pages, their text, nothing cut off."""

import os
import pathlib

import checks
from checks import check
from pypdf import PdfReader

SHOTS = pathlib.Path(os.environ["SEATRIAL_SHOTS"])
PDF = PdfReader(SHOTS / "pack.pdf")
TEXT = [page.extract_text() for page in PDF.pages]


@check("it has several pages, and none is empty")
def _():
    assert len(PDF.pages) > 4, len(PDF.pages)
    assert all(len(text) > 100 for text in TEXT), [len(text) for text in TEXT]


@check("what a reader looks for is on paper, the end of the last table too")
def _():
    whole = "\n".join(TEXT)
    for said in ["SIMULATION", "Where AI may influence outcomes", "Who owns what", "Entries cited", "seatrial-verify"]:
        assert said in whole, said


@check("pages are A4, and numbered by the browser's own margin or by none")
def _():
    for page in PDF.pages:
        width, height = float(page.mediabox.width), float(page.mediabox.height)
        assert abs(width - 595) < 3 and abs(height - 842) < 3, (width, height)


checks.main()
