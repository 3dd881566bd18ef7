#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/metrics.json, by scikit-learn, scipy and seqeval, for tests/test_metrics.c: random
cases and those at the edges. What is not defined is null. SQuAD's scores are computed here, from their
definition.

Needs: pip install scikit-learn scipy seqeval. Usage: tools/make_golden_metrics.py
"""
import collections
import json
import pathlib
import random
import re
import string
import warnings

import numpy as np
from scipy import stats
from seqeval.metrics import sequence_labeling as entities
from sklearn import metrics

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden" / "metrics.json"
random.seed(20)
warnings.simplefilter("ignore")


def number(value):
    return float(value) if np.isfinite(value) else None


def averages(truth, guess, average, **options):
    scores = metrics.precision_recall_fscore_support(truth, guess, average=average, zero_division=0, **options)
    return [number(score) for score in scores[:3]]


# ---- classes ----

def classes_case(truth, guess, classes):
    return {
        "truth": truth, "guess": guess, "classes": classes,
        "confusion": metrics.confusion_matrix(truth, guess, labels=range(classes)).ravel().tolist(),
        "accuracy": metrics.accuracy_score(truth, guess),
        "macro": averages(truth, guess, "macro"), "micro": averages(truth, guess, "micro"),
        "binary": averages(truth, guess, "macro", labels=[1]) if classes > 2 or 1 not in truth + guess
        else averages(truth, guess, "binary"),
        "matthews": number(metrics.matthews_corrcoef(truth, guess))}


def classes_cases():
    yield classes_case([0], [0], 2)
    yield classes_case([1], [1], 2)
    yield classes_case([0], [1], 2)
    yield classes_case([0, 0, 0], [0, 0, 0], 2)
    yield classes_case([0, 0, 1], [0, 0, 0], 2)
    yield classes_case([1, 1, 1], [1, 0, 1], 2)
    yield classes_case([0, 0, 0], [0, 0, 0], 1)
    yield classes_case([0, 2, 2], [2, 2, 0], 5)
    yield classes_case([0, 1, 2], [1, 2, 0], 3)
    for i in range(80):
        classes, count = random.choice([2, 2, 3, 4, 7]), random.randint(1, 40)
        some = random.sample(range(classes), random.randint(1, classes))
        right = random.random()
        truth = [random.choice(some) for _ in range(count)]
        yield classes_case(truth, [t if random.random() < right else random.randrange(classes) for t in truth], classes)


# ---- labels ----

def area(truth, scores):
    return metrics.roc_auc_score(truth, scores) if len(set(truth)) == 2 else None


def labels_case(truth, scores, threshold):
    truth, scores = np.array(truth), np.array(scores)
    guess = (scores > threshold).astype(int)
    areas = [area(t.tolist(), s) for t, s in zip(truth.T, scores.T)]
    defined = [a for a in areas if a is not None]
    # One column is for scikit-learn no case of several labels.
    macro = (averages(truth, guess, "macro") if truth.shape[1] > 1
             else averages(truth[:, 0], guess[:, 0], "macro", labels=[1]))
    micro = averages(truth.ravel(), guess.ravel(), "macro", labels=[1])
    if truth.shape[1] > 1:
        assert np.allclose(micro, averages(truth, guess, "micro"))
    return {"classes": truth.shape[1], "threshold": threshold, "truth": truth.ravel().tolist(),
            "scores": scores.ravel().tolist(), "macro": macro, "micro": micro,
            "subset_accuracy": metrics.accuracy_score(truth, guess),
            "auc_macro": float(np.mean(defined)) if defined else None,
            "auc_micro": area(truth.ravel().tolist(), scores.ravel()), "auc_left_out": len(areas) - len(defined)}


def labels_cases():
    yield labels_case([[0], [1], [1]], [[0.5], [0.5], [0.5]], 0.5)
    yield labels_case([[0, 1], [0, 1]], [[0.25, 0.75], [0.75, 0.25]], 0.5)
    yield labels_case([[0, 0], [0, 0]], [[0.25, 0.75], [0.75, 0.25]], 0.5)
    yield labels_case([[1, 1, 1]], [[0, 1, -1]], 0)
    for i in range(60):
        classes, count = random.randint(1, 6), random.randint(1, 25)
        steps = random.choice([4, 16, 4096])  # few steps: many ties
        share = random.choice([0.05, 0.3, 0.5, 0.95])
        truth = [[int(random.random() < share) for _ in range(classes)] for _ in range(count)]
        scores = [[(random.randint(0, steps) + random.choice([0, t * steps // 2])) / steps for t in row]
                  for row in truth]
        yield labels_case(truth, scores, random.choice([0, 0.5]))


# ---- numbers ----

def numbers_case(truth, guess):
    def correlation(function):
        return number(function(truth, guess)[0]) if len(truth) > 1 else None
    return {"truth": truth, "guess": guess,
            "mean_squared_error": metrics.mean_squared_error(truth, guess) if truth else None,
            "pearson": correlation(stats.pearsonr), "spearman": correlation(stats.spearmanr)}


def numbers_cases():
    yield numbers_case([], [])
    yield numbers_case([1.5], [2.0])
    yield numbers_case([1.0, 2.0], [5.0, 4.0])
    yield numbers_case([1.0, 1.0, 1.0], [1.0, 2.0, 3.0])
    yield numbers_case([1.0, 2.0, 3.0], [0.0, 0.0, 0.0])
    yield numbers_case([1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 6.0, 8.0])
    for i in range(60):
        count, steps = random.randint(2, 40), random.choice([2, 8, 1024])
        center = random.choice([0, 0, 3, 1024])  # exact as fp32
        truth = [center + random.randint(-steps, steps) / steps for _ in range(count)]
        noise = random.choice([0, 0.25, 2])
        yield numbers_case(truth, [t + noise * random.randint(-steps, steps) / steps for t in truth])


# ---- entities ----

CLEAN = ["O", "O", "O", "B-PER", "I-PER", "I-PER", "B-LOC", "I-LOC", "E-LOC", "S-PER", "E-PER"]
ODD = ["O", "I-PER", "B-PER", "B", "I", "E", "S", "BPER", "B-", "X-PER", "X", ".", ".-PER", "-", "O-PER", "ü-LOC",
       "I-A-B", "B-A-B", "Iü", "Ü", "i-PER", "L-PER", "U-LOC"]


def entities_case(truth, guess):
    names = sorted({e[0] for e in entities.get_entities(truth) + entities.get_entities(guess)})
    each = entities.precision_recall_fscore_support(truth, guess, average=None) if names else [[]] * 4
    every = entities.precision_recall_fscore_support(truth, guess, average="micro")
    return {"truth": truth, "guess": guess, "all": [float(np.ravel(s)[0]) for s in every[:3]],
            "accuracy": entities.accuracy_score(truth, guess) if sum(map(len, truth)) else None,
            "types": [[name, *map(float, row[:3]), int(row[3])] for name, *row in zip(names, *each)]}


def entities_cases():
    yield entities_case([[]], [[]])
    yield entities_case([["O", "O"]], [["O", "O"]])
    yield entities_case([["B-PER"]], [["B-LOC"]])
    yield entities_case([["O", "O"], ["O"]], [["B-PER", "I-PER"], ["I-PER"]])
    yield entities_case([["B-PER", "I-PER"], ["I-PER", "O"]], [["B-PER", "I-PER"], ["B-PER", "O"]])
    yield entities_case([["I-PER", "I-LOC", "O", "I-LOC"]], [["B-PER", "B-LOC", "O", "I-LOC"]])
    yield entities_case([["X", "X", "X-PER", "O"]], [["O", "X", "X-PER", "."]])
    for i in range(120):
        tags = CLEAN if i % 2 else ODD
        right = random.random()
        truth = [[random.choice(tags) for _ in range(random.randint(0, 9))] for _ in range(random.randint(1, 4))]
        if sum(map(len, truth)) == 0:
            continue
        yield entities_case(truth, [[t if random.random() < right else random.choice(tags) for t in s] for s in truth])


# ---- answers ----

def normal(text):
    bare = text.lower().translate({ord(mark): None for mark in string.punctuation})
    return " ".join(re.sub(r"\b(?:the|an|a)\b", " ", bare).split())


def scores_of(guess, gold):
    """Exact match and F1 of two answers in normal form."""
    one, other = collections.Counter(guess.split()), collections.Counter(gold.split())
    if not one or not other:
        return float(guess == gold), float(one == other)
    common = sum((one & other).values())
    return float(guess == gold), 2 * common / (sum(one.values()) + sum(other.values()))


def answers_case(questions):
    every, answerable, unanswerable = [], [], []
    for guess, gold in questions:
        wanted = [n for n in map(normal, gold) if n] or [""]
        pairs = [scores_of(normal(guess), n) for n in wanted]
        best = [max(values) for values in zip(*pairs)]
        every.append(best)
        (answerable if gold else unanswerable).append(best)

    def percent(part):
        return [len(part), *([100 * sum(values) / len(part) for values in zip(*part)] if part else [None, None])]
    return {"questions": questions, "all": percent(every), "answerable": percent(answerable),
            "unanswerable": percent(unanswerable)}


TEXTS = ["", "the cat", "The Cat!", "a cat", "an", "the", "the the", "A", "a.", "cat the dog", "dog cat dog",
         "Cat, the; dog.", "  cat \t dog\n", "1,000", "1000", "$5.00", "5.00", "U.S.A.", "USA", "the U.S.", "anthem",
         "Theater", "a-b", "a_b", "_a_", "a 'the' b", "\"an\"", "l'an", "l’an 2000", "œuvre d’A", "«the»", "“a” b",
         "Straße", "STRASSE", "ΟΔΟΣ", "οδος", "οδός the ΟΔΟΣ.", "Σ Σ. ΑΣΑ Α\u00adΣ", "İstanbul", "Istanbul", "ÉTÉ",
         "été", "e\u0301te\u0301 a", "x\u0301a", "a\u0301", "the\u0301", "२ a", "२a", "Ⅷ the", "\u00a0a\u00a0b\u3000",
         "a\u200bb", "a\u00adthe", "b\x1ca\x1dthe\x1e", "東京 the 東京", "東京the", "😀 a 😀", "😀a", "𝐀 a", "𝐀a",
         "\u2160a", "½a ½ a", "a·b", "ªa ª", "!?", "—", "– the –", "ǅ", "Å \u212b", "the\u2028an\u0085a"]


def answers_cases():
    yield answers_case([])
    yield answers_case([["", []]])
    yield answers_case([["x", []]])
    yield answers_case([["the", []], ["", ["a"]], ["", ["the", "cat"]]])
    yield answers_case([["cat cat dog", ["cat dog dog", "cat"]]])
    for i in range(60):
        questions = []
        for _ in range(random.randint(1, 6)):
            gold = [random.choice(TEXTS) for _ in range(random.choice([0, 1, 1, 3]))]
            near = random.choice(gold) if gold and random.random() < 0.6 else random.choice(TEXTS)
            questions.append([random.choice([near, near.upper(), "the " + near, near + " cat."]), gold])
        yield answers_case(questions)


def main():
    golden = {"classes": list(classes_cases()), "labels": list(labels_cases()), "numbers": list(numbers_cases()),
              "entities": list(entities_cases()), "answers": list(answers_cases()),
              "normal": [[text, normal(text)] for text in TEXTS]}
    lines = [json.dumps(name) + ": [\n" + ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases) + "\n]"
             for name, cases in golden.items()]
    GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(GOLDEN, GOLDEN.stat().st_size, "bytes:", ", ".join(f"{len(v)} {k}" for k, v in golden.items()))


if __name__ == "__main__":
    main()
