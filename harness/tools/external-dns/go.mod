// external-dns with every source and provider, as it is released.
module tools/external-dns

go 1.26

require sigs.k8s.io/external-dns v0.20.0
