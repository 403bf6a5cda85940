//! What a scalar means: the resolution of go-yaml 2, through which kubectl reads manifests.

use base64::Engine as _;
use serde_json::{Number, Value};

/// The prefix of the tags that YAML itself defines.
const CORE: &str = "tag:yaml.org,2002:";

/// Resolves a scalar with the tag written before it; `plain` says that it stands without quotes.
pub(super) fn resolve(text: &str, plain: bool, tag: Option<&str>) -> Result<Value, String> {
    let core = tag.and_then(|tag| tag.strip_prefix(CORE));
    match (tag, core) {
        (None, _) if plain => untagged(text),
        (Some(_), Some(kind @ ("null" | "bool" | "int" | "float"))) => {
            let value = untagged(text)?;
            if kind_of(&value) == kind || (kind == "float" && kind_of(&value) == "int") {
                Ok(value)
            } else {
                Err(format!("the tag !!{kind} does not fit its value"))
            }
        }
        (Some(_), Some("binary")) => decode(text),
        _ => Ok(Value::String(text.to_owned())),
    }
}

/// The text that a mapping's key becomes in JSON; `None` where JSON has no key for it.
pub(super) fn key(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Bool(switch) => Some(switch.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) | Value::Array(_) | Value::Object(_) => "str",
    }
}

fn untagged(text: &str) -> Result<Value, String> {
    let value = match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Value::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Value::Bool(false),
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf"
        | "-.INF" => return Err("JSON has no infinite numbers and no NaN".to_owned()),
        _ if text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.')) => {
            number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number)
        }
        _ => Value::String(text.to_owned()),
    };
    Ok(value)
}

fn number(text: &str) -> Option<Number> {
    let digits = text.replace('_', "");
    if let Some(whole) = whole_number(&digits) {
        return Some(whole);
    }
    if !is_float(&digits) {
        return None;
    }
    let float: f64 = digits.parse().ok()?;
    // kubectl sends 3.0 and 3e0 as 3, which the API server takes for a whole number.
    #[allow(clippy::cast_possible_truncation)]
    if float.fract() == 0.0 && float.abs() < 9e15 {
        return Some(Number::from(float as i64));
    }
    Number::from_f64(float)
}

/// Whole numbers with the prefixes of Go: `0x`, `0o`, `0b`, and a bare `0` for octal.
fn whole_number(digits: &str) -> Option<Number> {
    let (negative, unsigned) = match digits.as_bytes().first()? {
        b'-' => (true, &digits[1..]),
        b'+' => (false, &digits[1..]),
        _ => (false, digits),
    };
    let lower = unsigned.to_ascii_lowercase();
    let (radix, body) = match lower.as_bytes() {
        [b'0', b'x', _, ..] => (16, &lower[2..]),
        [b'0', b'o', _, ..] => (8, &lower[2..]),
        [b'0', b'b', _, ..] => (2, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    if !body.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = u64::from_str_radix(body, radix).ok()?;
    if negative {
        let value = i128::from(magnitude).checked_neg().and_then(|value| i64::try_from(value).ok())?;
        Some(Number::from(value))
    } else {
        Some(Number::from(magnitude))
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_fits = match mantissa.split_once('.') {
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
        None => digits(mantissa),
    };
    mantissa_fits && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent)))
}

fn decode(text: &str) -> Result<Value, String> {
    let packed: String = text.split_whitespace().collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(packed);
    let text = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.map(Value::String).ok_or_else(|| "the tag !!binary does not fit its value".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plain(text: &str) -> Value {
        resolve(text, true, None).expect("the scalar has a meaning")
    }

    #[test]
    fn reads_the_booleans_of_yaml_1_1() {
        for text in ["y", "Yes", "on", "TRUE"] {
            assert_eq!(plain(text), json!(true), "{text}");
        }
        for text in ["n", "No", "off", "False"] {
            assert_eq!(plain(text), json!(false), "{text}");
        }
        assert_eq!(plain("oN"), json!("oN"));
    }

    #[test]
    fn reads_whole_numbers_as_go_does() {
        let cases = [("0644", 420), ("0o17", 15), ("0x1F", 31), ("0b11", 3), ("1_000", 1000), ("-7", -7), ("00", 0)];
        for (text, value) in cases {
            assert_eq!(plain(text), json!(value), "{text}");
        }
        assert_eq!(plain("08"), json!(8), "no octal digit: it is read as a float");
        assert_eq!(plain("18446744073709551615"), json!(u64::MAX));
    }

    #[test]
    fn writes_a_float_without_fraction_as_a_whole_number() {
        assert_eq!(plain("3.0"), json!(3));
        assert_eq!(plain("1e3"), json!(1000));
        assert_eq!(plain("0.5"), json!(0.5));
    }

    #[test]
    fn keeps_what_only_looks_like_a_number_as_text() {
        for text in ["1:30", "2024-01-01", "1.2.3", "10Gi", "-", "+", ".", "0x", "1e", "--5", "-+5", "100m"] {
            assert_eq!(plain(text), json!(text));
        }
    }

    #[test]
    fn keeps_quoted_scalars_as_text_and_obeys_tags() {
        assert_eq!(resolve("yes", false, None), Ok(json!("yes")));
        assert_eq!(resolve("5", true, Some("tag:yaml.org,2002:str")), Ok(json!("5")));
        assert_eq!(resolve("5", false, Some("tag:yaml.org,2002:int")), Ok(json!(5)));
        assert_eq!(resolve("aGk=", false, Some("tag:yaml.org,2002:binary")), Ok(json!("hi")));
        assert!(resolve("five", true, Some("tag:yaml.org,2002:int")).is_err());
        assert!(plain("a").is_string() && untagged(".inf").is_err());
    }
}
