#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A run that is stopped by Ctrl-C, then killed, and resumed each time, ends with the same weights,
# moments and metrics as one that was left alone. Usage: interrupt.sh CLBERT
set -eu
clbert=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export OMP_WAIT_POLICY=passive

"$clbert" demo-text --documents 200 --output text.txt
"$clbert" vocab --vocab-size 300 --output tok text.txt >/dev/null
"$clbert" prepare --tokenizer tok --output corpus text.txt >/dev/null
train() {
    exec "$clbert" pretrain --data corpus --model tiny --device cpu --max-steps 60 \
        --per-device-train-batch-size 4 --max-seq-length 64 --logging-steps 5 --eval-steps 20 \
        --eval-samples 16 --save-steps 10 "$@"
}
fail() { echo "$*"; exit 1; }
# until_line N PID: waits until run/metrics.jsonl has N lines.
until_line() {
    until [ -n "$(sed -n "$1p" run/metrics.jsonl 2>/dev/null)" ]; do
        kill -0 "$2" || fail "ended too early"
        sleep 0.02
    done
}
# Lines of a metrics file without what depends on the clock.
losses() { sed 's/"tokens_per_second": [^,}]*//' "$1/metrics.jsonl"; }

(train --output-dir alone) 2>/dev/null

(train --output-dir run) 2>interrupted.txt &
until_line 3 $!
kill -INT $!
code=0
wait $! || code=$?
[ "$code" = 130 ] || fail "exit code $code after SIGINT: $(cat interrupted.txt)"
grep -q -e '--resume-from-checkpoint auto' interrupted.txt || fail "no word of how to go on: $(cat interrupted.txt)"

(train --output-dir run --resume-from-checkpoint auto) 2>/dev/null &
until_line 8 $!
kill -KILL $!
wait $! 2>/dev/null || true
[ ! -e run/model.safetensors ] || fail "the run was over before it was killed"

(train --output-dir run --resume-from-checkpoint auto) 2>/dev/null
cmp alone/model.safetensors run/model.safetensors
cmp alone/checkpoint-60/optimizer.safetensors run/checkpoint-60/optimizer.safetensors
diff <(losses alone) <(losses run)
echo "the same"
