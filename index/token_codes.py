"""Token vectors as they are stored, one byte a number and a scale a token, and compared."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_UNSHARED = 1 << 18  # multiplications in a product that BLAS doesn't share between threads
_PIECES = 16  # such products at once: their float32 copies stay in the processor's cache


def encode_tokens(tokens: Floats) -> bytes:
    """Token vectors (t, d) as (t,) float16 scales, then (t, d) int8; values under 3e-5 are lost."""
    largest = np.abs(tokens).max(axis=1, initial=0)
    scales = np.maximum(largest / 127, np.finfo("<f2").tiny).astype("<f2")
    levels = np.clip(np.rint(tokens / scales[:, None].astype(np.float32)), -127, 127)
    return scales.tobytes() + levels.astype(np.int8).tobytes()


def decode_tokens(data: bytes, dimension: int) -> Floats:
    """The token vectors (t, d) of `encode_tokens`."""
    count = token_count(data, dimension)
    scales = np.frombuffer(data, "<f2", count).astype(np.float32)
    levels = np.frombuffer(data, np.int8, offset=2 * count).reshape(count, dimension)
    return levels * scales[:, None]


def token_count(data: bytes, dimension: int) -> int:
    """How many token vectors are in the bytes of `encode_tokens`."""
    return len(data) // (dimension + 2)


def similar_tokens(
    coded: Sequence[bytes], view: Floats, common: Floats
) -> tuple[Floats, NDArray[np.int64]]:
    """Cosines of unit vectors with the token vectors of chunks, less what all of these share.

    As q'(t - c) / |t - c| with |t - c|^2 = |t|^2 - 2tc + |c|^2, a few tokens at a time: nothing as
    large as all token vectors is written as float32.

    Args:
        coded: (n) chunks' token vectors as of `encode_tokens`.
        view: (q, d) of unit length.
        common: (d,) taken away from each token vector.

    Returns:
        (q, t) cosines with the tokens of all chunks, one after the other; (n,) tokens in each.
    """
    dimension = len(common)
    sizes = np.array([token_count(data, dimension) for data in coded], np.int64)
    counts = sizes.tolist()
    heads = [data[: 2 * count] for data, count in zip(coded, counts, strict=True)]
    scales = np.frombuffer(b"".join(heads), "<f2").astype(np.float32)[:, None]

    # Products too small for BLAS to share among threads, which wait for each other too long.
    both = np.ascontiguousarray(np.vstack([view, common]).T)
    rows = max(1, _UNSHARED // both.size)
    count = len(scales)
    bodies = [data[2 * count :] for data, count in zip(coded, counts, strict=True)]
    levels = np.frombuffer(b"".join([*bodies, bytes(-count % rows * dimension)]), np.int8)
    levels = levels.reshape(-1, rows, dimension)

    similar = np.empty((count, len(view)), np.float32)
    for start in range(0, count, _PIECES * rows):
        part = slice(start, min(start + _PIECES * rows, count))
        size = part.stop - start
        pieces = levels[start // rows :][:_PIECES].astype(np.float32)
        products = (pieces @ both).reshape(-1, both.shape[1])[:size] * scales[part]
        squares = np.einsum("prd,prd->pr", pieces, pieces).reshape(-1, 1)[:size] * scales[part] ** 2
        lengths = np.sqrt(np.maximum(squares - 2 * products[:, -1:] + common @ common, 1e-12))
        similar[part] = (products[:, :-1] - view @ common) / lengths
    return similar.T, sizes
