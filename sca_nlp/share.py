"""Where the files that come with the package are: beside it in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

from sca_nlp.errors import UnknownNameError

_PACKAGE = Path(__file__).resolve().parent


def share_path(*parts: str) -> Path:
    """Return the path of a shipped file, such as `share_path("configs", "codebook.toml")`.

    Raises:
        UnknownNameError: nothing of that name was shipped.
    """
    for root in (_PACKAGE.parent, _PACKAGE / "_share"):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    folder = next(
        (r.joinpath(*parts[:-1]) for r in (_PACKAGE.parent, _PACKAGE / "_share") if r.joinpath(*parts[:-1]).is_dir()),
        None,
    )
    raise UnknownNameError("shipped file", "/".join(parts), [p.name for p in folder.iterdir()] if folder else [])
