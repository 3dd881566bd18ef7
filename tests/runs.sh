#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What `clbert pretrain` tells, and where: results on standard output, all else on standard error; what a
# resumed run is told of other options; a terminal that goes away. Usage: runs.sh CLBERT
. "$(dirname "$0")/shell.sh"
told() { grep -qF -e "$1" err.txt; }
make_corpus 200 300 --validation-fraction 0.1
train() { "$clbert" pretrain --data corpus --output-dir "${run-run}" --device cpu --per-device-train-batch-size 4 \
    --max-seq-length 64 --logging-steps 5 --eval-steps 10 --eval-samples 16 --save-steps "${save-10}" "$@" \
    >out.txt 2>err.txt; }

train --model tiny --max-steps 20 --dry-run
expect "a dry run reports on standard output" grep -q '^memory   weights' out.txt
expect "and says nothing else" test ! -s err.txt
expect "and makes nothing" test ! -e run

train --model tiny --max-steps 20
expect "the results" grep -q '^step 20 of 20: run$' out.txt
expect "training losses" grep -q '^training: mlm [0-9.]* (' out.txt
expect "held-out losses" grep -q '^held out: mlm [0-9.]* (' out.txt
expect "the options are kept" grep -q '"learning_rate": 0.0001,' run/training_args.json
expect "the command is kept" grep -q '"--logging-steps"' run/training_args.json

train --model mini --max-steps 30 --learning-rate 2e-4 --threads 1 --resume-from-checkpoint auto --json
expect "JSON" grep -q '{"output_dir": "run", "global_step": 30, .*"eval_nsp_loss": ' out.txt
expect "the rate's change" told 'warning: learning_rate is now 0.0002 (was 0.0001)'
expect "the plan's change" told 'warning: max_steps is now 30 (was 20)'
expect "threads" told 'threads is now 1 (was 0)'
expect "the model's" told 'warning: model "mini" is ignored: the checkpoint goes on as it is ("tiny")'
expect "the model that it is stays written" grep -q '"model": "tiny"' run/training_args.json
train --max-steps 30 --learning-rate 2e-4 --threads 1 --resume-from-checkpoint auto
expect "nothing changed, nothing said" test "$(grep -c 'is now\|ignored' err.txt)" = 0
expect "there is nothing to do" told 'all its steps are done already'

run=alone train --model tiny --max-steps 20 --no-nsp
expect "MLM alone" grep -q '^held out: mlm [^n]*$' out.txt
expect "its architecture" grep -q BertForMaskedLM alone/config.json
"$clbert" fill-mask --model alone "Saya [MASK] nasi." >out.txt 2>err.txt
expect "it fills masks" grep -q '%' out.txt
"$clbert" next-sentence --model alone "Saya." "Saya." >out.txt 2>err.txt
expect "it knows no next sentence" told 'no next sentence prediction head'
run=alone train --max-steps 30 --resume-from-checkpoint auto
expect "which stays so" told 'begun with no_nsp true, this one has false'
run=alone train --max-steps 30 --no-nsp --resume-from-checkpoint auto
expect "it goes on" grep -q "^step 30 of 30" out.txt
"$clbert" inspect --data corpus --no-nsp --max-seq-length 64 >out.txt 2>err.txt
expect "its examples are shown" grep -q '^example 31: [0-9]* tokens: A [0-9]*$' out.txt
"$clbert" inspect --data corpus --no-nsp --statistics 2 >out.txt 2>err.txt
expect "and counted, without pairs" test "$(grep -c '^chosen\|^pairs' out.txt)" = 1

# Other ways to mask, and dropout: a resumed run is told, also where the checkpoint knew of none of them.
run=spans train --model tiny --max-steps 20 --span-mask --mlm-probability 0.3:0.15 --dropout 0
expect "dropout is the model's" grep -q '"attention_probs_dropout_prob": 0.0' spans/config.json
"$clbert" evaluate --model spans --data corpus --device cpu >out.txt 2>err.txt
expect "evaluated with the last share" told '0.15 masked in spans'
run=spans train --max-steps 30 --span-mask --mlm-probability 0.3 --resume-from-checkpoint auto
expect "the share stays so" told 'begun with mlm_probability_last 0.15, this one has 0.0'
run=spans train --max-steps 30 --mlm-probability 0.3:0.15 --resume-from-checkpoint auto
expect "and so do spans" told 'begun with span_mask true, this one has false'
run=spans train --max-steps 30 --span-mask --mlm-probability 0.3:0.15 --resume-from-checkpoint auto
expect "dropout is not asked for again" test "$(grep -c dropout err.txt)" = 0
expect "and stays written" grep -q '"dropout": 0.0' spans/checkpoint-30/training_args.json
run=spans train --max-steps 40 --span-mask --mlm-probability 0.3:0.15 --dropout 0.2 --resume-from-checkpoint auto
expect "it can be another" told 'warning: dropout is now 0.2 (was 0.0)'
expect "and is" grep -q '"hidden_dropout_prob": 0.2' spans/config.json
sed -i '/"span_mask"/d; /"mlm_probability_last"/d' run/checkpoint-30/training_args.json
train --max-steps 40 --learning-rate 2e-4 --mlm-probability 0.15:0.3 --resume-from-checkpoint auto
expect "an older checkpoint had one share" told 'begun with mlm_probability_last 0.0, this one has 0.3'
train --max-steps 40 --learning-rate 2e-4 --span-mask --resume-from-checkpoint auto
expect "and no spans" told 'begun with span_mask false, this one has true'
for value in 0.3: 0.3:x x 0.3:0 0.3:nan 0.3:0.15:0.1; do
    run=wrong train --mlm-probability $value
    expect "no share: $value" told "--mlm-probability $value: should be a number, or two: FIRST:LAST"
done
run=wrong train --mlm-probability 0.3:1.5
expect "a share above 1" told '--mlm-probability should be above 0 and below 1'
run=wrong train --span-mask --whole-word-mask
expect "spans are of whole words" told '--whole-word-mask and --span-mask: choose one'
run=wrong train --dropout 1
expect "all cannot be dropped" told '--dropout should be in [0, 1)'
expect "nothing was made" test ! -e wrong
"$clbert" inspect --data corpus --span-mask --mlm-probability 0.5:0.1 --max-steps 10 --step 9 --statistics 1 >out.txt 2>err.txt
expect "the last step's share" grep -Eq '^chosen     (9|10)\.' out.txt

run="" train --max-steps 2
expect "an empty name" told 'the name of a directory is empty'

# Too few files may be open: nothing half-written stays.
(ulimit -n 11; run=few train --model tiny --max-steps 2)
expect "too many open files" told 'Too many open files'
expect "no temporary directory" test -z "$(ls -d few/*.tmp-* 2>/dev/null)"

# A terminal that goes away, as Ctrl-C does; under nohup it does not matter.
rm -r run
save=0 train --model tiny --max-steps 100000 &
until [ -s run/metrics.jsonl ] || ! kill -0 $! 2>/dev/null; do sleep 0.02; done
pkill -HUP -P $! -x clbert
wait $!
expect "SIGHUP saves" told 'saved; go on with'
expect "a checkpoint is there" test -n "$(ls -d run/checkpoint-* 2>/dev/null)"
finish
