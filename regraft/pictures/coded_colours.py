"""Colours that a file explains by a few numbers: a profile is made of them, as those that it may hold instead.

PNG's cICP and cHRM and AVIF's nclx say where red, green, blue and white are, and how much light a value stands for.
https://www.itu.int/rec/T-REC-H.273, tables 2 and 3
"""

import struct
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Chromaticities = tuple[float, ...]
"""x and y of white, red, green and blue: https://en.wikipedia.org/wiki/CIE_1931_color_space."""
Light = NDArray[np.float64]

D65, C = (0.3127, 0.3290), (0.310, 0.316)
SRGB: Chromaticities = (*D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
PRIMARIES: dict[int, Chromaticities] = {
    1: SRGB,
    4: (*C, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (*D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    7: (*D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    8: (*C, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049),
    9: (*D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (*D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    22: (*D65, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077),
}
"""By the numbers of H.273; all others are taken for sRGB's."""
GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0, 17: 2.6}
"""Exponents by the numbers of H.273."""
PQ, HLG = 16, 18
"""The numbers of the two that are for screens brighter than white paper."""
PAPER_WHITE = 203
"""Candela per square metre of a white sheet in a PQ or HLG picture: https://www.itu.int/pub/R-REP-BT.2408."""
PQ_WHITE, HLG_WHITE = 10_000, 1_000
"""The same of the brightest value."""
HLG_EXPONENT = 1.2
"""From light in the scene to light on such a screen: https://www.itu.int/rec/R-REC-BT.2100."""
CHROMATICITY_TOLERANCE = 0.005
"""Differences of x or y that nobody sees; what programs write for sRGB differs in the last digits."""
CURVE_POINTS = 4096
D50 = (0.9642, 1.0, 0.8249)
"""X, Y and Z of white in profiles."""
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
"""From X, Y, Z to what the eye's three receptors get: ICC.1:2010, annex E."""


@lru_cache(64)
def profile_of_codes(primaries: int, transfer: int) -> bytes:
    """Return an ICC profile for numbers of H.273; none where they mean sRGB, or the usual of a television."""
    chromaticities = PRIMARIES.get(primaries, SRGB)
    if chromaticities is SRGB and transfer not in (PQ, HLG, *GAMMAS):
        return b""
    return _profile(chromaticities, _light(transfer))


@lru_cache(64)
def profile_of_chromaticities(chromaticities: Chromaticities, gamma: float | None) -> bytes:
    """Return an ICC profile for where white, red, green and blue are, and an exponent or sRGB's curve.

    None where these are sRGB's, or no colours.
    """
    if 0 in chromaticities[1::2]:
        return b""
    if max(abs(own - usual) for own, usual in zip(chromaticities, SRGB, strict=True)) < CHROMATICITY_TOLERANCE:
        return b""
    try:
        return _profile(chromaticities, _srgb_light() if gamma is None else _values() ** gamma)
    except (np.linalg.LinAlgError, struct.error, ValueError, OverflowError):
        return b""


def _values() -> Light:
    return np.linspace(0, 1, CURVE_POINTS)


def _srgb_light() -> Light:
    """What each value stands for, of 1: IEC 61966-2-1."""
    values = _values()
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _light(transfer: int) -> Light:
    """How much light each value from 0 to 1 stands for, of that of a white sheet; what is brighter is white.

    PQ: SMPTE ST 2084; HLG: https://www.itu.int/rec/R-REC-BT.2100.
    """
    values = _values()
    if transfer == PQ:
        root = values ** (1 / 78.84375)
        light = (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125)
        return np.minimum(light * PQ_WHITE / PAPER_WHITE, 1)
    if transfer == HLG:
        bright = (np.exp((values - 0.55991073) / 0.17883277) + 0.28466892) / 12
        scene = np.where(values <= 0.5, values**2 / 3, bright)
        return np.minimum(scene**HLG_EXPONENT * HLG_WHITE / PAPER_WHITE, 1)
    return values ** GAMMAS[transfer] if transfer in GAMMAS else _srgb_light()


def _profile(chromaticities: Chromaticities, light: Light) -> bytes:
    """An ICC profile of a matrix and a curve: https://www.color.org/specification/ICC.1-2022-05.pdf."""
    curve = b"curv" + struct.pack(">II", 0, len(light)) + np.rint(light * 65535).astype(">u2").tobytes()
    columns = [b"XYZ " + bytes(4) + _fixed(*column) for column in _matrix(chromaticities).T]
    tags = list(zip((b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC"), (*columns, *[curve] * 3), strict=True))
    tags.append((b"wtpt", b"XYZ " + bytes(4) + _fixed(*D50)))
    start = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, tag in tags:
        table += name + struct.pack(">II", start + len(body), len(tag))
        body += tag + bytes(-len(tag) % 4)
    header = struct.pack(">I4xI4s4s4s12x4s28x", start + len(body), 0x02100000, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    return (header + _fixed(*D50)).ljust(128, b"\0") + table + body


def _matrix(chromaticities: Chromaticities) -> Light:
    """From red, green and blue to X, Y, Z with the white of profiles, (3, 3)."""
    white, *colours = (np.array([x / y, 1, (1 - x - y) / y]) for x, y in np.reshape(chromaticities, (4, 2)))
    to_xyz = np.stack(colours, axis=1)
    to_xyz = to_xyz * np.linalg.solve(to_xyz, white)
    receptors = (BRADFORD @ np.array(D50)) / (BRADFORD @ white)
    return np.asarray(np.linalg.solve(BRADFORD, receptors[:, None] * (BRADFORD @ to_xyz)))


def _fixed(*values: float) -> bytes:
    """Numbers as profiles hold them, in 65,536ths."""
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))
