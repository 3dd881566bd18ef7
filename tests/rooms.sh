#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A room (src/ROOM) includes only itself and the rooms before it: their headers, and the public
# headers that they implement.
# Usage: rooms.sh SOURCE-DIRECTORY
set -euo pipefail
cd "$1"
rooms='base compute text tokenizer vocab data demo model workers tasks predict train verify cli'

place_of() { # ROOM: its number
    local place=0 room
    for room in $rooms; do
        [ "$room" = "$1" ] && { echo "$place"; return; }
        place=$((place + 1))
    done
    return 1
}

room_of() { # HEADER, as in "ROOM/..." or <clbert/...>
    case $1 in
        clbert/api.h | clbert/status.h | clbert/random.h) echo base ;;
        clbert/device.h | clbert/ops.h) echo compute ;;
        clbert/corpus.h | clbert/prepare.h | clbert/batch.h | clbert/stream.h) echo data ;;
        clbert/demo_text.h | clbert/demo_tasks.h) echo demo ;;
        clbert/config.h) echo model ;;
        clbert/bench.h) echo verify ;;
        clbert/embed.h) echo predict ;;
        clbert/fine_tune.h) echo train ;;
        clbert/*.h) basename "$1" .h ;; # of the room of its name
        *) echo "${1%%/*}" ;;
    esac
}

failed=0
complain() {
    echo "$1" >&2
    failed=1
}

includes=$(grep -rHoE '^ *# *include +("[^"]+|<clbert/[^>]+)' --include='*.[ch]' src)
for folder in src/*/; do
    room=$(basename "$folder")
    place_of "$room" >/dev/null || complain "$folder is not in the list of rooms: tests/rooms.sh"
done
while IFS=: read -r file include; do
    header=${include#*[\"<]}
    room=${file#src/}
    room=${room%%/*}
    other=$(room_of "$header")
    if ! there=$(place_of "$other"); then
        complain "$file includes $header: which room is it of? Name the room as in \"room/file.h\", or a public header's in tests/rooms.sh"
    elif here=$(place_of "$room") && [ "$there" -gt "$here" ]; then
        complain "$file includes $header: room $other is below room $room"
    fi
done <<<"$includes"

# A name says which file is meant.
same=$(find src -name '*.[ch]' -printf '%f\n' | sort | uniq -d)
[ -z "$same" ] || complain "file names that are there twice: $same"
[ "$failed" = 0 ] || exit 1
echo "$(wc -l <<<"$includes") includes, none of a room below"
