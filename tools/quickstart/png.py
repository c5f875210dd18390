"""The little of PNG that the scripts need: writing RGB pixels, and the size of a file that is complete."""
import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def write_rgb(path, pixels):
    """pixels: uint8 array, (height, width, 3)."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width, _ = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    with open(path, "wb") as file:
        file.write(SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def size(path):
    """(height, width). Raises ValueError where the file is no PNG, is cut off, or has a damaged chunk."""
    with open(path, "rb") as file:
        data = file.read()
    if not data.startswith(SIGNATURE):
        raise ValueError("not a PNG file")
    at, found = len(SIGNATURE), None
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            break
        if struct.unpack_from(">I", data, end - 4)[0] != zlib.crc32(data[at + 4:end - 4]):
            raise ValueError(f"damaged PNG file: wrong checksum in chunk {kind.decode('latin-1')}")
        if kind == b"IHDR" and length == 13:
            width, height = struct.unpack_from(">II", data, at + 8)
            found = height, width
        if kind == b"IEND" and found and min(found) > 0:
            return found
        at = end
    raise ValueError("truncated PNG file")
