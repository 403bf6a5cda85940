//! stsguard guards stateful workloads on Kubernetes.

pub mod kubernetes;
