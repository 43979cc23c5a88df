"""Pictures of pages for the documentation: PNG with a palette, which has a third of the size."""

import base64
import struct
import zlib
from pathlib import Path

from playwright.sync_api import Page

_INDEXED = """async given => {
    const bytes = Uint8Array.from(atob(given), letter => letter.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const { width, height } = bitmap, copy = new OffscreenCanvas(width, height).getContext("2d");
    copy.drawImage(bitmap, 0, 0);
    const pixels = new Uint32Array(copy.getImageData(0, 0, width, height).data.buffer), counts = new Map();
    for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
    const parts = colour => [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255];
    const often = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 256).map(([colour]) => parts(colour));
    const place = new Map([...counts.keys()].map(colour => {
        const mine = parts(colour);
        const far = often.map(each => each.reduce((sum, part, at) => sum + (part - mine[at]) ** 2, 0));
        return [colour, far.indexOf(Math.min(...far))];
    }));
    let indexes = "";
    for (let at = 0; at < pixels.length; at += 8192)
        indexes += String.fromCharCode(...pixels.subarray(at, at + 8192).map(pixel => place.get(pixel)));
    return [width, height, often.flat(), btoa(indexes)];
}"""


def picture(page: Page, path: Path) -> None:
    """What the page's window shows now, in its 256 most frequent colours."""
    seen = base64.b64encode(page.screenshot()).decode()
    width, height, palette, indexes = page.evaluate(_INDEXED, seen)
    rows = base64.b64decode(indexes)
    lines = b"".join(b"\0" + rows[at : at + width] for at in range(0, width * height, width))
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = ((b"IHDR", head), (b"PLTE", bytes(palette)), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
