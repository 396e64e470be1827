#!/bin/sh
# What action.yml runs: first `install`, then `scan`. What the workflow and the event say comes in environment
# variables only, because a branch name or an input that became part of this text could command it.
# Python runs with -I, so that neither the scanned tree nor PYTHONPATH can put modules of theirs in its way.
set -eu

newline='
'

output() {
  printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"
}

refuse() {
  printf '::error title=keysweep::%s\n' "$1"
  output exit-code 2
  exit 2
}

# An environment of its own, outside of the scanned tree, with keysweep as the action was checked out.
install() {
  unset PYTHONPATH PYTHONHOME # pip starts others, which do not get -I
  place=$(mktemp -d "$RUNNER_TEMP/keysweep.XXXXXX")
  cd "$place"
  "$PYTHON" -I -m venv "$place"
  python=$place/bin/python
  [ -x "$python" ] || python=$place/Scripts/python.exe
  "$python" -I -m pip install --quiet --disable-pip-version-check "$GITHUB_ACTION_PATH"
  output python "$python"
}

# From which commit (`base`) to which (`head`) the event leads. Without a head it is about no change.
read_event() {
  base='' head=''
  if [ -n "$EVENT_HEAD" ]; then
    base=$EVENT_BASE head=$EVENT_HEAD
    # The base that an event names may be older than the one that GitHub merged the request into for this run.
    if merged=$(git rev-parse --verify --quiet "$GITHUB_SHA^2" 2>/dev/null) && [ "$merged" = "$head" ]; then
      base=$(git rev-parse --verify "$GITHUB_SHA^1")
    fi
  elif [ "$GITHUB_EVENT_NAME" = push ]; then
    base=$EVENT_BEFORE head=$GITHUB_SHA
  elif [ "$GITHUB_EVENT_NAME" = schedule ] || [ "$GITHUB_REF" = "refs/heads/$EVENT_DEFAULT_BRANCH" ]; then
    base=$GITHUB_SHA # the default branch: what it says of itself was reviewed
  fi
}

# What is scanned, as arguments in `range`; empty for all of history.
choose_range() {
  case $INPUT_HISTORY in
    true)
      [ -z "$INPUT_RANGE" ] || refuse 'range and history exclude each other: give one of them.'
      range=''
      ;;
    '' | false)
      range=${INPUT_RANGE:-${head:+$base..$head}}
      ;;
    *) refuse 'history has to be true or false.' ;;
  esac
  case $INPUT_RANGE in
    '') ;;
    ..*) base='' ;;
    *..*) base=${INPUT_RANGE%%..*} ;;
    *) base='' ;;
  esac
}

# Whether `config` is a file of the scanned tree, which the change under review can write.
is_of_the_tree() {
  git -c core.fsmonitor=false --literal-pathspecs ls-files --error-unmatch -- "$INPUT_CONFIG" >/dev/null 2>&1
}

# Whether GitHub takes the SARIF file: it does not from forks, and for pull_request_target it would be the base's.
decide_upload() {
  case $INPUT_UPLOAD_SARIF in
    true) ;;
    '' | false) return 1 ;;
    *) refuse 'upload-sarif has to be true or false.' ;;
  esac
  if [ "$GITHUB_EVENT_NAME" = pull_request_target ] ||
    { [ -n "$EVENT_PULL_REQUEST" ] && [ "$EVENT_HEAD_REPOSITORY" != "$GITHUB_REPOSITORY" ]; }; then
    echo '::notice title=keysweep::SARIF is not uploaded: this pull request has no permission to do so.'
    return 1
  fi
}

scan() {
  cd "$GITHUB_WORKSPACE"
  place=$(mktemp -d "$RUNNER_TEMP/keysweep.XXXXXX")
  read_event
  choose_range
  upload=true
  decide_upload || upload=false
  sarif=${INPUT_SARIF_FILE:-$place/keysweep.sarif}
  case $sarif in *"$newline"*) refuse 'sarif-file is more than one line.' ;; esac

  set -- scan --report github-annotations=- --report "sarif=$sarif" --report "jsonl=$place/findings.jsonl"
  [ -z "${GITHUB_STEP_SUMMARY:-}" ] || set -- "$@" --report "github-summary=$GITHUB_STEP_SUMMARY"
  if [ -n "$range" ]; then set -- "$@" --range "$range"; else set -- "$@" --history; fi
  [ -z "$INPUT_FAIL_ON" ] || set -- "$@" --fail-on "$INPUT_FAIL_ON"
  [ -z "$INPUT_CONFIG" ] || set -- "$@" --config "$INPUT_CONFIG"
  case $INPUT_STRICT in
    never) ;;
    base | always)
      if [ -n "$INPUT_CONFIG" ] && is_of_the_tree; then
        refuse 'config is a file of the scanned tree, so that a change could silence itself with it: name one from elsewhere, or set strict to never.'
      elif [ "$INPUT_STRICT" = base ] && [ -n "$base" ] && [ -z "$INPUT_CONFIG" ]; then
        set -- "$@" --strict-base "$base"
      else
        set -- "$@" --strict
      fi
      ;;
    *) refuse 'strict has to be base, always or never.' ;;
  esac
  while IFS= read -r argument; do
    [ -z "$argument" ] || set -- "$@" "$argument"
  done <<END
$INPUT_ARGS
END

  code=0
  "$KEYSWEEP_PYTHON" -I -X utf8 -m keysweep "$@" || code=$?
  case $code in
    0 | 1) ;;
    *) echo "::error title=keysweep::keysweep ended with exit code $code: the log of this step says why, and what to do." ;;
  esac
  output exit-code "$code"
  if [ -f "$place/findings.jsonl" ]; then
    output findings "$(grep -c '^{"type":"finding"' "$place/findings.jsonl" || :)"
    output sarif-file "$sarif"
    output upload "$upload"
  fi
  exit "$code"
}

case ${1:-} in
  install | scan) "$1" ;;
  *)
    echo 'usage: github-action.sh install|scan' >&2
    exit 2
    ;;
esac
