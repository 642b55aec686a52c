"""Files of arrays by name (.npz) that come in: nothing pickled, and no more than a limit unpacked."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from bpsheet.errors import InputError
from bpsheet.guard.gate import BAD_ZIP, read_bytes

if TYPE_CHECKING:
    import numpy as np

__all__ = ["check_unpacked", "read_npz"]

# What a damaged or hostile file raises. An array may be said to be larger than any memory.
DAMAGE = (*BAD_ZIP, KeyError, MemoryError)


def read_npz(path: Path, most: int) -> dict[str, np.ndarray]:
    """The arrays in a file that `numpy.savez` wrote, of at most `most` bytes.

    Raises InputError, with only the reason as its message.
    """
    import numpy as np

    content = read_bytes(path, most)
    try:
        check_unpacked(content, most)
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return dict(arrays)
    except DAMAGE as error:
        raise InputError(f"not a file of arrays as numpy.savez writes it ({error})") from None


def check_unpacked(content: bytes, most: int) -> None:
    """Raise InputError for a zip that unpacks to more than `most` bytes, and zipfile's errors."""
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        if sum(part.file_size for part in package.infolist()) > most:
            raise InputError(f"more than {most:,} bytes when unpacked")
