"""CIFAR-10 from archives in its official formats, written here in miniature."""

from __future__ import annotations

import io
import pickle
import struct
import tarfile

import numpy as np
import pytest

from pellucid import read_cifar10
from pellucid.core.errors import FileError, ParameterError

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
rng = np.random.default_rng(0)
BATCHES = {
    name: (rng.integers(0, 256, (4, 3072), dtype=np.uint8), rng.integers(0, 10, 4).tolist())
    for name in (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch")
}


def python2(pixels, labels, name):
    """A batch as Python 2 wrote the official ones: texts of bytes, protocol 2, memoised."""
    memo = iter(range(1000))

    def put():
        return b"q" + bytes([next(memo)])

    def short(text):
        return b"U" + bytes([len(text)]) + text.encode() + put()

    raw = pixels.tobytes()
    shape = b"(K" + bytes([0]) + b"t" + put()
    array = b"cnumpy.core.multiarray\n_reconstruct\n" + put()
    array += b"cnumpy\nndarray\n" + put() + b"K\x00\x85" + put() + short("b") + b"\x87" + put() + b"R" + put()
    shape = b"J" + struct.pack("<i", len(pixels)) + b"M" + struct.pack("<H", 3072) + b"\x86" + put()
    dtype = b"cnumpy\ndtype\n" + put() + short("u1") + b"K\x00K\x01\x87" + put() + b"R" + put()
    dtype += b"(K\x03" + short("|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t" + put() + b"b"
    array += (
        b"(K\x01" + shape + dtype + b"\x89T" + struct.pack("<i", len(raw)) + raw + put() + b"t" + put() + b"b"
    )
    numbers = b"]" + put() + b"(" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    files = b"]" + put() + b"(" + b"".join(short(f"{i}.png") for i in range(len(labels))) + b"e"
    held = short("batch_label") + short(name) + short("labels") + numbers
    held += short("data") + array + short("filenames") + files
    return b"\x80\x02}" + put() + b"(" + held + b"u."


def python3(pixels, labels, name, protocol):
    return pickle.dumps({b"data": pixels, b"labels": labels, b"batch_label": name.encode()}, protocol)


def meta(protocol=2):
    return pickle.dumps({"label_names": list(NAMES), "num_vis": 3072}, protocol)


def files(kind):
    """Name -> bytes of every file of an archive."""
    if kind == "binary":
        held = {
            f"{name}.bin": b"".join(bytes([label]) + row.tobytes() for row, label in zip(*batch, strict=True))
            for name, batch in BATCHES.items()
        }
        return {**held, "batches.meta.txt": "\n".join(NAMES).encode() + b"\n\n"}
    write = python2 if kind == "python2" else lambda p, y, n: python3(p, y, n, int(kind))
    return {**{name: write(*batch, name) for name, batch in BATCHES.items()}, "batches.meta": meta()}


def laid(tmp_path, kind, packed):
    home = "cifar-10-batches-bin" if kind == "binary" else "cifar-10-batches-py"
    if not packed:
        (tmp_path / home).mkdir()
        for name, data in files(kind).items():
            (tmp_path / home / name).write_bytes(data)
        return tmp_path
    with tarfile.open(
        tmp_path / f"cifar-10-{'binary' if kind == 'binary' else 'python'}.tar.gz", "w:gz"
    ) as archive:
        for name, data in files(kind).items():
            info = tarfile.TarInfo(f"{home}/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return tmp_path


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "archive"])
@pytest.mark.parametrize("kind", ["python2", "2", "4", "binary"])
def test_images_classes_and_names(tmp_path, kind, packed):
    folder = laid(tmp_path, kind, packed)
    for part, names in (("test", ["test_batch"]), ("train", [f"data_batch_{k}" for k in range(1, 6)])):
        data = read_cifar10(folder, part)
        pixels = np.concatenate([BATCHES[n][0] for n in names])
        np.testing.assert_array_equal(
            data.x, (pixels.reshape(-1, 3, 32, 32) / np.float32(255)).astype(np.float32)
        )
        assert data.y.tolist() == [label for n in names for label in BATCHES[n][1]]
        assert data.classes == NAMES
        assert data.x.dtype == np.float32
        assert 0 <= data.x.min() <= data.x.max() <= 1


def test_the_folder_of_the_batches_itself(tmp_path):
    laid(tmp_path, "binary", False)
    assert len(read_cifar10(tmp_path / "cifar-10-batches-bin").y) == 4


def test_pickles_are_read_and_never_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (exec, ("raise SystemExit('run')",))

    home = tmp_path / "cifar-10-batches-py"
    home.mkdir()
    (home / "test_batch").write_bytes(pickle.dumps({"data": Bomb(), "labels": [1]}, 2))
    with pytest.raises(FileError, match=r"test_batch is no batch of CIFAR-10"):
        read_cifar10(tmp_path)


def test_bad_folders_and_files(tmp_path):
    with pytest.raises(FileError, match=r"holds no CIFAR-10.*cifar-10-python.tar.gz"):
        read_cifar10(tmp_path)
    with pytest.raises(ParameterError, match=r"no part 'validation'"):
        read_cifar10(tmp_path, "validation")
    home = tmp_path / "cifar-10-batches-bin"
    home.mkdir()
    (home / "test_batch.bin").write_bytes(b"short")
    with pytest.raises(FileError, match=r"test_batch.bin is damaged. Got 5 bytes"):
        read_cifar10(tmp_path)
    with pytest.raises(FileError, match=r"no data_batch_1"):
        read_cifar10(tmp_path, "train")
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "cifar-10-python.tar.gz").write_bytes(b"no archive")
    with pytest.raises(FileError, match=r"cannot be read"):
        read_cifar10(tmp_path / "x")
