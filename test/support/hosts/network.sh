#!/usr/bin/env bash
# network.sh NAME SEED: makes the network namespace NAME with a veth pair to this machine, in a free /30 below 10.77.0.0/16,
# and prints the address inside and the address outside. Deleting the namespace deletes it all.
source "$(dirname "${BASH_SOURCE[0]}")/../../../scripts/lib.sh"

NAME=$1 SEED=$2
OUTSIDE=lsv-$SEED

lock_networks
CIDR=$(free_cidr 10.77.0.0/16 30 "$SEED") || fail "no free subnet below 10.77.0.0/16"
GATEWAY=$(nth_address "$CIDR" 1)
ADDRESS=$(nth_address "$CIDR" 2)
ip netns add "$NAME"
ip link add "$OUTSIDE" type veth peer name eth0 netns "$NAME"
ip addr add "$GATEWAY/30" dev "$OUTSIDE"
ip link set "$OUTSIDE" up
unlock_networks
ip -n "$NAME" link set lo up
ip -n "$NAME" addr add "$ADDRESS/30" dev eth0
ip -n "$NAME" link set eth0 up
ip -n "$NAME" route add default via "$GATEWAY"
echo "$ADDRESS $GATEWAY"
