//! What messages about a policy say of rules, words and values.

use serde_json::Value;

use super::did_you_mean::did_you_mean;
use crate::rule::Catalogue;

/// That no rule has this name or code.
pub(super) fn no_rule(written: &str, rules: Catalogue) -> String {
    let names = rules.iter().flat_map(|rule| [rule.info().name, rule.info().code]);
    let advice = did_you_mean(written, names).unwrap_or_else(|| "`stsguard rules` lists all".to_owned());
    format!("there is no rule {written:?}; {advice}")
}

pub(super) fn list<T>(words: &[(&str, T)]) -> String {
    words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ")
}

/// What a value of the wrong kind is.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "empty".to_owned(),
        Value::Bool(switch) => format!("the boolean {switch}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the text {text:?}"),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
    }
}
