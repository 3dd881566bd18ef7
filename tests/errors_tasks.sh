#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What fine-tune, predict and evaluate say of bad examples, labels, options and models: an exit code
# that is not 0, one line that names what was wrong and where, and nothing half-written.
# Usage: errors_tasks.sh CLBERT
. "$(dirname "$0")/shell.sh"
refused_well() { [ ! -e out ]; } # no run is left

# ---- a small world that works ----
make_corpus 200 200
printf '{"vocab_size": 200, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
 "intermediate_size": 32, "max_position_embeddings": 32}' >config.json
"$clbert" pretrain --data corpus --model config.json --device cpu --max-steps 1 --output-dir model \
    --per-device-train-batch-size 2 --max-seq-length 32 2>/dev/null >/dev/null || exit 1
printf 'text\tlabel\nBudi makan.\ta\nSiti tidur.\tb\n' >good.tsv
tune() { "$clbert" fine-tune --model "${model:-model}" --device cpu --max-steps 1 --output-dir out "$@"; }
classify() { tune --task classification --train "$@"; }
tune --task classification --train good.tsv >/dev/null 2>&1 || exit 1
mv out task

# ---- options ----
refuses '--task classify' tune --task classify --train good.tsv
refuses '--train' tune --task classification
refuses 'token-classification' tune --task ner --train good.tsv
model=nowhere refuses 'nowhere' classify good.tsv
model=corpus refuses 'corpus' classify good.tsv
model=tiny refuses 'tiny' classify good.tsv
refuses 'not both' classify good.tsv --validation good.tsv --validation-fraction 0.5
refuses '--early-stopping-patience' classify good.tsv --early-stopping-patience 2
refuses '--label-smoothing' classify good.tsv --label-smoothing 1.5
refuses '--layer-decay' classify good.tsv --layer-decay 0
refuses '--freeze-layers' classify good.tsv --freeze-layers 9
refuses '--dropout' classify good.tsv --dropout 1
refuses '"c"' classify good.tsv --class-weights c=2
refuses 'balanced' classify good.tsv --class-weights heavy
refuses '--max-seq-length 99' classify good.tsv --max-seq-length 99
refuses 'warmup_stable_decay' classify good.tsv --lr-scheduler-type sinus
refuses '--warmup-ratio' classify good.tsv --warmup-ratio 0.1 --warmup-steps 1
refuses '--seeds 1,x' classify good.tsv --seeds 1,x
refuses '--format xml' classify good.tsv --format xml

# ---- examples ----
refuses 'missing.tsv' classify missing.tsv
: >empty.tsv
refuses 'empty.tsv' classify empty.tsv
printf 'text\tlabel\n' >header.tsv
refuses 'header.tsv' classify header.tsv
printf 'text\tlabel\nsatu\ta\ndua\n' >few.tsv
refuses 'few.tsv:3: has 1 column' classify few.tsv
printf 'kalimat,kelas\nsatu,a\n' >other.csv
refuses 'there are: kalimat, kelas' classify other.csv
refuses 'has no "class"' classify other.csv --text-column kalimat --label-column class
printf 'text,label\n"satu,a\n' >open.csv
refuses 'open.csv:2' classify open.csv
printf '{"text": "satu", "label": ["a"]}\n' >list.jsonl
refuses 'list.jsonl:1' classify list.jsonl
printf '{"text": "satu", "label": "a"}\nno\n' >broken.jsonl
refuses 'broken.jsonl:2' classify broken.jsonl
printf 'text\tlabel\nsatu\t\n' >blank.tsv
refuses 'blank.tsv:2: its label is empty' classify blank.tsv
printf 'text\tlabel\nsatu\ta\ndua\ta\n' >same.tsv
refuses 'same label' classify same.tsv
printf 'text\tlabel\nsatu\tc\ndua\td\n' >unknown.tsv
refuses '"c" (1), "d" (1)' classify good.tsv --validation unknown.tsv
printf 'text\tlabel\nsatu\tbagus\n' >word.tsv
refuses 'word.tsv:2: label "bagus"' tune --task regression --train word.tsv
printf 'satu\tO\ndua\n' >short.conll
refuses 'short.conll:2' tune --task token-classification --train short.conll
refuses 'has no "tokens"' tune --task token-classification --train good.tsv
printf '{"question": "Siapa?", "context": "Budi makan.", "answers": [{"text": "Siti", "answer_start": 0}]}\n' >away.jsonl
refuses 'does not stand at character 0' tune --task question-answering --train away.jsonl
printf '{"question": "Siapa?", "context": "Budi makan."}\n' >none.jsonl
refuses 'has no "answers"' tune --task question-answering --train none.jsonl
cp text.txt picture.tsv && printf '\x89PNG\r\n\x1a\n\0\0\0\0' >picture.tsv
refuses 'picture.tsv' classify picture.tsv

# ---- asking ----
refuses '--model RUN' "$clbert" predict "satu"
refuses 'fine-tune' "$clbert" predict --model model "satu"
refuses 'both' "$clbert" predict --model task --input text.txt "satu"
refuses '--context' "$clbert" predict --model task --question "Siapa?"
refuses 'classification' "$clbert" predict --model task --question "Siapa?" --context "Budi."
refuses '--aggregation-strategy last' "$clbert" predict --model task --aggregation-strategy last "satu"
refuses 'missing.txt' "$clbert" predict --model task --input missing.txt
refuses 'has no "text"' "$clbert" predict --model task --input other.csv
refuses 'has no "label2"' "$clbert" evaluate --model task --data list.jsonl --label-column label2
refuses '"c" (1), "d" (1)' "$clbert" evaluate --model task --data unknown.tsv
refuses 'standard output' sh -c "exec '$clbert' predict --model task --input text.txt >/dev/full"

finish
