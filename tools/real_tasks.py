#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Learns what tools/real-tasks has unpacked into DIRECTORY, by `clbert fine-tune` and by a plain loop
around transformers' BertForSequenceClassification: the same start (six layers of 384), examples, steps
and settings, two threads each, several seeds. DIRECTORY/table.md gets a row a task.

section    a package's section in the archive, from its description's first line: ten largest
manual     a manual page's section, from its text
wordnet    the lexicographer's file (noun.animal, ...) of a gloss: the twenty largest
language   the language of a message of coreutils, tar and man-db: the twenty with the most
help       the module of a page of LibreOffice's help (Indonesian)

Needs: pip install torch transformers.
Usage: tools/real_tasks.py DIRECTORY [--task T] [--seeds 1,2,3] [--train N] [--test N] [--clbert build/clbert]
"""
import argparse
import collections
import gettext
import gzip
import json
import pathlib
import random
import re
import statistics
import subprocess
import time

import torch
import transformers

SETTINGS = {  # examples to learn from and to be measured on, tokens at most, epochs
    "section": (3000, 1000, 48, 2), "manual": (800, 400, 64, 2), "wordnet": (3000, 1000, 48, 2),
    "language": (2000, 1000, 48, 2), "help": (800, 300, 64, 2)}
BATCH, LEARNING_RATE, WARMUP = 16, 2e-4, 0.1
WORDNET = ("adj.all adj.pert adv.all noun.Tops noun.act noun.animal noun.artifact noun.attribute noun.body "
           "noun.cognition noun.communication noun.event noun.feeling noun.food noun.group noun.location noun.motive "
           "noun.object noun.person noun.phenomenon noun.plant noun.possession noun.process noun.quantity noun.relation "
           "noun.shape noun.state noun.substance noun.time verb.body verb.change verb.cognition verb.communication "
           "verb.competition verb.consumption verb.contact verb.creation verb.emotion verb.motion verb.perception "
           "verb.possession verb.social verb.stative verb.weather adj.ppl").split()


# ---- examples: pairs of a text and its label ----

def section(directory):
    """Packages of one description are one example."""
    texts = {}
    for stanza in (directory / "available.txt").read_text(encoding="utf-8").split("\n\n"):
        found = [re.search(f"^{key}: (.*)", stanza, re.M) for key in ("Description", "Section")]
        if all(found):
            texts[found[0][1]] = found[1][1].split("/")[-1]
    return largest(texts.items(), 10)


def plain_manual(roff):
    """Words without requests and fonts; the page's title and references say sections: left out."""
    lines = [re.sub(r'^\.\w+ *"?', "", line) for line in roff.splitlines()
             if not re.match(r"""[.'](\\"|TH|SH|Dt|Os|so|de|if|ie|el|ds|ad|nh)|'\\""", line)]
    text = re.sub(r"\\f(\(..|\[.*?\]|.)|\\[&,/|^]|\\s[-+]?\d", "", " ".join(lines))
    text = re.sub(r"\\\(..|\\\*\(..|\\", "", text.replace("\\-", "-"))
    return " ".join(re.sub(r"\(\d\w*\)", "", text).split())


def manual(directory):
    for path in sorted((directory / "packages/usr/share/man").glob("man[1-8]/*.gz")):
        text = plain_manual(gzip.open(path, "rt", encoding="utf-8", errors="replace").read())
        if len(text) > 100:
            yield text[:1000], path.parent.name[3:]


def wordnet(directory):
    texts = []
    for path in sorted((directory / "packages/usr/share/wordnet").glob("data.*")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if not line.startswith(" "):
                facts, gloss = line.split(" | ", 1)
                texts.append((gloss.split(';  "')[0].strip(), WORDNET[int(facts.split()[1])]))
    return largest(texts, 20)


def language(directory):
    texts = []
    for path in sorted((directory / "packages/usr/share/locale").glob("*/LC_MESSAGES/*.mo")):
        try:
            catalogue = gettext.GNUTranslations(path.open("rb"))._catalog
        except UnicodeDecodeError:  # its header is not in UTF-8
            continue
        texts += [(" ".join(text.split()), path.parts[-3]) for source, text in catalogue.items()
                  if isinstance(source, str) and len(source) > 30 and len(text) < 400 and text != source]
    return largest(texts, 20)


def pages(directory):
    for path in sorted(directory.glob("help-*.txt")):
        for page in path.read_text(encoding="utf-8").split("\n\n"):
            if len(page) > 100:
                yield " ".join(page.split())[:1000], path.stem[5:]


MAKERS = {"section": section, "manual": manual, "wordnet": wordnet, "language": language, "help": pages}


def largest(examples, count):
    examples = list(examples)
    kept = {label for label, _ in collections.Counter(label for _, label in examples).most_common(count)}
    return [e for e in examples if e[1] in kept]


def make_examples(options, task, directory):
    """Two files of different texts; the labels that both can have."""
    train, test, _, _ = options.sizes
    examples = sorted(set(MAKERS[task](options.directory)))
    random.Random(1).shuffle(examples)
    parts = {"train": examples[:train], "test": examples[train:train + test]}
    known = {label for _, label in parts["train"]}
    parts["test"] = [e for e in parts["test"] if e[1] in known]
    for name, part in parts.items():
        lines = [json.dumps({"text": text, "label": label}, ensure_ascii=False) + "\n" for text, label in part]
        (directory / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    return parts, sorted(known)


# ---- the two programs: accuracy and seconds ----

def learn_clbert(options, directory, seed):
    _, _, length, epochs = options.sizes
    begin = time.time()
    command = [options.clbert, "fine-tune", "--task", "classification", "--model", options.directory / "start", "--train",
               directory / "train.jsonl", "--test", directory / "test.jsonl", "--output-dir", directory / "run",
               "--overwrite", "--num-train-epochs", epochs, "--max-seq-length", length, "--learning-rate", LEARNING_RATE,
               "--per-device-train-batch-size", BATCH, "--seed", seed, "--device", "cpu", "--threads", 2, "--json"]
    output = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout
    return json.loads(output)["test_accuracy"], time.time() - begin


def batches(tokenizer, examples, names, length, order):
    for first in range(0, len(order), BATCH):
        chosen = [examples[i] for i in order[first:first + BATCH]]
        encoded = tokenizer([text for text, _ in chosen], truncation=True, max_length=length, padding=True,
                            return_tensors="pt")
        yield encoded, torch.tensor([names.index(label) for _, label in chosen])


def learn_transformers(options, parts, names, seed):
    _, _, length, epochs = options.sizes
    begin = time.time()
    torch.manual_seed(seed)
    tokenizer = transformers.AutoTokenizer.from_pretrained(options.directory / "start")
    model = transformers.BertForSequenceClassification.from_pretrained(options.directory / "start", num_labels=len(names))
    plain = [p for n, p in model.named_parameters() if n.endswith("bias") or "LayerNorm" in n]
    decayed = [p for n, p in model.named_parameters() if not (n.endswith("bias") or "LayerNorm" in n)]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}],
                                  lr=LEARNING_RATE)
    steps = epochs * -(-len(parts["train"]) // BATCH)
    schedule = transformers.get_linear_schedule_with_warmup(optimizer, int(WARMUP * steps), steps)
    model.train()
    for _ in range(epochs):
        for batch, labels in batches(tokenizer, parts["train"], names, length, torch.randperm(len(parts["train"])).tolist()):
            optimizer.zero_grad()
            model(**batch, labels=labels).loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    model.eval()
    right = 0
    with torch.no_grad():
        for batch, labels in batches(tokenizer, parts["test"], names, length, range(len(parts["test"]))):
            right += int((model(**batch).logits.argmax(1) == labels).sum())
    return right / len(parts["test"]), time.time() - begin


# ---- the table ----

HEADER = ("| task | examples | labels | accuracy: clbert | transformers | seconds a run: clbert | transformers | ratio |\n"
          "|---|---|---|---|---|---|---|---|\n")


def mean_and_deviation(accuracies):
    deviation = statistics.stdev(accuracies) if len(accuracies) > 1 else 0.0
    return f"{100 * statistics.mean(accuracies):.1f} ± {100 * deviation:.1f} %"


def run_task(options, task):
    options.sizes = tuple(given or usual for given, usual in
                          zip((options.train, options.test, None, None), SETTINGS[task]))
    directory = options.directory / task
    directory.mkdir(exist_ok=True)
    parts, names = make_examples(options, task, directory)
    ours, theirs = [], []
    for seed in options.seeds.split(","):
        ours.append(learn_clbert(options, directory, int(seed)))
        theirs.append(learn_transformers(options, parts, names, int(seed)))
        print(f"{task}, seed {seed}: clbert {ours[-1][0]:.4f} in {ours[-1][1]:.1f} s, transformers {theirs[-1][0]:.4f} "
              f"in {theirs[-1][1]:.1f} s", flush=True)
    seconds = [statistics.mean(s for _, s in runs) for runs in (ours, theirs)]
    row = (f"| {task} | {len(parts['train'])} + {len(parts['test'])} | {len(names)} | "
           f"{mean_and_deviation([a for a, _ in ours])} | {mean_and_deviation([a for a, _ in theirs])} | "
           f"{seconds[0]:.1f} | {seconds[1]:.1f} | {seconds[1] / seconds[0]:.2f} |\n")
    table = options.directory / "table.md"
    table.write_text((table.read_text() if table.exists() else HEADER) + row)
    print(row, end="", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--task", choices=list(MAKERS), action="append")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--train", type=int, help="examples to learn from")
    parser.add_argument("--test", type=int, help="examples to be measured on")
    parser.add_argument("--clbert", default="build/clbert")
    options = parser.parse_args()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(2)
    for task in options.task or MAKERS:
        run_task(options, task)


if __name__ == "__main__":
    main()
