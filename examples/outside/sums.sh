#!/bin/sh
# A benchmark that prints its own figure: sums.sh COUNT adds up COUNT numbers and says how many it adds a second.
begin=$(date +%s%N)
awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) x += i * i; print "sum", x }'
end=$(date +%s%N)
awk -v n="$1" -v ns=$((end - begin)) 'BEGIN { print "rate", 1e9 * n / ns, "numbers/s" }'
