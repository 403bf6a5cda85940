//! The parameters of single rules.

use serde_json::Value;

use super::reader::Reader;
use super::words::describe;
use crate::pointer::Pointer;
use crate::rule::{Info, Policy, Values, Written};

impl Reader<'_> {
    /// Reads the parameters of one rule into the policy.
    pub(super) fn parameters(&mut self, at: &Pointer, info: &Info, value: &Value, policy: &mut Policy) {
        let Some(map) = self.mapping(at, value, "parameters") else { return };
        if info.parameters.is_empty() {
            self.blame_key(at, format!("{} has no parameters; remove this", info.code));
            return;
        }
        let known: Vec<_> = info.parameters.iter().map(|parameter| parameter.name).collect();
        self.refuse_unknown(at, map, &known, "parameter");
        for parameter in info.parameters {
            let Some(value) = map.get(parameter.name) else { continue };
            let at = at.clone().field(parameter.name);
            match parameter.values {
                Values::Words { words, .. } => {
                    let words: Vec<_> = words.iter().map(|word| (*word, Written::Word(word))).collect();
                    if let Some(written) = self.word(&at, value, &words) {
                        policy.set_parameter(parameter, written);
                    }
                }
                Values::Seconds { .. } => {
                    match whole(value).filter(|seconds| (1..=i64::from(i32::MAX)).contains(seconds)) {
                        Some(seconds) => policy.set_parameter(parameter, Written::Seconds(seconds)),
                        None => {
                            let name = parameter.name;
                            self.blame(&at, format!("{name} is {}; write whole seconds, at least 1", describe(value)));
                        }
                    }
                }
            }
        }
    }
}

/// A whole number, also one written with a point: for JSON, and for helm, 90.0 and 90 are the same.
fn whole(value: &Value) -> Option<i64> {
    let with_a_point = || value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 1e15);
    #[expect(clippy::cast_possible_truncation, reason = "it is whole, and small")]
    value.as_i64().or_else(|| with_a_point().map(|number| number as i64))
}
