// Checks manifests against schemas.
module tools/kubeconform

go 1.26

require github.com/yannh/kubeconform v0.8.0
