//! The policy as a JSON Schema, for editors and for the chart: it takes what the reader takes, from the same tables.

use serde_json::{Map, Value, json};

use super::reader::{ACTIONS, ENFORCEMENTS, IDENTITY, OWNED, PROFILES, RULE_FIELDS};
use super::scopes::OPERATORS;
use crate::rule::{Catalogue, Info, Values};

/// The JSON Schema (draft 7) of policies over these rules. Its references begin with this prefix, `#` where it stands alone.
///
/// Two things are beyond it: a key that is written twice, which no schema sees, and a 29 February in a common year.
pub fn schema(rules: Catalogue, root: &str) -> Value {
    let (mut names, mut codes, mut definitions) = (Map::new(), Map::new(), Map::new());
    for info in rules.iter().map(|rule| rule.info()) {
        let reference = json!({"$ref": format!("{root}/definitions/{}", info.code)});
        names.insert(info.name.to_owned(), reference.clone());
        codes.insert(any_case(info.code, None), reference);
        definitions.insert(info.code.to_owned(), entry(info));
    }
    let once: Vec<_> = rules.iter().flat_map(|rule| once(rule.info())).collect();
    let rule_names = json!({"anyOf": [
        {"enum": rules.iter().map(|rule| rule.info().name).collect::<Vec<_>>()},
        {"type": "string", "pattern": any_code(rules)}
    ]});
    let table = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": names,
        "patternProperties": codes,
        "allOf": once
    });
    definitions.insert("rules".to_owned(), table);
    let all = json!({"$ref": format!("{root}/definitions/rules")});
    // Whether somebody can be exempt is decided for the whole policy.
    let free = json!({"not": {"type": "object", "required": ["exemptable"]}});
    let [api_version, kind] = IDENTITY.map(|(_, only)| json!({"enum": [only, null]}));
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "apiVersion": api_version,
            "kind": kind,
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
            "rules": {"anyOf": [{"type": "null"}, {"type": "object"}], "if": {"type": "object"}, "then": all},
            "overrides": {"type": ["array", "null"], "items": {
                "type": "object",
                "additionalProperties": false,
                "anyOf": [{"required": ["namespaces"]}, {"required": ["namespaceSelector"]}],
                "properties": {
                    "namespaces": globs(),
                    "namespaceSelector": selector(),
                    "profile": word(PROFILES, false),
                    "enforcement": word(ENFORCEMENTS, false),
                    "fixes": {"type": "boolean"},
                    "rules": {"allOf": [all, {"additionalProperties": free}]}
                }
            }},
            "exemptions": {"type": ["array", "null"], "items": {
                "type": "object",
                "additionalProperties": false,
                "required": ["rules", "reason"],
                "anyOf": [{"required": ["namespaces"]}, {"required": ["names"]}, {"required": ["selector"]}],
                "properties": {
                    "rules": {"type": "array", "minItems": 1, "items": rule_names},
                    "namespaces": globs(),
                    "names": globs(),
                    "selector": selector(),
                    "reason": {"type": "string", "pattern": "[^ \\t\\r\\n]"},
                    "expires": {"type": "string", "pattern": DAY}
                }
            }}
        },
        "definitions": definitions
    })
}

/// A day that there is, but for leap years.
const DAY: &str =
    "^[0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|[12][0-9]))$";

/// Names with `*` for any characters.
fn globs() -> Value {
    json!({"type": "array", "minItems": 1, "items": {"type": "string", "pattern": "^[a-z0-9.*-]+$"}})
}

/// A label selector that selects less than everything.
fn selector() -> Value {
    let operators = |takes: bool| OPERATORS.iter().filter(|(_, t)| *t == takes).map(|(o, _)| *o).collect::<Vec<_>>();
    let requirement =
        |takes: bool, values: Value| json!({"properties": {"operator": {"enum": operators(takes)}, "values": values}});
    let filled = requirement(true, json!({"type": "array", "minItems": 1, "items": {"type": "string"}}));
    let empty = requirement(false, json!({"type": "array", "maxItems": 0}));
    let mut filled = filled;
    filled["required"] = json!(["values"]);
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "matchLabels": {"type": "object", "additionalProperties": {"type": "string"}},
            "matchExpressions": {"type": "array", "items": {
                "type": "object",
                "additionalProperties": false,
                "required": ["key", "operator"],
                "properties": {"key": {"type": "string", "minLength": 1}, "operator": {}, "values": {}},
                "anyOf": [filled, empty]
            }}
        },
        "anyOf": [
            {"required": ["matchLabels"], "properties": {"matchLabels": {"minProperties": 1}}},
            {"required": ["matchExpressions"], "properties": {"matchExpressions": {"minItems": 1}}}
        ]
    })
}

/// A pattern of any rule's code, in any case.
fn any_code(rules: Catalogue) -> String {
    let codes = rules.iter().map(|rule| any_case(rule.info().code, None));
    codes.collect::<Vec<_>>().join("|")
}

/// One rule's entry: an action alone, or a mapping.
fn entry(info: &Info) -> Value {
    let mut fields = Map::new();
    for field in RULE_FIELDS {
        let value = match *field {
            "action" => word(ACTIONS, false),
            "fix" if info.defaults.iter().any(|setting| setting.fix) => json!({"type": "boolean"}),
            "fix" => json!({"enum": [false]}),
            "exemptable" => json!({"type": "boolean"}),
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
