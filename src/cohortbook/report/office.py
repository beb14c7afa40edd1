"""What Word files and spreadsheets share: they are zip archives of XML."""

from __future__ import annotations

import io
import re
import zipfile

#: The day that every file of an archive bears, so that the same contents give the same bytes.
DAY = (1980, 1, 1, 0, 0, 0)
_STAMP = re.compile(rb"(<dcterms:(created|modified)\b[^>]*>)[^<]*(</dcterms:\2>)")


def stable(archive: bytes) -> bytes:
    """Return an archive without any trace of when it was made."""
    held = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":
                content = _STAMP.sub(rb"\g<1>1980-01-01T00:00:00Z\g<3>", content)
            about = zipfile.ZipInfo(name, DAY)
            about.compress_type, about.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            new.writestr(about, content)
    return held.getvalue()


def printable(text: str) -> str:
    """Leave out the characters that XML cannot hold.

    Examples
    --------
    >>> printable("a\\x00b\\ud800c\\td")
    'abc\\td'
    """
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", "", text)
