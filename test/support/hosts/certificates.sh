#!/usr/bin/env bash
# certificates.sh DIR ADDRESS...: a certificate authority in DIR, client.pem signed by it, and <ADDRESS>.pem for each server;
# every key is beside its certificate as <name>-key.pem. What exists stays.
source "$(dirname "${BASH_SOURCE[0]}")/../../../scripts/lib.sh"

mkdir -p "$1"
cd "$1"
shift

new_key() { openssl ecparam -genkey -name prime256v1 -noout -out "$1-key.pem"; }

# sign NAME EXTENSIONS
sign() {
  [ ! -e "$1.pem" ] || return 0
  new_key "$1"
  openssl req -new -key "$1-key.pem" -subj "/CN=$1" -out "$1.csr"
  openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 30 -sha256 -out "$1.pem" \
    -extfile <(printf '%b' "$2") 2>/dev/null
  rm -f "$1.csr"
}

if [ ! -e ca.pem ]; then
  new_key ca
  openssl req -x509 -new -key ca-key.pem -sha256 -days 30 -subj '/CN=longshore test authority' -out ca.pem \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
fi
sign client 'extendedKeyUsage=clientAuth\n'
for address in "$@"; do sign "$address" "subjectAltName=IP:$address,IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n"; done
