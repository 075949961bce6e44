#!/bin/sh
# Count engine.timer, which comes every second, and report each Nth one; N is the parameter.

every=${1:-60}
case $every in
'' | 0* | *[!0-9]*)
    echo "count.sh: $every is not a number of seconds" >&2
    exit 2
    ;;
esac

echo '%%>watch:engine.timer'
count=0
while IFS= read -r line; do
    case $line in
    '%%<message::'*':engine.timer:'*)
        count=$((count + 1))
        if [ $((count % every)) -eq 0 ]; then
            echo "%%>output:count.sh: $count seconds have gone by"
        fi
        ;;
    'Error in:'*) echo "$line" >&2 ;;
    esac
done
