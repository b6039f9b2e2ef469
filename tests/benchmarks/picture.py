"""A picture being drawn all the time, in a process of its own: candles as pixels, then as a PNG.

The product draws in a process beside the console; this one keeps a core as busy as that would.
"""

import math
import struct
import sys
import threading
import zlib

from tests.benchmarks.children import say

WIDTH, HEIGHT, CANDLES = 900, 500, 120


def drawn(turn: int) -> bytes:
    """Draw candles and give the PNG's bytes."""
    rows = [bytearray(b"\xff" * WIDTH * 3) for _ in range(HEIGHT)]
    for candle in range(CANDLES):
        middle = HEIGHT / 2 + 150 * math.sin((candle + turn) / 9)
        top, bottom = int(middle - 20), int(middle + 20)
        left = candle * WIDTH // CANDLES
        colour = b"\x20\x90\x50" if candle % 3 else b"\xc0\x30\x30"
        for y in range(top, bottom):
            for x in range(left, left + WIDTH // CANDLES - 2):
                rows[y][x * 3 : x * 3 + 3] = colour
    raw = b"".join(b"\0" + row for row in rows)
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(raw, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    )


def main() -> None:
    gone = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        gone.set()

    threading.Thread(target=wait, daemon=True).start()
    say("drawing")
    turn = 0
    while not gone.is_set():
        drawn(turn)
        turn += 1


if __name__ == "__main__":
    main()
