"""Files of models: of whole ones, .onnx and .keras, and of arrays by name, .npz, .safetensors, .pt, .pth.

Nothing in them is run: what is pickled in a file of PyTorch's is read as numbers only, and Keras reads
its files in its safe mode.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bpsheet.errors import InputError, MissingExtraError, ModelError, Problem
from bpsheet.files.whole import temporary_folder
from bpsheet.guard.arrays import check_unpacked, read_npz
from bpsheet.guard.gate import read_bytes
from bpsheet.models.imported import Imported

__all__ = ["ENDINGS", "MODELS", "arrays_in"]

# More than any sheet could hold: 100,000 weights of 8 bytes are a hundredth of it.
MOST_BYTES = 100_000_000
ZIP = b"PK"
# Where programs put the state of a model within what they save.
STATES = ("state_dict", "model_state_dict", "model", "net")
# The types of numbers of .safetensors. BF16 is the upper half of a float32.
TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "U8": "u1",
}


def arrays_in(path: Path) -> tuple[dict[str, Any], str]:
    """The arrays in a file by name, and the framework that wrote it, or "arrays".

    Raises ModelError for a file that is not what its name says, MissingExtraError for a file of
    PyTorch's without PyTorch.
    """
    reader = ENDINGS.get(path.suffix.lower())
    if reader is None:
        said = f"a file that ends in {', '.join((*MODELS, *ENDINGS))} expected"
        raise ModelError([Problem("", said)], str(path))
    try:
        return reader(path)
    except InputError as error:
        raise ModelError([Problem("", str(error))], str(path)) from None


def _npz(path: Path) -> tuple[dict[str, Any], str]:
    return dict(read_npz(path, MOST_BYTES)), "arrays"


def _safetensors(path: Path) -> tuple[dict[str, Any], str]:
    content = read_bytes(path, MOST_BYTES)
    length = int.from_bytes(content[:8], "little")
    try:
        head = json.loads(content[8 : 8 + length])
        framework = head.pop("__metadata__", {}).get("format", "")
        arrays = {}
        for name, entry in head.items():
            begin, end = entry["data_offsets"]
            kind = TYPES[entry["dtype"]]
            numbers = np.frombuffer(content[8 + length + begin : 8 + length + end], kind)
            if entry["dtype"] == "BF16":
                numbers = (numbers.astype("<u4") << 16).view("<f4")
            arrays[name] = numbers.reshape(entry["shape"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        said = f"not a file in the format safetensors ({type(error).__name__})"
        raise InputError(said) from None
    return arrays, "torch" if framework == "pt" else "arrays"


def _torch(path: Path) -> tuple[dict[str, Any], str]:
    try:
        import torch
    except ImportError:
        raise MissingExtraError(f"{path}: a file of PyTorch needs torch", "torch") from None
    content = read_bytes(path, MOST_BYTES)
    try:
        if content.startswith(ZIP):
            check_unpacked(content, MOST_BYTES)
        found = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a damaged or a hostile file raises
        said = (
            "no state_dict can be read from it. A pickled module would run its own code; save "
            "model.state_dict() instead, or give the module to bp.from_torch"
        )
        raise InputError(f"{said} ({type(error).__name__})") from None
    for key in STATES:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
    if not isinstance(found, Mapping) or not found:
        raise InputError(
            f"a state_dict, tensors by their names, expected; got {type(found).__name__}"
        )
    return dict(found), "torch"


ENDINGS: Mapping[str, Callable[[Path], tuple[dict[str, Any], str]]] = {
    ".npz": _npz,
    ".safetensors": _safetensors,
    ".pt": _torch,
    ".pth": _torch,
}


def _onnx_model(path: Path, loss: str | None) -> Imported:
    from bpsheet.models.onnx.reading import read_onnx

    return read_onnx(path, loss=loss)


def _keras_model(path: Path, loss: str | None) -> Imported:
    from bpsheet.models.keras.reading import read_keras

    try:
        from keras import saving  # type: ignore[import-untyped]
    except ImportError:
        raise MissingExtraError(f"{path}: a file of Keras needs keras", "keras") from None
    try:
        content = read_bytes(path, MOST_BYTES)
        check_unpacked(content, MOST_BYTES)
        with temporary_folder() as folder:
            (checked := folder / "model.keras").write_bytes(content)
            model = saving.load_model(checked, compile=False, safe_mode=True)
    except InputError as error:
        raise ModelError([Problem("", str(error))], str(path)) from None
    except Exception as error:  # noqa: BLE001 - whatever a damaged or a hostile file raises
        said = f"not a model that Keras reads in its safe mode ({type(error).__name__})"
        raise ModelError([Problem("", said)], str(path)) from None
    return read_keras(model, None, loss, None, batch_size="all", epochs=1, shape=None)


# The files that hold a whole model, and not only its arrays.
MODELS: Mapping[str, Callable[[Path, str | None], Imported]] = {
    ".onnx": _onnx_model,
    ".keras": _keras_model,
}
