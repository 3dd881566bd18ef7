#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares fine-tuned models with transformers: of every task a small labelled set is learned by
`clbert fine-tune`, and what became of it is loaded by AutoModelFor...; then `clbert predict --json`
and Hugging Face's pipelines answer the same texts, short ones and such as have to be cut. The other
way round, models that transformers saved are asked, and fine-tuned on.

transformers 5 has no pipeline for questions: its rules (as of 4.40) are written down here, on the
model's logits. Where the pipelines say what cannot be meant, clbert differs: a word that two stretches
of a context share stays whole in an answer, and a piece with another number of characters than its
text (as of "cafe" and a combining acute) is not the middle of a word, to which the token before it
belongs; such words are left out of what tokens are compared on. A model of one number whose problem
nobody has said is taken for regression, as in transformers' training; its pipeline gives a sigmoid.
Needs: pip install torch transformers.
Usage: tools/compare_tasks.py [--clbert build/clbert] [--model DIR] [--steps 20] [--seed 1] [--task T]
"""
import argparse
import collections
import json
import math
import os
import subprocess
import sys
import tempfile
import warnings

import numpy
import torch
import transformers
from safetensors.torch import load_file

import task_samples as samples

STRATEGIES = ["none", "simple", "first", "average", "max"]
TOLERANCE = 1e-5
LENGTH = 24  # of what has to be cut


class Checks:
    def __init__(self):
        self.counts = collections.Counter()

    def __call__(self, what, ours, theirs, case=None):
        self.counts[what] += 1
        if not same(ours, theirs):
            self.counts["wrong"] += 1
            if self.counts["wrong"] <= 20:
                print(f"  differs: {what}: {case!r}\n    clbert       {ours!r}\n    transformers {theirs!r}")


def same(a, b):
    if isinstance(a, float) and isinstance(b, (float, int)):
        return math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return a == b


def clbert(options, *arguments):
    process = subprocess.run([options.clbert, *arguments, "--device", "cpu", "--threads", "2"],
                             capture_output=True, text=True)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(process.args)}\n{process.stderr}")
    return process


def predict(options, directory, records, *arguments):
    path = samples.write(f"{options.work}/questions.jsonl", "".join(json.dumps(r) + "\n" for r in records))
    output = clbert(options, "predict", "--model", directory, "--input", path, "--format", "jsonl", "--json",
                    *arguments).stdout
    return [json.loads(line) for line in output.splitlines()]


def fine_tune(options, task, model, records, output, *arguments):
    path = samples.write_records(f"{options.work}/train", records)
    return clbert(options, "fine-tune", "--task", samples.clbert_task(task), "--model", model, "--train", path,
                  "--output-dir", output, "--overwrite", "--per-device-train-batch-size", "16", *arguments).stderr


def plain(value):
    """Of numpy's and torch's numbers Python's."""
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return value.item() if hasattr(value, "item") else value


# ---- the directory ----

def check_directory(check, task, directory):
    model, info = samples.model_class(task, "AutoModel").from_pretrained(directory, output_loading_info=True)
    check("loading", {k: sorted(map(str, v)) for k, v in info.items() if v}, {}, directory)
    check("class", type(model).__name__, samples.model_class(task).__name__, directory)
    check("problem_type", model.config.problem_type, samples.PROBLEMS.get(task), directory)
    if samples.NAMES[task]:
        names = sorted(samples.NAMES[task])
        check("id2label", model.config.id2label, dict(enumerate(names)), directory)
        check("label2id", model.config.label2id, {n: i for i, n in enumerate(names)}, directory)


# ---- texts and tokens ----

def pipeline(kind, directory, **settings):
    return transformers.pipeline(kind, model=directory, device="cpu", **settings)


def compare_texts(options, check, task, directory, records):
    texts = [{"text": r["text_a"], "text_pair": r["text_b"]} if "text_a" in r else r["text"] for r in records]
    asked = [{k: r[k] for k in ("text", "text_a", "text_b") if k in r} for r in records]
    classify = pipeline("text-classification", directory)
    regression = classify.model.config.problem_type == "regression" and classify.model.config.num_labels == 1
    for length in (96, LENGTH, 9):
        theirs = [classify(t, top_k=None, truncation=True, max_length=length) for t in texts]
        if regression:
            theirs = [t[0]["score"] for t in theirs]
        ours = predict(options, directory, asked, "--max-seq-length", str(length), "--top-k", "99")
        best = predict(options, directory, asked, "--max-seq-length", str(length))
        check("answers", len(ours), len(theirs), directory)
        for case, a, b, one in zip(texts, ours, theirs, best):
            check(f"{task}, at most {length} tokens", by_label(a), by_label(b), case)
            if task in ("classification", "pairs"):
                check(f"{task}, the best", one["score"], b[0]["score"], case)
            if task == "multi-label-classification":
                check(f"{task}, over the threshold", by_label(one), by_label([x for x in b if x["score"] > 0.5]), case)


def by_label(answer):
    """Of equal scores any may be first."""
    if not isinstance(answer, list):
        return answer
    scores = [x["score"] for x in answer]
    return {**{x["label"]: x["score"] for x in answer}, "in order": scores == sorted(scores, reverse=True)}


def compare_tokens(options, check, task, directory, records):
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    texts = [" ".join(r["tokens"]) for r in records]
    for strategy in STRATEGIES:
        for length in (96, LENGTH):
            tokenizer.model_max_length = length
            tag = pipeline("token-classification", directory, tokenizer=tokenizer, aggregation_strategy=strategy)
            settings = ["--aggregation-strategy", strategy, "--max-seq-length", str(length)]
            ours = predict(options, directory, [{"text": t} for t in texts], *settings)
            for case, a in zip(texts, ours):
                check(f"{task}, {strategy}, at most {length} tokens", a, plain(tag(case)), case)
            ours = predict(options, directory, [{"tokens": r["tokens"]} for r in records], *settings)
            for r, a in zip(records, ours):
                theirs = plain(tag([r["tokens"]], is_split_into_words=True, delimiter=" ")[0])
                check(f"{task}, words, {strategy}, at most {length} tokens", a, theirs, r["tokens"])


# ---- questions ----

class Answers:
    """What transformers 4.40's pipeline for questions says, but for words that stretches share."""

    def __init__(self, directory):
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
        self.model = samples.model_class("question-answering").from_pretrained(directory).eval()

    def stretches(self, question, context, length, stride):
        encoded = self.tokenizer(question, context, truncation="only_second", max_length=length, stride=stride,
                                 return_overflowing_tokens=True)
        for i, ids in enumerate(encoded["input_ids"]):
            with torch.no_grad():
                output = self.model(input_ids=torch.tensor([ids]),
                                    token_type_ids=torch.tensor([encoded["token_type_ids"][i]]))
            inside = numpy.array([s == 1 for s in encoded.sequence_ids(i)])
            yield encoded.encodings[i], inside, output.start_logits[0].numpy(), output.end_logits[0].numpy()

    def __call__(self, question, context, top_k, most, length, stride, no_answer):
        answers, none = [], 1.0
        whole = self.tokenizer(context).encodings[0]
        for encoding, inside, start, end in self.stretches(question, context, length, stride):
            normed = inside.copy()
            normed[0] = True
            start, end = (numpy.where(normed, x, -numpy.inf).astype(float) for x in (start, end))
            start, end = (numpy.exp(x - x.max()) / numpy.exp(x - x.max()).sum() for x in (start, end))
            none = min(none, start[0] * end[0])
            start[0] = end[0] = 0.0
            products = numpy.tril(numpy.triu(numpy.outer(start, end)), most - 1)
            for at in numpy.argsort(-products, axis=None)[:top_k]:
                first, last = numpy.unravel_index(at, products.shape)
                if inside[first] and inside[last] and products[first, last] > 0:
                    begin = whole.word_to_chars(whole.char_to_word(encoding.offsets[first][0]))[0]
                    stop = whole.word_to_chars(whole.char_to_word(encoding.offsets[last][1] - 1))[1]
                    answers.append({"score": float(products[first, last]), "start": begin, "end": stop,
                                    "answer": context[begin:stop]})
        if no_answer:
            answers.append({"score": float(none), "start": 0, "end": 0, "answer": ""})
        return sorted(answers, key=lambda a: -a["score"])[:top_k]


def compare_answers(options, check, task, directory, records):
    theirs = Answers(directory)
    asked = [{k: r[k] for k in ("question", "context")} for r in records]
    for top_k, most, length, stride, no_answer in ((1, 30, 96, 48, False), (1, 30, 96, 48, True), (3, 4, 48, 12, True),
                                                   (5, 2, 40, 0, False)):
        usual = [] if length == 96 else ["--max-seq-length", str(length), "--doc-stride", str(stride)]
        ours = predict(options, directory, asked, "--top-k", str(top_k), "--max-answer-length", str(most), *usual,
                       *(["--no-answer"] if no_answer else []))
        for r, a in zip(asked, ours):
            check(f"{task}, stretches of {length} tokens", a,
                  theirs(r["question"], r["context"], top_k, most, length, stride, no_answer), r)


COMPARE = {"token-classification": compare_tokens, "question-answering": compare_answers}


def compare(options, check, task, directory):
    words = samples.Samples(options.seed + 1, stretched=task != "token-classification")
    records = [words.record(task, longest) for longest in [16] * 12 + [60] * 12]
    if task not in COMPARE:
        key = "text_a" if task == "pairs" else "text"
        records += [{**records[0], key: text} for text in ("", " ", "漢", "a" * 300)]
    COMPARE.get(task, compare_texts)(options, check, task, directory, records)


# ---- models that transformers saved ----

def other_way(options, check, task):
    directory = f"{options.work}/saved-{task}"
    names = samples.NAMES[task] and samples.NAMES[task][::-1]  # not in the order that clbert would choose
    samples.save_model(directory, samples.model_class(task), seed=7, shards="30KB", **samples.with_head(task, names))
    check("shards", sum(name.endswith(".safetensors") for name in os.listdir(directory)) > 1, True, directory)
    compare(options, check, task, directory)
    records = samples.Samples(options.seed).records(task, 24)
    check_head(options, check, task, directory, records, goes_on=True)
    if names:
        samples.save_model(directory, samples.model_class(task), seed=7, **samples.with_head(task, names[1:] + ["?"]))
        check_head(options, check, task, directory, records, goes_on=False)


def check_head(options, check, task, directory, records, goes_on):
    """With hardly any learning rate weights stay where they are."""
    output = f"{options.work}/goes-on"
    fine_tune(options, task, directory, records, output, "--max-steps", "1", "--learning-rate", "1e-20")
    before, after = (samples.model_class(task).from_pretrained(d) for d in (directory, output))
    old = before.state_dict()
    for name, tensor in after.state_dict().items():
        kept = old[name].shape == tensor.shape and torch.equal(old[name], tensor)
        check(f"{task}: a head of {'the same' if goes_on else 'other'} labels", kept,
              goes_on or name.startswith("bert."), name)
    if goes_on:
        check(f"{task}: labels in the model's order", after.config.id2label, before.config.id2label, directory)


def other_heads(options, check):
    """Heads that clbert does not write itself."""
    for task, changes in (("multi-label-classification", {"num_labels": 1}), ("regression", {"num_labels": 3}),
                          ("classification", {"num_labels": 5, "problem_type": None})):
        directory = f"{options.work}/other-{task}"
        settings = {"problem_type": samples.PROBLEMS[task], **changes}
        samples.save_model(directory, samples.model_class(task), seed=9, **settings)
        compare(options, check, task, directory)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clbert", default="build/clbert")
    parser.add_argument("--model", help="directory to start from; else a small random one")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--task", choices=samples.TASKS)
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(2)
    check = Checks()
    with tempfile.TemporaryDirectory() as options.work:
        start = options.model or f"{options.work}/start"
        if not options.model:
            samples.save_model(start, transformers.BertForPreTraining)
        for task in [options.task] if options.task else samples.TASKS:
            before = dict(check.counts)
            records = samples.Samples(options.seed).records(task, 48)
            output = f"{options.work}/run-{task}"
            fine_tune(options, task, start, records, output, "--max-steps", str(options.steps), "--learning-rate", "1e-3")
            check_directory(check, task, output)
            compare(options, check, task, output)
            other_way(options, check, task)
            report(task, check, before)
        if not options.task:
            before = dict(check.counts)
            other_heads(options, check)
            report("other heads", check, before)
    return check.counts["wrong"] > 0


def report(what, check, before):
    done = check.counts - collections.Counter(before)
    wrong = done.pop("wrong", 0)
    print(f"{what}: {sum(done.values())} comparisons, {wrong} differ", flush=True)


if __name__ == "__main__":
    sys.exit(main())
