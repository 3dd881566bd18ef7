#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/embeddings for tests/test_embed.c: a directory as sentence-transformers saves
one, of the encoder in tests/golden/tasks/start, and expected.json, what its texts become by PyTorch
in double precision: "mean", "cls", "max", and "normalized" of the mean.

Needs: pip install torch transformers. Usage: tools/make_golden_embeddings.py
"""
import json
import pathlib
import shutil

import torch
import transformers

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden"
HERE, ENCODER = GOLDEN / "embeddings", GOLDEN / "tasks" / "start"
SHAPE = dict(architectures=["BertModel"], vocab_size=31, hidden_size=16, num_hidden_layers=2,
             num_attention_heads=2, intermediate_size=24, max_position_embeddings=16)  # the encoder's
LENGTH = 9
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", ",", "?", "saya", "makan", "nasi", "di",
         "pasar", "budi", "mem", "##beli", "buah", "ikan", "a", "b", "##a", "##n", "##i", "kucing",
         "tidur", "besar", "kecil", "hari", "ini", "dan", "日"]
TEXTS = ["", "saya makan nasi.", "Budi membeli ikan di pasar", "   ", "kucing", "Náśi", "saya [MASK] nasi",
         "日日 dan 日", "zebra", "budi dan saya makan ikan di pasar hari ini",
         "a a a a a a a", "a a a a a a a a", "b?", "saya makan nasi dan ikan dan buah " * 9]
FILES = {
    "modules.json": [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
                     {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}],
    "sentence_bert_config.json": {"max_seq_length": LENGTH, "do_lower_case": False},
    "1_Pooling/config.json": {"word_embedding_dimension": 16, "pooling_mode_cls_token": False,
                              "pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": False,
                              "pooling_mode_mean_sqrt_len_tokens": False},
    "tokenizer_config.json": {"do_lower_case": True, "tokenizer_class": "BertTokenizer", "model_max_length": 16},
}


def main():
    (HERE / "1_Pooling").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ENCODER / "model.safetensors", HERE / "model.safetensors")
    transformers.BertConfig(**SHAPE).save_pretrained(HERE)
    (HERE / "vocab.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    for name, content in FILES.items():
        (HERE / name).write_text(json.dumps(content, indent=1) + "\n")
    model = transformers.BertModel.from_pretrained(HERE, attn_implementation="eager").double().eval()
    tokenizer = transformers.BertTokenizerFast(vocab=str(HERE / "vocab.txt"), do_lower_case=True)
    expected = {"texts": TEXTS, "mean": [], "cls": [], "max": [], "normalized": []}
    for text in TEXTS:
        ids = tokenizer(text, truncation=True, max_length=LENGTH)["input_ids"]
        with torch.no_grad():
            hidden = model(input_ids=torch.tensor([ids])).last_hidden_state[0]
        mean = hidden.mean(0)
        rows = {"mean": mean, "cls": hidden[0], "max": hidden.max(0).values,
                "normalized": torch.nn.functional.normalize(mean, dim=0)}
        for kind, row in rows.items():
            expected[kind].append([round(number, 9) for number in row.tolist()])
        print(len(ids), ids, text[:40])
    (HERE / "expected.json").write_text(json.dumps(expected, ensure_ascii=False) + "\n", encoding="utf-8")


main()
