//! stsguard guards stateful workloads on Kubernetes: an admission webhook, a manifest checker, one engine of rules.
//!
//! In reading order, each using only what stands before it:
//! - [`mod@pointer`]: JSON pointers.
//! - [`kubernetes`]: a slim model of the objects that rules look at.
//! - [`exemption`]: what an object's annotations exempt it from.
//! - [`yaml`]: reads manifests and policies as kubectl would, with the place of every value.
//! - [`engines`]: which database server an image is, and where it keeps its data.
//! - [`facts`]: the table of kinds that rules may ask about, the questions and the answers.
//! - [`rule`]: the vocabulary of a rule, and what a policy says of one.
//! - [`rules`]: the catalogue, one file a rule.
//! - [`evaluation`]: runs the rules on one subject: ratchet, exemptions, caps, order.
//! - [`policy`]: reads policy files.
//! - [`admission`]: AdmissionReview in, verdict and patch out; pure.
//! - [`check`]: the same rules over files.
//! - [`mod@jitter`]: times that differ from one caller to the next.
//! - [`watch`]: follows objects of one kind: a list, then a watch, and both again.
//! - [`cluster`]: reads from the API server: stores, and live reads before a denial or a fix.
//! - [`certificates`]: where the serving pair comes from.
//! - [`serve`]: the webhook server.
//! - [`cli`]: the command line.

pub mod admission;
pub mod certificates;
pub mod check;
pub mod cli;
pub mod cluster;
pub mod engines;
pub mod evaluation;
pub mod exemption;
pub mod facts;
pub mod jitter;
pub mod kubernetes;
pub mod pointer;
pub mod policy;
pub mod rule;
pub mod rules;
pub mod serve;
pub mod watch;
pub mod yaml;
