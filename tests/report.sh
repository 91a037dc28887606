# What test.sh counts and prints: checks, tests, minutes per ring. Sourced by it; expects $work.

passed=0 failed=0 skipped=0 minutes=()

# ring NAME: what follows is accounted to this ring.
ring() {
    [ -z "${ring_name:-}" ] || minutes+=("$(printf '%-12s %6s min' "$ring_name" "$(since "$ring_start")")")
    ring_name=$1 ring_start=$SECONDS
    printf '\n== %s\n' "$1"
}
since() { awk -v s=$((SECONDS - $1)) 'BEGIN { printf "%.1f", s / 60 }'; }

# check WHAT COMMAND…: one check; its output is shown only if it fails.
check() {
    local what=$1 start=$SECONDS
    shift
    if "$@" >"$work/check.log" 2>&1 </dev/null; then
        passed=$((passed + 1))
        echo "ok    $what ($((SECONDS - start)) s)"
    else
        failed=$((failed + 1))
        cat "$work/check.log"
        echo "FAILED $what: $*"
    fi
}

# must WHAT COMMAND…: the same, but nothing after it makes sense if it fails.
must() {
    local before=$failed
    check "$@"
    [ "$failed" -eq "$before" ] || finish
}

# finish: the minutes, the sum and the end.
finish() {
    ring summary
    printf '%s\n' "${minutes[@]}"
    local sum="$passed passed, $failed failed"
    [ "$skipped" -eq 0 ] || sum="$sum, $skipped skipped"
    echo "$sum"
    [ "$failed" -eq 0 ] && exit 0 || exit 1
}

# tests WHAT COMMAND…: a command that prints the closing lines of Rust's test programs.
tests() {
    local what=$1 status=0 sums p f i
    shift
    echo "-- $what"
    "$@" >"$work/tests.log" 2>&1 </dev/null || status=$?
    cat "$work/tests.log" >>"$work/all-tests.log"
    # Of a program that failed, nothing but what failed: who looks for that shall not have to search.
    if [ "$status" -ne 0 ] && grep -q '^failures:$' "$work/tests.log"; then
        sed -n '/^failures:$/,$p' "$work/tests.log"
    else
        grep -vE '^(running [0-9]+ tests?|test .* \.\.\. ok|test ([a-z_0-9]+::)*child_.* \.\.\. ignored.*|)$' "$work/tests.log" || true
    fi
    # Ignored tests called child_… are parts of others, which start them in a process of their own.
    sums=$(awk '/^test result:/ { p += $4; f += $6 } / \.\.\. ignored/ && $2 !~ /(^|::)child_/ { i++ }
        END { print p + 0, f + 0, i + 0 }' "$work/tests.log")
    read -r p f i <<<"$sums"
    # A program that failed without saying how many tests did (it was killed, say) is one failure.
    [ "$status" -eq 0 ] || [ "$f" -gt 0 ] || { f=1 && echo "FAILED $what ended with $status"; }
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + i))
}

# A ring from which a test has vanished would still be green; so the expected ones are written down.
expected_tests_ran() {
    local name missing=0
    while read -r name; do
        grep -qx "test $name \.\.\. ok" "$work/all-tests.log" || { echo "did not run, or failed: $name" && missing=1; }
    done < <(grep -v '^#' tests/expected-tests.txt)
    return "$missing"
}
