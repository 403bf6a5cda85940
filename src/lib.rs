//! stsguard guards stateful workloads on Kubernetes: an admission webhook, a manifest checker, one engine of rules.
//!
//! In reading order:
//! - [`kubernetes`]: a slim model of the objects that rules look at.
//! - [`engines`]: which database server an image is, and where it keeps its data.
//! - [`yaml`]: reads manifests and policies as kubectl would, with the place of every value.
//! - [`policy`]: what is done about each rule's findings.
//! - [`rules`]: the catalogue, one file a rule.
//! - [`evaluation`]: runs the rules on one subject: ratchet, exemptions, caps, order.
//! - [`admission`]: AdmissionReview in, verdict and patch out; pure.
//! - [`cluster`]: reads from the API server: stores, and live reads before a denial.
//! - [`certificates`]: where the serving pair comes from, and its reload.
//! - [`serve`]: the webhook server.
//! - [`check`]: the same rules over files.
//! - [`cli`]: the command line.

pub mod admission;
pub mod certificates;
pub mod check;
pub mod cli;
pub mod cluster;
pub mod engines;
pub mod evaluation;
pub mod kubernetes;
pub mod policy;
pub mod rules;
pub mod serve;
pub mod yaml;
