//! The policy as a JSON Schema, for editors and for the chart: it takes what the reader takes, from the same tables.

use serde_json::{Map, Value, json};

use super::reader::{ACTIONS, ENFORCEMENTS, OWNED, PROFILES, RULE_FIELDS};
use crate::rule::{Catalogue, Info, Values};

/// The JSON Schema (draft 7) of policies over these rules. Its references begin with this prefix, `#` where it stands alone.
///
/// Only a key that is written twice is beyond it: no schema sees that.
pub fn schema(rules: Catalogue, root: &str) -> Value {
    let (mut names, mut codes, mut definitions) = (Map::new(), Map::new(), Map::new());
    for info in rules.iter().map(|rule| rule.info()) {
        let reference = json!({"$ref": format!("{root}/definitions/{}", info.code)});
        names.insert(info.name.to_owned(), reference.clone());
        codes.insert(any_case(info.code, None), reference);
        definitions.insert(info.code.to_owned(), entry(info));
    }
    let once: Vec<_> = rules.iter().flat_map(|rule| once(rule.info())).collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "profile": word(PROFILES, true),
            "enforcement": word(ENFORCEMENTS, true),
            "fixes": {"type": ["boolean", "null"]},
            "restoreLabels": {"type": ["array", "null"], "items": {"type": "string", "minLength": 1}},
            "ownedByControllers": word(OWNED, true),
            "mirrors": {
                "type": ["object", "null"],
                "patternProperties": {"^$": false},
                "additionalProperties": {"type": "string", "minLength": 1}
            },
            "rules": {
                "type": ["object", "null"],
                "additionalProperties": false,
                "properties": names,
                "patternProperties": codes,
                "allOf": once
            }
        },
        "definitions": definitions
    })
}

/// One rule's entry: an action alone, or a mapping.
fn entry(info: &Info) -> Value {
    let mut fields = Map::new();
    for field in RULE_FIELDS {
        let value = match *field {
            "action" => word(ACTIONS, false),
            "fix" if info.defaults.iter().any(|setting| setting.fix) => json!({"type": "boolean"}),
            "fix" => json!({"enum": [false]}),
            _ if info.parameters.is_empty() => continue,
            _ => parameters(info),
        };
        fields.insert((*field).to_owned(), value);
    }
    // Asked in this order, what is wrong is named as such, and not as one of several forms that do not fit.
    json!({
        "description": info.summary(),
        "if": {"type": "object"},
        "then": {"additionalProperties": false, "properties": fields},
        "else": word(ACTIONS, false)
    })
}

fn parameters(info: &Info) -> Value {
    let value = |values: &Values| match values {
        Values::Words { words, .. } => {
            let words: Vec<_> = words.iter().map(|word| (*word, ())).collect();
            word(&words, false)
        }
        Values::Seconds { .. } => json!({"type": "integer", "minimum": 1, "maximum": i32::MAX}),
    };
    let all: Map<_, _> =
        info.parameters.iter().map(|parameter| (parameter.name.to_owned(), value(&parameter.values))).collect();
    json!({"type": "object", "additionalProperties": false, "properties": all})
}

/// One of a few words; an unquoted `off` is false, and taken for the word where there is one.
fn word<T>(words: &[(&str, T)], or_empty: bool) -> Value {
    let mut all: Vec<_> = words.iter().map(|(word, _)| json!(word)).collect();
    if words.iter().any(|(word, _)| *word == "off") {
        all.push(json!(false));
    }
    if or_empty {
        all.push(Value::Null);
    }
    json!({"enum": all})
}

/// A pattern of a code in any case of its letters, or with one of them, by its place, as it is here.
fn any_case(code: &str, fixed: Option<(usize, char)>) -> String {
    let letter = |(at, letter): (usize, char)| match fixed {
        Some((place, fixed)) if place == at => fixed.to_string(),
        _ if letter.is_ascii_alphabetic() => {
            format!("[{}{}]", letter.to_ascii_uppercase(), letter.to_ascii_lowercase())
        }
        _ => letter.to_string(),
    };
    format!("^{}$", code.chars().enumerate().map(letter).collect::<String>())
}

/// That a rule is named once: not by name and by code, and not by its code in two cases, which differ in some letter.
fn once(info: &Info) -> Vec<Value> {
    let none = |pattern: String| {
        let mut patterns = Map::new();
        patterns.insert(pattern, Value::Bool(false));
        json!({"patternProperties": patterns})
    };
    let by_name = json!({"not": {"required": [info.name]}});
    let mut all = vec![json!({"anyOf": [by_name, none(any_case(info.code, None))]})];
    for (at, letter) in info.code.char_indices().filter(|(_, letter)| letter.is_ascii_alphabetic()) {
        let one = |letter| none(any_case(info.code, Some((at, letter))));
        all.push(json!({"anyOf": [one(letter.to_ascii_uppercase()), one(letter.to_ascii_lowercase())]}));
    }
    all
}
