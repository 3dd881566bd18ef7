#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What clbert says of bad input: an exit code that is not 0, one line that names what was wrong, and
# nothing half-written. Usage: errors.sh CLBERT GOLDEN
. "$(dirname "$0")/shell.sh"
golden=$2

absent() { [ ! -e "$1" ]; }
has_no_temporaries() { [ -z "$(find . -name '*.tmp-*')" ]; }

# ---- a small world that works ----
make_corpus 200 200
printf '{"vocab_size": 200, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
 "intermediate_size": 32, "max_position_embeddings": 32}' >config.json
# An option that is given twice is refused, so each is given once here.
train() { "$clbert" pretrain --data corpus --model "${model:-config.json}" --device "${device:-cpu}" \
    --max-steps "${steps:-2}" --per-device-train-batch-size "${batch:-2}" \
    --max-seq-length "${length:-32}" "$@"; }
train --output-dir run 2>/dev/null
expect "a run that works" test -e run/model.safetensors

# ---- the command line ----
refuses 'did you mean --data?' train --dat corpus --output-dir x
refuses 'did you mean "pretrain"' "$clbert" pretran
refuses '--output-dir' "$clbert" pretrain --data corpus
refuses '--tokenizer' "$clbert" prepare --output x text.txt
steps=many refuses 'max-steps' train --output-dir x
refuses 'adamw' train --output-dir x --optim sgd

# ---- text: every kind of bad file, to every command that reads text ----
: >empty.txt
mkdir empty-directory blank-directory
printf ' \n\n\t\n' >blank-directory/blank.txt
printf '\xff\xfeS\0a\0' >utf16.txt
printf '{"text": "Saya makan."}\n{"body": "Budi tidur."}\n' >field.jsonl
printf '{"text": "Saya makan."}\n{"text": \n' >broken.jsonl
gzip -c text.txt | head -c 300 >cut.gz
bzip2 -c text.txt | head -c 300 >cut.bz2
xz -c text.txt | head -c 300 >cut.xz
tar -cf cut.tar text.txt && truncate -s 5000 cut.tar
tar -cf empty.tar --files-from /dev/null
reads() { # WORD TEXT: both commands refuse it
    refuses "$1" "$clbert" prepare --tokenizer tok --output x "$2"
    refuses "$1" "$clbert" vocab --vocab-size 200 --output x "$2"
}
reads 'missing.txt' missing.txt
reads 'missing*.txt' 'missing*.txt'
reads 'empty.txt: is empty' empty.txt
reads 'empty-directory' empty-directory
reads 'blank-directory' blank-directory
reads 'UTF-16' utf16.txt
reads 'field.jsonl:2' field.jsonl
reads 'broken.jsonl:2' broken.jsonl
for cut in gz bz2 xz tar; do reads "cut.$cut: " cut.$cut; done
reads 'empty.tar: is empty' empty.tar
refuses 'standard input' "$clbert" prepare --tokenizer tok --output x - <cut.gz
cp text.txt locked.txt && chmod 0 locked.txt
[ -r locked.txt ] || reads 'locked.txt' locked.txt # not as root
# A good file behind which a bad one comes: nothing of it is left.
refuses 'cut.xz' "$clbert" prepare --tokenizer tok --output x text.txt cut.xz
expect "no corpus is left of a failure" absent x/corpus.json
expect "no vocabulary is left of a failure" absent x/vocab.txt
printf 'Saya makan \xff\xfe\xe2\x82 nasi.\n\nBudi tidur.\n' >invalid.txt
"$clbert" prepare --tokenizer tok --output replaced invalid.txt >report.txt 2>warnings.txt
expect "invalid UTF-8 is replaced and counted" grep -q '3 sequences were not UTF-8' warnings.txt
printf 'Saya \0makan\0 nasi.\n\nBudi tidur.\n' >nul.txt
tr -d '\0' <nul.txt >no-nul.txt
"$clbert" prepare --tokenizer tok --output nul nul.txt >/dev/null
"$clbert" prepare --tokenizer tok --output no-nul no-nul.txt >/dev/null
expect "NUL bytes are dropped" cmp nul/train.bin no-nul/train.bin
expect "NUL bytes are dropped from lines of standard input" \
    diff <("$clbert" tokenize --tokenizer tok <nul.txt) <("$clbert" tokenize --tokenizer tok <no-nul.txt)

# ---- what is passed over, and what is warned of ----
mkdir mixed
cp text.txt mixed/
printf '%%PDF-1.7\n' >mixed/a.pdf
cp mixed/a.pdf mixed/b.pdf
cp cut.gz mixed/z.gz
says() { # WORD COMMAND...: it works, and says so
    local word=$1
    shift
    expect "\"$word\" of $*" grep -qF -e "$word" <("$@" 2>&1)
}
refuses 'a PDF document' "$clbert" prepare --tokenizer tok --output x mixed/a.pdf
refuses 'z.gz' "$clbert" prepare --tokenizer tok --output x mixed
says 'passed over 2 files, which are no text: a PDF document (2)' \
    "$clbert" prepare --tokenizer tok --output mixed-corpus --skip-unreadable mixed
expect "corpus.json counts what was passed over" grep -q '"a PDF document": 2' mixed-corpus/corpus.json
says '1 files could not be read' "$clbert" vocab --vocab-size 200 --output mixed-tok --skip-unreadable mixed
refuses 'not for --format text' "$clbert" prepare --tokenizer tok --output x --json-field text --format text text.txt
refuses 'is not JSON' "$clbert" prepare --tokenizer tok --output x --json-field text text.txt
printf '<p>Saya makan.</p>\n<p>Dia tidur.</p>\n\n<p>Saya.</p>\n' >page.html
says 'look like HTML' "$clbert" prepare --tokenizer tok --output page page.html
printf 'Qqq zzz.\n\nXxx vvv.\n\nSaya.\n' >foreign.txt
says '[UNK] is' "$clbert" prepare --tokenizer tok --output foreign foreign.txt
printf 'Saya makan. Dia tidur.\n' >single.txt
says 'pretrain will refuse this corpus' "$clbert" prepare --tokenizer tok --output single single.txt
refuses 'next sentence prediction needs two' "$clbert" pretrain --data single --model tiny --output-dir x
expect "no speed where it cannot be told" sh -c "! '$clbert' prepare --tokenizer tok --overwrite --output single single.txt 2>&1 | grep -q 'MB/s'"

# ---- nothing is replaced by accident ----
refuses '--overwrite' "$clbert" demo-text --documents 9 --output text.txt
refuses '--overwrite' "$clbert" vocab --output tok text.txt
cp -r tok tok2 && cp text.txt text2.txt
"$clbert" vocab --vocab-size 199 --output tok2 --overwrite text.txt >/dev/null && "$clbert" demo-text --documents 9 --output text2.txt --overwrite
expect "--overwrite replaces them" sh -c '! cmp -s text.txt text2.txt && ! cmp -s tok/vocab.txt tok2/vocab.txt'

# ---- vocabularies and corpora ----
refuses 'less than a millionth' "$clbert" inspect --data corpus:1 corpus:2e305
refuses '--step' "$clbert" inspect --data corpus --step 4611686018427387904
mkdir unmasked
grep -vxF '[MASK]' tok/vocab.txt >unmasked/vocab.txt
refuses '[MASK]' "$clbert" tokenize --tokenizer unmasked Saya
refuses 'nowhere' "$clbert" tokenize --tokenizer nowhere Saya
refuses 'holds a corpus' "$clbert" prepare --tokenizer tok --output corpus text.txt
cp -r corpus short && truncate -s -2 short/train.bin
refuses 'train.bin' "$clbert" inspect --data short
cp -r corpus damaged && truncate -s -8 damaged/train.idx
refuses 'train.idx' "$clbert" inspect --data damaged
cp -r corpus other && sed -i 's/^saya$/kamu/' other/vocab.txt
refuses 'another vocabulary' "$clbert" inspect --data other
"$clbert" vocab --vocab-size 199 --output tok199 text.txt >/dev/null
"$clbert" prepare --tokenizer tok199 --output corpus199 text.txt >/dev/null
refuses 'another vocabulary' "$clbert" evaluate --model run --data corpus199
refuses 'another vocabulary' "$clbert" pretrain --model run --data corpus199 --output-dir x

# ---- models ----
sed 's/"num_attention_heads": 2/"num_attention_heads": 3/' config.json >heads.json
model=heads.json refuses 'does not divide' train --output-dir x
sed 's/"vocab_size": 200/"vocab_size": 20/' config.json >small.json
model=small.json refuses 'vocab_size' train --output-dir x
printf '{"vocab_size": 200,' >broken.json
model=broken.json refuses 'broken.json:1' train --output-dir x
length=33 refuses 'max_position_embeddings' train --output-dir x
with_weights() { rm -rf m && cp -r run m && "$@" m/model.safetensors; }
header() { # replaces the header of FILE by sed EXPRESSION of the same length
    sed -i "$1" "$2"
}
shorten() { truncate -s -64 "$1"; }
huge_header() { printf '\377\377\377\377\377\377\377\177' | dd of="$1" conv=notrunc status=none; }
ask() { "$clbert" fill-mask --model m 'saya [MASK]'; }
with_weights header '1s/\[200,16\]/[16,200]/'
refuses 'shape' ask
with_weights header '1s/"dtype":"F32"/"dtype":"I32"/'
refuses 'I32' ask
with_weights shorten
refuses 'past the end' ask
with_weights huge_header
refuses 'header' ask
with_weights header '1s/word_embeddings/worm_embeddings/'
refuses 'word_embeddings' ask
with_weights rm
touch m/pytorch_model.bin
refuses 'save_pretrained' ask
refuses 'no [MASK]' "$clbert" fill-mask --model run saya
refuses 'two sentences' "$clbert" next-sentence --model run saya

# ---- devices ----
device=voodoo refuses 'is unknown' train --output-dir x
refuses 'no OpenCL device' env OCL_ICD_VENDORS=/nonexistent "$clbert" verify --device opencl
# PoCL, where it is, shows one CPU as two devices.
export POCL_DEVICES='pthread pthread'
if [ "$("$clbert" devices | grep -c '^opencl.*pthread')" = 2 ]; then
    refuses 'is ambiguous' "$clbert" verify --device pthread --tiny
fi
unset POCL_DEVICES
refuses 'CLBERT_ISA' env CLBERT_ISA=mmx "$clbert" verify --device cpu --tiny
batch=30000000 refuses 'MiB' train --output-dir x

# ---- output directories ----
refuses 'holds another run' train --output-dir run
refuses 'text.txt' train --output-dir text.txt
refuses 'text.txt' "$clbert" vocab --output text.txt/inside text.txt
refuses 'seed' train --output-dir run --resume-from-checkpoint auto --seed 7
# A full disk: no file may grow beyond 20 blocks.
limited() { (trap '' XFSZ; ulimit -f 20; "$@"); }
refuses 'could not be written' limited train --output-dir full
expect "no checkpoint is left of a full disk" absent full/checkpoint-2
refuses 'train.bin' limited "$clbert" prepare --tokenizer tok --output full-corpus text.txt
# Counts that do not fit in memory, and no room for them on the disk either.
seq -f 'kata%.0f' 60000 | paste -sd ' \n' >words.txt
refuses 'TMPDIR' limited "$clbert" vocab --memory 1M --vocab-size 200 --output full-tok words.txt
refuses '/nonexistent' env TMPDIR=/nonexistent "$clbert" vocab --memory 1M --output full-tok words.txt
refuses 'too small' "$clbert" vocab --memory 1K --output full-tok words.txt
refuses '--memory lots' "$clbert" vocab --memory lots --output full-tok words.txt
expect "no vocabulary is left of a full disk" absent full-tok
expect "no corpus is left of a full disk" absent full-corpus/corpus.json
# An interrupted prepare: while it waits for more of its standard input.
(cat text.txt; sleep 1) | "$clbert" prepare --tokenizer tok --output stopped - 2>stopped.txt &
until [ -n "$(find . -name 'train.bin.tmp-*')" ]; do sleep 0.02; done
kill -INT $! && wait $!
code=$?
expect "prepare is interrupted: $(cat stopped.txt)" [ $code = 130 ]
# And an embed, whose file is there from its first moment.
(cat text.txt; sleep 1) | "$clbert" embed --model run --device cpu --output stopped.npy --input - 2>stopped.txt &
until [ -n "$(find . -name 'stopped.npy.tmp-*')" ]; do sleep 0.02; done
kill -INT $! && wait $!
code=$?
expect "embed is interrupted: $(cat stopped.txt)" [ $code = 130 ]
expect "no vectors are left of it" [ -z "$(find . -name 'stopped.npy*')" ]
# One that is killed leaves no corpus, and the next one sweeps up behind it.
(cat text.txt; sleep 1) | "$clbert" prepare --tokenizer tok --output killed - 2>/dev/null &
until [ -n "$(find killed -name 'train.bin.tmp-*' 2>/dev/null)" ]; do sleep 0.02; done
kill -KILL $! && wait $! 2>/dev/null
expect "no corpus is left of a killed program" absent killed/corpus.json
refuses 'no corpus' "$clbert" inspect --data killed
# One that was to replace an older one leaves that.
cp -r corpus standing
(cat text.txt; sleep 1) | "$clbert" prepare --tokenizer tok --overwrite --output standing - 2>/dev/null &
until [ -n "$(find standing -name 'train.bin.tmp-*' 2>/dev/null)" ]; do sleep 0.02; done
kill -KILL $! && wait $! 2>/dev/null
expect "the older corpus stands when its successor is killed" cmp <("$clbert" inspect --data corpus) <("$clbert" inspect --data standing)
rm -r standing/*.tmp-*
"$clbert" prepare --tokenizer tok --output killed text.txt >/dev/null
refuses 'standard output' sh -c "exec '$clbert' demo-text --documents 9 >/dev/full"
expect "no temporary files are left" has_no_temporaries

# An answer that is a number is JSON, too.
expect "a number as JSON" grep -qE '^-?[0-9.e-]+$' \
    <("$clbert" predict --device cpu --json --model "$golden/answers/number" "budi")

finish
