#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The command line: options that repeat or are another program's, what evaluate takes from a run,
# what is said of models that cannot answer, cases of verify and bench. Usage: cli.sh CLBERT
. "$(dirname "$0")/shell.sh"
export OMP_WAIT_POLICY=passive

# warns WORD COMMAND...: COMMAND succeeds with a warning that mentions WORD.
warns() {
    local word=$1
    shift
    "$@" >out.txt 2>err.txt
    expect "exit $?, a warning of \"$word\" from: $*" \
        eval "[ $? -eq 0 ] && grep '^warning: ' err.txt | grep -qF -e '$word'"
}
same() { cmp -s "$1" "$2"; }
differ() { ! cmp -s "$1" "$2"; }

# ---- a small world ----
"$clbert" demo-text --documents 300 --output text.txt
"$clbert" demo-text --documents 100 --seed 9 --output news.txt
"$clbert" vocab --vocab-size 200 --output tok text.txt >/dev/null 2>&1
for text in text news; do
    "$clbert" prepare --tokenizer tok --validation-fraction 0.1 --output $text $text.txt >/dev/null 2>&1
done
printf '{"vocab_size": 200, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
 "intermediate_size": 32, "max_position_embeddings": 128}' >config.json
train() { "$clbert" pretrain --model config.json --device cpu --max-steps 3 --save-steps 2 --seed 7 \
    --per-device-train-batch-size 8 --max-seq-length 40 --short-seq-probability 0.5 \
    --mlm-probability 0.2 --whole-word-mask "$@" 2>/dev/null; }
train_loudly() { "$clbert" pretrain --data text --device cpu --output-dir x "$@"; }
train --data text --output-dir run >/dev/null
evaluate() { "$clbert" evaluate --device cpu --data text --json "$@"; }
ask() { "$clbert" fill-mask "$@" 'saya [MASK]'; }
embed() { "$clbert" embed --device cpu "$@" Saya; }
follow() { "$clbert" next-sentence "$@" Saya Budi; }

# ---- evaluate takes a run's own settings ----
# digits FILE KEY: a number of the last line with that key, to six digits.
digits() { sed -n "s/.*\"$2\": \([0-9.e+-]*\).*/\1/p" "$1" | tail -n 1 | xargs printf '%.6g'; }
evaluate --model run >evaluated.json 2>said.txt
for key in mlm_loss mlm_accuracy mlm_perplexity nsp_loss nsp_accuracy pairs; do
    expect "evaluate's $key is the run's own: $(cat evaluated.json)" \
        [ "$(digits evaluated.json $key)" = "$(digits run/metrics.jsonl eval_$key)" ]
done
expect "evaluate names its settings: $(cat said.txt)" \
    grep -q 'run/.*sequences of 40, 0.5 of them shorter, 0.2 masked by whole words, seed 7, batches of 8, 640 pairs' said.txt
evaluate --model run --eval-samples 10 --max-seq-length 32 --seed 8 2>&1 >/dev/null |
    grep -q 'sequences of 32, 0.5 .* seed 8, batches of 8, 10 pairs'
expect "options come before the run's settings" [ $? = 0 ]
# What 0.1.0 left, and what a run leaves now, written by hand.
cp -r run plain && rm -rf plain/checkpoint-* plain/training_args.json plain/metrics.jsonl
evaluate --model plain 2>&1 >/dev/null | grep -q 'from the defaults .*sequences of 128, 0.1 .*, 0.15 masked, seed 42, batches of 32, 640 pairs'
expect "a model that no run left has the defaults" [ $? = 0 ]
# state STEP LENGTH: a checkpoint as 0.1.0 left it.
state() {
    mkdir plain/checkpoint-$1
    printf '{"global_step": 1, "stream": {"corpus": "x", "seed": "18446744073709551615", "max_seq_length": %d,
    "short_seq_probability": 0.25, "mlm_probability": 0.125, "whole_word_mask": false,
    "per_device_train_batch_size": 4}}' $2 >plain/checkpoint-$1/trainer_state.json
}
newest() { # STEP...: made in this order
    local most step
    rm -rf plain/checkpoint-*
    mkdir plain/checkpoint-1000 # without a state
    for step in "$@"; do state $step $((20 + step % 100)); done
    most=$(printf '%s\n' "$@" | sort -n | tail -n 1)
    evaluate --model plain 2>&1 >/dev/null | grep -q "plain/checkpoint-$most/trainer_state.json .*sequences of $((20 + most % 100)), 0.25 .*, 0.125 masked, seed 18446744073709551615, batches of 4, 640 pairs"
    expect "the newest of checkpoints $*" [ $? = 0 ]
}
newest 10 9 2
newest 100 98 99
newest 30 31 32 33 34 35 36 37 38 39 40
printf '{"max_seq_length": 24, "short_seq_probability": 0.0, "mlm_probability": 0.15, "whole_word_mask": true,
    "seed": "5", "per_device_train_batch_size": 2, "eval_samples": 6}' >plain/training_args.json
evaluate --model plain 2>&1 >/dev/null | grep -q 'plain/training_args.json .*sequences of 24, 0 .* seed 5, batches of 2, 6 pairs'
expect "training_args.json comes first" [ $? = 0 ]
printf '{"max_seq_length": 0}' >plain/training_args.json
refuses 'training_args.json: max_seq_length' evaluate --model plain
printf '{"max_seq_length": 24, "seed": "many"}' >plain/training_args.json
refuses 'training_args.json: seed' evaluate --model plain
refuses 'too large' evaluate --model run --max-seq-length 2000000000

# ---- options that repeat ----
inspect() { "$clbert" inspect --json --max-seq-length 40 "$@"; }
inspect --data text news >both.json
inspect --data text --data news >repeated.json
inspect --data news >last.json
expect "a second --data of inspect adds" same both.json repeated.json
expect "a second --data of inspect is there" differ last.json repeated.json
inspect --data=text:0.7 --data=news:0.3 >repeated.json
inspect --data text:0.7 news:0.3 >both.json
expect "weights of a second --data" same both.json repeated.json
"$clbert" evaluate --device cpu --model run --data text --data news --json >repeated.json 2>/dev/null
"$clbert" evaluate --device cpu --model run --data text news --json >both.json 2>/dev/null
"$clbert" evaluate --device cpu --model run --data news --json >last.json 2>/dev/null
expect "a second --data of evaluate adds" same both.json repeated.json
expect "a second --data of evaluate is there" differ last.json repeated.json
train --data text --data news --output-dir repeated >/dev/null
train --data text news --output-dir both >/dev/null
train --data news --output-dir last >/dev/null
expect "a second --data of pretrain adds" same both/model.safetensors repeated/model.safetensors
expect "a second --data of pretrain is there" differ last/model.safetensors repeated/model.safetensors
refuses '--seed is given twice' inspect --data text --seed 1 --seed 2
refuses '--seed is given twice' inspect --data text --seed=1 --seed=1
refuses '--model is given twice' ask --model run --model both
# A value may look like an option, and so may an argument behind "--".
refuses '--seed: ' inspect --data --seed --seed 1
refuses '--seed: ' inspect --data text --seed 1 -- --seed
ask --model run --json --json >/dev/null
expect "a flag may repeat" [ $? = 0 ]

# ---- one rule for threads ----
for threads in -1 -3 1025 1000000; do
    refuses "--threads $threads" train_loudly --threads $threads
    refuses "--threads $threads: should be 1 .. 1024" ask --model run --threads $threads
    refuses "--threads $threads: should be" follow --model run --threads $threads
    refuses "--threads $threads: should be" evaluate --model run --threads $threads
    refuses "--threads $threads: should be" "$clbert" bench --model tiny --threads $threads
    refuses "--threads $threads: should be" "$clbert" vocab --output x --threads $threads text.txt
    refuses "--threads $threads: should be" "$clbert" prepare --tokenizer tok --output x --threads $threads text.txt
done
ask --model run --threads 0 >/dev/null
expect "0 threads: all" [ $? = 0 ]

# ---- other programs' names ----
hints() { # COMMAND OPTION WORD
    refuses "$3" "$clbert" "$1" "$2" 1
}
hints pretrain --lr 'here it is --learning-rate'
hints pretrain --steps 'here it is --max-steps'
hints pretrain --batch-size 'here it is --per-device-train-batch-size'
hints pretrain --per-gpu-train-batch-size 'here it is --per-device-train-batch-size'
hints evaluate --batch-size 'here it is --per-device-eval-batch-size'
hints pretrain --epochs '--num-train-epochs'
hints pretrain --fp16 'here it is --precision fp16'
hints evaluate --bf16 'here it is --precision bf16'
hints evaluate --tf32 'here it is --precision tf32'
hints pretrain --cuda '--device opencl'
hints fill-mask --gpu '--device opencl'
hints pretrain --output 'here it is --output-dir'
hints pretrain --resume 'here it is --resume-from-checkpoint'
hints pretrain --warmup 'here it is --warmup-steps'
hints pretrain --max-length 'here it is --max-seq-length'
hints pretrain --learning_rate=1 'here it is --learning-rate'
hints pretrain --leraning-rate 'did you mean --learning-rate?'
hints pretrain --dat 'did you mean --data?'
hints vocab --output-dir 'here it is --output'
hints bench --max-steps 'here it is --steps'
hints pretrain --zebra 'clbert pretrain --help lists them'
hints inspect --sort 'clbert inspect --help lists them' # not --step, nor --seed
refuses 'did you mean "pretrain"' "$clbert" train
refuses 'did you mean "embed"' "$clbert" encode-sentences
refuses 'did you mean "evaluate"' "$clbert" evalaute
refuses 'unknown command "zebra"; clbert --help' "$clbert" zebra

# ---- help ----
for command in pretrain evaluate fill-mask embed similarity; do
    "$clbert" help $command >help.txt
    expect "clbert help $command" same help.txt <("$clbert" $command --help)
    expect "clbert help $command explains it" grep -q "^Usage: clbert $command " help.txt
done
refuses 'unknown command' "$clbert" help nosuch

# ---- what is no model ----
mkdir nothing
mkdir -p unfinished && cp -r run/checkpoint-2 unfinished/
for command in ask follow embed evaluate; do
    refuses 'nosuch: there is no such directory' $command --model nosuch
    refuses 'nothing: is an empty directory' $command --model nothing
    refuses 'text: is a corpus' $command --model text
    refuses 'tok: is a tokenizer' $command --model tok
    refuses 'unfinished/checkpoint-2' $command --model unfinished
    refuses 'config.json: is not a directory' $command --model config.json
done
refuses 'text: is a corpus' train_loudly --model text
refuses 'tok: is a tokenizer' train_loudly --model tok
refuses 'nosuch' train_loudly --model nosuch

# ---- models that cannot answer ----
# renamed DIR SED: run with another header, of the same length.
renamed() {
    cp -r run "$1" && sed -i "1s/$2/g" "$1/model.safetensors"
}
renamed classifier '"cls\./"cla.'
refuses 'no masked language model head' ask --model classifier
refuses 'no masked language model head' ask --model classifier --json
refuses 'no next sentence prediction head' follow --model classifier
refuses 'no masked language model head' evaluate --model classifier
warns 'cls.predictions.transform.dense.weight; initialised' "$clbert" pretrain --model classifier \
    --data text --device cpu --max-steps 1 --max-seq-length 40 --output-dir from-classifier
renamed masked '"cls\.seq/"cla.seq'
warnings=$(ask --model masked 2>&1 >/dev/null)
expect "fill-mask does not mind a missing NSP head: $warnings" [ "$?$warnings" = 0 ]
refuses 'no next sentence prediction head' follow --model masked
expect "evaluate leaves out what there is no head for" \
    grep -q '"nsp_loss": null, "nsp_accuracy": null' <(evaluate --model masked 2>/dev/null)
cp -r run nan
printf '\377\377\377\377' | dd of=nan/model.safetensors conv=notrunc bs=1 status=none \
    seek=$(($(wc -c <nan/model.safetensors) - 4))
for command in ask follow evaluate; do
    refuses 'not finite' $command --model nan
    refuses 'not finite' $command --model nan --json
done
# Finite weights whose products are not: the largest float in a LayerNorm.
cp -r run huge
header=$(od -An -t u8 -N 8 huge/model.safetensors)
place=$(grep -ao '"cls.predictions.transform.LayerNorm.weight":{[^}]*' huge/model.safetensors |
    sed 's/.*"data_offsets":\[\([0-9]*\),.*/\1/')
for ((i = 0; i < 16; i++)); do printf '\377\377\177\177'; done |
    dd of=huge/model.safetensors conv=notrunc bs=1 status=none seek=$((8 + header + place))
refuses 'not finite' ask --model huge
refuses 'not finite' ask --model huge --json
refuses 'not finite' evaluate --model huge
cp -r run short && head -n 150 tok/vocab.txt >short/vocab.txt
warns '150 tokens' ask --model short
warns '150 tokens' follow --model short
sed 's/"model_type": "bert"/"model_type": "roberta"/' run/config.json >roberta.json
cp -r run roberta && cp roberta.json roberta/config.json
refuses '"roberta"' ask --model roberta
refuses '"roberta"' train_loudly --model roberta

# ---- verify: a case, a seed, the line that repeats a failure ----
verify() { "$clbert" verify --tiny --json "$@" 2>/dev/null; }
names() { grep -o '"name": "[^"]*"' "$1" | sort; }
verify --device cpu --case 'gather_rows 3x7x5' >chosen.json
expect "a case alone, by its parts: $(names chosen.json)" eval '[ "$(names chosen.json)" = \
    "$(printf "\"name\": \"gather_rows 3x7x5: %s\"\n" out "the rest untouched")" ]'
verify --device cpu --case gather_rows --seed 4294967295 >/dev/null
expect "the largest seed" [ $? = 0 ]
verify --device cpu --case model --precision bf16 >model.json
expect "the model in bf16" [ $? = 0 ]
expect "... beside fp32, too" [ "$(names model.json | grep -c ' in bf16: ')" -gt 30 ]
expect "... by the same checks" [ "$(names model.json | grep -c ' in bf16: ')" = \
    "$(names model.json | grep -c ' in bf16 beside fp32: ')" ]
refuses 'fp8' "$clbert" verify --device cpu --tiny --precision fp8
refuses '--case nosuch: no case' "$clbert" verify --device cpu --tiny --case nosuch
refuses '--seed -1: should be' "$clbert" verify --device cpu --seed -1
refuses '--seed 4294967296: should be' "$clbert" verify --device cpu --seed 4294967296
if "$clbert" devices 2>/dev/null | grep -q 'Portable Computing Language'; then
    pocl='Portable Computing Language'
    for seed in 0 0 7; do
        verify --device "$pocl" --case attention --seed $seed >again.json
        expect "verify of attention with seed $seed" [ $? = 0 ]
        [ -f first.json ] || cp again.json first.json
        [ $seed = 7 ] || expect "a seed's numbers are the same again" same first.json again.json
    done
    expect "another seed has other numbers" differ first.json again.json
    expect "... of the same checks" [ "$(names first.json)" = "$(names again.json)" ]
    # A driver told to take sums apart loses what the squares' sum keeps.
    export POCL_CACHE_DIR=$work/pocl XDG_CACHE_HOME=$work/cache
    mkdir pocl cache
    relaxed() { POCL_EXTRA_BUILD_FLAGS=-cl-fast-relaxed-math "$@"; }
    relaxed "$clbert" verify --device "$pocl" --case sum_of_squares --seed 3 >failed.txt 2>/dev/null
    expect "a failure's exit code" [ $? = 1 ]
    repeat=$(sed -n 's/^  repeat: clbert //p' failed.txt)
    expect "one failure, one line that repeats it: $(cat failed.txt)" \
        eval '[ "${repeat#verify --device opencl:}" != "$repeat" ] && [ "${repeat% --seed 3}" != "$repeat" ]'
    relaxed eval "'$clbert' $repeat" >repeated.txt 2>/dev/null
    expect "the line repeats it" [ $? = 1 ]
    expect "... to the digit" [ "$(grep FAILED failed.txt)" = "$(grep FAILED repeated.txt)" ]
    expect "... and nothing else" [ "$(grep -c ': ' repeated.txt)" -lt "$(grep -c ': ' failed.txt)" ]
    eval "'$clbert' $repeat" >/dev/null 2>&1
    expect "the line passes where the driver is sound" [ $? = 0 ]
    unset POCL_CACHE_DIR XDG_CACHE_HOME
fi

# ---- speed beside the peak ----
"$clbert" pretrain --data text --device cpu --output-dir shown --model config.json --max-steps 2 --logging-steps 1 >/dev/null 2>shown.txt
expect "both lines of training say their share of the peak: $(cat shown.txt)" \
    [ "$(grep -cE '^step [12]/2 .* tokens/s  [0-9]+ % of peak  0:0' shown.txt)" = 2 ]

# ---- bench: operations ----
operations() { "$clbert" bench --model tiny --vocab-size 100 --per-device-train-batch-size 2 \
    --max-seq-length 16 --steps 1 --threads 1 --device cpu "$@"; }
operations --op attention --json >bench.json 2>/dev/null
expect "bench of both operations of attention: $(cat bench.json)" \
    [ "$(grep -o '"name": "attention_[a-z]* 2x2x64' bench.json | sort -u | wc -l)" = 2 ]
expect "bench says rate and share of each" [ "$(grep -o '"gflops": [0-9.e+-]*, "share": [0-9]' bench.json | wc -l)" = 2 ]
operations --op 'norm_forward 32x128' >bench.txt 2>/dev/null
expect "a line of bench: $(cat bench.txt)" \
    grep -qE '^norm_forward 32x128x0 dropout 0.1 +[0-9.]+ +[0-9.]+ GB/s +[0-9.]+ %$' bench.txt
refuses '--op nosuch: no operation' operations --op nosuch
refuses 'attention_backward, norm_forward' operations --op nosuch
refuses '--profile' operations --op fill --profile
refuses 'steps' operations --op fill --steps 0

# ---- sentence embeddings: of a directory with everything, and of any BERT ----
similarity() { "$clbert" similarity --device cpu --model run "$@"; }
refuses '--pooling first is unknown' embed --model run --pooling first
refuses 'should end with .npy or .jsonl' embed --model run --output vectors.txt
refuses 'vectors.jsonl: cannot be written' embed --model run --output none/vectors.jsonl
refuses 'not both' embed --model run --input text.txt
refuses 'should be 3 .. 128' embed --model run --max-seq-length 129
refuses 'needs --model DIR' embed
printf 'Saya\n\nBudi makan.\n' >lines.txt
"$clbert" embed --device cpu --model run --output vectors.jsonl Saya '' 'Budi makan.' 2>/dev/null
"$clbert" embed --device cpu --model run --input lines.txt >lines.jsonl 2>/dev/null
"$clbert" embed --device cpu --model run <lines.txt >input.jsonl 2>/dev/null
expect "three vectors: $(cat vectors.jsonl)" [ "$(grep -cE '^\{"embedding": \[(-?[0-9.e-]+, ){15}-?[0-9.e-]+\]\}$' vectors.jsonl)" = 3 ]
expect "arguments and lines are the same" same vectors.jsonl lines.jsonl
expect "a file and standard input are the same" same input.jsonl lines.jsonl
refuses 'vectors.jsonl: is there' embed --model run --output vectors.jsonl
expect "--overwrite" eval 'embed --model run --output vectors.jsonl --overwrite 2>/dev/null && [ "$(wc -l <vectors.jsonl)" = 1 ]'
similarity Saya 'Budi makan nasi di pasar bersama Siti dan Ani.' --json >matrix.json 2>/dev/null
expect "a cosine matrix: $(cat matrix.json)" grep -qE '^\{"similarity": \[\[1.0, (-?0\.[0-9]+)\], \[\1, 1.0\]\]\}$' matrix.json
similarity Saya 'Budi makan nasi di pasar bersama Siti dan Ani.' >matrix.txt 2>/dev/null
expect "texts are cut: $(cat matrix.txt)" grep -qE '^    2  Budi makan nasi di pasar bersam…  +-?[0-9.]+  1.0000$' matrix.txt

# ---- bench: embeddings ----
"$clbert" bench --task embed --model tiny --vocab-size 100 --steps 1 --device cpu --json >embed.json 2>/dev/null
expect "bench of embeddings: $(cat embed.json)" grep -qE '"task": "embed".* "sentences_per_second": [0-9.]+' embed.json
"$clbert" bench --task embed --model run --input lines.txt --steps 1 --device cpu >embed.txt 2>/dev/null
expect "bench of a file's texts: $(cat embed.txt)" grep -qE '^texts +[0-9.]+ sentences/s$' embed.txt
refuses '--task nosuch is unknown' operations --task nosuch
refuses '--op is of training' operations --op fill --task embed
refuses '--input needs a tokenizer' operations --task embed --input lines.txt
refuses '--input is of --task embed' operations --input lines.txt

# ---- bench: beside an earlier output ----
whole() { operations --profile "$@"; }
whole --json >before.json 2>/dev/null
expect "bench --profile --json has each operation's work and share: $(cat before.json)" \
    grep -qE '"name": "adamw", "calls": 1, "seconds": [0-9.e+-]+, "step_share": [0-9.e+-]+, "gigabytes": [0-9.e+-]+, "share": ' before.json
sed 's/"device": "cpu"/"device": "opencl:7.0"/' before.json >other.json
whole --compare other.json >table.txt 2>/dev/null
expect "a profile with roofs: $(cat table.txt)" \
    grep -qE '^attention_forward +2 +[0-9.]+ +[0-9.]+ % +[0-9.]+ GFLOP/s +[0-9.]+ %$' table.txt
for figure in tokens/s 'step, ms' 'linear_forward, ms' 'adamw, ms'; do
    expect "the earlier $figure: $(cat table.txt)" grep -qE "^$figure( +[0-9.]+){3}\$" table.txt
done
expect "the other device is named" grep -q '^device   cpu, before opencl:7.0$' table.txt
operations --compare before.json 2>/dev/null >table.txt
expect "no operations without a profile" eval '! grep -q adamw, table.txt && grep -q tokens/s table.txt'
operations --op fill --compare bench.json 2>/dev/null >table.txt
expect "operations beside others" eval 'grep -q "^peak, GFLOP/s" table.txt && ! grep -q "fill.*, ms" table.txt'
operations --op attention --compare bench.json 2>/dev/null >table.txt
expect "... beside themselves" [ "$(grep -c '^attention_.*first 16, ms' table.txt)" = 2 ]
sed 's/"max_seq_length": 16/"max_seq_length": 8/' before.json >other.json
refuses 'its max_seq_length: 8, here: 16' whole --compare other.json
echo '{"tokens_per_second": 5}' >foreign.json
echo 'step 5: fast' >text.json
refuses 'foreign.json: is no output of clbert bench --json' whole --compare foreign.json
refuses 'text.json' whole --compare text.json
refuses 'nosuch.json' whole --compare nosuch.json
refuses 'embed.json: is of another --task' whole --compare embed.json
refuses 'is of single operations' whole --compare bench.json
refuses 'is of whole steps' operations --op fill --compare before.json
sed 's/"model": "tiny"/"model": "base"/' before.json >other.json
refuses 'its model: base, here: tiny' whole --compare other.json
sed 's/"parameters": [0-9]*/"parameters": 7/' before.json >other.json
refuses 'its parameters: 7, here: ' whole --compare other.json
refuses '--compare' whole --json --compare before.json

finish
