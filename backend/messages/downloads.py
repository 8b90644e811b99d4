"""Files to take away."""

from urllib.parse import quote

from fastapi import Response


def zip_file(data: bytes, filename: str) -> Response:
    """Return a zip as an answer that browsers save under this name, of whatever characters (RFC 6266)."""
    quoted = quote(filename, safe="")
    # The older form, which every client reads, where the name allows it.
    named = f'filename="{filename}"' if filename == quoted else f"filename*=UTF-8''{quoted}"
    headers = {"Content-Disposition": f"attachment; {named}"}
    return Response(data, media_type="application/zip", headers=headers)
