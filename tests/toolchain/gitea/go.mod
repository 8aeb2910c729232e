// Gitea. What it is built from is pinned by the go.mod and go.sum within it, which hold only where it is the main module.
module shipper.dev/toolchain/gitea

go 1.26.8

require code.gitea.io/gitea v1.26.0
