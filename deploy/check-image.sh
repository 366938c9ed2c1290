#!/bin/sh
# Runs the last stage of deploy/Dockerfile without Docker: a folder with nothing but its base
# system, its packages, the program and a model; the program must start in it, as its user, and
# answer. Needs root and debootstrap. The mirror is that of this machine's apt.
#   deploy/check-image.sh [PROGRAM] [MODEL]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
program=${1:-$here/../target/release/splade}
model=${2:-$here/../tests/fixtures/splade-tiny}
dockerfile=$here/Dockerfile

last_stage=$(awk '/^FROM /{stage=""} {stage=stage $0 "\n"} END{printf "%s", stage}' "$dockerfile")
suite=$(echo "$last_stage" | sed -n 's/^FROM debian:\(.*\)-slim$/\1/p')
packages=$(echo "$last_stage" | sed -n 's/.*apt-get install -y --no-install-recommends \(.*\) \\$/\1/p')
user=$(echo "$last_stage" | sed -n 's/^USER //p')
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' "Codename: $suite" | head -n 1)
[ -n "$suite" ] && [ -n "$packages" ] && [ -n "$user" ] || { echo "cannot read $dockerfile" >&2; exit 1; }
[ -n "$mirror" ] || { echo "apt has no mirror of $suite" >&2; exit 1; }

root=$(mktemp -d)
chmod 755 "$root"
server=
finish() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    umount "$root/proc" 2>/dev/null || true
    rm -rf --one-file-system "$root"
}
trap finish EXIT
trap 'exit 1' INT TERM

echo "$suite with $packages from apt's mirror, into $root"
debootstrap --variant=minbase --include="$(echo "$packages" | tr ' ' ',')" "$suite" "$root" "$mirror" >"$root.log" 2>&1 \
    || { tail -n 20 "$root.log" >&2; exit 1; }
rm -f "$root.log"
mkdir -p "$root/var/lib/splade/model"
cp "$program" "$root/usr/local/bin/splade"
cp -r "$model/." "$root/var/lib/splade/model/"
chown -R "$user" "$root/var/lib/splade"
mount -t proc proc "$root/proc"

missing=$(chroot "$root" ldd /usr/local/bin/splade | grep 'not found' || true)
[ -z "$missing" ] || { echo "libraries are missing: $missing" >&2; exit 1; }

port=$(( 20000 + $$ % 20000 ))
chroot --userspec="$user" "$root" /usr/bin/env -i HOME=/var/lib/splade HF_HOME=/var/lib/splade \
    SPLADE_HOSTNAME=0.0.0.0 SPLADE_API_KEY=key \
    /usr/local/bin/splade serve --model /var/lib/splade/model --port "$port" &
server=$!
for try in $(seq 1 100); do
    kill -0 "$server" 2>/dev/null || { echo "the program has ended" >&2; exit 1; }
    curl -sf "http://127.0.0.1:$port/readyz" >/dev/null && break
    sleep 0.2
done
curl -sf "http://127.0.0.1:$port/livez" >/dev/null || { echo "/livez does not answer" >&2; exit 1; }
vector=$(curl -sf "http://127.0.0.1:$port/embed_sparse" -H 'authorization: Bearer key' \
    -H 'content-type: application/json' -d '{"inputs": "sunny weather"}')
case $vector in
    '[[{"index":'*) ;;
    *) echo "no vector: $vector" >&2; exit 1 ;;
esac
kill -TERM "$server"
wait "$server" || { echo "it does not end in order" >&2; exit 1; }
server=
echo "it starts, answers and ends: $(du -sh --exclude=proc "$root" | cut -f 1) in all, $(du -h "$root/usr/local/bin/splade" | cut -f 1) of it the program"
