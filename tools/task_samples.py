# SPDX-License-Identifier: Apache-2.0
"""Small labelled sets and models to fine-tune, for tools/compare_tasks.py and train_tasks_pytorch.py:
words that the vocabulary has, words in pieces, and what it lacks."""
import json
import os
import pathlib
import random

import torch
import transformers

WORDS = "budi siti ani joko santoso pergi ke pasar membeli nasi ikan buah soto segar matang di rumah dan yang".split()
SIGNS = list(".,?!'-()/:0123456789")
LETTERS = list("abcdefghijklmnopqrstuvwxyz")
VOCABULARY = (["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + WORDS + SIGNS + LETTERS +
              ["##" + c for c in LETTERS + list("0123456789")])
ODD = ["漢字", "🙂", "Ünïcode", "can't", "e-mail", "(pasar)", "3.000", "Straße", "[UNK]", "naïf"]
STRETCHED = ["İstanbul", "cafe\u0301", "한국어", "A\u030a"]  # their pieces have more, or fewer, characters
TASKS = ["classification", "pairs", "multi-label-classification", "regression", "token-classification",
         "question-answering"]
NAMES = {"classification": ["buruk", "baik", "sedang"], "pairs": ["0", "1"],
         "multi-label-classification": ["orang", "makanan", "tempat", "lain"], "regression": None,
         "token-classification": ["B-LOC", "B-PER", "I-LOC", "I-PER", "O"], "question-answering": None}
CLASSES = {"token-classification": "TokenClassification", "question-answering": "QuestionAnswering"}
PROBLEMS = {"classification": "single_label_classification", "pairs": "single_label_classification",
            "multi-label-classification": "multi_label_classification", "regression": "regression"}


def model_class(task, prefix="Bert"):
    return getattr(transformers, f"{prefix}For{CLASSES.get(task, 'SequenceClassification')}")


def clbert_task(task):
    return "classification" if task == "pairs" else task


def save_tokenizer(directory):
    pathlib.Path(directory).mkdir(parents=True, exist_ok=True)
    pathlib.Path(directory, "vocab.txt").write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    tokenizer = transformers.BertTokenizer(vocab=str(pathlib.Path(directory, "vocab.txt")), do_lower_case=True,
                                           model_max_length=96)
    tokenizer.save_pretrained(directory)


def save_model(directory, model_class, seed=1, shards=None, **changes):
    """A model with large random weights, so that its answers differ."""
    torch.manual_seed(seed)
    shape = dict(vocab_size=len(VOCABULARY), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
                 intermediate_size=64, max_position_embeddings=96, initializer_range=0.2)
    model = model_class(transformers.BertConfig(**{**shape, **changes})).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.1)
    model.save_pretrained(directory, **({"max_shard_size": shards} if shards else {}))
    save_tokenizer(directory)
    return model


def labelled(names):
    return {"id2label": dict(enumerate(names)), "label2id": {n: i for i, n in enumerate(names)}}


def with_head(task, names=None, **changes):
    """Settings of a model for the task."""
    names = names or NAMES[task]
    changes = {"problem_type": PROBLEMS.get(task), **changes}
    return {**changes, **(labelled(names) if names else {"num_labels": 1 if task == "regression" else 2})}


class Samples:
    def __init__(self, seed=1, stretched=True):
        self.random = random.Random(seed)
        self.odd = ODD + (STRETCHED if stretched else [])

    def word(self):
        kind = self.random.random()
        if kind < 0.15:
            return self.random.choice(self.odd)
        if kind < 0.3:
            return "".join(self.random.choices(LETTERS, k=self.random.randrange(2, 9)))
        word = self.random.choice(WORDS)
        return word.capitalize() if self.random.random() < 0.3 else word

    def words(self, count):
        return [self.word() for _ in range(count)]

    def text(self, longest=16):
        return " ".join(self.words(self.random.randrange(1, longest + 1))) + self.random.choice(["", ".", " ?"])

    def record(self, task, longest=16):
        r = self.random
        if task == "pairs":
            return {"text_a": self.text(longest), "text_b": self.text(longest), "label": r.choice(NAMES[task])}
        if task == "token-classification":
            tokens = self.words(r.randrange(1, longest + 1))
            return {"tokens": tokens, "tags": [r.choice(NAMES[task]) for _ in tokens]}
        if task == "question-answering":
            context = self.words(r.randrange(3, 3 * longest))
            first = r.randrange(len(context))
            last = min(len(context) - 1, first + r.randrange(3))
            start = len(" ".join(context[:first] + [""]))
            return {"id": str(r.random()), "question": self.text(6), "context": " ".join(context), "answers":
                    [{"text": " ".join(context[first:last + 1]), "answer_start": start}]}
        record = {"text": self.text(longest)}
        if task == "classification":
            record["label"] = r.choice(NAMES[task])
        if task == "multi-label-classification":
            record["labels"] = [n for n in NAMES[task] if r.random() < 0.4]
        if task == "regression":
            record["label"] = round(r.gauss(0, 1), 3)
        return record

    def records(self, task, count, longest=16):
        """With every label among them."""
        records = [self.record(task, longest) for _ in range(count)]
        for record, name in zip(records, NAMES[task] or []):
            if "labels" in record:
                record["labels"] = [name]
            if "label" in record:
                record["label"] = name
        if task == "token-classification":
            records.append({"tokens": ["ke"] * len(NAMES[task]), "tags": NAMES[task]})
        return records


def write_records(path, records):
    """As a file of the task's usual form; its name."""
    first = records[0]
    if "answers" in first:
        questions = [{"context": r["context"], "qas": [{k: r[k] for k in ("id", "question", "answers")}]} for r in records]
        return write(path + ".json", json.dumps({"version": "1", "data": [{"title": "", "paragraphs": questions}]}))
    if "tags" in first:
        return write(path + ".conll", "\n".join("".join(f"{t}\t{g}\n" for t, g in zip(r["tokens"], r["tags"]))
                                                for r in records))
    if "label" in first:
        rows = [list(first)] + [[str(v) for v in r.values()] for r in records]
        return write(path + ".tsv", "".join("\t".join(row) + "\n" for row in rows))
    return write(path + ".jsonl", "".join(json.dumps(r) + "\n" for r in records))


def write(path, text):
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text)
    return os.fspath(path)
