#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Opens a corpus of `clbert prepare` with Megatron-LM's own IndexedDataset, and writes it again with
Megatron's builder: sentences and documents must agree, and the files must have the same bytes.

Only Megatron's one module is used, out of its wheel; what it imports of the rest is replaced.
Needs: pip install torch numpy; pip download --no-deps megatron-core.
Usage: tools/check_megatron.py WHEEL CORPUS
"""
import filecmp
import json
import sys
import tempfile
import types
import zipfile

import numpy
import torch

NAME = "megatron/core/datasets/indexed_dataset.py"


class Anything(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *arguments, **named: False


def load_module(wheel):
    for name in ("megatron", "megatron.core", "megatron.core.datasets", "megatron.core.msc_utils",
                 "megatron.core.utils", "megatron.core.datasets.object_storage_utils"):
        sys.modules[name] = Anything(name)
    sys.modules["megatron.core.msc_utils"].MultiStorageClientFeature = types.SimpleNamespace(is_enabled=lambda: False)
    module = types.ModuleType("indexed_dataset")
    exec(compile(zipfile.ZipFile(wheel).read(NAME), NAME, "exec"), module.__dict__)
    return module


def check(megatron, prefix, counts):
    ours = megatron.IndexedDataset(prefix)
    documents = ours.document_indices
    assert len(ours) == counts["sentences"], (len(ours), counts)
    assert len(documents) == counts["documents"] + 1 and documents[-1] == len(ours)
    assert int(ours.sequence_lengths.sum(dtype=numpy.int64)) == counts["tokens"]
    with tempfile.TemporaryDirectory() as directory:
        builder = megatron.IndexedDatasetBuilder(f"{directory}/again.bin", dtype=ours.index.dtype)
        for begin, end in zip(documents[:-1], documents[1:]):
            for sentence in range(begin, end):
                builder.add_item(torch.from_numpy(ours[sentence].astype(numpy.int32)))
            builder.end_document()
        builder.finalize(f"{directory}/again.idx")
        for suffix in ("bin", "idx"):
            assert filecmp.cmp(f"{prefix}.{suffix}", f"{directory}/again.{suffix}", shallow=False), suffix
    print(f"{prefix}: {len(ours)} sentences in {len(documents) - 1} documents; written again, the same bytes")


def main():
    wheel, corpus = sys.argv[1:]
    megatron = load_module(wheel)
    with open(f"{corpus}/corpus.json", encoding="utf-8") as file:
        description = json.load(file)
    for split in ("train", "validation"):
        check(megatron, f"{corpus}/{split}", description[split])


main()
