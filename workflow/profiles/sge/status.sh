#!/bin/sh
# Says what became of a Grid Engine job: running, success or failed.
# Its account may be written some seconds after the job has left the queue.
for wait in 2 4 8 0; do
    if qstat -j "$1" >/dev/null 2>&1; then
        echo running
        exit
    fi
    if account=$(qacct -j "$1" 2>/dev/null); then
        if echo "$account" | grep -q '^exit_status  *0 *$'; then echo success; else echo failed; fi
        exit
    fi
    sleep "$wait"
done
echo failed
