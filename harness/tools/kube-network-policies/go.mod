// Kubernetes SIG Network's own enforcement of NetworkPolicy.
module tools/kube-network-policies

go 1.26

require sigs.k8s.io/kube-network-policies v0.8.0
