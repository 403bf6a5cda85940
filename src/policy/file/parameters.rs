//! The parameters of single rules.

use serde_json::Value;

use super::reader::{Reader, describe};
use crate::kubernetes::Pointer;
use crate::policy::{Action, ImageVolumes, Policy};
use crate::rules::Info;

/// Which rule has which parameters.
const PARAMETERS: &[(&str, &[&str])] =
    &[("STS101", &["singleReplica"]), ("STS203", &["imageVolumes"]), ("STS301", &["defaultGraceSeconds"])];

impl Reader<'_> {
    /// Reads the parameters of one rule into the policy.
    pub(super) fn parameters(&mut self, at: &Pointer, info: &Info, value: &Value, policy: &mut Policy) {
        let known = PARAMETERS.iter().find(|(code, _)| *code == info.code).map_or(&[][..], |(_, names)| names);
        let Some(map) = self.mapping(at, value, "parameters") else { return };
        if known.is_empty() {
            self.blame_key(at, format!("{} has no parameters; remove this", info.code));
            return;
        }
        self.refuse_unknown(at, map, known, "parameter");
        for (name, value) in map {
            let at = at.clone().field(name);
            let parameters = &mut policy.parameters;
            match name.as_str() {
                "singleReplica" => {
                    let words = [("deny", Action::Deny), ("warn", Action::Warn)];
                    parameters.single_replica = self.word(&at, value, &words);
                }
                "imageVolumes" => {
                    let words = [("anonymous", ImageVolumes::Anonymous), ("ignored", ImageVolumes::Ignored)];
                    parameters.image_volumes = self.word(&at, value, &words).unwrap_or_default();
                }
                "defaultGraceSeconds" => match value
                    .as_i64()
                    .filter(|seconds| (1..=i64::from(i32::MAX)).contains(seconds))
                {
                    Some(seconds) => parameters.default_grace_seconds = seconds,
                    None => self.blame(&at, format!("{name} is {}; write whole seconds, at least 1", describe(value))),
                },
                // Unknown names are refused above.
                _ => {}
            }
        }
    }
}
