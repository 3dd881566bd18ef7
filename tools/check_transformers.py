#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Loads model directories that clbert wrote with transformers' class of their architecture, through
its AutoModel..., and fails where a tensor is missing, unexpected or of another shape.

Needs: pip install torch transformers. Usage: tools/check_transformers.py DIRECTORY...
"""
import json
import pathlib
import sys

import transformers

AUTO = {"BertModel": "AutoModel"}

failed = False
for directory in map(pathlib.Path, sys.argv[1:]):
    architecture = json.loads((directory / "config.json").read_text())["architectures"][0]
    auto = AUTO.get(architecture, architecture.replace("BertFor", "AutoModelFor"))
    model, info = getattr(transformers, auto).from_pretrained(directory, output_loading_info=True)
    wrong = {kind: sorted(map(str, keys)) for kind, keys in info.items() if keys}
    right = type(model).__name__ == architecture
    print(f"{directory}: {type(model).__name__}, {model.config.num_labels} labels:",
          wrong or "no key is missing or unexpected", "" if right else f"; not {architecture}")
    failed |= bool(wrong) or not right
sys.exit(failed)
