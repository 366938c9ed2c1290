#!/usr/bin/env bash
# Everything that is to be known of a graphics card, in eight minutes, without network and without cargo.
#
#   cargo xtask gpu-check FOLDER           before: builds what the steps run, into FOLDER/bin
#   xtask/gpu-check.sh list                the steps, with their limits
#   xtask/gpu-check.sh run FOLDER [STEP]   on the machine with the card, in the repository's root: all steps, or one
#
# `run` writes FOLDER/results.md, a table of the steps and what they found, and FOLDER/STEP.log for each. A step that
# fails, or is ended at its limit, does not end the others. The exit code is 1 if any did not pass.
set -uo pipefail

# Name, limit in seconds, what it shows. The limits are at most 480 s together.
STEPS=(
  "card|10|the card, its driver, the libraries"
  "check|40|our kernel for Hopper cards against CubeCL's"
  "kernels-cuda|60|every kernel against its oracle on random shapes, through CUDA"
  "kernels-vulkan|30|the same through Vulkan"
  "parity|60|every checkpoint against sentence-transformers' vectors, on all devices"
  "model|25|a model of BERT-base size with 200 entries per vector, and texts of 96 words"
  "products|50|products: TFLOP/s and errors, by kernel and shape"
  "speed-bf16|30|texts/s in bf16: CubeCL's products, then ours"
  "speed-f16|30|texts/s in f16: the same"
  "speed-f32|20|texts/s in f32"
  "rows|30|texts/s with 30, 200 and 2,500 entries per vector"
  "first|20|the first vector without and with kernels in the cache; memory of the card"
  "profile|10|where the time of a corpus goes"
  "torch|40|sentence-transformers in its best batch, and plain torch with sorted batches"
  "cpu|25|texts/s of the CPU backend at 1, 2, 4, 8 and 16 threads"
)
N_TEXTS=4096

die() {
  echo "gpu-check: $*" >&2
  exit 2
}

list() {
  local step name limit what total=0
  for step in "${STEPS[@]}"; do
    IFS='|' read -r name limit what <<<"$step"
    printf '%-15s %4d s  %s\n' "$name" "$limit" "$what"
    total=$((total + limit))
  done
  printf '%-15s %4d s\n' all "$total"
  ((total <= 480)) || die "that is more than eight minutes"
}

# A line for the table.
found() {
  echo "=> $*"
}

# speed LABEL OPTIONS: the best of three rounds over the texts, and the median of 20 queries.
speed() {
  local label=$1 said
  shift
  said=$(printf 'round\nround\nround\nquery 20\nquit\n' |
    "$bin/measure" --model "$folder/${MODEL:-model}" --texts "$folder/texts.jsonl" --limit "$N_TEXTS" "$@") || {
    echo "$said"
    found "$label: failed"
    return 1
  }
  echo "$said"
  found "$label: $(awk -v RS=, -F: '
    /"n_texts"/ { texts = $2 + 0 }
    /"n_tokens"/ { tokens = $2 + 0 }
    /"seconds"/ { if (!best || $2 + 0 < best) best = $2 + 0 }
    /"median_ms"/ { query = $2 + 0 }
    END { printf "%.0f texts/s, %.0f tokens/s, one query %.2f ms", texts / best, tokens / best, query }
  ' <<<"${said//[\{\}]/,}")"
}

# The number of tests that passed, and the names of those that did not.
tests() {
  local log status
  log=$("$@" 2>&1)
  status=$?
  echo "$log"
  found "$(grep -E '^test result' <<<"$log" | tail -1)"
  grep -E '^test .* [.]{3} FAILED' <<<"$log" | while read -r line; do found "$line"; done
  ((status < 128)) || found "ended by signal $((status - 128))"
  return "$status"
}

step_card() {
  found "$(nvidia-smi --query-gpu=name,driver_version,memory.total,power.limit,clocks.max.sm --format=csv,noheader)"
  found "$(nproc) CPU threads, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1)"
  "$bin/splade" devices
}

step_check() {
  local said
  said=$("$bin/splade" devices --check-products) || return
  echo "$said"
  grep -E '(bf16|f16): ' <<<"$said" | while read -r line; do found "$line"; done
  # Once more with compiled kernels: what it costs at load.
  TIMEFORMAT='=> again, with kernels in the cache: %R s in all'
  time "$bin/splade" devices --check-products >/dev/null
  ! grep -q 'failed' <<<"$said"
}

step_kernels_cuda() {
  tests "$bin/kernels" cuda
}

step_kernels_vulkan() {
  tests "$bin/kernels" wgpu
}

step_parity() {
  tests "$bin/parity" parity::
}

# Pseudo-random passages of 96 words.
texts() {
  awk -v n="$N_TEXTS" 'BEGIN {
    srand(1)
    words = split("river market winter engine letter garden mountain silver doctor window history language " \
      "village captain science morning shadow bridge teacher forest machine island music paper " \
      "station harvest student kitchen weather camera the of and a to in is was for on with as", word, " ")
    for (text = 0; text < n; text++) {
      line = ""
      for (i = 0; i < 96; i++) line = line (i ? " " : "") word[int(rand() * words) + 1]
      printf "{\"id\": \"%d\", \"text\": \"%s\"}\n", text, line
    }
  }'
}

# synth FOLDER SHARE: a model with random weights, of whose vectors that share is not zero.
synth() {
  rm -rf "$1"
  "$bin/xtask" synth --arch bert-base --out "$1" --share "$2" --program "$bin/splade"
}

step_model() {
  texts >"$folder/texts.jsonl"
  synth "$folder/model" 0.00655 && found "200 entries of 30,522 per vector"
}

step_products() {
  local said
  said=$("$bin/gpu_products" cuda) || return
  echo "$said"
  grep -E '^(F32|BF16)|tile|double cyclic mma  |ours' <<<"$said" | while read -r line; do found "$line"; done
}

step_speed_bf16() {
  speed "bf16, CubeCL's products" --device cuda --precision bf16 --gpu-products cubecl &&
    speed "bf16, our products" --device cuda --precision bf16 --gpu-products hopper
}

step_speed_f16() {
  speed "f16, CubeCL's products" --device cuda --precision f16 --gpu-products cubecl &&
    speed "f16, our products" --device cuda --precision f16 --gpu-products hopper
}

step_speed_f32() {
  speed "f32" --device cuda --precision f32
}

step_rows() {
  local options=(--device cuda --precision bf16 --gpu-products auto)
  speed "30 entries" "${options[@]}" --max-active-dims 30 || return
  speed "200 entries" "${options[@]}" || return
  synth "$folder/model-wide" 0.082 || return
  MODEL=model-wide speed "2,500 entries" "${options[@]}"
}

# one LABEL: the seconds of a whole run of the program for one text.
one() {
  TIMEFORMAT="=> $1: %R s"
  time "$bin/splade" encode --model "$folder/model" --device cuda --precision bf16 --gpu-products auto \
    --quiet "a text" >/dev/null
}

step_first() {
  local pid used most=0
  XDG_CACHE_HOME=$(mktemp -d)
  export XDG_CACHE_HOME
  one "the first vector in bf16, no kernel in the cache" || return
  one "with kernels in the cache" || return
  "$bin/splade" encode --model "$folder/model" --device cuda --precision bf16 --gpu-products auto --quiet \
    --input "$folder/texts.jsonl" --output "$folder/memory.npz" &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    used=$(nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits | head -1)
    ((used > most)) && most=$used
    sleep 0.1
  done
  wait "$pid" || return
  found "memory of the card while a corpus is encoded: $most MiB"
}

step_profile() {
  "$bin/splade" encode --profile --model "$folder/model" --device cuda --precision bf16 --gpu-products auto \
    --input "$folder/texts.jsonl" --output "$folder/profile.npz" 2>&1 | sed 's/^/=> /'
}

step_torch() {
  local said
  python3 -c 'import torch, sentence_transformers' || {
    found "no torch or sentence-transformers in this machine's python3"
    return 1
  }
  said=$(python3 benches/torch_gpu.py "$folder/model" "$folder/texts.jsonl") || return
  while read -r line; do found "$line"; done <<<"$said"
}

step_cpu() {
  local threads
  for threads in 1 2 4 8 16; do
    ((threads <= $(nproc))) || break
    # A few seconds for each number.
    N_TEXTS=$((24 * threads)) speed "CPU, f32, $threads threads" --device cpu --threads "$threads" || return
  done
}

# run_step NAME LIMIT WHAT: in a process of its own, with its time and its rows for the table.
run_step() {
  local name=$1 limit=$2 what=$3 start=$SECONDS status said
  echo "gpu-check: $name (at most $limit s)" >&2
  timeout --kill-after=5 "$limit" "$0" step "$folder" "$name" >"$folder/$name.log" 2>&1
  status=$?
  case $status in
    0) said=passed ;;
    124 | 137) said="**ended at its limit**" ;;
    *) said="**failed ($status)**" ;;
  esac
  {
    printf '| %s | %s | %d s | %s |\n' "$name" "$said" $((SECONDS - start)) "$what"
    sed -n 's/^=> //p' "$folder/$name.log" | sed 's/|/\\|/g; s/^/| | | | /; s/$/ |/'
  } >>"$folder/results.md"
  return "$status"
}

run() {
  local step name limit what worst=0 root
  [ -x "$bin/splade" ] || die "no programs in $bin: cargo xtask gpu-check $folder, where there is a cargo"
  # Tests look for the repository where they were built.
  root=$(cat "$folder/root.txt")
  if [ ! -e "$root" ]; then
    mkdir -p "$(dirname "$root")" || die "cannot make the folder of $root"
    ln -s "$PWD" "$root" || die "cannot make $root a link to $PWD"
  fi
  printf '| step | | time | |\n|---|---|---|---|\n' >"$folder/results.md"
  for step in "${STEPS[@]}"; do
    IFS='|' read -r name limit what <<<"$step"
    [ -n "$only" ] && [ "$only" != "$name" ] && continue
    run_step "$name" "$limit" "$what" || worst=1
  done
  cat "$folder/results.md"
  return "$worst"
}

action=${1:-} folder=${2:-} only=${3:-}
bin=$folder/bin
case $action in
  list) list ;;
  run)
    [ -n "$folder" ] || die "run: name the folder that cargo xtask gpu-check made"
    run
    ;;
  step)
    "step_${only//-/_}"
    ;;
  *) die "say list or run; the first lines of $0 say more" ;;
esac
