# Becomes the first process of a real node, in namespaces of its own, in the directory of the node: ends when it is killed,
# and everything of the node with it.
set -e
mount --make-rshared /
mkdir -p run lib log sysctl
# Fixed paths of kubelet and container runtime are this node's own.
mount --bind run /run
mount --bind lib /var/lib
mount --bind log /var/log
# kubelet writes these unless they are as it wants them, and they are the whole machine's.
pretend() {
  echo "$2" > "sysctl/${1##*/}"
  mount --bind "sysctl/${1##*/}" "/proc/sys/$1"
}
pretend vm/overcommit_memory 1
pretend vm/panic_on_oom 0
pretend kernel/panic 10
pretend kernel/panic_on_oops 1
pretend kernel/keys/root_maxkeys 1000000
pretend kernel/keys/root_maxbytes 25000000
ip link set lo up
# There before the first pod, so that the addresses of Services have a route; nothing has one to the outside.
ip link add pods type bridge
ip address add 10.1.0.1/16 dev pods
ip link set pods up
ip route add 10.0.0.0/16 dev pods
echo 1 > /proc/sys/net/ipv4/ip_forward
echo ready
# Collects the processes whose parents end before them.
while :; do sleep 3600 & wait; done
